/*
 * Reading ahead. What an answer needs lies in the CPU's nearest caches if it was needed lately. Among thousands
 * of questions it was not, since the kernel's part of each uses the same caches: then the CPU waits at three or
 * four places, one behind the other, and in zones of hundreds of thousands of names each is as long as
 * an answer takes in all. A batch of questions need not wait: while one is answered, the places of
 * those behind it are on their way.
 *
 * The reader is told of each message some messages before its turn. For each it takes one more step
 * for the messages told of before, up to where the next place is known, and asks for that
 * (prefetch): what the memo has of the question, or else the walk through a large zone, and where
 * names are forwarded what their cache has. It decides nothing: a
 * message it is not told of, or does not understand, is answered as any other.
 */
#ifndef MIST_CORE_AHEAD_H
#define MIST_CORE_AHEAD_H

#include <stdbool.h>

#include "core/memo.h"
#include "core/trie.h"
#include "core/view.h"

#define AHEAD_DISTANCE 6 /* how many messages before its turn one is told of: a step for each */
#define AHEAD_SLOTS 8    /* more than that: a message is remembered until after its turn */
#define AHEAD_ZONES 4    /* large zones that count; others are answered without */

/* Who has answers to what is not ours, for views that forward (forward/cache.h). Both ask for memory by the hash of a
 * question: where it would be looked for, and what may be there. */
struct ahead_elsewhere {
	void *store;
	void (*index)(void *store, uint64_t hash);
	void (*answer)(void *store, uint64_t hash);
};

struct ahead {
	struct ahead_elsewhere elsewhere;  /* the reader's; all zero: nobody */
	struct memo *memo;     /* of the batch's reader */
	uint64_t view;               /* whose zones these are */
	unsigned zone_count;
	const struct zone *zones[AHEAD_ZONES];
	bool forwards;               /* some questions may be answered from elsewhere */
	unsigned told;               /* messages, of this batch */
	struct ahead_message {
		struct glimpse glimpse;      /* its octets are NULL: none */
		const struct lead *lead;     /* where the memo may have it, or NULL */
		const struct trie_node *at;  /* how far the walk has come; NULL: there is none, or it is over */
		const struct node *node;     /* what it found, until that is read; NULL: nothing */
	} messages[AHEAD_SLOTS];
};

/* Begins a batch. */
void ahead_begin(struct ahead *ahead, struct memo *memo, const struct view *view);

/* A message whose turn comes AHEAD_DISTANCE messages from now. Without octets: no more in this batch. */
void ahead_tell(struct ahead *ahead, const uint8_t *octets, size_t len);

/* What was read of a message when its turn has come and AHEAD_DISTANCE more were told of; NULL: nothing. */
const struct glimpse *ahead_glimpse(const struct ahead *ahead, const uint8_t *octets);

#endif
