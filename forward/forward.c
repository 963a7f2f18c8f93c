/* The story of a forwarded question (forward.h); forward_query() and answered() are
 * its two halves. */
#include "forward/forward.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/view.h"
#include "forward/append.h"
#include "forward/check.h"
#include "forward/pending.h"

#define ROUNDS_MAX 4        /* times one client waits: its chain went out, home, and out again */
#define BACKGROUND_MAX 64   /* refreshes at once: no more than the popular names of a moment */
#define FAILURE_TTL_S 1     /* RFC 9520 section 3.2: at least that */
#define PREFETCH_HITS CACHE_HITS_MAX
#define PREFETCH_PART 10    /* refreshed in the last tenth of the TTL, as unbound does */
#define TICK_MS 10

struct forward {
	struct forward_options options;
	struct upstream *upstream;
	struct pendings pendings;
	struct check check;                /* working memory */
	uint8_t response[MESSAGE_MAX];     /* of a client that waited */
};

static void count(_Atomic(uint64_t) *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
}

static uint64_t now_ms(const struct forward *forward)
{
	return forward->options.now_ms(forward->options.context);
}

/* ---- the cache ---- */

static void keep(struct forward *forward, const struct cache_key *key, uint32_t now_s,
                 const struct cache_answer *answer)
{
	unsigned evicted;
	if (!cache_put(forward->options.cache, key, now_s, answer, &evicted))
		return;
	if (!answer->failure)
		count(&forward->options.counters->cache_inserts);
	for (; evicted > 0; evicted--)
		count(&forward->options.counters->cache_evictions);
}

enum forwarded forward_from_cache(struct cache *cache, struct query *query, const struct view *view)
{
	struct question question;
	struct cache_answer answer;
	uint8_t message[CACHE_MESSAGE_MAX];
	const struct cache_key key = append_key(query, view, &question);
	if (!cache_get(cache, &key, query->now_s, message, &answer))
		return FORWARD_WAIT;
	return append_answer(query, view, &answer, true);
}

/* ---- asking ---- */

/* Why there is no answer, for the client's eyes. */
static int ede_of(enum outcome outcome, const char **text)
{
	static const struct { int ede; const char *text; } reasons[] = {
		[OUTCOME_ANSWER] = { EDE_INVALID_DATA, "the upstream's answer makes no sense" },
		[OUTCOME_FAILED] = { EDE_NO_REACHABLE_AUTHORITY, "the upstream failed or refused" },
		[OUTCOME_TIMEOUT] = { EDE_NO_REACHABLE_AUTHORITY, "no upstream answered in time" },
		[OUTCOME_NETWORK] = { EDE_NETWORK_ERROR, "no upstream can be reached" },
		[OUTCOME_SELF] = { EDE_OTHER, "the upstream is this server itself" },
		[OUTCOME_BUSY] = { EDE_OTHER, "too many questions are waiting for upstreams" },
	};
	*text = reasons[outcome].text;
	return reasons[outcome].ede;
}

static struct cache_answer failure_of(enum outcome outcome)
{
	const char *text;
	return (struct cache_answer){ .failure = true, .rcode = RCODE_SERVFAIL, .ttl = FAILURE_TTL_S,
	                              .ede = (int16_t)ede_of(outcome, &text) };
}

/* Starts a question. NULL: it failed at once, *outcome says how. */
static struct pending *start(struct forward *forward, const struct cache_key *key,
                             const struct query *query, const struct view *view,
                             uint64_t deadline_ms, enum outcome *outcome)
{
	const uint64_t now = now_ms(forward);
	const uint64_t left = deadline_ms > now ? deadline_ms - now : 0;
	struct pending *pending = pending_add(&forward->pendings, key, deadline_ms);
	*outcome = OUTCOME_BUSY;
	if (!pending)
		return NULL;
	pending->private_addresses = query->lead.route.rule && query->lead.route.rule->private_addresses;
	pending->max_ttl_s = view->max_ttl_s;
	const uint32_t timeout_ms = left < view->timeout_ms ? (uint32_t)left : view->timeout_ms;
	if (upstream_ask(forward->upstream, &pending->exchange, append_set(&query->lead.route, view),
	                 key->question, key->dnssec_ok, key->checking_disabled, timeout_ms, outcome))
		return pending;
	pending_remove(&forward->pendings, pending);
	return NULL;
}

/* A popular answer near its end is asked for again while it still serves. */
static void prefetch(struct forward *forward, const struct cache_key *key,
                     const struct query *query,
                     const struct view *view, const struct cache_answer *answer)
{
	const uint32_t end_s = answer->stored_s + answer->ttl;
	const uint32_t left_s = end_s > query->now_s ? end_s - query->now_s : 0;
	if (answer->failure || answer->hits < PREFETCH_HITS || left_s * PREFETCH_PART > answer->ttl ||
	    forward->pendings.background >= BACKGROUND_MAX || pending_find(&forward->pendings, key))
		return;
	enum outcome outcome;
	struct pending *pending = start(forward, key, query, view, now_ms(forward) + view->timeout_ms,
	                                &outcome);
	if (!pending)
		return;
	pending->background = true;
	forward->pendings.background++;
	count(&forward->options.counters->cache_prefetches);
}

/* ---- waiting ---- */

static struct waiter *waiter_new(const struct query *query, const struct client *client,
                                 uint64_t deadline_ms)
{
	struct waiter *waiter = malloc(sizeof *waiter + query->len);
	if (!waiter)
		return NULL;
	*waiter = (struct waiter){ .client = *client, .transport = query->transport,
	                           .client_len = query->client_len, .deadline_ms = deadline_ms,
	                           .len = (uint16_t)query->len };
	memcpy(waiter->address, query->client, sizeof waiter->address);
	memcpy(waiter->octets, query->octets, query->len);
	return waiter;
}

/* Answers from the cache, or lets the client wait: `waiter` if it waited before, else
 * one is made. */
static enum forwarded ask(struct forward *forward, struct query *query, const struct view *view,
                          const struct client *client, struct waiter *waiter)
{
	struct forward_counters *counters = forward->options.counters;
	struct question question;
	struct cache_answer answer;
	uint8_t message[CACHE_MESSAGE_MAX];
	const struct cache_key key = append_key(query, view, &question);
	if (cache_get(forward->options.cache, &key, query->now_s, message, &answer)) {
		count(&counters->cache_hits);
		prefetch(forward, &key, query, view, &answer);
		return append_answer(query, view, &answer, true);
	}
	count(&counters->cache_misses);
	if (!client && !waiter)
		return FORWARD_WAIT;
	const char *text;
	int ede = ede_of(OUTCOME_BUSY, &text);
	if (query->len > FORWARD_REQUEST_MAX)
		return append_failure(query, EDE_OTHER, "the request is too long to be kept waiting");
	if (waiter && ++waiter->rounds >= ROUNDS_MAX)
		return append_failure(query, EDE_OTHER, "the chain goes out too often");
	if (forward->pendings.waiting >= FORWARD_WAITING_MAX)
		return append_failure(query, ede, text);

	const uint64_t deadline_ms = waiter ? waiter->deadline_ms : now_ms(forward) + view->timeout_ms;
	struct pending *pending = pending_find(&forward->pendings, &key);
	if (pending) {
		count(&counters->coalesced);
	} else {
		enum outcome outcome;
		pending = start(forward, &key, query, view, deadline_ms, &outcome);
		if (!pending) {
			/* Nothing was sent, so there is nothing to remember (RFC 9520), and no stranger fills the
			 * cache with names that cost him nothing. */
			ede = ede_of(outcome, &text);
			return append_failure(query, ede, text);
		}
	}
	if (!waiter)
		waiter = waiter_new(query, client, deadline_ms);
	if (!waiter) /* the question runs on and ends in the cache */
		return append_failure(query, ede, text);
	pending_join(&forward->pendings, pending, waiter);
	return FORWARD_WAIT;
}

enum forwarded forward_query(struct forward *forward, struct query *query,
                             const struct client *client)
{
	return ask(forward, query, forward->options.view(forward->options.context), client, NULL);
}

/* ---- answering who waited ---- */

/* An answer that has just come, and what it answers. */
struct in_hand {
	struct cache_key key;
	const struct cache_answer *answer;
	const char *text;
};

static enum forwarded append_in_hand(struct query *query, const struct view *view,
                                     const struct in_hand *in_hand)
{
	if (in_hand->answer->failure)
		return append_failure(query, in_hand->answer->ede, in_hand->text);
	return append_answer(query, view, in_hand->answer, false);
}

/* Processes a waiting client's request from the start. */
static void serve(struct forward *forward, struct waiter *waiter, const struct in_hand *in_hand)
{
	const struct forward_options *options = &forward->options;
	const struct view *view = options->view(options->context);
	struct query query = {
		.octets = waiter->octets, .len = waiter->len,
		.response = forward->response, .response_size = sizeof forward->response,
		.transport = waiter->transport, .client_len = waiter->client_len,
		.now_s = options->now_s(options->context), .identity = options->identity,
	};
	memcpy(query.client, waiter->address, sizeof query.client);
	enum verdict verdict = query_process(&query, view);
	while (verdict == QUERY_FORWARD) {
		struct question question;
		const struct cache_key key = append_key(&query, view, &question);
		const enum forwarded forwarded = key_equal(&key, &in_hand->key) ?
			append_in_hand(&query, view, in_hand) : ask(forward, &query, view, NULL, waiter);
		if (forwarded == FORWARD_WAIT)
			return;
		verdict = query_resume(&query, view, forwarded == FORWARD_MORE);
	}
	if (verdict == QUERY_REPLY)
		options->reply(options->context, &waiter->client, waiter->transport, query.response,
		               query.response_len);
	else
		options->forget(options->context, &waiter->client, waiter->transport);
	free(waiter);
}

static void serve_all(struct forward *forward, struct pending *pending,
                      const struct cache_answer *answer, const char *text)
{
	struct question question = pending->question;
	struct in_hand in_hand = { .key = pending_key(pending), .answer = answer, .text = text };
	in_hand.key.question = &question;
	struct waiter *waiter = pending_remove(&forward->pendings, pending);
	while (waiter) {
		struct waiter *next = waiter->next;
		serve(forward, waiter, &in_hand);
		waiter = next;
	}
}

/* What the upstream sent, as far as it is believed. */
static struct cache_answer believe(struct forward *forward, const struct pending *pending,
                                   const uint8_t *octets, size_t len)
{
	struct forward_counters *counters = forward->options.counters;
	struct cache_answer answer;
	const struct check_rules rules = {
		.question = &pending->question, .dnssec_ok = pending->dnssec_ok,
		.private_addresses = pending->private_addresses, .max_ttl_s = pending->max_ttl_s,
	};
	switch (check_answer(&forward->check, &rules, octets, len, &answer)) {
	case CHECKED_FILTERED:
		count(&counters->filtered);
		/* fall through */
	case CHECKED_ANSWER:
	case CHECKED_FAILED:
		count(&counters->upstream_answers);
		break;
	case CHECKED_REJECTED:
		count(&counters->upstream_rejected);
	}
	return answer;
}

/* An exchange ended, well or not: keep what came, answer who waits. */
static void answered(void *owner, struct exchange *exchange, enum outcome outcome,
                     const uint8_t *octets, size_t len)
{
	struct forward *forward = owner;
	struct pending *pending = (struct pending *)(void *)exchange;
	const char *text;
	ede_of(outcome, &text);
	if (outcome == OUTCOME_TIMEOUT)
		count(&forward->options.counters->upstream_timeouts);
	struct cache_answer answer = outcome == OUTCOME_ANSWER
		? believe(forward, pending, octets, len) : failure_of(outcome);
	const uint32_t now_s = forward->options.now_s(forward->options.context);
	const struct cache_key key = pending_key(pending);
	answer.stored_s = now_s;
	keep(forward, &key, now_s, &answer);
	serve_all(forward, pending, &answer, text);
}

/* ---- time ---- */

void forward_tick(struct forward *forward)
{
	upstream_tick(forward->upstream);
	const uint64_t now = now_ms(forward);
	while (forward->pendings.first && forward->pendings.first->deadline_ms <= now) {
		struct exchange *exchange = &forward->pendings.first->exchange;
		upstream_cancel(forward->upstream, exchange);
		answered(forward, exchange, OUTCOME_TIMEOUT, NULL, 0);
	}
}

uint32_t forward_next_ms(const struct forward *forward)
{
	return forward->pendings.first ? TICK_MS : upstream_next_ms(forward->upstream);
}

size_t forward_waiting(const struct forward *forward) { return forward->pendings.waiting; }

/* ---- set-up ---- */

int forward_new(struct forward **result, const struct forward_options *options)
{
	struct forward *forward = calloc(1, sizeof *forward);
	if (!forward)
		return MIST_ENOMEM;
	forward->options = *options;
	const struct upstream_options upstream = {
		.loop = options->loop, .counters = options->counters, .now_ms = options->now_ms,
		.context = options->context, .own = options->own, .own_count = options->own_count,
		.ended = answered, .owner = forward,
	};
	int error = pendings_init(&forward->pendings);
	if (error == MIST_OK)
		error = upstream_new(&forward->upstream, &upstream);
	if (error != MIST_OK) {
		free(forward);
		return error;
	}
	*result = forward;
	return MIST_OK;
}

/* Failing a client may send its chain elsewhere and let it wait again, but not for ever:
 * ROUNDS_MAX. */
void forward_free(struct forward *forward)
{
	if (!forward)
		return;
	while (forward->pendings.first) {
		struct exchange *exchange = &forward->pendings.first->exchange;
		upstream_cancel(forward->upstream, exchange);
		answered(forward, exchange, OUTCOME_BUSY, NULL, 0);
	}
	upstream_free(forward->upstream);
	free(forward);
}
