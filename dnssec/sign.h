/*
 * Signing: DNSKEY (and CDS, CDNSKEY), the NSEC chain, and an RRSIG for every authoritative set
 * (RFC 4035 section 2). On all cores at load; incrementally when signatures come due. Never per
 * packet.
 */
#ifndef MIST_DNSSEC_SIGN_H
#define MIST_DNSSEC_SIGN_H

#include "core/zone.h"
#include "dnssec/key.h"

struct signing {
	const struct key *key;
	struct crypto *crypto;
	uint32_t now_s;
	uint32_t lifetime_s;         /* of a signature; at least 1 hour */
	unsigned threads;
	bool cds;
};

/*
 * Signs a completed zone that is not yet shared. Inception is one hour back; expiration lies
 * lifetime minus a jitter of up to a tenth ahead, so that renewals spread; TTLs are capped so that
 * no TTL outlives its signature. `made` receives the number of signatures. MIST_ENOMEM,
 * MIST_ECRYPTO; then the zone is of no use.
 */
int sign_zone(struct zone *zone, const struct signing *signing, uint64_t *made);

/* When the next signature of the zone comes due (three quarters of its life passed). */
uint32_t sign_due(const struct zone *zone);

/*
 * Makes a new version of a frozen zone in which every signature due before `now_s + ahead_s` is
 * renewed and the serial is `serial`. Everything else is shared with the old one.
 */
int sign_renew(struct zone **renewed, struct zone *zone, const struct signing *signing,
               uint32_t ahead_s, uint32_t serial, uint64_t *made);

/*
 * Takes over a presigned, completed zone: finds NSEC or NSEC3, sets the zone's hash, and checks
 * that signatures and proofs are there (not that they are valid), and that NSEC3 is SHA-1 with at
 * most 150 iterations (RFC 9276 section 3.2). MIST_EZONE, reported.
 */
int sign_adopt(struct zone *zone, const struct mist_reporter *reporter);

/* The same for a zone that may come unsigned, as it is then served; and for the next version of one, which may
 * be something else than that: only what differs is looked at where it can be. */
int sign_adopt_any(struct zone *zone, const struct mist_reporter *reporter);
int sign_adopt_next(struct zone *zone, const struct zone *older, const struct mist_reporter *reporter);

/* Gives the zone's SOA this serial, unsigned. Before sign_zone(), or for a zone that is not
 * signed. */
int sign_serial(struct zone *zone, uint32_t serial);

/*
 * A DS set (SHA-256, RFC 4509) for the parent of a signed zone, from those of its DNSKEYs that sign
 * the DNSKEY set; those with the SEP flag if there are any. NULL when it is not signed, or, of a
 * zone that came signed, no key of its own does. MIST_OK, MIST_EZONE (too many keys), MIST_ENOMEM,
 * MIST_ECRYPTO.
 */
int sign_ds(struct rrset **ds, const struct zone *zone, struct crypto *crypto, uint32_t ttl);

#endif
