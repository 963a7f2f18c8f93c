/*
 * Telling secondaries that a zone has changed (NOTIFY, RFC 1996): over UDP, again and again until they
 * answer, for about three minutes; after that their refresh timer has to do. A secondary that was told of
 * a change is not told of the next within NOTIFY_PAUSE_MS, then of the newest only.
 *
 * No thread and no lock here: whoever owns it calls one function at a time (net/notifier.c).
 */
#ifndef MIST_TRANSFER_NOTIFY_H
#define MIST_TRANSFER_NOTIFY_H

#include <poll.h>
#include <sys/socket.h>

#include "core/report.h"
#include "core/view.h"
#include "core/zone.h"

#define NOTIFY_SENT_MAX 64     /* waiting for an answer at once, a socket each */
#define NOTIFY_WAIT_MS 1000    /* for an answer; a late one costs another message */
#define NOTIFY_PAUSE_MS 200    /* five transfers a second are what a secondary can use */

struct notify_options {
	/* Where we listen: who asks us there shall hear from there. */
	const struct sockaddr_storage *sources;
	size_t source_count;
	const struct mist_reporter *reporter; /* of any thread */
};

struct notify;
int notify_new(struct notify **notify, const struct notify_options *options); /* MIST_ENOMEM */
void notify_free(struct notify *notify);

/* There is a new version of a zone; of `view`, whose keys sign. False: nobody is to be told. */
bool notify_tell(struct notify *notify, const struct zone *zone, const struct view *view);

/*
 * Does what is due: takes answers, sends, gives up. Fills in what to wait for, and returns for how long
 * at most, in milliseconds; -1: until the next notify_tell().
 */
int notify_round(struct notify *notify, uint64_t now_ms, uint64_t now_s, struct pollfd fds[NOTIFY_SENT_MAX],
                 unsigned *count);

#endif
