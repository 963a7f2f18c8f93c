/*
 * The TCP connections of a worker: a table of fixed size, in the order of their last activity, so that the one that has
 * been idle for longest is at hand when room is needed or time is up. The table owns the structs and nothing in
 * them: sockets, octets and streams are of whoever puts them there (tcp.c).
 */
#ifndef MIST_NET_CONNECTIONS_H
#define MIST_NET_CONNECTIONS_H

#include "net/backlog.h"
#include "net/socket.h"

struct tcp;
struct tcp_stream;

struct connection {
	int fd;                      /* -1: free */
	int listener;                /* by which it came */
	uint32_t slot, generation;   /* who it is: another one in the same slot has another generation */
	uint32_t previous, next;     /* by last activity; free ones by next */
	uint64_t active_ms;
	uint16_t waiting;            /* replies to come */
	uint8_t watched;
	bool ended;                  /* the client has said all it will (half-close) */
	bool broken;                 /* out of memory for its replies: closes */
	struct backlog in, out;
	struct tcp_stream *streams;  /* wait until `out` is empty */
	union socket_address peer;
	struct tcp *tcp;
};

#define CONNECTIONS_NONE UINT32_MAX

struct connections {
	struct connection *slots;
	uint32_t count, open;
	uint32_t free, oldest, newest; /* slots; CONNECTIONS_NONE */
};

bool connections_init(struct connections *table, uint32_t count); /* false: out of memory */
void connections_free(struct connections *table); /* there are none any more */

/* A connection that has just been active. NULL: all slots are taken. */
struct connection *connections_add(struct connections *table, int fd, const union socket_address *peer, uint64_t now_ms);
void connections_remove(struct connections *table, struct connection *connection);

/* The one that is meant, unless it has gone. */
static inline struct connection *connections_find(const struct connections *table, uint32_t slot, uint32_t generation)
{
	struct connection *connection = &table->slots[slot];

	return connection->fd >= 0 && connection->generation == generation ? connection : NULL;
}

/* By last activity, the oldest first; NULL: there is none. */
static inline struct connection *connections_at(const struct connections *table, uint32_t slot)
{
	return slot == CONNECTIONS_NONE ? NULL : &table->slots[slot];
}
static inline struct connection *connections_oldest(const struct connections *table)
{
	return connections_at(table, table->oldest);
}
static inline struct connection *connections_next(const struct connections *table, const struct connection *connection)
{
	return connections_at(table, connection->next);
}

/* It was active now. */
void connections_touch(struct connections *table, struct connection *connection, uint64_t now_ms);

/* How many there are from one client; and of one client's or (NULL) of all the one without waits that has been
 * idle for longest, or NULL. */
unsigned connections_of(const struct connections *table, const union socket_address *client);
struct connection *connections_idlest(const struct connections *table, const union socket_address *client);

#endif
