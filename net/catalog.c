/* See catalog.h. */
#include "net/catalog.h"

#include <stdio.h>

#include "content/members.h"
#include "net/server.h"

/* Under the lock, like all here. `reporter`: what single members cannot be. */
static int follow(struct mist_server *server, const uint8_t *catalog, const struct mist_reporter *reporter,
                  char *why, size_t size)
{
	struct members_news news = { .reporter = reporter };
	struct edit *edit;

	name_copy(news.catalog, catalog);
	int error = members_edit(&edit, &news);
	if (error)
		return error;
	server_commit_alone(server, edit);
	error = edit->error;
	snprintf(why, size, "%s", error ? edit_reason(edit) : "");
	edit_free(edit);
	members_end(server->content, &news);
	/* Without memory for it a zone stays as it is until the next version. */
	if (news.changed)
		(void)follower_sync_members(server->follower);
	return error;
}

/* What this one lets go may be what another one lists already. A `coo` above all: once this one does not list the zone any
 * more, its state and key are gone. What the others still cannot have was reported when they came. */
static void follow_others(struct mist_server *server, const uint8_t *catalog)
{
	const struct mist_reporter nobody = { .report = NULL };
	uint8_t name[NAME_MAX];
	char why[256];

	for (size_t at = 0; members_next_catalog(server->content, &at, name);) {
		if (!name_equal(name, catalog))
			(void)follow(server, name, &nobody, why, sizeof why);
	}
}

bool catalog_follow(struct mist_server *server, const uint8_t *catalog, char *why, size_t size)
{
	pthread_mutex_lock(&server->content_lock);
	const int error = follow(server, catalog, &server->background.queue, why, size);
	if (!error)
		follow_others(server, catalog);
	pthread_mutex_unlock(&server->content_lock);
	return error != MIST_EZONE && error != MIST_ENOMEM;
}

void catalogs_follow(struct mist_server *server)
{
	uint8_t name[NAME_MAX];
	char why[256];

	/* One that is broken was reported when it came. */
	for (size_t at = 0; members_next_catalog(server->content, &at, name);)
		(void)follow(server, name, &server->background.queue, why, sizeof why);
}
