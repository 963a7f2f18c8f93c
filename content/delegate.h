/*
 * A local zone inside another is delegated there (core/zone.h, zone_delegate()). When an edit
 * changes its name servers, or their addresses, the delegation follows, in the same commit.
 */
#ifndef MIST_CONTENT_DELEGATE_H
#define MIST_CONTENT_DELEGATE_H

#include "content/apply.h"

/*
 * For each zone of the list that has a next version: if the zone around it says of it what the
 * served version of it says, it gets a next version too (and is added to the list) that says what
 * the next one says. Who wrote a delegation of their own keeps it. MIST_ENOMEM.
 */
int delegations_follow(struct zone_list *changed);

/*
 * The same for a zone that comes into a content that is served, and for one that goes: until it has been transferred
 * the zone around it delegates it to its own servers, as a seal would have it (zone_delegate()). The zone around gets a next
 * version and is added to the list. MIST_ENOMEM.
 */
int delegation_begin(struct zone_list *changed, const struct mist_zone *zone);
int delegation_end(struct zone_list *changed, const struct mist_zone *zone);

#endif
