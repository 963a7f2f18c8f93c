/*
 * See polls.h.
 */
#include "net/polls.h"

#include <poll.h>

#include "forward/forward.h"
#include "mistcore.h"

int polls_init(struct polls *polls, struct io_uring *ring)
{
	polls->ring = ring;
	polls->in_flight = 0;
	return watches_init(&polls->watches);
}

void polls_free(struct polls *polls)
{
	watches_free(&polls->watches);
}

static int arm(struct polls *polls, uint32_t slot)
{
	struct watch *watch = &polls->watches.slots[slot];
	struct io_uring_sqe *sqe = request_new(polls->ring);
	unsigned mask = 0;

	if (!sqe)
		return MIST_ENOMEM;
	if (watch->bits & WATCH_READ)
		mask |= POLLIN;
	if (watch->bits & WATCH_WRITE)
		mask |= POLLOUT;
	io_uring_prep_poll_add(sqe, watch->fd, mask);
	sqe->user_data = tag_encode(REQUEST_POLL, slot, watch->generation);
	watch->armed = watch->bits;
	polls->in_flight++;
	return MIST_OK;
}

/* Takes back a poll in flight. Its completion finds the generation gone, and is counted only. */
static void cancel(struct polls *polls, uint32_t slot)
{
	struct watch *watch = &polls->watches.slots[slot];
	struct io_uring_sqe *sqe = request_new(polls->ring);

	if (sqe) {
		io_uring_prep_poll_remove(sqe, tag_encode(REQUEST_POLL, slot, watch->generation));
		sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
		sqe->user_data = tag_encode(REQUEST_NONE, 0, 0);
	}
	watch->armed = 0;
	watch->generation = (watch->generation + 1) & WATCH_GENERATIONS;
}

int polls_watch(struct polls *polls, int fd, unsigned bits, watch_ready *ready, void *argument)
{
	uint32_t slot = watches_find(&polls->watches, fd);

	if (!bits) {
		if (slot == WATCH_NONE)
			return MIST_OK;
		if (polls->watches.slots[slot].armed) {
			/* The poll was armed on this file, perhaps in a request not yet submitted that only knows
			 * its number: submit, so that the descriptor may be closed and the number used again. */
			cancel(polls, slot);
			io_uring_submit(polls->ring);
		}
		watches_remove(&polls->watches, slot);
		return MIST_OK;
	}
	if (slot == WATCH_NONE && (slot = watches_add(&polls->watches, fd)) == WATCH_NONE)
		return MIST_ENOMEM;
	struct watch *watch = &polls->watches.slots[slot];
	watch->ready = ready;
	watch->argument = argument;
	watch->bits = (uint8_t)bits;
	if (watch->armed == bits)
		return MIST_OK;
	if (watch->armed)
		cancel(polls, slot);
	return arm(polls, slot);
}

void polls_complete(struct polls *polls, const struct tag *tag, int result)
{
	struct watch *watch = watches_current(&polls->watches, tag->index, tag->generation);
	unsigned bits = 0;

	polls->in_flight--;
	if (!watch)
		return;
	watch->armed = 0;
	if (result < 0 || result & (POLLIN | POLLHUP | POLLERR))
		bits |= WATCH_READ;
	if (result < 0 || result & (POLLOUT | POLLHUP | POLLERR))
		bits |= WATCH_WRITE;
	bits &= watch->bits;
	if (bits)
		watch->ready(watch->argument, watch->fd, bits);
	watch = watches_current(&polls->watches, tag->index, tag->generation);
	if (watch && !watch->armed)
		arm(polls, tag->index);
}

void polls_cancel(struct polls *polls)
{
	for (uint32_t slot = 0; slot < polls->watches.size; slot++)
		if (polls->watches.slots[slot].fd >= 0 && polls->watches.slots[slot].armed)
			cancel(polls, slot);
}
