/*
 * Proofs of what is not there (RFC 4035 section 3.1.3, RFC 5155 section 7.2), NSEC or NSEC3 as the
 * zone has them. Each function appends to the authority section, without doubles; nothing happens
 * when the answer is without DNSSEC or the zone unsigned.
 */
#ifndef MIST_CORE_DENIAL_H
#define MIST_CORE_DENIAL_H

#include "core/query.h"

/* The node exists, the type does not. */
void denial_nodata(struct query *query, const struct zone *zone, const struct node *node);

/* query->target does not exist; the wildcard that stands for it lacks the type. */
void denial_wildcard_nodata(struct query *query, const struct zone *zone,
                            const struct zone_found *found, const struct node *wildcard);

/* query->target does not exist, nor does a wildcard for it. */
void denial_nxdomain(struct query *query, const struct zone *zone, const struct zone_found *found);

/* `name` does not exist, so that the wildcard was right to answer. */
void denial_wildcard_answer(struct query *query, const struct zone *zone, const uint8_t *name,
                            const struct zone_found *found);

/* The delegation has no DS. */
void denial_unsigned_cut(struct query *query, const struct zone *zone, const struct node *cut);

#endif
