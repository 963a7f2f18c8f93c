/* Where workers run. */
#include "net/home.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

static cpu_set_t started;

static cpu_set_t now(void)
{
	cpu_set_t cpus;

	assert_int_equal(sched_getaffinity(0, sizeof cpus, &cpus), 0);
	return cpus;
}

static void assert_on(const cpu_set_t *cpus)
{
	cpu_set_t here = now();

	assert_true(CPU_EQUAL(&here, cpus));
}

static int setup(void **state)
{
	(void)state;
	started = now();
	if (CPU_COUNT(&started) < 2 || CPU_COUNT(&started) < sysconf(_SC_NPROCESSORS_ONLN))
		skip();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return sched_setaffinity(0, sizeof started, &started);
}

static void rounds(struct home *home, unsigned count, unsigned questions)
{
	while (count--)
		home_round(home, questions);
}

/* Questions one by one bring it home, a crowd sends it away. */
static void comes_and_goes(void **state)
{
	struct home home;

	(void)state;
	home_init(&home, 1, 2, false, true);
	assert_true(CPU_COUNT(&home.own) > 0 && CPU_COUNT(&home.own) < CPU_COUNT(&started));
	assert_on(&started);
	rounds(&home, 63, 1);
	assert_on(&started);
	rounds(&home, 1, 1);
	assert_on(&home.own);
	rounds(&home, 7, 2);
	assert_on(&home.own);
	rounds(&home, 1, 2);
	assert_on(&started);
	rounds(&home, 64, 1);
	assert_on(&home.own);
	rounds(&home, 1, 9);
	assert_on(&started);
	rounds(&home, 1000, 64);
	rounds(&home, 64, 1);
	assert_on(&home.own);
}

/* The homes of all workers are apart, and together they are all CPUs. */
static void shares(void **state)
{
	const unsigned workers = 2;
	cpu_set_t all;

	(void)state;
	CPU_ZERO(&all);
	for (unsigned i = 0; i < workers; i++) {
		struct home home;
		cpu_set_t both;
		home_init(&home, i, workers, false, true);
		CPU_AND(&both, &all, &home.own);
		assert_int_equal(CPU_COUNT(&both), 0);
		CPU_OR(&all, &all, &home.own);
	}
	assert_true(CPU_EQUAL(&all, &started));
}

static void stays(void **state)
{
	struct home home;

	(void)state;
	home_init(&home, 0, 2, false, false); /* not steered by CPU */
	rounds(&home, 100, 1);
	assert_on(&started);
	home_init(&home, (unsigned)CPU_COUNT(&started), (unsigned)CPU_COUNT(&started) + 1, false, true);
	rounds(&home, 100, 1); /* no CPU is left for it */
	assert_on(&started);
	home_init(&home, 0, 2, true, true);
	assert_int_equal(CPU_COUNT(&home.own), 1);
	assert_on(&home.own);
	rounds(&home, 100, 64);
	assert_on(&home.own);
}

/* Who moved the thread from outside has the last word. */
static void gives_way(void **state)
{
	struct home home;

	(void)state;
	home_init(&home, 0, 2, false, true);
	rounds(&home, 64, 1);
	assert_on(&home.own);
	assert_int_equal(sched_setaffinity(0, sizeof started, &started), 0);
	rounds(&home, 100, 64);
	rounds(&home, 100, 1);
	assert_on(&started);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(shares, setup, teardown),
		cmocka_unit_test_setup_teardown(stays, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_way, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
