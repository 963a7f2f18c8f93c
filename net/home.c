/*
 * See home.h.
 */
#include "net/home.h"

#include <unistd.h>

/*
 * Rounds of one question that bring a worker home; at most two moves in so many. A question that comes
 * with others undoes eight: a client with nine in flight sends its worker away at once, two lone clients
 * that meet now and then do not. With a lone client that asks as fast as it is answered a worker comes and
 * goes some dozen times a second, and both stay on one CPU: the scheduler leaves them there while that
 * is busy. Held at home without a break it took twice as long (11 instead of 5.5 us; anywhere: 88 us).
 */
#define HOME_CALM 64
#define HOME_CROWD 8

/* The nth CPU of a set. */
static unsigned cpu_at(const cpu_set_t *cpus, unsigned nth)
{
	unsigned cpu = 0;

	while (!CPU_ISSET(cpu, cpus) || nth-- > 0)
		cpu++;
	return cpu;
}

void home_init(struct home *home, unsigned index, unsigned workers, bool pin, bool steered)
{
	*home = (struct home){ .moves = false };
	CPU_ZERO(&home->own);
	if (sched_getaffinity(0, sizeof home->anywhere, &home->anywhere))
		return;
	const unsigned count = (unsigned)CPU_COUNT(&home->anywhere);
	if (!pin) /* as in steer.c: the CPUs of the mask in turn */
		for (unsigned nth = index; nth < count; nth += workers)
			CPU_SET(cpu_at(&home->anywhere, nth), &home->own);
	else if (count > 0)
		CPU_SET(cpu_at(&home->anywhere, index % count), &home->own);
	if (pin)
		sched_setaffinity(0, sizeof home->own, &home->own);
	/* Steering knows our CPUs only; what others send would be answered from a CPU that is nobody's. */
	home->moves = !pin && steered && CPU_COUNT(&home->own) > 0 && (long)count >= sysconf(_SC_NPROCESSORS_ONLN);
}

/* Unless somebody else has moved the thread since: then they decide. */
static void move(struct home *home, bool at_home)
{
	cpu_set_t now;
	const cpu_set_t *was = home->at_home ? &home->own : &home->anywhere;

	home->moves = sched_getaffinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&now, was) &&
	              sched_setaffinity(0, sizeof now, at_home ? &home->own : &home->anywhere) == 0;
	home->at_home = at_home;
}

void home_round(struct home *home, unsigned questions)
{
	if (!home->moves)
		return;
	home->calm += questions == 1 ? 1 : -HOME_CROWD * (int)(questions - 1);
	if (home->calm >= HOME_CALM) {
		home->calm = HOME_CALM;
		if (!home->at_home)
			move(home, true);
	} else if (home->calm <= 0) {
		home->calm = 0;
		if (home->at_home)
			move(home, false);
	}
}
