/*
 * See adopted.h.
 */
#include "net/adopted.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forward/forward.h"
#include "mistcore.h"
#include "net/socket.h"

#define TURN_MAX 128         /* datagrams of one socket before the others have their turn, as in engine_epoll.c */
#define TURN_QUIET 8192      /* at the end: all that a receive buffer of 1 MiB can hold */
#define BUFFER 2048          /* beyond the 1232 octets we ask for; longer ones are cut and get FORMERR */

/* A peer's `adopted`: the slot, and how often that was given up, so that a reply to a former socket's client is
 * recognised. 20 bits of that last for a million sockets, and a reply is late by seconds. */
#define SLOT_BITS 12
static_assert(ADOPTED_MAX <= 1 << SLOT_BITS, "a slot has its bits");

struct guest {
	struct adopted *adopted;
	int fd;                      /* -1: free */
	bool stream;
	uint32_t number;             /* of its clients, never 0 */
	struct udp_socket udp;
};

struct adopted {
	struct adopted_options options;
	unsigned count;              /* slots below are, or were, in use */
	struct guest *guests[ADOPTED_MAX];
	uint8_t octets[BUFFER], reply[UDP_REPLY_MAX];
};

/* ---- datagrams ---- */

static void answer(struct guest *guest, const struct msghdr *message, size_t len)
{
	struct adopted *adopted = guest->adopted;
	struct udp_peer peer;

	if (!udp_peer_read(&peer, 0, message->msg_name, message->msg_control, message->msg_controllen))
		return;
	peer.adopted = guest->number;
	size_t reply = adopted->options.datagram(adopted->options.context, &peer, adopted->octets, len, adopted->reply);
	if (reply)
		udp_send(guest->fd, &peer, adopted->reply, reply);
}

/* False: there is none. */
static bool receive(struct guest *guest)
{
	union socket_address name;
	_Alignas(struct cmsghdr) uint8_t control[UDP_CONTROL_MAX];
	const size_t control_len = udp_control_len(&guest->udp, false);
	struct iovec piece = { guest->adopted->octets, BUFFER };
	struct msghdr message = {
		.msg_name = &name,
		.msg_namelen = sizeof name,
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control_len ? control : NULL,
		.msg_controllen = control_len,
	};
	ssize_t len = recvmsg(guest->fd, &message, MSG_DONTWAIT);

	if (len < 0)
		return errno == EINTR;
	answer(guest, &message, (size_t)len);
	return true;
}

static void datagrams(void *argument, int fd, unsigned bits)
{
	(void)fd;
	(void)bits;
	for (unsigned i = 0; i < TURN_MAX && receive(argument); i++)
		;
}

/* ---- guests ---- */

static struct guest *find(const struct adopted *adopted, int fd)
{
	for (unsigned i = 0; i < adopted->count; i++)
		if (adopted->guests[i]->fd == fd)
			return adopted->guests[i];
	return NULL;
}

/* A slot that is free, or one more; NULL: there is none. */
static struct guest *vacancy(struct adopted *adopted)
{
	struct guest *guest = find(adopted, -1);

	if (guest || adopted->count == ADOPTED_MAX)
		return guest;
	guest = calloc(1, sizeof *guest);
	if (!guest)
		return NULL;
	*guest = (struct guest){ .adopted = adopted, .fd = -1, .number = 1u << SLOT_BITS | adopted->count };
	adopted->guests[adopted->count++] = guest;
	return guest;
}

static void vacate(struct guest *guest)
{
	guest->fd = -1;
	guest->number += 1u << SLOT_BITS;
	if (guest->number >> SLOT_BITS == 0)
		guest->number |= 1u << SLOT_BITS;
}

static int watch(struct guest *guest, unsigned bits)
{
	struct engine *engine = guest->adopted->options.engine;

	return engine->type->watch(engine, guest->fd, bits, datagrams, guest);
}

int adopted_take(struct adopted *adopted, int fd)
{
	struct guest *guest = vacancy(adopted);

	if (!guest)
		return adopted->count == ADOPTED_MAX ? MIST_EBUSY : MIST_ENOMEM;
	guest->fd = fd;
	guest->stream = socket_is_stream(fd);
	if (!guest->stream)
		guest->udp = socket_udp(fd);
	int error = guest->stream ? tcp_listen(adopted->options.tcp, fd) : watch(guest, WATCH_READ);
	if (error)
		vacate(guest);
	return error;
}

void adopted_give(struct adopted *adopted, int fd)
{
	struct guest *guest = find(adopted, fd);

	if (!guest)
		return;
	if (guest->stream)
		tcp_unlisten(adopted->options.tcp, fd);
	else
		watch(guest, 0);
	vacate(guest);
}

void adopted_send(struct adopted *adopted, const struct udp_peer *peer, const uint8_t *octets, size_t len)
{
	const struct guest *guest = adopted->guests[peer->adopted & (ADOPTED_MAX - 1)];

	if (guest->fd >= 0 && guest->number == peer->adopted)
		udp_send(guest->fd, peer, octets, len);
}

void adopted_quiet(struct adopted *adopted)
{
	for (unsigned i = 0; i < adopted->count; i++) {
		struct guest *guest = adopted->guests[i];
		if (guest->fd < 0 || guest->stream) /* tcp_quiet() sees to those */
			continue;
		watch(guest, 0);
		for (unsigned n = 0; n < TURN_QUIET && receive(guest); n++)
			;
	}
}

/* ---- begin and end ---- */

int adopted_new(struct adopted **adopted, const struct adopted_options *options)
{
	struct adopted *made = calloc(1, sizeof *made);

	if (!made)
		return MIST_ENOMEM;
	made->options = *options;
	*adopted = made;
	return MIST_OK;
}

void adopted_free(struct adopted *adopted)
{
	if (!adopted)
		return;
	for (unsigned i = 0; i < adopted->count; i++) {
		int fd = adopted->guests[i]->fd;
		if (fd >= 0) {
			adopted_give(adopted, fd);
			close(fd);
		}
	}
	for (unsigned i = 0; i < adopted->count; i++)
		free(adopted->guests[i]);
	free(adopted);
}
