/*
 * The descriptors an engine watches: fd to callback, in slots that are reused. A slot's generation
 * grows whenever it is given up, so that a late completion for its former owner is recognised.
 */
#ifndef MIST_NET_WATCH_H
#define MIST_NET_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void watch_ready(void *argument, int fd, unsigned bits);

struct watch {
	int fd;                  /* -1: free */
	uint32_t generation;
	uint8_t bits;            /* WATCH_READ, WATCH_WRITE */
	uint8_t armed;           /* uring: the bits of the poll in flight */
	uint32_t next;           /* in its bucket, or in the free list */
	watch_ready *ready;
	void *argument;
};

#define WATCH_NONE UINT32_MAX
#define WATCH_GENERATIONS 0x7fffffffu /* 31 bits: engines keep one for themselves */

struct watches {
	struct watch *slots;
	uint32_t *buckets;       /* by fd, as many as slots */
	uint32_t size, free;     /* size: a power of two, or 0 */
};

int watches_init(struct watches *watches);
void watches_free(struct watches *watches);

/* The slot of `fd`, or WATCH_NONE. */
uint32_t watches_find(const struct watches *watches, int fd);
/* A slot for `fd`, which has none; WATCH_NONE when memory is out. Moves slots in memory. */
uint32_t watches_add(struct watches *watches, int fd);
void watches_remove(struct watches *watches, uint32_t slot);

/* The slot's watch if `generation` is still its own, else NULL. */
struct watch *watches_current(struct watches *watches, uint32_t slot, uint32_t generation);

#endif
