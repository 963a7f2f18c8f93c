/*
 * What dnssec/ asks of libcrypto: a library context of our own, so that neither the host program's
 * providers and configuration touch us nor we them, with the algorithms fetched once.
 */
#ifndef MIST_DNSSEC_CRYPTO_H
#define MIST_DNSSEC_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#define SCALAR_LEN 32     /* a private key of P-256 or Ed25519 */
/* x and y of P-256 (RFC 6605 section 4); Ed25519 has 32 (RFC 8080 section 3). */
#define PUBLIC_LEN_MAX 64
#define DIGEST_LEN 32     /* SHA-256 */

struct crypto {
	_Atomic(unsigned) references;
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *provider;
	EVP_MD *sha256;
	EVP_MAC *hmac;
};

struct crypto_pair {
	EVP_PKEY *pair;
	uint8_t scalar[SCALAR_LEN];
	uint8_t public[PUBLIC_LEN_MAX];
	size_t public_len;
};

/*
 * libcrypto keeps random generators of a context for each thread that made or used a private key, and
 * frees them when that thread ends: of a context that another thread has freed meanwhile. So every
 * call that needed them ends with this, which frees those of the calling thread.
 */
void crypto_rest(const struct crypto *crypto);

/* A new key pair, or the one of a private scalar; algorithm 13 or 15. MIST_ECRYPTO, MIST_ENOMEM. */
int crypto_pair_make(struct crypto_pair *made, struct crypto *crypto, int algorithm);
int crypto_pair_from(struct crypto_pair *made, struct crypto *crypto, int algorithm,
                     const uint8_t scalar[SCALAR_LEN]);
void crypto_pair_free(struct crypto_pair *pair); /* wipes it */

int crypto_sha256(const struct crypto *crypto, const void *octets, size_t len,
                  uint8_t digest[DIGEST_LEN]);

/* Base64 (RFC 4648 section 4). Both return the length, or -1. Decoding skips white space and needs
 * no room for what it pads; `size` bounds what is written, NUL included when encoding. */
int base64_encode(char *text, size_t size, const uint8_t *octets, size_t len);
int base64_decode(uint8_t *octets, size_t size, const char *text, size_t len);

#endif
