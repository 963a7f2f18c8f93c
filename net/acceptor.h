/*
 * Accepting TCP connections from the sockets of a worker, a few a turn. Where descriptors or memory run out, a moment
 * passes before the next try: the connection stays in the backlog, and would wake the worker for ever.
 */
#ifndef MIST_NET_ACCEPTOR_H
#define MIST_NET_ACCEPTOR_H

#include "net/engine.h"
#include "net/socket.h"

struct acceptor {
	/* Set by the owner. */
	struct engine *engine;
	uint64_t (*now_ms)(void *context);
	/* Takes a client's socket, which is non-blocking, and came by that listener. */
	void (*client)(void *context, int fd, int listener, const union socket_address *peer);
	/* Accepting pauses. `why` is an errno. */
	void (*starved)(void *context, int why);
	void *context;

	int *listeners;              /* descriptors, of others */
	unsigned listener_count;
	bool accepting;
	uint64_t pause_until_ms;     /* 0: no pause */
};

/* One more: MIST_OK, MIST_ENOMEM, MIST_ENETWORK; one less. At any time. */
int acceptor_add(struct acceptor *acceptor, int listener);
void acceptor_remove(struct acceptor *acceptor, int listener);

void acceptor_start(struct acceptor *acceptor);
void acceptor_stop(struct acceptor *acceptor);
void acceptor_free(struct acceptor *acceptor); /* stops it */

/* Goes on when a pause is over. */
void acceptor_tick(struct acceptor *acceptor, uint64_t now_ms);

#endif
