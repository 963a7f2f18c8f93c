/*
 * The engines with nothing above them but an echo: every test runs on both.
 */
#include "net/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>
#include <netinet/udp.h>

#include "core/ahead.h"
#include "forward/forward.h"
#include "mistcore.h"

struct world {
	const struct engine_type *type;
	struct engine *engine;
	struct udp_socket socket;
	union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } address;
	socklen_t address_len;
	int client;
	unsigned batches, parks, datagrams, aheads;
	const uint8_t *told[16];         /* of this batch */
	unsigned told_count;
	bool gro;
	struct udp_peer last;
};

static void park(void *context)
{
	((struct world *)context)->parks++;
}

static void ahead(void *context, const uint8_t *octets, size_t len)
{
	struct world *world = context;

	assert_true(len <= 65536);
	assert_true(octets || !len);
	world->aheads += octets != NULL;
	world->told[world->told_count++ % 16] = octets;
}

static bool batch(void *context)
{
	((struct world *)context)->batches++;
	((struct world *)context)->told_count = 0;
	return true;
}

/* Echoes; an empty datagram gets "empty", one that begins with 'x' nothing. */
static size_t echo(void *context, const struct udp_peer *peer, const uint8_t *octets, size_t len,
                   uint8_t *reply)
{
	struct world *world = context;

	world->datagrams++;
	/* It was told of so long before its turn; all but the first of a segmented one alone. */
	if (world->told_count && !world->gro)
		assert_ptr_equal(world->told[(world->told_count - 1 - AHEAD_DISTANCE) % 16], octets);
	world->last = *peer;
	if (!len) {
		memcpy(reply, "empty", 5);
		return 5;
	}
	if (*octets == 'x')
		return 0;
	len = len < UDP_REPLY_MAX ? len : UDP_REPLY_MAX;
	memcpy(reply, octets, len);
	return len;
}

static bool begin(struct world *world, const struct engine_type *type, sa_family_t family, bool wildcard, bool gro)
{
	bool plainly;
	char why[160];
	const int on = 1, space = 4 << 20; /* the tests send bursts */

	*world = (struct world){ .type = type };
	if (type == &engine_uring && engine_try_uring(&plainly, why, sizeof why)) {
		print_message("%s\n", why);
		return false;
	}
	if (family == AF_INET) {
		world->address.v4 = (struct sockaddr_in){ .sin_family = AF_INET };
		world->address.v4.sin_addr.s_addr = htonl(wildcard ? INADDR_ANY : INADDR_LOOPBACK);
	} else {
		world->address.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
		world->address.v6.sin6_addr = wildcard ? in6addr_any : in6addr_loopback;
	}
	world->address_len = udp_address_len(family);
	world->socket = (struct udp_socket){ socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), family, wildcard };
	if (bind(world->socket.fd, &world->address.any, world->address_len)) {
		close(world->socket.fd);
		return false; /* no IPv6 here */
	}
	getsockname(world->socket.fd, &world->address.any, &world->address_len);
	setsockopt(world->socket.fd, SOL_SOCKET, SO_RCVBUF, &space, sizeof space);
	if (wildcard && family == AF_INET)
		setsockopt(world->socket.fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
	if (wildcard && family == AF_INET6)
		setsockopt(world->socket.fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
	world->gro = gro;
	if (gro)
		setsockopt(world->socket.fd, SOL_UDP, UDP_GRO, &on, sizeof on);
	const struct engine_options options = {
		.handler = { world, park, batch, ahead, echo },
		.sockets = &world->socket,
		.socket_count = 1,
		.gro = gro,
	};
	assert_int_equal(type->open(&world->engine, &options), MIST_OK);

	if (wildcard && family == AF_INET)
		world->address.v4.sin_addr.s_addr = htonl(0x7f010203); /* replies must come from there */
	if (wildcard && family == AF_INET6)
		world->address.v6.sin6_addr = in6addr_loopback;
	world->client = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(world->client, &world->address.any, world->address_len), 0);
	return true;
}

static void end(struct world *world)
{
	world->type->close(world->engine);
	/* Nothing holds the port any more. */
	close(world->socket.fd);
	int again = socket(world->address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(again, &world->address.any, world->address_len), 0);
	close(again);
	close(world->client);
}

/* Runs rounds until the client has an answer; its length, or -1. */
static ssize_t receive(struct world *world, uint8_t *octets, size_t size)
{
	for (int i = 0; i < 200; i++) {
		ssize_t n = recv(world->client, octets, size, MSG_DONTWAIT);
		if (n >= 0)
			return n;
		world->type->run(world->engine, i < 100 ? 0 : 5); /* mostly it is there already */
	}
	return -1;
}

static void test_echo(const struct engine_type *type, sa_family_t family, bool wildcard, bool gro)
{
	struct world world;
	uint8_t octets[2048];

	if (!begin(&world, type, family, wildcard, gro))
		return;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(send(world.client, "ping", 4, 0), 4);
		assert_int_equal(receive(&world, octets, sizeof octets), 4);
		assert_memory_equal(octets, "ping", 4);
	}
	/* Empty datagrams end a multishot receive; it has to come back. */
	for (int i = 0; i < 10; i++) {
		assert_int_equal(send(world.client, "", 0, 0), 0);
		assert_int_equal(receive(&world, octets, sizeof octets), 5);
	}
	/* What gets no reply costs no slot. */
	for (int i = 0; i < 500; i++)
		assert_int_equal(send(world.client, "xyz", 3, 0), 3);
	assert_int_equal(send(world.client, "ping", 4, 0), 4);
	assert_int_equal(receive(&world, octets, sizeof octets), 4);
	assert_true(world.datagrams >= 1511);
	assert_true(world.batches > 0 && world.parks > 0);
	end(&world);
}

/* Bursts of equal, mixed and growing lengths from two peers: all come back, once each. */
static void test_bursts(const struct engine_type *type, sa_family_t family, bool wildcard)
{
	struct world world;
	uint8_t octets[2048] = { 0 };

	if (!begin(&world, type, family, wildcard, false))
		return;
	int other = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(other, &world.address.any, world.address_len), 0);
	for (unsigned kind = 0; kind < 3; kind++) {
		unsigned seen[2][100] = { 0 };
		for (unsigned i = 0; i < 100; i++) {
			size_t len = kind == 0 ? 60 : kind == 1 ? 20 + i % 8 : 20 + i * 9;
			octets[1] = (uint8_t)i;
			assert_int_equal(send(world.client, octets, len, 0), len);
			assert_int_equal(send(other, octets, len, 0), len);
		}
		for (int i = 0; i < 30; i++)
			type->run(world.engine, 1);
		for (unsigned c = 0; c < 2; c++)
			while (recv(c ? other : world.client, octets, sizeof octets, MSG_DONTWAIT) > 0)
				seen[c][octets[1]]++;
		for (unsigned i = 0; i < 100; i++)
			assert_true(seen[0][i] == 1 && seen[1][i] == 1);
	}
	close(other);
	end(&world);
}

/* A client that sends with UDP_SEGMENT: one buffer, many datagrams. */
static void test_gro(const struct engine_type *type)
{
	struct world world;
	uint8_t octets[64 * 50];
	int segment = 50;

	if (!begin(&world, type, AF_INET, false, true))
		return;
	setsockopt(world.client, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
	for (unsigned i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(i / 50);
	assert_int_equal(send(world.client, octets, sizeof octets, 0), sizeof octets);
	unsigned replies = 0;
	while (replies < 64 && receive(&world, octets, sizeof octets) == 50)
		replies++;
	assert_int_equal(replies, 64);
	assert_int_equal(world.datagrams, 64);
	end(&world);
}

/* A flood larger than buffers and batches: afterwards it still answers. */
static void test_flood(const struct engine_type *type)
{
	struct world world;
	uint8_t octets[2048] = { 0 };

	if (!begin(&world, type, AF_INET, false, false))
		return;
	for (int i = 0; i < 3000; i++)
		send(world.client, octets, 40, MSG_DONTWAIT);
	for (int i = 0; i < 100; i++)
		type->run(world.engine, 0);
	while (recv(world.client, octets, sizeof octets, MSG_DONTWAIT) > 0)
		;
	assert_true(world.aheads > 0);
	assert_int_equal(send(world.client, "ping", 4, 0), 4);
	assert_int_equal(receive(&world, octets, sizeof octets), 4);
	end(&world);
}

struct watcher {
	struct world *world;
	unsigned calls, bits;
	int other;               /* its watch ends with the first call */
};

static void ready(void *argument, int fd, unsigned bits)
{
	struct watcher *watcher = argument;

	(void)fd;
	watcher->calls++;
	watcher->bits = bits;
	if (watcher->other >= 0)
		watcher->world->type->watch(watcher->world->engine, watcher->other, 0, NULL, NULL);
}

static void test_watch(const struct engine_type *type)
{
	struct world world;
	uint64_t one = 1;

	if (!begin(&world, type, AF_INET, false, false))
		return;
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct watcher watcher = { .world = &world, .other = -1 };
	assert_int_equal(type->watch(world.engine, event, WATCH_READ, ready, &watcher), MIST_OK);
	type->run(world.engine, 0);
	type->run(world.engine, 0);
	assert_int_equal(watcher.calls, 0);
	assert_int_equal(write(event, &one, sizeof one), sizeof one);
	/* Level-triggered: it goes on until it is read. */
	for (int i = 0; i < 5; i++)
		type->run(world.engine, 50);
	assert_int_equal(watcher.calls, 5);
	assert_int_equal(watcher.bits, WATCH_READ);
	/* Other bits. */
	assert_int_equal(type->watch(world.engine, event, WATCH_READ | WATCH_WRITE, ready, &watcher), MIST_OK);
	for (int i = 0; i < 3; i++)
		type->run(world.engine, 50);
	assert_int_equal(watcher.bits, WATCH_READ | WATCH_WRITE);
	assert_int_equal(read(event, &one, sizeof one), sizeof one);
	type->run(world.engine, 50);
	watcher.calls = 0;
	type->run(world.engine, 50);
	assert_int_equal(watcher.calls, 1);
	assert_int_equal(watcher.bits, WATCH_WRITE);
	/* The end, and the same number for another file. */
	assert_int_equal(type->watch(world.engine, event, 0, NULL, NULL), MIST_OK);
	close(event);
	watcher.calls = 0;
	int next = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	struct watcher fresh = { .world = &world, .other = -1 };
	assert_int_equal(next, event);
	assert_int_equal(type->watch(world.engine, next, WATCH_READ, ready, &fresh), MIST_OK);
	for (int i = 0; i < 3; i++)
		type->run(world.engine, 50);
	assert_int_equal(watcher.calls, 0);
	assert_true(fresh.calls >= 2);
	/* Two ready at once, the first ends the second. */
	struct watcher killed[2] = { { .world = &world }, { .world = &world } };
	int pair[2] = { eventfd(1, EFD_CLOEXEC), eventfd(1, EFD_CLOEXEC) };
	assert_int_equal(type->watch(world.engine, next, 0, NULL, NULL), MIST_OK);
	for (int i = 0; i < 2; i++) {
		killed[i].other = pair[1 - i];
		assert_int_equal(type->watch(world.engine, pair[i], WATCH_READ, ready, &killed[i]), MIST_OK);
	}
	for (int i = 0; i < 4; i++)
		type->run(world.engine, 10);
	assert_true(!killed[0].calls != !killed[1].calls);
	type->watch(world.engine, pair[0], 0, NULL, NULL);
	type->watch(world.engine, pair[1], 0, NULL, NULL);
	/* Many: slots and buckets grow. */
	int many[200];
	struct watcher counter = { .world = &world, .other = -1 };
	for (int i = 0; i < 200; i++) {
		many[i] = eventfd(1, EFD_CLOEXEC);
		assert_int_equal(type->watch(world.engine, many[i], WATCH_READ, ready, &counter), MIST_OK);
	}
	for (int i = 0; i < 20 && counter.calls < 200; i++)
		type->run(world.engine, 10);
	assert_true(counter.calls >= 200);
	for (int i = 0; i < 200; i++) {
		assert_int_equal(type->watch(world.engine, many[i], 0, NULL, NULL), MIST_OK);
		close(many[i]);
	}
	close(next);
	close(pair[0]);
	close(pair[1]);
	end(&world);
}

/* While datagrams wait without end, what is watched has its turn. */
static void test_turns(const struct engine_type *type)
{
	struct world world;

	if (!begin(&world, type, AF_INET, false, false))
		return;
	int event = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	struct watcher watcher = { .world = &world, .other = -1 };
	assert_int_equal(type->watch(world.engine, event, WATCH_READ, ready, &watcher), MIST_OK);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(send(world.client, "x", 1, 0), 1);
	for (int i = 0; i < 3; i++)
		type->run(world.engine, 50);
	assert_true(watcher.calls > 0);
	assert_in_range(world.datagrams, 1, 1000);
	assert_int_equal(type->watch(world.engine, event, 0, NULL, NULL), MIST_OK);
	close(event);
	end(&world);
}

static void test_quiet(const struct engine_type *type)
{
	struct world world;
	uint8_t octets[64];

	if (!begin(&world, type, AF_INET, false, false))
		return;
	assert_int_equal(send(world.client, "ping", 4, 0), 4);
	assert_int_equal(receive(&world, octets, sizeof octets), 4);
	/* What has arrived is still handed out, all of it. */
	unsigned before = world.datagrams;
	for (int i = 0; i < 500; i++)
		assert_int_equal(send(world.client, "x", 1, 0), 1);
	type->quiet(world.engine);
	assert_int_equal(world.datagrams, before + 500);
	before = world.datagrams;
	assert_int_equal(send(world.client, "ping", 4, 0), 4);
	for (int i = 0; i < 3; i++)
		type->run(world.engine, 5);
	assert_int_equal(world.datagrams, before);
	udp_send(world.socket.fd, &world.last, (const uint8_t *)"late", 4);
	assert_int_equal(recv(world.client, octets, sizeof octets, 0), 4);
	end(&world);
}

static const struct engine_type *const engines[] = { &engine_uring, &engine_epoll };

static void each(void (*test)(const struct engine_type *))
{
	for (unsigned i = 0; i < 2; i++)
		test(engines[i]);
}

static void echoes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned kind = 0; kind < 8; kind++)
			test_echo(engines[i], kind & 1 ? AF_INET6 : AF_INET, kind & 2, kind & 4);
}

static void bursts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned kind = 0; kind < 4; kind++)
			test_bursts(engines[i], kind & 1 ? AF_INET6 : AF_INET, kind & 2);
}

static void gro(void **state) { (void)state; each(test_gro); }
static void flood(void **state) { (void)state; each(test_flood); }
static void watching(void **state) { (void)state; each(test_watch); }
static void turns(void **state) { (void)state; each(test_turns); }
static void quiet(void **state) { (void)state; each(test_quiet); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echoes),
		cmocka_unit_test(bursts),
		cmocka_unit_test(gro),
		cmocka_unit_test(flood),
		cmocka_unit_test(watching),
		cmocka_unit_test(turns),
		cmocka_unit_test(quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
