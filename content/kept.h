/*
 * Keeping edits over a restart: what the zones of a content and the journal tell each other.
 */
#ifndef MIST_CONTENT_KEPT_H
#define MIST_CONTENT_KEPT_H

#include "content/commit.h"
#include "content/journal.h"

/*
 * Makes the edits that are kept of the zones of a sealed content, before it is served, and opens the journal
 * for those that follow: `*journal`, the caller's, NULL when the content keeps nothing on disk.
 * `signatures` is added to. MIST_EFILE, MIST_ENOMEM, MIST_ECRYPTO.
 */
int kept_open(struct journal **journal, struct mist_content *content, uint32_t now_s,
              uint64_t *signatures);

/* Notes what an edit made of a zone, `next`, in its overlay. Delegations of zones inside it follow those, and
 * are no edits. MIST_ENOMEM. */
int kept_note(struct mist_zone *zone);

/* Writes what a commit changes, on the disk when it returns; edits that are passing are left out. */
int kept_write(const struct commit *commit);

/* Writes the journal anew when that is worth it. */
void kept_accept(const struct commit *commit);

/* Writes the journal anew from what the overlays of the content say: after a reload. */
void kept_renew(const struct mist_content *content);

#endif
