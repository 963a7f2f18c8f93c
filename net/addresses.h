/*
 * A question for addresses, and the addresses in its answer: what lookup.c and resolver.c share.
 */
#ifndef MIST_NET_ADDRESSES_H
#define MIST_NET_ADDRESSES_H

#include <stddef.h>
#include <stdint.h>

#include "core/name.h"
#include "mistcore.h"

#define ADDRESSES_QUERY_MAX (12 + NAME_MAX + 4 + 11)

/* Writes a query with RD and an OPT record of `udp_size` to ADDRESSES_QUERY_MAX octets; returns its length. */
size_t addresses_query(uint8_t *query, uint16_t id, const uint8_t *name, uint16_t type,
                       uint16_t udp_size);

/*
 * Checks that a response is one to the query (id, question, QR) and adds the addresses at the end of
 * its CNAME chain to `list`: `*found` counts all of them, `size` of which fit. MIST_OK, also when
 * there is none; MIST_ENOTFOUND (NXDOMAIN), MIST_EREFUSED (any other rcode), MIST_EMISMATCH.
 */
int addresses_read(const uint8_t *response, size_t len, const uint8_t *query, size_t query_len,
                   struct mist_address *list, size_t size, size_t *found);

/* Is the response one to the query? */
int addresses_match(const uint8_t *response, size_t len, const uint8_t *query, size_t query_len);

#endif
