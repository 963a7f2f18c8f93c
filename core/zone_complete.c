/* From records to a zone: signatures go to what they sign, nodes learn what they are. */
#include <stdlib.h>

#include "core/wire.h"
#include "core/zone_build.h"

/* ------------------------------------------------------------------------------------------------
 * Marking
 */

struct marking {
	struct zone *zone;
	const struct node *edge;     /* the cut or DNAME that occludes what follows */
};

static void mark_parent(struct zone *zone, const struct node *wildcard)
{
	struct node *parent = trie_get(&zone->nodes, name_ancestor(wildcard->name, 1));
	if (parent)
		parent->flags |= NODE_WILDCARD;
}

/* In canonical order, so that a parent is marked before its children. */
static int mark(void *user, void *value)
{
	struct marking *marking = user;
	struct node *node = value;

	node->flags &= NODE_APEX | NODE_CARVED | NODE_SELF | NODE_LENT;
	if (marking->edge && name_within(node->name, marking->edge->name)) {
		node->flags = NODE_OCCLUDED;
		return 0;
	}
	if (!(node->flags & NODE_APEX)) {
		if (node_rrset(node, TYPE_NS))
			node->flags |= NODE_CUT;
		if (name_is_wildcard(node->name))
			mark_parent(marking->zone, node);
	}
	if (node_rrset(node, TYPE_DNAME) && !(node->flags & NODE_CUT))
		node->flags |= NODE_DNAME;
	if (node->flags & (NODE_CUT | NODE_DNAME))
		marking->edge = node;
	return 0;
}

static void mark_all(struct zone *zone)
{
	struct marking marking = { .zone = zone };
	trie_each(&zone->nodes, mark, &marking);
}

/* ------------------------------------------------------------------------------------------------
 * Signatures that came with the zone
 */

struct adoption {
	struct zone *zone;
	const struct mist_reporter *reporter;
};

/* Gives one set its RRSIGs. `used` counts them. */
static int adopt_set(struct heap *heap, struct node *node, const struct rrset *set, const struct rrset *rrsigs,
                     struct record *room, unsigned *used)
{
	struct record record;
	struct rrset *old;
	size_t count = 0;

	for (size_t at = 0; rrset_next(rrsigs, rrsigs->len, &at, &record);) {
		if (wire_get16(record.rdata) != set->type)
			continue;
		record.ttl = set->ttl; /* RFC 4034 section 3 */
		room[count++] = record;
	}
	if (count == 0)
		return MIST_OK;
	*used += (unsigned)count;
	struct rrset *adopted = rrset_signed(set, room, count);
	if (!adopted)
		return MIST_ENOMEM;
	node_put(heap, node, node_set_adopt(heap, adopted), &old); /* replaces, so it needs no memory */
	node_set_free(heap, old);
	return MIST_OK;
}

static int adopt(void *user, void *value)
{
	struct adoption *adoption = user;
	struct node *node = value;
	struct heap *heap = adoption->zone->nodes.heap;
	struct rrset *rrsigs = node_take(heap, node, TYPE_RRSIG);
	unsigned used = 0;
	int error = MIST_OK;

	if (!rrsigs)
		return MIST_OK;
	struct record *room = malloc(rrsigs->count * sizeof(*room));
	if (!room)
		error = MIST_ENOMEM;
	for (unsigned i = 0; i < node->rrset_count && !error; i++)
		error = adopt_set(heap, node, node->rrsets[i], rrsigs, room, &used);
	if (!error && used < rrsigs->count) {
		char name[NAME_TEXT_MAX];
		name_to_text(name, node->name);
		zone_report(adoption->zone, adoption->reporter, MIST_LEVEL_WARNING,
		            zone_line(adoption->zone, node, TYPE_RRSIG),
		            "%s has %u RRSIG records for types it has no records of; they are left out",
		            name, rrsigs->count - used);
	}
	free(room);
	node_set_free(heap, rrsigs);
	return error;
}

static int adopt_signatures(struct zone *zone, const struct mist_reporter *reporter)
{
	struct adoption adoption = { .zone = zone, .reporter = reporter };
	int error = trie_each(&zone->nodes, adopt, &adoption);
	return error ? error : trie_each(&zone->nsec3_nodes, adopt, &adoption);
}

/* ------------------------------------------------------------------------------------------------
 * The whole
 */

int zone_complete(struct zone *zone, const struct mist_reporter *reporter)
{
	int error = zone->presigned ? adopt_signatures(zone, reporter) : MIST_OK;

	mark_all(zone);
	if (!error && zone->made) {
		error = zone_fill(zone);
		mark_all(zone);
	}
	zone_remember_apex(zone);
	if (!error && zone_check(zone, reporter) > 0)
		error = MIST_EZONE;
	zone_build_free(zone);
	return error;
}
