/* What a name and a type lead to; see lead.h. */
#include "core/lead.h"

#include <string.h>

#include "core/type.h"

/* ---- bare names ---- */

/* The node of a name in a zone, if it is registered; signers' sets tell nothing. */
static const struct node *registered(const struct zone *zone, const uint8_t *name)
{
	const struct node *node = zone->failed ? NULL : zone_node(zone, name);
	for (unsigned i = 0; node && i < node->rrset_count; i++) {
		if (node->rrsets[i]->flags & RRSET_REGISTERED)
			return node->flags & (NODE_CUT | NODE_OCCLUDED) ? NULL : node;
	}
	return NULL;
}

/* The registry zone in which a label is registered, and its node there; or NULL. */
static const struct zone *registry_of(const struct view *view, const uint8_t *label,
                                      const struct node **node)
{
	uint8_t name[NAME_MAX];
	const size_t len = 1u + label[0];
	for (unsigned i = 0; i < view->registry_count; i++) {
		const struct zone *zone = view->zones[view->registries[i]];
		if (len + zone->name_len > NAME_MAX)
			continue;
		memcpy(name, label, len);
		memcpy(name + len, zone->name, zone->name_len);
		*node = registered(zone, name);
		if (*node)
			return zone;
	}
	return NULL;
}

static void lead_to(struct lead *lead, const struct zone *zone, const struct node *node, uint16_t type)
{
	lead->route = (struct route){ .kind = ROUTE_LOCAL, .zone = zone, .bare = true };
	lead->found.node = node;
	lead->found.encloser = node ? node : zone->apex;
	lead->set = node ? node_rrset(node, type) : NULL;
}

/* What no zone is around, and no rule names. */
static void lead_bare(const struct view *view, const struct name_key *key, uint16_t type, struct lead *lead)
{
	const struct zone *reverse = view->reverse ? view->zones[view->reverse - 1] : NULL, *zone;
	const struct node *node = NULL;
	if (reverse && name_key_within(key, reverse->name, reverse->name_len)) {
		node = zone_node(reverse, key->name);
		if (node && node_rrset(node, TYPE_PTR))
			lead_to(lead, reverse, node, type);
	} else if (view->registry_count && key->labels == 1) {
		zone = registry_of(view, key->name, &node);
		lead_to(lead, zone ? zone : view->zones[view->registries[0]], node, type);
	} else if (lead->route.kind == ROUTE_DENY && view->registry_count && key->labels > 1 &&
	           registry_of(view, key->name, &node)) {
		lead->route.search_suffix = true;
	}
}

/* ---- all names ---- */

void lead_find(const struct view *view, const struct name_key *key, uint16_t type, struct lead *lead)
{
	route_find(view->routes, key, type, &lead->route);
	lead->found = (struct zone_found){ .node = NULL };
	lead->set = NULL;
	if (lead->route.kind != ROUTE_LOCAL && !lead->route.named && (view->registry_count || view->reverse))
		lead_bare(view, key, type, lead);
	if (lead->route.bare || lead->route.kind != ROUTE_LOCAL || lead->route.zone->failed)
		return;
	struct zone_found *found = &lead->found;
	zone_find(lead->route.zone, key, found);
	const struct node *node = found->node ? found->node : found->wildcard;
	if (node && type == TYPE_ANY && node->rrset_count > 0)
		lead->set = node->rrsets[0];
	else if (node)
		lead->set = node_rrset(node, type);
}
