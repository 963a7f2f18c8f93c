#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "cli/systemd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/units.h"

enum { FIRST_SOCKET = 3 }; /* SD_LISTEN_FDS_START */

/* ---- what it is told ------------------------------------------------------------------------- */

void systemd_notify(const char *format, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char state[1024];
	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path))
		return;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(state, sizeof(state), format, arguments);
	va_end(arguments);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@') /* of the abstract namespace */
		address.sun_path[0] = '\0';
	int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify < 0)
		return;
	/* Nobody listening is no problem of ours. */
	(void)!sendto(notify, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, len);
	close(notify);
}

void systemd_reloading(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	systemd_notify("RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	               (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
}

/* ---- what it tells --------------------------------------------------------------------------- */

/* A number in a variable that is about this process alone: another variable names it. */
static uint64_t number_for_us(const char *variable, const char *pid_variable)
{
	const char *text = getenv(variable), *pid_text = getenv(pid_variable);
	uint64_t number, pid;
	bool ours = text && pid_text && units_number(pid_text, &pid) && pid == (uint64_t)getpid();
	return ours && units_number(text, &number) ? number : 0;
}

uint64_t systemd_watchdog_ms(void)
{
	const uint64_t day_ms = 86400 * 1000, wanted_ms = number_for_us("WATCHDOG_USEC", "WATCHDOG_PID") / 1000;
	return wanted_ms < day_ms ? wanted_ms : day_ms;
}

void systemd_sockets(const struct cli *cli, struct inherited *inherited)
{
	const uint64_t passed = number_for_us("LISTEN_FDS", "LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	if (passed > SYSTEMD_SOCKETS_MAX)
		cli_say(cli, MIST_LEVEL_WARNING, "of %" PRIu64 " sockets that were passed, %d are taken", passed,
		        SYSTEMD_SOCKETS_MAX);
	inherited->count = passed < SYSTEMD_SOCKETS_MAX ? (size_t)passed : SYSTEMD_SOCKETS_MAX;
	for (size_t i = 0; i < inherited->count; i++) {
		inherited->fds[i] = FIRST_SOCKET + (int)i;
		fcntl(inherited->fds[i], F_SETFD, FD_CLOEXEC); /* one that is not open is told by who adopts it */
	}
}

void systemd_socket_text(int fd, char text[SYSTEMD_SOCKET_TEXT])
{
	union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } address = { .any.sa_family = 0 };
	char host[INET6_ADDRSTRLEN] = "?";
	int type = 0;
	socklen_t len = sizeof(address), type_len = sizeof(type);
	getsockname(fd, &address.any, &len);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len);
	bool v6 = address.any.sa_family == AF_INET6;
	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? (void *)&address.v6.sin6_addr : (void *)&address.v4.sin_addr, host,
	          sizeof(host));
	snprintf(text, SYSTEMD_SOCKET_TEXT, v6 ? "%s [%s]:%u" : "%s %s:%u", type == SOCK_STREAM ? "tcp" : "udp", host,
	         ntohs(address.v4.sin_port)); /* at the same place in both kinds */
}
