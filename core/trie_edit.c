/* How a trie changes: by copying; see trie.h and trie_shape.h. */
#include "core/trie_shape.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#include "mistcore.h"

static struct trie_node leaf_of(void *value)
{
	return (struct trie_node){ .word = 0, .pointer = value };
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
static bool divide(struct trie *trie, struct trie_node *node, const struct trie_difference *difference,
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
	const struct trie_difference difference = trie_difference(trie, &key, nearest(trie, &key, NULL, NULL));
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
