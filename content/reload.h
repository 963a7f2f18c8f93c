/*
 * A content that takes the place of one that is served. Its zones are described anew, and most of them
 * are what they were: so a zone that is served already goes on from the version that is served, with what
 * differs as its next change. Signatures, serials and history stay; nothing is built twice.
 *
 *   reload_expect()    before the seal: whom the zones may go on from, so that they need not be signed
 *   reload_prepare()   finds what differs, makes the next versions; the old content is as it was
 *   (whoever publishes makes a view of the content and swaps it; or frees the content)
 *
 * All under the lock of those who publish.
 */
#ifndef MIST_CONTENT_RELOAD_H
#define MIST_CONTENT_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "mistcore.h"

/* MIST_ENOMEM: nothing is lost but time. */
int reload_expect(struct mist_content *content, const struct mist_content *served);

/*
 * With `keep_edits` what edits have made of the zones since they were described is made of the new
 * description too; where both cannot stand, the description does, and a warning says so. MIST_ENOMEM,
 * MIST_ECRYPTO, MIST_EKEY: the content is of no use, the served one is untouched.
 */
int reload_prepare(struct mist_content *content, struct mist_content *served, bool keep_edits,
                   uint32_t now_s, uint64_t *signatures);

struct zone;
/* Forks a version that is served into what a complete, unsigned zone wants. `*apart`: that cannot be, for they
 * differ in what an edit cannot change, and there is no fork. MIST_ENOMEM. */
int reload_compare(struct mist_zone *zone, struct zone *served, const struct zone *wanted,
                   struct zone **fork, bool *apart);

#endif
