/*
 * A world for forwarding in one thread: a struct forward, the poll loop it lives in, and fake
 * upstreams on loopback that answer as a script says.
 */
#ifndef MIST_TESTS_FORWARD_WORLD_H
#define MIST_TESTS_FORWARD_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "forward/cache.h"
#include "forward/forward.h"
#include "forward/packet.h"

#define SERVERS 2
#define WATCHES 700
#define REPLIES 5000
#define TCP_MAX 8

struct watch {
	int fd;
	unsigned bits;
	void (*ready)(void *argument, int fd, unsigned bits);
	void *argument;
};

struct reply { bool done, forgotten; uint8_t rcode; uint16_t flags,
               counts[3]; int ede; size_t len; };

struct world;
/* A query came to a fake upstream. `tcp`: by TCP. */
typedef void script(struct world *world, unsigned server, bool tcp, const uint8_t *query,
                    size_t len);

struct world {
	struct watch watches[WATCHES];
	struct cache *cache;
	struct forward *forward;
	struct forward_counters counters;
	struct rule rules[4];
	struct upstream_set sets[3];
	struct upstream_address addresses[3];
	struct view view;
	struct identity identity;
	uint32_t now_s;
	int udp[SERVERS], tcp[SERVERS], connections[SERVERS][TCP_MAX];
	uint16_t ports[SERVERS];
	script *script;
	unsigned queries[SERVERS];        /* that came by UDP */
	unsigned tcp_queries;
	struct sockaddr_in from;          /* of the query in hand */
	unsigned from_server;
	int from_connection;
	struct packet packet;             /* for scripts */
	struct reply replies[REPLIES];
	unsigned asked, answered;
	uint8_t request[600], response[MESSAGE_MAX], last[MESSAGE_MAX];
};

static inline uint64_t clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- what forward needs ---- */

static inline int world_watch(void *context, int fd, unsigned bits,
                              void (*ready)(void *argument, int fd, unsigned bits), void *argument)
{
	struct world *world = context;
	struct watch *at = NULL;
	for (unsigned i = 0; i < WATCHES; i++) {
		if (world->watches[i].fd == fd)
			at = &world->watches[i];
		else if (!at && world->watches[i].fd < 0)
			at = &world->watches[i];
	}
	assert_non_null(at);
	if (at->fd != fd && bits == 0)
		return MIST_OK;
	*at = (struct watch){ bits ? fd : -1, bits, ready, argument };
	return MIST_OK;
}

static inline void world_note(struct world *world, uint64_t number, const uint8_t *response,
                              size_t len)
{
	struct reply *reply = &world->replies[number];
	assert_true(number < world->asked && !reply->done);
	*reply = (struct reply){ .done = true, .rcode = response[3] & 15,
	                         .flags = wire_get16(response + 2),
	                         .ede = EDE_NONE, .len = len };
	for (unsigned i = 0; i < 3; i++)
		reply->counts[i] = wire_get16(response + 6 + 2 * i);
	for (size_t at = len; at-- > 12;) /* the EDE option stands last */
		if (len - at >= 6 && wire_get16(response + at) == 15 &&
		    wire_get16(response + at + 2) == len - at - 4) {
			reply->ede = wire_get16(response + at + 4);
			break;
		}
	memcpy(world->last, response, len);
	world->answered++;
}

static inline void world_reply(void *context, const struct client *client, enum transport transport,
                               const uint8_t *response, size_t len)
{
	uint64_t number;
	(void)transport;
	memcpy(&number, client->octets, sizeof number);
	world_note(context, number, response, len);
}

static inline void world_forget(void *context, const struct client *client,
                                enum transport transport)
{
	(void)context, (void)client, (void)transport;
	fail();
}
static inline const struct view *world_view(void *context) { return &((struct world *)context)->view; }
static inline uint32_t world_now_s(void *context) { return ((struct world *)context)->now_s; }
static inline uint64_t world_now_ms(void *context)
{
	(void)context;
	return clock_ms();
}

/* ---- the fake upstreams ---- */

/* Sends octets back to where the query in hand came from. */
static inline void say_octets(struct world *world, const void *octets, size_t len)
{
	if (world->from_connection >= 0) {
		const uint8_t prefix[2] = { (uint8_t)(len >> 8), (uint8_t)len };
		assert_int_equal(send(world->from_connection, prefix, 2, MSG_NOSIGNAL), 2);
		for (size_t at = 0; at < len;) { /* in pieces, as networks do */
			const size_t part = len - at < 3000 ? len - at : 3000;
			const ssize_t sent = send(world->from_connection, (const uint8_t *)octets + at, part,
			                          MSG_NOSIGNAL);
			assert_true(sent > 0);
			at += (size_t)sent;
		}
		return;
	}
	sendto(world->udp[world->from_server], octets, len, 0, (struct sockaddr *)&world->from,
	       sizeof world->from);
}
static inline void say(struct world *world) { say_octets(world, world->packet.octets,
                                                         packet_len(&world->packet)); }

/* Starts a response to `query` in world->packet. */
static inline void response_to(struct world *world, const uint8_t *query, uint16_t flags)
{
	const size_t len = MESSAGE_HEADER + name_len(query + MESSAGE_HEADER) + 4;
	world->packet.w = writer_on(world->packet.octets, sizeof world->packet.octets);
	writer_put(&world->packet.w, query, len);
	wire_set16(world->packet.octets + 2, (uint16_t)(FLAG_QR | FLAG_RA | FLAG_RD | flags));
	memset(world->packet.octets + 6, 0, 6);
}

/* A record owned by the question. */
static inline void put_a(struct world *world, uint32_t ttl, uint32_t address)
{
	struct writer *w = &world->packet.w;
	wire_set16(world->packet.octets + 6, (uint16_t)(wire_get16(world->packet.octets + 6) + 1));
	writer_u16(w, 0xC00C);
	writer_u16(w, TYPE_A);
	writer_u16(w, CLASS_IN);
	writer_u32(w, ttl);
	writer_u16(w, 4);
	writer_u32(w, address);
}

static inline void say_good(struct world *world, const uint8_t *query, uint32_t ttl)
{
	response_to(world, query, 0);
	put_a(world, ttl, 0xC0000201);
	say(world);
}

static inline void open_server(struct world *world, unsigned i)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof address;
	for (unsigned tries = 0;; tries++) { /* a port that is free for both */
		assert_true(tries < 100);
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address.sin_port = 0;
		world->udp[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		const int size = 1 << 20;
		setsockopt(world->udp[i], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
		assert_int_equal(bind(world->udp[i], (struct sockaddr *)&address, sizeof address), 0);
		getsockname(world->udp[i], (struct sockaddr *)&address, &len);
		world->tcp[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (bind(world->tcp[i], (struct sockaddr *)&address, sizeof address) == 0)
			break;
		close(world->udp[i]);
		close(world->tcp[i]);
	}
	assert_int_equal(listen(world->tcp[i], TCP_MAX), 0);
	world->ports[i] = ntohs(address.sin_port);
	for (unsigned c = 0; c < TCP_MAX; c++)
		world->connections[i][c] = -1;
}

static inline void serve_udp(struct world *world, unsigned server)
{
	uint8_t query[1500];
	socklen_t len = sizeof world->from;
	for (;;) {
		const ssize_t got = recvfrom(world->udp[server], query, sizeof query, 0,
		                             (struct sockaddr *)&world->from, &len);
		if (got < 0)
			return;
		world->queries[server]++;
		world->from_server = server;
		world->from_connection = -1;
		if (world->script)
			world->script(world, server, false, query, (size_t)got);
	}
}

static inline void serve_tcp(struct world *world, unsigned server)
{
	for (unsigned c = 0; c < TCP_MAX; c++) {
		int *fd = &world->connections[server][c];
		if (*fd < 0)
			*fd = accept(world->tcp[server], NULL, NULL);
		if (*fd < 0)
			continue;
		uint8_t query[1500];
		const ssize_t got = recv(*fd, query, sizeof query, MSG_DONTWAIT);
		if (got == 0) {
			close(*fd);
			*fd = -1;
		} else if (got > 2) {
			world->tcp_queries++;
			world->from_connection = *fd;
			world->script(world, server, true, query + 2, (size_t)got - 2);
		}
	}
}

/* ---- life ---- */

static inline void add_rule(struct world *world, unsigned i, const char *name, uint16_t set,
                            bool private)
{
	struct rule *rule = &world->rules[i];
	*rule = (struct rule){ .at_name = true, .below = true, .private_addresses = private,
	                       .policy = 100 + i, .upstream_set = set };
	name_from_text(rule->name, name);
	snprintf(rule->text, sizeof rule->text, ".%s", name);
	assert_int_equal(routes_add_rule(world->view.routes, rule), MIST_OK);
}

static inline struct world *world_new(script *what)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	for (unsigned i = 0; i < WATCHES; i++)
		world->watches[i].fd = -1;
	for (unsigned i = 0; i < SERVERS; i++) {
		open_server(world, i);
		world->addresses[i] = (struct upstream_address){ AF_INET, { 127, 0, 0, 1 },
		                                                 world->ports[i] };
	}
	world->addresses[2] = (struct upstream_address){ AF_INET, { 127, 0, 0, 1 }, 1 }; /* nobody */
	world->sets[0] = (struct upstream_set){ 1, false, 1, &world->addresses[0] };
	world->sets[1] = (struct upstream_set){ 2, false, 2, &world->addresses[0] };
	world->sets[2] = (struct upstream_set){ 3, false, 1, &world->addresses[2] };
	world->view = (struct view){ .number = 1, .upstream_sets = world->sets, .upstream_set_count = 3,
	                             .timeout_ms = 600, .max_ttl_s = 300, .forwards = true };
	assert_int_equal(routes_new(&world->view.routes), MIST_OK);
	add_rule(world, 0, "one.example", 0, false);
	add_rule(world, 1, "two.example", 1, false);
	add_rule(world, 2, "none.example", 2, false);
	add_rule(world, 3, "corp.example", 0, true);
	routes_set_default(world->view.routes, MIST_DENY_REFUSED, NULL);
	world->now_s = 1700000000;
	world->script = what;
	world->identity.question_secret = (struct question_secret){
		{ 0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0 }
	};
	assert_int_equal(cache_new(&world->cache, 1 << 20, &world->identity.question_secret), MIST_OK);
	static const struct upstream_address own = { AF_INET, { 127, 0, 0, 1 }, 5380 };
	const struct forward_options options = {
		.loop = { world, world_watch }, .cache = world->cache, .identity = &world->identity,
		.own = &own, .own_count = 1, .reply = world_reply, .forget = world_forget, .context = world,
		.view = world_view, .now_s = world_now_s, .now_ms = world_now_ms, .counters = &world->counters,
	};
	assert_int_equal(forward_new(&world->forward, &options), MIST_OK);
	return world;
}

static inline void world_free(struct world *world)
{
	forward_free(world->forward);
	cache_free(world->cache);
	for (unsigned i = 0; i < WATCHES; i++)
		assert_int_equal(world->watches[i].fd, -1);
	for (unsigned i = 0; i < SERVERS; i++) {
		close(world->udp[i]);
		close(world->tcp[i]);
		for (unsigned c = 0; c < TCP_MAX; c++)
			if (world->connections[i][c] >= 0)
				close(world->connections[i][c]);
	}
	routes_free(world->view.routes);
	free(world);
}

/* One round of the loop, at most `ms` long. */
static inline void world_round(struct world *world, int ms)
{
	struct pollfd fds[WATCHES + 2 * SERVERS + SERVERS * TCP_MAX];
	struct watch ready[WATCHES];
	nfds_t count = 0;
	for (unsigned i = 0; i < SERVERS; i++) {
		fds[count++] = (struct pollfd){ world->udp[i], POLLIN, 0 };
		fds[count++] = (struct pollfd){ world->tcp[i], POLLIN, 0 };
		for (unsigned c = 0; c < TCP_MAX; c++)
			fds[count++] = (struct pollfd){ world->connections[i][c], POLLIN, 0 };
	}
	const nfds_t servers = count;
	for (unsigned i = 0; i < WATCHES; i++)
		if (world->watches[i].fd >= 0) {
			ready[count - servers] = world->watches[i];
			fds[count++] = (struct pollfd){ world->watches[i].fd,
				(short)((world->watches[i].bits & WATCH_READ ? POLLIN : 0) |
				        (world->watches[i].bits & WATCH_WRITE ? POLLOUT : 0)), 0 };
		}
	const uint32_t next = forward_next_ms(world->forward);
	poll(fds, count, next < (uint32_t)ms ? (int)next : ms);
	for (unsigned i = 0; i < SERVERS; i++) {
		serve_udp(world, i);
		serve_tcp(world, i);
	}
	for (nfds_t i = servers; i < count; i++) {
		if (!fds[i].revents)
			continue;
		const struct watch *was = &ready[i - servers];
		for (unsigned w = 0; w < WATCHES; w++) /* still wanted? */
			if (world->watches[w].fd == was->fd && world->watches[w].argument == was->argument) {
				was->ready(was->argument, was->fd,
				           (fds[i].revents & ~POLLOUT ? (unsigned)WATCH_READ : 0) |
				           (fds[i].revents & POLLOUT ? (unsigned)WATCH_WRITE : 0));
				break;
			}
	}
	forward_tick(world->forward);
}

/* Runs until everything asked is answered; returns the milliseconds it took. */
static inline uint64_t world_run(struct world *world, uint64_t limit_ms)
{
	const uint64_t start = clock_ms();
	while (world->answered < world->asked && clock_ms() - start < limit_ms)
		world_round(world, 20);
	return clock_ms() - start;
}

struct ask { bool dnssec_ok, no_edns, ad, tcp; };

/* A client asks. Returns the number of its reply. */
static inline unsigned world_ask_with(struct world *world, const char *name, uint16_t type,
                                      struct ask how)
{
	struct packet packet;
	const unsigned number = world->asked++;
	packet_begin(&packet, (uint16_t)number, (uint16_t)(FLAG_RD | (how.ad ? FLAG_AD : 0)), name,
	             type);
	if (!how.no_edns)
		packet_end(&packet, packet_record(&packet, SECTION_ADDITIONAL, ".", TYPE_OPT,
		                                  how.dnssec_ok ? 0x8000 : 0));
	const size_t len = packet_len(&packet);
	memcpy(world->request, packet.octets, len);
	if (!how.no_edns) /* the class of an OPT is a size */
		wire_set16(world->request + len - 8, 1232);
	struct query query = { .octets = world->request, .len = len, .response = world->response,
	                       .response_size = sizeof world->response,
	                       .transport = how.tcp ? TRANSPORT_TCP : TRANSPORT_UDP,
	                       .now_s = world->now_s, .identity = &world->identity };
	enum verdict verdict = query_process(&query, &world->view);
	while (verdict == QUERY_FORWARD) {
		struct client client = { { 0 } };
		const uint64_t wide = number;
		memcpy(client.octets, &wide, sizeof wide);
		const enum forwarded forwarded = forward_query(world->forward, &query, &client);
		memset(world->request, 0xEE, 10); /* it must have been copied */
		if (forwarded == FORWARD_WAIT)
			return number;
		verdict = query_resume(&query, &world->view, forwarded == FORWARD_MORE);
	}
	assert_int_equal(verdict, QUERY_REPLY);
	world_note(world, number, query.response, query.response_len);
	return number;
}
static inline unsigned world_ask(struct world *world, const char *name)
{
	return world_ask_with(world, name, TYPE_A, (struct ask){ 0 });
}

/* Asks, waits, and returns the reply. */
static inline const struct reply *world_get(struct world *world, const char *name)
{
	const unsigned number = world_ask(world, name);
	world_run(world, 3000);
	assert_true(world->replies[number].done);
	return &world->replies[number];
}

#endif
