/*
 * Transaction signatures (RFC 8945): HMACs with shared secrets, over whole messages. A struct tsig is
 * one exchange: it checks the request, keeps its MAC, and signs what is answered, one message or the
 * many of a transfer; or, on the asking side, the other way round.
 *
 * HMAC-SHA224, 256, 384 and 512. HMAC-MD5 is broken and must not be used (RFC 8945 section 6); HMAC-SHA1
 * is not recommended there and nobody needs it. MACs that were cut short are refused: nobody sends them
 * but those who guess.
 */
#ifndef MIST_DNSSEC_TSIG_H
#define MIST_DNSSEC_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tsig.h"
#include "mistcore.h"

struct crypto;

#define TSIG_MAC_MAX 64      /* HMAC-SHA512 */
#define TSIG_SECRET_MAX 128  /* the block of SHA-512: a longer secret is hashed first and gains nothing */

/* A key: immutable, shared by reference count, of use to any thread. It outlives what it was made for
 * as long as somebody holds it: a transfer goes on when the configuration is replaced. */
struct tsig_key;

/*
 * Makes a key. `algorithm` is text, "hmac-sha256", NULL for that. MIST_EINVAL for an algorithm that is
 * not offered, MIST_EKEY for a secret of no octets or too many, MIST_ECRYPTO, MIST_ENOMEM.
 */
int tsig_key_new(struct tsig_key **key, struct crypto *crypto, const uint8_t *name,
                 const char *algorithm, const uint8_t *secret, size_t secret_len);
const struct tsig_key *tsig_key_hold(const struct tsig_key *key);
void tsig_key_release(const struct tsig_key *key); /* NULL is fine */
const uint8_t *tsig_key_name(const struct tsig_key *key); /* lower case */

/* Why an algorithm (text) is refused, as a sentence for a person; NULL: it is not. */
const char *tsig_algorithm_refused(const char *algorithm);

/* The names of the algorithms that are offered, for messages. */
#define TSIG_ALGORITHMS "hmac-sha224, hmac-sha256, hmac-sha384 and hmac-sha512"

/* One exchange. Zeroed before its first message. */
struct tsig {
	const struct tsig_key *key;  /* whose request it is; NULL: nobody's. Not counted: whoever gave it
	                                holds it as long as the exchange */
	const struct tsig_key *signer; /* that signs what goes out: also where the request was refused */
	bool present;                /* the request has a TSIG record, and it is this one: */
	struct tsig_record record;   /* after tsig_check(); its views are gone with the message */
	uint16_t error;              /* enum tsig_error, for the reply */
	bool stream;                 /* a reply was signed or checked: the next one continues it */
	uint16_t mac_len;
	uint8_t mac[TSIG_MAC_MAX];   /* of the message before, which the next one signs as well */
};

/*
 * Checks the request whose TSIG record is at `at`. `find` gives the key of a name (lower case), or
 * NULL. Returns the rcode: NOERROR, and tsig->key is whose request it is; NOTAUTH, and tsig->error
 * says why; FORMERR; SERVFAIL when libcrypto failed. tsig_sign() then makes the reply what RFC 8945
 * section 5.3.2 wants, whatever it was.
 */
typedef const struct tsig_key *tsig_find_fn(void *user, const uint8_t *name);
unsigned tsig_check(struct tsig *tsig, const uint8_t *message, size_t len, size_t at, uint64_t now_s,
                    tsig_find_fn *find, void *user);

/* Octets that tsig_sign() will add: room to leave in the reply. */
size_t tsig_room(const struct tsig *tsig);

/*
 * Appends the TSIG record to a finished message of `len` octets in a buffer of `size`: replies, after
 * tsig_check(), one call a message, in order; or a request, after tsig_ask(). Nothing is done where the
 * request had no TSIG, or a malformed one. Returns the new length; 0: no room, or libcrypto failed, and
 * then the message must not be sent.
 */
size_t tsig_sign(struct tsig *tsig, uint8_t *message, size_t len, size_t size, uint64_t now_s);

/* The asking side: the exchange will be signed with `key`; then tsig_sign() for the request, */
void tsig_ask(struct tsig *tsig, const struct tsig_key *key);
/* and this for each reply, in order, every one of them signed; `at`: its TSIG record, 0 if none. */
bool tsig_check_reply(struct tsig *tsig, const uint8_t *message, size_t len, size_t at,
                      uint64_t now_s);

#endif
