/*
 * The shape of a qp-trie over domain names, for the files that look things up in it (trie.c) and change it
 * (trie_edit.c).
 *
 * A key is a run of octets: the labels of a name from the root down, each followed by an end, which
 * is smaller than all octets. Each has one or two symbols below 48: an end has 0, the octets that
 * names are made of (a-z, 0-9, `-`, `_`) have one each, and most others share six, each with a
 * second symbol that tells them apart. A branch holds the offset of the symbol it tests, two for
 * each octet of the key, and a bitmap of the symbols that lead on; between branches symbols are
 * skipped, so a look-up ends with one comparison of names. A key is never written out: a look-up
 * asks for a handful of its symbols, and they are read in the name.
 *
 * An array of children begins with the generation that made it. An edit may write to arrays of its
 * own generation only; others are copied first, and the original is noted as retired.
 */
#ifndef MIST_CORE_TRIE_SHAPE_H
#define MIST_CORE_TRIE_SHAPE_H

#include <string.h>

#include "core/trie.h"

/* The symbols of each octet; the second is 0 where the first says all. */
extern const uint8_t trie_symbols[256][2] __attribute__((visibility("hidden"))); /* so that its address is known to the code */

/*
 * Reads symbols of a key, at offsets that do not go down. The octets of a label stand in the key as
 * they do in the name, and the end where the name has the length of the label to the right: so an
 * octet is found by its distance from the end of the name, once its label is.
 */
struct cursor {
	const struct name_key *key;
	unsigned label;      /* the octet read last is in this one, of those in key->start; root at first */
	long len;            /* of the key */
	long start;          /* of the label, as a distance that its octets exceed */
	long sum;            /* of where it starts in the name and its distance: less the octet's, its place */
};

static inline struct cursor cursor_on(const struct name_key *key)
{
	const long len = key->start[key->labels];
	return (struct cursor){ .key = key, .label = key->labels, .len = len, .start = len };
}

static inline unsigned cursor_symbol(struct cursor *cursor, unsigned offset)
{
	const struct name_key *key = cursor->key;
	const long left = cursor->len - (long)(offset / 2);
	while (left <= cursor->start) {
		if (cursor->label == 0)
			return 0; /* behind the key's end */
		cursor->label--;
		cursor->start = key->start[cursor->label];
		cursor->sum = cursor->start + 1 + key->start[cursor->label + 1];
	}
	return left == cursor->start + 1 ? 0 : trie_symbols[key->name[cursor->sum - left]][offset % 2];
}

static inline unsigned key_symbol(const struct name_key *key, unsigned offset)
{
	struct cursor cursor = cursor_on(key);
	return cursor_symbol(&cursor, offset);
}

static inline bool key_is(const struct name_key *key, struct trie_name name)
{
	return name.len == key->start[key->labels] + 1u && memcmp(key->name, name.octets, name.len) == 0;
}

#define OFFSET_SHIFT 48
#define BITMAP ((UINT64_C(1) << OFFSET_SHIFT) - 1)

/* Children are aligned to their size, so that none lies in two cache lines. */
struct array {
	uint32_t generation;
	_Alignas(16) struct trie_node children[];
};

static inline size_t array_size(size_t count)
{
	return sizeof(struct array) + count * sizeof(struct trie_node);
}

static inline struct array *array_of(const struct trie_node *branch)
{
	return (struct array *)(void *)((char *)branch->pointer - offsetof(struct array, children));
}

static inline bool is_branch(const struct trie_node *node)
{
	return node->word != 0;
}
static inline unsigned branch_offset(const struct trie_node *branch)
{
	return (unsigned)(branch->word >> OFFSET_SHIFT);
}
static inline struct trie_node *branch_children(const struct trie_node *branch)
{
	return branch->pointer;
}
static inline bool branch_has(const struct trie_node *branch, unsigned symbol)
{
	return branch->word >> symbol & 1;
}

/* Bits set; written out because without a machine option the builtin is a call. */
static inline unsigned count_bits(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555;
	x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (unsigned)(x * 0x0101010101010101 >> 56);
}
static inline unsigned branch_count(const struct trie_node *branch)
{
	return count_bits(branch->word & BITMAP);
}
/* How many children have a smaller symbol. */
static inline unsigned branch_index(const struct trie_node *branch, unsigned symbol)
{
	return count_bits(branch->word & ((UINT64_C(1) << symbol) - 1));
}

/* A branch tests a symbol behind that of the branch above it, and a name has at most 254 octets. */
#define DEPTH_MAX 508

/* The way to the leaf that the key leads to, or where it leads nowhere, to any leaf near. Returns
 * the leaf; `path`, when given, gets the nodes above it and `*depth` their number. */
static inline const struct trie_node *nearest(const struct trie *trie, const struct name_key *key,
                                              const struct trie_node **path, unsigned *depth)
{
	const struct trie_node *node = &trie->root;
	struct cursor cursor = cursor_on(key);
	unsigned above = 0;
	while (is_branch(node)) {
		unsigned symbol = cursor_symbol(&cursor, branch_offset(node));
		bool has = branch_has(node, symbol);
		if (path)
			path[above++] = node;
		node = branch_children(node) + (has ? branch_index(node, symbol) : 0);
	}
	if (path)
		*depth = above;
	return node;
}

/* Where a key and that of a leaf differ first, and in what; the offset is UINT_MAX when nowhere. */
struct trie_difference {
	unsigned offset;
	unsigned symbol, leaf_symbol;
};

struct trie_difference trie_difference(const struct trie *trie, const struct name_key *key,
                                       const struct trie_node *leaf);

#endif
