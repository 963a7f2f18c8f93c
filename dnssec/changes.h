/*
 * Signing what an edit changed, and nothing else: the sets that differ from the version that is
 * served, and the NSEC records of names that came, went or changed their types, and of those before
 * them.
 */
#ifndef MIST_DNSSEC_CHANGES_H
#define MIST_DNSSEC_CHANGES_H

#include "core/zone.h"
#include "dnssec/sign.h"

/*
 * `zone` is an edited, settled version (core/zone_edit.h) that nobody shares yet, with its new SOA;
 * `from` an older one of its family, signed, with the same key. Adds to `made` how many signatures
 * were made; lowers `due_s` to when the first of them comes due. A changed negative TTL (SOA) makes
 * every NSEC anew (RFC 9077). MIST_ENOMEM, MIST_ECRYPTO; then the zone is of no use.
 */
int sign_changes(struct zone *zone, const struct zone *from, const struct signing *signing,
                 uint64_t *made, uint32_t *due_s);

#endif
