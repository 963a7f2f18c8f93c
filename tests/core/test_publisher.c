/*
 * The publisher: what each kind of reader may rely on, first step by step on one thread, then with
 * everybody at once. The latter is what the sanitizers look at: a view that is freed under a reader is
 * a use after free, a missing order a race.
 */
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/view.h"

#define SWAPS 100000
#define WORKERS 4
#define SLOTS 2

/* A view that can tell whether it is whole: each part holds the same mark. */
static struct view *view_new(uint64_t mark)
{
	struct view *view = calloc(1, sizeof *view);
	assert_non_null(view);
	view->rules = calloc(1, sizeof *view->rules);
	assert_non_null(view->rules);
	view->rule_count = 1;
	view->rules[0].policy = mark;
	view->timeout_ms = (uint32_t)mark;
	return view;
}

static bool view_whole(const struct view *view)
{
	return view->rule_count == 1 && view->number == view->timeout_ms &&
	       view->rules[0].policy == view->timeout_ms;
}

/* Counted from the list of retired views. */
static unsigned retired(const struct publisher *publisher)
{
	unsigned count = 0;
	for (const struct view *view = publisher->retired; view; view = view->older)
		count++;
	return count;
}

static void parked_workers_are_not_waited_for(void **state)
{
	(void)state;
	struct publisher publisher;
	assert_int_equal(publisher_init(&publisher, view_new(1)), MIST_OK);
	assert_int_equal(publisher_swap(&publisher, view_new(2)), MIST_OK);
	assert_int_equal(retired(&publisher), 0);
	const struct view *view = worker_unpark(&publisher, 3);
	assert_int_equal(view->number, 2);
	assert_ptr_equal(worker_next(&publisher, 3), view);
	worker_park(&publisher, 3);
	publisher_free(&publisher);
}

static void a_worker_in_its_batch_cannot_publish(void **state)
{
	(void)state;
	struct publisher publisher;
	struct view *next = view_new(2);
	assert_int_equal(publisher_init(&publisher, view_new(1)), MIST_OK);
	worker_unpark(&publisher, 0);
	assert_int_equal(publisher_swap(&publisher, next), MIST_EBUSY);
	worker_park(&publisher, 0);
	assert_int_equal(publisher_swap(&publisher, next), MIST_OK);
	publisher_free(&publisher);
}

static void slots_keep_what_they_hold(void **state)
{
	(void)state;
	struct publisher publisher;
	assert_int_equal(publisher_init(&publisher, view_new(1)), MIST_OK);
	int slot = slot_take(&publisher);
	assert_int_equal(slot, 0);
	const struct view *held = slot_enter(&publisher, slot);
	assert_int_equal(held->number, 1);
	assert_null(slot_enter(&publisher, slot)); /* one thread at a time */

	for (uint64_t i = 2; i < 6; i++)
		assert_int_equal(publisher_swap(&publisher, view_new(i)), MIST_OK);
	assert_int_equal(retired(&publisher), 4);
	assert_true(view_whole(held));

	slot_leave(&publisher, slot);
	assert_int_equal(publisher_swap(&publisher, view_new(6)), MIST_OK);
	assert_int_equal(retired(&publisher), 0);
	slot_give(&publisher, slot);

	for (int i = 0; i < VIEW_SLOTS_MAX; i++)
		assert_int_equal(slot_take(&publisher), i);
	assert_int_equal(slot_take(&publisher), -1);
	slot_give(&publisher, 17);
	assert_int_equal(slot_take(&publisher), 17);
	publisher_free(&publisher);
}

/* A pin on view 2 keeps 2 and all newer, but not 1: shared structure goes oldest first. */
static void pins_keep_what_is_newer_too(void **state)
{
	(void)state;
	struct publisher publisher;
	const struct view *first, *second;
	assert_int_equal(publisher_init(&publisher, view_new(1)), MIST_OK);
	int pin = pin_take(&publisher, &first);
	assert_int_equal(publisher_swap(&publisher, view_new(2)), MIST_OK);
	int other = pin_take(&publisher, &second);
	assert_int_equal(publisher_swap(&publisher, view_new(3)), MIST_OK);
	assert_int_equal(retired(&publisher), 2);

	pin_give(&publisher, pin);
	assert_int_equal(publisher_swap(&publisher, view_new(4)), MIST_OK);
	assert_int_equal(retired(&publisher), 2); /* 2 and 3 */
	assert_true(view_whole(second));
	pin_give(&publisher, other);
	assert_int_equal(publisher_swap(&publisher, view_new(5)), MIST_OK);
	assert_int_equal(retired(&publisher), 0);

	for (int i = 0; i < VIEW_PINS_MAX; i++)
		assert_int_equal(pin_take(&publisher, &first), i);
	assert_int_equal(pin_take(&publisher, &first), -1);
	publisher_free(&publisher);
}

/* Everybody at once. */
struct crowd {
	struct publisher publisher;
	_Atomic(bool) stop;
	_Atomic(unsigned) next_worker;
	_Atomic(uint64_t) broken, reads;
};

static void look(struct crowd *crowd, const struct view *view, uint64_t *newest)
{
	if (!view_whole(view) || view->number < *newest)
		atomic_fetch_add_explicit(&crowd->broken, 1, memory_order_relaxed);
	*newest = view->number;
	atomic_fetch_add_explicit(&crowd->reads, 1, memory_order_relaxed);
}

/* Works through batches; now and then blocks. */
static void *crowd_worker(void *argument)
{
	struct crowd *crowd = argument;
	unsigned worker = atomic_fetch_add(&crowd->next_worker, 1);
	uint64_t newest = 0;
	while (!atomic_load(&crowd->stop)) {
		const struct view *view = worker_unpark(&crowd->publisher, worker);
		for (unsigned batch = 0; batch < 1 + worker; batch++) {
			look(crowd, view, &newest);
			sched_yield(); /* long enough for a commit that does not wait */
			look(crowd, view, &newest);
			view = worker_next(&crowd->publisher, worker);
		}
		worker_park(&crowd->publisher, worker);
		sched_yield();
	}
	return NULL;
}

static void *crowd_slot(void *argument)
{
	struct crowd *crowd = argument;
	int slot = slot_take(&crowd->publisher);
	uint64_t newest = 0;
	while (!atomic_load(&crowd->stop)) {
		const struct view *view = slot_enter(&crowd->publisher, slot);
		look(crowd, view, &newest);
		look(crowd, view, &newest);
		slot_leave(&crowd->publisher, slot);
		sched_yield();
	}
	slot_give(&crowd->publisher, slot);
	return NULL;
}

/* Holds long: many swaps go by. */
static void *crowd_pin(void *argument)
{
	struct crowd *crowd = argument;
	uint64_t newest = 0;
	while (!atomic_load(&crowd->stop)) {
		const struct view *view;
		int pin = pin_take(&crowd->publisher, &view);
		for (unsigned i = 0; i < 50; i++) {
			look(crowd, view, &newest);
			sched_yield();
		}
		pin_give(&crowd->publisher, pin);
	}
	return NULL;
}

static void nobody_sees_a_freed_view(void **state)
{
	(void)state;
	mallopt(M_PERTURB, 0x5a); /* freed memory is overwritten, sanitizer or not */
	static struct crowd crowd;
	pthread_t threads[WORKERS + SLOTS + 1];
	unsigned started = 0;
	assert_int_equal(publisher_init(&crowd.publisher, view_new(1)), MIST_OK);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[started++], NULL, crowd_worker, &crowd), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		assert_int_equal(pthread_create(&threads[started++], NULL, crowd_slot, &crowd), 0);
	assert_int_equal(pthread_create(&threads[started++], NULL, crowd_pin, &crowd), 0);

	/* The first hundred at leisure, so that everybody has looked before the rush. */
	while (atomic_load(&crowd.reads) < 100)
		sched_yield();
	for (uint64_t i = 2; i < SWAPS + 2; i++)
		assert_int_equal(publisher_swap(&crowd.publisher, view_new(i)), MIST_OK);

	atomic_store(&crowd.stop, true);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	mallopt(M_PERTURB, 0);
	assert_int_equal(atomic_load(&crowd.broken), 0);
	assert_int_equal(publisher_swap(&crowd.publisher, view_new(SWAPS + 2)), MIST_OK);
	assert_int_equal(retired(&crowd.publisher), 0);
	publisher_free(&crowd.publisher);
}

/* A commit returns only when the worker has left the view it had. */
static void *slow_worker(void *argument)
{
	struct crowd *crowd = argument;
	const struct view *view = worker_unpark(&crowd->publisher, 0);
	atomic_store(&crowd->reads, 1);
	struct timespec batch = { .tv_nsec = 20 * 1000 * 1000 };
	nanosleep(&batch, NULL);
	if (!view_whole(view))
		atomic_store(&crowd->broken, 1);
	atomic_store(&crowd->reads, 2);
	view = worker_next(&crowd->publisher, 0);
	atomic_store(&crowd->next_worker, (unsigned)view->number);
	worker_park(&crowd->publisher, 0);
	return NULL;
}

static void a_commit_waits_for_the_batch(void **state)
{
	(void)state;
	static struct crowd crowd;
	pthread_t thread;
	assert_int_equal(publisher_init(&crowd.publisher, view_new(1)), MIST_OK);
	assert_int_equal(pthread_create(&thread, NULL, slow_worker, &crowd), 0);
	while (atomic_load(&crowd.reads) < 1)
		sched_yield();
	assert_int_equal(publisher_swap(&crowd.publisher, view_new(2)), MIST_OK);
	assert_int_equal(atomic_load(&crowd.reads), 2);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&crowd.broken), 0);
	assert_int_equal(atomic_load(&crowd.next_worker), 2);
	publisher_free(&crowd.publisher);
}

/* ---- views that share ------------------------------------------------------------------------ */

#define ZONES 5

static struct view *view_of_zones(void)
{
	struct view *view = view_new(1);
	assert_int_equal(routes_new(&view->routes), MIST_OK);
	view->zones = calloc(ZONES, sizeof *view->zones);
	for (unsigned i = 0; i < ZONES; i++) {
		uint8_t name[] = { 1, (uint8_t)('a' + i), 0 };
		assert_int_equal(zone_new(&view->zones[i], name), MIST_OK);
		zone_complete(view->zones[i], NULL); /* no SOA: it says so, and serves for this */
		assert_int_equal(routes_add_zone(view->routes, view->zones[i]), MIST_OK);
		view->zone_count++;
	}
	return view;
}

static void expect_serials(const struct view *view, const uint32_t serials[ZONES])
{
	for (unsigned i = 0; i < ZONES; i++) {
		const uint8_t name[] = { 1, 'x', 1, (uint8_t)('a' + i), 0 };
		struct name_key key;
		struct route route;
		name_key(&key, name, NAME_MAX);
		route_find(view->routes, &key, 1, &route);
		assert_int_equal(route.kind, ROUTE_LOCAL);
		assert_ptr_equal(route.zone, view->zones[i]);
		assert_int_equal(route.zone->serial, serials[i]);
		assert_non_null(zone_node(route.zone, route.zone->name));
	}
}

/* New versions of one or two zones at a time, some of them given up; slots hold what is older. */
static void views_share_what_does_not_change(void **state)
{
	(void)state;
	struct publisher publisher;
	uint32_t serials[ZONES] = { 0 }, held_serials[2][ZONES];
	const struct view *held[2] = { NULL };
	int slots[2];
	assert_int_equal(publisher_init(&publisher, view_of_zones()), MIST_OK);
	slots[0] = slot_take(&publisher);
	slots[1] = slot_take(&publisher);
	for (unsigned round = 1; round < 3000; round++) {
		struct view *current = atomic_load(&publisher.current), *next;
		struct view_change changes[2];
		const unsigned count = 1 + round % 2;
		for (unsigned i = 0; i < count; i++) {
			changes[i].zone = (round * 7 / 3 + i) % ZONES;
			assert_int_equal(zone_fork(&changes[i].version, current->zones[changes[i].zone]), MIST_OK);
			changes[i].version->serial = round;
		}
		assert_int_equal(view_next(&next, current, changes, count), MIST_OK);
		if (round % 11 == 0) {
			view_free(next);
		} else {
			for (unsigned i = 0; i < count; i++)
				serials[changes[i].zone] = round;
			assert_int_equal(publisher_swap(&publisher, next), MIST_OK);
		}
		const unsigned slot = round % 2;
		if (round % 5 == 0) {
			if (held[slot]) {
				expect_serials(held[slot], held_serials[slot]);
				slot_leave(&publisher, slots[slot]);
			}
			held[slot] = slot_enter(&publisher, slots[slot]);
			memcpy(held_serials[slot], serials, sizeof serials);
		}
		expect_serials(atomic_load(&publisher.current), serials);
		assert_true(retired(&publisher) <= 12);
	}
	for (unsigned i = 0; i < 2; i++)
		slot_leave(&publisher, slots[i]);
	publisher_free(&publisher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(views_share_what_does_not_change),
		cmocka_unit_test(parked_workers_are_not_waited_for),
		cmocka_unit_test(a_worker_in_its_batch_cannot_publish),
		cmocka_unit_test(slots_keep_what_they_hold),
		cmocka_unit_test(pins_keep_what_is_newer_too),
		cmocka_unit_test(a_commit_waits_for_the_batch),
		cmocka_unit_test(nobody_sees_a_freed_view),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
