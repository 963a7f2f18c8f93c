/*
 * Publishing, for all who do it: a start, an edit, a renewal, a new content. What has changed is noted
 * for secondaries before anybody can see it, and those who wait for news are told after.
 */
#ifndef MIST_NET_PUBLISH_H
#define MIST_NET_PUBLISH_H

#include "core/view.h"

struct mist_server;

/* publisher_swap() for the view after the one that is served. Under the server's content_lock. MIST_ENOMEM too. */
int publish(struct mist_server *server, struct view *view);

/* The server answers: secondaries hear of the versions it started with. */
void publish_begin(struct mist_server *server);

#endif
