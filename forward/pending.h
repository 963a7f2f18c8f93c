/*
 * Pending questions of one worker, and who waits for them: values only, nothing that points into a
 * view or a buffer. Identical questions share one entry, and so one upstream
 * query.
 */
#ifndef MIST_FORWARD_PENDING_H
#define MIST_FORWARD_PENDING_H

#include "forward/cache.h"
#include "forward/upstream.h"

/* A client that waits. */
struct waiter {
	struct waiter *next;
	struct client client;
	enum transport transport;
	uint8_t client_len, address[16];
	uint8_t rounds;              /* questions it has waited for */
	uint64_t deadline_ms;
	uint16_t len;
	uint8_t octets[];            /* its request */
};

struct pending {
	struct exchange exchange;    /* first: upstream.c hands it back */
	struct pending *next_hash;
	struct pending *next, *previous; /* by deadline */
	struct question question;
	bool dnssec_ok, checking_disabled;
	uint64_t policy;
	bool private_addresses;
	uint32_t max_ttl_s;
	uint64_t deadline_ms;
	bool background;             /* refreshes the cache; nobody waits, but may join */
	struct waiter *first, *last;
};

#define PENDING_BUCKETS 1024 /* for at most FORWARD_WAITING_MAX entries: four each at worst */

struct pendings {
	uint8_t secret[16];
	struct pending *buckets[PENDING_BUCKETS];
	struct pending *first, *last; /* by deadline */
	size_t waiting, background;
};

int pendings_init(struct pendings *pendings);

struct pending *pending_find(const struct pendings *pendings, const struct cache_key *key);
/* NULL: out of memory. The caller asks, or removes it again. */
struct pending *pending_add(struct pendings *pendings, const struct cache_key *key,
                            uint64_t deadline_ms);
/* Takes it out of the table and frees it; returns who waited, first come first. */
struct waiter *pending_remove(struct pendings *pendings, struct pending *pending);

struct cache_key pending_key(const struct pending *pending);
bool key_equal(const struct cache_key *a, const struct cache_key *b);

void pending_join(struct pendings *pendings, struct pending *pending, struct waiter *waiter);

#endif
