/*
 * A zone on its way to a secondary, message by message: the whole (AXFR, RFC 5936), what has changed since a
 * version (IXFR, RFC 1995), or only its SOA, which says that there is no news, or too much for a datagram.
 */
#ifndef MIST_TRANSFER_OUT_H
#define MIST_TRANSFER_OUT_H

#include "core/history.h"
#include "core/message.h"
#include "core/zone_walk.h"

/* Names can be pointed at in the first 16 KiB of a message only (RFC 1035 section 4.1.4); behind them
 * a zone would grow on its way. A larger record makes a larger message. */
#define OUT_FILL 16384

enum out_form { OUT_WHOLE, OUT_CHANGES, OUT_SOA };

struct out {
	const struct zone *zone;     /* held by the caller */
	enum out_form form;
	struct zone_walk walk;       /* OUT_WHOLE */
	struct history_changes changes; /* OUT_CHANGES */
	size_t at;                   /* in them */
	bool last, over;             /* the SOA at the end comes now, or has gone */
	const uint8_t *owner;        /* of `record` */
	struct record record;        /* the next one to go out */
	bool begun;                  /* a message has left */
};

/* The changes become its own. */
void out_begin(struct out *out, const struct zone *zone, enum out_form form,
               const struct history_changes *changes);
void out_free(struct out *out); /* also one that was never begun, all zero */

/* The next message, `limit` octets at most; `reserve` of them stay free for what the caller adds.
 * Returns its length, 0: a record is larger than a message. `*more`: others follow. */
size_t out_next(struct out *out, const struct request *request, uint8_t *octets, size_t limit,
                size_t reserve, bool *more);

/* The serial that an IXFR request has. False: it has none. */
bool out_client_serial(const struct request *request, uint32_t *serial);

#endif
