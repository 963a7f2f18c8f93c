/*
 * The thread that tells secondaries of news (transfer/notify.h); there is none until somebody has to be
 * told.
 */
#ifndef MIST_NET_NOTIFIER_H
#define MIST_NET_NOTIFIER_H

#include "core/view.h"
#include "net/socket.h"

struct notifier;
int notifier_new(struct notifier **notifier, const struct listeners *listeners,
                 const struct mist_reporter *reporter); /* of any thread. MIST_ENOMEM */
/* What is not told yet stays so; nothing is reported any more. */
void notifier_stop(struct notifier *notifier);
void notifier_free(struct notifier *notifier);

/* There is a new version of a zone of `view`. Any thread; the view may be gone when this returns. */
void notifier_tell(struct notifier *notifier, const struct zone *zone, const struct view *view);

#endif
