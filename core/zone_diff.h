/*
 * What differs between two versions of a zone: for those who sign, record history or keep a secondary's
 * copy. Versions that share nodes are compared in time that goes with what differs; any two zones can be.
 *
 * Both come in no particular order, and end early when the callback returns other than 0, which is then
 * the result. Both zones are frozen, or the newer one is a fork that nobody edits meanwhile.
 */
#ifndef MIST_CORE_ZONE_DIFF_H
#define MIST_CORE_ZONE_DIFF_H

#include "core/zone.h"

/* Nodes, NSEC3 nodes too, that have other sets (RRSIGs count) or other flags; NULL: not there. */
int zone_diff_nodes(const struct zone *older, const struct zone *newer,
                    int (*visit)(void *user, const struct node *older, const struct node *newer),
                    void *user);

/* Sets that differ in a record, TTL or RRSIG: as it was (`removed`), then as it is. `node` is that of its
 * version. */
int zone_diff(const struct zone *older, const struct zone *newer,
              int (*visit)(void *user, bool removed, const struct node *node,
                           const struct rrset *set), void *user);

#endif
