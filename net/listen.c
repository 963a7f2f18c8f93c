/*
 * mist_listen_fds() and mist_unlisten(): sockets that others have bound come and go while a server runs.
 *
 * A socket is one worker's. That of a sidecar has one client, and if all workers waited at it, each datagram would
 * wake all of them for one.
 */
#include "net/listen.h"

#include <stdlib.h>

#include "core/report.h"
#include "net/adopted.h"
#include "net/server.h"

void adoptions_init(struct adoptions *adoptions)
{
	*adoptions = (struct adoptions){ .list = NULL };
	pthread_mutex_init(&adoptions->lock, NULL);
}

void adoptions_close(struct adoptions *adoptions)
{
	pthread_mutex_lock(&adoptions->lock);
	adoptions->closed = true;
	pthread_mutex_unlock(&adoptions->lock);
}

void adoptions_free(struct adoptions *adoptions)
{
	pthread_mutex_destroy(&adoptions->lock);
	free(adoptions->list);
}

/* The place of a descriptor in the list, or its end. */
static size_t find(const struct adoptions *adoptions, int fd)
{
	size_t i = 0;

	while (i < adoptions->count && adoptions->list[i].fd != fd)
		i++;
	return i;
}

static bool twice(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t before = 0; before < i; before++)
			if (fds[before] == fds[i])
				return true;
	return false;
}

/* The worker that has the fewest. */
static unsigned laziest(const struct mist_server *server)
{
	unsigned has[VIEW_WORKERS_MAX] = { 0 }, least = 0;

	for (size_t i = 0; i < server->adoptions.count; i++)
		has[server->adoptions.list[i].worker]++;
	for (unsigned worker = 1; worker < server->worker_count; worker++)
		if (has[worker] < has[least])
			least = worker;
	return least;
}

/* All of them are fit, and none is here already. */
static int check(struct mist_server *server, const int *fds, size_t n)
{
	char message[LISTEN_MESSAGE_SIZE] = "";
	int error = MIST_OK;

	for (size_t i = 0; i < n && !error; i++) {
		error = socket_adopt(fds[i], server->allow_non_loopback, message);
		if (error)
			report(&server->background.queue, MIST_LEVEL_ERROR, NULL, 0, "mist_listen_fds: %s", message);
		else if (find(&server->adoptions, fds[i]) < server->adoptions.count)
			error = MIST_EINVAL;
	}
	return error;
}

/* Takes a socket back from its worker; its place in the list is another's then. */
static void give(struct mist_server *server, size_t i)
{
	struct adoptions *adoptions = &server->adoptions;

	worker_give(server->workers[adoptions->list[i].worker], adoptions->list[i].fd);
	adoptions->list[i] = adoptions->list[--adoptions->count];
}

static int take_all(struct mist_server *server, const int *fds, size_t n)
{
	struct adoptions *adoptions = &server->adoptions;
	const unsigned worker = laziest(server);
	size_t before = adoptions->count;
	int error = MIST_OK;

	struct adoption *list = realloc(adoptions->list, (before + n) * sizeof *list);
	if (!list)
		return MIST_ENOMEM;
	adoptions->list = list;
	for (size_t i = 0; i < n && !error; i++) {
		error = worker_take(server->workers[worker], fds[i]);
		if (!error)
			list[adoptions->count++] = (struct adoption){ fds[i], worker };
	}
	while (error && adoptions->count > before)
		give(server, adoptions->count - 1);
	return error;
}

int mist_listen_fds(struct mist_server *server, const int *fds, size_t n)
{
	if (!server || !fds || !n || n > ADOPTED_MAX || twice(fds, n))
		return MIST_EINVAL;
	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	pthread_mutex_lock(&server->adoptions.lock);
	bool can = !server->adoptions.closed && server->adoptions.count + n <= ADOPTED_MAX;
	int error = can ? check(server, fds, n) : MIST_EBUSY;
	if (!error)
		error = take_all(server, fds, n);
	pthread_mutex_unlock(&server->adoptions.lock);
	return error;
}

int mist_unlisten(struct mist_server *server, const int *fds, size_t n)
{
	if (!server || !fds || !n || n > ADOPTED_MAX || twice(fds, n))
		return MIST_EINVAL;
	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	pthread_mutex_lock(&server->adoptions.lock);
	int error = server->adoptions.closed ? MIST_EBUSY : MIST_OK;
	for (size_t i = 0; i < n && !error; i++)
		if (find(&server->adoptions, fds[i]) == server->adoptions.count)
			error = MIST_ENOTFOUND;
	for (size_t i = 0; i < n && !error; i++)
		give(server, find(&server->adoptions, fds[i]));
	pthread_mutex_unlock(&server->adoptions.lock);
	return error;
}
