/* forward/: a question's way out and back, against fake upstreams that behave well,
 * badly, or not. */
#include "forward/world.h"

static uint64_t counter(const _Atomic(uint64_t) *value) { return atomic_load(value); }

static void good(struct world *world, unsigned server, bool tcp, const uint8_t *query, size_t len)
{
	(void)server, (void)tcp, (void)len;
	say_good(world, query, 60);
}

static void test_answer_and_cache(void **state)
{
	(void)state;
	struct world *world = world_new(good);
	const struct reply *reply = world_get(world, "www.ONE.example");
	assert_int_equal(reply->rcode, RCODE_NOERROR);
	assert_int_equal(reply->counts[0], 1);
	assert_true(reply->flags & FLAG_RA);
	assert_false(reply->flags & (FLAG_AA | FLAG_AD));
	assert_memory_equal(world->last + 12, "\3www\3ONE", 8); /* the client's case */
	assert_int_equal(wire_get32(world->last + 12 + 17 + 4 + 6), 60);
	world->now_s += 25;
	reply = world_get(world, "www.one.example");
	assert_int_equal(world->queries[0], 1);
	assert_int_equal(wire_get32(world->last + 12 + 17 + 4 + 6), 35);
	assert_int_equal(reply->counts[0], 1);
	world_ask_with(world, "www.one.example", TYPE_A, (struct ask){ .dnssec_ok = true });
	world_run(world, 1000);
	assert_int_equal(world->queries[0], 2); /* DO is part of the key */
	assert_int_equal(counter(&world->counters.cache_hits), 1);
	assert_int_equal(counter(&world->counters.cache_misses), 2);
	assert_int_equal(counter(&world->counters.cache_inserts), 2);
	assert_int_equal(counter(&world->counters.upstream_queries), 2);
	assert_int_equal(counter(&world->counters.upstream_answers), 2);
	world->now_s += 60;
	world_get(world, "www.one.example");
	assert_int_equal(world->queries[0], 3);
	world_free(world);
}

/* Our own query: nothing of the client's, and an OPT of 11 octets at its end, in which c-ares from
 * 1.33 on puts a cookie of its own (RFC 7873). */
static void check_query(struct world *world, unsigned server, bool tcp, const uint8_t *query,
                        size_t len)
{
	static const uint8_t opt[9] = { 0, 0, 41, 4, 208, 0, 0, 0, 0 };
	assert_int_equal(wire_get16(query + 2), FLAG_RD | FLAG_AD);
	assert_memory_equal(query + 4, "\0\1\0\0\0\0\0\1", 8);
	assert_memory_equal(query + 12, "\1x\3one\7example\0\0\1\0\1", 19);
	assert_memory_equal(query + 31, opt, sizeof opt);
	assert_int_equal(wire_get16(query + 40), len - 42);
	if (len > 42)
		assert_int_equal(wire_get16(query + 42), 10);
	good(world, server, tcp, query, len);
}

static void test_query(void **state)
{
	(void)state;
	struct world *world = world_new(check_query);
	assert_int_equal(world_get(world, "X.one.EXAMPLE")->counts[0], 1);
	world_free(world);
}

static void junk(struct world *world, unsigned server, bool tcp, const uint8_t *query, size_t len)
{
	(void)server;
	assert_false(tcp);
	uint8_t copy[1500];
	uint8_t *packet = world->packet.octets;
	say_octets(world, "", 0);
	say_octets(world, query, 7);
	say_octets(world, query, len); /* QR = 0 */
	response_to(world, query, 0);
	put_a(world, 60, 0x06060606);
	const size_t full = packet_len(&world->packet);
	packet[0] ^= 1, say(world), packet[0] ^= 1;             /* wrong id */
	packet[14] ^= 0x20, say(world), packet[14] ^= 0x20;     /* wrong case */
	packet[14] ^= 1, say(world), packet[14] ^= 1;           /* wrong question */
	packet[2] |= 0x20, say(world), packet[2] &= 0xDF;       /* opcode NOTIFY */
	packet[7] = 9, say(world), packet[7] = 1;               /* records that are not there */
	packet[2] |= 2, say(world), packet[2] &= 0xFD;          /* TC */
	packet[3] |= RCODE_FORMERR, say(world), packet[3] &= 0xF0;
	packet[3] |= RCODE_SERVFAIL, say(world), packet[3] &= 0xF0;
	packet[3] |= RCODE_REFUSED, say(world), packet[3] &= 0xF0;
	memset(copy, 0, sizeof copy);
	memcpy(copy, packet, full);
	say_octets(world, copy, sizeof copy);                   /* oversize */
	say_good(world, query, 60);
}

static void test_junk_before_the_answer(void **state)
{
	(void)state;
	struct world *world = world_new(junk);
	for (unsigned i = 0; i < 200; i++) {
		char name[64];
		snprintf(name, sizeof name, "n%u.one.example", i);
		const struct reply *reply = world_get(world, name);
		assert_int_equal(reply->rcode, RCODE_NOERROR);
		assert_int_equal(reply->counts[0], 1);
		assert_memory_equal(world->last + reply->len - 15, "\xc0\0\2\1", 4); /* before the OPT */
	}
	assert_int_equal(world->queries[0], 200);
	assert_int_equal(world->tcp_queries, 0);
	assert_int_equal(counter(&world->counters.upstream_rejected), 200 * 8);
	world_free(world);
}

/* 4,000 records by TCP, after a truncated answer. */
static void huge(struct world *world, unsigned server, bool tcp, const uint8_t *query, size_t len)
{
	(void)server, (void)len;
	response_to(world, query, tcp ? 0 : FLAG_TC);
	for (uint32_t i = 0; tcp && i < 4000; i++)
		put_a(world, 60, 0xC0000200 + i);
	say(world);
}

static void test_truncated_then_tcp(void **state)
{
	(void)state;
	struct world *world = world_new(huge);
	const unsigned by_tcp = world_ask_with(world, "a.one.example", TYPE_A,
	                                       (struct ask){ .tcp = true });
	world_run(world, 3000);
	assert_true(world->replies[by_tcp].done);
	assert_int_equal(world->replies[by_tcp].counts[0], 4000);
	assert_true(world->replies[by_tcp].len > 64000);
	const struct reply *reply = world_get(world, "a.one.example"); /* too large to keep */
	assert_int_equal(world->queries[0], 2);
	assert_int_equal(world->tcp_queries, 2);
	assert_true(reply->flags & FLAG_TC);
	assert_int_equal(reply->counts[0], 0);
	world_free(world);
}

static void fails_first(struct world *world, unsigned server, bool tcp, const uint8_t *query,
                        size_t len)
{
	if (world->queries[0] + world->queries[1] > 1) {
		good(world, server, tcp, query, len);
		return;
	}
	response_to(world, query, RCODE_SERVFAIL);
	say(world);
}

static void test_servfail_then_good(void **state)
{
	(void)state;
	struct world *world = world_new(fails_first);
	assert_int_equal(world_get(world, "a.one.example")->counts[0], 1);
	assert_int_equal(world->queries[0], 2);
	world_free(world);
	world = world_new(fails_first);
	assert_int_equal(world_get(world, "a.two.example")->counts[0], 1);
	assert_int_equal(world->queries[0], 1);
	assert_int_equal(world->queries[1], 1);
	world_free(world);
}

static void fails(struct world *world, unsigned server, bool tcp, const uint8_t *query, size_t len)
{
	(void)server, (void)tcp, (void)len;
	response_to(world, query, RCODE_REFUSED);
	say(world);
}

static void test_failure_is_remembered(void **state)
{
	(void)state;
	struct world *world = world_new(fails);
	const struct reply *reply = world_get(world, "a.one.example");
	assert_int_equal(reply->rcode, RCODE_SERVFAIL);
	assert_int_equal(reply->ede, EDE_NO_REACHABLE_AUTHORITY);
	const unsigned queries = world->queries[0];
	assert_true(queries <= 3);
	reply = world_get(world, "a.one.example");
	assert_int_equal(reply->rcode, RCODE_SERVFAIL);
	assert_int_equal(reply->ede, EDE_CACHED_ERROR);
	assert_int_equal(world->queries[0], queries);
	world->script = good;
	world->now_s += 2;
	assert_int_equal(world_get(world, "a.one.example")->rcode, RCODE_NOERROR);
	world_free(world);
}

static void no_edns(struct world *world, unsigned server, bool tcp, const uint8_t *query,
                    size_t len)
{
	if (wire_get16(query + 10) == 0) {
		good(world, server, tcp, query, len);
		return;
	}
	response_to(world, query, RCODE_FORMERR);
	say(world);
}

static void test_upstream_without_edns(void **state)
{
	(void)state;
	struct world *world = world_new(no_edns);
	assert_int_equal(world_get(world, "a.one.example")->counts[0], 1);
	assert_int_equal(world->queries[0], 2);
	world->script = check_query; /* the next question has its OPT */
	assert_int_equal(world_get(world, "x.one.example")->counts[0], 1);
	world_free(world);
}

static void test_silence(void **state)
{
	(void)state;
	struct world *world = world_new(NULL);
	const uint64_t start = clock_ms();
	const struct reply *reply = world_get(world, "a.one.example");
	assert_in_range(clock_ms() - start, 590, 800);
	assert_int_equal(reply->rcode, RCODE_SERVFAIL);
	assert_int_equal(reply->ede, EDE_NO_REACHABLE_AUTHORITY);
	assert_in_range(world->queries[0], 2, 3);
	assert_int_equal(counter(&world->counters.upstream_timeouts), 1);
	world_free(world);
}

static void test_nobody_there(void **state)
{
	(void)state;
	struct world *world = world_new(NULL);
	const uint64_t start = clock_ms();
	const struct reply *reply = world_get(world, "a.none.example");
	assert_true(clock_ms() - start < 200);
	assert_int_equal(reply->rcode, RCODE_SERVFAIL);
	assert_int_equal(reply->ede, EDE_NETWORK_ERROR);
	world_free(world);
}

static void test_ourselves(void **state)
{
	(void)state;
	struct world *world = world_new(good);
	world->addresses[2].port = 5380;
	const struct reply *reply = world_get(world, "a.none.example");
	assert_int_equal(reply->rcode, RCODE_SERVFAIL);
	assert_int_equal(reply->ede, EDE_OTHER);
	assert_int_equal(counter(&world->counters.upstream_queries), 0);
	world_free(world);
}

static void only_second(struct world *world, unsigned server, bool tcp, const uint8_t *query,
                        size_t len)
{
	if (server == 1)
		good(world, server, tcp, query, len);
}

static void test_fail_over(void **state)
{
	(void)state;
	struct world *world = world_new(only_second);
	world->view.timeout_ms = 2000;
	uint64_t start = clock_ms();
	assert_int_equal(world_get(world, "a.two.example")->counts[0], 1);
	assert_in_range(clock_ms() - start, 300, 500);
	for (unsigned i = 0; i < 20; i++) { /* from then on the good one is first */
		char name[64];
		snprintf(name, sizeof name, "n%u.two.example", i);
		start = clock_ms();
		assert_int_equal(world_get(world, name)->counts[0], 1);
		assert_true(clock_ms() - start < 100);
	}
	world_free(world);
}

static void test_coalescing(void **state)
{
	(void)state;
	struct world *world = world_new(good);
	for (unsigned i = 0; i < 4200; i++)
		world_ask(world, "a.one.example");
	assert_int_equal(forward_waiting(world->forward), FORWARD_WAITING_MAX);
	world_run(world, 3000);
	assert_int_equal(world->answered, 4200);
	assert_int_equal(world->queries[0], 1);
	assert_int_equal(counter(&world->counters.coalesced), FORWARD_WAITING_MAX - 1);
	unsigned answers = 0;
	for (unsigned i = 0; i < 4200; i++)
		answers += world->replies[i].counts[0];
	assert_int_equal(answers, FORWARD_WAITING_MAX);
	world_free(world);
}

static void at_metadata(struct world *world, unsigned server, bool tcp, const uint8_t *query,
                        size_t len)
{
	(void)server, (void)tcp, (void)len;
	response_to(world, query, 0);
	put_a(world, 60, 0xC0000201);
	put_a(world, 60, 0xA9FEA9FE);
	say(world);
}

static void test_private(void **state)
{
	(void)state;
	struct world *world = world_new(at_metadata);
	for (unsigned i = 0; i < 2; i++) { /* from the upstream, then from the cache */
		const struct reply *reply = world_get(world, "a.one.example");
		assert_int_equal(reply->rcode, RCODE_REFUSED);
		assert_int_equal(reply->ede, EDE_FILTERED);
		assert_int_equal(reply->counts[0], 0);
	}
	assert_int_equal(counter(&world->counters.filtered), 1);
	assert_int_equal(world_get(world, "a.corp.example")->counts[0], 2);
	world_free(world);
}

static void of_zero(struct world *world, unsigned server, bool tcp, const uint8_t *query,
                    size_t len)
{
	(void)server, (void)tcp, (void)len;
	say_good(world, query, 0);
}

static void test_ttl_zero(void **state)
{
	(void)state;
	struct world *world = world_new(of_zero);
	world_ask(world, "a.one.example");
	world_ask(world, "a.one.example");
	world_run(world, 1000);
	assert_int_equal(world->replies[1].counts[0], 1);
	assert_int_equal(world->queries[0], 1);
	world_get(world, "a.one.example");
	assert_int_equal(world->queries[0], 2);
	world_free(world);
}

static void test_prefetch(void **state)
{
	(void)state;
	struct world *world = world_new(good);
	for (unsigned i = 0; i < 4; i++)
		world_get(world, "a.one.example");
	world->now_s += 53;
	world_get(world, "a.one.example");
	assert_int_equal(counter(&world->counters.cache_prefetches), 0);
	world->now_s += 2;
	world_get(world, "a.one.example");
	world_get(world, "a.one.example");
	assert_int_equal(counter(&world->counters.cache_prefetches), 1);
	for (unsigned i = 0; i < 20; i++)
		world_round(world, 5);
	assert_int_equal(world->queries[0], 2);
	world->now_s += 30; /* the old one would be over */
	world_get(world, "a.one.example");
	assert_int_equal(world->queries[0], 2);
	world_free(world);
}

static void authentic(struct world *world, unsigned server, bool tcp, const uint8_t *query,
                      size_t len)
{
	(void)server, (void)tcp, (void)len;
	response_to(world, query, FLAG_AD);
	put_a(world, 60, 0xC0000201);
	say(world);
}

static void test_ad(void **state)
{
	(void)state;
	struct world *world = world_new(authentic);
	world_ask_with(world, "a.one.example", TYPE_A, (struct ask){ .no_edns = true });
	world_ask_with(world, "a.one.example", TYPE_A, (struct ask){ .ad = true });
	world_ask_with(world, "a.one.example", TYPE_A, (struct ask){ .dnssec_ok = true });
	world_run(world, 1000);
	assert_false(world->replies[0].flags & FLAG_AD);
	assert_true(world->replies[1].flags & FLAG_AD);
	assert_true(world->replies[2].flags & FLAG_AD);
	world_free(world);
}

/* An upstream that is silent takes no time from questions that go elsewhere. */
static void test_black_hole(void **state)
{
	(void)state;
	struct world *world = world_new(only_second);
	struct upstream_address *good_one = &world->addresses[2];
	*good_one = world->addresses[1];
	char name[64];
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "n%u.one.example", i);
		world_ask(world, name);
	}
	for (unsigned i = 0; i < 50; i++) {
		const unsigned number = world->asked;
		const uint64_t start = clock_ms();
		snprintf(name, sizeof name, "n%u.none.example", i);
		world_ask(world, name);
		while (!world->replies[number].done && clock_ms() - start < 1000)
			world_round(world, 5);
		assert_true(clock_ms() - start < 50);
		assert_int_equal(world->replies[number].counts[0], 1);
	}
	world_run(world, 3000);
	assert_int_equal(world->answered, world->asked);
	assert_int_equal(forward_waiting(world->forward), 0);
	world_free(world);
}

/* 20,000 questions, at least 12,000 ports, ids that nobody can tell from random. */
static uint8_t ports_seen[65536];
static unsigned id_high[256], id_low[256];

static void note_port(struct world *world, unsigned server, bool tcp, const uint8_t *query,
                      size_t len)
{
	ports_seen[ntohs(world->from.sin_port)] = 1;
	id_high[query[0]]++;
	id_low[query[1]]++;
	good(world, server, tcp, query, len);
}

static double chi_square(const unsigned counts[256], unsigned total)
{
	double sum = 0, expected = total / 256.0;
	for (unsigned i = 0; i < 256; i++)
		sum += (counts[i] - expected) * (counts[i] - expected) / expected;
	return sum;
}

static void test_ports_and_ids(void **state)
{
	(void)state;
	unsigned total = 0, ports = 0;
	for (unsigned round = 0; round < 5; round++) {
		struct world *world = world_new(note_port);
		for (unsigned i = 0; i < 4000; i++) {
			char name[64];
			snprintf(name, sizeof name, "n%u-%u.one.example", round, i);
			world_ask(world, name);
			while (world->asked - world->answered >= 64)
				world_round(world, 20);
		}
		world_run(world, 3000);
		assert_int_equal(world->answered, 4000);
		total += world->queries[0];
		world_free(world);
	}
	for (unsigned i = 0; i < 65536; i++)
		ports += ports_seen[i];
	print_message("%u queries, %u ports, chi-square of the ids' halves %.0f and %.0f\n", total,
	              ports,
	              chi_square(id_high, total), chi_square(id_low, total));
	assert_int_equal(total, 20000);
	assert_true(ports >= 12000);
	assert_true(chi_square(id_high, total) < 330.5); /* p = 0.001 at 255 degrees of freedom */
	assert_true(chi_square(id_low, total) < 330.5);
}

static void test_end_while_waiting(void **state)
{
	(void)state;
	struct world *world = world_new(NULL);
	for (unsigned i = 0; i < 10; i++)
		world_ask(world, "a.one.example");
	world_ask(world, "b.one.example");
	for (unsigned i = 0; i < 5; i++)
		world_round(world, 5);
	assert_int_equal(forward_waiting(world->forward), 11);
	assert_true(forward_next_ms(world->forward) <= 20);
	forward_free(world->forward);
	world->forward = NULL;
	assert_int_equal(world->answered, 11);
	assert_int_equal(world->replies[10].rcode, RCODE_SERVFAIL);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer_and_cache),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_junk_before_the_answer),
		cmocka_unit_test(test_truncated_then_tcp),
		cmocka_unit_test(test_servfail_then_good),
		cmocka_unit_test(test_failure_is_remembered),
		cmocka_unit_test(test_upstream_without_edns),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_ourselves),
		cmocka_unit_test(test_fail_over),
		cmocka_unit_test(test_coalescing),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_ttl_zero),
		cmocka_unit_test(test_prefetch),
		cmocka_unit_test(test_ad),
		cmocka_unit_test(test_black_hole),
		cmocka_unit_test(test_ports_and_ids),
		cmocka_unit_test(test_end_while_waiting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
