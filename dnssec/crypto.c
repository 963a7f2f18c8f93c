/* libcrypto as dnssec/ uses it; see crypto.h. */
#include "dnssec/crypto.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/provider.h>

#include "dnssec/key.h"
#include "mistcore.h"

#define POINT_LEN (1 + PUBLIC_LEN_MAX) /* an uncompressed point: 04, x, y (SEC 1 section 2.3.3) */

int crypto_new(struct crypto **crypto)
{
	struct crypto *c = calloc(1, sizeof(*c));
	if (!c)
		return MIST_ENOMEM;
	c->references = 1;
	c->context = OSSL_LIB_CTX_new();
	if (!c->context)
		goto fail;
	c->provider = OSSL_PROVIDER_load(c->context, "default");
	if (!c->provider)
		goto fail;
	c->sha256 = EVP_MD_fetch(c->context, "SHA256", NULL);
	c->hmac = EVP_MAC_fetch(c->context, "HMAC", NULL);
	if (!c->sha256 || !c->hmac)
		goto fail;
	*crypto = c;
	return MIST_OK;
fail:
	crypto_free(c);
	return MIST_ECRYPTO;
}

struct crypto *crypto_hold(struct crypto *crypto)
{
	crypto->references++;
	return crypto;
}

void crypto_free(struct crypto *crypto)
{
	if (!crypto || --crypto->references)
		return;
	EVP_MAC_free(crypto->hmac);
	EVP_MD_free(crypto->sha256);
	if (crypto->provider)
		OSSL_PROVIDER_unload(crypto->provider);
	OSSL_LIB_CTX_free(crypto->context);
	free(crypto);
}

void crypto_rest(const struct crypto *crypto)
{
	OPENSSL_thread_stop_ex(crypto->context);
}

void crypto_pair_free(struct crypto_pair *pair)
{
	EVP_PKEY_free(pair->pair);
	OPENSSL_cleanse(pair, sizeof(*pair));
}

/* The public point of a P-256 scalar. The scalar must be in [1, order - 1]. */
static int point_of(uint8_t point[POINT_LEN], struct crypto *crypto,
                    const uint8_t scalar[SCALAR_LEN])
{
	int error = MIST_ENOMEM;
	BN_CTX *scratch = BN_CTX_secure_new_ex(crypto->context);
	BIGNUM *d = BN_bin2bn(scalar, SCALAR_LEN, NULL);
	EC_GROUP *group = EC_GROUP_new_by_curve_name_ex(crypto->context, NULL, NID_X9_62_prime256v1);
	EC_POINT *p = group ? EC_POINT_new(group) : NULL;
	if (!scratch || !d || !group || !p)
		goto out;
	error = MIST_ECRYPTO;
	if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(group)) >= 0)
		goto out;
	BN_set_flags(d, BN_FLG_CONSTTIME);
	if (EC_POINT_mul(group, p, d, NULL, NULL, scratch) == 1 &&
	    EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, point, POINT_LEN, scratch) ==
	            POINT_LEN)
		error = MIST_OK;
out:
	EC_POINT_free(p);
	EC_GROUP_free(group);
	BN_clear_free(d);
	BN_CTX_free(scratch);
	return error;
}

static int p256_from(struct crypto_pair *made, struct crypto *crypto)
{
	uint8_t point[POINT_LEN];
	int error = point_of(point, crypto, made->scalar);
	if (error)
		return error;
	memcpy(made->public, point + 1, PUBLIC_LEN_MAX);
	made->public_len = PUBLIC_LEN_MAX;

	error = MIST_ECRYPTO;
	BIGNUM *d = BN_bin2bn(made->scalar, SCALAR_LEN, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *parameters = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(crypto->context, "EC", NULL);
	if (!d || !build || !context ||
	    !OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ||
	    !OSSL_PARAM_BLD_push_BN_pad(build, OSSL_PKEY_PARAM_PRIV_KEY, d, SCALAR_LEN) ||
	    !OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)))
		goto out;
	parameters = OSSL_PARAM_BLD_to_param(build);
	if (parameters && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &made->pair, EVP_PKEY_KEYPAIR, parameters) == 1)
		error = MIST_OK;
out:
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(build);
	BN_clear_free(d);
	return error;
}

static int ed25519_from(struct crypto_pair *made, struct crypto *crypto)
{
	made->pair = EVP_PKEY_new_raw_private_key_ex(crypto->context, "ED25519", NULL, made->scalar,
	                                             SCALAR_LEN);
	made->public_len = sizeof(made->public);
	if (!made->pair ||
	    EVP_PKEY_get_raw_public_key(made->pair, made->public, &made->public_len) != 1)
		return MIST_ECRYPTO;
	return MIST_OK;
}

int crypto_pair_from(struct crypto_pair *made, struct crypto *crypto, int algorithm,
                     const uint8_t scalar[SCALAR_LEN])
{
	memset(made, 0, sizeof(*made));
	memcpy(made->scalar, scalar, SCALAR_LEN);
	int error = algorithm == MIST_ALGORITHM_ED25519 ? ed25519_from(made, crypto)
	                                                : p256_from(made, crypto);
	if (error)
		crypto_pair_free(made);
	crypto_rest(crypto);
	return error;
}

/* The scalar is taken out because it goes to a file; from there on made and loaded keys are
 * alike. */
int crypto_pair_make(struct crypto_pair *made, struct crypto *crypto, int algorithm)
{
	uint8_t scalar[SCALAR_LEN] = { 0 };
	int error = MIST_ECRYPTO;
	EVP_PKEY *fresh;
	if (algorithm == MIST_ALGORITHM_ED25519) {
		size_t len = sizeof(scalar);
		fresh = EVP_PKEY_Q_keygen(crypto->context, NULL, "ED25519");
		if (fresh && EVP_PKEY_get_raw_private_key(fresh, scalar, &len) == 1 && len == SCALAR_LEN)
			error = MIST_OK;
	} else {
		assert(algorithm == MIST_ALGORITHM_ECDSAP256SHA256);
		BIGNUM *d = NULL;
		fresh = EVP_PKEY_Q_keygen(crypto->context, NULL, "EC", "prime256v1");
		if (fresh && EVP_PKEY_get_bn_param(fresh, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1 &&
		    BN_bn2binpad(d, scalar, SCALAR_LEN) == SCALAR_LEN)
			error = MIST_OK;
		BN_clear_free(d);
	}
	EVP_PKEY_free(fresh);
	if (!error)
		error = crypto_pair_from(made, crypto, algorithm, scalar);
	OPENSSL_cleanse(scalar, sizeof(scalar));
	return error;
}

int crypto_sha256(const struct crypto *crypto, const void *octets, size_t len,
                  uint8_t digest[DIGEST_LEN])
{
	unsigned got = 0;
	if (EVP_Digest(octets, len, digest, &got, crypto->sha256, NULL) != 1 || got != DIGEST_LEN)
		return MIST_ECRYPTO;
	return MIST_OK;
}

int base64_encode(char *text, size_t size, const uint8_t *octets, size_t len)
{
	if (len > 3 * (size / 4) || (len + 2) / 3 * 4 + 1 > size)
		return -1;
	return EVP_EncodeBlock((unsigned char *)text, octets, (int)len);
}

int base64_decode(uint8_t *octets, size_t size, const char *text, size_t len)
{
	/* Keys are short: 64 octets are 88 characters. Longer text is no key of ours. */
	char packed[256];
	uint8_t padded[sizeof(packed) / 4 * 3];
	size_t n = 0;
	int padding = 0;
	for (size_t i = 0; i < len; i++) {
		if (strchr(" \t\r\n", text[i]) && text[i])
			continue;
		if (n == sizeof(packed) || (padding && text[i] != '='))
			return -1;
		padding += text[i] == '=';
		packed[n++] = text[i];
	}
	if (n == 0 || n % 4 || padding > 2)
		return -1;
	int got = EVP_DecodeBlock(padded, (const unsigned char *)packed, (int)n) - padding;
	int result = -1;
	if (got >= 0 && (size_t)got <= size) {
		memcpy(octets, padded, (size_t)got);
		result = got;
	}
	OPENSSL_cleanse(packed, sizeof(packed));
	OPENSSL_cleanse(padded, sizeof(padded));
	return result;
}
