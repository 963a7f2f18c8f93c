/*
 * Publishing views: quiescent-state based reclamation with numbers (view.h says who holds what, and
 * why the orders below suffice).
 *
 * The whole life of a view after its building is publisher_swap(): publish, wait, free.
 */
#include "core/view.h"

#include <assert.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define NOBODY UINT64_MAX

/*
 * Waiting for a worker to end its batch, which takes microseconds unless the scheduler has put it
 * aside: look a hundred times, let others run a hundred times, then sleep, longer each time up to a
 * millisecond (nobody notices a commit that late).
 */
#define WAIT_LOOKS 100
#define WAIT_YIELDS 200
#define WAIT_SLEEP_NS 50000
#define WAIT_SLEEP_MAX_NS 1000000

int publisher_init(struct publisher *publisher, struct view *first)
{
	memset(publisher, 0, sizeof *publisher);
	if (pthread_mutex_init(&publisher->lock, NULL) != 0)
		return MIST_ENOMEM;
	first->number = 1;
	first->older = NULL;
	atomic_store(&publisher->current, first);
	return MIST_OK;
}

/* Frees a list that begins with the newest, oldest first: a newer view shares structure with an older. */
static void free_all(struct view *newest)
{
	struct view *oldest = NULL;
	while (newest) {
		struct view *older = newest->older;
		newest->older = oldest;
		oldest = newest;
		newest = older;
	}
	while (oldest) {
		struct view *newer = oldest->older;
		view_free(oldest);
		oldest = newer;
	}
}

void publisher_free(struct publisher *publisher)
{
	struct view *current = atomic_load(&publisher->current);
	current->older = publisher->retired;
	free_all(current);
	pthread_mutex_destroy(&publisher->lock);
}

/* Begins to hold: "any view", then the current one. NULL when the holder holds already. */
static const struct view *holder_enter(struct publisher *publisher, struct holder *holder)
{
	uint64_t none = 0;
	if (!atomic_compare_exchange_strong(&holder->oldest, &none, 1))
		return NULL;
	const struct view *view = atomic_load(&publisher->current);
	atomic_store_explicit(&holder->oldest, view->number, memory_order_release);
	return view;
}

static void holder_leave(struct holder *holder)
{
	atomic_store_explicit(&holder->oldest, 0, memory_order_release);
}

const struct view *worker_unpark(struct publisher *publisher, unsigned worker)
{
	struct holder *holder = &publisher->workers[worker];
	atomic_store_explicit(&holder->thread, (uintptr_t)pthread_self(), memory_order_relaxed);
	const struct view *view = holder_enter(publisher, holder);
	assert(view && "unparked twice");
	return view;
}

void worker_park(struct publisher *publisher, unsigned worker)
{
	holder_leave(&publisher->workers[worker]);
}

const struct view *worker_next(struct publisher *publisher, unsigned worker)
{
	struct holder *holder = &publisher->workers[worker];
	const struct view *view = atomic_load_explicit(&publisher->current, memory_order_acquire);
	if (view->number != atomic_load_explicit(&holder->oldest, memory_order_relaxed))
		atomic_store_explicit(&holder->oldest, view->number, memory_order_release);
	return view;
}

int slot_take(struct publisher *publisher)
{
	for (int i = 0; i < VIEW_SLOTS_MAX; i++) {
		if (!atomic_exchange(&publisher->slots[i].taken, true))
			return i;
	}
	return -1;
}

void slot_give(struct publisher *publisher, int slot)
{
	atomic_store(&publisher->slots[slot].taken, false);
}

const struct view *slot_enter(struct publisher *publisher, int slot)
{
	return holder_enter(publisher, &publisher->slots[slot]);
}

void slot_leave(struct publisher *publisher, int slot)
{
	holder_leave(&publisher->slots[slot]);
}

int pin_take(struct publisher *publisher, const struct view **view)
{
	for (int i = 0; i < VIEW_PINS_MAX; i++) {
		const struct view *held = holder_enter(publisher, &publisher->pins[i]);
		if (held) {
			*view = held;
			return i;
		}
	}
	return -1;
}

void pin_give(struct publisher *publisher, int pin)
{
	holder_leave(&publisher->pins[pin]);
}

/* Whether the calling thread is a worker in the middle of a batch. */
static bool in_batch(struct publisher *publisher)
{
	uintptr_t self = (uintptr_t)pthread_self();
	for (unsigned i = 0; i < VIEW_WORKERS_MAX; i++) {
		struct holder *worker = &publisher->workers[i];
		if (atomic_load(&worker->oldest) != 0 &&
		    atomic_load_explicit(&worker->thread, memory_order_relaxed) == self)
			return true;
	}
	return false;
}

/* Until a worker is parked or has come to view `number`. */
static void worker_wait(const struct holder *worker, uint64_t number)
{
	struct timespec sleep = { .tv_nsec = WAIT_SLEEP_NS };
	for (unsigned round = 0;; round++) {
		uint64_t oldest = atomic_load(&worker->oldest);
		if (oldest == 0 || oldest >= number)
			return;
		if (round < WAIT_LOOKS)
			continue;
		if (round < WAIT_YIELDS) {
			sched_yield();
			continue;
		}
		nanosleep(&sleep, NULL);
		if (sleep.tv_nsec < WAIT_SLEEP_MAX_NS)
			sleep.tv_nsec *= 2;
	}
}

static uint64_t oldest_of(const struct holder *holders, unsigned count, uint64_t oldest)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t held = atomic_load(&holders[i].oldest);
		if (held != 0 && held < oldest)
			oldest = held;
	}
	return oldest;
}

/* Frees the retired views that nobody can hold any more. */
static void reclaim(struct publisher *publisher)
{
	uint64_t held = oldest_of(publisher->workers, VIEW_WORKERS_MAX, NOBODY);
	held = oldest_of(publisher->slots, VIEW_SLOTS_MAX, held);
	held = oldest_of(publisher->pins, VIEW_PINS_MAX, held);

	struct view **link = &publisher->retired;
	while (*link && (*link)->number >= held)
		link = &(*link)->older;
	struct view *unheld = *link;
	*link = NULL;
	free_all(unheld);
}

int publisher_swap(struct publisher *publisher, struct view *view)
{
	if (in_batch(publisher))
		return MIST_EBUSY;
	pthread_mutex_lock(&publisher->lock);

	struct view *old = atomic_load(&publisher->current);
	view->number = old->number + 1;
	view->older = NULL;
	view_take_over(view, old);
	atomic_store(&publisher->current, view);

	old->older = publisher->retired;
	publisher->retired = old;
	for (unsigned i = 0; i < VIEW_WORKERS_MAX; i++)
		worker_wait(&publisher->workers[i], view->number);
	reclaim(publisher);

	pthread_mutex_unlock(&publisher->lock);
	return MIST_OK;
}
