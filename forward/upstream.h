/*
 * The way out, of one worker: writes our own query for a question and sends it over a channel of
 * its own (channel.h). When all channels are busy, questions wait here for one, first come first
 * served; a target that does not answer holds only a part of them, so that it cannot slow the
 * others.
 */
#ifndef MIST_FORWARD_UPSTREAM_H
#define MIST_FORWARD_UPSTREAM_H

#include "forward/channel.h"

struct upstream;

/* A question on its way. Embedded in what waits for it; untouched by the owner while it runs. */
struct exchange {
	struct exchange *next, *previous; /* in the queue */
	struct target *target;
	struct channel *channel;          /* NULL: waits for one, or is over */
	bool queued;
	uint32_t retry_ms;
	size_t len;
	uint8_t query[CHANNEL_QUERY_MAX];
};

struct upstream_options {
	struct loop loop;
	struct forward_counters *counters;
	uint64_t (*now_ms)(void *context);
	void *context;
	const struct upstream_address *own;
	size_t own_count;
	/* An exchange ended; never from within upstream_ask(). `octets` live for the call. */
	void (*ended)(void *owner, struct exchange *exchange, enum outcome outcome,
	              const uint8_t *octets, size_t len);
	void *owner;
};

int upstream_new(struct upstream **upstream, const struct upstream_options *options);
void upstream_free(struct upstream *upstream); /* drops what is on its way, without ended() */

/*
 * Asks the servers of `set`, in all for at most `timeout_ms`, which the owner watches
 * (upstream_cancel()). False: it failed at once, *outcome says how.
 */
bool upstream_ask(struct upstream *upstream, struct exchange *exchange,
                  const struct upstream_set *set, const struct question *question, bool dnssec_ok,
                  bool checking_disabled, uint32_t timeout_ms, enum outcome *outcome);
void upstream_cancel(struct upstream *upstream, struct exchange *exchange);

void upstream_tick(struct upstream *upstream);
/* Milliseconds until upstream_tick() is wanted; UINT32_MAX: never. */
uint32_t upstream_next_ms(const struct upstream *upstream);

#endif
