#include "dnssec/keyring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/core_names.h>

#include "dnssec/crypto.h"
#include "dnssec/key.h"

struct algorithm {
	const char *text;
	const char *digest;          /* libcrypto's name; NULL: not offered, */
	const char *refused;         /* and why */
	uint8_t mac_len;
	bool weak;
};

#define MD5_REFUSED "HMAC-MD5 is broken and must not be used (RFC 8945 section 6)"

static const struct algorithm algorithms[] = {
	{ "hmac-sha256", "SHA256", NULL, 32, false },
	{ "hmac-sha512", "SHA512", NULL, 64, false },
	{ "hmac-sha384", "SHA384", NULL, 48, false },
	{ "hmac-sha224", "SHA224", NULL, 28, false },
	{ "hmac-sha1", "SHA1", NULL, 20, true },
	{ "hmac-md5", NULL, MD5_REFUSED, 0, true },
	{ "hmac-md5.sig-alg.reg.int", NULL, MD5_REFUSED, 0, true },
	{ NULL, NULL, "it is not known", 0, false },
};

struct keyring {
	_Atomic(unsigned) references;
	struct crypto *crypto;       /* one reference: the keys' contexts live in it */
	struct tsig_key *keys;
	size_t count;
};

static const struct algorithm *algorithm_of(const char *text)
{
	const struct algorithm *algorithm = algorithms;
	const size_t len = strlen(text) - (*text && text[strlen(text) - 1] == '.');
	while (algorithm->text && (strlen(algorithm->text) != len ||
	                           strncasecmp(algorithm->text, text, len) != 0))
		algorithm++;
	return algorithm;
}

const char *keyring_refuses(const char *algorithm)
{
	return algorithm_of(algorithm)->refused;
}

bool keyring_discourages(const char *algorithm)
{
	return algorithm_of(algorithm)->weak;
}

const char *keyring_refuses_name(const uint8_t *algorithm)
{
	char text[NAME_TEXT_MAX];
	name_to_text(text, algorithm);
	return keyring_refuses(text);
}

int keyring_new(struct keyring **keyring, struct crypto *crypto)
{
	struct keyring *made = calloc(1, sizeof(*made));
	if (!made)
		return MIST_ENOMEM;
	atomic_init(&made->references, 1);
	made->crypto = crypto_hold(crypto);
	*keyring = made;
	return MIST_OK;
}

struct keyring *keyring_hold(struct keyring *keyring)
{
	if (keyring)
		atomic_fetch_add_explicit(&keyring->references, 1, memory_order_relaxed);
	return keyring;
}

void keyring_release(struct keyring *keyring)
{
	if (!keyring || atomic_fetch_sub(&keyring->references, 1) != 1)
		return;
	for (size_t i = 0; i < keyring->count; i++)
		EVP_MAC_CTX_free(keyring->keys[i].begun);
	free(keyring->keys);
	crypto_free(keyring->crypto);
	free(keyring);
}

int keyring_add(struct keyring *keyring, const uint8_t *name, const char *algorithm,
                const uint8_t *secret, size_t secret_len)
{
	const struct algorithm *offered = algorithm_of(algorithm ? algorithm : "hmac-sha256");
	if (!offered->digest)
		return MIST_EINVAL;
	if (secret_len == 0 || secret_len > TSIG_SECRET_MAX)
		return MIST_EKEY;
	if (keyring->count == KEYRING_MAX)
		return MIST_ELIMIT;
	struct tsig_key *keys = realloc(keyring->keys, (keyring->count + 1) * sizeof(*keys));
	if (!keys)
		return MIST_ENOMEM;
	keyring->keys = keys;
	struct tsig_key *key = &keys[keyring->count];
	*key = (struct tsig_key){ .mac_len = offered->mac_len };
	name_lower(key->name, name);
	name_from_text(key->algorithm, offered->text);
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)offered->digest, 0),
		OSSL_PARAM_construct_end(),
	};
	key->begun = EVP_MAC_CTX_new(keyring->crypto->hmac);
	if (!key->begun || EVP_MAC_init(key->begun, secret, secret_len, parameters) != 1) {
		EVP_MAC_CTX_free(key->begun);
		return MIST_ECRYPTO;
	}
	keyring->count++;
	return MIST_OK;
}

const struct tsig_key *keyring_find(const struct keyring *keyring, const uint8_t *name)
{
	for (size_t i = 0; keyring && i < keyring->count; i++) {
		if (name_equal(keyring->keys[i].name, name))
			return &keyring->keys[i];
	}
	return NULL;
}
