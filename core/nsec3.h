/*
 * The owner names of NSEC3 records (RFC 5155 section 3): the hash of a name in base32hex (RFC 4648
 * section 7) as one label below the apex. The hash itself is computed by dnssec/.
 */
#ifndef MIST_CORE_NSEC3_H
#define MIST_CORE_NSEC3_H

#include <stdbool.h>
#include <stdint.h>

#include "core/zone.h"

#define NSEC3_HASH_LEN 20 /* SHA-1, the only algorithm there is */
#define NSEC3_LABEL 32    /* its digits: 160 bits, five a digit, no padding */

/* The lower-case owner name. False: too long, so no such zone can have NSEC3. */
bool nsec3_owner(uint8_t owner[NAME_MAX], const uint8_t hash[NSEC3_HASH_LEN], const struct zone *zone);

#endif
