/*
 * A conversation with a primary: what its SOA is, and a transfer. It blocks, for bounded times, and ends at
 * once when `stop` can be read: it runs on threads that have nothing else to do.
 */
#ifndef MIST_TRANSFER_PRIMARY_H
#define MIST_TRANSFER_PRIMARY_H

#include "core/address.h"
#include "transfer/in.h"

#define PRIMARY_TRIES 3         /* of the SOA over UDP, then over TCP, as when it is refused */
#define PRIMARY_WAIT_MS 1500    /* for each answer */
#define PRIMARY_CONNECT_MS 5000
#define PRIMARY_IDLE_MS 20000   /* within a transfer: a primary may read its zone from a disk first */
#define PRIMARY_TOTAL_MS 900000 /* of a transfer, as for those we send (net/errand.h) */

struct primary {
	struct upstream_address address;
	const struct tsig_key *key;  /* NULL: unsigned */
	const uint8_t *zone;         /* lower case */
	int stop;                    /* a descriptor that ends everything when it can be read */
	uint64_t until_ms;           /* of the monotonic clock: nothing is waited for beyond */
	char why[IN_WHY_MAX];        /* of an error, a sentence */
};

/* The serial. MIST_ETIMEOUT, MIST_ENETWORK, MIST_EMISMATCH, MIST_EREFUSED; MIST_EBUSY: stopped. */
int primary_serial(struct primary *primary, uint32_t *serial);

/* Sends the request of a transfer that was begun and reads it to its end. Errors as above and those of
 * in_message(). */
int primary_transfer(struct primary *primary, struct in *in);

#endif
