/* Latencies in buckets that grow with the value: 64 to every power of two, so a percentile is at most
   1.6 % off however long the tail is, and recording costs a few instructions and no memory. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

/* 36 powers of two above 64 ns: up to 73 minutes. */
#define HISTOGRAM_STEPS 64
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 37)

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t total;
	uint64_t max;
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The value below which `share` (0 to 1) of all lie; the upper bound of its bucket. 0 when empty. */
uint64_t histogram_at(const struct histogram *histogram, double share);

/* The upper bound of a bucket. */
uint64_t histogram_bound(unsigned bucket);

#endif
