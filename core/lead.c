/* What a name and a type lead to; see lead.h. */
#include "core/lead.h"

void lead_find(const struct view *view, const struct name_key *key, uint16_t type, struct lead *lead)
{
	route_find(view->routes, key, type, &lead->route);
	lead->found = (struct zone_found){ NULL };
	lead->set = NULL;
	if (lead->route.kind != ROUTE_LOCAL || lead->route.zone->failed)
		return;
	struct zone_found *found = &lead->found;
	zone_find(lead->route.zone, key, found);
	const struct node *node = found->node ? found->node : found->wildcard;
	lead->set = node ? node_rrset(node, type) : NULL;
}
