/*
 * What a supervisor such as systemd tells a service, and what it is told: sd_notify(3), sd_listen_fds(3) and
 * sd_watchdog_enabled(3), which are a datagram and a few variables.
 */
#ifndef MIST_CLI_SYSTEMD_H
#define MIST_CLI_SYSTEMD_H

#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

/* Sends lines such as "READY=1\nSTATUS=..." to $NOTIFY_SOCKET, if there is one. */
void systemd_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "RELOADING=1", with the time that Type=notify-reload wants. */
void systemd_reloading(void);

/* How often WATCHDOG=1 is expected at the latest; 0: it is not. */
uint64_t systemd_watchdog_ms(void);

#define SYSTEMD_SOCKETS_MAX 256 /* of a unit; ReusePort= makes several of one address */

struct inherited {
	int fds[SYSTEMD_SOCKETS_MAX];
	size_t count;
};

/* Takes the sockets that were passed to this process, once: from then on they are close-on-exec, and nobody below
 * us hears of them. Before any other thread. */
void systemd_sockets(const struct cli *cli, struct inherited *inherited);

/* "udp 127.0.0.1:53", for people. */
#define SYSTEMD_SOCKET_TEXT 80
void systemd_socket_text(int fd, char text[SYSTEMD_SOCKET_TEXT]);

#endif
