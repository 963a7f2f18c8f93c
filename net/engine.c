/*
 * Can this kernel, in this container, run the io_uring engine? Asked by letting it answer one
 * datagram, which uses what the engine cannot do without.
 */
#include "net/engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mistcore.h"

#define TRY_ROUNDS 10
#define TRY_ROUND_MS 50      /* half a second in total; a working ring needs one round */

static void nothing(void *context)
{
	(void)context;
}

static bool no_batch(void *context)
{
	(void)context;
	return false;
}

static size_t echo(void *context, const struct udp_peer *peer, const uint8_t *octets, size_t len,
                   uint8_t *reply)
{
	(void)context;
	(void)peer;
	memcpy(reply, octets, len);
	return len;
}

static int bind_loopback(struct sockaddr_in *address)
{
	socklen_t len = sizeof *address;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd >= 0 && (bind(fd, (struct sockaddr *)address, len) ||
	                getsockname(fd, (struct sockaddr *)address, &len))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* MIST_OK when a datagram from `client` to `server` came back through a ring. */
static int try_once(int server, int client, const struct sockaddr_in *to, bool send_plainly)
{
	const struct udp_socket socket = { .fd = server, .family = AF_INET };
	const struct engine_options options = {
		.handler = { .park = nothing, .batch = no_batch, .datagram = echo },
		.sockets = &socket,
		.socket_count = 1,
		.send_plainly = send_plainly,
	};
	struct engine *engine;
	char octet = 1;
	bool echoed = false;
	int error = engine_uring.open(&engine, &options);

	if (error)
		return error;
	if (sendto(client, &octet, 1, MSG_NOSIGNAL, (const struct sockaddr *)to, sizeof *to) == 1)
		for (int i = 0; i < TRY_ROUNDS && !echoed; i++) {
			engine_uring.run(engine, TRY_ROUND_MS);
			/* The reply leaves with the next round. */
			engine_uring.run(engine, 0);
			echoed = recv(client, &octet, 1, MSG_DONTWAIT) == 1;
		}
	engine_uring.close(engine);
	errno = EOPNOTSUPP;
	return echoed ? MIST_OK : MIST_EENGINE;
}

static void explain(char *why, size_t why_size)
{
	const char *text = strerrorname_np(errno);
	const char *hint = "";

	if (errno == EPERM || errno == EACCES)
		hint = ": blocked by a seccomp profile or by sysctl kernel.io_uring_disabled";
	else if (errno == ENOSYS)
		hint = ": the kernel has none, or a seccomp profile hides it";
	else if (errno == ENOMEM)
		hint = ": no memory for a ring (memory cgroup or RLIMIT_MEMLOCK)";
	else if (errno == EINVAL || errno == EOPNOTSUPP)
		hint = ": the kernel lacks features we need (Linux 6.0 has them)";
	snprintf(why, why_size, "io_uring does not run here (%s)%s", text ? text : "unknown error", hint);
}

int engine_try_uring(bool *send_plainly, char *why, size_t why_size)
{
	struct sockaddr_in server_address, client_address;
	int server = bind_loopback(&server_address), client = bind_loopback(&client_address);
	int error = MIST_EENGINE;

	if (server >= 0 && client >= 0) {
		*send_plainly = false;
		error = try_once(server, client, &server_address, false);
		if (error && errno == EOPNOTSUPP) {
			*send_plainly = true;
			error = try_once(server, client, &server_address, true);
		}
	}
	if (error) {
		explain(why, why_size);
		error = MIST_EENGINE;
	}
	if (server >= 0)
		close(server);
	if (client >= 0)
		close(client);
	return error;
}
