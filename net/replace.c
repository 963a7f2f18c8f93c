/*
 * Replacing the content of a server while it serves: mist_publish(), mist_reload().
 */
#include <time.h>

#include "content/content.h"
#include "content/kept.h"
#include "content/registry.h"
#include "content/reload.h"
#include "net/catalog.h"
#include "net/publish.h"
#include "net/server.h"

/* Zones of the new content that are served already need not be signed: their versions go on. */
static int expect(struct mist_server *server, struct mist_content *content)
{
	if (content_sealed(content))
		return MIST_OK;
	if (pthread_mutex_lock(&server->content_lock))
		return MIST_EBUSY;
	int error = reload_expect(content, server->content);
	pthread_mutex_unlock(&server->content_lock);
	return error;
}

/* Under the lock. On success the old content is gone and `content` is the server's. */
static int replace(struct mist_server *server, struct mist_content *content, bool keep_edits)
{
	uint64_t signatures = 0;
	const uint32_t now_s = (uint32_t)time(NULL);
	int error = reload_prepare(content, server->content, keep_edits, now_s, &signatures);

	if (!error)
		error = registry_restore(server->registry, content, now_s, &signatures);
	if (error)
		return error;
	struct view *view = content_view(content);
	if (!view)
		return MIST_ENOMEM;
	error = publish(server, view);
	if (error) {
		view_free(view);
		return error;
	}
	atomic_fetch_add(&server->signatures, signatures + content_signatures(content));
	mist_content_free(server->content);
	server->content = content;
	kept_renew(content);
	catalogs_follow(server);
	/* Without memory for it a zone stays as it is until the next content. */
	(void)follower_sync(server->follower);
	return MIST_OK;
}

/* `whole`: a zone that fails stops it, and edits are kept. */
static int take_content(struct mist_server *server, struct mist_content *content, bool whole)
{
	int error = !server || !content ? MIST_EINVAL : guard_forked(&server->guard) ? MIST_EFORKED
	                                                                             : expect(server, content);

	if (!error)
		error = mist_content_seal(content);
	if (!whole && (error == MIST_EZONE || error == MIST_EKEY))
		error = MIST_OK;
	if (!error && pthread_mutex_lock(&server->content_lock))
		error = MIST_EBUSY;
	if (error) {
		mist_content_free(content);
		return error;
	}
	error = replace(server, content, whole);
	pthread_mutex_unlock(&server->content_lock);
	if (error)
		mist_content_free(content);
	else
		background_soon(&server->background);
	return error;
}

int mist_publish(struct mist_server *server, struct mist_content *content)
{
	return take_content(server, content, false);
}

int mist_reload(struct mist_server *server, struct mist_content *content)
{
	return take_content(server, content, true);
}
