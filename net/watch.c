/*
 * See watch.h. Chained hashing by descriptor: descriptors are small and dense, so their low bits are
 * the hash.
 */
#include "net/watch.h"

#include <stdlib.h>

#include "mistcore.h"

#define WATCHES_FIRST 64 /* a worker without TCP clients has a handful */

static uint32_t bucket_of(const struct watches *watches, int fd)
{
	return (uint32_t)fd & (watches->size - 1);
}

static void link_slot(struct watches *watches, uint32_t slot)
{
	uint32_t bucket = bucket_of(watches, watches->slots[slot].fd);

	watches->slots[slot].next = watches->buckets[bucket];
	watches->buckets[bucket] = slot;
}

static int grow(struct watches *watches, uint32_t size)
{
	struct watch *slots = realloc(watches->slots, size * sizeof *slots);
	if (!slots)
		return MIST_ENOMEM;
	watches->slots = slots;
	uint32_t *buckets = malloc(size * sizeof *buckets);
	if (!buckets)
		return MIST_ENOMEM;
	free(watches->buckets);
	watches->buckets = buckets;

	uint32_t before = watches->size;
	watches->size = size;
	for (uint32_t i = 0; i < size; i++)
		buckets[i] = WATCH_NONE;
	for (uint32_t i = 0; i < before; i++)
		link_slot(watches, i); /* it grows only when every slot is taken */
	for (uint32_t i = size; i-- > before;) {
		slots[i] = (struct watch){ .fd = -1, .next = watches->free };
		watches->free = i;
	}
	return MIST_OK;
}

int watches_init(struct watches *watches)
{
	*watches = (struct watches){ .free = WATCH_NONE };
	int error = grow(watches, WATCHES_FIRST);
	if (error)
		watches_free(watches);
	return error;
}

void watches_free(struct watches *watches)
{
	free(watches->slots);
	free(watches->buckets);
	*watches = (struct watches){ .free = WATCH_NONE };
}

uint32_t watches_find(const struct watches *watches, int fd)
{
	uint32_t slot = watches->buckets[bucket_of(watches, fd)];

	while (slot != WATCH_NONE && watches->slots[slot].fd != fd)
		slot = watches->slots[slot].next;
	return slot;
}

uint32_t watches_add(struct watches *watches, int fd)
{
	if (watches->free == WATCH_NONE && grow(watches, watches->size * 2))
		return WATCH_NONE;

	uint32_t slot = watches->free;
	struct watch *watch = &watches->slots[slot];
	watches->free = watch->next;
	*watch = (struct watch){ .fd = fd, .generation = watch->generation };
	link_slot(watches, slot);
	return slot;
}

void watches_remove(struct watches *watches, uint32_t slot)
{
	struct watch *watch = &watches->slots[slot];
	uint32_t *link = &watches->buckets[bucket_of(watches, watch->fd)];

	while (*link != slot)
		link = &watches->slots[*link].next;
	*link = watch->next;
	*watch = (struct watch){ .fd = -1, .generation = (watch->generation + 1) & WATCH_GENERATIONS,
	                         .next = watches->free };
	watches->free = slot;
}

struct watch *watches_current(struct watches *watches, uint32_t slot, uint32_t generation)
{
	if (slot >= watches->size)
		return NULL;
	struct watch *watch = &watches->slots[slot];
	return watch->fd >= 0 && watch->generation == generation ? watch : NULL;
}
