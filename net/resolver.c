/*
 * A small client: asks a server on loopback, over UDP first. Every query has a socket and therefore a
 * source port of its own, and a random id; the kernel drops what does not come from the server's
 * address and port, since the socket is connected (RFC 5452).
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/fork_guard.h"
#include "core/message.h"
#include "core/type.h"
#include "net/addresses.h"
#include "net/socket.h"

#define PORT_USUAL 5380
#define TIMEOUT_USUAL_MS 2000
#define UDP_SENDS 3              /* in all: loopback loses a datagram only when a queue is full */

struct mist_resolver {
	union socket_address server;
	uint32_t timeout_ms;
	struct guard guard;
	size_t local_zone_count;
	uint8_t (*local_zones)[NAME_MAX];
	uint8_t response[MESSAGE_MAX];
};

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static int read_zones(struct mist_resolver *resolver, const struct mist_resolver_options *options)
{
	static const char *const usual[] = { "editor.land" };
	const char *const *zones = options->local_zone_count ? options->local_zones : usual;

	resolver->local_zone_count = options->local_zone_count ? options->local_zone_count : 1;
	resolver->local_zones = calloc(resolver->local_zone_count, NAME_MAX);
	if (!resolver->local_zones)
		return MIST_ENOMEM;
	for (size_t i = 0; i < resolver->local_zone_count; i++)
		if (!zones[i] || !name_from_text(resolver->local_zones[i], zones[i]))
			return MIST_ENAME;
	return MIST_OK;
}

int mist_resolver_open(struct mist_resolver **resolver, const struct mist_resolver_options *given)
{
	struct mist_resolver_options options = { .size = sizeof options };

	if (!resolver || (given && given->size < sizeof given->size))
		return MIST_EINVAL;
	if (given)
		memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
	struct mist_resolver *made = calloc(1, sizeof *made);
	if (!made)
		return MIST_ENOMEM;
	made->timeout_ms = options.timeout_ms ? options.timeout_ms : TIMEOUT_USUAL_MS;
	int error = guard_init(&made->guard);
	if (!error && (!socket_address_read(&made->server, options.address ? options.address : "127.0.0.1",
	                                    options.port ? options.port : PORT_USUAL) ||
	               !socket_address_loopback(&made->server)))
		error = MIST_EADDRESS;
	if (!error)
		error = read_zones(made, &options);
	if (error) {
		mist_resolver_close(made);
		return error;
	}
	*resolver = made;
	return MIST_OK;
}

void mist_resolver_close(struct mist_resolver *resolver)
{
	if (!resolver)
		return;
	guard_free(&resolver->guard);
	free(resolver->local_zones);
	free(resolver);
}

static int open_socket(const struct mist_resolver *resolver, int type)
{
	int fd = socket(resolver->server.any.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, &resolver->server.any, udp_address_len(resolver->server.any.sa_family)) &&
	    errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Waits for readiness until `deadline`. */
static int wait_ready(int fd, short events, uint64_t deadline)
{
	for (;;) {
		uint64_t now = now_ms();
		struct pollfd poll_fd = { .fd = fd, .events = events };
		if (now >= deadline)
			return MIST_ETIMEOUT;
		uint64_t left = deadline - now;
		int n = poll(&poll_fd, 1, left < INT_MAX ? (int)left : INT_MAX);
		if (n > 0)
			return MIST_OK;
		if (n < 0 && errno != EINTR)
			return MIST_ENETWORK;
	}
}

/* Until `deadline`, the first datagram that answers the query; others are not ours. */
static int await_datagram(struct mist_resolver *resolver, int fd, const void *query, size_t query_len,
                          size_t *len, uint64_t deadline)
{
	for (;;) {
		int error = wait_ready(fd, POLLIN, deadline);
		if (error)
			return error;
		ssize_t n = recv(fd, resolver->response, sizeof resolver->response, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return MIST_ENETWORK; /* ECONNREFUSED: nobody listens */
		if (n >= 0 && addresses_match(resolver->response, (size_t)n, query, query_len) == MIST_OK) {
			*len = (size_t)n;
			return MIST_OK;
		}
	}
}

static int ask_udp(struct mist_resolver *resolver, const void *query, size_t query_len, size_t *len,
                   uint64_t deadline)
{
	int error = MIST_ETIMEOUT;
	int fd = open_socket(resolver, SOCK_DGRAM);

	if (fd < 0)
		return MIST_ENETWORK;
	uint64_t step = resolver->timeout_ms / UDP_SENDS;
	for (unsigned i = 1; i <= UDP_SENDS && error == MIST_ETIMEOUT; i++) {
		uint64_t until = i == UDP_SENDS ? deadline : deadline - (UDP_SENDS - i) * step;
		if (send(fd, query, query_len, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			error = MIST_ENETWORK;
		else
			error = await_datagram(resolver, fd, query, query_len, len, until);
	}
	close(fd);
	return error;
}

/* Sends or receives exactly `len` octets. */
static int transfer(int fd, bool out, void *octets, size_t len, uint64_t deadline)
{
	uint8_t *at = octets;

	while (len) {
		int error = wait_ready(fd, out ? POLLOUT : POLLIN, deadline);
		if (error)
			return error;
		ssize_t n = out ? send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT) : recv(fd, at, len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return MIST_ENETWORK;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return MIST_OK;
}

static int ask_tcp(struct mist_resolver *resolver, const void *query, size_t query_len, size_t *len,
                   uint64_t deadline)
{
	uint8_t prefix[2];
	int fd = open_socket(resolver, SOCK_STREAM);

	if (fd < 0)
		return MIST_ENETWORK;
	/* Prefix and message in one segment. */
	uint8_t *out = resolver->response; /* free until the response comes */
	size_t message_len = query_len < MESSAGE_MAX - 2 ? query_len : MESSAGE_MAX - 2;
	wire_set16(out, (uint16_t)message_len);
	memcpy(out + 2, query, message_len);
	int error = transfer(fd, true, out, 2 + message_len, deadline);
	if (!error)
		error = transfer(fd, false, prefix, 2, deadline);
	if (!error) {
		*len = wire_get16(prefix);
		error = transfer(fd, false, resolver->response, *len, deadline);
	}
	if (!error)
		error = addresses_match(resolver->response, *len, query, query_len);
	close(fd);
	return error;
}

/* The response stays in resolver->response. */
static int ask(struct mist_resolver *resolver, bool tcp, const void *query, size_t query_len, size_t *len)
{
	uint64_t deadline = now_ms() + resolver->timeout_ms;
	int error = MIST_OK;

	if (guard_forked(&resolver->guard))
		return MIST_EFORKED;
	if (!tcp)
		error = ask_udp(resolver, query, query_len, len, deadline);
	if (!error && !tcp && resolver->response[2] & (FLAG_TC >> 8))
		tcp = true;
	return !error && tcp ? ask_tcp(resolver, query, query_len, len, deadline) : error;
}

static bool is_local(const struct mist_resolver *resolver, const uint8_t *name)
{
	for (size_t i = 0; i < resolver->local_zone_count; i++)
		if (name_within(name, resolver->local_zones[i]))
			return true;
	return false;
}

static bool all_loopback(const struct mist_address *addresses, size_t count)
{
	static const uint8_t v6[16] = { [15] = 1 };

	for (size_t i = 0; i < count; i++) {
		const struct mist_address *address = &addresses[i];
		if (address->family == 4 ? address->octets[0] != 127 : memcmp(address->octets, v6, 16) != 0)
			return false;
	}
	return true;
}

/* An answer has at most that many (65,535 octets of 16 each), and all of them are looked at. */
#define FOUND_MAX 4096

static int ask_both(struct mist_resolver *resolver, const uint8_t *name, struct mist_address *list, size_t *found)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	uint8_t query[ADDRESSES_QUERY_MAX];
	size_t len;

	*found = 0;
	for (unsigned i = 0; i < 2; i++) {
		uint16_t id;
		if (getrandom(&id, sizeof id, 0) != sizeof id)
			return MIST_EINTERNAL;
		size_t query_len = addresses_query(query, id, name, types[i], MESSAGE_UDP_EDNS);
		int error = ask(resolver, false, query, query_len, &len);
		if (!error)
			error = addresses_read(resolver->response, len, query, query_len, list, FOUND_MAX, found);
		if (error)
			return error;
	}
	if (!*found)
		return MIST_ENOTFOUND;
	if (*found > FOUND_MAX)
		return MIST_EMISMATCH;
	return is_local(resolver, name) && !all_loopback(list, *found) ? MIST_EMISMATCH : MIST_OK;
}

int mist_resolver_addresses(struct mist_resolver *resolver, const char *name, struct mist_address *addresses,
                            size_t *count)
{
	uint8_t wire[NAME_MAX];
	size_t found;

	if (!resolver || !name || !count || (*count && !addresses))
		return MIST_EINVAL;
	if (!name_from_text(wire, name))
		return MIST_ENAME;
	/* All of them are checked, not only those that the caller has room for. */
	struct mist_address *list = malloc(FOUND_MAX * sizeof *list);
	if (!list)
		return MIST_ENOMEM;
	int error = ask_both(resolver, wire, list, &found);
	if (!error) {
		if (*count)
			memcpy(addresses, list, (found < *count ? found : *count) * sizeof *list);
		*count = found;
	}
	free(list);
	return error;
}

int mist_resolver_message(struct mist_resolver *resolver, bool tcp, const void *query, size_t query_len,
                          void *response, size_t *response_len)
{
	size_t len;

	if (!resolver || !query || query_len < MESSAGE_HEADER || query_len > MESSAGE_MAX - 2 || !response ||
	    !response_len)
		return MIST_EINVAL;
	int error = ask(resolver, tcp, query, query_len, &len);
	if (error)
		return error;
	if (len > *response_len)
		return MIST_ESPACE;
	memcpy(response, resolver->response, len);
	*response_len = len;
	return MIST_OK;
}
