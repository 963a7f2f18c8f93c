/* See pauses.h. */
#include "bench/pauses.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PERIOD 1000000       /* a thousand looks a second, each some microseconds long */
#define LATE 250000          /* a sleeping CPU of a virtual machine takes 20 to 100 us to wake, rarely 200 */
#define SECOND UINT64_C(1000000000)

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void *look(void *argument)
{
	struct pauses_cpu *own = argument;
	uint64_t due = now_ns(), now;
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET((unsigned)own->cpu, &here);
	own->first = sched_setaffinity(0, sizeof here, &here) == 0 &&
	             sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 }) == 0;
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	while (own->first && !atomic_load_explicit(&own->pauses->end, memory_order_relaxed)) {
		due += PERIOD;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
		                &(struct timespec){ (time_t)(due / SECOND), (long)(due % SECOND) }, NULL);
		now = now_ns();
		if (now > due + LATE) {
			own->total += now - due;
			due = now;
		}
	}
	return NULL;
}

int pauses_begin(struct pauses *pauses)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	atomic_init(&pauses->end, false);
	for (int cpu = 0; cpu < cpus && cpu < PAUSES_CPUS_MAX; cpu++) {
		struct pauses_cpu *each = &pauses->cpus[pauses->count];
		*each = (struct pauses_cpu){ .pauses = pauses, .cpu = cpu };
		if ((errno = pthread_create(&each->thread, NULL, look, each)) != 0) {
			pauses_end(pauses);
			return -1;
		}
		pauses->count++;
	}
	return 0;
}

void pauses_end(struct pauses *pauses)
{
	pauses->seen = pauses->count > 0;
	atomic_store(&pauses->end, true);
	for (unsigned i = 0; i < pauses->count; i++) {
		pthread_join(pauses->cpus[i].thread, NULL);
		pauses->seen = pauses->seen && pauses->cpus[i].first;
	}
}

uint64_t pauses_total(const struct pauses *pauses)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < pauses->count; i++)
		total += pauses->cpus[i].total;
	return total;
}
