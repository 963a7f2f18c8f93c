/*
 * Where a worker runs.
 *
 * A lone client is answered soonest from its own CPU: waking another CPU that sleeps takes several times as
 * long as the answer. A busy client and its worker are best apart. So with CPU steering, a worker that
 * waits after each single question comes home, to the CPUs that steering sends to it; and one that finds
 * more than one between two waits runs wherever the scheduler likes, within the affinity mask it was
 * started with.
 */
#ifndef MIST_NET_HOME_H
#define MIST_NET_HOME_H

#include <sched.h>
#include <stdbool.h>

struct home {
	cpu_set_t anywhere;  /* as the thread was started */
	cpu_set_t own;
	bool moves;          /* else it stays where it is */
	bool at_home;
	int calm;            /* 0 to HOME_CALM: how sure it is that questions come one by one */
};

/* For the calling thread, `index` of so many workers. `pin`: one CPU, for good. `steered`: by CPU. */
void home_init(struct home *home, unsigned index, unsigned workers, bool pin, bool steered);

/* Before a wait; how many questions there were since the last one, at least one. Those of connections count
 * double. */
void home_round(struct home *home, unsigned questions);

#endif
