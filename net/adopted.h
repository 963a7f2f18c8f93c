/*
 * The sockets that a worker is given while it serves (mist_listen_fds()): bound in other network namespaces,
 * inherited from who started us. They do not stand beside the engine's own, which are laid out once, but are watched
 * as connections are: a batch of datagrams costs more system calls there, and any number can come and go.
 *
 * One struct per worker, of its thread alone.
 */
#ifndef MIST_NET_ADOPTED_H
#define MIST_NET_ADOPTED_H

#include "net/engine.h"
#include "net/tcp.h"
#include "net/udp.h"

#define ADOPTED_MAX 4096 /* of a server: a UDP and a TCP socket for each of 2,048 children */

struct adopted_options {
	struct engine *engine;
	struct tcp *tcp;
	/* engine_handler.datagram, for peers of adopted sockets */
	size_t (*datagram)(void *context, const struct udp_peer *peer, const uint8_t *octets, size_t len,
	                   uint8_t *reply);
	void *context;
};

struct adopted;
int adopted_new(struct adopted **adopted, const struct adopted_options *options); /* MIST_OK, MIST_ENOMEM */
void adopted_free(struct adopted *adopted);  /* closes what was not given back; NULL is fine */

/* Takes a socket that socket_adopt() has found fit. MIST_OK, MIST_EBUSY (ADOPTED_MAX), MIST_ENOMEM, MIST_ENETWORK. */
int adopted_take(struct adopted *adopted, int fd);
/* Gives it back, open. Connections that came by it are closed, replies that are still to come are not sent. */
void adopted_give(struct adopted *adopted, int fd);

/* A reply that had to wait. */
void adopted_send(struct adopted *adopted, const struct udp_peer *peer, const uint8_t *octets, size_t len);

/* For a graceful stop: what has come is answered, and no more is taken. */
void adopted_quiet(struct adopted *adopted);

#endif
