/*
 * A zone on its way to us, message by message: the whole (AXFR, RFC 5936), what has changed since the version
 * that we have (IXFR, RFC 1995), or the word that there is nothing new. No socket here: octets in, a zone
 * or changes out.
 *
 * Each record is checked; one that does not belong ends the transfer, and with it everything that came.
 */
#ifndef MIST_TRANSFER_IN_H
#define MIST_TRANSFER_IN_H

#include "core/report.h"
#include "core/zone_patch.h"
#include "dnssec/tsig.h"

/* Octets of a transfer: three million names, signed; a stream without an end ends here. */
#define IN_OCTETS_MAX ((uint64_t)1 << 30)
#define IN_WHY_MAX 400

enum in_state {
	IN_BEGIN,      /* the first SOA comes */
	IN_SECOND,     /* the record that says which kind of transfer it is */
	IN_WHOLE,
	IN_REMOVED, IN_ADDED,
	IN_DONE,
};

struct in_options {
	const uint8_t *zone;         /* lower case */
	bool changes;                /* IXFR is asked, from */
	uint32_t serial;             /* this serial */
	bool as_it_comes;            /* signatures are wanted too */
	const struct tsig_key *key;  /* NULL: unsigned */
	const struct mist_reporter *reporter; /* what a zone's own checks say */
};

struct in {
	struct in_options options;
	uint8_t name[NAME_MAX];
	enum in_state state;
	uint16_t id;
	struct tsig tsig;
	uint64_t octets;
	unsigned messages;
	uint8_t *room;               /* of one record's data */
	uint8_t *soa;                /* the first one's data */
	uint16_t soa_len;
	uint32_t soa_ttl;
	uint32_t old_serial;         /* of the difference being read, */
	uint32_t new_serial;         /* and what it leads to */

	/* The result: neither of them, if there is nothing new. */
	uint32_t serial;
	struct zone *whole;          /* filled; in_finish() completes it */
	struct zone_patch changes;
	bool has_changes;
	char why[IN_WHY_MAX];        /* of an error, a sentence */
};

/* MIST_ENOMEM. */
int in_begin(struct in *in, const struct in_options *options);
void in_free(struct in *in);

/* Writes the request; returns its length, 0: it cannot be signed. */
size_t in_request(struct in *in, uint16_t id, uint8_t *octets, size_t size, uint64_t now_s);

/*
 * The next message. MIST_OK: in->state says whether another one follows. Errors: MIST_EMISMATCH (not what
 * was asked for, or not believed), MIST_EREFUSED (an rcode), MIST_ERECORD, MIST_ELIMIT, MIST_ENOMEM.
 */
int in_message(struct in *in, const uint8_t *octets, size_t len, uint64_t now_s);

/* After the last one: completes a zone that is served as it comes. MIST_EZONE, MIST_ENOMEM. */
int in_finish(struct in *in);

#endif
