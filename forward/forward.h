/*
 * Forwarding: what happens between QUERY_FORWARD and query_resume().
 *
 *   cache -> hit: append
 *         -> miss: pending question of this worker (one upstream query for all who ask the same)
 *                  -> upstream (c-ares) -> check -> cache -> everybody who waits is answered
 *
 * One struct forward per worker, used by that worker's thread only. The cache is shared by all. A
 * waiting client is kept as values: its request octets and where it is; never a pointer into a
 * view or a buffer. When the answer is there its request is processed again from the start, with
 * the answer in hand, so hits and misses take one path.
 */
#ifndef MIST_FORWARD_FORWARD_H
#define MIST_FORWARD_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/query.h"

struct cache;    /* forward/cache.h */
struct forward;

/* Where a waiting client is: opaque values of net/, handed back as they came. */
struct client { uint8_t octets[64]; };

/* A request longer than this is not kept waiting: a question with padding to 128-octet blocks
 * (RFC 8467) and a cookie stays far below. It gets SERVFAIL with an EDE. */
#define FORWARD_REQUEST_MAX 1024
#define FORWARD_WAITING_MAX 4096 /* clients per worker; further ones get SERVFAIL */

#define FORWARD_OWN_MAX 32

/* What forward needs of the worker's event loop. */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct loop {
	void *context;
	/* Calls ready(argument, fd, WATCH_* bits) whenever `fd` is ready (level-triggered), until
	 * called again with other bits; 0 ends it and takes effect before it returns, so that the
	 * descriptor may be closed at once. MIST_OK or an error. */
	int (*watch)(void *context, int fd, unsigned bits,
	             void (*ready)(void *argument, int fd, unsigned bits), void *argument);
};

struct forward_options {
	struct loop loop;
	struct cache *cache;
	const struct identity *identity;
	/* Where this server listens; octets of zeros: at every address. Upstreams that are ourselves
	 * are recognised and skipped. Copied, the first FORWARD_OWN_MAX. */
	const struct upstream_address *own;
	size_t own_count;
	/* Answers a client that waited. `response` lives for the call. */
	void (*reply)(void *context, const struct client *client, enum transport transport,
	              const uint8_t *response, size_t len);
	/* A client of an ended wait that gets no reply (QUERY_DROP). */
	void (*forget)(void *context, const struct client *client, enum transport transport);
	void *context;
	/* The view of the running batch. */
	const struct view *(*view)(void *context);
	uint32_t (*now_s)(void *context);   /* wall clock */
	uint64_t (*now_ms)(void *context);  /* monotonic */
	struct forward_counters *counters;
};

/* One writer, read by others: relaxed atomics. */
struct forward_counters {
	_Atomic(uint64_t) cache_hits, cache_misses, cache_inserts, cache_evictions, cache_prefetches,
		upstream_queries, upstream_answers, upstream_timeouts, upstream_rejected, coalesced,
		filtered;
};

int forward_new(struct forward **forward, const struct forward_options *options);
/* Ends all waits with SERVFAIL, closes channels. */
void forward_free(struct forward *forward);

enum forwarded {
	FORWARD_DONE,    /* answered from the cache, or failed at once: call query_resume(.., false) */
	FORWARD_MORE,    /* an upstream's CNAME leads to query->target: query_resume(.., true) */
	FORWARD_WAIT,    /* kept; reply() will be called later. The query and its buffers are free */
};
/* Answers query->target by its route. `client` says where the reply goes if it has to wait; NULL
 * (in-process look-ups): a miss returns FORWARD_WAIT and nothing is kept. */
enum forwarded forward_query(struct forward *forward, struct query *query,
                             const struct client *client);

/* The same from the cache alone, for look-up handles; no struct forward needed, any thread. */
enum forwarded forward_from_cache(struct cache *cache, struct query *query,
                                  const struct view *view);

/* Time passed: call when forward_next_ms() has come, and once per loop round
 * when anything waits. */
void forward_tick(struct forward *forward);
/* Milliseconds until forward_tick() is wanted; UINT32_MAX: nothing waits. */
uint32_t forward_next_ms(const struct forward *forward);

/* Clients waiting now (for a graceful stop). */
size_t forward_waiting(const struct forward *forward);

#endif
