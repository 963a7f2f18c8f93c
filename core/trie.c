/* A qp-trie over domain names, as it is looked at; see trie.h and trie_shape.h. */
#include "core/trie_shape.h"

#include <assert.h>
#include <limits.h>

#include "mistcore.h"

/* Canonical order is kept: symbols grow with octets, and so do second symbols. 0 is neither. */
#define FIRST(o)                                                                                   \
	((o) < '-' ? 1 : (o) == '-' ? 2 : (o) < '0' ? 3 : (o) <= '9' ? 4 + (o) - '0' : (o) < '_' ? 14    \
	 : (o) <= 'z' ? 15 + (o) - '_' : (o) < 168 ? 43 : (o) < 213 ? 44 : 45)
#define SECOND(o)                                                                                  \
	((o) < '-' ? 1 + (o) : (o) == '-' ? 0 : (o) < '0' ? 1 + (o) - '.' : (o) <= '9' ? 0               \
	 : (o) < '_' ? 1 + (o) - ':' : (o) <= 'z' ? 0 : (o) < 168 ? 1 + (o) - 123                        \
	 : (o) < 213 ? 1 + (o) - 168 : 1 + (o) - 213)
#define SYMBOL(o) { (uint8_t)FIRST(o), (uint8_t)SECOND(o) }
#define SYMBOLS_4(o) SYMBOL(o), SYMBOL((o) + 1), SYMBOL((o) + 2), SYMBOL((o) + 3)
#define SYMBOLS_16(o) SYMBOLS_4(o), SYMBOLS_4((o) + 4), SYMBOLS_4((o) + 8), SYMBOLS_4((o) + 12)
#define SYMBOLS_64(o) SYMBOLS_16(o), SYMBOLS_16((o) + 16), SYMBOLS_16((o) + 32), SYMBOLS_16((o) + 48)
const uint8_t trie_symbols[256][2] = { SYMBOLS_64(0), SYMBOLS_64(64), SYMBOLS_64(128), SYMBOLS_64(192) };

/* ------------------------------------------------------------------------------------------------
 * Looking up
 */

void *trie_get(const struct trie *trie, const uint8_t *name)
{
	struct name_key key;
	name_key(&key, name, NAME_MAX);
	const struct trie_node *leaf = nearest(trie, &key, NULL, NULL);
	return leaf->pointer && key_is(&key, trie->name_of(leaf->pointer)) ? leaf->pointer : NULL;
}

/*
 * On the way down, a branch between two labels whose child for symbol 0 is a leaf may pass an
 * ancestor: the keys below that branch agree with the leaf up to there, but the name looked up
 * agrees with them only as far as it was tested. So what was passed is verified at the end,
 * deepest first; the first that holds proves those above it.
 */
void trie_walk(const struct trie *trie, const struct name_key *key, struct trie_path *path)
{
	const struct trie_node *node = &trie->root;
	struct cursor cursor = cursor_on(key);
	unsigned count = 0;

	while (is_branch(node)) {
		const unsigned offset = branch_offset(node), symbol = cursor_symbol(&cursor, offset);
		const struct trie_node *children = branch_children(node);
		if (branch_has(node, 0) && symbol && !is_branch(children) &&
		    cursor.len - offset / 2 == key->start[cursor.label + 1]) {
			path->branch[count] = node;
			path->value[count++] = children->pointer;
		}
		if (!branch_has(node, symbol))
			break;
		node = children + branch_index(node, symbol);
	}
	if (!is_branch(node) && node->pointer)
		path->value[count++] = node->pointer;

	path->exact = false;
	for (; count; count--) {
		const struct trie_name name = trie->name_of(path->value[count - 1]);
		if (name_key_within(key, name.octets, name.len)) {
			path->exact = name.len == key->start[key->labels] + 1u;
			break;
		}
	}
	path->count = count;
}

const struct trie_node *trie_ahead(const struct trie_node *from, const struct name_key *key,
                                   unsigned spread)
{
	const struct trie_node *node = from;
	struct cursor cursor = cursor_on(key);
	unsigned names = 1;

	do {
		const unsigned symbol = cursor_symbol(&cursor, branch_offset(node));
		if (!is_branch(node) || !branch_has(node, symbol))
			return NULL;
		names *= branch_count(node);
		node = branch_children(node) + branch_index(node, symbol);
	} while (names < spread && is_branch(node));
	__builtin_prefetch(node);
	return node;
}

void *trie_value(const struct trie_node *at)
{
	return is_branch(at) ? NULL : at->pointer;
}

/* All keys below the branch agree up to the symbol it tests: the first of the label. */
void *trie_child(const struct trie_path *path, uint8_t octet)
{
	const struct trie_node *node = path->branch[path->count - 1];
	const unsigned first = branch_offset(node);
	while (is_branch(node)) {
		const unsigned offset = branch_offset(node);
		const unsigned symbol = offset < first + 2 ? trie_symbols[octet][offset % 2] : 0;
		assert(branch_has(node, symbol));
		node = branch_children(node) + branch_index(node, symbol);
	}
	return node->pointer;
}

struct trie_difference trie_difference(const struct trie *trie, const struct name_key *key,
                                       const struct trie_node *leaf)
{
	struct name_key other;
	name_key(&other, trie->name_of(leaf->pointer).octets, NAME_MAX);
	unsigned octet = 0, left = key->labels, other_left = other.labels;

	while (left || other_left) {
		/* A key that has ended goes on like one with labels of no octets. */
		static const uint8_t none = 0;
		const uint8_t *a = left ? key->name + key->start[--left] : &none;
		const uint8_t *b = other_left ? other.name + other.start[--other_left] : &none;
		const unsigned shorter = *a < *b ? *a : *b;
		unsigned i = 1;
		while (i <= shorter && a[i] == b[i])
			i++;
		if (i <= *a || i <= *b) {
			static const uint8_t end[2] = { 0 };
			const uint8_t *ours = i <= *a ? trie_symbols[a[i]] : end, *theirs = i <= *b ? trie_symbols[b[i]] : end;
			const bool second = ours[0] == theirs[0];
			return (struct trie_difference){ 2 * (octet + i - 1) + second, ours[second], theirs[second] };
		}
		octet += i;
	}
	return (struct trie_difference){ UINT_MAX, 0, 0 };
}

static void *outermost(const struct trie_node *node, bool last)
{
	while (is_branch(node))
		node = branch_children(node) + (last ? branch_count(node) - 1 : 0);
	return node->pointer;
}

/*
 * The neighbour before or after a key, or what is at it (`*at`). Where the key leaves the trie, all
 * that is left lies on one side, or a branch divides it; else it is a sibling on the way there, the
 * deepest on the wanted side.
 */
static void *neighbour(const struct trie *trie, const uint8_t *name, bool before, bool *at)
{
	const struct trie_node *path[DEPTH_MAX + 1];
	struct name_key key;
	unsigned depth;

	if (!trie->root.pointer)
		return NULL;
	name_key(&key, name, NAME_MAX);
	const struct trie_node *leaf = nearest(trie, &key, path, &depth);
	const struct trie_difference difference = trie_difference(trie, &key, leaf);
	if (at && difference.offset == UINT_MAX) {
		*at = true;
		return leaf->pointer;
	}
	path[depth] = leaf;
	while (depth > 0 && branch_offset(path[depth - 1]) > difference.offset)
		depth--;
	if (depth > 0 && branch_offset(path[depth - 1]) == difference.offset) {
		const struct trie_node *branch = path[--depth];
		const unsigned above = branch_index(branch, difference.symbol); /* the first above the key */
		if (before ? above > 0 : above < branch_count(branch))
			return outermost(branch_children(branch) + above - before, before);
	} else if (difference.offset != UINT_MAX && (difference.leaf_symbol < difference.symbol) == before) {
		return outermost(path[depth], before);
	}
	for (; depth > 0; depth--) {
		const struct trie_node *branch = path[depth - 1], *here = path[depth];
		const struct trie_node *last = branch_children(branch) + branch_count(branch) - 1;
		if (here != (before ? branch_children(branch) : last))
			return outermost(before ? here - 1 : here + 1, before);
	}
	return NULL;
}

void *trie_before(const struct trie *trie, const uint8_t *name)
{
	return neighbour(trie, name, true, NULL);
}

void *trie_at_or_before(const struct trie *trie, const uint8_t *name, bool *at)
{
	*at = false;
	return neighbour(trie, name, true, at);
}

void *trie_after(const struct trie *trie, const uint8_t *name)
{
	return neighbour(trie, name, false, NULL);
}

/* Recursion goes no deeper than a key has symbols. */
static int each(const struct trie_node *node, int (*visit)(void *user, void *value), void *user)
{
	if (!is_branch(node))
		return visit(user, node->pointer);
	for (unsigned i = 0, count = branch_count(node); i < count; i++) {
		int result = each(branch_children(node) + i, visit, user);
		if (result)
			return result;
	}
	return 0;
}

int trie_each(const struct trie *trie, int (*visit)(void *user, void *value), void *user)
{
	return trie->root.pointer ? each(&trie->root, visit, user) : 0;
}

/* ------------------------------------------------------------------------------------------------
 * Comparing
 */

struct comparison {
	const struct trie *older, *newer;
	int (*visit)(void *user, void *older, void *newer);
	void *user;
};

static int visit_gone(void *user, void *value)
{
	const struct comparison *c = user;
	return c->visit(c->user, value, NULL);
}

static int visit_come(void *user, void *value)
{
	const struct comparison *c = user;
	return c->visit(c->user, NULL, value);
}

static int compare_leaves(struct comparison *c, void *older, void *newer)
{
	const struct trie_name a = c->older->name_of(older), b = c->newer->name_of(newer);
	if (a.len == b.len && memcmp(a.octets, b.octets, a.len) == 0)
		return c->visit(c->user, older, newer);
	const int result = c->visit(c->user, older, NULL);
	return result ? result : c->visit(c->user, NULL, newer);
}

/* The child for a symbol, or NULL; or the node itself where all keys below it have this one. */
static const struct trie_node *below(const struct trie_node *node, unsigned offset, unsigned symbol,
                                     unsigned common)
{
	if (is_branch(node) && branch_offset(node) == offset)
		return branch_has(node, symbol) ? branch_children(node) + branch_index(node, symbol) : NULL;
	return symbol == common ? node : NULL;
}

/* The symbols at an offset of the keys below a node, as a bitmap; `common`: the one, if it is but one. */
static uint64_t symbols_at(const struct trie *trie, const struct trie_node *node, unsigned offset,
                           unsigned *common)
{
	struct name_key key;
	if (is_branch(node) && branch_offset(node) == offset)
		return node->word & BITMAP;
	name_key(&key, trie->name_of(outermost(node, false)).octets, NAME_MAX);
	*common = key_symbol(&key, offset);
	return UINT64_C(1) << *common;
}

/*
 * A key that is in both is below the same symbol of both, at whatever offset one of them divides. Two
 * nodes with the same children are the same, and so is all below them.
 */
static int compare_nodes(struct comparison *c, const struct trie_node *older,
                         const struct trie_node *newer)
{
	if (older->word == newer->word && older->pointer == newer->pointer)
		return 0;
	if (!is_branch(older) && !is_branch(newer))
		return compare_leaves(c, older->pointer, newer->pointer);
	const unsigned a = is_branch(older) ? branch_offset(older) : UINT_MAX;
	const unsigned b = is_branch(newer) ? branch_offset(newer) : UINT_MAX;
	const unsigned offset = a < b ? a : b;
	unsigned common_older = 0, common_newer = 0;
	uint64_t left = symbols_at(c->older, older, offset, &common_older) |
	                symbols_at(c->newer, newer, offset, &common_newer);
	for (; left; left &= left - 1) {
		const unsigned symbol = (unsigned)__builtin_ctzll(left);
		const struct trie_node *in_older = below(older, offset, symbol, common_older);
		const struct trie_node *in_newer = below(newer, offset, symbol, common_newer);
		const int result = !in_older ? each(in_newer, visit_come, c)
		                 : !in_newer ? each(in_older, visit_gone, c)
		                 : compare_nodes(c, in_older, in_newer);
		if (result)
			return result;
	}
	return 0;
}

int trie_compare(const struct trie *older, const struct trie *newer,
                 int (*visit)(void *user, void *older, void *newer), void *user)
{
	struct comparison c = { .older = older, .newer = newer, .visit = visit, .user = user };
	if (!older->root.pointer)
		return trie_each(newer, visit_come, &c);
	if (!newer->root.pointer)
		return trie_each(older, visit_gone, &c);
	return compare_nodes(&c, &older->root, &newer->root);
}
