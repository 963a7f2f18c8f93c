/*
 * Telling secondaries: the test is the secondary, on a socket of its own, and time is its own too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/message.h"
#include "core/type.h"
#include "dnssec/key.h"
#include "dnssec/tsig.h"
#include "transfer/notify.h"

#define NOW_S 1800000000u

struct world {
	struct notify *notify;
	struct mist_reporter reporter;
	unsigned reports;
	uint64_t now_ms;
	int secondary;
	char address[64];
	struct view view;            /* its keys are all that is looked at */
	unsigned count;              /* sockets that wait for an answer */
	uint8_t message[MESSAGE_UDP_EDNS];
	struct sockaddr_in from;
};

static void report_to(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	(void)level, (void)file, (void)line, (void)text;
	((struct world *)user)->reports++;
}

static int open_secondary(char address[64], const char *key)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof own;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&own, len), 0);
	getsockname(fd, (struct sockaddr *)&own, &len);
	snprintf(address, 64, "%s127.0.0.1:%u", key, ntohs(own.sin_port));
	return fd;
}

static void begin(struct world *world, const char *key)
{
	struct notify_options options = { .reporter = &world->reporter };

	memset(world, 0, sizeof *world);
	world->reporter = (struct mist_reporter){ report_to, world };
	world->now_ms = 1000000;
	world->secondary = open_secondary(world->address, key);
	assert_int_equal(notify_new(&world->notify, &options), MIST_OK);
}

static void end(struct world *world)
{
	notify_free(world->notify);
	close(world->secondary);
}

static struct zone *zone_of(const char *name, uint32_t serial, const char *const *notify, size_t count)
{
	struct zone *zone;
	uint8_t apex[NAME_MAX], rdata[26] = "\1a\0\1b\0";
	const struct access_texts texts = { .notify = notify, .notify_count = count };

	assert_int_not_equal(name_from_text(apex, name), 0);
	assert_int_equal(zone_new(&zone, apex), MIST_OK);
	assert_int_equal(access_new(&zone->access, &texts, name, NULL, NULL), MIST_OK);
	wire_set32(rdata + 6, serial);
	struct mist_record soa = { .owner = apex, .type = TYPE_SOA, .ttl = 300, .rdata = rdata, .rdata_len = 26 };
	assert_int_equal(zone_add(zone, &soa, NULL), MIST_OK);
	struct mist_record ns = { .owner = apex, .type = TYPE_NS, .ttl = 300, .rdata = (const uint8_t *)"\2ns\1x",
	                          .rdata_len = 6 };
	assert_int_equal(zone_add(zone, &ns, NULL), MIST_OK);
	assert_int_equal(zone_complete(zone, NULL), MIST_OK);
	return zone;
}

/* The same zone and secondaries, one version on. */
static struct zone *next_version(struct zone *zone, uint32_t serial)
{
	struct zone *fork;
	struct record soa;
	uint8_t rdata[26];
	size_t at = 0;
	_Bool too_large;

	assert_int_equal(zone_fork(&fork, zone), MIST_OK);
	assert_true(rrset_next(zone->soa, zone->soa->len, &at, &soa));
	memcpy(rdata, soa.rdata, 26);
	wire_set32(rdata + 6, serial);
	assert_int_equal(zone_put(fork, zone->name, rrset_with(NULL, TYPE_SOA, 300, rdata, 26, &too_large)), MIST_OK);
	zone_release(zone);
	return fork;
}

/* A round after so many milliseconds; returns how long the next may take. */
static int after(struct world *world, uint64_t ms)
{
	struct pollfd fds[NOTIFY_SENT_MAX];

	world->now_ms += ms;
	return notify_round(world->notify, world->now_ms, NOW_S, fds, &world->count);
}

/* The length of what the secondary got; 0: nothing. */
static size_t arrived(struct world *world)
{
	socklen_t len = sizeof world->from;
	ssize_t n = recvfrom(world->secondary, world->message, sizeof world->message, 0,
	                     (struct sockaddr *)&world->from, &len);

	return n < 0 ? 0 : (size_t)n;
}

static void answer(struct world *world, size_t len, unsigned rcode)
{
	world->message[2] |= 0x80;
	world->message[3] = (uint8_t)rcode;
	assert_int_equal(sendto(world->secondary, world->message, len, 0, (struct sockaddr *)&world->from,
	                        sizeof world->from), len);
}

/* One message for the zone with that serial; returns its length. */
static size_t expect(struct world *world, const char *zone, uint32_t serial)
{
	const size_t len = arrived(world);
	uint8_t name[NAME_MAX];
	size_t name_len = name_from_text(name, zone);

	assert_true(len > MESSAGE_HEADER);
	assert_int_equal(wire_get16(world->message + 2), OPCODE_NOTIFY << 11 | FLAG_AA);
	assert_memory_equal(world->message + 4, "\0\1\0\1\0\0", 6);
	assert_memory_equal(world->message + MESSAGE_HEADER, name, name_len);
	const uint8_t *question = world->message + MESSAGE_HEADER + name_len;
	assert_memory_equal(question, "\0\6\0\1\xc0\x0c\0\6\0\1", 10);
	assert_int_equal(wire_get32(question + 16 + 6), serial);
	return len;
}

static void test_told_and_answered(void **state)
{
	struct world world;
	begin(&world, "");
	const char *secondary = world.address;
	struct zone *zone = zone_of("a.test", 7, &secondary, 1);
	(void)state;
	assert_int_equal(after(&world, 0), -1);
	assert_true(notify_tell(world.notify, zone, &world.view));
	assert_int_equal(after(&world, 0), NOTIFY_WAIT_MS);
	size_t len = expect(&world, "a.test", 7);

	/* What is not the answer does not count: another id, a question, another zone. */
	world.message[0] ^= 1;
	answer(&world, len, 0);
	world.message[0] ^= 1;
	world.message[2] &= 0x7f;
	assert_int_equal(sendto(world.secondary, world.message, len, 0, (struct sockaddr *)&world.from,
	                        sizeof world.from), len);
	world.message[MESSAGE_HEADER + 1] ^= 1;
	answer(&world, len, 0);
	world.message[MESSAGE_HEADER + 1] ^= 1;
	after(&world, 10);
	assert_int_equal(world.count, 1);

	answer(&world, len, 0);
	assert_int_equal(after(&world, 10), NOTIFY_PAUSE_MS);
	assert_int_equal(world.count, 0);
	assert_int_equal(after(&world, NOTIFY_PAUSE_MS), -1); /* forgotten */
	assert_int_equal(arrived(&world), 0);
	assert_int_equal(world.reports, 0);
	zone_release(zone);
	end(&world);
}

/* Of many versions the secondary hears at once, then no more than every NOTIFY_PAUSE_MS, and of the last. */
static void test_burst(void **state)
{
	struct world world;
	begin(&world, "");
	const char *secondary = world.address;
	struct zone *zone = zone_of("a.test", 0, &secondary, 1);
	unsigned messages = 0;
	(void)state;
	for (uint32_t serial = 1; serial <= 1000; serial++) { /* in a second */
		zone = next_version(zone, serial);
		assert_true(notify_tell(world.notify, zone, &world.view));
		after(&world, 1);
		for (size_t len; (len = arrived(&world)) > 0; messages++)
			answer(&world, len, 0);
	}
	after(&world, NOTIFY_PAUSE_MS);
	answer(&world, expect(&world, "a.test", 1000), 0);
	assert_in_range(messages, 4, 6);
	zone_release(zone);
	end(&world);
}

static void test_silence(void **state)
{
	struct world world;
	begin(&world, "");
	const char *secondary = world.address;
	struct zone *zone = zone_of("a.test", 1, &secondary, 1);
	unsigned messages = 0;
	uint64_t begun = world.now_ms;
	int wait = 0;
	(void)state;
	assert_true(notify_tell(world.notify, zone, &world.view));
	while ((wait = after(&world, (uint64_t)wait)) >= 0) {
		assert_true(wait <= 120000);
		while (arrived(&world) > 0)
			messages++;
		/* News do not make it more. */
		if (messages == 2) {
			zone = next_version(zone, zone->serial + 1);
			assert_true(notify_tell(world.notify, zone, &world.view));
		}
	}
	assert_int_equal(messages, 5);
	assert_in_range(world.now_ms - begun, 120000, 200000);
	assert_int_equal(world.reports, 1);

	/* Later news are told. */
	zone = next_version(zone, 100);
	assert_true(notify_tell(world.notify, zone, &world.view));
	after(&world, 0);
	expect(&world, "a.test", 100);
	zone_release(zone);
	end(&world);
}

static void test_error(void **state)
{
	struct world world;
	begin(&world, "");
	const char *secondary = world.address;
	struct zone *zone = zone_of("a.test", 1, &secondary, 1);
	(void)state;
	assert_true(notify_tell(world.notify, zone, &world.view));
	after(&world, 0);
	answer(&world, expect(&world, "a.test", 1), RCODE_REFUSED);
	after(&world, 1);
	assert_int_equal(world.reports, 1);
	assert_int_equal(after(&world, NOTIFY_PAUSE_MS), -1);
	zone_release(zone);
	end(&world);
}

/* More than there are slots for, some of them dead: each hears, in time. */
static void test_many(void **state)
{
	enum { ZONES = 200 };
	struct world world;
	struct zone *zones[ZONES];
	char name[32], dead[64];
	bool heard[ZONES] = { false };
	unsigned count = 0;
	begin(&world, "");
	const char *const secondaries[] = { dead, world.address };
	close(open_secondary(dead, "")); /* nobody listens there */
	(void)state;
	for (unsigned i = 0; i < ZONES; i++) {
		snprintf(name, sizeof name, "z%u.test", i);
		zones[i] = zone_of(name, i, secondaries, 2);
		assert_true(notify_tell(world.notify, zones[i], &world.view));
	}
	for (unsigned round = 0; round < 100 && count < ZONES; round++) {
		after(&world, 10);
		assert_true(world.count <= NOTIFY_SENT_MAX);
		for (size_t len; (len = arrived(&world)) > 0;) {
			unsigned i = (unsigned)atoi((const char *)world.message + MESSAGE_HEADER + 2);
			assert_true(i < ZONES && !heard[i]);
			heard[i] = true;
			count++;
			answer(&world, len, 0);
		}
	}
	assert_int_equal(count, ZONES);
	/* Other secondaries from now on: what the old ones were owed is forgotten. */
	const char *secondary = world.address;
	struct zone *changed = zone_of("z3.test", 1000, &secondary, 1);
	assert_true(notify_tell(world.notify, changed, &world.view));
	after(&world, 0);
	expect(&world, "z3.test", 1000);
	zone_release(changed);
	for (unsigned i = 0; i < ZONES; i++)
		zone_release(zones[i]);
	end(&world);
}

/* One that was told and forgotten hears the next news, though another of the zone is still silent. */
static void test_beside_a_silent_one(void **state)
{
	struct world world;
	char silent[64];
	begin(&world, "");
	const char *const secondaries[] = { silent, world.address };
	int other = open_secondary(silent, "");
	struct zone *zone = zone_of("a.test", 0, secondaries, 2);
	(void)state;
	for (uint32_t serial = 1; serial < 5; serial++) {
		zone = next_version(zone, serial);
		assert_true(notify_tell(world.notify, zone, &world.view));
		after(&world, 0);
		answer(&world, expect(&world, "a.test", serial), 0);
		after(&world, 1);
		after(&world, NOTIFY_PAUSE_MS);
		assert_int_equal(arrived(&world), 0);
	}
	close(other);
	zone_release(zone);
	end(&world);
}

static void test_signed(void **state)
{
	struct world world;
	struct crypto *crypto;
	struct tsig tsig = { 0 };
	struct request request;
	uint8_t key[NAME_MAX];
	(void)state;
	begin(&world, "k.test@");
	const char *secondary = world.address;
	struct zone *zone = zone_of("a.test", 1, &secondary, 1);
	assert_int_equal(crypto_new(&crypto), MIST_OK);
	assert_int_equal(keyring_new(&world.view.keyring, crypto), MIST_OK);
	name_from_text(key, "k.test");
	assert_int_equal(keyring_add(world.view.keyring, key, NULL, (const uint8_t *)"secret", 6), MIST_OK);
	assert_true(notify_tell(world.notify, zone, &world.view));
	after(&world, 0);
	size_t len = arrived(&world);
	assert_int_equal(message_parse(&request, world.message, len), PARSED_OK);
	assert_true(request.tsig_at > 0);
	assert_int_equal(tsig_check(&tsig, world.view.keyring, world.message, len, request.tsig_at, NOW_S), 0);

	/* An unsigned answer is none; a signed one is. */
	len = request.tsig_at;
	wire_set16(world.message + 10, 0);
	answer(&world, len, 0);
	after(&world, 10);
	assert_int_equal(world.count, 1);
	len = tsig_sign(&tsig, world.message, len, sizeof world.message, NOW_S);
	assert_int_not_equal(len, 0);
	answer(&world, len, 0);
	assert_int_equal(after(&world, 10), NOTIFY_PAUSE_MS);
	assert_int_equal(world.count, 0);
	zone_release(zone);
	end(&world);
	keyring_release(world.view.keyring);
	crypto_free(crypto);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_and_answered),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_beside_a_silent_one),
		cmocka_unit_test(test_signed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
