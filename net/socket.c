/*
 * See socket.h.
 */
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/address.h"
#include "net/steer.h"

/* The default of 208 KiB holds some 200 queries, since each is accounted with its whole buffer. 4 MiB
 * would hold 20 ms of them: late answers to clients that have asked again. */
#define RECEIVE_BUFFER (1 << 20)
#define LISTEN_BACKLOG 512   /* of TCP connections not yet accepted; net.core.somaxconn may lower it */

bool socket_address_read(union socket_address *address, const char *text, uint16_t port)
{
	uint8_t octets[16];

	switch (address_from_text(text, octets)) {
	case 4:
		*address = (union socket_address){ .v4 = { .sin_family = AF_INET, .sin_port = htons(port) } };
		memcpy(&address->v4.sin_addr, octets, 4);
		return true;
	case 16:
		*address = (union socket_address){ .v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };
		memcpy(&address->v6.sin6_addr, octets, 16);
		return true;
	default:
		return false;
	}
}

bool socket_address_loopback(const union socket_address *address)
{
	if (address->any.sa_family == AF_INET)
		return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

static bool is_wildcard(const union socket_address *address)
{
	if (address->any.sa_family == AF_INET)
		return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* Two addresses that cannot both be bound to one port. */
static bool clash(const struct listener *a, const struct listener *b)
{
	if (a->address.any.sa_family != b->address.any.sa_family)
		return false;
	if (a->wildcard || b->wildcard)
		return true;
	if (a->address.any.sa_family == AF_INET)
		return a->address.v4.sin_addr.s_addr == b->address.v4.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a->address.v6.sin6_addr, &b->address.v6.sin6_addr);
}

static int on(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

static int udp_options(int fd, const union socket_address *address, bool gro)
{
	bool v4 = address->any.sa_family == AF_INET;

	/* More than net.core.rmem_max is given to the privileged only; the others get what there is. */
	if (on(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER))
		on(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	/* Replies never believe a path MTU that anybody may have spoofed (draft-ietf-dnsop-avoid-fragmentation's
	 * sizes are kept by the answer itself). */
	on(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
	   v4 ? IP_PMTUDISC_OMIT : IPV6_PMTUDISC_OMIT);
	if (is_wildcard(address) && on(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1))
		return -1;
	if (gro && on(fd, SOL_UDP, UDP_GRO, 1))
		return -1;
	return 0;
}

/* Opens, binds and (TCP) listens; the errno of a failure stays. */
static int open_socket(const struct listener *listener, int type, bool first, bool gro)
{
	int fd = socket(listener->address.any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (listener->address.any.sa_family == AF_INET6 && on(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
		goto fail;
	if (type == SOCK_STREAM && (on(fd, SOL_SOCKET, SO_REUSEADDR, 1) || on(fd, IPPROTO_TCP, TCP_NODELAY, 1)))
		goto fail;
	if (type == SOCK_DGRAM && udp_options(fd, &listener->address, gro))
		goto fail;
	if (!first && on(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		goto fail;
	if (bind(fd, &listener->address.any, udp_address_len(listener->address.any.sa_family)))
		goto fail;
	if (type == SOCK_STREAM && listen(fd, LISTEN_BACKLOG))
		goto fail;
	return fd;

fail:;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* One protocol of one address: the first socket alone, then its siblings. */
static int open_group(struct listener *listener, int type, int *fds, const struct listen_options *options)
{
	for (unsigned i = 0; i < options->workers; i++) {
		if (i == 1 && on(fds[0], SOL_SOCKET, SO_REUSEPORT, 1))
			return -1;
		fds[i] = open_socket(listener, type, i == 0, options->gro);
		if (fds[i] < 0)
			return -1;
		if (i == 0) {
			socklen_t len = sizeof listener->address;
			if (getsockname(fds[0], &listener->address.any, &len))
				return -1;
		}
	}
	return 0;
}

static void set_port(struct listener *listener, uint16_t port)
{
	listener->address.v4.sin_port = htons(port); /* at the same place in both kinds */
}

/* What was being opened when it failed, for the message. */
struct failure {
	const char *protocol;
	const struct listener *listener;
	int why;
};

/* The whole set on one port (0: the first socket finds one). */
static int open_all(struct listeners *listeners, const struct listen_options *options, uint16_t port,
                    struct failure *failure)
{
	listeners->port = port;
	for (unsigned i = 0; i < listeners->count; i++) {
		struct listener *listener = &listeners->at[i];
		*failure = (struct failure){ .protocol = "UDP", .listener = listener };
		set_port(listener, listeners->port);
		if (open_group(listener, SOCK_DGRAM, listener->udp, options))
			goto fail;
		listeners->port = ntohs(listener->address.v4.sin_port);
		failure->protocol = "TCP";
		if (open_group(listener, SOCK_STREAM, listener->tcp, options))
			goto fail;
		/* Believe the kernel, not the parser. */
		if (!options->allow_non_loopback && !socket_address_loopback(&listener->address)) {
			errno = EADDRNOTAVAIL;
			goto fail;
		}
	}
	return MIST_OK;

fail:
	failure->why = errno;
	listeners_close(listeners);
	return MIST_ENETWORK;
}

static int read_addresses(struct listeners *listeners, const struct listen_options *options, char *message)
{
	static const char *const usual[] = { "127.0.0.1" };
	const char *const *texts = options->address_count ? options->addresses : usual;

	listeners->count = options->address_count ? (unsigned)options->address_count : 1;
	for (unsigned i = 0; i < listeners->count; i++) {
		struct listener *listener = &listeners->at[i];
		for (unsigned w = 0; w < VIEW_WORKERS_MAX; w++)
			listener->udp[w] = listener->tcp[w] = -1;
		if (!texts[i] || !socket_address_read(&listener->address, texts[i], 0)) {
			snprintf(message, LISTEN_MESSAGE_SIZE, "\"%.64s\" is not an IPv4 or IPv6 address to listen on",
			         texts[i] ? texts[i] : "");
			return MIST_EINVAL;
		}
		listener->wildcard = is_wildcard(&listener->address);
		if (!options->allow_non_loopback && !socket_address_loopback(&listener->address)) {
			snprintf(message, LISTEN_MESSAGE_SIZE,
			         "%.64s is not a loopback address (127.0.0.0/8 or ::1); listening there needs "
			         "allow_non_loopback", texts[i]);
			return MIST_EADDRESS;
		}
		for (unsigned other = 0; other < i; other++) {
			if (clash(listener, &listeners->at[other])) {
				snprintf(message, LISTEN_MESSAGE_SIZE,
				         "%.64s and %.64s cannot both be listened on: one includes the other",
				         texts[other], texts[i]);
				return MIST_EINVAL;
			}
		}
	}
	return MIST_OK;
}

static void explain(char *message, const struct failure *failure, uint16_t port)
{
	char text[INET6_ADDRSTRLEN] = "?";
	const union socket_address *address = &failure->listener->address;
	const char *why = strerrordesc_np(failure->why);

	if (address->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &address->v4.sin_addr, text, sizeof text);
	else
		inet_ntop(AF_INET6, &address->v6.sin6_addr, text, sizeof text);
	bool udp = *failure->protocol == 'U';
	if (failure->why == EADDRINUSE && port)
		snprintf(message, LISTEN_MESSAGE_SIZE, "port %u is taken for %s on %s; `ss -%clpn sport = :%u` says by whom",
		         port, failure->protocol, text, udp ? 'u' : 't', port);
	else if (failure->why == EADDRINUSE)
		snprintf(message, LISTEN_MESSAGE_SIZE, "no port is free for UDP and TCP alike on %s", text);
	else if (failure->why == EACCES)
		snprintf(message, LISTEN_MESSAGE_SIZE, "port %u of %s needs the right CAP_NET_BIND_SERVICE (it is below "
		         "net.ipv4.ip_unprivileged_port_start)", port, text);
	else
		snprintf(message, LISTEN_MESSAGE_SIZE, "cannot listen on %s, %s port %u: %s", text, failure->protocol, port,
		         why ? why : "unknown error");
}

/* Any free port: the kernel names one that is free for UDP; whether TCP has it too must be tried. */
static int open_any(struct listeners *listeners, const struct listen_options *options,
                    struct failure *failure)
{
	int error = MIST_ENETWORK;

	failure->why = EADDRINUSE;
	for (int i = 0; i < LISTEN_TRIES_MAX && error && failure->why == EADDRINUSE; i++)
		error = open_all(listeners, options, 0, failure);
	return error;
}

int listeners_open(struct listeners *listeners, const struct listen_options *options,
                   char message[LISTEN_MESSAGE_SIZE])
{
	struct failure failure;

	*message = 0;
	*listeners = (struct listeners){ .workers = options->workers, .steer = MIST_STEER_HASH };
	if (options->address_count > LISTEN_ADDRESSES_MAX) {
		snprintf(message, LISTEN_MESSAGE_SIZE, "at most %d addresses can be listened on", LISTEN_ADDRESSES_MAX);
		return MIST_EINVAL;
	}
	int error = read_addresses(listeners, options, message);
	if (error) {
		listeners->count = 0;
		return error;
	}
	error = options->port ? open_all(listeners, options, options->port, &failure)
	                      : open_any(listeners, options, &failure);
	if (error)
		explain(message, &failure, options->port);
	if (error && options->port && !options->port_only && failure.why == EADDRINUSE) {
		error = open_any(listeners, options, &failure);
		size_t len = strlen(message);
		if (error)
			explain(message, &failure, 0);
		else
			snprintf(message + len, LISTEN_MESSAGE_SIZE - len, "; listening on %u instead", listeners->port);
	}
	if (!error)
		steer_attach(listeners, options);
	return error;
}

void listeners_close(struct listeners *listeners)
{
	steer_detach(listeners);
	for (unsigned i = 0; i < listeners->count; i++) {
		struct listener *listener = &listeners->at[i];
		for (unsigned w = listeners->workers; w-- > 0;) {
			if (listener->udp[w] >= 0)
				close(listener->udp[w]);
			if (listener->tcp[w] >= 0)
				close(listener->tcp[w]);
			listener->udp[w] = listener->tcp[w] = -1;
		}
	}
}

/* ---- sockets of others ---- */

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

bool socket_is_stream(int fd)
{
	return option_of(fd, SO_TYPE) == SOCK_STREAM;
}

struct udp_socket socket_udp(int fd)
{
	union socket_address address = { .any.sa_family = AF_INET };
	socklen_t len = sizeof address;

	getsockname(fd, &address.any, &len); /* socket_adopt() has seen it */
	return (struct udp_socket){ fd, address.any.sa_family, is_wildcard(&address) };
}

/* Why a descriptor is nothing that questions come by; NULL: it is. */
static const char *unfit(int fd, union socket_address *address)
{
	union socket_address peer;
	socklen_t len = sizeof *address, peer_len = sizeof peer;
	const int domain = option_of(fd, SO_DOMAIN), type = option_of(fd, SO_TYPE), protocol = option_of(fd, SO_PROTOCOL);

	if (domain < 0)
		return errno == EBADF ? "is not open" : "is no socket";
	if (domain != AF_INET && domain != AF_INET6)
		return "is no socket of IPv4 or IPv6";
	if (!(type == SOCK_DGRAM && protocol == IPPROTO_UDP) && !(type == SOCK_STREAM && protocol == IPPROTO_TCP))
		return "is neither UDP nor TCP";
	if (getsockname(fd, &address->any, &len) || !address->v4.sin_port) /* at the same place in both kinds */
		return "is not bound";
	if (type == SOCK_STREAM && option_of(fd, SO_ACCEPTCONN) != 1)
		return "does not listen";
	if (type == SOCK_DGRAM && getpeername(fd, &peer.any, &peer_len) == 0)
		return "is connected";
	return NULL;
}

/* What its maker may have set otherwise. */
static int make_ours(int fd, const union socket_address *address)
{
	const int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -1;
	if (socket_is_stream(fd))
		return on(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	on(fd, SOL_UDP, UDP_GRO, 0); /* a kernel without it cannot have it on */
	return udp_options(fd, address, false);
}

int socket_adopt(int fd, bool allow_non_loopback, char message[LISTEN_MESSAGE_SIZE])
{
	union socket_address address;
	const char *problem = unfit(fd, &address);

	if (problem) {
		snprintf(message, LISTEN_MESSAGE_SIZE, "descriptor %d %s; bound UDP sockets and listening TCP sockets "
		         "can be adopted", fd, problem);
		return MIST_EINVAL;
	}
	if (!allow_non_loopback && !socket_address_loopback(&address)) {
		snprintf(message, LISTEN_MESSAGE_SIZE, "descriptor %d is not bound to a loopback address (127.0.0.0/8 or "
		         "::1); listening there needs allow_non_loopback", fd);
		return MIST_EADDRESS;
	}
	if (make_ours(fd, &address)) {
		snprintf(message, LISTEN_MESSAGE_SIZE, "descriptor %d cannot be adopted: %s", fd, strerrordesc_np(errno));
		return MIST_EINVAL;
	}
	return MIST_OK;
}
