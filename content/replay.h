/*
 * What edits have made of a zone is made of its new description: after a reload, after a restart.
 */
#ifndef MIST_CONTENT_REPLAY_H
#define MIST_CONTENT_REPLAY_H

#include "content/parts.h"

/*
 * For each zone of a content, the innermost first, since delegations follow. `overlay` is of the zone's older description, `served` what the edits made of that; NULL: what the overlay
 * itself knows (journal.h). The zone is sealed and not yet served; it becomes a next version, signed if it is
 * already, and its own overlay is filled. Where the two cannot stand together the description stays, and a
 * warning says so. `signatures` is added to. MIST_ENOMEM, MIST_ECRYPTO.
 */
int replay_edits(struct mist_zone *zone, const struct overlay *overlay, const struct zone *served,
                 uint32_t now_s, uint64_t *signatures);

/* The least TTL that a signature cuts others to; UINT32_MAX: none. */
uint32_t replay_ttl_cap(const struct mist_zone *zone);
/* A copy with the TTL that it would be served with. NULL: out of memory, or of NULL. */
struct rrset *replay_as_served(const struct rrset *set, uint32_t cap);

#endif
