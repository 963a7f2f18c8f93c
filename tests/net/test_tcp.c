/*
 * DNS over TCP with an echo above it: what clients do to connections. Every test runs on both engines;
 * time is the test's own.
 */
#include "net/tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/wire.h"
#include "mistcore.h"

#define LATER_MAX 1000

struct world {
	const struct engine_type *type;
	struct engine *engine;
	struct tcp *tcp;
	struct tcp_counters counters;
	struct listeners listeners;
	uint64_t now_ms;
	struct { struct tcp_id id; uint8_t octets[4]; } later[LATER_MAX];
	unsigned later_count, requests, starved;
};

static void nothing(void *context) { (void)context; }

static bool no_batch(void *context)
{
	(void)context;
	return false;
}
static uint64_t now_ms(void *context) { return ((struct world *)context)->now_ms; }
static size_t no_datagram(void *context, const struct udp_peer *peer, const uint8_t *octets, size_t len,
                          uint8_t *reply)
{
	(void)context, (void)peer, (void)octets, (void)len, (void)reply;
	return 0;
}

/* 'e' is echoed, 'b' gets 65,535 octets, 'l' waits, others get silence. */
static enum tcp_answer request(void *context, const struct tcp_id *id, const union socket_address *peer,
                               const uint8_t *octets, size_t len, uint8_t *reply, size_t *reply_len)
{
	struct world *world = context;

	(void)peer;
	world->requests++;
	switch (*octets) {
	case 'e':
		memcpy(reply, octets, len);
		*reply_len = len;
		return TCP_REPLY;
	case 'b':
		memset(reply, 'b', 65535);
		*reply_len = 65535;
		return TCP_REPLY;
	case 'l':
		assert_true(world->later_count < LATER_MAX);
		world->later[world->later_count].id = *id;
		memcpy(world->later[world->later_count++].octets, octets, 4);
		return TCP_LATER;
	default:
		return TCP_SILENCE;
	}
}

static void starved(void *context, int why)
{
	assert_int_equal(why, EMFILE);
	((struct world *)context)->starved++;
}

static bool begin(struct world *world, const struct engine_type *type, unsigned clients, unsigned clients_each)
{
	bool plainly;
	char text[LISTEN_MESSAGE_SIZE];

	memset(world, 0, sizeof *world);
	world->type = type;
	world->now_ms = 1000000;
	if (type == &engine_uring && engine_try_uring(&plainly, text, sizeof text))
		return false;
	const struct listen_options listen = { .workers = 1 };
	assert_int_equal(listeners_open(&world->listeners, &listen, text), MIST_OK);
	const struct engine_options options = {
		.handler = { .context = world, .park = nothing, .batch = no_batch, .datagram = no_datagram },
	};
	static const struct udp_socket none;
	struct engine_options with_none = options;
	with_none.sockets = &none;
	assert_int_equal(type->open(&world->engine, &with_none), MIST_OK);
	const struct tcp_options tcp = {
		.engine = world->engine,
		.listeners = &world->listeners.at[0].tcp[0],
		.listener_count = 1,
		.clients = clients,
		.clients_each = clients_each,
		.idle_ms = 10000,
		.request = request,
		.starved = starved,
		.now_ms = now_ms,
		.context = world,
		.counters = &world->counters,
	};
	assert_int_equal(tcp_new(&world->tcp, &tcp), MIST_OK);
	return true;
}

static void end(struct world *world)
{
	tcp_free(world->tcp);
	assert_int_equal(world->counters.open, 0);
	world->type->close(world->engine);
	listeners_close(&world->listeners);
}

static void pump(struct world *world, int rounds)
{
	while (rounds-- > 0) {
		world->type->run(world->engine, 1);
		if (tcp_next_ms(world->tcp) == 0)
			tcp_tick(world->tcp);
	}
}

static int dial(struct world *world)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	assert_int_equal(connect(fd, &world->listeners.at[0].address.any, sizeof(struct sockaddr_in)), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	uint8_t message[64];
	size_t len = strlen(text);

	wire_set16(message, (uint16_t)len);
	memcpy(message + 2, text, len);
	assert_int_equal(send(fd, message, 2 + len, MSG_NOSIGNAL), 2 + len);
}

/* Reads exactly `len` octets while the server runs. False: the server closed. */
static bool get_octets(struct world *world, int fd, uint8_t *to, size_t len)
{
	for (int i = 0; len; i++) {
		ssize_t n = recv(fd, to, len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			return false;
		if (n > 0) {
			to += n;
			len -= (size_t)n;
			i = 0;
		} else {
			assert_true(i < 2000);
			pump(world, 1);
		}
	}
	return true;
}

static uint8_t got[65535];
static size_t get(struct world *world, int fd)
{
	uint8_t prefix[2];

	if (!get_octets(world, fd, prefix, 2))
		return 0;
	assert_true(get_octets(world, fd, got, wire_get16(prefix)));
	return wire_get16(prefix);
}

static void expect(struct world *world, int fd, const char *text)
{
	assert_int_equal(get(world, fd), strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static void test_pipelining(const struct engine_type *type)
{
	struct world world;
	uint8_t many[6 * 1000];

	if (!begin(&world, type, 16, 16))
		return;
	int fd = dial(&world);
	for (int i = 0; i < 1000; i++)
		memcpy(many + 6 * i, (uint8_t[]){ 0, 4, 'e', (uint8_t)(i >> 8), (uint8_t)i, 0 }, 6);
	assert_int_equal(send(fd, many, sizeof many, 0), sizeof many);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(get(&world, fd), 4);
		assert_int_equal(got[1] << 8 | got[2], i);
	}
	put(fd, "silence");
	put(fd, "echo");
	expect(&world, fd, "echo");
	/* One octet at a time. */
	for (unsigned i = 0; i < 18; i++) {
		assert_int_equal(send(fd, many + i, 1, 0), 1);
		pump(&world, 2);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get(&world, fd), 4);
	/* The longest message, in pieces of odd sizes. */
	static uint8_t longest[2 + 65535];
	memset(longest, 'e', sizeof longest);
	wire_set16(longest, 65535);
	for (size_t at = 0; at < sizeof longest;) {
		size_t n = sizeof longest - at < 9973 ? sizeof longest - at : 9973;
		assert_int_equal(send(fd, longest + at, n, 0), n);
		at += n;
		pump(&world, 2);
	}
	assert_int_equal(get(&world, fd), 65535);
	put(fd, "echo");
	expect(&world, fd, "echo");
	close(fd);
	pump(&world, 5);
	assert_int_equal(world.counters.open, 0);
	end(&world);
}

static void test_ends(const struct engine_type *type)
{
	struct world world;

	if (!begin(&world, type, 16, 16))
		return;
	/* Half-close: what was asked is answered, then the server closes too. */
	int fd = dial(&world);
	put(fd, "e1");
	put(fd, "l..1");
	put(fd, "big");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	expect(&world, fd, "e1");
	assert_int_equal(get(&world, fd), 65535);
	pump(&world, 5);
	assert_int_equal(world.counters.open, 1);
	tcp_reply(world.tcp, &world.later[0].id, world.later[0].octets, 4);
	expect(&world, fd, "l..1");
	assert_int_equal(get(&world, fd), 0);
	close(fd);
	assert_int_equal(world.counters.open, 0);
	/* A message of length 0, after one that is answered. */
	fd = dial(&world);
	assert_int_equal(send(fd, "\0\2e1\0\0", 6, 0), 6);
	expect(&world, fd, "e1");
	assert_int_equal(get(&world, fd), 0);
	close(fd);
	/* Half a message, then the end. */
	fd = dial(&world);
	assert_int_equal(send(fd, "\0\7abc", 5, 0), 5);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(get(&world, fd), 0);
	close(fd);
	/* Gone before its reply: nobody else gets it. */
	fd = dial(&world);
	put(fd, "l..2");
	pump(&world, 5);
	assert_int_equal(world.later_count, 2);
	struct linger reset = { .l_onoff = 1 };
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(fd);
	pump(&world, 5);
	int other = dial(&world);
	put(other, "e2");
	expect(&world, other, "e2");
	tcp_reply(world.tcp, &world.later[1].id, world.later[1].octets, 4);
	put(other, "e3");
	expect(&world, other, "e3");
	close(other);
	pump(&world, 5);
	end(&world);
}

static void test_later(const struct engine_type *type)
{
	struct world world;
	char text[5] = "l000";

	if (!begin(&world, type, 16, 16))
		return;
	/* Replies come as they are ready. */
	int fd = dial(&world);
	put(fd, "l..1");
	put(fd, "l..2");
	put(fd, "echo");
	expect(&world, fd, "echo");
	tcp_reply(world.tcp, &world.later[1].id, world.later[1].octets, 4);
	expect(&world, fd, "l..2");
	tcp_forget(world.tcp, &world.later[0].id);
	/* More than may wait at once: the rest comes when some are answered. */
	world.later_count = 0;
	for (unsigned i = 0; i < 300; i++) {
		text[1] = (char)('0' + i / 100);
		text[2] = (char)('0' + i / 10 % 10);
		text[3] = (char)('0' + i % 10);
		put(fd, text);
	}
	pump(&world, 20);
	assert_int_equal(world.later_count, 128);
	for (unsigned i = 0; i < 300; i++) {
		assert_true(i < world.later_count);
		tcp_reply(world.tcp, &world.later[i].id, world.later[i].octets, 4);
		pump(&world, 2);
	}
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(get(&world, fd), 4);
	close(fd);
	pump(&world, 5);
	end(&world);
}

/* A client that asks for much and reads nothing: the server stops reading it and serves others. */
static void test_slow_reader(const struct engine_type *type)
{
	struct world world;

	if (!begin(&world, type, 16, 16))
		return;
	int slow = dial(&world), other = dial(&world);
	for (int i = 0; i < 2000; i++)
		put(slow, "b");
	pump(&world, 100);
	assert_true(world.requests < 1000);
	put(other, "echo");
	expect(&world, other, "echo");
	for (int i = 0; i < 2000; i++)
		assert_int_equal(get(&world, slow), 65535);
	put(slow, "echo");
	expect(&world, slow, "echo");
	close(slow);
	close(other);
	pump(&world, 5);
	end(&world);
}

static void test_limits(const struct engine_type *type)
{
	struct world world;
	int fds[8];

	if (!begin(&world, type, 8, 5))
		return;
	for (unsigned i = 0; i < 8; i++) {
		fds[i] = dial(&world);
		pump(&world, 3);
	}
	/* Those that were idle for longest have made room. */
	assert_int_equal(world.counters.accepted, 8);
	assert_int_equal(world.counters.refused, 0);
	assert_int_equal(world.counters.open, 5);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(get(&world, fds[i]), 0);
		close(fds[i]);
		fds[i] = fds[i + 3];
	}
	fds[3] = fds[6];
	fds[4] = fds[7];
	/* Idle ones are closed, one that waits for its reply or has just asked is not. */
	put(fds[0], "l..1");
	pump(&world, 5);
	world.now_ms += 9000;
	put(fds[1], "echo");
	expect(&world, fds[1], "echo");
	assert_true(tcp_next_ms(world.tcp) <= 1000);
	world.now_ms += 2000;
	tcp_tick(world.tcp);
	assert_int_equal(world.counters.open, 2);
	tcp_reply(world.tcp, &world.later[0].id, world.later[0].octets, 4);
	expect(&world, fds[0], "l..1");
	/* A client that dribbles octets without ever asking is idle too. */
	assert_int_equal(send(fds[1], "\0", 1, 0), 1);
	pump(&world, 3);
	world.now_ms += 8500;
	assert_int_equal(send(fds[1], "\11", 1, 0), 1);
	pump(&world, 3);
	tcp_tick(world.tcp);
	assert_int_equal(world.counters.open, 1);
	for (unsigned i = 0; i < 5; i++)
		close(fds[i]);
	pump(&world, 5);
	end(&world);

	/* In total; and under pressure idle ones go sooner. */
	if (!begin(&world, type, 4, 100))
		return;
	for (unsigned i = 0; i < 5; i++) {
		fds[i] = dial(&world);
		pump(&world, 3);
	}
	assert_int_equal(world.counters.refused, 0);
	assert_int_equal(world.counters.open, 4);
	assert_int_equal(get(&world, fds[0]), 0);
	world.now_ms += 2000;
	tcp_tick(world.tcp);
	assert_int_equal(world.counters.open, 3);
	for (unsigned i = 0; i < 5; i++)
		close(fds[i]);
	end(&world);
}

/* A crowd that says nothing locks nobody out; clients that wait for their replies keep their places. */
static void test_crowd(const struct engine_type *type)
{
	struct world world;
	int waits[4], idle[40];

	if (!begin(&world, type, 8, 8))
		return;
	for (unsigned i = 0; i < 4; i++) {
		waits[i] = dial(&world);
		put(waits[i], "l..1");
		pump(&world, 3);
	}
	for (unsigned i = 0; i < 40; i++) {
		idle[i] = dial(&world);
		pump(&world, 3);
	}
	int asks = dial(&world);
	put(asks, "echo");
	expect(&world, asks, "echo");
	assert_int_equal(world.counters.refused, 0);
	for (unsigned i = 0; i < 4; i++) {
		tcp_reply(world.tcp, &world.later[i].id, world.later[i].octets, 4);
		expect(&world, waits[i], "l..1");
		close(waits[i]);
	}
	for (unsigned i = 0; i < 40; i++)
		close(idle[i]);
	close(asks);
	pump(&world, 5);
	end(&world);

	/* Only where all wait there is no room. */
	if (!begin(&world, type, 2, 2))
		return;
	for (unsigned i = 0; i < 3; i++) {
		waits[i] = dial(&world);
		put(waits[i], "l..1");
		pump(&world, 3);
	}
	assert_int_equal(world.counters.refused, 1);
	for (unsigned i = 0; i < 3; i++)
		close(waits[i]);
	end(&world);
}

static void test_quiet(const struct engine_type *type)
{
	struct world world;

	if (!begin(&world, type, 8, 8))
		return;
	int idle = dial(&world), asks = dial(&world), waits = dial(&world);
	put(waits, "l..1");
	pump(&world, 5);
	put(asks, "echo");
	usleep(1000);
	tcp_quiet(world.tcp);
	expect(&world, asks, "echo");
	assert_int_equal(get(&world, asks), 0);
	assert_int_equal(get(&world, idle), 0);
	assert_int_equal(tcp_open(world.tcp), 1);
	tcp_reply(world.tcp, &world.later[0].id, world.later[0].octets, 4);
	expect(&world, waits, "l..1");
	assert_int_equal(tcp_open(world.tcp), 0);
	close(idle);
	close(asks);
	close(waits);
	end(&world);
}

/* Out of descriptors: it waits without spinning, and goes on when there are some again. */
static void test_starved(const struct engine_type *type)
{
	struct world world;
	struct rlimit before, few;

	if (!begin(&world, type, 8, 8))
		return;
	int fd = dial(&world);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	pump(&world, 20);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(world.starved, 1);
	assert_int_equal(world.counters.accepted, 0);
	assert_true(tcp_next_ms(world.tcp) > 0 && tcp_next_ms(world.tcp) < 1000);
	world.now_ms += 1000;
	tcp_tick(world.tcp);
	put(fd, "echo");
	expect(&world, fd, "echo");
	close(fd);
	pump(&world, 5);
	end(&world);
}

static void each(void (*test)(const struct engine_type *))
{
	test(&engine_uring);
	test(&engine_epoll);
}

static void pipelining(void **state) { (void)state; each(test_pipelining); }
static void ends(void **state) { (void)state; each(test_ends); }
static void later(void **state) { (void)state; each(test_later); }
static void slow_reader(void **state) { (void)state; each(test_slow_reader); }
static void limits(void **state) { (void)state; each(test_limits); }
static void crowd(void **state) { (void)state; each(test_crowd); }
static void starving(void **state) { (void)state; each(test_starved); }
static void quiet(void **state) { (void)state; each(test_quiet); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipelining),
		cmocka_unit_test(ends),
		cmocka_unit_test(later),
		cmocka_unit_test(slow_reader),
		cmocka_unit_test(limits),
		cmocka_unit_test(crowd),
		cmocka_unit_test(starving),
		cmocka_unit_test(quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
