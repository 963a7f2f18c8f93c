/*
 * All records of a zone version, one after the other, as a transfer or a dump holds them: the SOA
 * first, then every set with its signatures, in canonical order. The place is kept between calls, so
 * that a walk may take minutes; whoever walks holds the version.
 */
#ifndef MIST_CORE_ZONE_WALK_H
#define MIST_CORE_ZONE_WALK_H

#include "core/rrset.h"
#include "core/zone.h"

struct zone_walk {
	const struct zone *zone;
	const struct node *node;     /* NULL: over */
	bool soa;                    /* the apex SOA comes now */
	bool nsec3;                  /* among the NSEC3 nodes */
	unsigned set;                /* of the node */
	size_t at;                   /* in the set */
};

void zone_walk_begin(struct zone_walk *walk, const struct zone *zone);

/* The next record and its owner; false: there is none. Views into the zone. */
bool zone_walk_next(struct zone_walk *walk, const uint8_t **owner, struct record *record);

/* Whether a set is part of the zone. The CNAME that x under `*.x` answers with is not: it cannot stand
 * beside the NS of the cut. */
bool zone_publishes(const struct node *node, const struct rrset *set);

#endif
