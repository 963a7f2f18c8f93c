/* See publish.h. */
#include "net/publish.h"

#include <stdlib.h>
#include <string.h>

#include "core/history.h"
#include "core/type.h"
#include "net/server.h"

static bool same_name(const struct zone *a, const struct zone *b)
{
	return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

/* The zone of that name in the view that is served, or NULL. Views that follow each other have it in the
 * same place. */
static const struct zone *served_zone(const struct view *served, const struct zone *zone, unsigned place)
{
	struct name_key key;
	struct route route;

	if (place < served->zone_count && same_name(served->zones[place], zone))
		return served->zones[place];
	name_key(&key, zone->name, NAME_MAX);
	route_find(served->routes, &key, TYPE_SOA, &route);
	return route.kind == ROUTE_LOCAL && route.zone && same_name(route.zone, zone) ? route.zone : NULL;
}

/*
 * A zone of another content goes on with the history of its namesake. The step is noted before anybody can see where
 * it leads; until then nobody can ask for it, since what is told of a history ends at the serial of the zone that
 * its reader holds. Should the view not be published after all (MIST_EBUSY), the next step does not continue this one,
 * and the history begins anew.
 */
static void note(const struct zone *before, struct zone *zone)
{
	if (!before->history || !zone->history)
		return;
	if (zone->history != before->history) {
		history_release(zone->history);
		zone->history = history_hold(before->history);
	}
	/* Each version has an SOA of its own: where it is shared, nothing changed. */
	if (before->apex != zone->apex)
		history_note(zone->history, before, zone);
}

int publish(struct mist_server *server, struct view *view)
{
	const struct view *served = atomic_load(&server->publisher.current);
	const struct zone **news = malloc((view->zone_count + 1u) * sizeof *news);
	unsigned count = 0;

	if (!news)
		return MIST_ENOMEM;
	for (unsigned i = 0; i < view->zone_count; i++) {
		struct zone *zone = view->zones[i];
		if (i < served->zone_count && served->zones[i] == zone)
			continue;
		const struct zone *before = served_zone(served, zone, i);
		if (before == zone)
			continue;
		if (before)
			note(before, zone);
		news[count++] = zone;
	}
	/* The caller's lock keeps the view the newest one, and so in memory. */
	int error = publisher_swap(&server->publisher, view);
	for (unsigned i = 0; i < count && !error; i++)
		notifier_tell(server->notifier, news[i], view);
	free(news);
	return error;
}

void publish_begin(struct mist_server *server)
{
	const struct view *view = atomic_load(&server->publisher.current);

	for (unsigned i = 0; i < view->zone_count; i++)
		notifier_tell(server->notifier, view->zones[i], view);
}
