/*
 * What a view owns. How views are published: publisher.c.
 */
#include "core/view.h"

#include <stdlib.h>

void view_free(struct view *view)
{
	if (!view)
		return;
	routes_free(view->routes);
	for (unsigned i = 0; i < view->zone_count; i++)
		zone_release(view->zones[i]);
	free(view->zones);
	free(view->rules);
	for (unsigned i = 0; i < view->upstream_set_count; i++)
		free(view->upstream_sets[i].addresses);
	free(view->upstream_sets);
	if (view->keyring)
		view->keyring_release(view->keyring);
	free(view);
}
