/*
 * The keys of those who sign their messages (TSIG, RFC 8945): shared secrets with a name and an
 * algorithm. A keyring is filled once and then immutable, shared by reference count between the views
 * of a content and whoever signs with it: a transfer goes on when the configuration is replaced.
 *
 * HMAC-SHA224, 256, 384 and 512; HMAC-SHA1, which RFC 8945 section 6 does not recommend but wants
 * everybody to have, and some ACME clients take for granted. HMAC-MD5 must not be used.
 */
#ifndef MIST_DNSSEC_KEYRING_H
#define MIST_DNSSEC_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/name.h"
#include "mistcore.h"

struct crypto;

#define TSIG_SECRET_MAX 128  /* the block of SHA-512: a longer secret is hashed first and gains nothing */
#define KEYRING_MAX 256      /* each is looked at, once a signed message */

/* The names of the algorithms that are offered, for messages. */
#define TSIG_ALGORITHMS "hmac-sha256, hmac-sha512, hmac-sha384, hmac-sha224 and hmac-sha1"

struct tsig_key {
	uint8_t name[NAME_MAX], algorithm[NAME_MAX]; /* lower case */
	uint8_t mac_len;
	struct evp_mac_ctx_st *begun; /* has the secret; every MAC is made with a copy of it */
};

struct keyring;

/* An empty one. MIST_ENOMEM. */
int keyring_new(struct keyring **keyring, struct crypto *crypto);
struct keyring *keyring_hold(struct keyring *keyring); /* NULL stays NULL */
void keyring_release(struct keyring *keyring);         /* any thread; NULL is fine */

/*
 * Adds a key. `algorithm` is text, "hmac-sha256", NULL for that. MIST_EINVAL for an algorithm that is
 * not offered, MIST_EKEY for a secret of no octets or too many, MIST_ELIMIT, MIST_ECRYPTO, MIST_ENOMEM.
 */
int keyring_add(struct keyring *keyring, const uint8_t *name, const char *algorithm,
                const uint8_t *secret, size_t secret_len);

/* The key of a name, or NULL; it lives as long as the keyring. */
const struct tsig_key *keyring_find(const struct keyring *keyring, const uint8_t *name);

/* Why an algorithm, as text or as the wire name of a TSIG record, is refused, as a sentence for a
 * person; NULL: it is not. */
const char *keyring_refuses(const char *algorithm);
const char *keyring_refuses_name(const uint8_t *algorithm);
/* Whether there are better ones. */
bool keyring_discourages(const char *algorithm);

#endif
