/*
 * Many sets signed at once, on several threads. A signature costs some 20 microseconds, everything
 * else around it a tenth of that; so the work is shared out set by set, and what follows it
 * (putting the sets into the zone) is done by one thread.
 */
#ifndef MIST_DNSSEC_BATCH_H
#define MIST_DNSSEC_BATCH_H

#include "core/zone.h"
#include "dnssec/sign.h"

/* One set to sign. */
struct batch_job {
	const struct node *node;     /* its owner */
	const struct rrset *set;     /* NULL: the node's NSEC, which is then made */
	const uint8_t *next;         /* of that NSEC */
	struct rrset *made;          /* out: the set with its signature; the caller's */
};

struct batch {
	struct batch_job *jobs;
	size_t count, room;
};

int sign_batch_add(struct batch *batch, const struct batch_job *job);
/* All or nothing: MIST_OK, or nothing is made. */
int sign_batch_sign(struct batch *batch, const struct zone *zone, const struct signing *signing);
/* Takes the signed sets out of the batch and into the zone, which is not yet shared. */
int sign_batch_put(struct batch *batch, struct zone *zone);
void sign_batch_free(struct batch *batch); /* and what was made and is still in it */

#define SIGN_INCEPTION_S 3600u /* before now: for clocks that are behind */

/*
 * A set is handed out until its signature is due for renewal, when a quarter of its life is left: a
 * TTL up to that quarter ends before the signature does.
 */
uint32_t sign_batch_ttl_cap(const struct signing *signing);

/* The second at which a signature comes due, from its RDATA. */
uint32_t signature_due(const struct record *rrsig);
/* The same of the first of a set's; UINT32_MAX: it has none. */
uint32_t sign_set_due(const struct rrset *set);

#endif
