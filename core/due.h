/*
 * What is due first: a heap of things that have a time each. A thing embeds a struct due, stands in one heap
 * at most, and is in it or not; any of them can be taken out. Times are whatever the caller counts in; here
 * milliseconds of CLOCK_MONOTONIC.
 *
 * Nothing is locked here, and only due_reserve() allocates: who reserves a place for each thing that there is
 * can put them in and take them out as they come.
 */
#ifndef MIST_CORE_DUE_H
#define MIST_CORE_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DUE_NEVER UINT64_MAX

struct due {
	uint64_t at_ms;
	size_t place;                /* in the heap, from 1; 0: in none */
};

struct due_heap {
	struct due **entries;        /* none is due before the one at half its place */
	size_t count, room;
};

static inline bool due_is_in(const struct due *due)
{
	return due->place != 0;
}

/* Makes room for `count` things in all. False: out of memory. */
bool due_reserve(struct due_heap *heap, size_t count);
void due_free(struct due_heap *heap); /* the things are their owners' */

/* Puts a thing in, or lets one that is in be due at another time. There is room. */
void due_put(struct due_heap *heap, struct due *due, uint64_t at_ms);
void due_take(struct due_heap *heap, struct due *due); /* one that is in none stays so */

/* The one that is due first; NULL: there is none. */
struct due *due_first(const struct due_heap *heap);
uint64_t due_first_ms(const struct due_heap *heap); /* DUE_NEVER: there is none */

#endif
