/* See pipeline.h. */
#include "net/pipeline.h"

#include <errno.h>
#include <unistd.h>

#include "core/message.h"
#include "forward/forward.h"

/* ---- ends ---- */

/* Whoever waits for `out` is told. */
static void end_streams(struct connection *c, bool open)
{
	while (c->streams) {
		struct tcp_stream *stream = c->streams;
		c->streams = stream->next;
		c->tcp->options.drained(c->tcp->options.context, stream, open);
	}
}

void pipeline_close(struct connection *c)
{
	struct tcp *tcp = c->tcp;

	tcp->options.engine->type->watch(tcp->options.engine, c->fd, 0, NULL, NULL);
	close(c->fd);
	end_streams(c, false);
	backlog_free(&c->in);
	backlog_free(&c->out);
	connections_remove(&tcp->connections, c);
	tcp_count_open(tcp);
}

static void connection_ready(void *argument, int fd, unsigned bits);

bool pipeline_settle(struct connection *c)
{
	unsigned bits = 0;

	if (c->ended && !c->waiting && !c->out.len && !pipeline_has_request(c)) {
		pipeline_close(c);
		return false;
	}
	if (c->out.len)
		bits |= WATCH_WRITE;
	else if (!c->ended && c->waiting < PIPELINE_WAITING_MAX)
		bits |= WATCH_READ;
	if (bits == c->watched)
		return true;
	if (c->tcp->options.engine->type->watch(c->tcp->options.engine, c->fd, bits, connection_ready, c)) {
		pipeline_close(c);
		return false;
	}
	c->watched = (uint8_t)bits;
	return true;
}

/* ---- writing ---- */

static bool write_kept(struct connection *c)
{
	ssize_t n = backlog_flush(&c->out, c->fd);

	if (n <= 0)
		return n == 0;
	if (!c->streams || !c->out.len) /* streams have to be taken a message at a time */
		pipeline_touch(c);
	if (!c->out.len)
		end_streams(c, true);
	return true;
}

/* The replies of this turn, as one send. */
static bool flush(struct connection *c)
{
	struct tcp *tcp = c->tcp;
	size_t len = tcp->write_len;

	tcp->write_len = 0;
	if (c->broken)
		return false;
	return !len || backlog_send(&c->out, c->fd, tcp->write, len);
}

/* ---- reading ---- */

/* Answers one request into the replies of this turn. */
static void answer(struct connection *c, const uint8_t *octets, size_t len)
{
	struct tcp *tcp = c->tcp;
	const struct tcp_id id = { c->slot, c->generation };
	uint8_t *reply = tcp->write + tcp->write_len;
	size_t reply_len = 0;

	c->waiting++; /* a wait may end before it is reported */
	switch (tcp->options.request(tcp->options.context, &id, &c->peer, octets, len, reply + 2, &reply_len)) {
	case TCP_REPLY:
		wire_set16(reply, (uint16_t)reply_len);
		tcp->write_len += 2 + reply_len;
		c->waiting--;
		break;
	case TCP_SILENCE:
		c->waiting--;
		break;
	case TCP_LATER:
		break;
	}
}

/*
 * Answers the whole messages at the beginning of `octets`, as long as replies are taken. Returns how
 * many octets are done with, or SIZE_MAX: close.
 */
static size_t answer_all(struct connection *c, const uint8_t *octets, size_t len)
{
	struct tcp *tcp = c->tcp;
	size_t at = 0;

	tcp->busy = c;
	while (len - at >= 2 && c->waiting < PIPELINE_WAITING_MAX && !c->out.len) {
		size_t message = wire_get16(octets + at);
		if (!message) { /* none is empty: whoever says so does not speak DNS */
			flush(c);
			c->broken = true;
		}
		if (len - at - 2 < message)
			break;
		if (tcp->write_len + 2 + MESSAGE_MAX > PIPELINE_WRITE_MAX && !flush(c))
			c->broken = true;
		if (c->out.len || c->broken)
			break;
		answer(c, octets + at + 2, message);
		at += 2 + message;
	}
	tcp->busy = NULL;
	if (at)
		pipeline_touch(c);
	return flush(c) ? at : SIZE_MAX;
}

bool pipeline_answer(struct connection *c)
{
	if (!c->in.len)
		return true;
	size_t done = answer_all(c, backlog_octets(&c->in), c->in.len);
	if (done == SIZE_MAX) {
		pipeline_close(c);
		return false;
	}
	backlog_drop(&c->in, done);
	return true;
}

bool pipeline_read(struct connection *c)
{
	struct tcp *tcp = c->tcp;
	bool keep = c->in.len > 0;
	size_t size = PIPELINE_READ_MAX;
	uint8_t *to = tcp->read;

	if (keep) {
		/* At most to the end of the message that is in pieces, and twice what is there already. */
		size_t whole = c->in.len < 2 ? 2u : 2u + wire_get16(backlog_octets(&c->in));
		size = whole > c->in.len ? whole - c->in.len : PIPELINE_READ_MAX;
		size_t step = c->in.len < BACKLOG_FIRST ? BACKLOG_FIRST : c->in.len;
		size = size < step ? size : step;
		to = backlog_room(&c->in, size);
	}
	ssize_t n = to ? recv(c->fd, to, size, MSG_DONTWAIT) : -1;
	if (n < 0 && to && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0) {
		pipeline_close(c);
		return false;
	}
	if (n == 0) {
		c->ended = true;
		return true;
	}
	if (keep) {
		c->in.len += (uint32_t)n;
		return pipeline_answer(c);
	}
	size_t done = answer_all(c, to, (size_t)n);
	if (done == SIZE_MAX || (done < (size_t)n && !backlog_add(&c->in, to + done, (size_t)n - done))) {
		pipeline_close(c);
		return false;
	}
	return true;
}

static void connection_ready(void *argument, int fd, unsigned bits)
{
	struct connection *c = argument;

	(void)fd;
	if (bits & WATCH_WRITE && c->out.len) {
		if (!write_kept(c)) {
			pipeline_close(c);
			return;
		}
		if (!c->out.len && !pipeline_answer(c))
			return;
	}
	if (bits & WATCH_READ && !c->ended && !c->out.len && !pipeline_read(c))
		return;
	pipeline_settle(c);
}
