/*
 * What a name and a type lead to in a view: who speaks for the name, and if that is a zone of ours, where
 * in it the answer stands. All that looking up finds out, before an answer is written.
 *
 * Names that no zone is around may be answered from one all the same, without signatures (`bare`): the
 * registered `web` of the zone arcbox.local as `web`, and the address of a name as its PTR. While there
 * are registry zones, a single label that nobody speaks of is theirs and, unless registered, NXDOMAIN: such
 * names mean something on this machine, and nothing outside.
 */
#ifndef MIST_CORE_LEAD_H
#define MIST_CORE_LEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/name.h"
#include "core/route.h"
#include "core/view.h"
#include "core/zone.h"

struct lead {
	struct route route;
	struct zone_found found;     /* the rest only if the route is LOCAL and its zone did not fail */
	const struct rrset *set;     /* of the type, at the name's node or else its wildcard's; or NULL. For ANY one of
	                                them: that will do (RFC 8482 section 4.1) */
};

/* The name is lower case. */
void lead_find(const struct view *view, const struct name_key *key, uint16_t type, struct lead *lead);

#endif
