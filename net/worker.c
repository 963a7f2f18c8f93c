/*
 * See worker.h. process() holds the only switch on the verdict of a query; around it stand the two
 * ways a request comes in (datagram, TCP) and the three a reply goes out (in place, later, not at all).
 */
#include "net/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/ahead.h"
#include "core/report.h"
#include "core/type.h"
#include "forward/forward.h"
#include "net/adopted.h"
#include "net/background.h"
#include "net/home.h"
#include "net/tcp.h"

struct counters {
	_Atomic(uint64_t) udp_queries, tcp_queries, udp_replies, tcp_replies, dropped, truncated;
	_Atomic(uint64_t) rcode[16];
	_Atomic(uint64_t) local, denied, special, failed, forwarded;
};

/* What another thread has a worker do with a socket; one thing at a time. */
enum order_kind { ORDER_NONE, ORDER_TAKE, ORDER_GIVE };
struct order {
	pthread_mutex_t lock;
	pthread_cond_t done;
	enum order_kind what;
	int fd, error;
};

struct worker {
	struct worker_options options;
	pthread_t thread;
	struct engine *engine;
	struct forward *forward;
	struct tcp *tcp;
	struct adopted *adopted;
	struct udp_socket sockets[UDP_SOCKETS_MAX];
	int tcp_listeners[UDP_SOCKETS_MAX];
	int wake;                        /* an eventfd: worker_stop(), errands and orders write */
	struct order order;
	_Atomic(bool) stop;
	const struct view *view;         /* of the running batch */
	struct ahead ahead;              /* what is read ahead of it */
	bool parked;
	uint64_t now_ms;
	uint32_t now_s;
	uint64_t starved_ms;             /* when that was last reported; 0: never */
	struct home home;
	unsigned questions;              /* since the last wait */
	struct query query;              /* with its memo */
	struct counters counters;
	struct tcp_counters tcp_counters;
	struct forward_counters forward_counters;
	/* The start: the thread says how it went. */
	pthread_mutex_t lock;
	pthread_cond_t begun;
	bool ready;
	int error, why;                  /* why: errno */
};

static void count(_Atomic(uint64_t) *counter)
{
	/* One writer: a load and a store are enough, and a locked instruction is not. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
}

/* ---- clients: where a reply goes that has to wait ---- */

struct origin {
	const struct udp_peer *udp;      /* or */
	const struct tcp_id *tcp;
};

static_assert(sizeof(struct udp_peer) <= sizeof(struct client), "a client holds a UDP peer");
static_assert(sizeof(struct tcp_id) <= sizeof(struct client), "a client holds a TCP id");

static struct client client_encode(const struct origin *origin)
{
	struct client client = { { 0 } };

	if (origin->udp)
		memcpy(client.octets, origin->udp, sizeof *origin->udp);
	else
		memcpy(client.octets, origin->tcp, sizeof *origin->tcp);
	return client;
}

/* ---- replies ---- */

static void count_reply(struct worker *worker, enum transport transport, const uint8_t *response)
{
	struct counters *counters = &worker->counters;
	unsigned flags = wire_get16(response + 2);

	count(transport == TRANSPORT_UDP ? &counters->udp_replies : &counters->tcp_replies);
	count(&counters->rcode[flags & 15]);
	if (flags & FLAG_TC)
		count(&counters->truncated);
}

/* forward_options.reply: an answer that had to wait. */
static void reply_later(void *context, const struct client *client, enum transport transport,
                        const uint8_t *response, size_t len)
{
	struct worker *worker = context;

	count_reply(worker, transport, response);
	if (transport == TRANSPORT_UDP) {
		struct udp_peer peer;
		memcpy(&peer, client->octets, sizeof peer);
		if (peer.adopted)
			adopted_send(worker->adopted, &peer, response, len);
		else
			udp_send(worker->sockets[peer.socket].fd, &peer, response, len);
	} else {
		struct tcp_id id;
		memcpy(&id, client->octets, sizeof id);
		tcp_reply(worker->tcp, &id, response, len);
	}
}

static void forget(void *context, const struct client *client, enum transport transport)
{
	struct worker *worker = context;

	count(&worker->counters.dropped);
	if (transport != TRANSPORT_UDP) {
		struct tcp_id id;
		memcpy(&id, client->octets, sizeof id);
		tcp_forget(worker->tcp, &id);
	}
}

/* ---- queries ---- */

/* The zone whose apex a request names. */
static const struct zone *zone_asked(const struct worker *worker, const struct question *question,
                                     const struct name_key *key)
{
	struct route route;

	route_find(worker->view->routes, key, TYPE_SOA, &route);
	const struct zone *zone = route.kind == ROUTE_LOCAL ? route.zone : NULL;
	return zone && zone->name_len == question->len && !memcmp(zone->name, question->name, question->len)
		? zone : NULL;
}

static enum verdict take_notify(struct worker *worker, struct query *query, const struct zone *zone)
{
	bool heard;
	const unsigned rcode = notify_rcode(&query->request.question, zone, query->client, query->client_len, NULL,
	                                    &heard);
	if (heard)
		errands_notified(worker->options.errands, zone->name);
	return query_fail(query, rcode, EDE_NONE, NULL);
}

/* What is refused at once, so that strangers cannot fill the queue. Who signs is judged by the key. */
static enum verdict refuse(struct worker *worker, struct query *query, const struct zone *zone)
{
	const struct access *access = zone ? zone->access : NULL;

	if (query->request.tsig_at)
		return QUERY_HANDOFF;
	if (query->request.opcode == OPCODE_NOTIFY)
		return take_notify(worker, query, zone);
	if (query->request.opcode == OPCODE_UPDATE && (!zone || (access && access->primary_count)))
		return query_fail(query, RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE,
		                  zone ? "updates go to the primary of the zone" : "no such zone here");
	if (query->request.opcode == OPCODE_UPDATE)
		return access && access_allows(&access->update, query->client, query->client_len, NULL)
			? QUERY_HANDOFF
			: query_fail(query, RCODE_REFUSED, EDE_PROHIBITED, "updates are not allowed");
	if (!access || !access_allows(&access->transfer, query->client, query->client_len, NULL))
		return query_fail(query, RCODE_REFUSED, EDE_PROHIBITED, "transfers are not allowed");
	return QUERY_HANDOFF;
}

/*
 * Transfers need time, keys and histories, which are no matter of one packet: this is where they leave
 * the packet's path. QUERY_HANDOFF: an errand was begun, the reply comes later.
 */
static enum verdict handoff(struct worker *worker, struct query *query, const struct origin *origin)
{
	const struct client client = client_encode(origin);
	const struct zone *zone = zone_asked(worker, &query->request.question, &query->request.key);
	enum verdict verdict = refuse(worker, query, zone);

	if (verdict == QUERY_HANDOFF &&
	    !errand_new(worker->options.errands, worker->options.index, query, &client, zone))
		verdict = query_fail(query, RCODE_SERVFAIL, EDE_OTHER, "too many transfers, try again");
	return verdict;
}

static void count_route(struct worker *worker, const struct query *query)
{
	struct counters *counters = &worker->counters;

	switch (query->first) {
	case ROUTE_LOCAL:
		if (query->lead.route.zone) /* else it never came to routing */
			count(query->lead.route.kind == ROUTE_LOCAL && query->lead.route.zone->failed ? &counters->failed
			                                                                    : &counters->local);
		break;
	case ROUTE_FORWARD:
		count(&counters->forwarded);
		break;
	case ROUTE_DENY:
		count(&counters->denied);
		break;
	case ROUTE_SPECIAL:
		count(&counters->special);
		break;
	}
}

enum outcome { OUTCOME_NONE, OUTCOME_REPLY, OUTCOME_LATER };

/* From request to outcome: the only switch on the verdict. */
static enum outcome process(struct worker *worker, struct query *query, const struct origin *origin)
{
	query->now_s = worker->now_s;
	query->identity = worker->options.identity;
	query->lead.route = (struct route){ .kind = ROUTE_LOCAL };
	query->first = ROUTE_LOCAL;

	enum verdict verdict = query_process(query, worker->view);
	count_route(worker, query);
	for (;;) {
		switch (verdict) {
		case QUERY_DROP:
			count(&worker->counters.dropped);
			return OUTCOME_NONE;
		case QUERY_REPLY:
			count_reply(worker, query->transport, query->response);
			return OUTCOME_REPLY;
		case QUERY_HANDOFF:
			verdict = handoff(worker, query, origin);
			if (verdict == QUERY_HANDOFF)
				return OUTCOME_LATER;
			break;
		case QUERY_FORWARD: {
			const struct client client = client_encode(origin);
			enum forwarded forwarded = forward_query(worker->forward, query, &client);
			if (forwarded == FORWARD_WAIT)
				return OUTCOME_LATER;
			verdict = query_resume(query, worker->view, forwarded == FORWARD_MORE);
			break;
		}
		}
	}
}

static void set_client(struct query *query, const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->sa_family == AF_INET)
		memcpy(query->client, &v4->sin_addr, query->client_len = 4);
	else
		memcpy(query->client, &v6->sin6_addr, query->client_len = 16);
}

static size_t answer(struct worker *worker, const struct udp_peer *peer, const uint8_t *octets, size_t len,
                     const struct glimpse *glimpse, uint8_t *reply)
{
	struct query *query = &worker->query;
	const struct origin origin = { .udp = peer };

	count(&worker->counters.udp_queries);
	query->octets = octets;
	query->len = len;
	query->response = reply;
	query->response_size = UDP_REPLY_MAX;
	query->transport = TRANSPORT_UDP;
	query->glimpse = glimpse;
	set_client(query, &peer->address.any);
	return process(worker, query, &origin) == OUTCOME_REPLY ? query->response_len : 0;
}

/* engine_handler.datagram */
static size_t datagram(void *context, const struct udp_peer *peer, const uint8_t *octets, size_t len,
                       uint8_t *reply)
{
	struct worker *worker = context;

	worker->questions++;
	return answer(worker, peer, octets, len, ahead_glimpse(&worker->ahead, octets), reply);
}

/* adopted_options.datagram. Nobody steers these, so they are no reason to stay on a CPU. */
static size_t adopted_datagram(void *context, const struct udp_peer *peer, const uint8_t *octets, size_t len,
                               uint8_t *reply)
{
	struct worker *worker = context;

	worker->questions += 2;
	return answer(worker, peer, octets, len, NULL, reply);
}

/* tcp_options.request */
static enum tcp_answer request(void *context, const struct tcp_id *id, const union socket_address *peer,
                               const uint8_t *octets, size_t len, uint8_t *reply, size_t *reply_len)
{
	struct worker *worker = context;
	struct query *query = &worker->query;
	const struct origin origin = { .tcp = id };

	count(&worker->counters.tcp_queries);
	worker->questions += 2; /* no reason to stay: a connection keeps its worker, wherever its client goes */
	query->octets = octets;
	query->len = len;
	query->response = reply;
	query->response_size = MESSAGE_MAX;
	query->transport = TRANSPORT_TCP;
	query->glimpse = NULL;
	set_client(query, &peer->any);
	enum outcome outcome = process(worker, query, &origin);
	if (outcome == OUTCOME_REPLY)
		*reply_len = query->response_len;
	return outcome == OUTCOME_REPLY ? TCP_REPLY : outcome == OUTCOME_LATER ? TCP_LATER : TCP_SILENCE;
}

/* tcp_options.starved. Said once a minute: it would happen five times a second. */
static void starved(void *context, int why)
{
	struct worker *worker = context;

	if (worker->starved_ms && worker->now_ms - worker->starved_ms < 60000)
		return;
	worker->starved_ms = worker->now_ms;
	report(worker->options.reporter, MIST_LEVEL_WARNING, NULL, 0,
	       "TCP connections cannot be accepted for now: %s", strerrordesc_np(why));
}

/* ---- batches ---- */

static void look_at_clocks(struct worker *worker)
{
	struct timespec time;

	/* The coarse clocks: a page read, right to 4 ms. */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	worker->now_ms = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
	clock_gettime(CLOCK_REALTIME_COARSE, &time);
	worker->now_s = (uint32_t)time.tv_sec;
}

static void park(void *context)
{
	struct worker *worker = context;

	worker_park(worker->options.publisher, worker->options.index);
	worker->view = NULL;
	worker->parked = true;
	if (worker->questions)
		home_round(&worker->home, worker->questions);
	worker->questions = 0;
}

static bool batch(void *context)
{
	struct worker *worker = context;

	worker->view = worker->parked ? worker_unpark(worker->options.publisher, worker->options.index)
	                              : worker_next(worker->options.publisher, worker->options.index);
	worker->parked = false;
	look_at_clocks(worker);
	ahead_begin(&worker->ahead, worker->query.memo, worker->view);
	return true;
}

/* ahead_elsewhere */
static void read_index(void *cache, uint64_t hash) { cache_ahead_index(cache, hash); }
static void read_answer(void *cache, uint64_t hash) { cache_ahead_answer(cache, hash); }

static void ahead(void *context, const uint8_t *octets, size_t len)
{
	ahead_tell(&((struct worker *)context)->ahead, octets, len);
}

static const struct view *view_of(void *context) { return ((struct worker *)context)->view; }
static uint32_t now_s_of(void *context) { return ((struct worker *)context)->now_s; }
static uint64_t now_ms_of(void *context) { return ((struct worker *)context)->now_ms; }

/* ---- the loop ---- */

static int loop_watch(void *context, int fd, unsigned bits, watch_ready *ready, void *argument)
{
	struct worker *worker = context;

	return worker->engine->type->watch(worker->engine, fd, bits, ready, argument);
}

/* tcp_options.drained */
static void drained(void *context, struct tcp_stream *stream, bool open)
{
	struct errand *errand = (struct errand *)stream;

	(void)context;
	if (open)
		errand_left(errand);
	else
		errand_end(errand);
}

/* Over TCP, when more messages follow or none can. True: the errand is over. */
static bool deliver_part(struct worker *worker, struct errand *errand)
{
	struct tcp_id id;

	memcpy(&id, errand->client.octets, sizeof id);
	if (!errand->len) {
		tcp_cut(worker->tcp, &id);
		return true;
	}
	enum tcp_sent sent = tcp_more(worker->tcp, &id, errand->message, errand->len, &errand->stream);
	if (sent == TCP_LEFT)
		errand_left(errand);
	return sent == TCP_GONE; /* kept: drained() goes on */
}

static void deliver(struct worker *worker, struct errand *errand)
{
	bool over = true;

	if (errand->len && !errand->more)
		reply_later(worker, &errand->client, errand->transport, errand->message, errand->len);
	else if (errand->transport == TRANSPORT_UDP)
		count(&worker->counters.dropped);
	else
		over = deliver_part(worker, errand);
	if (over)
		errand_end(errand);
}

/* An order, if there is one. */
static void obey(struct worker *worker)
{
	struct order *order = &worker->order;

	pthread_mutex_lock(&order->lock);
	if (order->what == ORDER_TAKE)
		order->error = adopted_take(worker->adopted, order->fd);
	else if (order->what == ORDER_GIVE)
		adopted_give(worker->adopted, order->fd);
	if (order->what != ORDER_NONE)
		pthread_cond_signal(&order->done);
	order->what = ORDER_NONE;
	pthread_mutex_unlock(&order->lock);
}

/* The eventfd: worker_stop(), whose flag is looked at after each round, messages of errands, or an order. */
static void woken(void *argument, int fd, unsigned bits)
{
	struct worker *worker = argument;
	uint64_t times;

	(void)bits;
	(void)!read(fd, &times, sizeof times);
	for (struct errand *errand = errand_collect(worker->options.errands, worker->options.index); errand;) {
		struct errand *next = errand->next;
		deliver(worker, errand);
		errand = next;
	}
	obey(worker);
}

/* One round of everything, at most `limit_ms` long. */
static void run_round(struct worker *worker, uint32_t limit_ms)
{
	uint32_t forward_ms = forward_next_ms(worker->forward), tcp_ms = tcp_next_ms(worker->tcp);
	uint32_t timeout_ms = forward_ms < tcp_ms ? forward_ms : tcp_ms;

	worker->engine->type->run(worker->engine, timeout_ms < limit_ms ? timeout_ms : limit_ms);
	if (forward_next_ms(worker->forward) != UINT32_MAX)
		forward_tick(worker->forward);
	if (tcp_next_ms(worker->tcp) != UINT32_MAX)
		tcp_tick(worker->tcp);
}

/* What is in flight has WORKER_STOP_MS to end. */
static void wind_down(struct worker *worker)
{
	worker->home.moves = false; /* worker_stop() has let us go */
	worker->engine->type->quiet(worker->engine);
	batch(worker);
	woken(worker, worker->wake, WATCH_READ); /* errands ended before us: what was done is said */
	tcp_quiet(worker->tcp);
	adopted_quiet(worker->adopted);
	uint64_t deadline = worker->now_ms + WORKER_STOP_MS;
	while ((forward_waiting(worker->forward) || tcp_open(worker->tcp)) && worker->now_ms < deadline)
		run_round(worker, 50);
}

static int open_engine(struct worker *worker)
{
	const struct engine_options options = {
		.handler = { worker, park, batch, ahead, datagram },
		.sockets = worker->sockets,
		.socket_count = worker->options.listeners->count,
		.gro = worker->options.gro,
		.send_plainly = worker->options.send_plainly,
	};
	int error = worker->options.engine->open(&worker->engine, &options);

	if (!error)
		error = worker->engine->type->watch(worker->engine, worker->wake, WATCH_READ, woken, worker);
	return error;
}

static int open_forward(struct worker *worker)
{
	struct upstream_address own[LISTEN_ADDRESSES_MAX];
	size_t own_count = 0;

	for (; own_count < worker->options.listeners->count; own_count++)
		own[own_count] = upstream_from_socket(&worker->options.listeners->at[own_count].address.any);
	const struct forward_options options = {
		.loop = { worker, loop_watch },
		.cache = worker->options.cache,
		.identity = worker->options.identity,
		.own = own,
		.own_count = own_count,
		.reply = reply_later,
		.forget = forget,
		.context = worker,
		.view = view_of,
		.now_s = now_s_of,
		.now_ms = now_ms_of,
		.counters = &worker->forward_counters,
	};

	return forward_new(&worker->forward, &options);
}

static int open_tcp(struct worker *worker)
{
	const struct tcp_options options = {
		.engine = worker->engine,
		.listeners = worker->tcp_listeners,
		.listener_count = worker->options.listeners->count,
		.clients = worker->options.tcp_clients,
		.clients_each = worker->options.tcp_clients_each,
		.idle_ms = worker->options.identity->tcp_idle_ms,
		.request = request,
		.drained = drained,
		.starved = starved,
		.now_ms = now_ms_of,
		.context = worker,
		.counters = &worker->tcp_counters,
	};

	return tcp_new(&worker->tcp, &options);
}

static int open_adopted(struct worker *worker)
{
	const struct adopted_options options = { worker->engine, worker->tcp, adopted_datagram, worker };

	return adopted_new(&worker->adopted, &options);
}

static void say(struct worker *worker, int error)
{
	pthread_mutex_lock(&worker->lock);
	worker->error = error;
	worker->why = errno;
	worker->ready = true;
	pthread_cond_signal(&worker->begun);
	pthread_mutex_unlock(&worker->lock);
}

static void *run(void *argument)
{
	struct worker *worker = argument;

	home_init(&worker->home, worker->options.index, worker->options.workers, worker->options.pin,
	          worker->options.steer == MIST_STEER_CPU);
	batch(worker);
	int error = open_engine(worker);
	if (!error)
		error = open_forward(worker);
	if (!error)
		error = open_tcp(worker);
	if (!error)
		error = open_adopted(worker);
	say(worker, error);
	while (!error && !atomic_load_explicit(&worker->stop, memory_order_acquire))
		run_round(worker, UINT32_MAX);
	if (!error)
		wind_down(worker);

	/* Forwarding first: the waits it ends are answered over the others. */
	if (worker->forward)
		forward_free(worker->forward);
	adopted_free(worker->adopted);
	if (worker->tcp)
		tcp_free(worker->tcp);
	if (worker->engine)
		worker->engine->type->close(worker->engine);
	if (!worker->parked)
		park(worker);
	return NULL;
}

/* ---- from other threads ---- */

static void worker_free(struct worker *worker)
{
	memo_free(worker->query.memo);
	if (worker->wake >= 0)
		close(worker->wake);
	pthread_cond_destroy(&worker->order.done);
	pthread_mutex_destroy(&worker->order.lock);
	pthread_cond_destroy(&worker->begun);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

static int wait_begun(struct worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	while (!worker->ready)
		pthread_cond_wait(&worker->begun, &worker->lock);
	pthread_mutex_unlock(&worker->lock);
	errno = worker->why;
	return worker->error;
}

int worker_start(struct worker **worker, const struct worker_options *options)
{
	char name[16];
	struct worker *made = aligned_alloc(64, (sizeof *made + 63) & ~(size_t)63);
	if (!made)
		return MIST_ENOMEM;
	memset(made, 0, sizeof *made);
	made->options = *options;
	made->parked = true;
	made->ahead.elsewhere = (struct ahead_elsewhere){ options->cache, read_index, read_answer };
	pthread_mutex_init(&made->lock, NULL);
	pthread_cond_init(&made->begun, NULL);
	pthread_mutex_init(&made->order.lock, NULL);
	pthread_cond_init(&made->order.done, NULL);
	for (unsigned i = 0; i < options->listeners->count; i++) {
		const struct listener *listener = &options->listeners->at[i];
		made->sockets[i] = (struct udp_socket){ listener->udp[options->index],
		                                        listener->address.any.sa_family, listener->wildcard };
		made->tcp_listeners[i] = listener->tcp[options->index];
	}
	int error = MIST_ENOMEM;
	made->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (made->wake < 0 || memo_new(&made->query.memo, &options->identity->question_secret))
		goto fail;
	errands_wake(options->errands, options->index, made->wake);
	snprintf(name, sizeof name, "mist-w%u", options->index);
	if (thread_start(&made->thread, name, run, made))
		goto fail;
	error = wait_begun(made);
	if (error) {
		pthread_join(made->thread, NULL);
		goto fail;
	}
	*worker = made;
	return MIST_OK;

fail:
	worker_free(made);
	return error;
}

/* Gives an order, and waits until it is carried out. */
static int order_do(struct worker *worker, enum order_kind what, int fd)
{
	struct order *order = &worker->order;
	const uint64_t one = 1;

	pthread_mutex_lock(&order->lock);
	order->what = what;
	order->fd = fd;
	order->error = MIST_OK;
	(void)!write(worker->wake, &one, sizeof one);
	while (order->what != ORDER_NONE)
		pthread_cond_wait(&order->done, &order->lock);
	int error = order->error;
	pthread_mutex_unlock(&order->lock);
	return error;
}

int worker_take(struct worker *worker, int fd)
{
	return order_do(worker, ORDER_TAKE, fd);
}

void worker_give(struct worker *worker, int fd)
{
	(void)order_do(worker, ORDER_GIVE, fd);
}

void worker_stop(struct worker *worker)
{
	const uint64_t one = 1;

	atomic_store_explicit(&worker->stop, true, memory_order_release);
	(void)!write(worker->wake, &one, sizeof one);
	/* It may be on a CPU that others leave no time on. */
	if (worker->options.steer == MIST_STEER_CPU && !worker->options.pin)
		pthread_setaffinity_np(worker->thread, sizeof worker->home.anywhere, &worker->home.anywhere);
}

void worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
	worker_free(worker);
}

static uint64_t value(const _Atomic(uint64_t) *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void worker_count(const struct worker *worker, struct mist_counters *sum)
{
	const struct counters *own = &worker->counters;
	const struct forward_counters *forward = &worker->forward_counters;
	const struct tcp_counters *tcp = &worker->tcp_counters;

	sum->udp_queries += value(&own->udp_queries);
	sum->tcp_queries += value(&own->tcp_queries);
	sum->udp_replies += value(&own->udp_replies);
	sum->tcp_replies += value(&own->tcp_replies);
	sum->dropped += value(&own->dropped);
	for (unsigned i = 0; i < 16; i++)
		sum->rcode[i] += value(&own->rcode[i]);
	sum->truncated += value(&own->truncated);
	sum->local += value(&own->local);
	sum->denied += value(&own->denied);
	sum->special += value(&own->special);
	sum->failed += value(&own->failed);
	sum->forwarded += value(&own->forwarded);
	sum->cache_hits += value(&forward->cache_hits);
	sum->cache_misses += value(&forward->cache_misses);
	sum->cache_inserts += value(&forward->cache_inserts);
	sum->cache_evictions += value(&forward->cache_evictions);
	sum->cache_prefetches += value(&forward->cache_prefetches);
	sum->upstream_queries += value(&forward->upstream_queries);
	sum->upstream_answers += value(&forward->upstream_answers);
	sum->upstream_timeouts += value(&forward->upstream_timeouts);
	sum->upstream_rejected += value(&forward->upstream_rejected);
	sum->coalesced += value(&forward->coalesced);
	sum->filtered += value(&forward->filtered);
	sum->tcp_accepted += value(&tcp->accepted);
	sum->tcp_refused += value(&tcp->refused);
	sum->tcp_open += value(&tcp->open);
}
