/*
 * The NSEC chain (RFC 4034 section 4, RFC 4035 section 2.3): who is in it, and what each link says.
 */
#ifndef MIST_DNSSEC_CHAIN_H
#define MIST_DNSSEC_CHAIN_H

#include <stdbool.h>

#include "core/rrset.h"
#include "core/zone.h"

/* True when the node has an NSEC: authoritative names with data, and cuts. Empty non-terminals and
 * what lies below cuts have none. */
bool chain_has(const struct node *node);

/* True when a set of that type at that node is authoritative: it is signed and stands in the
 * bitmap. At a cut that is DS alone: the NS set there is the child's (RFC 4035 section 2.2), other
 * data is glue, or, where a name is forwarded, answered without signature. */
bool chain_signs(const struct node *node, uint16_t type);

/* The NSEC of a node that links to `next`; NULL: out of memory. */
struct rrset *chain_nsec(const struct node *node, const uint8_t *next, uint32_t ttl);

#endif
