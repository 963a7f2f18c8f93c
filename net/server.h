/*
 * What a server is to the files of net/: server.c makes and ends it, lookup.c asks it.
 */
#ifndef MIST_NET_SERVER_H
#define MIST_NET_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "content/journal.h"
#include "core/fork_guard.h"
#include "core/query.h"
#include "core/view.h"
#include "forward/cache.h"
#include "mistcore.h"
#include "net/background.h"
#include "net/edit.h"
#include "net/errand.h"
#include "net/follower.h"
#include "net/listen.h"
#include "net/notifier.h"
#include "net/socket.h"
#include "net/worker.h"

#define NSID_MAX 128 /* octets: goes into responses of 512 */

struct mist_server {
	/* Set at the start, then immutable. */
	struct guard guard;
	struct identity identity;
	char nsid[NSID_MAX + 1];
	struct listeners listeners;
	struct cache *cache;
	struct reply_host reply_host;
	struct errands *errands;
	struct notifier *notifier;
	struct follower *follower;
	enum mist_engine engine;
	enum mist_steer steer;
	bool send_plainly, allow_non_loopback;
	char engine_reason[160];
	unsigned worker_count;
	struct worker *workers[VIEW_WORKERS_MAX];

	/* What changes while it serves. */
	struct edit_queue edits;         /* that wait for the lock of those who publish: */
	pthread_mutex_t content_lock;    /* of the next four: publishing, and renewing in the background */
	uint32_t due_s, renewed_s;       /* when signatures come due; when that was seen to last, 0: not yet */
	struct mist_content *content;
	struct registry *registry;       /* who registered which names */
	struct journal *journal;         /* NULL: edits end with the process */
	_Atomic(uint64_t) signatures;
	_Atomic(uint64_t) told_s;        /* when reply_host.tell last did */
	struct publisher publisher;
	struct background background;
	struct adoptions adoptions;      /* sockets that came while it serves */
};

/* Under the lock: renews what a clock that jumped has made due, before edits are added to it. */
void server_catch_up(struct mist_server *server, uint32_t now_s);

#endif
