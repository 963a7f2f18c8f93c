/* Nodes: sets by ascending type, few enough to search one after the other. */
#include "core/node.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct node *node_new(const uint8_t *name, uint32_t version)
{
	size_t len = name_len(name);
	struct node *node = malloc(sizeof(*node) + len);
	if (!node)
		return NULL;
	memset(node, 0, sizeof(*node));
	node->name_len = (uint8_t)len;
	node->version = version;
	node->rrsets = node->inside;
	memcpy(node->name, name, len);
	return node;
}

/* Room for `count` sets. */
static bool reserve(struct node *node, size_t count)
{
	if (count <= NODE_INSIDE)
		return true;
	bool inside = node->rrsets == node->inside;
	struct rrset **grown = realloc(inside ? NULL : node->rrsets, count * sizeof(*grown));
	if (!grown)
		return false;
	if (inside)
		memcpy(grown, node->inside, node->rrset_count * sizeof(*grown));
	node->rrsets = grown;
	return true;
}

struct node *node_copy(const struct node *node, uint32_t version)
{
	struct node *copy = node_new(node->name, version);
	if (!copy)
		return NULL;
	if (!reserve(copy, node->rrset_count)) {
		free(copy);
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

int node_put(struct node *node, struct rrset *set, struct rrset **old)
{
	unsigned place = place_of(node, set->type);

	*old = NULL;
	if (place < node->rrset_count && node->rrsets[place]->type == set->type) {
		*old = node->rrsets[place];
	} else {
		/* there are 65,536 types, two of which cannot be in a zone */
		assert(node->rrset_count < UINT16_MAX);
		if (!reserve(node, node->rrset_count + 1u))
			return MIST_ENOMEM;
		memmove(node->rrsets + place + 1, node->rrsets + place,
		        (node->rrset_count - place) * sizeof(struct rrset *));
		node->rrset_count++;
	}
	node->rrsets[place] = set;
	return MIST_OK;
}

static int put_set(struct node *node, struct rrset *set)
{
	struct rrset *old;
	int error = node_put(node, set, &old);
	free(error ? set : old);
	return error;
}

int node_add(struct node *node, uint16_t type, uint32_t ttl, const uint8_t *rdata,
             uint16_t rdata_len)
{
	_Bool too_large;
	struct rrset *set = rrset_with(node_rrset(node, type), type, ttl, rdata, rdata_len, &too_large);
	if (!set)
		return too_large ? MIST_ERECORD : MIST_ENOMEM;
	return put_set(node, set);
}

int node_put_copy(struct node *node, const struct rrset *set)
{
	struct rrset *copy = rrset_signed(set, NULL, 0);
	return copy ? put_set(node, copy) : MIST_ENOMEM;
}

struct rrset *node_take(struct node *node, uint16_t type)
{
	unsigned place = place_of(node, type);
	if (place == node->rrset_count || node->rrsets[place]->type != type)
		return NULL;
	struct rrset *set = node->rrsets[place];
	node->rrset_count--;
	memmove(node->rrsets + place, node->rrsets + place + 1,
	        (node->rrset_count - place) * sizeof(struct rrset *));
	return set;
}

void node_free(void *value)
{
	struct node *node = value;
	if (node->rrsets != node->inside)
		free(node->rrsets);
	free(node);
}

void node_free_all(void *value)
{
	struct node *node = value;
	for (unsigned i = 0; i < node->rrset_count; i++)
		free(node->rrsets[i]);
	node_free(node);
}

struct trie_name node_name(const void *value)
{
	const struct node *node = value;
	return (struct trie_name){ node->name, node->name_len };
}
