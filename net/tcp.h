/*
 * DNS over TCP (RFC 7766): connections with pipelined questions. Replies leave in the order in which
 * they are ready; those of one read leave as one send. A connection that waits holds no buffer: octets
 * are read into memory shared by all connections of the worker, and only a message in pieces, or a
 * reply that the client does not take, is kept.
 */
#ifndef MIST_NET_TCP_H
#define MIST_NET_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/engine.h"
#include "net/socket.h"

/* A connection, by value: may be kept; says nothing once the connection is gone. */
struct tcp_id { uint32_t slot, generation; };

enum tcp_answer {
	TCP_SILENCE,             /* no reply will come */
	TCP_REPLY,               /* written */
	TCP_LATER,               /* tcp_reply() or tcp_forget() will be called */
};

/*
 * A reply of several messages, on its way: held by the connection while one of them waits to be taken.
 * Each has the idle time of a connection for that; a client that reads drop by drop is cut off.
 */
struct tcp_stream { struct tcp_stream *next; };

enum tcp_sent {
	TCP_LEFT,                /* the next message may come */
	TCP_KEPT,                /* `drained` will be called */
	TCP_GONE,                /* there is no such connection any more */
};

struct tcp_counters {
	_Atomic(uint64_t) accepted, refused, open;
};

struct tcp_options {
	struct engine *engine;
	const int *listeners;    /* descriptors; copied */
	unsigned listener_count;
	unsigned clients;        /* connections at most */
	unsigned clients_each;   /* per client address */
	uint32_t idle_ms;
	/* Answers a request: at most 65,535 octets to `reply`. */
	enum tcp_answer (*request)(void *context, const struct tcp_id *id, const union socket_address *peer,
	                           const uint8_t *octets, size_t len, uint8_t *reply, size_t *reply_len);
	/* The message that a stream had kept has left (`open`), or the connection is gone. Sends nothing itself. */
	void (*drained)(void *context, struct tcp_stream *stream, bool open);
	/* No descriptor or memory for a connection: accepting pauses a moment. `why` is an errno. */
	void (*starved)(void *context, int why);
	uint64_t (*now_ms)(void *context);
	void *context;
	struct tcp_counters *counters;
};

struct tcp;
int tcp_new(struct tcp **tcp, const struct tcp_options *options);
void tcp_free(struct tcp *tcp); /* closes every connection */

/* One listening descriptor more. MIST_OK, MIST_ENOMEM, MIST_ENETWORK. */
int tcp_listen(struct tcp *tcp, int listener);
/* One less; connections that came by it are closed. The descriptor stays open. */
void tcp_unlisten(struct tcp *tcp, int listener);

/* The reply to a request that was answered with TCP_LATER, or that there will be none. */
void tcp_reply(struct tcp *tcp, const struct tcp_id *id, const uint8_t *octets, size_t len);
void tcp_forget(struct tcp *tcp, const struct tcp_id *id);

/* The same for a reply with more messages to follow; the last of them goes with tcp_reply(). */
enum tcp_sent tcp_more(struct tcp *tcp, const struct tcp_id *id, const uint8_t *octets, size_t len,
                       struct tcp_stream *stream);
/* Closes the connection: a reply that began cannot go on, and only that says so. */
void tcp_cut(struct tcp *tcp, const struct tcp_id *id);

/* Closes what is idle for too long. Call when tcp_next_ms() has passed; UINT32_MAX: no need. */
void tcp_tick(struct tcp *tcp);
uint32_t tcp_next_ms(const struct tcp *tcp);

/* For a graceful stop: accepts and reads no more, closes what has nothing to finish. */
void tcp_quiet(struct tcp *tcp);
unsigned tcp_open(const struct tcp *tcp);

#endif
