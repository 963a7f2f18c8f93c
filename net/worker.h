/*
 * A worker: one thread for the whole life of a server, with its engine, its sockets, its connections
 * and its forwarding. Only its owner writes it; counters are read by others.
 */
#ifndef MIST_NET_WORKER_H
#define MIST_NET_WORKER_H

#include "core/query.h"
#include "core/view.h"
#include "forward/cache.h"
#include "mistcore.h"
#include "net/engine.h"
#include "net/errand.h"
#include "net/socket.h"

#define WORKER_STOP_MS 2000  /* what is in flight may take that long at a stop (mist_stop()) */

struct worker_options {
	unsigned index, workers;
	enum mist_steer steer;               /* never AUTO */
	const struct engine_type *engine;
	bool send_plainly, gro, pin;
	const struct listeners *listeners;
	struct publisher *publisher;
	struct cache *cache;
	struct errands *errands;
	const struct identity *identity;
	const struct mist_reporter *reporter; /* of any thread */
	unsigned tcp_clients, tcp_clients_each;
};

struct worker;

/* Starts the thread; returns when it answers, or why it does not. */
int worker_start(struct worker **worker, const struct worker_options *options);
/* Tells it to finish; worker_join() waits for that and frees it. */
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);

/*
 * Has it take a socket (adopted.h), or give it back, between two batches; returns when that is done. From one thread at
 * a time, not a worker's, and not while it stops. worker_take(): MIST_OK or an error of adopted_take().
 */
int worker_take(struct worker *worker, int fd);
void worker_give(struct worker *worker, int fd);

/* Adds its counters to `sum`. Any thread. */
void worker_count(const struct worker *worker, struct mist_counters *sum);

#endif
