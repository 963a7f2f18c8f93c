/*
 * A heap is a list of slabs (core/slab.h). A piece comes from the first slab that has a hole for it. So
 * that finding one costs the same however many slabs there are, the heap keeps the classes of their holes side by
 * side, and for each class how many slabs from the first on need not be looked at.
 */
#include "core/heap.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/slab.h"

#define SLABS_MAX UINT16_MAX /* 128 GiB; what is more comes from malloc() */

/* AddressSanitizer watches over what malloc() gives, and not over what we do. */
#if defined(__SANITIZE_ADDRESS__)
#define WATCHED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED true
#endif
#endif
#ifndef WATCHED
#define WATCHED false
#endif

struct heap {
	pthread_mutex_t lock;
	size_t used;                   /* octets of all pieces */
	size_t plain, plain_max;       /* octets from malloc(), and how many before there are slabs */
	size_t count, room;
	size_t empty;                  /* slabs without a piece: one is kept, lest it come and go with a single piece */
	uint16_t from[SLAB_CLASSES];   /* no slab before this one has a hole for the class; never falls with the class */
	struct place {
		struct slab *slab;
		uint64_t classes;      /* slab->classes */
	} *slabs;                      /* by falling address: systems hand addresses out downwards */
};

struct heap *heap_new(size_t plain)
{
	struct heap *heap = calloc(1, sizeof(*heap));
	if (!heap)
		return NULL;
	heap->plain_max = plain;
	pthread_mutex_init(&heap->lock, NULL);
	return heap;
}

/* ------------------------------------------------------------------------------------------------
 * Slabs, with the lock held
 */

/* The first slab whose address is not above `address`. */
static size_t place_of(const struct heap *heap, uintptr_t address)
{
	size_t low = 0, high = heap->count;
	while (low < high) {
		const size_t middle = (low + high) / 2;
		if ((uintptr_t)heap->slabs[middle].slab > address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The slab that a piece is in; false: malloc() gave it. */
static bool find(const struct heap *heap, const void *piece, size_t *number)
{
	*number = place_of(heap, (uintptr_t)piece);
	return *number < heap->count && (uintptr_t)piece - (uintptr_t)heap->slabs[*number].slab < SLAB_SIZE;
}

/* After each change of a slab's holes. */
static void note(struct heap *heap, size_t number)
{
	struct place *place = &heap->slabs[number];
	const uint64_t more = place->slab->classes & ~place->classes;

	place->classes = place->slab->classes;
	if (more)
		for (unsigned i = 64 - (unsigned)__builtin_clzll(more); i-- > 0 && heap->from[i] > number;)
			heap->from[i] = (uint16_t)number;
}

/* The first slab that has a hole for the class; heap->count: none has. */
static size_t first_with(struct heap *heap, unsigned class)
{
	size_t number = heap->from[class];
	while (number < heap->count && !(heap->slabs[number].classes >> class))
		number++;
	for (unsigned i = class; i < SLAB_CLASSES && heap->from[i] < number; i++)
		heap->from[i] = (uint16_t)number;
	return number;
}

static void slab_insert(struct heap *heap, struct slab *slab)
{
	const size_t number = place_of(heap, (uintptr_t)slab);
	struct place *place = heap->slabs + number;
	memmove(place + 1, place, (heap->count - number) * sizeof(*place));
	*place = (struct place){ slab, slab->classes };
	heap->count++;
	heap->empty++;
	memset(heap->from, 0, sizeof(heap->from)); /* numbers have changed */
}

static void slab_drop(struct heap *heap, size_t number)
{
	struct place *place = heap->slabs + number;
	slab_free(place->slab);
	heap->count--;
	heap->empty--;
	memmove(place, place + 1, (heap->count - number) * sizeof(*place));
	memset(heap->from, 0, sizeof(heap->from));
}

static bool grow(struct heap *heap)
{
	if (heap->count == SLABS_MAX)
		return false;
	struct place *slabs = array_reserve(heap->slabs, heap->count, &heap->room, sizeof(*slabs));
	if (!slabs)
		return false;
	heap->slabs = slabs;
	struct slab *slab = slab_new();
	if (slab)
		slab_insert(heap, slab);
	return slab;
}

void heap_free(struct heap *heap)
{
	if (!heap)
		return;
	assert(heap->used == 0 && heap->plain == 0 && heap->empty == heap->count);
	while (heap->count)
		slab_drop(heap, heap->count - 1);
	pthread_mutex_destroy(&heap->lock);
	free(heap->slabs);
	free(heap);
}

/* ------------------------------------------------------------------------------------------------
 * Pieces, with the lock held
 */

static inline uint32_t granules_of(size_t size)
{
	return (uint32_t)((size + SLAB_GRANULE - 1) / SLAB_GRANULE);
}

/* Is a piece of this size one for slabs? */
static bool for_slabs(const struct heap *heap, size_t size)
{
	return !WATCHED && size > 0 && size <= SLAB_CLASSES * SLAB_GRANULE &&
	       (heap->count > 0 || heap->plain + size > heap->plain_max);
}

static void *get_from_slabs(struct heap *heap, size_t size)
{
	const uint32_t granules = granules_of(size);
	size_t number = first_with(heap, slab_class(granules));

	if (number == heap->count) {
		if (!grow(heap))
			return NULL;
		number = first_with(heap, slab_class(granules));
	}
	struct slab *slab = heap->slabs[number].slab;
	heap->empty -= slab->used == 0;
	void *piece = slab_get(slab, granules);
	note(heap, number);
	return piece;
}

static void *get(struct heap *heap, size_t size)
{
	void *piece = for_slabs(heap, size) ? get_from_slabs(heap, size) : NULL;
	if (piece)
		return piece;
	piece = malloc(size);
	heap->plain += piece ? size : 0;
	return piece;
}

static void give_to_slab(struct heap *heap, size_t number, void *piece, uint32_t granules)
{
	struct slab *slab = heap->slabs[number].slab;
	slab_give(slab, piece, granules);
	note(heap, number);
	if (slab->used == 0 && heap->empty++ > 0)
		slab_drop(heap, number);
}

static void give(struct heap *heap, void *piece, size_t size)
{
	size_t number;
	if (find(heap, piece, &number)) {
		give_to_slab(heap, number, piece, granules_of(size));
		return;
	}
	assert(heap->plain >= size);
	heap->plain -= size;
	free(piece);
}

/* Larger or smaller where it is; false: there is no room. */
static bool resize_in_slab(struct heap *heap, size_t number, void *piece, uint32_t granules, uint32_t wanted)
{
	bool done = true;
	if (wanted < granules)
		give_to_slab(heap, number, (char *)piece + (size_t)wanted * SLAB_GRANULE, granules - wanted);
	else if (wanted > granules)
		done = slab_extend(heap->slabs[number].slab, piece, granules, wanted - granules);
	note(heap, number);
	return done;
}

/* realloc(), but a smaller piece is never refused. */
static void *resize_plain(void *piece, size_t size, size_t wanted)
{
	void *moved = realloc(piece, wanted);
	if (moved)
		return moved;
	return wanted > size ? NULL : piece;
}

static void *resize(struct heap *heap, void *piece, size_t size, size_t wanted)
{
	size_t number;
	void *moved;
	if (!find(heap, piece, &number)) {
		moved = resize_plain(piece, size, wanted);
		heap->plain += moved ? wanted - size : 0;
		return moved;
	}
	if (resize_in_slab(heap, number, piece, granules_of(size), granules_of(wanted)))
		return piece;
	moved = get(heap, wanted);
	if (moved) {
		memcpy(moved, piece, size);
		give(heap, piece, size);
	}
	return moved;
}

static void *adopt(struct heap *heap, void *piece, size_t size)
{
	void *moved = for_slabs(heap, size) ? get_from_slabs(heap, size) : NULL;
	if (!moved) {
		heap->plain += size;
		return piece;
	}
	memcpy(moved, piece, size);
	free(piece);
	return moved;
}

/* ------------------------------------------------------------------------------------------------
 * Pieces
 */

void *heap_get(struct heap *heap, size_t size)
{
	if (!heap)
		return malloc(size);
	pthread_mutex_lock(&heap->lock);
	void *piece = get(heap, size);
	heap->used += piece ? size : 0;
	pthread_mutex_unlock(&heap->lock);
	return piece;
}

void heap_give(struct heap *heap, void *piece, size_t size)
{
	if (!heap || !piece) {
		free(piece);
		return;
	}
	pthread_mutex_lock(&heap->lock);
	give(heap, piece, size);
	heap->used -= size;
	pthread_mutex_unlock(&heap->lock);
}

void *heap_resize(struct heap *heap, void *piece, size_t size, size_t wanted)
{
	if (!heap)
		return resize_plain(piece, size, wanted);
	pthread_mutex_lock(&heap->lock);
	void *moved = resize(heap, piece, size, wanted);
	heap->used += moved ? wanted - size : 0;
	pthread_mutex_unlock(&heap->lock);
	return moved;
}

void *heap_adopt(struct heap *heap, void *piece, size_t size)
{
	if (!heap)
		return piece;
	pthread_mutex_lock(&heap->lock);
	void *moved = adopt(heap, piece, size);
	heap->used += size;
	pthread_mutex_unlock(&heap->lock);
	return moved;
}

size_t heap_used(struct heap *heap)
{
	pthread_mutex_lock(&heap->lock);
	const size_t octets = heap->used;
	pthread_mutex_unlock(&heap->lock);
	return octets;
}

size_t heap_slabs(struct heap *heap)
{
	pthread_mutex_lock(&heap->lock);
	const size_t octets = heap->count * SLAB_SIZE;
	pthread_mutex_unlock(&heap->lock);
	return octets;
}
