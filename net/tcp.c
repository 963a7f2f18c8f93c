/*
 * See tcp.h. Who is let in and for how long, and replies that come later; what a connection does by itself is
 * pipeline.h.
 */
#include "net/tcp.h"

#include <stdlib.h>
#include <unistd.h>

#include "mistcore.h"
#include "net/pipeline.h"

static void count(_Atomic(uint64_t) *counter, uint64_t more)
{
	/* One writer: a load and a store are enough. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
	                      memory_order_relaxed);
}

/* ---- accepting ---- */

/* Whoever comes now has a question, which idle connections have not: where a limit is reached they
 * make room (RFC 7766 section 6.2.3), or somebody who opens many and says nothing would lock the
 * others out. A client at its own limit makes room itself. False: all wait for their answers. */
static bool make_room(struct tcp *tcp, const union socket_address *peer)
{
	const struct connections *table = &tcp->connections;
	const unsigned each = tcp->options.clients_each;
	struct connection *idle;

	if (table->open >= each && connections_of(table, peer) >= each)
		idle = connections_idlest(table, peer);
	else if (table->open == table->count)
		idle = connections_idlest(table, NULL);
	else
		return true;
	if (idle)
		pipeline_close(idle);
	return idle != NULL;
}

/* acceptor.client */
static void welcome(void *context, int fd, int listener, const union socket_address *peer)
{
	struct tcp *tcp = context;

	if (!make_room(tcp, peer)) {
		count(&tcp->options.counters->refused, 1);
		close(fd);
		return;
	}
	struct connection *c = connections_add(&tcp->connections, fd, peer, tcp_now(tcp));
	c->tcp = tcp;
	c->listener = listener;
	tcp_count_open(tcp);
	count(&tcp->options.counters->accepted, 1);
	/* The question is often there already. */
	if (pipeline_read(c))
		pipeline_settle(c);
}

/* acceptor.starved */
static void starved(void *context, int why)
{
	const struct tcp *tcp = context;

	tcp->options.starved(tcp->options.context, why);
}

static uint64_t now_of(void *tcp) { return tcp_now(tcp); }

/* ---- listeners that come and go ---- */

int tcp_listen(struct tcp *tcp, int listener)
{
	return acceptor_add(&tcp->acceptor, listener);
}

void tcp_unlisten(struct tcp *tcp, int listener)
{
	const struct connections *table = &tcp->connections;

	acceptor_remove(&tcp->acceptor, listener);
	/* They would hold the network that they came from. */
	for (struct connection *c = connections_oldest(table), *next; c; c = next) {
		next = connections_next(table, c);
		if (c->listener == listener)
			pipeline_close(c);
	}
}

/* ---- replies that come later ---- */

static struct connection *find(struct tcp *tcp, const struct tcp_id *id)
{
	return connections_find(&tcp->connections, id->slot, id->generation);
}

/* A wait is over. Questions that waited for it are answered by tcp_tick(): this may be a call from the
 * middle of answering another one. */
static void resume(struct connection *c)
{
	c->waiting--;
	if (pipeline_has_request(c) && !c->out.len)
		c->tcp->deferred = true;
	else if (c != c->tcp->busy)
		pipeline_settle(c);
}

/* In its turn: replies of this one go before it. */
static bool write_message(struct connection *c, const uint8_t *octets, size_t len)
{
	return backlog_send_message(&c->out, c == c->tcp->busy ? -1 : c->fd, octets, len);
}

void tcp_reply(struct tcp *tcp, const struct tcp_id *id, const uint8_t *octets, size_t len)
{
	struct connection *c = find(tcp, id);

	if (!c)
		return;
	if (write_message(c, octets, len)) {
		pipeline_touch(c);
		resume(c);
	} else if (c == tcp->busy) {
		c->broken = true;
	} else {
		pipeline_close(c);
	}
}

enum tcp_sent tcp_more(struct tcp *tcp, const struct tcp_id *id, const uint8_t *octets, size_t len,
                       struct tcp_stream *stream)
{
	struct connection *c = find(tcp, id);

	if (!c)
		return TCP_GONE;
	if (!write_message(c, octets, len)) {
		pipeline_close(c);
		return TCP_GONE;
	}
	if (!c->out.len) {
		pipeline_touch(c);
		return TCP_LEFT;
	}
	pipeline_touch(c); /* making the message is no idleness of the client */
	stream->next = c->streams;
	c->streams = stream;
	pipeline_settle(c); /* if it closes, `drained` has been called */
	return TCP_KEPT;
}

void tcp_cut(struct tcp *tcp, const struct tcp_id *id)
{
	struct connection *c = find(tcp, id);

	if (c)
		pipeline_close(c);
}

void tcp_forget(struct tcp *tcp, const struct tcp_id *id)
{
	struct connection *c = find(tcp, id);

	if (c)
		resume(c);
}

/* ---- time ---- */

/* Questions that were held up by waits that are over. */
static void answer_deferred(struct tcp *tcp)
{
	struct connections *table = &tcp->connections;

	tcp->deferred = false;
	for (struct connection *c = connections_oldest(table), *next; c; c = next) {
		if (c->fd < 0) { /* answering another one found it broken */
			next = connections_oldest(table);
			continue;
		}
		next = connections_next(table, c);
		if (pipeline_has_request(c) && !c->out.len && c->waiting < PIPELINE_WAITING_MAX && pipeline_answer(c))
			pipeline_settle(c);
	}
}

/* Under pressure idle connections have to go sooner. */
static uint32_t idle_limit(const struct tcp *tcp)
{
	return tcp->connections.open > tcp->options.clients / 4 * 3 ? tcp->options.idle_ms / 8 : tcp->options.idle_ms;
}

void tcp_tick(struct tcp *tcp)
{
	const struct connections *table = &tcp->connections;
	uint64_t time = tcp_now(tcp);

	if (tcp->deferred)
		answer_deferred(tcp);
	acceptor_tick(&tcp->acceptor, time);
	/* Oldest first; one that waits for an upstream is not idle, and its wait has an end of its own.
	 * One that does not take what it asked for is. */
	for (struct connection *c = connections_oldest(table), *next; c; c = next) {
		if (time - c->active_ms < idle_limit(tcp))
			return;
		next = connections_next(table, c);
		if (!c->waiting || c->streams)
			pipeline_close(c);
	}
}

uint32_t tcp_next_ms(const struct tcp *tcp)
{
	const struct connection *oldest = connections_oldest(&tcp->connections);
	const uint64_t pause_until_ms = tcp->acceptor.pause_until_ms;
	uint64_t time = tcp_now(tcp), due = UINT64_MAX;

	if (tcp->deferred)
		return 0;
	if (oldest) {
		due = oldest->active_ms + idle_limit(tcp);
		/* The oldest may be waiting for an upstream: look again soon, not at once. */
		if (due <= time)
			due = time + 100;
	}
	if (pause_until_ms && pause_until_ms < due)
		due = pause_until_ms;
	if (due == UINT64_MAX)
		return UINT32_MAX;
	return due <= time ? 0 : due - time < UINT32_MAX ? (uint32_t)(due - time) : UINT32_MAX - 1;
}

void tcp_quiet(struct tcp *tcp)
{
	const struct connections *table = &tcp->connections;

	acceptor_stop(&tcp->acceptor);
	for (struct connection *c = connections_oldest(table), *next; c; c = next) {
		if (c->fd < 0) {
			next = connections_oldest(table);
			continue;
		}
		next = connections_next(table, c);
		/* What has arrived was asked before we stopped. */
		if (!c->ended && !c->out.len && c->waiting < PIPELINE_WAITING_MAX && !pipeline_read(c))
			continue;
		c->ended = true;
		pipeline_settle(c);
	}
}

unsigned tcp_open(const struct tcp *tcp)
{
	return tcp->connections.open;
}

int tcp_new(struct tcp **tcp, const struct tcp_options *options)
{
	struct tcp *made = calloc(1, sizeof *made);
	if (!made)
		return MIST_ENOMEM;
	made->options = *options;
	made->acceptor = (struct acceptor){
		.engine = options->engine, .now_ms = now_of, .client = welcome, .starved = starved, .context = made,
	};
	const bool room = connections_init(&made->connections, options->clients);
	made->read = malloc(PIPELINE_READ_MAX);
	made->write = malloc(PIPELINE_WRITE_MAX);
	int error = MIST_OK;
	for (unsigned i = 0; i < options->listener_count && !error; i++)
		error = acceptor_add(&made->acceptor, options->listeners[i]);
	if (error || !room || !made->read || !made->write) {
		tcp_free(made);
		return MIST_ENOMEM;
	}
	acceptor_start(&made->acceptor);
	*tcp = made;
	return MIST_OK;
}

void tcp_free(struct tcp *tcp)
{
	acceptor_free(&tcp->acceptor);
	for (struct connection *c; (c = connections_oldest(&tcp->connections));)
		pipeline_close(c);
	connections_free(&tcp->connections);
	free(tcp->read);
	free(tcp->write);
	free(tcp);
}
