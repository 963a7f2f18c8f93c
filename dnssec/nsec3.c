/*
 * The hash of NSEC3; see nsec3.h. Of libcrypto's two ways to SHA-1 this is the old one: the new one
 * allocates, and this runs while a packet is answered. It is deprecated for what SHA-1 protects;
 * here it protects nothing, it only names things.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dnssec/nsec3.h"

#include <openssl/sha.h>

/* H(octets || salt) (RFC 5155 section 5) */
static void hash_salted(uint8_t hash[NSEC3_HASH_LEN], const uint8_t *octets, size_t len,
                        const struct nsec3_params *params)
{
	SHA_CTX context;
	SHA1_Init(&context);
	SHA1_Update(&context, octets, len);
	SHA1_Update(&context, params->salt, params->salt_len);
	SHA1_Final(hash, &context);
}

void nsec3_hash(const struct nsec3_params *params, const uint8_t *name, uint8_t hash[NSEC3_HASH_LEN])
{
	hash_salted(hash, name, name_len(name), params);
	for (unsigned i = 0; i < params->iterations; i++)
		hash_salted(hash, hash, NSEC3_HASH_LEN, params);
}
