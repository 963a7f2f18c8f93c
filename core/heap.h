/*
 * Memory for what zones consist of: hundreds of thousands of small pieces, that live long, are read in no
 * order, and go one at a time when a zone changes.
 *
 * malloc() gives each a header, and pages of 4 KiB, so that nearly every look-up in a large zone waits for a
 * page walk as well. Here pieces have no header, since who gives one back knows its size, and lie in
 * slabs of 2 MiB, one huge page each where the system has them. A slab without a piece goes back to the
 * system; those that came first are filled first, so that others run empty.
 *
 * The first pieces of a heap are malloc()'s, as are large ones: a small zone costs no slab, and no caller has to
 * know which is which. A heap that is NULL is malloc() all through.
 */
#ifndef MIST_CORE_HEAP_H
#define MIST_CORE_HEAP_H

#include <stddef.h>

/* Octets from malloc() before there are slabs: a heap that needs more can bear that one of them is half empty. */
#define HEAP_PLAIN ((size_t)2 << 20)

struct heap;

/* NULL: out of memory. `plain`: HEAP_PLAIN, other values are for tests. */
struct heap *heap_new(size_t plain);

/* Ends a heap, all of whose pieces were given back. */
void heap_free(struct heap *heap);

/* All below: any thread. Pieces are aligned for any type; sizes are those last asked for. */

/* NULL: out of memory. */
void *heap_get(struct heap *heap, size_t size);

/* Gives a piece back, or NULL. */
void heap_give(struct heap *heap, void *piece, size_t size);

/* Makes a piece larger or smaller, moving it if need be. NULL: out of memory, the piece is as it was; a
 * smaller one is never refused. */
void *heap_resize(struct heap *heap, void *piece, size_t size, size_t wanted);

/* Takes over what malloc() gave, moving it if need be; never fails. */
void *heap_adopt(struct heap *heap, void *piece, size_t size);

/* Octets of all pieces, as they were asked for; and of slabs. */
size_t heap_used(struct heap *heap);
size_t heap_slabs(struct heap *heap);

#endif
