/*
 * The engine that runs everywhere: recvmmsg and sendmmsg for datagrams, epoll for what is watched.
 * Containers block io_uring by default, so this is no second choice but the one many users get.
 *
 * UDP sockets are not in the epoll but in a poll() beside it, for a reason that profiles show: who
 * stands in an epoll waits at the socket all the time, and the kernel calls every waiter when a
 * datagram has come *and* when one has left. poll() waits only while we sleep. With 64
 * stubs this takes 7 % off the CPU time of an answer, and as much off the clients'.
 */
#include "net/engine.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/ahead.h"
#include "forward/forward.h"
#include "mistcore.h"

#define RECEIVE_WIDTH UDP_BATCH
/* Datagrams of one socket before the others have their turn: half a millisecond of work. Counted in datagrams and not
 * in receives, because a lone client that asks at once again is then served without a poll() in between: with
 * one after four receives, a question with both CPUs busy took 5 % longer. */
#define TURN_MAX 128
#define TURN_QUIET 8192      /* at the end: all that a receive buffer of 1 MiB can hold */
#define VAIN_MAX 16          /* receives in vain behind datagrams that came alone, until they are left out ... */
#define VAIN_PAUSE 64        /* ... so many times. Clients that ask now and then: 3 calls an answer instead of 4, CPU 0.97 */
#define EVENTS_MAX 64
#define BUFFER_PLAIN 2048    /* beyond the 1232 octets we ask for; longer ones are cut and get FORMERR */
#define BUFFER_GRO 65536     /* a whole burst */

struct receive {
	unsigned socket;             /* whose the layout of the messages is */
	unsigned used;               /* messages whose layout recvmmsg has changed */
	struct mmsghdr messages[RECEIVE_WIDTH];
	struct iovec pieces[RECEIVE_WIDTH];
	union { struct sockaddr any; struct sockaddr_in6 v6; } names[RECEIVE_WIDTH];
	struct { _Alignas(struct cmsghdr) uint8_t octets[UDP_CONTROL_MAX]; } controls[RECEIVE_WIDTH];
};

struct epoll {
	struct engine engine;
	struct engine_options options;
	struct udp_socket sockets[UDP_SOCKETS_MAX];
	struct watches watches;
	int fd;                      /* the epoll; its data: generation and slot of a watch */
	struct pollfd polls[UDP_SOCKETS_MAX + 1]; /* the sockets, then the epoll */
	unsigned width;              /* datagrams a call */
	unsigned vain;               /* receives in a row behind a lone datagram that found nothing, or were left out */
	size_t buffer_size;
	uint8_t *buffers;
	struct receive receive;
	struct batch batch;
	struct mmsghdr sends[UDP_REPLIES_MAX];
};

/* One reply alone, without control data: sendto() costs 70 ns less than sendmmsg() of one. */
static bool send_plain(int fd, const struct udp_group *group)
{
	const struct msghdr *message = &group->message;

	return group->count == 1 && !message->msg_control &&
	       sendto(fd, message->msg_iov->iov_base, message->msg_iov->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL,
	              message->msg_name, message->msg_namelen) >= 0;
}

/* Sends the batch. A message that the kernel refuses is passed over, so that it stops no other. */
static void send_batch(struct epoll *epoll, int fd)
{
	struct batch *batch = &epoll->batch;
	const struct udp_group *groups[UDP_REPLIES_MAX];
	unsigned sent = 0, count = 0;

	batch_end(batch, epoll->sockets);
	for (unsigned i = 0; i < batch->group_count; i++) {
		if (!batch->groups[i].count)
			continue;
		groups[count] = &batch->groups[i];
		epoll->sends[count++].msg_hdr = batch->groups[i].message;
	}
	if (count == 1 && send_plain(fd, groups[0]))
		sent = 1;
	while (sent < count) {
		int n = sendmmsg(fd, epoll->sends + sent, count - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0) {
			sent += (unsigned)n;
			continue;
		}
		if (groups[sent]->count > 1) {
			if (udp_refuses_groups(errno))
				batch->singly = UDP_SINGLY;
			udp_send_singly(fd, groups[sent]);
		}
		sent++;
	}
	batch_begin(batch);
}

static void hand_out(struct epoll *epoll, const struct udp_peer *peer, const uint8_t *octets, size_t len)
{
	const struct engine_handler *handler = &epoll->options.handler;

	if (batch_full(&epoll->batch))
		send_batch(epoll, epoll->sockets[peer->socket].fd);
	size_t reply = handler->datagram(handler->context, peer, octets, len, epoll->batch.at);
	if (reply)
		batch_add(&epoll->batch, peer, reply);
}

static void hand_out_message(struct epoll *epoll, unsigned socket, unsigned i)
{
	struct msghdr *message = &epoll->receive.messages[i].msg_hdr;
	const uint8_t *octets = epoll->receive.pieces[i].iov_base;
	size_t len = epoll->receive.messages[i].msg_len;
	const struct cmsghdr *control = message->msg_control;
	struct udp_peer peer;

	if (!udp_peer_read(&peer, socket, &epoll->receive.names[i].any, control, message->msg_controllen))
		return;
	size_t segment = epoll->options.gro ? udp_segment_size(control, message->msg_controllen) : 0;
	while (segment && len > segment) {
		hand_out(epoll, &peer, octets, segment);
		octets += segment;
		len -= segment;
	}
	hand_out(epoll, &peer, octets, len);
}

/* Tells of a datagram before its turn. */
static void tell_ahead(struct epoll *epoll, unsigned i)
{
	const struct engine_handler *handler = &epoll->options.handler;
	if (i < epoll->receive.used)
		handler->ahead(handler->context, epoll->receive.pieces[i].iov_base, epoll->receive.messages[i].msg_len);
	else
		handler->ahead(handler->context, NULL, 0);
}

static void lay_out(struct epoll *epoll, unsigned index)
{
	const struct udp_socket *socket = &epoll->sockets[index];
	size_t control_len = udp_control_len(socket, epoll->options.gro);
	unsigned count = epoll->receive.socket == index ? epoll->receive.used : epoll->width;

	for (unsigned i = 0; i < count; i++)
		epoll->receive.messages[i].msg_hdr = (struct msghdr){
			.msg_name = &epoll->receive.names[i],
			.msg_namelen = udp_address_len(socket->family),
			.msg_iov = &epoll->receive.pieces[i],
			.msg_iovlen = 1,
			.msg_control = control_len ? epoll->receive.controls[i].octets : NULL,
			.msg_controllen = control_len,
		};
	epoll->receive.socket = index;
}

/* One recvmmsg and the replies to it; returns the number of datagrams. */
static unsigned receive_batch(struct epoll *epoll, unsigned index)
{
	int fd = epoll->sockets[index].fd;

	lay_out(epoll, index);
	int n = recvmmsg(fd, epoll->receive.messages, epoll->width, MSG_DONTWAIT, NULL);
	epoll->receive.used = n > 0 ? (unsigned)n : 0;
	if (n <= 0)
		return 0;
	const bool ahead = epoll->options.handler.batch(epoll->options.handler.context) && n > 1;
	for (unsigned i = 0; ahead && i < AHEAD_DISTANCE; i++)
		tell_ahead(epoll, i);
	for (unsigned i = 0; i < epoll->receive.used; i++) {
		if (ahead)
			tell_ahead(epoll, i + AHEAD_DISTANCE);
		hand_out_message(epoll, index, i);
	}
	send_batch(epoll, fd);
	return epoll->receive.used;
}

/* Whether to receive behind a datagram that came alone. A client that asks again at once has done so by now, one that
 * does not makes it a system call in vain. */
static bool look_again(struct epoll *epoll)
{
	if (epoll->vain < VAIN_MAX)
		return true;
	epoll->vain = epoll->vain == VAIN_MAX + VAIN_PAUSE ? VAIN_MAX - 1 : epoll->vain + 1;
	return epoll->vain < VAIN_MAX;
}

/* Until nothing is left, or so many have come; returns whether any has. */
static bool receive(struct epoll *epoll, unsigned index, unsigned limit)
{
	unsigned count = receive_batch(epoll, index), n = count;

	while (n > 0 && count < limit && (n > 1 || look_again(epoll))) {
		n = receive_batch(epoll, index);
		count += n;
		epoll->vain = n > 0 ? 0 : epoll->vain + 1;
	}
	return count > 0;
}

static void dispatch(struct epoll *epoll, const struct epoll_event *event)
{
	/* Earlier callbacks of this round may have ended this watch. */
	struct watch *watch = watches_current(&epoll->watches, (uint32_t)event->data.u64,
	                                      (uint32_t)(event->data.u64 >> 32));
	if (!watch)
		return;
	unsigned bits = 0;
	if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		bits |= WATCH_READ;
	if (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		bits |= WATCH_WRITE;
	bits &= watch->bits;
	if (bits) {
		epoll->options.handler.batch(epoll->options.handler.context);
		watch->ready(watch->argument, watch->fd, bits);
	}
}

static void dispatch_watched(struct epoll *epoll)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(epoll->fd, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++)
		dispatch(epoll, &events[i]);
}

static void epoll_run(struct engine *engine, uint32_t timeout_ms)
{
	struct epoll *epoll = (struct epoll *)engine;
	unsigned count = epoll->options.socket_count;
	int timeout = timeout_ms == UINT32_MAX ? -1 : timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;

	epoll->options.handler.park(epoll->options.handler.context);
	int n = poll(epoll->polls, count + 1, timeout);
	bool begun = false;
	for (unsigned i = 0; i < count && n > 0; i++)
		if (epoll->polls[i].revents)
			begun |= receive(epoll, i, TURN_MAX);
	if (!begun)
		epoll->options.handler.batch(epoll->options.handler.context);
	if (n > 0 && epoll->polls[count].revents)
		dispatch_watched(epoll);
}

static int epoll_watch(struct engine *engine, int fd, unsigned bits, watch_ready *ready, void *argument)
{
	struct epoll *epoll = (struct epoll *)engine;
	uint32_t slot = watches_find(&epoll->watches, fd);

	if (!bits) {
		if (slot != WATCH_NONE) {
			epoll_ctl(epoll->fd, EPOLL_CTL_DEL, fd, NULL);
			watches_remove(&epoll->watches, slot);
		}
		return MIST_OK;
	}
	int operation = slot == WATCH_NONE ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
	if (slot == WATCH_NONE && (slot = watches_add(&epoll->watches, fd)) == WATCH_NONE)
		return MIST_ENOMEM;
	struct watch *watch = &epoll->watches.slots[slot];
	watch->ready = ready;
	watch->argument = argument;
	if (watch->bits == bits)
		return MIST_OK;
	struct epoll_event event = {
		.events = (bits & WATCH_READ ? (uint32_t)EPOLLIN : 0) | (bits & WATCH_WRITE ? (uint32_t)EPOLLOUT : 0),
		.data.u64 = (uint64_t)watch->generation << 32 | slot,
	};
	if (epoll_ctl(epoll->fd, operation, fd, &event)) {
		if (operation == EPOLL_CTL_ADD)
			watches_remove(&epoll->watches, slot);
		return MIST_ENETWORK;
	}
	watch->bits = (uint8_t)bits;
	return MIST_OK;
}

static void epoll_quiet(struct engine *engine)
{
	struct epoll *epoll = (struct epoll *)engine;

	epoll->vain = 0; /* to the last one */
	for (unsigned i = 0; i < epoll->options.socket_count; i++) {
		epoll->polls[i].fd = -1; /* which poll() passes over */
		receive(epoll, i, TURN_QUIET);
	}
}

static void epoll_close(struct engine *engine)
{
	struct epoll *epoll = (struct epoll *)engine;

	if (epoll->fd >= 0)
		close(epoll->fd);
	if (epoll->buffers)
		munmap(epoll->buffers, epoll->width * epoll->buffer_size);
	watches_free(&epoll->watches);
	free(epoll);
}

static int epoll_open(struct engine **engine, const struct engine_options *options)
{
	int error = MIST_ENOMEM;
	struct epoll *epoll = calloc(1, sizeof *epoll);
	if (!epoll)
		return MIST_ENOMEM;
	epoll->engine.type = &engine_epoll;
	epoll->options = *options;
	memcpy(epoll->sockets, options->sockets, options->socket_count * sizeof *options->sockets);
	epoll->fd = -1;
	epoll->receive.socket = UDP_SOCKETS_MAX; /* of none yet */
	/* With GRO each buffer may hold 128 datagrams: fewer at a time, and memory stays small. */
	epoll->width = options->gro ? RECEIVE_WIDTH / 4 : RECEIVE_WIDTH;
	epoll->buffer_size = options->gro ? BUFFER_GRO : BUFFER_PLAIN;
	batch_init(&epoll->batch);
	if (watches_init(&epoll->watches))
		goto fail;
	void *buffers = mmap(NULL, epoll->width * epoll->buffer_size, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffers == MAP_FAILED)
		goto fail;
	epoll->buffers = buffers;
	for (unsigned i = 0; i < epoll->width; i++)
		epoll->receive.pieces[i] = (struct iovec){ epoll->buffers + i * epoll->buffer_size,
		                                           epoll->buffer_size };
	error = MIST_ENETWORK;
	epoll->fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll->fd < 0)
		goto fail;
	for (unsigned i = 0; i < options->socket_count; i++)
		epoll->polls[i] = (struct pollfd){ .fd = epoll->sockets[i].fd, .events = POLLIN };
	epoll->polls[options->socket_count] = (struct pollfd){ .fd = epoll->fd, .events = POLLIN };
	*engine = &epoll->engine;
	return MIST_OK;

fail:
	epoll_close(&epoll->engine);
	return error;
}

const struct engine_type engine_epoll = {
	.name = "epoll",
	.open = epoll_open,
	.watch = epoll_watch,
	.quiet = epoll_quiet,
	.run = epoll_run,
	.close = epoll_close,
};
