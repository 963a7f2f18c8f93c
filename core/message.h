/*
 * Messages: reading a request, and writing a response with bounds, compression and truncation.
 *
 * Reading: message_parse() turns hostile octets into struct question and struct edns, or says which
 * rcode the client deserves.
 *
 * Writing (core/response.c): a struct answer is a writer that knows the message around it. RRsets
 * go in whole or not at all; room for the OPT record is reserved first. When a set of the answer or
 * authority section does not fit, the answer is cut back to the mark before it, and TC is set (RFC
 * 2181 section 9).
 */
#ifndef MIST_CORE_MESSAGE_H
#define MIST_CORE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/name.h"
#include "core/rrset.h"
#include "core/wire.h"

#define MESSAGE_HEADER 12
#define MESSAGE_UDP_PLAIN 512  /* without EDNS (RFC 1035 section 2.3.4) */
#define MESSAGE_UDP_EDNS 1232  /* what crosses every path unfragmented (DNS flag day 2020) */
#define MESSAGE_MAX 65535

enum message_flag {
	FLAG_QR = 0x8000, FLAG_AA = 0x0400, FLAG_TC = 0x0200, FLAG_RD = 0x0100, FLAG_RA = 0x0080,
	FLAG_AD = 0x0020, FLAG_CD = 0x0010,
};
enum opcode { OPCODE_QUERY = 0, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5 };
enum rcode {
	RCODE_NOERROR = 0, RCODE_FORMERR = 1, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5, RCODE_YXDOMAIN = 6, RCODE_YXRRSET = 7, RCODE_NXRRSET = 8, RCODE_NOTAUTH = 9,
	RCODE_NOTZONE = 10, RCODE_BADVERS = 16, RCODE_BADCOOKIE = 23,
};
enum edns_option { OPTION_NSID = 3, OPTION_COOKIE = 10, OPTION_KEEPALIVE = 11, OPTION_EDE = 15 };
/* RFC 8914; EDE_NONE is ours. */
enum ede {
	EDE_NONE = -1, EDE_OTHER = 0, EDE_NOT_READY = 14, EDE_BLOCKED = 15, EDE_FILTERED = 17,
	EDE_PROHIBITED = 18, EDE_CACHED_ERROR = 13, EDE_NOT_AUTHORITATIVE = 20, EDE_NOT_SUPPORTED = 21,
	EDE_NO_REACHABLE_AUTHORITY = 22, EDE_NETWORK_ERROR = 23, EDE_INVALID_DATA = 24,
};

struct question {
	uint16_t type, class;
	uint8_t len;                 /* of the name */
	uint8_t name[NAME_ROOM];     /* lower case; the case as sent stands in the request. In whole blocks */
};

/* The OPT record of a request (RFC 6891). Options we do not know are skipped. */
struct edns {
	bool present;
	bool dnssec_ok;
	uint8_t version;
	uint16_t udp_size;           /* at least 512 */
	bool nsid;                   /* RFC 5001 */
	bool keepalive;              /* RFC 7828 */
	uint8_t cookie_len;          /* 0, or 8, or 16 to 40 (RFC 7873) */
	uint8_t cookie[40];
};

struct request {
	const uint8_t *octets;
	size_t len;
	uint16_t id, flags;
	uint8_t opcode;
	struct question question;    /* len 0: none */
	struct name_key key;         /* of its name, lower case */
	uint64_t hash;               /* of the question (core/question_hash.h); 0: nobody has made it */
	struct edns edns;
	uint16_t tsig_at;            /* the TSIG record (RFC 8945), always the last; 0: none */
};

enum parsed {
	PARSED_OK,        /* a question with one name, of any opcode, class and type */
	PARSED_DROP,      /* no answer: shorter than a header, or itself a response */
	PARSED_FORMERR,   /* the header is right, the rest is not */
	PARSED_BADVERS,   /* EDNS version above 0 (RFC 6891 section 6.1.3) */
	PARSED_NO_QUESTION, /* QDCOUNT is 0, well formed otherwise: FORMERR, unless the client only
	                       wants a cookie (RFC 7873 section 5.4) */
	PARSED_NOTIMP,    /* an opcode we do not know; its body is not looked at */
};
/* The question of a request that was read before its turn (core/ahead.h), with all that is made of it. */
struct glimpse {
	const uint8_t *octets;       /* of the request */
	struct question question;
	struct name_key key;
	uint64_t hash;
};
/* False: it has no question that can be read. The hash is the caller's matter. */
bool message_ahead(struct glimpse *glimpse, const uint8_t *octets, size_t len);
/* message_parse() of the same octets, or fewer of them. */
enum parsed message_parse_glimpsed(struct request *request, const struct glimpse *glimpse, const uint8_t *octets,
                                size_t len);

enum parsed message_parse(struct request *request, const uint8_t *octets, size_t len);

enum section { SECTION_ANSWER = 0, SECTION_AUTHORITY = 1, SECTION_ADDITIONAL = 2 };

/* At most this many labels are remembered for compression. More cost output octets, not
 * correctness; and the work per name stays bounded (RFC 9267's quadratic encoders). */
#define ANSWER_LABELS_MAX 24

struct answer {
	struct writer w;             /* w.end leaves room for the OPT record */
	uint16_t counts[3];
	bool truncated;              /* nothing more goes into answer and authority */
	bool dnssec;                 /* RRSIGs and proofs go in (DO) */
	uint16_t question_len;       /* octets of the question's name in the message; 0: no question */
	uint16_t reserve;            /* room behind w.end */
	uint16_t last_name_at;       /* where the name last written into RDATA stands: CNAME's target */
	uint8_t label_count;
	struct {
		uint16_t at;             /* its offset, which may be pointed at */
		uint8_t next;            /* the label that follows it, counted from 1; 0: the root */
	} labels[ANSWER_LABELS_MAX];
};

/* Copies header and question of `request` to `octets` and starts the answer section behind it.
 * `limit` is the largest message the client takes (at least 512), `reserve` what the OPT record
 * will need. DNSSEC records are wanted if the request says DO. */
void answer_begin(struct answer *answer, const struct request *request, uint8_t *octets,
                  size_t limit, size_t reserve);

/* Back to the state after answer_begin(), to answer otherwise. */
void answer_reset(struct answer *answer);

/* The name at an offset of the message, uncompressed, lower-case. Returns its length. */
size_t answer_name(const struct answer *answer, uint16_t at, uint8_t name[NAME_MAX]);

/* Where the ancestor of the name at `at` begins that lacks its first `labels` labels. */
uint16_t answer_ancestor(const struct answer *answer, uint16_t at, unsigned labels);

/*
 * Appends a set with owner `owner_at`, the offset of a name in the message (12: the question), or,
 * when that is 0, the name `owner`. Signatures go along when answer->dnssec. False: did not fit,
 * the message is as before and `truncated` is set (not for SECTION_ADDITIONAL).
 */
bool answer_put(struct answer *answer, enum section section, uint16_t owner_at,
                const uint8_t *owner, const struct rrset *set);

/* The same for the records or the RRSIGs alone, or with another TTL. */
enum answer_part { PART_RECORDS = 1, PART_SIGNATURES = 2 };
bool answer_put_part(struct answer *answer, enum section section, uint16_t owner_at,
                     const uint8_t *owner, const struct rrset *set, unsigned parts, uint32_t ttl);

/*
 * Appends the records that fill `len` octets at `at` of `message`, well-formed (type_check()), their
 * names perhaps compressed in it; or records in the form of rrset.h, that need no message around
 * them. The owner C00C stands for `owner_at`. All or nothing. `last_name_at` tells where the target
 * of a last CNAME stands.
 */
bool answer_put_records(struct answer *answer, enum section section, uint16_t owner_at,
                        const uint8_t *message, size_t at, size_t len, uint16_t count);

/*
 * Appends one record, for messages that go on with the next where they are full: transfers. `*owner_at`
 * is where its owner stands, 0: not yet; it is kept for the next record of that owner. False: it did not fit.
 */
bool answer_put_record(struct answer *answer, enum section section, uint16_t *owner_at,
                       const uint8_t *owner, const struct record *record);

/* One synthesised record: the CNAME of a DNAME (RFC 6672 section 3.1). Returns the offset of the
 * target's name in the message, 0 when it did not fit. */
uint16_t answer_put_cname(struct answer *answer, uint16_t owner_at, uint32_t ttl,
                          const uint8_t *target);

/* What the OPT record of a response says. */
struct edns_reply {
	bool present;
	bool dnssec_ok;
	unsigned rcode_high;         /* upper eight bits of the extended rcode */
	int ede;                     /* enum ede, EDE_NONE */
	const char *ede_text;        /* or NULL */
	const uint8_t *cookie;       /* 24 octets (client and server cookie), or NULL */
	const char *nsid;            /* or NULL */
	int keepalive_ds;            /* edns-tcp-keepalive in units of 100 ms, or -1 */
};

/* Writes the header, its flags (`flags`; TC if truncated) and counts, and the OPT record.
 * Returns the length of the message. EDE text and NSID are left out when they do not fit. */
size_t answer_finish(struct answer *answer, uint16_t flags, unsigned rcode,
                     const struct edns_reply *edns);

#endif
