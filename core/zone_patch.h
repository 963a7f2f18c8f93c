/*
 * Changes to a zone as another server tells them, record by record (IXFR, RFC 1995): collected as they come,
 * then made to a fork of the version that they start from.
 *
 * They have to fit: a record that goes must be there, one that comes must not. Where they do not, the two
 * servers disagree about the version, and only the whole zone helps.
 */
#ifndef MIST_CORE_ZONE_PATCH_H
#define MIST_CORE_ZONE_PATCH_H

#include "core/unpack.h"
#include "core/zone.h"

/* Octets of changes: who has more of them is better off with the whole zone. */
#define ZONE_PATCH_MAX ((size_t)64 << 20)

struct zone_patch {
	uint8_t *octets;             /* the changes, one behind the other */
	size_t len, room, count;
};

/* Adds a change to an empty (zeroed) or begun patch of the zone with this apex. MIST_ERECORD: out of zone, or the
 * data does not fit the type; MIST_ELIMIT, MIST_ENOMEM. */
int zone_patch_add(struct zone_patch *patch, const uint8_t *apex, bool removed,
                   const struct unpacked *record);
void zone_patch_free(struct zone_patch *patch);

/*
 * Makes the changes, in the order they came, and settles the fork. In a zone that is signed here (not
 * presigned) records of the signer are passed over, and the SOA keeps its serial. MIST_OK;
 * MIST_EMISMATCH: they do not fit; MIST_EZONE: the result breaks a rule, reported; MIST_ENOMEM. Then the
 * fork is to be released.
 */
int zone_patch_apply(const struct zone_patch *patch, struct zone *fork,
                     const struct mist_reporter *reporter);

/* Makes the fork of one version equal to another, complete one, set by set: changes that are known by
 * their result only. Signatures are compared too. MIST_OK, MIST_ENOMEM. */
int zone_patch_equal(struct zone *fork, const struct zone *served, const struct zone *wanted);

#endif
