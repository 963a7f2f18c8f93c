/*
 * Errands: requests that are no questions (zone transfers, updates) and take their time, off the
 * worker. The worker copies the request and goes on; threads of our own work out the reply, message by
 * message (transfer/reply.h), and put each into the worker's outbox; the worker sends it over its
 * socket, and says when it has left: only then the next one is made. So a client that reads slowly
 * costs one message, and a worker never waits.
 *
 *   worker             errand_new()  errand_collect(), sends   errand_left()    errand_end()
 *                           |              ^                        |               |
 *   errand threads          +--> a message +      <- the next one --+      freed <--+
 */
#ifndef MIST_NET_ERRAND_H
#define MIST_NET_ERRAND_H

#include "core/query.h"
#include "core/view.h"
#include "forward/forward.h"
#include "net/tcp.h"
#include "transfer/reply.h"

#define ERRANDS_MAX 64          /* at once: 16 transfers leave 48 for updates; 4 MiB of requests */
#define ERRAND_TRANSFERS_MAX 16 /* at once: each keeps a version of its zone alive */
#define ERRAND_CLIENT_MAX 24    /* of those 48, by one client: signed rubbish leaves the others as many. Over UDP, where
                                   addresses prove nothing, all clients count as one */
#define ERRAND_TOTAL_MS 900000  /* of a transfer: 300 MB, a million signed names, at 3 Mbit/s */
#define ERRAND_THREADS 8        /* started as they are needed: updates that wait for a commit share the next one */
#define ERRAND_TRANSFERRING 2   /* of them: transfers do not wait, they work, beside the workers */

struct errands;
struct errand {
	struct tcp_stream stream;    /* in its connection while a message waits to be taken; first */
	struct errands *errands;
	struct errand *next;         /* in a queue or an outbox, */
	struct errand *previous_live, *next_live; /* and among all */
	unsigned worker;
	enum transport transport;
	bool transfer, ended;
	uint8_t address_len, address[16];
	struct client client;
	struct reply *reply;
	uint64_t begun_ms;
	uint8_t *message;            /* the one to send; NULL between messages */
	size_t len;                  /* 0: the reply cannot be finished, and the connection shall say so */
	bool more;
};

/* `wake` has an eventfd for each worker. MIST_OK or MIST_ENOMEM. */
int errands_new(struct errands **errands, const struct reply_host *host);
/* Tells whom to wake for a worker's outbox; before its first errand. */
void errands_wake(struct errands *errands, unsigned worker, int wake_fd);
/* What runs is finished, nothing new is begun, and what waits is cut. Then the workers stop; then: */
void errands_stop(struct errands *errands);
void errands_free(struct errands *errands);

/* ---- from workers ---- */

/* Takes a request on; `zone` gets a reference of its own. False: too many, or no memory. */
bool errand_new(struct errands *errands, unsigned worker, const struct query *query,
                const struct client *client, const struct zone *zone);
/* A primary of a zone says that it has changed. */
void errands_notified(struct errands *errands, const uint8_t *zone);
/* What is to be sent, the first first, linked by `next`. */
struct errand *errand_collect(struct errands *errands, unsigned worker);
/* Its message has left; the next one may come. */
void errand_left(struct errand *errand);
/* It is over, whatever came of it. It must not be looked at any more. */
void errand_end(struct errand *errand);

#endif
