/*
 * What comes back from an upstream, and how much of it is believed.
 *
 * Two questions are asked of it. check_datagram(): may these octets be an answer to what was sent?
 * Anything on the path, and whoever guesses well, can send datagrams; junk must not end a question
 * for which a good answer may still come. check_answer(): which of its records answer the question?
 * Those of the chain from the question through CNAME and DNAME to its end, and the SOA (with DO:
 * the proofs) of a negative answer; no others, whatever section they stand in.
 */
#ifndef MIST_FORWARD_CHECK_H
#define MIST_FORWARD_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/message.h"
#include "forward/cache.h"

enum datagram {
	DATAGRAM_JUNK,   /* not an answer to what was sent: as if it had not come */
	DATAGRAM_DETOUR, /* would end the question badly, or send it to TCP: a better one may come */
	DATAGRAM_ANSWER,
};
/* `query` is what was sent. */
enum datagram check_datagram(const uint8_t *query, size_t query_len,
                             const uint8_t *octets, size_t len);

/* Has a message an OPT record? Damaged ones have none. */
bool check_has_opt(const uint8_t *octets, size_t len);

/* The smallest records that can be: 11 octets each. */
#define CHECK_RECORDS_MAX ((MESSAGE_MAX - MESSAGE_HEADER) / 11)
#define CHECK_CHAIN_MAX 16 /* CNAME steps: real chains stay below 8 */

struct check_record {
	uint32_t owner_hash, ttl;
	uint16_t owner_at, rdata_at, rdata_len, type, class;
};

/* Working memory, too large for a stack; no state between calls. */
struct check {
	unsigned answer_count, count;      /* records of the answer section; and of authority */
	struct check_record records[CHECK_RECORDS_MAX];
	uint8_t octets[MESSAGE_MAX];       /* the records believed, in the form of rrset.h */
	uint8_t message[MESSAGE_MAX];      /* what they become (cache.h) */
};

struct check_rules {
	const struct question *question;   /* lower case */
	bool dnssec_ok;                    /* RRSIGs and proofs are wanted */
	bool private_addresses;            /* may be answered */
	uint32_t max_ttl_s;
};

enum checked {
	CHECKED_ANSWER,
	CHECKED_FILTERED, /* a private address in it: `answer` is the refusal */
	CHECKED_FAILED,   /* the upstream itself says that it failed: `answer` is a failure */
	CHECKED_REJECTED, /* not to be believed: likewise */
};

/* Fills `answer`; its message stands in `check` until the next call. ttl 0: give, but
 * do not keep. */
enum checked check_answer(struct check *check, const struct check_rules *rules,
                          const uint8_t *octets, size_t len, struct cache_answer *answer);

#endif
