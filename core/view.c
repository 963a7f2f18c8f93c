/*
 * What a view owns, and the next one, which shares most of it. How views are published: publisher.c.
 *
 * Views that follow each other have the same zones but for a few, and are freed in their order. So the
 * newest has the references to all of them, and an older one keeps those to the versions that its successor replaced.
 */
#include "core/view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void free_shared(struct view *view)
{
	if (view->sharers && atomic_fetch_sub(view->sharers, 1) > 1)
		return;
	free((void *)view->sharers);
	free(view->rules);
	free(view->registries);
	for (unsigned i = 0; i < view->upstream_set_count; i++)
		free(view->upstream_sets[i].addresses);
	free(view->upstream_sets);
	if (view->keyring)
		view->keyring_release(view->keyring);
}

void view_free(struct view *view)
{
	if (!view)
		return;
	routes_free(view->routes);
	const bool all = !view->base && !view->gave_zones;
	for (size_t i = 0; all && i < view->zone_count; i++)
		zone_release(view->zones[i]);
	for (size_t i = 0; i < view->left_count; i++)
		zone_release(view->left[i]);
	free(view->left);
	free(view->replaced);
	free(view->zones);
	free_shared(view);
	free(view);
}

static bool make_next(struct view *view, struct view *base, size_t count)
{
	view->left = malloc((count + 1) * sizeof(*view->left));
	view->replaced = malloc((count + 1) * sizeof(*view->replaced));
	view->zones = malloc((base->zone_count + 1u) * sizeof(*view->zones));
	if (!view->left || !view->replaced || !view->zones)
		return false;
	memcpy(view->zones, base->zones, base->zone_count * sizeof(*view->zones));
	return routes_with(&view->routes, base->routes, view->zones) == MIST_OK;
}

int view_next(struct view **next, struct view *base, const struct view_change *changes, size_t count)
{
	struct view *view = malloc(sizeof(*view));
	if (!base->sharers && (base->sharers = malloc(sizeof(*base->sharers))))
		atomic_init(base->sharers, 1);
	if (view && base->sharers) {
		*view = *base;
		view->routes = NULL;
		view->zones = view->left = view->replaced = NULL;
		view->older = NULL;
		view->base = base;
		view->gave_zones = false;
		view->left_count = 0;
		atomic_fetch_add(view->sharers, 1);
		if (make_next(view, base, count)) {
			for (size_t i = 0; i < count; i++) {
				view->replaced[i] = view->zones[changes[i].zone];
				view->zones[changes[i].zone] = view->left[i] = changes[i].version;
			}
			view->left_count = count;
			*next = view;
			return MIST_OK;
		}
		view_free(view);
	} else {
		free(view);
	}
	for (size_t i = 0; i < count; i++)
		zone_release(changes[i].version);
	return MIST_ENOMEM;
}

void view_take_over(struct view *view, struct view *old)
{
	if (!view->base)
		return;
	assert(view->base == old && "something else was published meanwhile");
	struct zone **replaced = view->replaced;
	const size_t count = view->left_count;
	free(view->left);
	view->left = view->replaced = NULL;
	view->left_count = 0;
	view->base = NULL;
	old->left = replaced;
	old->left_count = count;
	old->gave_zones = true;
}
