/*
 * Changing a complete zone, set by set: the newest version's fork (core/zone.h), before it is published.
 *
 *   zone_fork(&fork, zone)
 *   zone_replace(), zone_remove()     any number, in any order
 *   zone_settle()                     once for each owner that was touched, in any order
 *
 * Until the last zone_settle() the fork is not fit for look-ups; then it is what zone_complete() would
 * have made of the same records: cuts and what they occlude, empty non-terminals, wildcards, and in a made
 * zone the records that it lends to names which would switch its wildcard off. Whether the records make
 * sense together (CNAME beside other data, SOA below the apex) is for the caller to check.
 *
 * Signatures: a set that is put in place of another has none unless it brings them. NSEC sets of a zone
 * signed here are no data: they go with the last record of their owner, and when it is occluded.
 * What else is to be signed again is what zone_diff() says has changed.
 *
 * Errors are MIST_ENOMEM only; then the fork is to be released.
 */
#ifndef MIST_CORE_ZONE_EDIT_H
#define MIST_CORE_ZONE_EDIT_H

#include "core/zone.h"

/* Puts a set in place of the one of its type at a lower-case owner within the zone, made if it is not
 * there; takes the set, also when it fails. What the owner was lent goes. */
int zone_replace(struct zone *zone, const uint8_t *owner, struct rrset *set);

/* Takes a set out; type 0: all data. What is not there is no error. */
int zone_remove(struct zone *zone, const uint8_t *owner, uint16_t type);

/* What makes a cut one of those that are made here, and not data (core/zone.h). */
#define NODE_MADE_CUT (NODE_CARVED | NODE_SELF | NODE_LENT)

/* Makes such a cut of the owner (`marks`: those of NODE_MADE_CUT that it gets), or of such a cut an ordinary name (0),
 * without data in either case: what it is to have follows by zone_replace(). */
int zone_recut(struct zone *zone, const uint8_t *owner, unsigned marks);

/* Makes flags, empty non-terminals and lent records right, at the owner and wherever they follow from it. */
int zone_settle(struct zone *zone, const uint8_t *owner);

/* The set of a type that somebody put at a node: neither lent nor, in a zone signed here, NSEC. NULL: none,
 * or no node. What an edit starts from. */
const struct rrset *zone_data(const struct zone *zone, const struct node *node, uint16_t type);
/* How many such sets the node has; 0: for an editor the name does not exist. */
unsigned zone_data_count(const struct zone *zone, const struct node *node);

/* The cut made for a forwarded name at or above a lower-case name; else, with `below` (when the name is to
 * become a cut or DNAME), the first one below it; else NULL. There an edit has no place. */
const struct node *zone_carved(const struct zone *zone, const uint8_t *name, bool below);

/* Takes an NSEC3 node's set out, of a zone that came signed. */
int zone_remove_nsec3(struct zone *zone, const uint8_t *owner, uint16_t type);

#endif
