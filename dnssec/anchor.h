/*
 * Trust anchors: which keys of a signed zone speak for it, and how each validator wants to be told.
 */
#ifndef MIST_DNSSEC_ANCHOR_H
#define MIST_DNSSEC_ANCHOR_H

#include "core/zone.h"
#include "dnssec/key.h"

/*
 * Calls back with each DNSKEY RDATA that a parent's DS, or a trust anchor, should name: those that
 * sign the DNSKEY set; of them those with the SEP flag, if there are any. Not revoked ones (RFC
 * 5011). A result other than 0 ends it and is returned.
 */
int anchor_keys(const struct zone *zone, int (*visit)(void *user, const struct record *dnskey),
                void *user);

/* Writes the anchor, NUL included. MIST_EZONE: not signed; MIST_ESPACE; MIST_ECRYPTO. */
int anchor_text(const struct zone *zone, struct crypto *crypto, enum mist_anchor_format format,
                char *text, size_t size);

#endif
