/*
 * Changing a complete zone; see zone_edit.h.
 *
 * The marks of a node follow from its own sets, its parent's marks and its `*` child. So settling looks at
 * one node and its ancestors, and goes below only when the node begins or ceases to occlude. Nodes that
 * an edit takes out of the trie stay in memory until the version before is freed; a walk may go on from
 * the name of one.
 */
#include "core/zone_edit.h"

#include <stdlib.h>
#include <string.h>

#include "core/zone_build.h"

#define OCCLUDES (NODE_CUT | NODE_DNAME | NODE_OCCLUDED) /* the names below */

/* ------------------------------------------------------------------------------------------------
 * Data, and what only looks like it
 */

static bool is_data(const struct zone *zone, const struct rrset *set)
{
	return zone->presigned || set->type != TYPE_NSEC;
}

/* Sets that are copies of the wildcard's. In a zone made from addresses no other node is lent any. */
static bool is_lent(const struct node *node)
{
	return (node->flags & (NODE_LENT | NODE_CARVED)) == NODE_LENT;
}

static unsigned sets_of(const struct zone *zone, const struct node *node)
{
	unsigned count = 0;
	for (unsigned i = 0; i < node->rrset_count; i++)
		count += is_data(zone, node->rrsets[i]);
	return count;
}

unsigned zone_data_count(const struct zone *zone, const struct node *node)
{
	return node && !is_lent(node) ? sets_of(zone, node) : 0;
}

const struct rrset *zone_data(const struct zone *zone, const struct node *node, uint16_t type)
{
	const struct rrset *set = node && !is_lent(node) ? node_rrset(node, type) : NULL;
	return set && is_data(zone, set) ? set : NULL;
}

/* Data at a name below; lent records stand there only because of others. */
static bool data_below(const struct zone *zone, const uint8_t *name)
{
	const struct node *node = trie_after(&zone->nodes, name);
	for (; node && name_within(node->name, name); node = trie_after(&zone->nodes, node->name)) {
		if (zone_data_count(zone, node) > 0)
			return true;
	}
	return false;
}

const struct node *zone_carved(const struct zone *zone, const uint8_t *name, bool below)
{
	struct name_key key;
	struct trie_path path;

	name_key(&key, name, NAME_MAX);
	trie_walk(&zone->nodes, &key, &path);
	for (unsigned i = 0; i < path.count; i++) {
		const struct node *node = path.value[i];
		if (node->flags & NODE_CARVED)
			return node;
	}
	const struct node *node = below ? trie_after(&zone->nodes, name) : NULL;
	for (; node && name_within(node->name, name); node = trie_after(&zone->nodes, node->name)) {
		if (node->flags & NODE_CARVED)
			return node;
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------------------
 * One node
 */

static struct node *writable(struct zone *zone, const uint8_t *name)
{
	return zone_writable(zone, &zone->nodes, name);
}

/* Takes every set out that is data (`all`: the others too). */
static int empty_node(struct zone *zone, const struct node *node, bool all)
{
	for (unsigned i = node->rrset_count; i-- > 0;) {
		if (!all && !is_data(zone, node->rrsets[i]))
			continue;
		struct node *own = writable(zone, node->name);
		int error = own ? zone_take(zone, &zone->nodes, own, own->rrsets[i]->type) : MIST_ENOMEM;
		if (error)
			return error;
		node = own;
	}
	return MIST_OK;
}

static int drop_node(struct zone *zone, const struct node *node)
{
	int error = empty_node(zone, node, true);
	return error ? error : trie_remove(&zone->nodes, node->name);
}

/* Lent sets and the mark that says so. */
static int take_back(struct zone *zone, const struct node *node)
{
	struct node *own = writable(zone, node->name);
	if (!own)
		return MIST_ENOMEM;
	own->flags &= (uint8_t)~NODE_LENT;
	return empty_node(zone, own, false);
}

int zone_replace(struct zone *zone, const uint8_t *owner, struct rrset *set)
{
	const struct node *node = zone_node(zone, owner);
	int error = node && is_lent(node) ? take_back(zone, node) : MIST_OK;
	if (error) {
		free(set);
		return error;
	}
	return zone_put(zone, owner, set);
}

int zone_remove(struct zone *zone, const uint8_t *owner, uint16_t type)
{
	const struct node *node = zone_node(zone, owner);
	if (type == 0)
		return node && !is_lent(node) ? empty_node(zone, node, false) : MIST_OK;
	if (!zone_data(zone, node, type))
		return MIST_OK;
	struct node *own = writable(zone, owner);
	return own ? zone_take(zone, &zone->nodes, own, type) : MIST_ENOMEM;
}

int zone_recut(struct zone *zone, const uint8_t *owner, unsigned marks)
{
	struct node *own = writable(zone, owner);
	int error = own ? empty_node(zone, own, false) : MIST_ENOMEM;
	if (!error)
		own->flags = (uint8_t)((own->flags & ~(unsigned)NODE_MADE_CUT) | marks);
	return error;
}

int zone_remove_nsec3(struct zone *zone, const uint8_t *owner, uint16_t type)
{
	const struct node *node = trie_get(&zone->nsec3_nodes, owner);
	if (!node || !node_rrset(node, type))
		return MIST_OK;
	struct node *own = zone_writable(zone, &zone->nsec3_nodes, owner);
	int error = own ? zone_take(zone, &zone->nsec3_nodes, own, type) : MIST_ENOMEM;
	return error || own->rrset_count ? error : trie_remove(&zone->nsec3_nodes, owner);
}

/* ------------------------------------------------------------------------------------------------
 * What a made zone lends
 */

const struct node *zone_lender(const struct zone *zone)
{
	uint8_t name[NAME_MAX];
	const struct node *node = zone->made && name_wildcard(name, zone->name) ? zone_node(zone, name) : NULL;
	if (!node || node->flags & NODE_OCCLUDED || sets_of(zone, node) == 0)
		return NULL;
	return node_rrset(node, TYPE_NS) || node_rrset(node, TYPE_DNAME) ? NULL : node;
}

static bool same_records(const struct rrset *a, const struct rrset *b)
{
	return a && b && a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

/* Gives a name copies of the wildcard's sets, and of nothing else. Those it has stay, with their
 * signatures. */
static int lend(struct zone *zone, const uint8_t *name, const struct node *from)
{
	struct node *node = writable(zone, name);
	int error = node ? MIST_OK : MIST_ENOMEM;

	for (unsigned i = node ? node->rrset_count : 0; i-- > 0 && !error;) {
		const uint16_t type = node->rrsets[i]->type;
		if (is_data(zone, node->rrsets[i]) && !node_rrset(from, type))
			error = zone_take(zone, &zone->nodes, node, type);
	}
	for (unsigned i = 0; i < from->rrset_count && !error; i++) {
		const struct rrset *set = from->rrsets[i];
		if (!is_data(zone, set) || same_records(node_rrset(node, set->type), set))
			continue;
		struct rrset *copy = rrset_signed(set, NULL, 0);
		error = copy ? zone_put_at(zone, node, copy) : MIST_ENOMEM;
	}
	if (!error)
		node->flags |= NODE_LENT;
	return error;
}

/* Whether the node has what the wildcard has, and nothing is to be done. */
static bool has_all(const struct zone *zone, const struct node *node, const struct node *from)
{
	if (sets_of(zone, node) != sets_of(zone, from))
		return false;
	for (unsigned i = 0; i < from->rrset_count; i++) {
		const struct rrset *set = from->rrsets[i];
		if (is_data(zone, set) && !same_records(node_rrset(node, set->type), set))
			return false;
	}
	return true;
}

/* A name that is to have what the wildcard has, unless somebody put data there. */
static int lend_to(struct zone *zone, const uint8_t *name, const struct node *from)
{
	const struct node *node = zone_node(zone, name);
	if (zone_data_count(zone, node) > 0 || (node && is_lent(node) && has_all(zone, node, from)))
		return MIST_OK;
	return lend(zone, name, from);
}

/* Takes back what a name was lent, and the name itself if it was there for that alone. */
static int unlend(struct zone *zone, const uint8_t *name)
{
	const struct node *node = zone_node(zone, name);
	if (!node || !is_lent(node))
		return MIST_OK;
	return data_below(zone, name) ? take_back(zone, node) : drop_node(zone, node);
}

/* Lends to a name that exists and to the `*` below it, or takes back (docs/ARCHITECTURE.md, Signed zones). */
static int fill(struct zone *zone, const uint8_t *name)
{
	uint8_t wildcard[NAME_MAX];
	const struct node *node = zone_node(zone, name), *from = zone_lender(zone);

	if (!node || node == zone->apex || name_is_wildcard(name))
		return MIST_OK;
	bool has = from && !(node->flags & OCCLUDES);
	int error = has ? lend_to(zone, name, from) : unlend(zone, name);
	if (error || !name_wildcard(wildcard, name))
		return error;
	return has ? lend_to(zone, wildcard, from) : unlend(zone, wildcard);
}

/* ------------------------------------------------------------------------------------------------
 * Marks
 */

static unsigned marks_of(const struct zone *zone, const struct node *node)
{
	uint8_t wildcard[NAME_MAX];
	const bool apex = node->flags & NODE_APEX;
	const struct node *parent = apex ? NULL : zone_node(zone, name_ancestor(node->name, 1));
	unsigned marks = node->flags & (NODE_APEX | NODE_CARVED | NODE_SELF | NODE_LENT);

	if (parent && parent->flags & OCCLUDES)
		return NODE_OCCLUDED;
	if (!apex && node_rrset(node, TYPE_NS))
		marks |= NODE_CUT;
	else if (node_rrset(node, TYPE_DNAME))
		marks |= NODE_DNAME;
	if (!(marks & OCCLUDES) && name_wildcard(wildcard, node->name) && zone_node(zone, wildcard))
		marks |= NODE_WILDCARD;
	return marks;
}

static int mark(struct zone *zone, const uint8_t *name, bool *turned)
{
	const struct node *node = zone_node(zone, name);
	const unsigned marks = node ? marks_of(zone, node) : 0;

	if (!node || marks == node->flags)
		return MIST_OK;
	*turned = !(marks & OCCLUDES) != !(node->flags & OCCLUDES);
	struct node *own = writable(zone, name);
	if (!own)
		return MIST_ENOMEM;
	own->flags = (uint8_t)marks;
	return MIST_OK;
}

/*
 * Everything about one node, but what lies below. `*turned`: it begins or ceases to occlude that.
 */
static int settle_node(struct zone *zone, const uint8_t *name, bool *turned)
{
	const struct node *node = zone_node(zone, name);
	int error = MIST_OK;

	*turned = false;
	if (!node)
		return MIST_OK;
	const bool occluded = marks_of(zone, node) & NODE_OCCLUDED;
	if (occluded && is_lent(node))
		error = unlend(zone, name);
	if (!error)
		error = mark(zone, name, turned);
	if (!error && zone->made) {
		bool again;
		error = fill(zone, name);
		if (!error)
			error = mark(zone, name, &again); /* its `*` child came or went */
	}
	node = zone_node(zone, name);
	if (!error && node && !zone->presigned && node_rrset(node, TYPE_NSEC) &&
	    (occluded || sets_of(zone, node) == 0)) {
		struct node *own = writable(zone, name);
		error = own ? zone_take(zone, &zone->nodes, own, TYPE_NSEC) : MIST_ENOMEM;
	}
	return error;
}

/* In canonical order, so that a parent is settled before its children. */
static int settle_below(struct zone *zone, const uint8_t *name)
{
	const struct node *node = trie_after(&zone->nodes, name);
	int error = MIST_OK;

	for (; node && name_within(node->name, name) && !error;
	     node = trie_after(&zone->nodes, node->name)) {
		bool turned;
		error = settle_node(zone, node->name, &turned);
	}
	return error;
}

/* No node below, but for the `*` that is lent. */
static bool is_leaf(const struct zone *zone, const uint8_t *name)
{
	uint8_t wildcard[NAME_MAX];
	const struct node *node = trie_after(&zone->nodes, name);
	if (node && is_lent(node) && name_wildcard(wildcard, name) && name_equal(node->name, wildcard))
		node = trie_after(&zone->nodes, wildcard);
	return !node || !name_within(node->name, name);
}

/* Takes nodes out, from the name up, that have no data and none below. Names below that an edit has emptied
 * are settled too, and the last of them takes out what they leave: whoever looked for data below would
 * walk over all the others each time. */
static int prune(struct zone *zone, const uint8_t *name)
{
	uint8_t wildcard[NAME_MAX];
	int error = MIST_OK;

	for (unsigned up = 0; !error && name_labels(name) - up > zone->labels; up++) {
		const uint8_t *at = name_ancestor(name, up);
		if (zone_data_count(zone, zone_node(zone, at)) > 0 || !is_leaf(zone, at))
			break;
		if (name_wildcard(wildcard, at))
			error = unlend(zone, wildcard);
		const struct node *node = zone_node(zone, at);
		if (node && !error)
			error = drop_node(zone, node);
	}
	return error;
}

int zone_settle(struct zone *zone, const uint8_t *owner)
{
	int error = prune(zone, owner);

	for (unsigned up = 0; !error && name_labels(owner) - up >= zone->labels; up++) {
		const uint8_t *name = name_ancestor(owner, up);
		bool turned;
		error = settle_node(zone, name, &turned);
		if (!error && turned)
			error = settle_below(zone, name);
		if (name_labels(owner) == up)
			break; /* the root */
	}
	if (!error && zone->made && name_is_wildcard(owner) && name_equal(name_ancestor(owner, 1), zone->name))
		error = settle_below(zone, zone->name); /* the wildcard whose records are lent */
	return error;
}
