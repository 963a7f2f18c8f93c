/*
 * The open loop: what is due may leave, and nothing may that is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/load.h"

/* Rates whose questions are due between two nanoseconds, or at one, from the first second to the last of an hour. */
static void what_is_due_has_room(void **state)
{
	static const uint64_t rates[] = { 1, 3, 7, 1000, 3333, 44100, 99991, 1000000, 3000000, 99999999 };
	const struct client client = { .free_count = 64 };

	(void)state;
	for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		struct load load = { .options = { .rate = rates[i], .count = UINT64_MAX }, .start = 12345678901234567u,
		                     .end = UINT64_MAX };
		for (load.sent = 1; load.sent < 3600 * rates[i]; load.sent += 1 + load.sent / 1000) {
			uint64_t due = client_due(&load, 0);
			assert_int_equal(client_room(&load, &client, due - 1), 0);
			assert_in_range(client_room(&load, &client, due), 1, 64);
			assert_in_range(client_room(&load, &client, due + SECOND), rates[i] < 64 ? rates[i] : 64, 64);
		}
	}
}

/* With a tick everything leaves at its end, however late that is noticed, and nothing that is due behind it. */
static void a_tick_holds_back(void **state)
{
	const struct client client = { .free_count = 64 };
	struct load load = { .options = { .rate = 10000, .count = UINT64_MAX, .tick = SECOND / 1000 }, .start = SECOND,
	                     .end = UINT64_MAX };

	(void)state;
	for (load.sent = 1; load.sent < 100000; load.sent += 10) {
		uint64_t tick = SECOND + (load.sent / 10 + 1) * load.options.tick;
		assert_int_equal(client_due(&load, 0), tick);
		assert_int_equal(client_room(&load, &client, tick - 1), 0);
		assert_int_equal(client_room(&load, &client, tick), 10);
		assert_int_equal(client_room(&load, &client, tick + load.options.tick - 1), 10);
		assert_int_equal(client_room(&load, &client, tick + load.options.tick), 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_due_has_room), cmocka_unit_test(a_tick_holds_back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
