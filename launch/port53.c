/*
 * See port53.h.
 */
#include "launch/port53.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128  /* connections not yet accepted: one command's */
#define ALIASES 16   /* tried: each is taken only if another launch drew it too, or by who has port 53 of all addresses */

static int bind_one(const struct sockaddr_in *address, int type)
{
	const int on = 1;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	/* After TCP connections of a former launch; for UDP it would let two servers share the port. */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)address, sizeof *address) ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG))) {
		int why = errno;
		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

bool port53_bind(const char *address, int fds[2])
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(53) };

	inet_pton(AF_INET, address, &name.sin_addr);
	fds[0] = bind_one(&name, SOCK_DGRAM);
	if (fds[0] < 0)
		return false;
	fds[1] = bind_one(&name, SOCK_STREAM);
	if (fds[1] < 0) {
		int why = errno;
		close(fds[0]);
		errno = why;
	}
	return fds[1] >= 0;
}

bool port53_bind_alias(char address[PORT53_ADDRESS_SIZE], int fds[2], struct problem *problem)
{
	int why = EADDRINUSE;

	for (int i = 0; i < ALIASES && why == EADDRINUSE; i++) {
		unsigned char octets[3] = { 0 };
		if (getrandom(octets, sizeof octets, 0) != sizeof octets)
			break;
		/* Not 127.0.0.x, where systemd-resolved, dnsmasq and others have theirs. */
		snprintf(address, PORT53_ADDRESS_SIZE, "127.%d.%d.%d", 1 + octets[0] % 254, octets[1], 1 + octets[2] % 254);
		if (port53_bind(address, fds))
			return true;
		why = errno;
	}
	if (why == EACCES)
		return problem_say(problem, "port 53 needs the right CAP_NET_BIND_SERVICE, or sysctl "
		                   "net.ipv4.ip_unprivileged_port_start=53");
	if (why == EADDRINUSE)
		return problem_say(problem, "port 53 is taken on all of 127.0.0.0/8; `ss -ulpn sport = :53` says by whom: "
		                   "let it listen on one address");
	return problem_say(problem, "port 53 cannot be had on loopback: %s", strerror(why));
}
