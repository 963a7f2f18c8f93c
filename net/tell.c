/*
 * What a server tells about the zones it serves, whatever versions of them are served at that moment.
 */
#include <stdint.h>

#include "content/content.h"
#include "content/walk.h"
#include "net/server.h"

/* Takes the lock of those who publish: MIST_EBUSY from inside another call on the server. */
static int enter(struct mist_server *server)
{
	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	return pthread_mutex_lock(&server->content_lock) ? MIST_EBUSY : MIST_OK;
}

static void leave(struct mist_server *server)
{
	pthread_mutex_unlock(&server->content_lock);
}

int mist_anchor(struct mist_server *server, const char *zone, enum mist_anchor_format format, char *text,
                size_t text_size)
{
	int error = enter(server);

	if (error)
		return error;
	error = mist_content_anchor(server->content, zone, format, text, text_size);
	leave(server);
	return error;
}

/* Adds how a secondary zone is doing to what the content knows of it. */
struct telling {
	struct follower *follower;
	int (*zone)(void *user, const struct mist_zone_status *status);
	void *user;
};

static int tell_zone(void *user, const struct mist_zone_status *known)
{
	const struct telling *telling = user;
	struct mist_zone_status status = *known;
	struct follower_status followed;
	uint8_t name[NAME_MAX];

	if (status.secondary && name_from_text(name, status.name) && name_lower(name, name) &&
	    follower_tell(telling->follower, name, &followed)) {
		status.primary_serial = followed.there ? followed.serial : 0;
		status.checked_s = followed.checked_s;
		status.next_s = followed.next_s;
		status.expires_s = followed.expires_s;
		status.primary = followed.primary;
		status.error = followed.error;
	}
	return telling->zone(telling->user, &status);
}

int mist_zones(struct mist_server *server,
               int (*zone)(void *user, const struct mist_zone_status *status), void *user)
{
	int result = server && zone ? enter(server) : MIST_EINVAL;

	if (result)
		return result;
	struct telling telling = { server->follower, zone, user };
	result = content_zone_status(server->content, tell_zone, &telling);
	leave(server);
	return result;
}

int mist_walk(struct mist_server *server, const char *zone, enum mist_walk what,
              int (*record)(void *user, const struct mist_record *record), void *user)
{
	struct walk *walk;
	int error = server && zone && record ? enter(server) : MIST_EINVAL;

	if (error)
		return error;
	error = walk_begin(&walk, server->content, zone, what);
	leave(server);
	return error ? error : walk_run(walk, record, user);
}
