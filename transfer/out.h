/*
 * A zone on its way to a secondary (RFC 5936, RFC 1995), message by message.
 */
#ifndef MIST_TRANSFER_OUT_H
#define MIST_TRANSFER_OUT_H

#include "core/message.h"
#include "core/zone_walk.h"

/* Names can be pointed at in the first 16 KiB of a message only (RFC 1035 section 4.1.4); behind them
 * a zone would grow on its way. A larger record makes a larger message. */
#define OUT_FILL 16384

enum out_state { OUT_SOA, OUT_RECORDS, OUT_LAST_SOA, OUT_END };

struct out {
	const struct zone *zone;     /* held by the caller */
	enum out_state state;
	struct zone_walk walk;
	const uint8_t *owner;        /* of `record` */
	struct record record;        /* the next one to go out */
	bool begun;                  /* a message has left */
};

void out_begin(struct out *out, const struct zone *zone);

/* The next message, `limit` octets at most; `reserve` of them stay free for what the caller adds.
 * Returns its length, 0: a record is larger than a message. `*more`: others follow. */
size_t out_next(struct out *out, const struct request *request, uint8_t *octets, size_t limit,
                size_t reserve, bool *more);

#endif
