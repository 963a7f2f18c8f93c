/* See due.h. Places count from 1, so that a parent is at half its children's; entries[0] is unused. */
#include "core/due.h"

#include <assert.h>
#include <stdlib.h>

bool due_reserve(struct due_heap *heap, size_t count)
{
	if (count < heap->room)
		return true;
	const size_t room = 2 * count + 8;
	struct due **entries = realloc(heap->entries, room * sizeof(*entries));
	if (!entries)
		return false;
	heap->entries = entries;
	heap->room = room;
	return true;
}

void due_free(struct due_heap *heap)
{
	free(heap->entries);
	*heap = (struct due_heap){ 0 };
}

static void place(struct due_heap *heap, size_t at, struct due *due)
{
	heap->entries[at] = due;
	due->place = at;
}

static void rise(struct due_heap *heap, size_t at, struct due *due)
{
	for (; at > 1 && heap->entries[at / 2]->at_ms > due->at_ms; at /= 2)
		place(heap, at, heap->entries[at / 2]);
	place(heap, at, due);
}

static void sink(struct due_heap *heap, size_t at, struct due *due)
{
	for (size_t child; (child = 2 * at) <= heap->count; at = child) {
		struct due *const *entries = heap->entries;
		if (child < heap->count && entries[child + 1]->at_ms < entries[child]->at_ms)
			child++;
		if (entries[child]->at_ms >= due->at_ms)
			break;
		place(heap, at, entries[child]);
	}
	place(heap, at, due);
}

void due_put(struct due_heap *heap, struct due *due, uint64_t at_ms)
{
	if (!due_is_in(due)) {
		assert(heap->count + 1 < heap->room && "no place was reserved");
		due->place = ++heap->count;
	}
	due->at_ms = at_ms;
	rise(heap, due->place, due);
	sink(heap, due->place, due);
}

void due_take(struct due_heap *heap, struct due *due)
{
	const size_t at = due->place;
	if (!at)
		return;
	due->place = 0;
	struct due *last = heap->entries[heap->count--];
	if (last == due)
		return;
	place(heap, at, last);
	due_put(heap, last, last->at_ms);
}

struct due *due_first(const struct due_heap *heap)
{
	return heap->count ? heap->entries[1] : NULL;
}

uint64_t due_first_ms(const struct due_heap *heap)
{
	return heap->count ? heap->entries[1]->at_ms : DUE_NEVER;
}
