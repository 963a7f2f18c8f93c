/*
 * Arrays that grow: room doubles, so that adding one more costs little however many there come to be.
 *
 *	struct thing *things = array_reserve(list->things, list->count, &list->room, sizeof(*things));
 *	if (!things)
 *		return MIST_ENOMEM;      // the array is as it was
 *	list->things = things;
 *	list->things[list->count++] = thing;
 */
#ifndef MIST_CORE_ARRAY_H
#define MIST_CORE_ARRAY_H

#include <stddef.h>
#include <stdlib.h>

#define ARRAY_FIRST 8 /* items of room at first */

/* The array with room for one item behind `count`. NULL: out of memory. */
static inline void *array_reserve(void *items, size_t count, size_t *room, size_t item_size)
{
	if (count < *room)
		return items;
	const size_t more = *room ? 2 * *room : ARRAY_FIRST;
	void *grown = realloc(items, more * item_size);
	if (grown)
		*room = more;
	return grown;
}

#endif
