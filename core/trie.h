/*
 * A map from domain names to values, in canonical order, that can be changed while others read it.
 *
 * It is a qp-trie (see dotat.at/prog/qp): a branch tests one symbol of the key and has a bitmap of
 * the symbols that occur, and a packed array of children, so that a million names cost a few words
 * each and a look-up touches a handful of cache lines. The key of a name is its labels from the
 * root down, each octet mapped to one or two small symbols, each label ended by a symbol smaller
 * than all others: keys then sort in canonical order (RFC 4034 section 6.1), an ancestor is a
 * prefix of its descendants, and one walk finds a name, its closest encloser and its predecessor.
 *
 * Change is by copying: an edit of a frozen trie copies the arrays on the path from the root to
 * the change and leaves the old ones to readers. trie_fork() starts such an edit; what the edit
 * replaced is collected and freed by trie_retire() when no reader can hold the old trie any more.
 *
 * Values are pointers owned by the caller; `name_of` tells the lower-case wire name of a value and
 * its length, so that no key is stored twice. One thread edits; any number read a trie that is frozen.
 */
#ifndef MIST_CORE_TRIE_H
#define MIST_CORE_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/heap.h"
#include "core/name.h"

struct trie_node {
	uint64_t word;  /* branch: bitmap and symbol offset; leaf: 0 (an implementation matter) */
	void *pointer;  /* branch: children; leaf: the value */
};

struct trie_name {
	const uint8_t *octets;
	size_t len;
};
typedef struct trie_name trie_name_fn(const void *value);

struct trie_retired;

struct trie {
	struct trie_node root;
	size_t count;
	uint32_t generation;             /* arrays of another generation are shared and get copied */
	trie_name_fn *name_of;
	struct heap *heap;               /* what arrays come from; NULL: malloc() */
	struct trie_retired *retired;    /* arrays (and values) that this generation replaced */
};

/* `heap` may be NULL, which is malloc(). */
void trie_init(struct trie *trie, trie_name_fn *name_of, struct heap *heap);

/* Starts a new generation that shares everything with `from`, which must not be edited again. */
void trie_fork(struct trie *trie, const struct trie *from);

/* Frees what `trie`, as successor of an older one, replaced in it. `value` (or NULL) is called for
 * each value that was replaced or removed. Call when the older trie has no reader left. */
void trie_retire(struct trie *trie, void (*value)(void *user, void *value), void *user);

/* Frees the whole trie; `value` is called for each value. Call trie_retire() before. */
void trie_free(struct trie *trie, void (*value)(void *user, void *value), void *user);

/* Gives up `trie`, a fork of `older` that was never published, instead of trie_retire() and
 * trie_free(): frees what it does not share. `value` is called for each value that `older` does not
 * hold, with the value of the same name in `older` or NULL. */
void trie_discard(struct trie *trie, const struct trie *older,
                  void (*value)(void *user, void *value, void *older_value), void *user);

/* Adds or replaces. On replacement the old value is retired. MIST_OK or MIST_ENOMEM. */
int trie_set(struct trie *trie, const uint8_t *name, void *value);

/* Removes; the value is retired. MIST_OK, MIST_ENOTFOUND, MIST_ENOMEM. */
int trie_remove(struct trie *trie, const uint8_t *name);

/* All names passed to the look-ups below are lower-case. No allocation, no lock. */

void *trie_get(const struct trie *trie, const uint8_t *name);

/* The values at a name and at its ancestors that exist, from the root down. */
struct trie_path {
	unsigned count;                       /* entries below */
	bool exact;                           /* the last entry is at the name itself */
	void *value[NAME_LABELS_MAX + 2];
	const struct trie_node *branch[NAME_LABELS_MAX + 2]; /* above each ancestor and the names below it */
};
void trie_walk(const struct trie *trie, const struct name_key *key, struct trie_path *path);

/*
 * A part of a walk, for those who read ahead: from `from`, the root or where a part ended, through at
 * least one branch, and on to where `spread` names part. The place it ends at is not looked at but
 * asked for (prefetch). NULL: no such name.
 */
const struct trie_node *trie_ahead(const struct trie_node *from, const struct name_key *key,
                                   unsigned spread);
/* The value, if a walk that ended there is over; else NULL. */
void *trie_value(const struct trie_node *at);

/* The value of a child of the last entry, which is an ancestor: its label is this one octet. There
 * must be one, as the caller knows. */
void *trie_child(const struct trie_path *path, uint8_t octet);

/* The value with the greatest name that is smaller than `name`; NULL if there is none. */
void *trie_before(const struct trie *trie, const uint8_t *name);
void *trie_at_or_before(const struct trie *trie, const uint8_t *name, bool *at); /* not greater; `*at`: equal */

/* The value with the smallest name that is greater than `name`; NULL if there is none. */
void *trie_after(const struct trie *trie, const uint8_t *name);

/* Visits all values in canonical order until the callback returns other than 0. */
int trie_each(const struct trie *trie, int (*visit)(void *user, void *value), void *user);

/* Visits the names whose values are not the same in two tries, each once, in no particular order, until
 * the callback returns other than 0; NULL: not there. Of versions of one trie it looks only at what they
 * do not share. */
int trie_compare(const struct trie *older, const struct trie *newer,
                 int (*visit)(void *user, void *older, void *newer), void *user);

#endif
