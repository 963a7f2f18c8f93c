/*
 * Answers from one zone by the algorithm of RFC 1034 section 4.3.2, as RFC 4592, RFC 6672 and
 * RFC 4035 section 3.1 complete it. answer_from_zone() reads like that algorithm; the choice of
 * proofs is in denial.h.
 */
#ifndef MIST_CORE_ANSWER_H
#define MIST_CORE_ANSWER_H

#include "core/query.h"

enum answered {
	ANSWERED,        /* the message is complete */
	ANSWERED_CHAIN,  /* a CNAME or DNAME moved query->target and target_at: route again */
};
enum answered answer_from_zone(struct query *query); /* as query->lead says */

/* Appends the proofs that wildcards of a chain owe (RFC 4035 section 3.1.3.3). They belong to the
 * authority section and have to wait until the answer section is whole. */
void answer_wildcard_proofs(struct query *query);

/* A SOA that nobody keeps, for negative answers about names that have none of their own
 * (as RFC 6303 section 3 has it), so that clients know how long to remember. */
void answer_made_soa(struct query *query, const uint8_t *owner, uint32_t ttl);

#endif
