/* Server cookies, see cookie.h. */
#include "core/cookie.h"

#include <string.h>

#include "core/siphash.h"
#include "core/wire.h"

enum {
	COOKIE_CLIENT = 8,
	COOKIE_VERSION_1 = 1,
	COOKIE_STAMP = 12,           /* offset of the timestamp */
	COOKIE_HASH = 16,            /* offset of the hash */
	/* RFC 9018 section 4.3 */
	COOKIE_PAST_S = 3600,        /* accepted when made within the last hour, */
	COOKIE_FUTURE_S = 300,       /* or, by another server's clock, in the next five minutes; */
	COOKIE_RENEW_S = 1800,       /* replaced after half its life */
};

/* The hash of a cookie's first 16 octets and the client's address (RFC 9018 section 4.4),
 * written as SipHash's authors do, lowest octet first. */
static void hash_into(uint8_t to[8], const uint8_t secret[16], const struct cookie_client *client,
                      const uint8_t cookie[COOKIE_HASH])
{
	uint8_t input[COOKIE_HASH + 16];
	memcpy(input, cookie, COOKIE_HASH);
	memcpy(input + COOKIE_HASH, client->address, client->address_len);
	uint64_t hash = siphash(secret, input, COOKIE_HASH + client->address_len);
	for (unsigned i = 0; i < 8; i++, hash >>= 8)
		to[i] = (uint8_t)hash;
}

static bool same(const uint8_t a[8], const uint8_t b[8])
{
	uint8_t differ = 0; /* in constant time */
	for (unsigned i = 0; i < 8; i++)
		differ |= (uint8_t)(a[i] ^ b[i]);
	return differ == 0;
}

bool cookie_answer(const uint8_t secret[16], const struct cookie_client *client,
                   const uint8_t *cookie, size_t len, uint8_t answer[COOKIE_LEN])
{
	bool valid = false;
	if (len == COOKIE_LEN && cookie[COOKIE_CLIENT] == COOKIE_VERSION_1) {
		/* Serial number arithmetic (RFC 1982): the stamp wraps in 2106. */
		const int32_t age = (int32_t)(client->now_s - wire_get32(cookie + COOKIE_STAMP));
		uint8_t hash[8];
		hash_into(hash, secret, client, cookie);
		valid = age <= COOKIE_PAST_S && age >= -COOKIE_FUTURE_S && same(hash, cookie + COOKIE_HASH);
		if (valid && age <= COOKIE_RENEW_S) {
			memcpy(answer, cookie, COOKIE_LEN);
			return true;
		}
	}
	memcpy(answer, cookie, COOKIE_CLIENT);
	memcpy(answer + COOKIE_CLIENT, (const uint8_t[]){ COOKIE_VERSION_1, 0, 0, 0 }, 4);
	wire_set32(answer + COOKIE_STAMP, client->now_s);
	hash_into(answer + COOKIE_HASH, secret, client, answer);
	return valid;
}
