/* Nodes: sets by ascending type, few enough to search one after the other. */
#include "core/node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct node *node_new(struct heap *heap, const uint8_t *name, uint32_t version)
{
	size_t len = name_len(name);
	struct node *node = heap_get(heap, sizeof(*node) + len);
	if (!node)
		return NULL;
	memset(node, 0, sizeof(*node));
	node->name_len = (uint8_t)len;
	node->version = version;
	node->rrsets = node->inside;
	memcpy(node->name, name, len);
	return node;
}

/* Octets of the array that so many sets take; 0: they fit inside. */
static size_t array_size(size_t count)
{
	return count > NODE_INSIDE ? count * sizeof(struct rrset *) : 0;
}

/* Room for `count` sets, of which as many as fit are kept. Less room than there is is never refused. */
static bool resize(struct heap *heap, struct node *node, size_t count)
{
	const size_t size = array_size(node->rrset_count), wanted = array_size(count);
	struct rrset **array;

	if (size == wanted)
		return true;
	if (!wanted) {
		array = node->rrsets;
		memcpy(node->inside, array, count * sizeof(*array));
		node->rrsets = node->inside;
		heap_give(heap, array, size);
		return true;
	}
	array = size ? heap_resize(heap, node->rrsets, size, wanted) : heap_get(heap, wanted);
	if (!array)
		return false;
	if (!size)
		memcpy(array, node->inside, node->rrset_count * sizeof(*array));
	node->rrsets = array;
	return true;
}

struct node *node_copy(struct heap *heap, const struct node *node, uint32_t version)
{
	struct node *copy = node_new(heap, node->name, version);
	if (!copy)
		return NULL;
	if (!resize(heap, copy, node->rrset_count)) {
		node_free(heap, copy);
		return NULL;
	}
	copy->flags = node->flags;
	copy->rrset_count = node->rrset_count;
	memcpy(copy->rrsets, node->rrsets, node->rrset_count * sizeof(struct rrset *));
	return copy;
}

static unsigned place_of(const struct node *node, uint16_t type)
{
	unsigned place = 0;
	while (place < node->rrset_count && node->rrsets[place]->type < type)
		place++;
	return place;
}

int node_put(struct heap *heap, struct node *node, struct rrset *set, struct rrset **old)
{
	unsigned place = place_of(node, set->type);

	*old = NULL;
	if (place < node->rrset_count && node->rrsets[place]->type == set->type) {
		*old = node->rrsets[place];
	} else {
		/* there are 65,536 types, two of which cannot be in a zone */
		assert(node->rrset_count < UINT16_MAX);
		if (!resize(heap, node, node->rrset_count + 1u))
			return MIST_ENOMEM;
		memmove(node->rrsets + place + 1, node->rrsets + place,
		        (node->rrset_count - place) * sizeof(struct rrset *));
		node->rrset_count++;
	}
	node->rrsets[place] = set;
	return MIST_OK;
}

struct rrset *node_set_adopt(struct heap *heap, struct rrset *set)
{
	return heap_adopt(heap, set, rrset_size(set));
}

void node_set_free(struct heap *heap, struct rrset *set)
{
	heap_give(heap, set, set ? rrset_size(set) : 0);
}

static int put_set(struct heap *heap, struct node *node, struct rrset *set)
{
	struct rrset *old;
	set = node_set_adopt(heap, set);
	int error = node_put(heap, node, set, &old);
	node_set_free(heap, error ? set : old);
	return error;
}

int node_add(struct heap *heap, struct node *node, uint16_t type, uint32_t ttl, const uint8_t *rdata,
             uint16_t rdata_len)
{
	_Bool too_large;
	struct rrset *set = rrset_with(node_rrset(node, type), type, ttl, rdata, rdata_len, &too_large);
	if (!set)
		return too_large ? MIST_ERECORD : MIST_ENOMEM;
	return put_set(heap, node, set);
}

int node_put_copy(struct heap *heap, struct node *node, const struct rrset *set)
{
	struct rrset *copy = rrset_signed(set, NULL, 0);
	return copy ? put_set(heap, node, copy) : MIST_ENOMEM;
}

struct rrset *node_take(struct heap *heap, struct node *node, uint16_t type)
{
	unsigned place = place_of(node, type);
	if (place == node->rrset_count || node->rrsets[place]->type != type)
		return NULL;
	struct rrset *set = node->rrsets[place];
	memmove(node->rrsets + place, node->rrsets + place + 1,
	        (node->rrset_count - place - 1u) * sizeof(struct rrset *));
	resize(heap, node, node->rrset_count - 1u);
	node->rrset_count--;
	return set;
}

void node_free(void *heap, void *value)
{
	struct node *node = value;
	if (node->rrsets != node->inside)
		heap_give(heap, node->rrsets, array_size(node->rrset_count));
	heap_give(heap, node, sizeof(*node) + node->name_len);
}

void node_free_all(void *heap, void *value)
{
	struct node *node = value;
	for (unsigned i = 0; i < node->rrset_count; i++)
		node_set_free(heap, node->rrsets[i]);
	node_free(heap, node);
}

struct trie_name node_name(const void *value)
{
	const struct node *node = value;
	return (struct trie_name){ node->name, node->name_len };
}
