/* forward/check.c: what is junk, what is believed, and what is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "forward/check.h"
#include "forward/packet.h"

#define GOOD (FLAG_QR | FLAG_RD | FLAG_RA)

static struct check *check;
static struct packet packet;
static struct cache_answer answer;

static int set_up(void **state)
{
	(void)state;
	check = malloc(sizeof *check);
	return check ? 0 : -1;
}
static int tear_down(void **state)
{
	(void)state;
	free(check);
	return 0;
}

static enum checked believe(const char *name, uint16_t type, bool dnssec_ok)
{
	struct question question = { .type = type, .class = CLASS_IN };
	question.len = (uint8_t)name_from_text(question.name, name);
	const struct check_rules rules = { .question = &question, .dnssec_ok = dnssec_ok,
	                                   .max_ttl_s = 300 };
	return check_answer(check, &rules, packet.octets, packet_len(&packet), &answer);
}

/* The n-th record that was believed: its type, and TTL. */
static uint16_t type_of(unsigned n, uint32_t *ttl)
{
	struct reader r = reader_on(answer.records, answer.lens[0] + answer.lens[1]);
	for (;;) {
		reader_take(&r, name_skip(r.at));
		const uint16_t type = reader_u16(&r);
		reader_take(&r, 2);
		*ttl = reader_u32(&r);
		reader_take(&r, reader_u16(&r));
		assert_false(r.failed);
		if (n-- == 0)
			return type;
	}
}

static void test_datagrams(void **state)
{
	(void)state;
	struct packet query;
	packet_begin(&query, 77, FLAG_RD, "www.example.com", TYPE_A);
	const size_t query_len = packet_len(&query);
	packet_begin(&packet, 77, GOOD, "www.example.com", TYPE_A);
	packet_address(&packet, "www.example.com", 60, "192.0.2.1");
	const size_t len = packet_len(&packet);
	uint8_t copy[512];
#define KIND(change) (memcpy(copy, packet.octets, len), (change), \
                      check_datagram(query.octets, query_len, copy, len))
	assert_int_equal(KIND(copy[0] = 0), DATAGRAM_ANSWER);
	assert_int_equal(KIND(copy[1] = 78), DATAGRAM_JUNK);
	assert_int_equal(KIND(copy[2] &= 0x7f), DATAGRAM_JUNK);         /* a query */
	assert_int_equal(KIND(copy[2] |= 0x28), DATAGRAM_JUNK);         /* UPDATE */
	assert_int_equal(KIND(copy[5] = 2), DATAGRAM_JUNK);
	assert_int_equal(KIND(copy[13] = 'W'), DATAGRAM_JUNK);          /* case counts */
	assert_int_equal(KIND(copy[len - 17] ^= 1), DATAGRAM_ANSWER);   /* the record's class, not our business */
	assert_int_equal(KIND(copy[7] = 2), DATAGRAM_JUNK);             /* a record that is not there */
	assert_int_equal(KIND(copy[2] |= 2), DATAGRAM_DETOUR);          /* TC */
	assert_int_equal(KIND(copy[3] |= RCODE_SERVFAIL), DATAGRAM_DETOUR);
	assert_int_equal(KIND(copy[3] |= RCODE_FORMERR), DATAGRAM_DETOUR);
	assert_int_equal(KIND(copy[3] |= RCODE_REFUSED), DATAGRAM_DETOUR);
	assert_int_equal(KIND(copy[3] |= RCODE_NXDOMAIN), DATAGRAM_ANSWER);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(check_datagram(query.octets, query_len, packet.octets, cut),
		                 DATAGRAM_JUNK);
	static uint8_t large[1400];
	memcpy(large, packet.octets, len);
	assert_int_equal(check_datagram(query.octets, query_len, large, sizeof large), DATAGRAM_DETOUR);
#undef KIND
}

static void test_chain_and_nothing_else(void **state)
{
	(void)state;
	uint32_t ttl;
	packet_begin(&packet, 1, GOOD | FLAG_AD, "www.example.com", TYPE_A);
	packet_address(&packet, "evil.example", 60, "192.0.2.66"); /* out of the chain */
	packet_address(&packet, "b.example.org", 1000000, "192.0.2.2"); /* order does not matter */
	packet_target(&packet, SECTION_ANSWER, "A.example.net", TYPE_CNAME, 50, "b.example.ORG");
	packet_target(&packet, SECTION_ANSWER, "www.example.com", TYPE_CNAME, 70, "a.example.net");
	packet_address(&packet, "b.example.org", 60, "2001:db8::1"); /* another type */
	packet_rrsig(&packet, SECTION_ANSWER, "b.example.org", TYPE_A, "example.org");
	packet_target(&packet, SECTION_AUTHORITY, "com", TYPE_NS, 60, "ns.evil.example");
	packet_soa(&packet, "example.org", 60, 60);
	assert_int_equal(believe("www.example.com", TYPE_A, false), CHECKED_ANSWER);
	assert_true(answer.authentic);
	assert_false(answer.negative);
	assert_int_equal(answer.ttl, 50);
	assert_int_equal(answer.counts[0], 3);
	assert_int_equal(answer.counts[1], 0);
	assert_int_equal(wire_get16(answer.records), RRSET_OWNER);
	assert_int_equal(type_of(0, &ttl), TYPE_CNAME);
	assert_int_equal(type_of(1, &ttl), TYPE_CNAME);
	assert_int_equal(type_of(2, &ttl), TYPE_A);
	assert_int_equal(ttl, 300); /* capped */
	assert_int_equal(believe("www.example.com", TYPE_A, true), CHECKED_ANSWER);
	assert_int_equal(answer.counts[0], 4);
	assert_int_equal(type_of(3, &ttl), TYPE_RRSIG);
}

static void test_negative(void **state)
{
	(void)state;
	uint32_t ttl;
	packet_begin(&packet, 1, GOOD | RCODE_NXDOMAIN, "no.example.com", TYPE_A);
	packet_soa(&packet, "other.test", 60, 60); /* not of this name */
	packet_soa(&packet, "example.com", 200, 20);
	packet_target(&packet, SECTION_AUTHORITY, "example.com", TYPE_NSEC, 100, "z.example.com");
	assert_int_equal(believe("no.example.com", TYPE_A, false), CHECKED_ANSWER);
	assert_int_equal(answer.rcode, RCODE_NXDOMAIN);
	assert_true(answer.negative);
	assert_int_equal(answer.ttl, 20);
	assert_int_equal(answer.counts[0], 0);
	assert_int_equal(answer.counts[1], 1);
	assert_int_equal(type_of(0, &ttl), TYPE_SOA);
	assert_int_equal(ttl, 20);

	packet_begin(&packet, 1, GOOD, "no.example.com", TYPE_A); /* nothing at all */
	assert_int_equal(believe("no.example.com", TYPE_A, false), CHECKED_ANSWER);
	assert_true(answer.negative);
	assert_int_equal(answer.ttl, 0);

	packet_begin(&packet, 1, GOOD, "no.example.com", TYPE_A); /* a referral */
	packet_target(&packet, SECTION_AUTHORITY, "example.com", TYPE_NS, 60, "ns.example.com");
	assert_int_equal(believe("no.example.com", TYPE_A, false), CHECKED_REJECTED);
	assert_true(answer.failure);
}

static void test_proofs(void **state)
{
	(void)state;
	uint32_t ttl;
	packet_begin(&packet, 1, GOOD, "www.example.com", TYPE_A); /* from a wildcard */
	packet_address(&packet, "www.example.com", 60, "192.0.2.1");
	packet_rrsig(&packet, SECTION_ANSWER, "www.example.com", TYPE_A, "example.com");
	uint8_t *at = packet_record(&packet, SECTION_AUTHORITY, "a.example.com", TYPE_NSEC, 60);
	packet_name(&packet, "z.example.com");
	writer_put(&packet.w, "\0\1\100", 3);
	packet_end(&packet, at);
	packet_rrsig(&packet, SECTION_AUTHORITY, "a.example.com", TYPE_NSEC, "example.com");
	packet_rrsig(&packet, SECTION_AUTHORITY, "a.evil.test", TYPE_NSEC, "evil.test");
	assert_int_equal(believe("www.example.com", TYPE_A, true), CHECKED_ANSWER);
	assert_int_equal(answer.counts[0], 2);
	assert_int_equal(answer.counts[1], 2);
	assert_int_equal(type_of(2, &ttl), TYPE_NSEC);
	assert_int_equal(type_of(3, &ttl), TYPE_RRSIG);
	assert_int_equal(believe("www.example.com", TYPE_A, false), CHECKED_ANSWER);
	assert_int_equal(answer.counts[0], 1);
	assert_int_equal(answer.counts[1], 0);
}

static void test_dname(void **state)
{
	(void)state;
	uint32_t ttl;
	packet_begin(&packet, 1, GOOD, "a.b.example.com", TYPE_A);
	packet_target(&packet, SECTION_ANSWER, "b.example.com", TYPE_DNAME, 60, "c.example.net");
	packet_target(&packet, SECTION_ANSWER, "a.b.example.com", TYPE_CNAME, 60, "a.c.example.net");
	packet_address(&packet, "a.c.example.net", 60, "192.0.2.1");
	assert_int_equal(believe("a.b.example.com", TYPE_A, false), CHECKED_ANSWER);
	assert_int_equal(answer.counts[0], 3);
	assert_int_equal(type_of(0, &ttl), TYPE_DNAME);
	assert_int_equal(type_of(1, &ttl), TYPE_CNAME);

	packet_begin(&packet, 1, GOOD, "a.b.example.com", TYPE_A); /* leads elsewhere */
	packet_target(&packet, SECTION_ANSWER, "b.example.com", TYPE_DNAME, 60, "c.example.net");
	packet_target(&packet, SECTION_ANSWER, "a.b.example.com", TYPE_CNAME, 60, "evil.test");
	assert_int_equal(believe("a.b.example.com", TYPE_A, false), CHECKED_REJECTED);

	packet_begin(&packet, 1, GOOD, "a.b.example.com", TYPE_A); /* no CNAME */
	packet_target(&packet, SECTION_ANSWER, "b.example.com", TYPE_DNAME, 60, "c.example.net");
	assert_int_equal(believe("a.b.example.com", TYPE_A, false), CHECKED_REJECTED);
}

static void test_rejected(void **state)
{
	(void)state;
	packet_begin(&packet, 1, GOOD, "a.example.com", TYPE_A); /* a loop */
	packet_target(&packet, SECTION_ANSWER, "a.example.com", TYPE_CNAME, 60, "b.example.com");
	packet_target(&packet, SECTION_ANSWER, "b.example.com", TYPE_CNAME, 60, "a.example.com");
	assert_int_equal(believe("a.example.com", TYPE_A, false), CHECKED_REJECTED);

	packet_begin(&packet, 1, GOOD, "a.example.com", TYPE_A); /* two ways */
	packet_target(&packet, SECTION_ANSWER, "a.example.com", TYPE_CNAME, 60, "b.example.com");
	packet_target(&packet, SECTION_ANSWER, "a.example.com", TYPE_CNAME, 60, "c.example.com");
	assert_int_equal(believe("a.example.com", TYPE_A, false), CHECKED_REJECTED);

	packet_begin(&packet, 1, GOOD, "a.example.com", TYPE_A); /* an address of five octets */
	uint8_t *at = packet_record(&packet, SECTION_ANSWER, "a.example.com", TYPE_A, 60);
	writer_put(&packet.w, "12345", 5);
	packet_end(&packet, at);
	assert_int_equal(believe("a.example.com", TYPE_A, false), CHECKED_REJECTED);

	packet_begin(&packet, 1, GOOD | RCODE_NXDOMAIN, "a.example.com", TYPE_A); /* is it there or not? */
	packet_address(&packet, "a.example.com", 60, "192.0.2.1");
	assert_int_equal(believe("a.example.com", TYPE_A, false), CHECKED_REJECTED);

	packet_begin(&packet, 1, GOOD | RCODE_SERVFAIL, "a.example.com", TYPE_A);
	assert_int_equal(believe("a.example.com", TYPE_A, false), CHECKED_FAILED);

	packet_begin(&packet, 1, GOOD, "a.example.com", TYPE_A); /* BADVERS, in the OPT */
	at = packet_record(&packet, SECTION_ADDITIONAL, ".", TYPE_OPT, 0x01000000);
	packet_end(&packet, at);
	assert_int_equal(believe("a.example.com", TYPE_A, false), CHECKED_REJECTED);

	packet_begin(&packet, 1, GOOD, "b.example.com", TYPE_A); /* another question */
	assert_int_equal(believe("a.example.com", TYPE_A, false), CHECKED_REJECTED);
}

static void test_private_addresses(void **state)
{
	(void)state;
	packet_begin(&packet, 1, GOOD, "a.example.com", TYPE_A);
	packet_target(&packet, SECTION_ANSWER, "a.example.com", TYPE_CNAME, 60, "b.example.com");
	packet_address(&packet, "b.example.com", 60, "192.0.2.1");
	packet_address(&packet, "b.example.com", 60, "169.254.169.254");
	assert_int_equal(believe("a.example.com", TYPE_A, false), CHECKED_FILTERED);
	assert_int_equal(answer.rcode, RCODE_REFUSED);
	assert_int_equal(answer.ede, EDE_FILTERED);
	assert_int_equal(answer.counts[0], 0);
	assert_int_equal(answer.ttl, 60);

	packet_begin(&packet, 1, GOOD, "a.example.com", TYPE_A); /* not in the chain: nobody sees it */
	packet_address(&packet, "a.example.com", 60, "192.0.2.1");
	packet_address(&packet, "b.example.com", 60, "127.0.0.1");
	assert_int_equal(believe("a.example.com", TYPE_A, false), CHECKED_ANSWER);
}

/* Names leave compressed, whether they came so or not. */
static void test_compression(void **state)
{
	(void)state;
	packet_begin(&packet, 1, GOOD, "example.com", TYPE_MX);
	wire_set16(packet.octets + 6, 1);
	writer_put(&packet.w, "\xc0\x0c\0\x0f\0\1\0\0\0\x3c\0\7\0\12\2mx\xc0\x0c", 19);
	assert_int_equal(believe("example.com", TYPE_MX, false), CHECKED_ANSWER);
	assert_int_equal(answer.lens[0], 19);
	assert_memory_equal(answer.records + 12, "\0\12\2mx\xc0\x0c", 7);
	assert_memory_equal(answer.message + MESSAGE_HEADER, "\7example\3com", 13);

	packet_begin(&packet, 1, GOOD, "www.example.com", TYPE_A);
	packet_target(&packet, SECTION_ANSWER, "www.example.com", TYPE_CNAME, 60, "a.example.com");
	packet_address(&packet, "a.example.com", 60, "192.0.2.1");
	assert_int_equal(believe("www.example.com", TYPE_A, false), CHECKED_ANSWER);
	assert_int_equal(answer.lens[0], 12 + 4 + 12 + 4);
	assert_memory_equal(answer.records + 12, "\1a\xc0\x10\xc0\x2d", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_datagrams),   cmocka_unit_test(test_chain_and_nothing_else),
		cmocka_unit_test(test_negative),    cmocka_unit_test(test_proofs),
		cmocka_unit_test(test_dname),       cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_compression), cmocka_unit_test(test_private_addresses),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
