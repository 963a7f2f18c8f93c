/*
 * Which server an NSS call asks. In this order, the first that says something decides:
 *
 *   MIST_DNS             of the environment, unless the program runs with privileges of its file (AT_SECURE)
 *   /etc/mist/nss.conf   what the administrator says
 *   /run/mist/port       what `mist serve --port-file /run/mist/port` says
 *
 * Each says HOST:PORT, [HOST]:PORT for IPv6, or a PORT of 127.0.0.1; HOST is an address. In files the first line
 * counts that is neither empty nor begins with `#`. What says something else is not passed over: then no server is known,
 * so that a slip of the pen does not lead to another one.
 */
#ifndef MIST_SIDECAR_NSS_SERVER_H
#define MIST_SIDECAR_NSS_SERVER_H

#include <sys/socket.h>

struct server {
	struct sockaddr_storage address;
	socklen_t len;
};

/* 0; ENOENT: nobody says; EINVAL: it is no address and port; or the error of reading. */
int server_find(struct server *server);

/* The same of a text. 0 or EINVAL. */
int server_parse(struct server *server, const char *text);

#endif
