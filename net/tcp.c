/*
 * See tcp.h.
 */
#include "net/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/message.h"
#include "forward/forward.h"
#include "mistcore.h"

#define READ_MAX 16384           /* octets a turn: some 400 questions, so that others have their turn */
#define WRITE_MAX (2 * (2 + MESSAGE_MAX)) /* replies of a turn, coalesced; the largest one always fits */
#define KEEP_FIRST 512           /* of kept octets; doubles as they come, never on a client's word */
#define WAITING_MAX 128          /* forwarded questions of a connection; further ones wait in the socket */
#define KEEP_OUT_MAX (1 << 20)   /* replies to forwarded questions that a client does not take: closed */
#define ACCEPT_MAX 32            /* connections a turn */
#define ACCEPT_PAUSE_MS 200      /* after EMFILE: the connection stays in the backlog and would wake us for ever */

struct kept {                    /* octets that have to wait */
	uint8_t *octets;
	uint32_t at, len, size;      /* from `at`, `len` of them */
};

struct connection {
	int fd;                      /* -1: free */
	uint32_t generation;
	uint32_t previous, next;     /* by last activity; free ones by next */
	uint64_t active_ms;
	uint16_t waiting;            /* replies to come */
	uint8_t watched;
	bool ended;                  /* the client has said all it will (half-close) */
	bool broken;                 /* out of memory for its replies: closes */
	struct kept in, out;
	struct tcp_stream *streams;  /* wait until `out` is empty */
	union socket_address peer;
	struct tcp *tcp;
};

#define NO_SLOT UINT32_MAX

struct tcp {
	struct tcp_options options;
	uint32_t free, oldest, newest, open;
	bool accepting;
	bool deferred;               /* tcp_tick() has kept questions to answer */
	struct connection *busy;     /* whose questions are being answered */
	uint64_t pause_until_ms;     /* 0: no pause */
	struct connection *connections;
	uint8_t *read;               /* READ_MAX */
	uint8_t *write;              /* WRITE_MAX */
	size_t write_len;
};

static void count(_Atomic(uint64_t) *counter, uint64_t more)
{
	/* One writer: a load and a store are enough. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
	                      memory_order_relaxed);
}

static uint64_t now(const struct tcp *tcp)
{
	return tcp->options.now_ms(tcp->options.context);
}

/* ---- kept octets ---- */

static void kept_free(struct kept *kept)
{
	free(kept->octets);
	*kept = (struct kept){ 0 };
}

/* Room for `more` octets behind what is kept. */
static uint8_t *kept_room(struct kept *kept, size_t more)
{
	if (kept->at && kept->at + kept->len + more > kept->size) {
		memmove(kept->octets, kept->octets + kept->at, kept->len);
		kept->at = 0;
	}
	if (kept->len + more > kept->size) {
		size_t size = kept->size ? kept->size : KEEP_FIRST;
		while (size < kept->len + more)
			size *= 2;
		uint8_t *octets = realloc(kept->octets, size);
		if (!octets)
			return NULL;
		kept->octets = octets;
		kept->size = (uint32_t)size;
	}
	return kept->octets + kept->at + kept->len;
}

static bool kept_add(struct kept *kept, const uint8_t *octets, size_t len)
{
	uint8_t *room = kept_room(kept, len);

	if (!room)
		return false;
	memcpy(room, octets, len);
	kept->len += (uint32_t)len;
	return true;
}

static void kept_drop(struct kept *kept, size_t len)
{
	kept->at += (uint32_t)len;
	kept->len -= (uint32_t)len;
	if (!kept->len)
		kept_free(kept);
}

/* ---- connections ---- */

static uint32_t slot_of(const struct connection *c)
{
	return (uint32_t)(c - c->tcp->connections);
}

static void unlink_connection(struct tcp *tcp, struct connection *c)
{
	if (c->previous == NO_SLOT)
		tcp->oldest = c->next;
	else
		tcp->connections[c->previous].next = c->next;
	if (c->next == NO_SLOT)
		tcp->newest = c->previous;
	else
		tcp->connections[c->next].previous = c->previous;
}

static void link_newest(struct tcp *tcp, struct connection *c)
{
	uint32_t slot = slot_of(c);

	c->next = NO_SLOT;
	c->previous = tcp->newest;
	if (tcp->newest == NO_SLOT)
		tcp->oldest = slot;
	else
		tcp->connections[tcp->newest].next = slot;
	tcp->newest = slot;
}

/* Something was achieved: a whole question came, or a reply went. Octets alone do not count, or a
 * client could hold a connection with one a second. */
static void touch(struct connection *c)
{
	c->active_ms = now(c->tcp);
	unlink_connection(c->tcp, c);
	link_newest(c->tcp, c);
}

static void accept_ready(void *argument, int fd, unsigned bits);

static void set_accepting(struct tcp *tcp, bool accepting)
{
	if (tcp->accepting == accepting)
		return;
	tcp->accepting = accepting;
	for (unsigned i = 0; i < tcp->options.listener_count; i++)
		tcp->options.engine->type->watch(tcp->options.engine, tcp->options.listeners[i],
		                                 accepting ? WATCH_READ : 0, accept_ready, tcp);
}

/* Whoever waits for `out` is told. */
static void end_streams(struct connection *c, bool open)
{
	while (c->streams) {
		struct tcp_stream *stream = c->streams;
		c->streams = stream->next;
		c->tcp->options.drained(c->tcp->options.context, stream, open);
	}
}

static void close_connection(struct connection *c)
{
	struct tcp *tcp = c->tcp;

	tcp->options.engine->type->watch(tcp->options.engine, c->fd, 0, NULL, NULL);
	close(c->fd);
	end_streams(c, false);
	kept_free(&c->in);
	kept_free(&c->out);
	unlink_connection(tcp, c);
	c->fd = -1;
	c->generation++;
	c->next = tcp->free;
	tcp->free = slot_of(c);
	tcp->open--;
	atomic_store_explicit(&tcp->options.counters->open, tcp->open, memory_order_relaxed);
}

/* A whole message waits in `in`, held up by slow writes or too many waits. */
static bool has_request(const struct connection *c)
{
	return c->in.len >= 2 && c->in.len >= 2u + wire_get16(c->in.octets + c->in.at);
}

static void connection_ready(void *argument, int fd, unsigned bits);

/* Says what to wait for; closes when there is nothing to. Returns false if it closed. */
static bool settle(struct connection *c)
{
	unsigned bits = 0;

	if (c->ended && !c->waiting && !c->out.len && !has_request(c)) {
		close_connection(c);
		return false;
	}
	if (c->out.len)
		bits |= WATCH_WRITE;
	else if (!c->ended && c->waiting < WAITING_MAX)
		bits |= WATCH_READ;
	if (bits == c->watched)
		return true;
	if (c->tcp->options.engine->type->watch(c->tcp->options.engine, c->fd, bits, connection_ready, c)) {
		close_connection(c);
		return false;
	}
	c->watched = (uint8_t)bits;
	return true;
}

/* ---- writing ---- */

/* Sends octets; what the socket does not take now is kept. False: the connection is broken. */
static bool write_out(struct connection *c, const uint8_t *octets, size_t len)
{
	size_t sent = 0;

	if (!c->out.len) {
		ssize_t n = send(c->fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		sent = n > 0 ? (size_t)n : 0;
	}
	if (sent == len)
		return true;
	return c->out.len + (len - sent) <= KEEP_OUT_MAX && kept_add(&c->out, octets + sent, len - sent);
}

static bool write_kept(struct connection *c)
{
	ssize_t n = send(c->fd, c->out.octets + c->out.at, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	kept_drop(&c->out, (size_t)n);
	if (!c->streams || !c->out.len) /* streams have to be taken a message at a time */
		touch(c);
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
	return !len || write_out(c, tcp->write, len);
}

/* ---- reading ---- */

/* Answers one request into the replies of this turn. */
static void answer(struct connection *c, const uint8_t *octets, size_t len)
{
	struct tcp *tcp = c->tcp;
	const struct tcp_id id = { slot_of(c), c->generation };
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
	while (len - at >= 2 && c->waiting < WAITING_MAX && !c->out.len) {
		size_t message = wire_get16(octets + at);
		if (!message) { /* none is empty: whoever says so does not speak DNS */
			flush(c);
			c->broken = true;
		}
		if (len - at - 2 < message)
			break;
		if (tcp->write_len + 2 + MESSAGE_MAX > WRITE_MAX && !flush(c))
			c->broken = true;
		if (c->out.len || c->broken)
			break;
		answer(c, octets + at + 2, message);
		at += 2 + message;
	}
	tcp->busy = NULL;
	if (at)
		touch(c);
	return flush(c) ? at : SIZE_MAX;
}

/* Answers what is kept. False: closed. */
static bool answer_kept(struct connection *c)
{
	if (!c->in.len)
		return true;
	size_t done = answer_all(c, c->in.octets + c->in.at, c->in.len);
	if (done == SIZE_MAX) {
		close_connection(c);
		return false;
	}
	kept_drop(&c->in, done);
	return true;
}

/* Reads a turn's worth; whole messages are answered from where they were read to. False: closed. */
static bool read_more(struct connection *c)
{
	struct tcp *tcp = c->tcp;
	bool keep = c->in.len > 0;
	size_t size = READ_MAX;
	uint8_t *to = tcp->read;

	if (keep) {
		/* At most to the end of the message that is in pieces, and twice what is there already. */
		size_t whole = c->in.len < 2 ? 2u : 2u + wire_get16(c->in.octets + c->in.at);
		size = whole > c->in.len ? whole - c->in.len : READ_MAX;
		size_t step = c->in.len < KEEP_FIRST ? KEEP_FIRST : c->in.len;
		size = size < step ? size : step;
		to = kept_room(&c->in, size);
	}
	ssize_t n = to ? recv(c->fd, to, size, MSG_DONTWAIT) : -1;
	if (n < 0 && to && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0) {
		close_connection(c);
		return false;
	}
	if (n == 0) {
		c->ended = true;
		return true;
	}
	if (keep) {
		c->in.len += (uint32_t)n;
		return answer_kept(c);
	}
	size_t done = answer_all(c, to, (size_t)n);
	if (done == SIZE_MAX || (done < (size_t)n && !kept_add(&c->in, to + done, (size_t)n - done))) {
		close_connection(c);
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
			close_connection(c);
			return;
		}
		if (!c->out.len && !answer_kept(c))
			return;
	}
	if (bits & WATCH_READ && !c->ended && !c->out.len && !read_more(c))
		return;
	settle(c);
}

/* ---- accepting ---- */

/* IPv6 clients own a /64 at least, so that is what counts as one address. */
static bool same_client(const union socket_address *a, const union socket_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 8) == 0;
}

/* The one without waits that has been idle for longest, of one client or (NULL) of all. */
static struct connection *idlest(const struct tcp *tcp, const union socket_address *client)
{
	for (uint32_t slot = tcp->oldest; slot != NO_SLOT; slot = tcp->connections[slot].next) {
		struct connection *c = &tcp->connections[slot];
		if (!c->waiting && (!client || same_client(&c->peer, client)))
			return c;
	}
	return NULL;
}

/* Whoever comes now has a question, which idle connections have not: where a limit is reached they
 * make room (RFC 7766 section 6.2.3), or somebody who opens many and says nothing would lock the
 * others out. A client at its own limit makes room itself. False: all wait for their answers. */
static bool make_room(struct tcp *tcp, const union socket_address *peer)
{
	struct connection *idle = NULL;
	unsigned same = 0;

	if (tcp->open >= tcp->options.clients_each)
		for (uint32_t slot = tcp->oldest; slot != NO_SLOT; slot = tcp->connections[slot].next)
			same += same_client(&tcp->connections[slot].peer, peer);
	if (same >= tcp->options.clients_each)
		idle = idlest(tcp, peer);
	else if (tcp->free == NO_SLOT)
		idle = idlest(tcp, NULL);
	else
		return true;
	if (idle)
		close_connection(idle);
	return idle != NULL;
}

static void welcome(struct tcp *tcp, int fd, const union socket_address *peer)
{
	struct connection *c = &tcp->connections[tcp->free];

	tcp->free = c->next;
	*c = (struct connection){ .fd = fd, .generation = c->generation, .peer = *peer, .tcp = tcp,
	                          .active_ms = now(tcp) };
	link_newest(tcp, c);
	tcp->open++;
	atomic_store_explicit(&tcp->options.counters->open, tcp->open, memory_order_relaxed);
	count(&tcp->options.counters->accepted, 1);
	/* The question is often there already. */
	if (read_more(c))
		settle(c);
}

static void accept_ready(void *argument, int fd, unsigned bits)
{
	struct tcp *tcp = argument;

	(void)bits;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		union socket_address peer = { 0 };
		socklen_t len = sizeof peer;
		int client = accept4(fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client >= 0 && make_room(tcp, &peer)) {
			welcome(tcp, client, &peer);
		} else if (client >= 0) {
			count(&tcp->options.counters->refused, 1);
			close(client);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			tcp->options.starved(tcp->options.context, errno);
			set_accepting(tcp, false);
			tcp->pause_until_ms = now(tcp) + ACCEPT_PAUSE_MS;
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

/* ---- the rest ---- */

static struct connection *find(struct tcp *tcp, const struct tcp_id *id)
{
	struct connection *c = &tcp->connections[id->slot];

	return c->fd >= 0 && c->generation == id->generation ? c : NULL;
}

/* A wait is over. Questions that waited for it are answered by tcp_tick(): this may be a call from the
 * middle of answering another one. */
static void resume(struct connection *c)
{
	c->waiting--;
	if (has_request(c) && !c->out.len)
		c->tcp->deferred = true;
	else if (c != c->tcp->busy)
		settle(c);
}

/* Prefix and message in one segment: some clients read them with one call. */
static bool write_message(struct connection *c, const uint8_t *octets, size_t len)
{
	uint8_t prefix[2];
	struct iovec pieces[2] = { { prefix, 2 }, { (void *)(uintptr_t)octets, len } };
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
	size_t sent = 0;

	wire_set16(prefix, (uint16_t)len);
	if (!c->out.len && c != c->tcp->busy) {
		ssize_t n = sendmsg(c->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		sent = n > 0 ? (size_t)n : 0;
	}
	if (c->out.len + 2 + len - sent > KEEP_OUT_MAX)
		return false;
	if (sent < 2 && !kept_add(&c->out, prefix + sent, 2 - sent))
		return false;
	size_t from = sent < 2 ? 0 : sent - 2;
	return from == len || kept_add(&c->out, octets + from, len - from);
}

void tcp_reply(struct tcp *tcp, const struct tcp_id *id, const uint8_t *octets, size_t len)
{
	struct connection *c = find(tcp, id);

	if (!c)
		return;
	if (write_message(c, octets, len)) {
		touch(c);
		resume(c);
	} else if (c == tcp->busy) {
		c->broken = true;
	} else {
		close_connection(c);
	}
}

enum tcp_sent tcp_more(struct tcp *tcp, const struct tcp_id *id, const uint8_t *octets, size_t len,
                       struct tcp_stream *stream)
{
	struct connection *c = find(tcp, id);

	if (!c)
		return TCP_GONE;
	if (!write_message(c, octets, len)) {
		close_connection(c);
		return TCP_GONE;
	}
	if (!c->out.len) {
		touch(c);
		return TCP_LEFT;
	}
	touch(c); /* making the message is no idleness of the client */
	stream->next = c->streams;
	c->streams = stream;
	settle(c); /* if it closes, `drained` has been called */
	return TCP_KEPT;
}

void tcp_cut(struct tcp *tcp, const struct tcp_id *id)
{
	struct connection *c = find(tcp, id);

	if (c)
		close_connection(c);
}

void tcp_forget(struct tcp *tcp, const struct tcp_id *id)
{
	struct connection *c = find(tcp, id);

	if (c)
		resume(c);
}

/* Questions that were held up by waits that are over. */
static void answer_deferred(struct tcp *tcp)
{
	tcp->deferred = false;
	for (uint32_t slot = tcp->oldest; slot != NO_SLOT;) {
		struct connection *c = &tcp->connections[slot];
		if (c->fd < 0) { /* answering another one found it broken */
			slot = tcp->oldest;
			continue;
		}
		slot = c->next;
		if (has_request(c) && !c->out.len && c->waiting < WAITING_MAX && answer_kept(c))
			settle(c);
	}
}

/* Under pressure idle connections have to go sooner. */
static uint32_t idle_limit(const struct tcp *tcp)
{
	return tcp->open > tcp->options.clients / 4 * 3 ? tcp->options.idle_ms / 8 : tcp->options.idle_ms;
}

void tcp_tick(struct tcp *tcp)
{
	uint64_t time = now(tcp);

	if (tcp->deferred)
		answer_deferred(tcp);
	if (tcp->pause_until_ms && time >= tcp->pause_until_ms) {
		tcp->pause_until_ms = 0;
		set_accepting(tcp, true);
	}
	/* Oldest first; one that waits for an upstream is not idle, and its wait has an end of its own.
	 * One that does not take what it asked for is. */
	for (uint32_t slot = tcp->oldest; slot != NO_SLOT;) {
		struct connection *c = &tcp->connections[slot];
		if (time - c->active_ms < idle_limit(tcp))
			return;
		slot = c->next;
		if (!c->waiting || c->streams)
			close_connection(c);
	}
}

uint32_t tcp_next_ms(const struct tcp *tcp)
{
	uint64_t time = now(tcp), due = UINT64_MAX;

	if (tcp->deferred)
		return 0;
	if (tcp->oldest != NO_SLOT) {
		due = tcp->connections[tcp->oldest].active_ms + idle_limit(tcp);
		/* The oldest may be waiting for an upstream: look again soon, not at once. */
		if (due <= time)
			due = time + 100;
	}
	if (tcp->pause_until_ms && tcp->pause_until_ms < due)
		due = tcp->pause_until_ms;
	if (due == UINT64_MAX)
		return UINT32_MAX;
	return due <= time ? 0 : due - time < UINT32_MAX ? (uint32_t)(due - time) : UINT32_MAX - 1;
}

void tcp_quiet(struct tcp *tcp)
{
	tcp->pause_until_ms = 0;
	set_accepting(tcp, false);
	for (uint32_t slot = tcp->oldest; slot != NO_SLOT;) {
		struct connection *c = &tcp->connections[slot];
		if (c->fd < 0) {
			slot = tcp->oldest;
			continue;
		}
		slot = c->next;
		/* What has arrived was asked before we stopped. */
		if (!c->ended && !c->out.len && c->waiting < WAITING_MAX && !read_more(c))
			continue;
		c->ended = true;
		settle(c);
	}
}

unsigned tcp_open(const struct tcp *tcp)
{
	return tcp->open;
}

int tcp_new(struct tcp **tcp, const struct tcp_options *options)
{
	struct tcp *made = calloc(1, sizeof *made);
	if (!made)
		return MIST_ENOMEM;
	made->options = *options;
	made->free = made->oldest = made->newest = NO_SLOT;
	made->connections = calloc(options->clients, sizeof *made->connections);
	made->read = malloc(READ_MAX);
	made->write = malloc(WRITE_MAX);
	if (!made->connections || !made->read || !made->write) {
		tcp_free(made);
		return MIST_ENOMEM;
	}
	for (uint32_t slot = options->clients; slot-- > 0;) {
		made->connections[slot] = (struct connection){ .fd = -1, .next = made->free, .tcp = made };
		made->free = slot;
	}
	set_accepting(made, true);
	*tcp = made;
	return MIST_OK;
}

void tcp_free(struct tcp *tcp)
{
	set_accepting(tcp, false);
	while (tcp->oldest != NO_SLOT)
		close_connection(&tcp->connections[tcp->oldest]);
	free(tcp->connections);
	free(tcp->read);
	free(tcp->write);
	free(tcp);
}
