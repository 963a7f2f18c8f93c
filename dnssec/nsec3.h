/*
 * The hash of NSEC3 (RFC 5155 section 5), for zones that come signed so. Proofs from such a zone hash
 * names of the question while it is answered: a pure function, without allocation or lock.
 */
#ifndef MIST_DNSSEC_NSEC3_H
#define MIST_DNSSEC_NSEC3_H

#include "core/nsec3.h"

#define NSEC3_SHA1 1
/* More are treated as insecure by validators (RFC 9276 section 3.2). */
#define NSEC3_ITERATIONS_MAX 150

void nsec3_hash(const struct nsec3_params *params, const uint8_t *name, uint8_t hash[NSEC3_HASH_LEN]);

#endif
