/*
 * What is asked of a ring (engine_uring.c, polls.c): a place in its queue, and the tag by which the completion is
 * recognised.
 */
#ifndef MIST_NET_REQUEST_H
#define MIST_NET_REQUEST_H

#include <liburing.h>
#include <stdint.h>

/* What a completion belongs to, in its user_data: the one place that knows these bits. */
enum request_kind { REQUEST_NONE, REQUEST_RECEIVE, REQUEST_SEND, REQUEST_POLL };
struct tag {
	enum request_kind kind;  /* 2 bits */
	uint32_t index;          /* 31 bits: socket, group or slot */
	uint32_t generation;     /* 31 bits */
};
static inline uint64_t tag_encode(enum request_kind kind, uint32_t index, uint32_t generation)
{
	return (uint64_t)kind << 62 | (uint64_t)(index & 0x7fffffff) << 31 | (generation & 0x7fffffff);
}
static inline struct tag tag_decode(uint64_t data)
{
	return (struct tag){ (enum request_kind)(data >> 62), (uint32_t)(data >> 31) & 0x7fffffff,
	                     (uint32_t)data & 0x7fffffff };
}

/* A full queue is submitted; that makes room unless the kernel is out of memory: NULL. */
static inline struct io_uring_sqe *request_new(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	for (int tries = 0; !sqe && tries < 100; tries++) {
		io_uring_submit(ring);
		sqe = io_uring_get_sqe(ring);
	}
	return sqe;
}

#endif
