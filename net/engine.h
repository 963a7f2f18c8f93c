/*
 * An engine is how a worker waits: one small struct of functions with two makers, engine_uring.c and
 * engine_epoll.c. Everything above it (worker.c, tcp.c, forward/) is the same on both.
 *
 * A round (`run`) waits and hands out what came: datagrams, one by one, to `datagram`, which writes the
 * reply where it is told; and ready descriptors to whoever watches them. Replies leave at its end, or
 * (uring) with the wait of the next. An engine is opened, run and closed by one thread.
 */
#ifndef MIST_NET_ENGINE_H
#define MIST_NET_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/udp.h"
#include "net/watch.h"

struct engine_handler {
	void *context;
	/* Before it may block: nothing of the running batch is used any more. */
	void (*park)(void *context);
	/* The bounds of a batch are fixed and its work begins. True: `ahead` wants to know of datagrams. */
	bool (*batch)(void *context);
	/* A datagram of this batch that is handed out AHEAD_DISTANCE datagrams from now (core/ahead.h). NULL:
	 * there is none, so near the end of the batch. */
	void (*ahead)(void *context, const uint8_t *octets, size_t len);
	/* A datagram came. Writes at most UDP_REPLY_MAX octets to `reply`; returns their number, 0 for
	 * no reply. */
	size_t (*datagram)(void *context, const struct udp_peer *peer, const uint8_t *octets,
	                   size_t len, uint8_t *reply);
};

struct engine_options {
	struct engine_handler handler;
	const struct udp_socket *sockets;
	unsigned socket_count;
	bool gro;
	bool send_plainly;          /* uring: this kernel takes no address with IORING_OP_SEND */
};

struct engine {
	const struct engine_type *type;
};

struct engine_type {
	const char *name;
	/* MIST_OK or an error; errno says more. */
	int (*open)(struct engine **engine, const struct engine_options *options);
	/* struct loop of forward/forward.h says what it does. */
	int (*watch)(struct engine *engine, int fd, unsigned bits, watch_ready *ready, void *argument);
	/* Takes no more datagrams; what came already is still handed out. */
	void (*quiet)(struct engine *engine);
	/* One round, at most `timeout_ms` long (UINT32_MAX: until something happens). */
	void (*run)(struct engine *engine, uint32_t timeout_ms);
	/* After it returned nothing of the engine holds any descriptor. */
	void (*close)(struct engine *engine);
};

extern const struct engine_type engine_uring, engine_epoll;

/*
 * Tries a real ring with everything engine_uring needs, by sending a datagram through it. MIST_OK, or
 * MIST_EENGINE; `why` then says what is missing and what to do about it. Fills `send_plainly`.
 */
int engine_try_uring(bool *send_plainly, char *why, size_t why_size);

#endif
