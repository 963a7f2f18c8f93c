/*
 * A channel: one c-ares channel that carries one question at a time. Between questions its sockets
 * are closed, so each question leaves from a port of its own; c-ares of its own accord would keep
 * one port for as long as anything is outstanding, which leaves 16 bits for a forger to guess.
 *
 * c-ares sends, receives, turns to TCP when an answer is truncated, and goes on to the next server.
 * Its socket calls pass through ours, where datagrams that cannot be answers are dropped before it
 * sees them (check_datagram()), and those that would end the question badly wait a moment for a
 * better one. All c-ares is in this file and its .c; 1.18.1 (Debian 12) and 1.34 behave.
 */
#ifndef MIST_FORWARD_CHANNEL_H
#define MIST_FORWARD_CHANNEL_H

#include "forward/forward.h"
#include "forward/target.h"

struct channel;

enum outcome {
	OUTCOME_ANSWER,   /* octets that answer the question; check_answer() comes next */
	OUTCOME_FAILED,   /* every server asked says that it failed or refuses */
	OUTCOME_TIMEOUT,
	OUTCOME_NETWORK,  /* unreachable, connection refused, no socket */
	OUTCOME_SELF,     /* the servers are ourselves */
	OUTCOME_BUSY,     /* a limit of ours is reached */
};

#define CHANNEL_QUERY_MAX (MESSAGE_HEADER + NAME_MAX + 4 + 11)

/* What channels share: of their worker. */
struct channel_host {
	struct loop loop;
	struct forward_counters *counters;
	uint64_t (*now_ms)(void *context);
	void *context;
	const struct home *home;
	/* The channel's question ended. Never called within channel_ask(). `octets` live
	 * for the call. */
	void (*ended)(void *owner, struct channel *channel, enum outcome outcome, const uint8_t *octets,
	              size_t len);
	/* After the last call back into a channel whose question ended: it may be used
	 * again, or freed. */
	void (*settled)(void *owner, struct channel *channel);
	void *owner;
};

/* Reference-counted use of c-ares as a whole. */
int channel_library_hold(void);
void channel_library_release(void);

/* `retry_ms`: after that long the next server is asked, and after twice, four times it. */
int channel_new(struct channel **channel, const struct channel_host *host, uint32_t retry_ms);
void channel_free(struct channel *channel); /* not from within ended() of the same channel */
uint32_t channel_retry_ms(const struct channel *channel);

/* Asks. The query is copied. */
void channel_ask(struct channel *channel, struct target *target, const uint8_t *query, size_t len);
/* Ends it without ended(); settled() is called before it returns. */
void channel_cancel(struct channel *channel);
/* Time passed. */
void channel_tick(struct channel *channel, uint64_t now_ms);

/* c-ares has changed for good in this channel (EDNS switched off): not to be used again. */
bool channel_spoiled(const struct channel *channel);

#endif
