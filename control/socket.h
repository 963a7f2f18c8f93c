/*
 * The Unix socket between a running `mist serve` and the other verbs: where it lies, who may use it,
 * how it is opened at both ends.
 */
#ifndef MIST_CONTROL_SOCKET_H
#define MIST_CONTROL_SOCKET_H

#include <stddef.h>

#include "control/pool.h"

#define SOCKET_PROBLEM_SIZE 512

/*
 * Where it lies unless the configuration says so: in the directory that systemd made for the unit
 * ($RUNTIME_DIRECTORY), else /run/mist for root, else $XDG_RUNTIME_DIR/mist, else the state
 * directory. NULL: out of memory.
 */
const char *socket_default(struct pool *pool, const char *state_directory);

/* An open listening socket. */
struct socket_listener {
	int file, lock;
	char path[108]; /* sizeof(sun_path) */
};

/*
 * Opens it with mode 0600, making its directory (0755; connecting needs the socket's own mode) if it
 * is missing. What a server that died left there is replaced; a file that is no socket is left alone.
 * MIST_EBUSY: a live server has it. MIST_EFILE. `problem` says what to do.
 */
int socket_listen(struct socket_listener *listener, const char *path,
                  char problem[SOCKET_PROBLEM_SIZE]);
void socket_close(struct socket_listener *listener); /* and removes it */

/* One client, non-blocking; -1 with errno EAGAIN when none waits. Those of other users than ours and
 * root are closed at once. */
int socket_accept(const struct socket_listener *listener);

/* Connects, blocking. The descriptor, MIST_ENETWORK (nobody listens there), MIST_EFILE (not ours to
 * use); `problem` says what to do. */
int socket_connect(const char *path, char problem[SOCKET_PROBLEM_SIZE]);

#endif
