/*
 * Two MiB of memory, one huge page where the system has them, from which small pieces are cut. Inside core/heap.c
 * only, which has the lock.
 *
 * Sizes are in granules: a slab knows of no piece how large it is, its owner does.
 */
#ifndef MIST_CORE_SLAB_H
#define MIST_CORE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_SIZE ((size_t)2 << 20) /* a huge page of x86-64, and of arm64 with pages of 4 KiB */
#define SLAB_GRANULE 16             /* aligned for any type, and room for what a hole says of itself */
#define SLAB_GRANULES (SLAB_SIZE / SLAB_GRANULE)
#define SLAB_CLASSES 64             /* as many as a word has bits: of holes, by size, the last for all that are larger */

struct slab {
	uint64_t classes;                   /* a bit for each class of which there is a hole */
	uint32_t used;                      /* granules of pieces */
	uint32_t first[SLAB_CLASSES];       /* hole of each class; 0: none */
	uint64_t edges[SLAB_GRANULES / 64]; /* first and last granules of holes */
};

/* Lies at a multiple of its size. NULL: out of memory. */
struct slab *slab_new(void);
void slab_free(struct slab *slab);

/* The class of pieces, and of holes, of so many granules. A hole of a class suits pieces of it and of
 * those before. */
static inline unsigned slab_class(uint32_t granules)
{
	return (granules < SLAB_CLASSES ? granules : SLAB_CLASSES) - 1;
}

/* At most SLAB_CLASSES granules. NULL: there is no hole for it. */
void *slab_get(struct slab *slab, uint32_t granules);

/* Gives a piece back, or the rear part of one. */
void slab_give(struct slab *slab, void *piece, uint32_t granules);

/* Makes a piece longer where it is. False: something is in the way. */
bool slab_extend(struct slab *slab, void *piece, uint32_t granules, uint32_t more);

#endif
