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

int mist_zones(struct mist_server *server,
               int (*zone)(void *user, const struct mist_zone_status *status), void *user)
{
	int result = server && zone ? enter(server) : MIST_EINVAL;

	if (result)
		return result;
	result = content_zone_status(server->content, zone, user);
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
