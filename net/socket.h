/*
 * The listening sockets of a server: for each address a UDP and a TCP socket per worker, all on one
 * port number.
 *
 * With SO_REUSEPORT two servers of one user would share a port without a word. So the first socket of
 * each protocol and address binds without it, and gets it only before its siblings bind. TCP uses
 * SO_REUSEADDR, which lets two sockets bind one port as long as none listens; therefore the first one
 * listens before it gets SO_REUSEPORT.
 *
 * Sockets that somebody else has bound come singly, while the server runs: socket_adopt().
 */
#ifndef MIST_NET_SOCKET_H
#define MIST_NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/view.h"
#include "mistcore.h"
#include "net/udp.h"

#define LISTEN_ADDRESSES_MAX UDP_SOCKETS_MAX
#define LISTEN_TRIES_MAX 64  /* free ports tried; that all are taken for TCP by chance does not happen */

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct listener {
	union socket_address address;    /* with the port that was found */
	bool wildcard;
	int udp[VIEW_WORKERS_MAX], tcp[VIEW_WORKERS_MAX]; /* -1: not open */
};

struct listeners {
	unsigned count, workers;
	uint16_t port;
	enum mist_steer steer;           /* in effect, never AUTO */
	struct listener at[LISTEN_ADDRESSES_MAX];
};

struct listen_options {
	const char *const *addresses;
	size_t address_count;
	uint16_t port;
	bool port_only, allow_non_loopback, gro;
	unsigned workers;
	enum mist_steer steer;
	bool pin;                        /* workers stay each on one CPU */
};

/* Opens all or nothing. `message` (256 octets) receives what a person should know, also on success when
 * the port is another than asked for; "" if nothing. MIST_OK, MIST_EINVAL, MIST_EADDRESS, MIST_ENETWORK. */
#define LISTEN_MESSAGE_SIZE 256
int listeners_open(struct listeners *listeners, const struct listen_options *options,
                   char message[LISTEN_MESSAGE_SIZE]);

/* Undoes it: steering first, since closing a socket moves the last of its group into its place. */
void listeners_close(struct listeners *listeners);

/*
 * Makes a socket of somebody else's, bound for UDP or listening for TCP, ready to be served: it stays theirs, but
 * for its options (close-on-exec and nonblocking among them). MIST_EINVAL, MIST_EADDRESS; `message` says why.
 */
int socket_adopt(int fd, bool allow_non_loopback, char message[LISTEN_MESSAGE_SIZE]);
/* What an adopted socket is. */
bool socket_is_stream(int fd);
struct udp_socket socket_udp(int fd);

/* Reads "127.0.0.1" or "::1". */
bool socket_address_read(union socket_address *address, const char *text, uint16_t port);
bool socket_address_loopback(const union socket_address *address); /* 127.0.0.0/8 or ::1 */

#endif
