/*
 * The threads that keep secondary zones (transfer/secondary.h) what their primaries say; there are none
 * until there is such a zone. Each works on one zone at a time and waits for its primary: a few of them are the bound of
 * how many transfers run at once.
 */
#ifndef MIST_NET_FOLLOWER_H
#define MIST_NET_FOLLOWER_H

#include "content/secondary.h"

#define FOLLOWER_THREADS 4 /* transfers at once; each may have a zone in memory that is not served yet */

struct mist_server;
struct follower;

int follower_new(struct follower **follower, struct mist_server *server); /* MIST_ENOMEM */
/* What is on its way is cut off. Nothing is published any more when this returns. */
void follower_stop(struct follower *follower);
void follower_free(struct follower *follower);

/* The zones of the server's content, which is a new one. Under the lock of those who publish. MIST_ENOMEM. */
int follower_sync(struct follower *follower);
/* The same of the same content, whose members of catalogs have come, gone or been reset: what they left on disk while they were worked
 * on is taken away. All others go on as they are. */
int follower_sync_members(struct follower *follower);

/* A primary says that there is a new version. Any thread, workers too: nothing is waited for. */
void follower_notify(struct follower *follower, const uint8_t *zone);

/* How a zone is doing. False: it is no secondary. */
struct follower_status {
	bool there;
	uint32_t serial;             /* of the primary */
	uint64_t checked_s, next_s, expires_s; /* 0: never */
	char primary[80];            /* that answered last; "" */
	char error[512];             /* of the last try, or what is wrong with a catalog; "" */
};
bool follower_tell(struct follower *follower, const uint8_t *zone, struct follower_status *status);

/* Adds what was counted since the start. */
void follower_count(const struct follower *follower, struct mist_counters *counters);

#endif
