/* The table of pending questions (pending.h). */
#include "forward/pending.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/siphash.h"

int pendings_init(struct pendings *pendings)
{
	memset(pendings, 0, sizeof *pendings);
	const ssize_t got = getrandom(pendings->secret, sizeof pendings->secret, 0);
	return got == (ssize_t)sizeof pendings->secret ? MIST_OK : MIST_EINTERNAL;
}

struct cache_key pending_key(const struct pending *pending)
{
	return (struct cache_key){ .question = &pending->question,
	                           .dnssec_ok = pending->dnssec_ok,
	                           .checking_disabled = pending->checking_disabled,
	                           .policy = pending->policy };
}

bool key_equal(const struct cache_key *a, const struct cache_key *b)
{
	return a->dnssec_ok == b->dnssec_ok && a->checking_disabled == b->checking_disabled &&
	       a->policy == b->policy && a->question->type == b->question->type &&
	       a->question->class == b->question->class && a->question->len == b->question->len &&
	       memcmp(a->question->name, b->question->name, a->question->len) == 0;
}

/* Name and type spread well enough; what else differs is compared. */
static size_t bucket_of(const struct pendings *pendings, const struct cache_key *key)
{
	const struct question *question = key->question;
	const uint64_t hash = siphash_table(pendings->secret, question->name, question->len);
	return (hash + question->type) % PENDING_BUCKETS;
}

struct pending *pending_find(const struct pendings *pendings, const struct cache_key *key)
{
	struct pending *pending = pendings->buckets[bucket_of(pendings, key)];
	for (; pending; pending = pending->next_hash) {
		const struct cache_key its = pending_key(pending);
		if (key_equal(&its, key))
			return pending;
	}
	return NULL;
}

/* Deadlines mostly come in order, so the walk from the end is short. */
static void link_by_deadline(struct pendings *pendings, struct pending *pending)
{
	struct pending *before = pendings->last;
	while (before && before->deadline_ms > pending->deadline_ms)
		before = before->previous;
	pending->previous = before;
	pending->next = before ? before->next : pendings->first;
	*(before ? &before->next : &pendings->first) = pending;
	*(pending->next ? &pending->next->previous : &pendings->last) = pending;
}

struct pending *pending_add(struct pendings *pendings, const struct cache_key *key,
                            uint64_t deadline_ms)
{
	struct pending *pending = calloc(1, sizeof *pending);
	if (!pending)
		return NULL;
	pending->question = *key->question;
	pending->dnssec_ok = key->dnssec_ok;
	pending->checking_disabled = key->checking_disabled;
	pending->policy = key->policy;
	pending->deadline_ms = deadline_ms;
	struct pending **bucket = &pendings->buckets[bucket_of(pendings, key)];
	pending->next_hash = *bucket;
	*bucket = pending;
	link_by_deadline(pendings, pending);
	return pending;
}

struct waiter *pending_remove(struct pendings *pendings, struct pending *pending)
{
	const struct cache_key key = pending_key(pending);
	struct pending **at = &pendings->buckets[bucket_of(pendings, &key)];
	while (*at != pending)
		at = &(*at)->next_hash;
	*at = pending->next_hash;
	*(pending->previous ? &pending->previous->next : &pendings->first) = pending->next;
	*(pending->next ? &pending->next->previous : &pendings->last) = pending->previous;
	pendings->background -= pending->background;
	struct waiter *waiters = pending->first;
	for (const struct waiter *waiter = waiters; waiter; waiter = waiter->next)
		pendings->waiting--;
	free(pending);
	return waiters;
}

void pending_join(struct pendings *pendings, struct pending *pending, struct waiter *waiter)
{
	waiter->next = NULL;
	*(pending->last ? &pending->last->next : &pending->first) = waiter;
	pending->last = waiter;
	pendings->waiting++;
}
