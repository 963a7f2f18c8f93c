/*
 * Transaction signatures (RFC 8945): HMACs with shared secrets, over whole messages. A struct tsig is
 * one exchange: it checks the request, keeps its MAC, and signs what is answered, one message or the
 * many of a transfer; or, on the asking side, the other way round.
 *
 * MACs that were cut short are refused: nobody sends them but those who guess.
 */
#ifndef MIST_DNSSEC_TSIG_H
#define MIST_DNSSEC_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tsig.h"
#include "dnssec/keyring.h"

#define TSIG_MAC_MAX 64      /* HMAC-SHA512 */

/* One exchange. Zeroed before its first message. */
struct tsig {
	const struct tsig_key *key;  /* whose request it is; NULL: nobody's. Of the keyring, which has to be
	                                held as long as the exchange */
	const struct tsig_key *signer; /* that signs what goes out: also where the request was refused */
	bool present;                /* the request has a TSIG record, and it is this one: */
	struct tsig_record record;   /* after tsig_check(); its views are gone with the message */
	uint16_t error;              /* enum tsig_error, for the reply */
	bool stream;                 /* a reply was signed or checked: the next one continues it */
	uint16_t mac_len;
	uint8_t mac[TSIG_MAC_MAX];   /* of the message before, which the next one signs as well */
	struct evp_mac_ctx_st *open; /* replies that were not signed, and what stands before them; or NULL */
	unsigned unsigned_count;     /* of them */
};

/* Of a stream, replies between two signed ones (RFC 8945 section 5.3.1). */
#define TSIG_UNSIGNED_MAX 99

/*
 * Checks the request whose TSIG record is at `at`. Returns the rcode: NOERROR, and tsig->key is whose request it is; NOTAUTH, and tsig->error
 * says why; FORMERR; SERVFAIL when libcrypto failed. tsig_sign() then makes the reply what RFC 8945
 * section 5.3.2 wants, whatever it was.
 */
unsigned tsig_check(struct tsig *tsig, const struct keyring *keyring, const uint8_t *message,
                    size_t len, size_t at, uint64_t now_s);

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
/* and this for each reply, in order; `at`: its TSIG record, 0 if none. */
bool tsig_check_reply(struct tsig *tsig, const uint8_t *message, size_t len, size_t at,
                      uint64_t now_s);
/* Of a stream, after its first reply: one without a TSIG record, which the next signed one covers. Nothing of
 * it may be believed before. False: too many of them. */
bool tsig_pass_reply(struct tsig *tsig, const uint8_t *message, size_t len);
/* An asking side that may have passed replies ends with this. */
void tsig_end(struct tsig *tsig);

#endif
