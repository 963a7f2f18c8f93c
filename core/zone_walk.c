/* See zone_walk.h. */
#include "core/zone_walk.h"

void zone_walk_begin(struct zone_walk *walk, const struct zone *zone)
{
	*walk = (struct zone_walk){ .zone = zone, .node = zone->apex, .soa = true };
}

bool zone_publishes(const struct node *node, const struct rrset *set)
{
	return !(set->type == TYPE_CNAME && node->flags & NODE_CARVED);
}

static void next_node(struct zone_walk *walk)
{
	const struct trie *nodes = walk->nsec3 ? &walk->zone->nsec3_nodes : &walk->zone->nodes;

	walk->node = trie_after(nodes, walk->node->name);
	if (!walk->node && !walk->nsec3) {
		walk->nsec3 = true; /* they lie below the apex, all of them */
		walk->node = trie_after(&walk->zone->nsec3_nodes, walk->zone->name);
	}
	walk->set = 0;
	walk->at = 0;
}

/* The set the walk is at, passing over those that have their turn elsewhere or none. */
static const struct rrset *set_here(struct zone_walk *walk)
{
	if (walk->soa)
		return walk->zone->soa;
	while (walk->node) {
		for (; walk->set < walk->node->rrset_count; walk->set++) {
			const struct rrset *set = walk->node->rrsets[walk->set];
			if (set != walk->zone->soa && zone_publishes(walk->node, set))
				return set;
		}
		next_node(walk);
	}
	return NULL;
}

bool zone_walk_next(struct zone_walk *walk, const uint8_t **owner, struct record *record)
{
	const struct rrset *set = set_here(walk);
	if (!set)
		return false;
	*owner = walk->node->name;
	rrset_next(set, set->full_len, &walk->at, record);
	if (walk->at < set->full_len)
		return true;
	walk->at = 0;
	if (walk->soa)
		walk->soa = false;
	else
		walk->set++;
	return true;
}
