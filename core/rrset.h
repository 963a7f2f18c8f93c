/*
 * An RRset (RFC 9499) as it goes out.
 *
 * The records are stored in wire form with the owner written as the pointer C00C, which means "the
 * name at offset 12 of this message": the question. The same octets are therefore right for an
 * exact match and for a wildcard, and a reply is one copy. Behind the records come their RRSIGs in
 * the same form, so that an answer with DO is the same copy, a little longer. Where a message
 * needs another owner (a CNAME target, an authority section), the writer replaces the pointers.
 */
#ifndef MIST_CORE_RRSET_H
#define MIST_CORE_RRSET_H

#include <stddef.h>
#include <stdint.h>

#define RRSET_OWNER 0xC00C
#define RRSET_FIXED 12 /* owner pointer, type, class, TTL, RDLENGTH: octets before each RDATA */

struct rrset {
	uint16_t type;
	uint16_t count;      /* records */
	uint16_t sig_count;  /* RRSIGs that cover them */
	uint16_t flags;      /* enum rrset_flag */
	uint32_t ttl;
	uint32_t len;        /* octets of the records */
	uint32_t full_len;   /* with their RRSIGs */
	uint8_t wire[];
};

enum rrset_flag {
	RRSET_PLAIN_COPY = 1, /* no name in RDATA that may be compressed or wants additional records:
	                         the octets can be copied as they are */
	RRSET_REGISTERED = 2, /* of a registered name (core/lead.h): its addresses, of one length, are told in
	                         turns, so it is no plain copy when it has several */
};

/* Octets of the whole. */
static inline size_t rrset_size(const struct rrset *set)
{
	return sizeof(*set) + set->full_len;
}

/* One record within a set: a view. */
struct record {
	uint16_t type;
	uint32_t ttl;
	uint16_t rdata_len;
	const uint8_t *rdata;
};

/* Steps through records; `at` starts at 0 and is moved on. False at the end.
 *   for (size_t at = 0; rrset_next(set, set->len, &at, &record);)        records only
 *   for (size_t at = set->len; rrset_next(set, set->full_len, &at, &record);)  RRSIGs only */
_Bool rrset_next(const struct rrset *set, size_t end, size_t *at, struct record *record);

/*
 * Makes a set from an old one (may be NULL) and one more record; RDATA in canonical order and free
 * of duplicates (RFC 2181 section 5), RRSIGs of the old set dropped; the smallest TTL wins
 * (RFC 2181 section 5.2). The old set is not freed. NULL when memory is out, or the set exceeds
 * 65,535 octets (then *too_large is set).
 */
struct rrset *rrset_with(const struct rrset *old, uint16_t type, uint32_t ttl,
                         const uint8_t *rdata, uint16_t rdata_len, _Bool *too_large);

/* A copy of `set` without the record with this RDATA, unsigned. There is one, and another: a set is
 * not empty. NULL: out of memory. */
struct rrset *rrset_without(const struct rrset *set, const uint8_t *rdata, uint16_t rdata_len);

/* Is there a record with this RDATA, in canonical form? */
_Bool rrset_has(const struct rrset *set, const uint8_t *rdata, uint16_t rdata_len);

/* The same records? TTLs and signatures do not matter. */
_Bool rrset_same(const struct rrset *a, const struct rrset *b);

/* Gives each record of an unsigned set that is not yet shared another TTL. */
void rrset_set_ttl(struct rrset *set, uint32_t ttl);

/* A copy of `set` with these RRSIG RDATAs in place of its own. NULL: out of memory. */
struct rrset *rrset_signed(const struct rrset *set, const struct record *sigs, size_t sig_count);

#endif
