/*
 * Keys in the files that dnssec-keygen and ldns-keygen write and read: K<zone>+<alg>+<tag>.key with
 * the DNSKEY record, and .private ("Private-key-format: v1.3") with mode 0600. One combined signing
 * key per zone, flags 257 (docs/ARCHITECTURE.md, Signed zones).
 */
#ifndef MIST_DNSSEC_KEY_H
#define MIST_DNSSEC_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/name.h"
#include "core/rrset.h"
#include "mistcore.h"

struct crypto;   /* an OpenSSL library context of our own; one per content and server */
int crypto_new(struct crypto **crypto);
struct crypto *crypto_hold(struct crypto *crypto); /* one more user, */
void crypto_free(struct crypto *crypto);           /* and one less: gone with the last. NULL is fine */

/* ECDSA P-256 (RFC 6605 section 4) and Ed25519 (RFC 8080 section 4) alike. */
#define SIGNATURE_LEN 64
#define DNSKEY_LEN_MAX (4 + 64)
#define KEY_FLAGS 257 /* zone key and SEP: one key does both works (RFC 4034 section 2.1.1) */

struct key;

/* Makes a key in memory. */
int key_generate(struct key **key, struct crypto *crypto, const uint8_t *zone,
                 enum mist_algorithm algorithm);
/*
 * Finds the zone's key in a directory and loads it; MIST_ENOTFOUND when there is none, or no such
 * directory; MIST_EKEY, with a message that names the file, when one is there but broken, does not
 * fit its .key file or the zone, or is readable by others, and when there is more than one. A
 * missing .key file is no error (a crash between the two files leaves that): the private one has
 * it all.
 */
int key_load(struct key **key, struct crypto *crypto, const uint8_t *zone, const char *directory,
             const struct mist_reporter *reporter);
/* Writes both files, the private one first and 0600, each synced under another name and then
 * renamed, so that a crash leaves no half file, and no file is ever overwritten. MIST_EFILE,
 * MIST_EKEY, reported. */
int key_save(const struct key *key, const char *directory, const struct mist_reporter *reporter);
/* Takes the key of a zone that is gone for good out of a directory. `key`: the one that the zone has; NULL, or no such file:
 * the directory is walked, and every key of the zone goes. */
void key_remove(const uint8_t *zone, const struct key *key, const char *directory);
/*
 * Between looking for a key and saving a new one no other process may do the same: two servers that
 * start at once would make two keys. Locks the directory; the result is closed with close(). -1:
 * not within five seconds (errno EWOULDBLOCK), or the directory cannot be opened.
 */
int key_lock(const char *directory);

/* A zone's name as it stands in names of files: lower case, final dot, octets other than letters,
 * digits, '-' and '_' as %XX. Returns strlen. */
#define KEY_ZONE_TEXT_MAX (3 * NAME_MAX + 1)
size_t key_zone_text(char to[KEY_ZONE_TEXT_MAX], const uint8_t *zone);

void key_free(struct key *key); /* NULL is fine */

uint16_t key_tag(const struct key *key);            /* RFC 4034 appendix B */
enum mist_algorithm key_algorithm(const struct key *key);
size_t key_dnskey(const struct key *key, uint8_t rdata[DNSKEY_LEN_MAX]);
/* SHA-256 (RFC 4509); 0: libcrypto failed. */
size_t key_ds(const struct key *key, uint8_t rdata[36]);

/* The same for DNSKEY RDATA of any key. */
uint16_t dnskey_tag(const uint8_t *rdata, size_t len);
size_t dnskey_ds(const struct crypto *crypto, const uint8_t *zone, const uint8_t *dnskey,
                 size_t len, uint8_t rdata[36]);

/* A signer is a key with the working memory of one thread. */
struct signer;
int signer_new(struct signer **signer, const struct key *key);
void signer_free(struct signer *signer);
int signer_sign(struct signer *signer, const void *octets, size_t len,
                uint8_t signature[SIGNATURE_LEN]);

#endif
