/*
 * Reading ahead. A name in a zone of a few thousand is found in the CPU's caches; in one of hundreds of
 * thousands nearly every question finds three or four places, one behind the other, that come from
 * memory, and the CPU waits for each as long as an answer takes in all. A batch of questions
 * need not wait: while one is answered, the places of those behind it are on their way.
 *
 * The reader is told of each message some messages before its turn. For each it takes one more step
 * for the messages told of before, up to where the next place is known, and asks for that
 * (prefetch). It decides nothing: a message it is not told of, or does not understand, is answered as
 * any other.
 */
#ifndef MIST_CORE_AHEAD_H
#define MIST_CORE_AHEAD_H

#include <stdbool.h>

#include "core/trie.h"
#include "core/view.h"

#define AHEAD_DISTANCE 6 /* how many messages before its turn one is told of: a step for each */
#define AHEAD_ZONES 4    /* large zones that count; others are answered without */

struct ahead {
	uint64_t view;               /* whose zones these are */
	unsigned zone_count;
	const struct zone *zones[AHEAD_ZONES];
	unsigned told;               /* messages, of this batch */
	struct ahead_message {
		const struct trie_node *at;  /* how far the walk has come; NULL: it is over */
		const struct node *node;     /* what it found, until that is read; NULL: nothing */
		struct name_key key;
		uint8_t name[NAME_MAX];
	} messages[AHEAD_DISTANCE];
};

/* Begins a batch. False: no zone of the view is large, and reading ahead would gain nothing. */
bool ahead_begin(struct ahead *ahead, const struct view *view);

/* A message whose turn comes AHEAD_DISTANCE messages from now. */
void ahead_tell(struct ahead *ahead, const uint8_t *octets, size_t len);

#endif
