/*
 * The view: everything that answers come from, immutable, published by one pointer; and the
 * publisher, which swaps it and frees the old one when no reader can hold it.
 *
 * Readers come in three kinds. A worker fixes the bounds of its batch, takes the view for the batch,
 * and is parked while it blocks. A look-up handle holds a slot for the time of one call. A pin is a
 * hold for long work (a transfer, a dump). All three say the same thing in the same way: the number of
 * the oldest view they may look at, 0 for none, 1 for "any" while they are about to find out.
 *
 * Memory order: publisher_swap() stores the pointer sequentially consistent and then reads every
 * holder; a holder begins with a sequentially consistent exchange of its number for 1, followed by a
 * sequentially consistent load of the pointer. So either the publisher sees the holder, or the holder
 * sees the new view. Going on from one view to the next needs no such care, since the number it
 * leaves behind protects everything newer until it is replaced.
 */
#ifndef MIST_CORE_VIEW_H
#define MIST_CORE_VIEW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/address.h"
#include "core/route.h"
#include "core/zone.h"

#define VIEW_WORKERS_MAX 16  /* more never helped: SO_REUSEPORT groups beyond CPUs only add wake-ups */
#define VIEW_SLOTS_MAX 64    /* look-up handles; a scan of them is 64 cache lines, once per publish */
#define VIEW_PINS_MAX 16     /* transfers and dumps at once */

/* Where a forwarded question may go: one list of addresses. */
struct upstream_set {
	uint64_t policy;             /* as in struct rule: same addresses, same number */
	bool from_resolv_conf;       /* follow /etc/resolv.conf */
	uint16_t count;
	struct upstream_address *addresses;
};

struct view {
	uint64_t number;             /* from 1, by publication */
	struct routes *routes;
	uint16_t zone_count, upstream_set_count;
	struct zone **zones;         /* in the order of the routes */
	struct rule *rules;          /* not older than the upstream sets: policy numbers follow resolv.conf */
	size_t rule_count;
	struct upstream_set *upstream_sets; /* [0]: the content's own */
	uint32_t timeout_ms, max_ttl_s;
	bool forwards;               /* some name can be forwarded: RA in responses */
	uint16_t *registries;        /* zones whose names are answered bare too, by index; NULL: none */
	uint16_t registry_count;
	uint16_t reverse;            /* index + 1 of the zone with the PTR records of addresses, which is in no
	                                route; 0: none */
	struct keyring *keyring;     /* keys of signed messages; a matter of dnssec/keyring.h, which has */
	void (*keyring_release)(struct keyring *keyring); /* this. NULL: none, and all of them get BADKEY */
	struct view *older;          /* of the publisher: retired, not yet freed */

	/* Who frees what; see view_next(). All zero: everything here is this view's. */
	_Atomic(unsigned) *sharers;  /* views that share rules, upstream sets and keyring */
	const struct view *base;     /* until it is published: the view whose other zones it relies on */
	bool gave_zones;             /* to its successor, but for those in `left` */
	struct zone **left, **replaced; /* `replaced`: of the base, which it will be left with */
	size_t left_count;
};

/* Frees what is its own of routes, rules, upstream sets with their addresses (all from malloc), and the view;
 * drops the references to the zones. */
void view_free(struct view *view);

/*
 * The view after `base`, the one that is published: the same, but that `count` of the zones, by index, have new
 * versions, each with a reference that becomes the view's, also when this fails. What it costs is one array of
 * zone pointers. Publishing it hands the references to the other zones over, so that no zone is touched but
 * those that changed; a view that is not published after all is freed before the base.
 */
struct view_change { size_t zone; struct zone *version; };
int view_next(struct view **next, struct view *base, const struct view_change *changes, size_t count);
/* For publisher_swap(). */
void view_take_over(struct view *view, struct view *old);

/* A reader of any kind. Padded, so that no two numbers share a cache line wherever the publisher
 * lies in memory: each worker writes its own once a view or once a sleep. */
struct holder {
	_Atomic(uint64_t) oldest;    /* number of the oldest view it may look at; 0: none */
	_Atomic(uintptr_t) thread;   /* of a worker: whose it is */
	_Atomic(bool) taken;         /* of a slot: a handle owns it */
	uint8_t apart[40];
};

struct publisher {
	_Atomic(struct view *) current;
	uint8_t apart[56];           /* read by all, once a batch: away from what others write */
	struct holder workers[VIEW_WORKERS_MAX];
	struct holder slots[VIEW_SLOTS_MAX];
	struct holder pins[VIEW_PINS_MAX];
	struct view *retired;        /* newest first; under the lock */
	pthread_mutex_t lock;        /* one publisher at a time; readers never take it */
};

/* Takes `first` and makes it number 1. MIST_OK or MIST_ENOMEM, and then `first` is still the caller's. */
int publisher_init(struct publisher *publisher, struct view *first);
void publisher_free(struct publisher *publisher); /* after the last reader */

/*
 * Publishes `view`, returns when every worker has passed a batch or is parked, and frees what nobody
 * can hold any more, oldest first. What slots and pins still hold is freed by a later call; they are
 * never waited for. MIST_EBUSY in the middle of a worker's batch on its own thread (it would wait for
 * itself): the view is still the caller's.
 */
int publisher_swap(struct publisher *publisher, struct view *view);

/* Workers, by number; each from one thread. A worker starts parked. */
void worker_park(struct publisher *publisher, unsigned worker);
const struct view *worker_unpark(struct publisher *publisher, unsigned worker);
/* Between batches without blocking: lets go of the view so far, returns the current one. */
const struct view *worker_next(struct publisher *publisher, unsigned worker);

/* Look-up handles. -1: none free. */
int slot_take(struct publisher *publisher);
void slot_give(struct publisher *publisher, int slot);
const struct view *slot_enter(struct publisher *publisher, int slot); /* NULL: busy in another thread */
void slot_leave(struct publisher *publisher, int slot);

/* Pins. -1: none free. Any thread may give what another took. */
int pin_take(struct publisher *publisher, const struct view **view);
void pin_give(struct publisher *publisher, int pin);

#endif
