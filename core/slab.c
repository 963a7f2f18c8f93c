/*
 * Pieces and holes.
 *
 * Behind what a slab knows of itself, every granule is part of a piece or of a hole. No two holes touch. A hole
 * says its size in its first and its last granule, and these are marked in a bitmap: so a piece that is
 * given back finds the holes on both sides and becomes one with them. Holes of one class are linked.
 */
#include "core/slab.h"

#include <assert.h>
#include <sys/mman.h>

struct hole {
	uint32_t next, previous; /* of its class, as granules of the slab; 0: none */
	uint32_t size;           /* granules */
	uint32_t again;          /* the size once more: of each hole, in its last granule */
};

#define BEGIN ((uint32_t)((sizeof(struct slab) + SLAB_GRANULE - 1) / SLAB_GRANULE))

static inline struct hole *hole_at(struct slab *slab, uint32_t at)
{
	return (struct hole *)(void *)((char *)slab + (size_t)at * SLAB_GRANULE);
}

static inline uint32_t granule_of(const struct slab *slab, const void *piece)
{
	return (uint32_t)((size_t)((const char *)piece - (const char *)slab) / SLAB_GRANULE);
}

static inline bool is_edge(const struct slab *slab, uint32_t at)
{
	return slab->edges[at / 64] >> at % 64 & 1;
}

static void hole_add(struct slab *slab, uint32_t at, uint32_t size)
{
	struct hole *hole = hole_at(slab, at);
	const unsigned class = slab_class(size);
	const uint32_t last = at + size - 1, next = slab->first[class];

	hole->next = next;
	hole->previous = 0;
	hole->size = size;
	hole_at(slab, last)->again = size;
	slab->edges[at / 64] |= UINT64_C(1) << at % 64;
	slab->edges[last / 64] |= UINT64_C(1) << last % 64;
	if (next)
		hole_at(slab, next)->previous = at;
	slab->first[class] = at;
	slab->classes |= UINT64_C(1) << class;
}

static uint32_t hole_remove(struct slab *slab, uint32_t at)
{
	const struct hole *hole = hole_at(slab, at);
	const unsigned class = slab_class(hole->size);
	const uint32_t last = at + hole->size - 1;

	slab->edges[at / 64] &= ~(UINT64_C(1) << at % 64);
	slab->edges[last / 64] &= ~(UINT64_C(1) << last % 64);
	if (hole->next)
		hole_at(slab, hole->next)->previous = hole->previous;
	if (hole->previous)
		hole_at(slab, hole->previous)->next = hole->next;
	else
		slab->first[class] = hole->next;
	if (!slab->first[class])
		slab->classes &= ~(UINT64_C(1) << class);
	return hole->size;
}

/* A piece where a hole is; what is left of that stays one. */
static void *cut(struct slab *slab, uint32_t at, uint32_t granules)
{
	const uint32_t size = hole_remove(slab, at);
	if (size > granules)
		hole_add(slab, at + granules, size - granules);
	slab->used += granules;
	return hole_at(slab, at);
}

void *slab_get(struct slab *slab, uint32_t granules)
{
	const unsigned class = slab_class(granules);
	const uint64_t suits = slab->classes >> class;
	return suits ? cut(slab, slab->first[class + (unsigned)__builtin_ctzll(suits)], granules) : NULL;
}

void slab_give(struct slab *slab, void *piece, uint32_t granules)
{
	uint32_t at = granule_of(slab, piece);
	const uint32_t behind = at + granules;

	assert(at >= BEGIN && granules <= slab->used && !is_edge(slab, at));
	slab->used -= granules;
	if (is_edge(slab, at - 1)) {
		at -= hole_at(slab, at - 1)->again;
		granules += hole_remove(slab, at);
	}
	if (behind < SLAB_GRANULES && is_edge(slab, behind))
		granules += hole_remove(slab, behind);
	hole_add(slab, at, granules);
}

bool slab_extend(struct slab *slab, void *piece, uint32_t granules, uint32_t more)
{
	const uint32_t behind = granule_of(slab, piece) + granules;
	if (behind == SLAB_GRANULES || !is_edge(slab, behind) || hole_at(slab, behind)->size < more)
		return false;
	cut(slab, behind, more);
	return true;
}

/* The first try succeeds where the kernel aligns such mappings itself. */
static void *map_aligned(void)
{
	char *at = mmap(NULL, SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED || (uintptr_t)at % SLAB_SIZE == 0)
		return at;
	munmap(at, SLAB_SIZE);
	at = mmap(NULL, 2 * SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return at;
	const size_t before = (SLAB_SIZE - (uintptr_t)at % SLAB_SIZE) % SLAB_SIZE;
	if (before)
		munmap(at, before);
	munmap(at + before + SLAB_SIZE, SLAB_SIZE - before);
	return at + before;
}

struct slab *slab_new(void)
{
	struct slab *slab = map_aligned();
	if (slab == MAP_FAILED)
		return NULL;
#ifdef MADV_HUGEPAGE
	(void)madvise(slab, SLAB_SIZE, MADV_HUGEPAGE); /* refused: it serves all the same, a little slower */
#endif
	hole_add(slab, BEGIN, SLAB_GRANULES - BEGIN); /* all else is zero, as it is mapped */
	return slab;
}

void slab_free(struct slab *slab)
{
	munmap(slab, SLAB_SIZE);
}
