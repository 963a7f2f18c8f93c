/*
 * c-ares at work (channel.h). What has to be known of it:
 *
 *  - It must be told everything: what it is not told it takes from the environment and resolv.conf.
 *  - When an answer is FORMERR without OPT it cuts the last 11 octets off the query (our OPT has
 *    exactly these) and stops using EDNS for the whole channel: such a channel is spoiled.
 *  - Without EDNS, or when an answer is larger than EDNSPSZ, it turns to TCP.
 *  - It forgets SERVFAIL and REFUSED on its way to the next server: we take note of them.
 *  - TCP is read one piece a call: readiness must be level-triggered.
 *  - Callbacks come from within its own calls; it must not be destroyed or used again from there.
 *  - From 1.28 on it writes queries anew, with an id of its own: what was sent is what counts.
 */
#include "forward/channel.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CARES_NO_DEPRECATED /* ares_send() and friends: what replaces them is not in 1.18.1 */
#include <ares.h>

#include "core/type.h"
#include "forward/check.h"

#define SOCKETS_MAX (2 * TARGET_TRIES + 2) /* UDP and TCP to each server; newer c-ares opens more */
#define HOLD_MS 10       /* what junk loses against a good answer right behind it */
#define CHECK_MS 20      /* how often c-ares looks at its timers */
#define JUNK_MAX 10      /* datagrams that did not fit: somebody is guessing, TCP decides */
#define DATAGRAMS_MAX 64 /* read in one go from one socket */

struct plug {
	int fd;                      /* -1: free */
	bool stream;
	bool answered;
	struct sockaddr_storage peer;
	socklen_t peer_len;
};

struct channel {
	const struct channel_host *host;
	ares_channel ares;
	uint32_t retry_ms;
	char servers[TARGET_TEXT_MAX]; /* those c-ares has now */
	struct target *target;
	bool busy, asking, ended, spoiled;
	enum outcome early;          /* of a question that ended within channel_ask() */
	bool has_early;
	uint64_t check_ms;

	/* of the question */
	struct plug plugs[SOCKETS_MAX];
	unsigned sends, junk;
	bool failed_answer, self;
	uint8_t sent[CHANNEL_QUERY_MAX + 64];
	size_t sent_len;
	int held_fd;                 /* -1: nothing held */
	uint64_t held_until_ms;
	uint8_t held[CHANNEL_QUERY_MAX];
	size_t held_len;
};

static void count(_Atomic(uint64_t) *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
}

static uint64_t now_of(const struct channel *channel)
{
	return channel->host->now_ms(channel->host->context);
}

/* ---- the library ----
 *
 * ares_library_init() counts its callers without a lock, and servers may start in several threads
 * at once: this mutex is the one piece of state the library has for itself. */

static pthread_mutex_t library_mutex = PTHREAD_MUTEX_INITIALIZER;

int channel_library_hold(void)
{
	pthread_mutex_lock(&library_mutex);
	const int status = ares_library_init(ARES_LIB_INIT_ALL);
	pthread_mutex_unlock(&library_mutex);
	return status == ARES_SUCCESS ? MIST_OK : MIST_ENOMEM;
}

void channel_library_release(void)
{
	pthread_mutex_lock(&library_mutex);
	ares_library_cleanup();
	pthread_mutex_unlock(&library_mutex);
}

/* ---- sockets ---- */

static struct plug *plug_of(struct channel *channel, int fd)
{
	for (unsigned i = 0; i < SOCKETS_MAX; i++)
		if (channel->plugs[i].fd == fd)
			return &channel->plugs[i];
	return NULL;
}

static struct server *server_of(const struct channel *channel, const struct plug *plug)
{
	if (!channel->target)
		return NULL;
	const struct upstream_address address = upstream_from_socket((const struct sockaddr *)&plug->peer);
	return target_server(channel->target, &address);
}

static ares_socket_t open_socket(int family, int type, int protocol, void *user)
{
	struct channel *channel = user;
	struct plug *plug = plug_of(channel, -1);
	if (!plug) {
		errno = EMFILE;
		return ARES_SOCKET_BAD;
	}
	const int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return ARES_SOCKET_BAD;
	*plug = (struct plug){ .fd = fd, .stream = (type & SOCK_STREAM) != 0 };
	const int on = 1;
	if (plug->stream)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

static int close_socket(ares_socket_t fd, void *user)
{
	struct channel *channel = user;
	struct plug *plug = plug_of(channel, fd);
	assert(plug && "a socket that we opened");
	channel->host->loop.watch(channel->host->loop.context, fd, 0, NULL, NULL);
	if (channel->held_fd == fd)
		channel->held_fd = -1;
	plug->fd = -1;
	return close(fd);
}

/* A connection from an address to itself stays on this machine: if we listen at each of its
 * addresses, it ends at ourselves. */
static bool leads_home(const struct channel *channel, int fd, const struct upstream_address *peer)
{
	struct sockaddr_storage local = { 0 };
	socklen_t len = sizeof local;
	bool uncertain;
	if (home_is(channel->host->home, peer, &uncertain) || !uncertain ||
	    getsockname(fd, (struct sockaddr *)&local, &len) != 0)
		return false;
	const struct upstream_address here = upstream_from_socket((const struct sockaddr *)&local);
	return here.family == peer->family &&
	       (memcmp(here.octets, peer->octets, sizeof here.octets) == 0 ||
	        (peer->family == AF_INET && peer->octets[0] == 127));
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *address, ares_socklen_t len,
                          void *user)
{
	struct channel *channel = user;
	struct plug *plug = plug_of(channel, fd);
	assert(plug && len <= sizeof plug->peer);
	memcpy(&plug->peer, address, len);
	plug->peer_len = len;
	const int result = connect(fd, address, len);
	const struct upstream_address peer = upstream_from_socket((const struct sockaddr *)&plug->peer);
	if (result == 0 && !plug->stream && leads_home(channel, fd, &peer)) {
		channel->self = true;
		errno = ECONNREFUSED;
		return -1;
	}
	return result;
}

static ares_ssize_t send_vector(ares_socket_t fd, const struct iovec *vector, int len, void *user)
{
	struct channel *channel = user;
	struct plug *plug = plug_of(channel, fd);
	assert(plug);
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)vector,
	                          .msg_iovlen = (size_t)len };
	if (plug->stream) {
		if (!plug->answered) /* once a connection */
			count(&channel->host->counters->upstream_queries);
		plug->answered = true;
		return sendmsg(fd, &message, MSG_NOSIGNAL);
	}
	size_t octets = 0;
	channel->sent_len = 0;
	for (int i = 0; i < len; i++) {
		const size_t room = sizeof channel->sent - channel->sent_len;
		const size_t part = vector[i].iov_len < room ? vector[i].iov_len : room;
		memcpy(channel->sent + channel->sent_len, vector[i].iov_base, part);
		channel->sent_len += part;
		octets += vector[i].iov_len;
	}
	/* Beyond its share of datagrams a question waits on, but says nothing more. */
	if (++channel->sends > TARGET_TRIES)
		return (ares_ssize_t)octets;
	count(&channel->host->counters->upstream_queries);
	server_asked(server_of(channel, plug), now_of(channel));
	const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	if (sent < 0)
		server_refused(server_of(channel, plug), now_of(channel));
	return sent;
}

/* ---- datagrams ---- */

/* Keeps header and question of a datagram that c-ares would act upon at once, and an OPT if it had
 * one, which decides whether FORMERR means "no EDNS". */
static void hold(struct channel *channel, int fd, const uint8_t *octets, size_t len,
                 uint64_t until_ms)
{
	const size_t question = name_check(channel->sent + MESSAGE_HEADER,
	                                   channel->sent_len - MESSAGE_HEADER) + 4;
	static const uint8_t opt[11] = { 0, 0, TYPE_OPT, MESSAGE_UDP_EDNS >> 8,
	                                 MESSAGE_UDP_EDNS & 0xff };
	uint16_t flags = wire_get16(octets + 2);
	if (len > MESSAGE_UDP_EDNS)
		flags |= FLAG_TC; /* more than we said we take: by TCP then */
	struct writer w = writer_on(channel->held, sizeof channel->held);
	writer_put(&w, octets, 2);
	writer_u16(&w, flags);
	writer_u16(&w, 1);
	writer_u32(&w, 0);
	const bool has_opt = len <= MESSAGE_UDP_EDNS && check_has_opt(octets, len);
	writer_u16(&w, has_opt ? 1 : 0);
	writer_put(&w, octets + MESSAGE_HEADER, question);
	if (has_opt)
		writer_put(&w, opt, sizeof opt);
	assert(!w.failed);
	channel->held_len = writer_len(&w);
	channel->held_fd = fd;
	channel->held_until_ms = until_ms;
}

/* Too many datagrams that do not fit: as if the answer had been truncated. */
static void hold_truncation(struct channel *channel, int fd)
{
	uint8_t octets[CHANNEL_QUERY_MAX + 64];
	memcpy(octets, channel->sent, channel->sent_len);
	wire_set16(octets + 2, FLAG_QR | FLAG_TC);
	hold(channel, fd, octets, channel->sent_len, 0);
}

static ares_ssize_t give_held(struct channel *channel, void *to, size_t size)
{
	const unsigned rcode = channel->held[3] & 15;
	const bool has_opt = channel->held[11] != 0;
	if (channel->held_len > size)
		return 0;
	memcpy(to, channel->held, channel->held_len);
	channel->held_fd = -1;
	if (!(wire_get16(channel->held + 2) & FLAG_TC)) {
		channel->failed_answer = true;
		channel->spoiled |= rcode == RCODE_FORMERR && !has_opt;
	}
	return (ares_ssize_t)channel->held_len;
}

/* The next datagram worth showing to c-ares. */
static ares_ssize_t read_datagram(struct channel *channel, struct plug *plug, uint8_t *to,
                                  size_t size)
{
	for (unsigned i = 0; i < DATAGRAMS_MAX; i++) {
		const ssize_t got = recv(plug->fd, to, size, MSG_TRUNC);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			server_refused(server_of(channel, plug), now_of(channel));
		if (got < 0 && errno != EAGAIN)
			return got;
		if (got < 0)
			break;
		const size_t len = (size_t)got < size ? (size_t)got : size;
		const enum datagram kind = check_datagram(channel->sent, channel->sent_len, to, len);
		if (kind == DATAGRAM_JUNK) {
			count(&channel->host->counters->upstream_rejected);
			if (++channel->junk == JUNK_MAX)
				hold_truncation(channel, plug->fd);
			continue;
		}
		server_answered(server_of(channel, plug));
		if (kind == DATAGRAM_ANSWER)
			return got;
		if (channel->held_fd < 0)
			hold(channel, plug->fd, to, (size_t)got, now_of(channel) + HOLD_MS);
	}
	if (channel->held_fd == plug->fd && now_of(channel) >= channel->held_until_ms)
		return give_held(channel, to, size);
	errno = EAGAIN;
	return -1;
}

static ares_ssize_t receive(ares_socket_t fd, void *to, size_t size, int flags,
                            struct sockaddr *from,
                            ares_socklen_t *from_len, void *user)
{
	struct channel *channel = user;
	struct plug *plug = plug_of(channel, fd);
	assert(plug);
	if (plug->stream)
		return recv(fd, to, size, flags);
	if (from && from_len && *from_len >= plug->peer_len) { /* the socket is connected */
		memcpy(from, &plug->peer, plug->peer_len);
		*from_len = plug->peer_len;
	}
	return read_datagram(channel, plug, to, size);
}

static const struct ares_socket_functions socket_functions = {
	.asocket = open_socket,
	.aclose = close_socket,
	.aconnect = connect_socket,
	.arecvfrom = receive,
	.asendv = send_vector,
};

/* ---- events ---- */

static void settle(struct channel *channel)
{
	if (!channel->ended)
		return;
	channel->busy = channel->ended = false;
	channel->target = NULL;
	channel->host->settled(channel->host->owner, channel);
}

static void ready(void *argument, int fd, unsigned bits)
{
	struct channel *channel = argument;
	ares_process_fd(channel->ares, bits & WATCH_READ ? fd : ARES_SOCKET_BAD,
	                bits & WATCH_WRITE ? fd : ARES_SOCKET_BAD);
	settle(channel);
}

static void socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
	struct channel *channel = user;
	const unsigned bits = (readable ? WATCH_READ : 0u) | (writable ? WATCH_WRITE : 0u);
	if (plug_of(channel, fd)) /* a failure shows as silence, and time ends it */
		channel->host->loop.watch(channel->host->loop.context, fd, bits, ready, channel);
}

static enum outcome outcome_of(const struct channel *channel, int status)
{
	if (status == ARES_SUCCESS)
		return OUTCOME_ANSWER;
	if (channel->self)
		return OUTCOME_SELF;
	if (channel->failed_answer)
		return OUTCOME_FAILED;
	return status == ARES_ETIMEOUT ? OUTCOME_TIMEOUT : OUTCOME_NETWORK;
}

static void question_ended(void *user, int status, int timeouts, unsigned char *octets, int len)
{
	struct channel *channel = user;
	(void)timeouts;
	if (!channel->busy || channel->ended) /* cancelled */
		return;
	const enum outcome outcome = outcome_of(channel, status);
	if (channel->asking) { /* nothing was sent; the caller is not ready to hear of it */
		channel->has_early = true;
		channel->early = outcome;
		return;
	}
	channel->ended = true;
	channel->host->ended(channel->host->owner, channel, outcome, octets,
	                     outcome == OUTCOME_ANSWER ? (size_t)len : 0);
}

/* ---- the channel ---- */

int channel_new(struct channel **result, const struct channel_host *host, uint32_t retry_ms)
{
	struct channel *channel = calloc(1, sizeof *channel);
	if (!channel)
		return MIST_ENOMEM;
	channel->host = host;
	channel->retry_ms = retry_ms;
	channel->held_fd = -1;
	for (unsigned i = 0; i < SOCKETS_MAX; i++)
		channel->plugs[i].fd = -1;
	char lookups[] = "b", nowhere[] = "/dev/null";
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = (int)retry_ms,
		.tries = TARGET_TRIES,
		.ednspsz = MESSAGE_UDP_EDNS,
		.lookups = lookups,
		.resolvconf_path = nowhere,
		.sock_state_cb = socket_state,
		.sock_state_cb_data = channel,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
	           ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST |
	           ARES_OPT_NOROTATE | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
#ifdef ARES_OPT_QUERY_CACHE /* from 1.31 on, and on unless told otherwise */
	options.qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	if (ares_init_options(&channel->ares, &options, mask) != ARES_SUCCESS) {
		free(channel);
		return MIST_ENOMEM;
	}
	ares_set_socket_functions(channel->ares, &socket_functions, channel);
	*result = channel;
	return MIST_OK;
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	channel->busy = false;
	ares_destroy(channel->ares);
	free(channel);
}

uint32_t channel_retry_ms(const struct channel *channel) { return channel->retry_ms; }
bool channel_spoiled(const struct channel *channel) { return channel->spoiled; }

void channel_ask(struct channel *channel, struct target *target, const uint8_t *query, size_t len)
{
	assert(!channel->busy);
	channel->target = target;
	channel->busy = true;
	channel->ended = channel->has_early = channel->failed_answer = channel->self = false;
	channel->sends = channel->junk = 0;
	channel->check_ms = now_of(channel) + CHECK_MS;
	char servers[TARGET_TEXT_MAX];
	target_order(target, now_of(channel), servers);
	if (strcmp(servers, channel->servers) != 0) {
		if (ares_set_servers_ports_csv(channel->ares, servers) != ARES_SUCCESS) {
			channel->servers[0] = '\0';
			channel->has_early = true;
			channel->early = OUTCOME_NETWORK;
			return;
		}
		strcpy(channel->servers, servers);
	}
	channel->asking = true;
	ares_send(channel->ares, query, (int)len, question_ended, channel);
	channel->asking = false;
}

void channel_cancel(struct channel *channel)
{
	channel->busy = false;
	ares_cancel(channel->ares);
	channel->ended = true;
	settle(channel);
}

void channel_tick(struct channel *channel, uint64_t now_ms)
{
	if (!channel->busy)
		return;
	if (channel->has_early) {
		channel->has_early = false;
		channel->ended = true;
		channel->host->ended(channel->host->owner, channel, channel->early, NULL, 0);
	} else if (channel->held_fd >= 0 && now_ms >= channel->held_until_ms) {
		ares_process_fd(channel->ares, channel->held_fd, ARES_SOCKET_BAD);
	} else if (now_ms >= channel->check_ms) {
		channel->check_ms = now_ms + CHECK_MS;
		ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
	settle(channel);
}
