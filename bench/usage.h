/* Time and memory that a program of the bench has used. */
#ifndef MIST_BENCH_USAGE_H
#define MIST_BENCH_USAGE_H

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Seconds of CLOCK_MONOTONIC, or of another clock. */
static inline double usage_clock_s(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
static inline double usage_now_s(void)
{
	return usage_clock_s(CLOCK_MONOTONIC);
}

/* What the process has of the machine's memory. */
static inline long usage_resident_kib(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%*d %ld", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

#endif
