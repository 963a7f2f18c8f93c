/* See acceptor.h. */
#include "net/acceptor.h"

#include <errno.h>
#include <stdlib.h>

#include "forward/forward.h"
#include "mistcore.h"

#define ACCEPT_MAX 32            /* connections a turn */
#define PAUSE_MS 200

static void accept_ready(void *argument, int fd, unsigned bits);

static int watch(struct acceptor *acceptor, int listener, bool accepting)
{
	return acceptor->engine->type->watch(acceptor->engine, listener, accepting ? WATCH_READ : 0, accept_ready, acceptor);
}

static void set_accepting(struct acceptor *acceptor, bool accepting)
{
	if (acceptor->accepting == accepting)
		return;
	acceptor->accepting = accepting;
	for (unsigned i = 0; i < acceptor->listener_count; i++)
		watch(acceptor, acceptor->listeners[i], accepting);
}

static bool is_starved(int why)
{
	return why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM;
}

static void accept_ready(void *argument, int fd, unsigned bits)
{
	struct acceptor *acceptor = argument;

	(void)bits;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		union socket_address peer = { 0 };
		socklen_t len = sizeof peer;
		int client = accept4(fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client >= 0) {
			acceptor->client(acceptor->context, client, fd, &peer);
		} else if (is_starved(errno)) {
			acceptor->starved(acceptor->context, errno);
			set_accepting(acceptor, false);
			acceptor->pause_until_ms = acceptor->now_ms(acceptor->context) + PAUSE_MS;
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

int acceptor_add(struct acceptor *acceptor, int listener)
{
	int *listeners = realloc(acceptor->listeners, (acceptor->listener_count + 1) * sizeof *listeners);

	if (!listeners)
		return MIST_ENOMEM;
	acceptor->listeners = listeners;
	int error = acceptor->accepting ? watch(acceptor, listener, true) : MIST_OK;
	if (!error)
		listeners[acceptor->listener_count++] = listener;
	return error;
}

void acceptor_remove(struct acceptor *acceptor, int listener)
{
	unsigned i = 0;

	watch(acceptor, listener, false);
	while (i < acceptor->listener_count && acceptor->listeners[i] != listener)
		i++;
	if (i < acceptor->listener_count)
		acceptor->listeners[i] = acceptor->listeners[--acceptor->listener_count];
}

void acceptor_start(struct acceptor *acceptor)
{
	set_accepting(acceptor, true);
}

void acceptor_stop(struct acceptor *acceptor)
{
	acceptor->pause_until_ms = 0;
	set_accepting(acceptor, false);
}

void acceptor_free(struct acceptor *acceptor)
{
	acceptor_stop(acceptor);
	free(acceptor->listeners);
}

void acceptor_tick(struct acceptor *acceptor, uint64_t now_ms)
{
	if (!acceptor->pause_until_ms || now_ms < acceptor->pause_until_ms)
		return;
	acceptor->pause_until_ms = 0;
	set_accepting(acceptor, true);
}
