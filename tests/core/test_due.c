/* core/due.c against a plain list: the one that is due first, whatever was put in, moved and taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chance.h"
#include "core/due.h"

#define THINGS 200
#define STEPS 100000

static uint64_t least(const struct due *things)
{
	uint64_t ms = DUE_NEVER;
	for (unsigned i = 0; i < THINGS; i++)
		ms = due_is_in(&things[i]) && things[i].at_ms < ms ? things[i].at_ms : ms;
	return ms;
}

static void test_random(void **state)
{
	struct due_heap heap = { 0 };
	struct due things[THINGS] = { 0 };
	(void)state;
	assert_null(due_first(&heap));
	for (unsigned step = 0; step < STEPS; step++) {
		struct due *thing = &things[chance(THINGS)];
		assert_true(due_reserve(&heap, heap.count + 1));
		/* Times that meet, and long stretches in which the heap fills or empties. */
		if (chance(step / 5000 % 2 ? 4 : 2)) {
			due_put(&heap, thing, chance(50));
			assert_true(due_is_in(thing));
		} else {
			due_take(&heap, thing);
			assert_false(due_is_in(thing));
		}
		assert_int_equal(due_first_ms(&heap), least(things));
		assert_int_equal(due_first(&heap) == NULL, heap.count == 0);
	}
	for (uint64_t last = 0; heap.count;) { /* in order */
		struct due *first = due_first(&heap);
		assert_in_range(first->at_ms, last, 49);
		last = first->at_ms;
		due_take(&heap, first);
	}
	assert_int_equal(least(things), DUE_NEVER);
	due_free(&heap);
}

/* Places once reserved stay: what was taken out goes in again without a question for memory. */
static void test_places(void **state)
{
	struct due_heap heap = { 0 };
	struct due things[THINGS] = { 0 };
	(void)state;
	assert_true(due_reserve(&heap, THINGS));
	struct due **entries = heap.entries;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < THINGS; i++)
			due_put(&heap, &things[i], THINGS - i);
		assert_ptr_equal(due_first(&heap), &things[THINGS - 1]);
		for (unsigned i = 0; i < THINGS; i++)
			due_take(&heap, &things[i]);
		assert_int_equal(due_first_ms(&heap), DUE_NEVER);
	}
	assert_ptr_equal(heap.entries, entries);
	due_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
