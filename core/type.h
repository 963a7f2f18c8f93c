/*
 * Record types as data: one table says where the names in a type's RDATA are, whether they may be
 * compressed (RFC 3597 section 4), are folded in canonical form (RFC 4034 section 6.2), and ask for
 * additional records. The table serves loading, signing and answering alike. Unknown types are
 * opaque octets (RFC 3597).
 */
#ifndef MIST_CORE_TYPE_H
#define MIST_CORE_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum type {
	TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_NULL = 10, TYPE_PTR = 12,
	TYPE_HINFO = 13, TYPE_MX = 15, TYPE_TXT = 16, TYPE_SIG = 24, TYPE_KEY = 25, TYPE_AAAA = 28, TYPE_SRV = 33,
	TYPE_NAPTR = 35, TYPE_DNAME = 39, TYPE_OPT = 41, TYPE_DS = 43, TYPE_RRSIG = 46, TYPE_NSEC = 47, TYPE_DNSKEY = 48,
	TYPE_NSEC3 = 50, TYPE_NSEC3PARAM = 51, TYPE_TLSA = 52, TYPE_CDS = 59, TYPE_CDNSKEY = 60,
	TYPE_SVCB = 64, TYPE_HTTPS = 65, TYPE_TKEY = 249, TYPE_TSIG = 250, TYPE_IXFR = 251,
	TYPE_AXFR = 252, TYPE_MAILB = 253, TYPE_MAILA = 254, TYPE_ANY = 255, TYPE_CAA = 257,
};
enum class { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };

/* What RDATA consists of, in order; after the last step comes enum rdata_rest. */
enum rdata_step {
	RDATA_END = 0,
	RDATA_NAME,        /* a name; `flags` say more */
	RDATA_STRING,      /* a character-string (RFC 1035 section 3.3) */
	RDATA_FIXED_1,     /* that many octets: RDATA_FIXED_1 + n - 1 */
	RDATA_FIXED_32 = RDATA_FIXED_1 + 31,
	RDATA_A6,          /* prefix length, address suffix, a name unless the length is 0 (RFC 2874) */
};

/* What may follow the steps. */
enum rdata_rest {
	REST_OPAQUE = 0,
	REST_NONE,
	REST_STRINGS,      /* any number of character-strings */
	REST_BITMAP,       /* types present (RFC 4034 section 4.1.2) */
	REST_DIGEST,       /* behind a digest type, whose length it must have */
	REST_SVC_PARAMS,   /* RFC 9460 section 2.2 */
	REST_PREFIXES,     /* APL (RFC 3123 section 4) */
	REST_IPSECKEY,     /* all of it (RFC 4025 section 2); its name is neither folded nor reported */
	REST_AMTRELAY,     /* all of it (RFC 8777 section 4), likewise */
	REST_HIP,          /* all of it (RFC 8005 section 5), likewise */
};

enum type_flag {
	TYPE_COMPRESS = 1,   /* names in RDATA may be compressed: the types of RFC 1035 only */
	TYPE_FOLD = 2,       /* names in RDATA are lower-cased in canonical form */
	TYPE_ADDITIONAL = 4, /* A and AAAA at the (last) name are worth adding */
	TYPE_META = 8,       /* cannot be in a zone (RFC 6895 section 3.1) */
	TYPE_SINGLE = 16,    /* one record a set: CNAME, DNAME, SOA */
};

struct type_info {
	uint16_t type;
	uint8_t flags;
	uint8_t rest;        /* enum rdata_rest */
	uint8_t steps[8];
	uint16_t min_len;    /* shortest RDATA that makes sense */
	const char *name;    /* "AAAA" */
};

/* Never NULL: an unknown type has no steps and no flags, and name NULL. */
const struct type_info *type_info(uint16_t type);

/* "AAAA" or "TYPE65280" into `text`. */
const char *type_to_text(uint16_t type, char text[16]);
/* Both forms, any case; 0 if there is no such type. */
uint16_t type_from_text(const char *text);
/* "NXDOMAIN", or "RCODE14"; 12 bits. */
const char *rcode_to_text(unsigned rcode, char text[16]);

/* Checks that RDATA fits its type: names whole and uncompressed, lengths, address sizes. */
bool type_check(uint16_t type, const uint8_t *rdata, size_t len);

/* Calls `name` with the offset of each name in well-formed RDATA. */
void type_names(uint16_t type, const uint8_t *rdata, size_t len,
                void (*name)(void *user, size_t offset), void *user);

/* Canonical form (RFC 4034 section 6.2): folds the names in place. */
void type_fold(uint16_t type, uint8_t *rdata, size_t len);

/* The name whose addresses belong in the additional section, or NULL. A view into `rdata`. */
const uint8_t *type_target(uint16_t type, const uint8_t *rdata, size_t len);

#endif
