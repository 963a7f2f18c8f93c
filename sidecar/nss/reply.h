/*
 * What a reply says about the name that was asked for: the chain of aliases to its end, and the records there.
 */
#ifndef MIST_SIDECAR_NSS_REPLY_H
#define MIST_SIDECAR_NSS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/name.h"
#include "sidecar/nss/ask.h"

enum answered {
	ANSWER_FOUND,                /* there are records of the type */
	ANSWER_NO_DATA,              /* the name has none */
	ANSWER_NO_NAME,              /* there is no such name, or the server does not answer for it (REFUSED) */
	ANSWER_FAILED,               /* the server could not find out, or its reply makes no sense */
};

struct reply {
	const uint8_t *message;
	size_t len;
	uint16_t type;
	size_t first;                /* where the answer section begins */
	unsigned records;            /* in it */
	uint32_t ttl;                /* the smallest of the chain and the records, in seconds */
	uint8_t name[NAME_MAX];      /* at the end of the chain, its case as sent */
};

/* Of an ask that has a reply, which is pointed into. */
enum answered reply_read(struct reply *reply, const struct ask *ask);

/* The data of the next record, and its length. NULL: there are no more. Names in it may be compressed. */
struct reply_place {             /* zeros at first */
	size_t at;
	unsigned seen;
};
const uint8_t *reply_next(const struct reply *reply, struct reply_place *place, size_t *len);

/* A name as text, without the final dot. False: it is no host's (RFC 952, RFC 1123 section 2.1, and `_`): what
 * programs put into shells and logs is none of a server's free choice. */
bool reply_host(char text[NAME_MAX + 1], const uint8_t *name);

#endif
