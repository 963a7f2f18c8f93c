/*
 * A walk over a zone that is served: taken under the lock of those who publish, walked without it.
 */
#ifndef MIST_CONTENT_WALK_H
#define MIST_CONTENT_WALK_H

#include "mistcore.h"

struct walk;

/* MIST_ENOTFOUND, MIST_EZONE (the zone failed), MIST_ENOMEM, MIST_EINVAL. */
int walk_begin(struct walk **walk, const struct mist_content *content, const char *zone,
               enum mist_walk what);
/* Calls back for each record and ends the walk. The result of the last call. */
int walk_run(struct walk *walk, int (*record)(void *user, const struct mist_record *record),
             void *user);

#endif
