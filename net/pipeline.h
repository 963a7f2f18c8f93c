/*
 * A TCP connection at work: questions that come one behind the other (RFC 7766 section 6.2.1.1) are read and answered,
 * replies leave as one send a turn, and the socket is watched for what can go on. Between tcp.c, which accepts
 * connections, ends them in time and delivers what comes later, and the table of connections.h.
 *
 * All functions that return a bool say false when they have closed the connection: it must not be looked at any more.
 */
#ifndef MIST_NET_PIPELINE_H
#define MIST_NET_PIPELINE_H

#include <stdatomic.h>

#include "core/wire.h"
#include "net/acceptor.h"
#include "net/connections.h"
#include "net/tcp.h"

#define PIPELINE_READ_MAX 16384  /* octets a turn: some 400 questions, so that others have their turn */
#define PIPELINE_WAITING_MAX 128 /* forwarded questions of a connection; further ones wait in the socket */
#define PIPELINE_WRITE_MAX (2 * (2 + 65535)) /* replies of a turn, coalesced; the largest one always fits */

/* The inside of tcp.h, for these two files. */
struct tcp {
	struct tcp_options options;
	struct acceptor acceptor;
	struct connections connections;
	bool deferred;               /* tcp_tick() has kept questions to answer */
	struct connection *busy;     /* whose questions are being answered */
	uint8_t *read;               /* PIPELINE_READ_MAX */
	uint8_t *write;              /* PIPELINE_WRITE_MAX */
	size_t write_len;
};

/* Reads a turn's worth; whole messages are answered from where they were read to. */
bool pipeline_read(struct connection *connection);

/* Answers what is kept of questions that had to wait; there may be none. */
bool pipeline_answer(struct connection *connection);

/* Says what to wait for; closes when there is nothing to. */
bool pipeline_settle(struct connection *connection);

/* Its streams hear that it is gone. */
void pipeline_close(struct connection *connection);

static inline uint64_t tcp_now(const struct tcp *tcp)
{
	return tcp->options.now_ms(tcp->options.context);
}

/* Something was achieved: a whole question came, or a reply went. Octets alone do not count, or a
 * client could hold a connection with one a second. */
static inline void pipeline_touch(struct connection *connection)
{
	connections_touch(&connection->tcp->connections, connection, tcp_now(connection->tcp));
}

/* A whole question is kept, held up by slow writes or too many waits. */
static inline bool pipeline_has_request(const struct connection *connection)
{
	const struct backlog *in = &connection->in;

	return in->len >= 2 && in->len >= 2u + wire_get16(backlog_octets(in));
}

static inline void tcp_count_open(struct tcp *tcp)
{
	atomic_store_explicit(&tcp->options.counters->open, tcp->connections.open, memory_order_relaxed);
}

#endif
