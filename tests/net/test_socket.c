/*
 * Opening sockets: one port for all, shared with nobody, and every way in which that can fail.
 */
#include "net/socket.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char message[LISTEN_MESSAGE_SIZE];

static int open_on(struct listeners *listeners, uint16_t port, bool port_only, unsigned workers)
{
	const struct listen_options options = { .port = port, .port_only = port_only, .workers = workers };

	return listeners_open(listeners, &options, message);
}

static void finds_a_port(void **state)
{
	struct listeners listeners;
	union socket_address address;
	socklen_t len = sizeof address;

	(void)state;
	assert_int_equal(open_on(&listeners, 0, true, 3), MIST_OK);
	assert_string_equal(message, "");
	assert_true(listeners.port > 0);
	for (unsigned w = 0; w < 3; w++) {
		assert_int_equal(getsockname(listeners.at[0].udp[w], &address.any, &len), 0);
		assert_int_equal(ntohs(address.v4.sin_port), listeners.port);
		assert_int_equal(getsockname(listeners.at[0].tcp[w], &address.any, &len), 0);
		assert_int_equal(ntohs(address.v4.sin_port), listeners.port);
	}
	listeners_close(&listeners);
}

/* Takes a port for one protocol, as a stranger would. */
static int take(int type, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port),
	                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static uint16_t free_port(void)
{
	struct listeners listeners;

	assert_int_equal(open_on(&listeners, 0, false, 1), MIST_OK);
	uint16_t port = listeners.port;
	listeners_close(&listeners);
	return port;
}

static void taken_ports(void **state)
{
	(void)state;
	for (int kind = 1; kind < 4; kind++) {
		struct listeners listeners;
		uint16_t port = free_port();
		char number[8];
		int udp = kind & 1 ? take(SOCK_DGRAM, port) : -1;
		int tcp = kind & 2 ? take(SOCK_STREAM, port) : -1;

		assert_int_equal(open_on(&listeners, port, true, 2), MIST_ENETWORK);
		snprintf(number, sizeof number, "%u", port);
		assert_non_null(strstr(message, number));
		assert_non_null(strstr(message, kind & 1 ? "ss -ulpn" : "ss -tlpn"));
		assert_int_equal(open_on(&listeners, port, false, 2), MIST_OK);
		assert_int_not_equal(listeners.port, port);
		assert_non_null(strstr(message, "instead"));
		listeners_close(&listeners);
		if (udp >= 0)
			close(udp);
		if (tcp >= 0)
			close(tcp);
		assert_int_equal(open_on(&listeners, port, true, 2), MIST_OK);
		listeners_close(&listeners);
	}
}

static void addresses(void **state)
{
	const struct { const char *address; bool allow; int error; } cases[] = {
		{ "127.0.0.1", false, MIST_OK },
		{ "127.9.8.7", false, MIST_OK },
		{ "0.0.0.0", false, MIST_EADDRESS },
		{ "0.0.0.0", true, MIST_OK },
		{ "::", false, MIST_EADDRESS },
		{ "192.0.2.1", false, MIST_EADDRESS },
		{ "192.0.2.1", true, MIST_ENETWORK }, /* not ours */
		{ "::ffff:127.0.0.1", false, MIST_EADDRESS },
		{ "128.0.0.1", false, MIST_EADDRESS },
		{ "localhost", false, MIST_EINVAL },
		{ "", false, MIST_EINVAL },
		{ "127.0.0.1:53", false, MIST_EINVAL },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct listeners listeners;
		const struct listen_options options = { .addresses = &cases[i].address, .address_count = 1,
		                                        .allow_non_loopback = cases[i].allow, .workers = 2 };
		int error = listeners_open(&listeners, &options, message);
		assert_int_equal(error, cases[i].error);
		assert_int_equal(*message != 0, error != 0);
		if (!error)
			listeners_close(&listeners);
	}
}

static void several_addresses(void **state)
{
	static const char *const both[] = { "127.0.0.1", "127.0.0.2" }, *const twice[] = { "127.0.0.1", "127.0.0.1" },
		*const within[] = { "127.0.0.1", "0.0.0.0" };
	struct listeners listeners;
	struct listen_options options = { .addresses = both, .address_count = 2, .workers = 2 };

	(void)state;
	assert_int_equal(listeners_open(&listeners, &options, message), MIST_OK);
	assert_int_equal(listeners.at[0].address.v4.sin_port, listeners.at[1].address.v4.sin_port);
	/* The second address alone is taken: the whole set moves. */
	uint16_t port = listeners.port;
	listeners_close(&listeners);
	struct listeners other;
	const struct listen_options second = { .addresses = both + 1, .address_count = 1, .workers = 1, .port = port };
	assert_int_equal(listeners_open(&other, &second, message), MIST_OK);
	options.port = port;
	assert_int_equal(listeners_open(&listeners, &options, message), MIST_OK);
	assert_int_not_equal(listeners.port, port);
	listeners_close(&listeners);
	listeners_close(&other);

	options = (struct listen_options){ .addresses = twice, .address_count = 2, .workers = 1 };
	assert_int_equal(listeners_open(&listeners, &options, message), MIST_EINVAL);
	options = (struct listen_options){ .addresses = within, .address_count = 2, .workers = 1,
	                                   .allow_non_loopback = true };
	assert_int_equal(listeners_open(&listeners, &options, message), MIST_EINVAL);
}

/* Two threads open sets on one port as fast as they can: never do both have it. */
struct race {
	uint16_t port;
	_Atomic(int) holders, wins, doubles;
	pthread_barrier_t barrier;
};

static void *race(void *argument)
{
	struct race *r = argument;

	for (int i = 0; i < 300; i++) {
		struct listeners listeners;
		char text[LISTEN_MESSAGE_SIZE];
		const struct listen_options options = { .port = r->port, .port_only = true, .workers = 3 };
		pthread_barrier_wait(&r->barrier);
		bool won = listeners_open(&listeners, &options, text) == MIST_OK;
		if (won && atomic_fetch_add(&r->holders, 1) > 0)
			atomic_fetch_add(&r->doubles, 1);
		pthread_barrier_wait(&r->barrier);
		if (won) {
			atomic_fetch_add(&r->wins, 1);
			atomic_fetch_sub(&r->holders, 1);
			listeners_close(&listeners);
		}
	}
	return NULL;
}

static void racing(void **state)
{
	struct race r = { .port = free_port() };
	pthread_t threads[2];

	(void)state;
	pthread_barrier_init(&r.barrier, NULL, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, &r), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&r.barrier);
	assert_int_equal(r.doubles, 0);
	assert_true(r.wins > 0);
}

/* Sends from one socket; counts what each worker's socket got. */
static void spread(enum mist_steer steer, unsigned got[2])
{
	struct listeners listeners;
	const struct listen_options options = { .workers = 2, .steer = steer };

	assert_int_equal(listeners_open(&listeners, &options, message), MIST_OK);
	int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client, &listeners.at[0].address.any, sizeof(struct sockaddr_in)), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(send(client, "x", 1, 0), 1);
	for (unsigned w = 0; w < 2; w++) {
		char octet;
		got[w] = 0;
		while (recv(listeners.at[0].udp[w], &octet, 1, MSG_DONTWAIT) == 1)
			got[w]++;
	}
	close(client);
	listeners_close(&listeners);
}

static void steering(void **state)
{
	unsigned got[2];

	(void)state;
	spread(MIST_STEER_HASH, got);
	assert_true(got[0] + got[1] == 100 && (!got[0] || !got[1]));
	spread(MIST_STEER_RANDOM, got);
	assert_true(got[0] + got[1] == 100 && got[0] && got[1]);
	spread(MIST_STEER_CPU, got);
	assert_int_equal(got[0] + got[1], 100);
}

static void many_times(void **state)
{
	struct listeners listeners;
	uint16_t port = free_port();

	(void)state;
	for (int i = 0; i < 500; i++) {
		assert_int_equal(open_on(&listeners, port, true, 2), MIST_OK);
		listeners_close(&listeners);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_a_port),
		cmocka_unit_test(taken_ports),
		cmocka_unit_test(addresses),
		cmocka_unit_test(several_addresses),
		cmocka_unit_test(racing),
		cmocka_unit_test(steering),
		cmocka_unit_test(many_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
