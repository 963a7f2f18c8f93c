/*
 * The table of registered names against a plain list of who has what: random puts and takes, leases in the
 * order they end, and nothing left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "chance.h"
#include "content/registrations.h"
#include "core/name.h"
#include "mistcore.h"

#define NAMES 40
#define OWNERS 100 /* more than there are buckets at first */
#define STEPS 40000

static struct registrations table;
static struct registration *model[NAMES][OWNERS];

static void name_number(uint8_t name[NAME_MAX], unsigned number)
{
	char text[32];
	snprintf(text, sizeof(text), "n%u.test", number);
	assert_int_not_equal(name_from_text(name, text), 0);
}

static struct registration *look_up(unsigned n, unsigned o)
{
	uint8_t name[NAME_MAX];
	char owner[16];
	name_number(name, n);
	snprintf(owner, sizeof(owner), "owner%u", o);
	const struct registered *registered = registrations_name(&table, name);
	const struct owner *found = registrations_owner(&table, owner);
	return registered && found ? registrations_find(registered, found) : NULL;
}

static void put(unsigned n, unsigned o, uint64_t ends_ms)
{
	uint8_t name[NAME_MAX];
	char owner[16];
	name_number(name, n);
	snprintf(owner, sizeof(owner), "owner%u", o);
	struct registration *made = registration_new(1, 0, ends_ms);
	assert_non_null(made);
	assert_int_equal(registrations_admit(&table, made, name, owner), MIST_OK);
	if (chance(5) == 0) { /* given up before it was in */
		registration_free(&table, made);
		return;
	}
	registrations_put(&table, made);
	model[n][o] = made;
}

static void take(unsigned n, unsigned o)
{
	registrations_take(&table, model[n][o]);
	assert_null(look_up(n, o));
	if (chance(3) == 0) { /* the edit failed: it comes back */
		registrations_put(&table, model[n][o]);
		return;
	}
	registration_free(&table, model[n][o]);
	model[n][o] = NULL;
}

static uint64_t first_end(void)
{
	uint64_t first = DUE_NEVER;
	for (unsigned n = 0; n < NAMES; n++)
		for (unsigned o = 0; o < OWNERS; o++)
			if (model[n][o] && model[n][o]->lease.at_ms < first)
				first = model[n][o]->lease.at_ms;
	return first;
}

static void test_random(void **state)
{
	(void)state;
	assert_int_equal(registrations_init(&table), MIST_OK);
	for (unsigned step = 0; step < STEPS; step++) {
		const unsigned n = chance(NAMES), o = chance(OWNERS);
		if (model[n][o])
			take(n, o);
		else
			put(n, o, chance(2) ? 1000 + chance(1000) : DUE_NEVER);
		assert_ptr_equal(look_up(n, o), model[n][o]);
		if (step % 100)
			continue;
		const uint64_t first = first_end();
		const struct registration *ended = registrations_ended(&table, first);
		assert_null(registrations_ended(&table, first - 1));
		assert_int_equal(ended ? ended->lease.at_ms : DUE_NEVER, first);
	}
	for (unsigned n = 0; n < NAMES; n++) {
		for (unsigned o = 0; o < OWNERS; o++) {
			assert_ptr_equal(look_up(n, o), model[n][o]);
			while (n % 2 && model[n][o])
				take(n, o);
		}
		uint8_t name[NAME_MAX];
		name_number(name, n);
		if (n % 2) /* the last one takes the name along */
			assert_null(registrations_name(&table, name));
	}
	registrations_free(&table); /* what is still in it too */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
