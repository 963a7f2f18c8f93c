/*
 * Records of messages, unpacked: their names written out, as zones and mistcore.h have them. Only what
 * cannot be read at all is refused here; whether RDATA fits its type is for type_check().
 */
#ifndef MIST_CORE_UNPACK_H
#define MIST_CORE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/name.h"
#include "core/wire.h"

/* What a record's RDATA may unpack to; a limit that no sensible one comes near. */
#define UNPACK_RDATA_MAX 65535

/*
 * Appends RDATA that stands at `at` of a message, names written out. Types whose names must not be
 * compressed (RFC 3597 section 4) are read as if they might be: some do it. False: a name is
 * malformed, or ends behind the RDATA; whether all fitted, the writer says.
 */
bool unpack_rdata(struct writer *w, uint16_t type, const uint8_t *message, size_t len, size_t at,
                  size_t rdata_len);

struct unpacked {
	uint8_t owner[NAME_MAX];     /* lower case */
	uint16_t type, class;
	uint32_t ttl;
	uint16_t packed_len;         /* RDLENGTH as it stood there */
	uint16_t rdata_len;
	const uint8_t *rdata;        /* in the room */
};

/* Reads the record at the cursor, which moves past it, and unpacks it into `room` of UNPACK_RDATA_MAX
 * octets. False: malformed. */
bool unpack_record(struct unpacked *record, struct reader *r, uint8_t *room);

#endif
