/* Logarithmic buckets with linear steps between powers of two. */
#include "bench/histogram.h"

/* Values below 64 have a bucket each; above, the six bits after the leading one choose the step. */
static unsigned bucket_of(uint64_t value)
{
	unsigned exponent, bucket;

	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	exponent = 63 - (unsigned)__builtin_clzll(value);
	bucket = (exponent - 5) * HISTOGRAM_STEPS + (unsigned)(value >> (exponent - 6)) % HISTOGRAM_STEPS;
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

uint64_t histogram_bound(unsigned bucket)
{
	unsigned power = bucket / HISTOGRAM_STEPS;

	if (power == 0)
		return bucket;
	return ((uint64_t)(HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS + 1) << (power - 1)) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->counts[bucket_of(value)]++;
	histogram->total++;
	if (value > histogram->max)
		histogram->max = value;
}

uint64_t histogram_at(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)((double)histogram->total * share), seen = 0;

	if (histogram->total == 0)
		return 0;
	if (wanted >= histogram->total)
		return histogram->max;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->counts[i];
		if (seen > wanted) {
			uint64_t bound = histogram_bound(i);
			return bound < histogram->max ? bound : histogram->max;
		}
	}
	return histogram->max;
}
