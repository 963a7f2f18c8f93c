/*
 * Server cookies (RFC 7873) in the interoperable form of RFC 9018: version 1, three reserved
 * octets, a timestamp, and SipHash-2-4 over all that, the client's cookie and its address. The
 * secret is the only state, so that servers which share it accept each other's cookies.
 */
#ifndef MIST_CORE_COOKIE_H
#define MIST_CORE_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COOKIE_LEN 24 /* 8 of the client, 16 of ours */

struct cookie_client {
	const uint8_t *address;
	size_t address_len;          /* 4 or 16 */
	uint32_t now_s;
};

/*
 * Writes the COOKIE option to answer with: the one received while it is young, else a new one.
 * `cookie` is the option as received, 8 or 16 to 40 octets. True if it held a valid cookie of ours.
 */
bool cookie_answer(const uint8_t secret[16], const struct cookie_client *client,
                   const uint8_t *cookie, size_t len, uint8_t answer[COOKIE_LEN]);

#endif
