/*
 * The TSIG record (RFC 8945 section 4.2) as octets: what stands in it, read and written. Whether its
 * MAC is right is the matter of dnssec/tsig.h; this much a server needs that has no key at all, to
 * say so.
 */
#ifndef MIST_CORE_TSIG_H
#define MIST_CORE_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/name.h"
#include "core/wire.h"

/* The field `error` of the record. */
enum tsig_error {
	TSIG_NOERROR = 0,
	TSIG_BADSIG = 16,
	TSIG_BADKEY = 17,
	TSIG_BADTIME = 18,
	TSIG_BADTRUNC = 22,
};

#define TSIG_TIME_LEN 6      /* seconds since 1970 in 48 bits */
#define TSIG_FUDGE_S 300     /* RFC 8945 section 10 */

struct tsig_record {
	uint8_t key[NAME_MAX];       /* lower case, */
	uint8_t algorithm[NAME_MAX]; /* so is this: the canonical form that is signed */
	uint64_t time_s;
	uint16_t fudge_s;
	uint16_t mac_len, id, error, other_len;
	const uint8_t *mac, *other;  /* views into the message, or the writer's own */
};

/* Reads the record at `at`, which ends the message (struct request finds it). False: not well formed. */
bool tsig_read(struct tsig_record *record, const uint8_t *message, size_t len, size_t at);

/* The octets that tsig_write() puts for it. */
size_t tsig_size(const struct tsig_record *record);

/* Appends the record. The message's ARCOUNT is the caller's matter. */
void tsig_write(struct writer *w, const struct tsig_record *record);

static inline void tsig_time_write(uint8_t octets[TSIG_TIME_LEN], uint64_t time_s)
{
	wire_set16(octets, (uint16_t)(time_s >> 32));
	wire_set32(octets + 2, (uint32_t)time_s);
}

#endif
