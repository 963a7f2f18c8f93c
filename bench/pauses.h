/* When a CPU stood still. A virtual machine is stopped now and then for milliseconds, and so is a CPU by its
   firmware; no server can help that, and the percentiles of a short run are made of it. It is seen without looking
   at any server: on every CPU a thread that goes before all others sleeps for a millisecond at a time, and what it
   wakes late is a pause. */
#ifndef BENCH_PAUSES_H
#define BENCH_PAUSES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PAUSES_CPUS_MAX 64

struct pauses {
	unsigned count;          /* CPUs that are looked at */
	bool seen;               /* false: we may not go before others (SCHED_FIFO), and cannot tell */
	atomic_bool end;
	struct pauses_cpu {
		struct pauses *pauses;
		int cpu;
		pthread_t thread;
		bool first;          /* whether it goes before others */
		uint64_t total;      /* nanoseconds */
	} cpus[PAUSES_CPUS_MAX];
};

/* On all CPUs of the machine, whatever the caller's mask is. -1 with errno. */
int pauses_begin(struct pauses *pauses);
void pauses_end(struct pauses *pauses);

/* Nanoseconds of all CPUs together. */
uint64_t pauses_total(const struct pauses *pauses);

#endif
