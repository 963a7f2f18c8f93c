#define _GNU_SOURCE /* accept4, struct ucred */
#include "control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mistcore.h"

enum {
	WAITING_MAX = 1024, /* clients that connect at once before the thread takes the first */
	LOCK_SIZE = 128,    /* path and ".lock" */
};

const char *socket_default(struct pool *pool, const char *state_directory)
{
	const char *unit = getenv("RUNTIME_DIRECTORY"), *user = getenv("XDG_RUNTIME_DIR");
	if (unit && *unit == '/')
		return pool_format(pool, "%.*s/mist.sock", (int)strcspn(unit, ":"), unit);
	if (geteuid() == 0)
		return "/run/mist/mist.sock";
	if (user && *user == '/')
		return pool_format(pool, "%s/mist/mist.sock", user);
	return pool_format(pool, "%s/mist.sock", state_directory);
}

__attribute__((format(printf, 2, 3)))
static void say(char problem[SOCKET_PROBLEM_SIZE], const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(problem, SOCKET_PROBLEM_SIZE, format, arguments);
	va_end(arguments);
}

static int address_make(struct sockaddr_un *address, const char *path,
                        char problem[SOCKET_PROBLEM_SIZE])
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (*path && strlen(path) < sizeof(address->sun_path)) {
		strcpy(address->sun_path, path);
		return MIST_OK;
	}
	say(problem, "the path of a control socket has 1 to %zu characters, this one %zu: %.100s; name a "
	    "shorter one with `control.socket`", sizeof(address->sun_path) - 1, strlen(path), path);
	return MIST_EFILE;
}

/* The directories above the socket, those that are missing. */
static void directories_make(const char *path)
{
	char part[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	for (size_t i = 1; path[i]; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		mkdir(part, 0755); /* what cannot be made is told by the open that follows */
	}
}

/* ---- the server's end ------------------------------------------------------------------------ */

/* Held as long as the server lives: of two that start at once one gets it. The file stays, since a
 * second server may have opened it a moment ago. */
static int lock_take(const char *path, char problem[SOCKET_PROBLEM_SIZE])
{
	char name[LOCK_SIZE];
	snprintf(name, sizeof(name), "%s.lock", path);
	int lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0) {
		say(problem, "the control socket %s cannot be made: %s: %s; name another path with "
		    "`control.socket`", path, name, strerror(errno));
		return MIST_EFILE;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) == 0)
		return lock;
	close(lock);
	return MIST_EBUSY;
}

static bool answers(const struct sockaddr_un *address)
{
	int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool live = probe >= 0 && (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	                           errno == EAGAIN); /* its queue is full */
	if (probe >= 0)
		close(probe);
	return live;
}

/* Makes room for the socket: MIST_OK, MIST_EBUSY, MIST_EFILE. */
static int leftover_remove(const struct sockaddr_un *address, char problem[SOCKET_PROBLEM_SIZE])
{
	struct stat status;
	if (lstat(address->sun_path, &status) != 0)
		return MIST_OK;
	if (!S_ISSOCK(status.st_mode)) {
		say(problem, "%s is there and no socket; remove it, or name another path with "
		    "`control.socket`", address->sun_path);
		return MIST_EFILE;
	}
	if (answers(address))
		return MIST_EBUSY;
	unlink(address->sun_path);
	return MIST_OK;
}

static int open_at(const struct sockaddr_un *address, char problem[SOCKET_PROBLEM_SIZE])
{
	int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Linux gives the file the mode of the socket, so that there is no moment with a wider one. */
	if (file >= 0 && fchmod(file, 0600) == 0 &&
	    bind(file, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
	    chmod(address->sun_path, 0600) == 0 && listen(file, WAITING_MAX) == 0)
		return file;
	say(problem, "the control socket %s cannot be made: %s; name another path with "
	    "`control.socket`", address->sun_path, strerror(errno));
	if (file >= 0)
		close(file);
	return MIST_EFILE;
}

int socket_listen(struct socket_listener *listener, const char *path,
                  char problem[SOCKET_PROBLEM_SIZE])
{
	struct sockaddr_un address;
	int error = address_make(&address, path, problem);
	if (error)
		return error;
	directories_make(path);
	int lock = lock_take(path, problem);
	error = lock < 0 ? lock : leftover_remove(&address, problem);
	int file = error ? error : open_at(&address, problem);
	if (error == MIST_EBUSY)
		say(problem, "another server has the control socket %s; stop it, or name another path with "
		    "`control.socket`", path);
	if (file < 0) {
		if (lock >= 0)
			close(lock);
		return file;
	}
	listener->file = file;
	listener->lock = lock;
	strcpy(listener->path, path);
	return MIST_OK;
}

void socket_close(struct socket_listener *listener)
{
	unlink(listener->path);
	close(listener->file);
	close(listener->lock);
}

/* The mode of the file says it already; on a file system that keeps no modes this does. */
static bool may_speak(int client)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	return getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

int socket_accept(const struct socket_listener *listener)
{
	for (;;) {
		int client = accept4(listener->file, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (client < 0 || may_speak(client))
			return client;
		close(client);
	}
}

/* ---- the client's end ------------------------------------------------------------------------ */

int socket_connect(const char *path, char problem[SOCKET_PROBLEM_SIZE])
{
	struct sockaddr_un address;
	int error = address_make(&address, path, problem);
	if (error)
		return error;
	int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (file >= 0 && connect(file, (struct sockaddr *)&address, sizeof(address)) == 0)
		return file;
	error = errno;
	if (file >= 0)
		close(file);
	if (error == EACCES || error == EPERM) {
		say(problem, "%s belongs to another user; only that one and root may use it", path);
		return MIST_EFILE;
	}
	say(problem, "no server answers at %s (%s); is `mist serve` running? Where it has another socket, "
	    "say -c FILE or --socket PATH", path, strerror(error));
	return MIST_ENETWORK;
}
