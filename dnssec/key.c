/* Keys and signers; see key.h. How keys stand in files is in keyfile.c. */
#include "dnssec/key.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

#include "core/wire.h"
#include "dnssec/crypto.h"
#include "dnssec/keyfile.h"

struct key {
	struct crypto *crypto;
	enum mist_algorithm algorithm;
	uint16_t tag;
	uint8_t zone[NAME_MAX];
	struct crypto_pair pair;
};

/* A key around a pair, which it takes. */
static int key_around(struct key **key, struct crypto *crypto, const uint8_t *zone,
                      enum mist_algorithm algorithm, struct crypto_pair *pair)
{
	struct key *k = calloc(1, sizeof(*k));
	if (!k) {
		crypto_pair_free(pair);
		return MIST_ENOMEM;
	}
	k->crypto = crypto;
	k->algorithm = algorithm;
	name_lower(k->zone, zone);
	k->pair = *pair;
	OPENSSL_cleanse(pair, sizeof(*pair));
	uint8_t rdata[DNSKEY_LEN_MAX];
	size_t len = key_dnskey(k, rdata);
	k->tag = dnskey_tag(rdata, len);
	*key = k;
	return MIST_OK;
}

int key_generate(struct key **key, struct crypto *crypto, const uint8_t *zone,
                 enum mist_algorithm algorithm)
{
	if (algorithm == MIST_ALGORITHM_DEFAULT)
		algorithm = MIST_ALGORITHM_ECDSAP256SHA256;
	struct crypto_pair pair;
	int error = crypto_pair_make(&pair, crypto, (int)algorithm);
	return error ? error : key_around(key, crypto, zone, algorithm, &pair);
}

int key_from_scalar(struct key **key, struct crypto *crypto, const uint8_t *zone,
                    enum mist_algorithm algorithm, const uint8_t scalar[SCALAR_LEN])
{
	struct crypto_pair pair;
	int error = crypto_pair_from(&pair, crypto, (int)algorithm, scalar);
	return error ? error : key_around(key, crypto, zone, algorithm, &pair);
}

void key_free(struct key *key)
{
	if (!key)
		return;
	crypto_pair_free(&key->pair);
	free(key);
}

uint16_t key_tag(const struct key *key)
{
	return key->tag;
}

enum mist_algorithm key_algorithm(const struct key *key)
{
	return key->algorithm;
}

const uint8_t *key_zone(const struct key *key)
{
	return key->zone;
}

const uint8_t *key_scalar(const struct key *key)
{
	return key->pair.scalar;
}

size_t key_dnskey(const struct key *key, uint8_t rdata[DNSKEY_LEN_MAX])
{
	wire_set16(rdata, KEY_FLAGS);
	rdata[2] = 3; /* protocol: always 3 (RFC 4034 section 2.1.2) */
	rdata[3] = (uint8_t)key->algorithm;
	memcpy(rdata + 4, key->pair.public, key->pair.public_len);
	return 4 + key->pair.public_len;
}

size_t key_ds(const struct key *key, uint8_t rdata[36])
{
	uint8_t dnskey[DNSKEY_LEN_MAX];
	size_t len = key_dnskey(key, dnskey);
	return dnskey_ds(key->crypto, key->zone, dnskey, len, rdata);
}

uint16_t dnskey_tag(const uint8_t *rdata, size_t len)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? rdata[i] : (uint32_t)rdata[i] << 8;
	return (uint16_t)(sum + (sum >> 16));
}

size_t dnskey_ds(const struct crypto *crypto, const uint8_t *zone, const uint8_t *dnskey,
                 size_t len, uint8_t rdata[36])
{
	/* RFC 4034 section 5.1.4: digest of the canonical owner name and the DNSKEY RDATA. Keys of
	 * zones that come signed may be RSA, of up to 4,096 bits and a few octets. */
	uint8_t octets[NAME_MAX + 4 + 1024];
	size_t at = name_lower(octets, zone);
	if (len < 4 || len > sizeof(octets) - at)
		return 0;
	memcpy(octets + at, dnskey, len);
	wire_set16(rdata, dnskey_tag(dnskey, len));
	rdata[2] = dnskey[3];
	rdata[3] = 2; /* SHA-256 (RFC 4509) */
	return crypto_sha256(crypto, octets, at + len, rdata + 4) ? 0 : 36;
}

/* ------------------------------------------------------------------------------------------------
 * Signers
 */

struct signer {
	const struct key *key;
	EVP_MD_CTX *digest;      /* of SHA-256, or of Ed25519 signing as a whole */
	EVP_PKEY_CTX *sign;      /* of ECDSA; Ed25519 has none of its own */
};

int signer_new(struct signer **signer, const struct key *key)
{
	struct signer *s = calloc(1, sizeof(*s));
	if (!s)
		return MIST_ENOMEM;
	s->key = key;
	s->digest = EVP_MD_CTX_new();
	if (!s->digest)
		goto fail;
	if (key->algorithm == MIST_ALGORITHM_ECDSAP256SHA256) {
		s->sign = EVP_PKEY_CTX_new_from_pkey(key->crypto->context, key->pair.pair, NULL);
		if (!s->sign || EVP_PKEY_sign_init(s->sign) != 1)
			goto fail;
	}
	*signer = s;
	return MIST_OK;
fail:
	signer_free(s);
	return MIST_ECRYPTO;
}

void signer_free(struct signer *signer)
{
	if (!signer)
		return;
	EVP_PKEY_CTX_free(signer->sign);
	EVP_MD_CTX_free(signer->digest);
	crypto_rest(signer->key->crypto);
	free(signer);
}

/* The two integers of a DER signature, 32 octets each (RFC 6605 section 4). */
static int unpack_der(const uint8_t *der, size_t len, uint8_t signature[SIGNATURE_LEN])
{
	ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)len);
	int error = MIST_ECRYPTO;
	if (numbers && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), signature, 32) == 32 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(numbers), signature + 32, 32) == 32)
		error = MIST_OK;
	ECDSA_SIG_free(numbers);
	return error;
}

static int sign_ecdsa(struct signer *signer, const void *octets, size_t len,
                      uint8_t signature[SIGNATURE_LEN])
{
	uint8_t digest[DIGEST_LEN], der[80]; /* at most 72: two INTEGERs of 33 octets, and headers */
	size_t der_len = sizeof(der);
	if (EVP_DigestInit_ex2(signer->digest, signer->key->crypto->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(signer->digest, octets, len) != 1 ||
	    EVP_DigestFinal_ex(signer->digest, digest, NULL) != 1 ||
	    EVP_PKEY_sign(signer->sign, der, &der_len, digest, sizeof(digest)) != 1)
		return MIST_ECRYPTO;
	return unpack_der(der, der_len, signature);
}

static int sign_ed25519(struct signer *signer, const void *octets, size_t len,
                        uint8_t signature[SIGNATURE_LEN])
{
	size_t signature_len = SIGNATURE_LEN;
	if (EVP_DigestSignInit_ex(signer->digest, NULL, NULL, signer->key->crypto->context, NULL,
	                          signer->key->pair.pair, NULL) != 1 ||
	    EVP_DigestSign(signer->digest, signature, &signature_len, octets, len) != 1)
		return MIST_ECRYPTO;
	assert(signature_len == SIGNATURE_LEN);
	return MIST_OK;
}

int signer_sign(struct signer *signer, const void *octets, size_t len,
                uint8_t signature[SIGNATURE_LEN])
{
	return signer->sign ? sign_ecdsa(signer, octets, len, signature)
	                    : sign_ed25519(signer, octets, len, signature);
}
