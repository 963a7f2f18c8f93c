/* Signing what an edit changed; see changes.h. */
#include "dnssec/changes.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/zone_diff.h"
#include "dnssec/batch.h"
#include "dnssec/chain.h"

struct pair {
	const struct node *older, *newer;
};

struct changes {
	struct zone *zone;
	uint32_t nsec_ttl;
	struct pair *pairs;          /* nodes that differ */
	size_t pair_count, pair_room;
	const struct node **links;   /* whose NSEC may have to change; maybe several times the same */
	size_t link_count, link_room;
	struct batch batch;
};

static int list_pair(void *user, const struct node *older, const struct node *newer)
{
	struct changes *c = user;
	struct pair *pairs = array_reserve(c->pairs, c->pair_count, &c->pair_room, sizeof(*pairs));
	if (!pairs)
		return MIST_ENOMEM;
	c->pairs = pairs;
	c->pairs[c->pair_count++] = (struct pair){ older, newer };
	return MIST_OK;
}

static int list_link(void *user, const struct node *node)
{
	struct changes *c = user;
	if (!chain_has(node))
		return MIST_OK;
	const struct node **links = array_reserve(c->links, c->link_count, &c->link_room, sizeof(*links));
	if (!links)
		return MIST_ENOMEM;
	c->links = links;
	c->links[c->link_count++] = node;
	return MIST_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Neighbours in the chain
 */

/* The apex is before every name, so there is one. What is occluded leads to its cut, which is in the chain. */
static const struct node *chain_before(const struct zone *zone, const uint8_t *name)
{
	const struct node *node = trie_before(&zone->nodes, name);
	while (node && !chain_has(node)) {
		if (node->flags & NODE_OCCLUDED)
			node = zone_cut_of(zone, node);
		else
			node = trie_before(&zone->nodes, node->name);
	}
	return node;
}

static const uint8_t *chain_after(const struct zone *zone, const uint8_t *name)
{
	const struct node *node = trie_after(&zone->nodes, name);
	while (node && !chain_has(node))
		node = trie_after(&zone->nodes, node->name);
	return node ? node->name : zone->name;
}

/* ------------------------------------------------------------------------------------------------
 * What is to be signed
 */

/* Sets that ceased to be authoritative (below a new cut) lose their signatures, and their NSEC. */
static int strip(struct changes *c, const struct node *node)
{
	int error = MIST_OK;
	for (unsigned i = 0; i < node->rrset_count && !error; i++) {
		const struct rrset *set = node->rrsets[i];
		if (!set->sig_count || chain_signs(node, set->type))
			continue;
		struct rrset *bare = rrset_signed(set, NULL, 0);
		error = bare ? zone_put_at(c->zone, node, bare) : MIST_ENOMEM;
		node = zone_node(c->zone, node->name); /* it may be a copy now */
	}
	return error;
}

static int list_sets(struct changes *c, const struct node *node)
{
	int error = MIST_OK;
	for (unsigned i = 0; i < node->rrset_count && !error; i++) {
		const struct rrset *set = node->rrsets[i];
		if (set->type == TYPE_NSEC || set->sig_count || !chain_signs(node, set->type))
			continue;
		error = sign_batch_add(&c->batch, &(struct batch_job){ .node = node, .set = set });
	}
	return error;
}

static int list_change(struct changes *c, const struct pair *pair)
{
	bool was = pair->older && chain_has(pair->older), is = pair->newer && chain_has(pair->newer);
	int error = pair->newer ? strip(c, pair->newer) : MIST_OK;
	const struct node *node = error || !pair->newer ? NULL : zone_node(c->zone, pair->newer->name);
	if (node)
		error = list_sets(c, node);
	if (node && !error)
		error = list_link(c, node);
	if (was == is || error)
		return error;
	const struct node *before = chain_before(c->zone, (is ? pair->newer : pair->older)->name);
	return before ? list_link(c, before) : MIST_OK;
}

static int compare_links(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;
	return name_compare((*x)->name, (*y)->name);
}

static bool is_same_nsec(const struct rrset *set, const struct rrset *wanted)
{
	return set && set->sig_count && set->ttl == wanted->ttl && rrset_same(set, wanted);
}

/* Those NSEC records that are not what they should be. */
static int list_links(struct changes *c)
{
	int error = MIST_OK;
	if (c->link_count)
		qsort(c->links, c->link_count, sizeof(*c->links), compare_links);
	for (size_t i = 0; i < c->link_count && !error; i++) {
		const struct node *node = c->links[i];
		if (i > 0 && name_equal(c->links[i - 1]->name, node->name))
			continue;
		const uint8_t *next = chain_after(c->zone, node->name);
		struct rrset *nsec = chain_nsec(node, next, c->nsec_ttl);
		if (!nsec)
			return MIST_ENOMEM;
		if (!is_same_nsec(node_rrset(node, TYPE_NSEC), nsec))
			error = sign_batch_add(&c->batch, &(struct batch_job){ .node = node, .next = next });
		free(nsec);
	}
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * The whole
 */

static int list_all(struct changes *c, const struct zone *from)
{
	const struct rrset *nsec = node_rrset(from->apex, TYPE_NSEC);
	int error = zone_diff_nodes(from, c->zone, list_pair, c);
	for (size_t i = 0; i < c->pair_count && !error; i++)
		error = list_change(c, &c->pairs[i]);
	if (!error && (!nsec || nsec->ttl != c->nsec_ttl))
		error = zone_each(c->zone, list_link, c);
	return error ? error : list_links(c);
}

int sign_changes(struct zone *zone, const struct zone *from, const struct signing *signing,
                 uint64_t *made, uint32_t *due_s)
{
	struct changes c = { .zone = zone };
	uint32_t cap = sign_batch_ttl_cap(signing);
	if (zone->negative_ttl > cap)
		zone->negative_ttl = cap;
	c.nsec_ttl = zone->negative_ttl;
	int error = list_all(&c, from);
	if (!error)
		error = sign_batch_sign(&c.batch, zone, signing);
	for (size_t i = 0; i < c.batch.count && !error; i++) {
		uint32_t due = sign_set_due(c.batch.jobs[i].made);
		*due_s = due < *due_s ? due : *due_s;
	}
	if (!error)
		error = sign_batch_put(&c.batch, zone);
	if (!error)
		*made += c.batch.count;
	sign_batch_free(&c.batch);
	free(c.pairs);
	free(c.links);
	return error;
}
