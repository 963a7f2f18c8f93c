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

#endif
