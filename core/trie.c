/*
 * A qp-trie over domain names.
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
#include "core/trie.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

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
static const uint8_t symbols[256][2] = { SYMBOLS_64(0), SYMBOLS_64(64), SYMBOLS_64(128), SYMBOLS_64(192) };

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
	return left == cursor->start + 1 ? 0 : symbols[key->name[cursor->sum - left]][offset % 2];
}

static unsigned key_symbol(const struct name_key *key, unsigned offset)
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

static struct trie_node leaf_of(void *value)
{
	return (struct trie_node){ .word = 0, .pointer = value };
}

/* ------------------------------------------------------------------------------------------------
 * Looking up
 */

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
		const unsigned symbol = offset < first + 2 ? symbols[octet][offset % 2] : 0;
		assert(branch_has(node, symbol));
		node = branch_children(node) + branch_index(node, symbol);
	}
	return node->pointer;
}

/* Where a key and that of a leaf differ first, and in what; the offset is UINT_MAX when nowhere. */
struct difference {
	unsigned offset;
	unsigned symbol, leaf_symbol;
};

static struct difference first_difference(const struct trie *trie, const struct name_key *key,
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
			const uint8_t *ours = i <= *a ? symbols[a[i]] : end, *theirs = i <= *b ? symbols[b[i]] : end;
			const bool second = ours[0] == theirs[0];
			return (struct difference){ 2 * (octet + i - 1) + second, ours[second], theirs[second] };
		}
		octet += i;
	}
	return (struct difference){ UINT_MAX, 0, 0 };
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
	const struct difference difference = first_difference(trie, &key, leaf);
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

/* ------------------------------------------------------------------------------------------------
 * Retiring
 */

struct trie_retired {
	size_t count, room;
	struct {
		void *pointer;
		unsigned count;  /* children of an array; 0: a value */
	} items[];
};

/* Makes room, so that what follows cannot fail half-way. */
static bool retire_room(struct trie *trie, size_t wanted)
{
	struct trie_retired *retired = trie->retired;
	size_t count = retired ? retired->count : 0;

	if (retired && retired->room - count >= wanted)
		return true;
	size_t room = count * 2 + wanted + 14;
	retired = realloc(retired, sizeof(*retired) + room * sizeof(retired->items[0]));
	if (!retired)
		return false;
	retired->count = count;
	retired->room = room;
	trie->retired = retired;
	return true;
}

static void retire_item(struct trie *trie, void *pointer, unsigned count)
{
	struct trie_retired *retired = trie->retired;
	retired->items[retired->count].pointer = pointer;
	retired->items[retired->count++].count = count;
}

void trie_retire(struct trie *trie, void (*value)(void *user, void *value), void *user)
{
	for (size_t i = 0; trie->retired && i < trie->retired->count; i++) {
		void *pointer = trie->retired->items[i].pointer;
		if (trie->retired->items[i].count)
			heap_give(trie->heap, pointer, array_size(trie->retired->items[i].count));
		else if (value)
			value(user, pointer);
	}
	free(trie->retired);
	trie->retired = NULL;
}

static void free_array(const struct trie *trie, const struct trie_node *branch)
{
	heap_give(trie->heap, array_of(branch), array_size(branch_count(branch)));
}

static void free_below(const struct trie *trie, const struct trie_node *node,
                       void (*value)(void *user, void *value), void *user)
{
	if (!is_branch(node)) {
		if (value)
			value(user, node->pointer);
		return;
	}
	for (unsigned i = 0, count = branch_count(node); i < count; i++)
		free_below(trie, branch_children(node) + i, value, user);
	free_array(trie, node);
}

void trie_free(struct trie *trie, void (*value)(void *user, void *value), void *user)
{
	trie_retire(trie, value, user);
	if (trie->root.pointer)
		free_below(trie, &trie->root, value, user);
	trie->root = leaf_of(NULL);
	trie->count = 0;
}

struct discard {
	const struct trie *trie, *older;
	void (*value)(void *user, void *value, void *older_value);
	void *user;
};

static void discard_value(const struct discard *discard, void *value)
{
	void *older_value = trie_get(discard->older, discard->trie->name_of(value).octets);
	if (value != older_value)
		discard->value(discard->user, value, older_value);
}

static void discard_below(const struct discard *discard, const struct trie_node *node)
{
	if (!is_branch(node)) {
		discard_value(discard, node->pointer);
		return;
	}
	if (array_of(node)->generation != discard->trie->generation)
		return; /* shared, and so is all below it */
	for (unsigned i = 0, count = branch_count(node); i < count; i++)
		discard_below(discard, branch_children(node) + i);
	free_array(discard->trie, node);
}

void trie_discard(struct trie *trie, const struct trie *older,
                  void (*value)(void *user, void *value, void *older_value), void *user)
{
	struct discard discard = { .trie = trie, .older = older, .value = value, .user = user };

	if (trie->root.pointer)
		discard_below(&discard, &trie->root);
	for (size_t i = 0; trie->retired && i < trie->retired->count; i++) {
		if (!trie->retired->items[i].count)
			discard_value(&discard, trie->retired->items[i].pointer);
	}
	free(trie->retired);
	trie->retired = NULL;
	trie->root = leaf_of(NULL);
	trie->count = 0;
}

/* ------------------------------------------------------------------------------------------------
 * Changing
 */

void trie_init(struct trie *trie, trie_name_fn *name_of, struct heap *heap)
{
	*trie = (struct trie){ .name_of = name_of, .heap = heap };
}

void trie_fork(struct trie *trie, const struct trie *from)
{
	*trie = *from;
	trie->generation++;
	trie->retired = NULL;
}

static struct array *array_new(const struct trie *trie, size_t count)
{
	struct array *array = heap_get(trie->heap, array_size(count));
	if (array)
		array->generation = trie->generation;
	return array;
}

/* Makes the children of a branch, which itself may be written, writable. */
static bool own(struct trie *trie, struct trie_node *branch)
{
	struct array *array = array_of(branch);
	unsigned count = branch_count(branch);

	if (array->generation == trie->generation)
		return true;
	struct array *copy = retire_room(trie, 1) ? array_new(trie, count) : NULL;
	if (!copy)
		return false;
	memcpy(copy->children, array->children, count * sizeof(struct trie_node));
	retire_item(trie, array, count);
	branch->pointer = copy->children;
	return true;
}

/* Follows the key down to a leaf or a branch that tests a symbol at `limit` or behind it; what it
 * returns may be written. `parent` (may be NULL) receives the branch above. NULL: out of memory. */
static struct trie_node *own_path(struct trie *trie, const struct name_key *key, unsigned limit,
                                  struct trie_node **parent)
{
	struct trie_node *node = &trie->root, *above = NULL;
	struct cursor cursor = cursor_on(key);

	while (is_branch(node) && branch_offset(node) < limit) {
		if (!own(trie, node))
			return NULL;
		above = node;
		node = branch_children(node) + branch_index(node, cursor_symbol(&cursor, branch_offset(node)));
	}
	if (parent)
		*parent = above;
	return node;
}

/* One more child for a branch. */
static bool grow(struct trie *trie, struct trie_node *branch, unsigned symbol, void *value)
{
	struct array *array = array_of(branch), *grown;
	unsigned count = branch_count(branch), index = branch_index(branch, symbol);

	if (array->generation == trie->generation) {
		grown = heap_resize(trie->heap, array, array_size(count), array_size(count + 1));
		if (!grown)
			return false;
		memmove(grown->children + index + 1, grown->children + index,
		        (count - index) * sizeof(struct trie_node));
	} else {
		grown = retire_room(trie, 1) ? array_new(trie, count + 1) : NULL;
		if (!grown)
			return false;
		memcpy(grown->children, array->children, index * sizeof(struct trie_node));
		memcpy(grown->children + index + 1, array->children + index,
		       (count - index) * sizeof(struct trie_node));
		retire_item(trie, array, count);
	}
	grown->children[index] = leaf_of(value);
	branch->word |= UINT64_C(1) << symbol;
	branch->pointer = grown->children;
	return true;
}

/* Puts a branch with two children where `node` is: what was there, and the new value. */
static bool divide(struct trie *trie, struct trie_node *node, const struct difference *difference,
                   void *value)
{
	const unsigned symbol = difference->symbol, old_symbol = difference->leaf_symbol;
	struct array *array = array_new(trie, 2);
	if (!array)
		return false;
	array->children[old_symbol > symbol] = *node;
	array->children[symbol > old_symbol] = leaf_of(value);
	node->word = (uint64_t)difference->offset << OFFSET_SHIFT | UINT64_C(1) << symbol | UINT64_C(1) << old_symbol;
	node->pointer = array->children;
	return true;
}

int trie_set(struct trie *trie, const uint8_t *name, void *value)
{
	assert(value);
	if (!trie->root.pointer) {
		trie->root = leaf_of(value);
		trie->count = 1;
		return MIST_OK;
	}
	struct name_key key;
	name_key(&key, name, NAME_MAX);
	const struct difference difference = first_difference(trie, &key, nearest(trie, &key, NULL, NULL));
	struct trie_node *node = own_path(trie, &key, difference.offset, NULL);
	if (!node)
		return MIST_ENOMEM;
	if (difference.offset == UINT_MAX) {
		if (!retire_room(trie, 1))
			return MIST_ENOMEM;
		retire_item(trie, node->pointer, 0);
		*node = leaf_of(value);
		return MIST_OK;
	}
	bool done = is_branch(node) && branch_offset(node) == difference.offset
	          ? grow(trie, node, difference.symbol, value)
	          : divide(trie, node, &difference, value);
	if (!done)
		return MIST_ENOMEM;
	trie->count++;
	return MIST_OK;
}

int trie_remove(struct trie *trie, const uint8_t *name)
{
	struct name_key key;
	name_key(&key, name, NAME_MAX);
	struct trie_node *parent;

	const struct trie_node *found = nearest(trie, &key, NULL, NULL);
	if (!found->pointer || !key_is(&key, trie->name_of(found->pointer)))
		return MIST_ENOTFOUND;
	struct trie_node *leaf = own_path(trie, &key, UINT_MAX, &parent);
	if (!leaf || !retire_room(trie, 1))
		return MIST_ENOMEM;
	retire_item(trie, leaf->pointer, 0);
	trie->count--;
	if (!parent) {
		trie->root = leaf_of(NULL);
		return MIST_OK;
	}
	struct array *array = array_of(parent);
	unsigned count = branch_count(parent), index = (unsigned)(leaf - array->children);
	if (count == 2) {
		*parent = array->children[1 - index];
		heap_give(trie->heap, array, array_size(2));
		return MIST_OK;
	}
	memmove(leaf, leaf + 1, (count - index - 1) * sizeof(*leaf));
	parent->word &= ~(UINT64_C(1) << key_symbol(&key, branch_offset(parent)));
	array = heap_resize(trie->heap, array, array_size(count), array_size(count - 1));
	parent->pointer = array->children;
	return MIST_OK;
}
