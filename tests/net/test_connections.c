/*
 * The table of connections against a plain list: who has been idle for longest, whatever came, spoke and went; and
 * octets that wait, through a socket that takes few.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "chance.h"
#include "net/connections.h"

#define SLOTS 20
#define CLIENTS 3
#define STEPS 20000

static union socket_address client(unsigned number)
{
	union socket_address address = { .v6 = { .sin6_family = AF_INET6 } };
	address.v6.sin6_addr.s6_addr[7] = (uint8_t)number; /* of its /64 */
	address.v6.sin6_addr.s6_addr[15] = (uint8_t)chance(256);
	return address;
}

/* Of those that the model knows, by when they were active; UINT64_MAX: not there. */
static uint64_t active[SLOTS];
static unsigned client_of[SLOTS];
static bool waits[SLOTS];

static void check(const struct connections *table)
{
	uint64_t last = 0;
	unsigned count = 0, of[CLIENTS] = { 0 };
	uint32_t idlest = CONNECTIONS_NONE, idlest_of[CLIENTS] = { CONNECTIONS_NONE, CONNECTIONS_NONE, CONNECTIONS_NONE };
	for (const struct connection *c = connections_oldest(table); c; c = connections_next(table, c), count++) {
		assert_int_equal(c->active_ms, active[c->slot]);
		assert_true(c->active_ms >= last);
		last = c->active_ms;
		of[client_of[c->slot]]++;
		if (waits[c->slot])
			continue;
		if (idlest == CONNECTIONS_NONE)
			idlest = c->slot;
		if (idlest_of[client_of[c->slot]] == CONNECTIONS_NONE)
			idlest_of[client_of[c->slot]] = c->slot;
	}
	assert_int_equal(count, table->open);
	assert_ptr_equal(connections_idlest(table, NULL), connections_at(table, idlest));
	for (unsigned i = 0; i < CLIENTS; i++) {
		const union socket_address address = client(i);
		assert_int_equal(connections_of(table, &address), of[i]);
		assert_ptr_equal(connections_idlest(table, &address), connections_at(table, idlest_of[i]));
	}
}

static void test_table(void **state)
{
	struct connections table;
	(void)state;
	assert_true(connections_init(&table, SLOTS));
	memset(active, 0xff, sizeof active);
	for (uint64_t now = 1; now < STEPS; now++) {
		const unsigned any = chance(SLOTS);
		struct connection *c = &table.slots[any];
		if (chance(3) == 0) {
			const unsigned number = chance(CLIENTS);
			const union socket_address address = client(number);
			const bool full = table.open == SLOTS;
			c = connections_add(&table, 7, &address, now);
			assert_int_equal(c == NULL, full);
			if (c) {
				active[c->slot] = now;
				client_of[c->slot] = number;
				waits[c->slot] = false;
			}
		} else if (active[any] != UINT64_MAX && chance(2)) {
			const uint32_t generation = c->generation;
			assert_ptr_equal(connections_find(&table, any, generation), c);
			connections_remove(&table, c);
			assert_null(connections_find(&table, any, generation));
			assert_null(connections_find(&table, any, c->generation));
			active[any] = UINT64_MAX;
		} else if (active[any] != UINT64_MAX) {
			connections_touch(&table, c, now);
			active[any] = now;
			c->waiting = (uint16_t)chance(2);
			waits[any] = c->waiting;
		}
		if (now % 7 == 0)
			check(&table);
	}
	connections_free(&table);
}

/* What is sent arrives as it is, however little the socket takes at a time. */
static void test_out(void **state)
{
	struct backlog out = { 0 };
	static uint8_t message[40000], got[2 + sizeof message];
	int pair[2], small = 1;
	unsigned kept = 0;
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	for (unsigned round = 0; round < 200; round++) {
		const size_t len = 1 + chance(sizeof message - 1);
		size_t have = 0;
		for (size_t i = 0; i < len; i++)
			message[i] = (uint8_t)(i + round);
		if (round % 3 == 0) {
			assert_true(backlog_send(&out, pair[0], (const uint8_t[]){ (uint8_t)(len >> 8), (uint8_t)len }, 2));
			assert_true(backlog_send(&out, pair[0], message, len));
		} else {
			assert_true(backlog_send_message(&out, round % 3 == 1 ? pair[0] : -1, message, len));
		}
		kept += out.len > 0;
		while (have < 2 + len) {
			ssize_t n = recv(pair[1], got + have, 2 + len - have, 0);
			have += n > 0 ? (size_t)n : 0;
			assert_true(!out.len || backlog_flush(&out, pair[0]) >= 0);
		}
		assert_int_equal(got[0] << 8 | got[1], len);
		assert_memory_equal(got + 2, message, len);
		assert_int_equal(out.len, 0);
		assert_null(out.octets); /* who waits for nothing has no memory */
	}
	assert_in_range(kept, 50, 200);
	/* A bound, and a connection that is gone. */
	while (out.len + 2 + sizeof message <= BACKLOG_OUT_MAX)
		assert_true(backlog_send_message(&out, -1, message, sizeof message));
	assert_false(backlog_send_message(&out, -1, message, sizeof message));
	close(pair[1]);
	assert_int_equal(backlog_flush(&out, pair[0]), -1);
	backlog_free(&out);
	assert_false(backlog_send(&out, pair[0], message, 1));
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
