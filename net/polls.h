/*
 * Watched descriptors on a ring: one-shot polls, armed again after each callback, which makes them
 * level-triggered.
 */
#ifndef MIST_NET_POLLS_H
#define MIST_NET_POLLS_H

#include <liburing.h>

#include "net/request.h"
#include "net/watch.h"

struct polls {
	struct io_uring *ring;
	struct watches watches;
	unsigned in_flight;
};

int polls_init(struct polls *polls, struct io_uring *ring);
void polls_free(struct polls *polls);

/* struct engine_type says what it does. */
int polls_watch(struct polls *polls, int fd, unsigned bits, watch_ready *ready, void *argument);
/* A completion of REQUEST_POLL came. */
void polls_complete(struct polls *polls, const struct tag *tag, int result);
/* Takes back all that are in flight; their completions are still to come. */
void polls_cancel(struct polls *polls);

#endif
