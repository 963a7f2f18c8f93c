/*
 * The reply to a request that takes longer than a question, or is signed: one message, or the many of a
 * zone transfer. It is worked out piece by piece on a thread that may take its time, from a version of
 * the zone that it holds: what is published meanwhile does not matter to it.
 *
 *   reply.c    who asks (TSIG, access lists), and what is asked
 *   out.c      zone transfers to others (AXFR, IXFR)
 *   update.c   UPDATE messages
 */
#ifndef MIST_TRANSFER_REPLY_H
#define MIST_TRANSFER_REPLY_H

#include "content/edit.h"
#include "core/query.h"
#include "core/type.h"
#include "core/zone.h"

/* What the server around it can do; any thread. */
struct reply_host {
	void *context;
	const struct identity *identity;
	/* What is published now, until it is given back. NULL: too many hold it. */
	const struct view *(*pin)(void *context, int *pin);
	void (*unpin)(void *context, int pin);
	/* Judges an edit and publishes what it makes: edit->error and what else edit.h says. */
	void (*commit)(void *context, struct edit *edit);
	/* A primary of this zone says that it has changed. */
	void (*notified)(void *context, const uint8_t *zone);
	/* Something that those who run the server should know. Strangers can cause it: what comes too often
	 * is left out. */
	void (*tell)(void *context, const char *text);
};

struct reply_options {
	const struct reply_host *host;
	const uint8_t *octets;       /* the request: parsed already once, so it is well formed. Copied */
	size_t len;
	const uint8_t *client;       /* its address, 4 or 16 octets */
	size_t client_len;
	enum transport transport;
	struct zone *zone;           /* whose apex the question names, or NULL. The reference is taken */
};

/* What is said to a NOTIFY. Of a zone that comes from nowhere it is of no use, but who sends one wants to know
 * that it came (RFC 1996 section 3.7); of a secondary zone it is heard from its primaries only, and then
 * `*heard` says so. `key`: that signed it, or NULL. */
unsigned notify_rcode(const struct question *question, const struct zone *zone, const uint8_t *client,
                      size_t client_len, const uint8_t *key, bool *heard);

struct reply;
/* NULL: out of memory. */
struct reply *reply_new(const struct reply_options *options);
void reply_free(struct reply *reply);

/*
 * Writes the next message, at most 65,535 octets. Returns its length, 0 when there is none: then a
 * reply that began cannot be ended, and the connection has to say so. `*more`: another one follows.
 */
size_t reply_next(struct reply *reply, uint8_t *octets, uint32_t now_s, bool *more);

#endif
