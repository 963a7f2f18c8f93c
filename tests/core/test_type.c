/* core/type.c: which RDATA fits its type, and where its names are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/name.h"
#include "core/type.h"

static bool check(uint16_t type, const void *octets, size_t len)
{
	uint8_t *rdata = calloc(len ? len : 1, 1); /* ends where the sanitizer sees it */
	memcpy(rdata, octets, len);
	bool good = type_check(type, rdata, len);
	free(rdata);
	return good;
}
#define GOOD(type, octets) assert_true(check(type, octets, sizeof(octets) - 1))
#define BAD(type, octets) assert_false(check(type, octets, sizeof(octets) - 1))

static void texts(void **state)
{
	char text[16];
	(void)state;
	for (unsigned type = 1; type <= UINT16_MAX; type++)
		assert_int_equal(type_from_text(type_to_text((uint16_t)type, text)), type);
	assert_string_equal(type_to_text(65280, text), "TYPE65280");
	assert_string_equal(type_to_text(TYPE_NSEC3PARAM, text), "NSEC3PARAM");
	assert_int_equal(type_from_text("https"), TYPE_HTTPS);
	assert_int_equal(type_from_text("type1"), TYPE_A);
	assert_int_equal(type_from_text("TYPE65536"), 0);
	assert_int_equal(type_from_text("TYPE"), 0);
	assert_int_equal(type_from_text("TYPE-1"), 0);
	assert_int_equal(type_from_text("TYPE1x"), 0);
	assert_int_equal(type_from_text("NOPE"), 0);
	assert_int_equal(type_from_text(""), 0);
	assert_string_equal(rcode_to_text(3, text), "NXDOMAIN");
	assert_string_equal(rcode_to_text(14, text), "RCODE14");
	assert_string_equal(rcode_to_text(23, text), "BADCOOKIE");
	assert_string_equal(rcode_to_text(4095, text), "RCODE4095");
}

static void meta(void **state)
{
	(void)state;
	assert_true(type_info(TYPE_OPT)->flags & TYPE_META);
	assert_true(type_info(200)->flags & TYPE_META);
	assert_true(type_info(0)->flags & TYPE_META);
	assert_null(type_info(65280)->name);
	assert_false(type_info(65280)->flags);
	GOOD(65280, "anything\0at\xff" "all");
	GOOD(65280, "");
	BAD(TYPE_ANY, "");
}

static void plain_types(void **state)
{
	(void)state;
	GOOD(TYPE_A, "\1\2\3\4");
	BAD(TYPE_A, "\1\2\3");
	BAD(TYPE_A, "\1\2\3\4\5");
	GOOD(TYPE_NS, "\1a\0");
	BAD(TYPE_NS, "\1a");
	BAD(TYPE_NS, "\1a\0\0");
	BAD(TYPE_NS, "\1a\xc0\0");
	BAD(TYPE_NS, "");
	GOOD(TYPE_SOA, "\0\0" "12345678901234567890");
	BAD(TYPE_SOA, "\0\0" "1234567890123456789");
	GOOD(TYPE_TXT, "\2ab\0");
	BAD(TYPE_TXT, "");
	BAD(TYPE_TXT, "\3ab");
	BAD(TYPE_TXT, "\2ab\3ab");
	GOOD(TYPE_HINFO, "\1a\0");
	BAD(TYPE_HINFO, "\1a\0\0");
	GOOD(TYPE_NAPTR, "\0\1\0\1\1s\0\0\1x\0");
	BAD(TYPE_NAPTR, "\0\1\0\1\1s\0\1x");
	GOOD(TYPE_CAA, "\0\5issueca.test");
	BAD(TYPE_CAA, "\0\0ca");
	BAD(TYPE_CAA, "\0\2a-b");
	BAD(TYPE_CAA, "\0\5iss");
	GOOD(TYPE_NULL, "");
}

static void dnssec_types(void **state)
{
	(void)state;
	GOOD(TYPE_NSEC, "\1a\0\0\1\x40");
	GOOD(TYPE_NSEC, "\1a\0\0\1\x40\1\1\x40");
	BAD(TYPE_NSEC, "\1a\0");
	BAD(TYPE_NSEC, "\1a\0\0\1\0");          /* trailing zero octet */
	BAD(TYPE_NSEC, "\1a\0\0\0\1\1\x40");    /* empty window */
	BAD(TYPE_NSEC, "\1a\0\1\1\x40\0\1\x40");/* windows out of order */
	BAD(TYPE_NSEC, "\1a\0\0\2\x40");
	BAD(TYPE_NSEC, "\0\0\x21" "123456789012345678901234567890123");
	GOOD(TYPE_NSEC3, "\1\0\0\0\0\1h");
	GOOD(TYPE_NSEC3, "\1\0\0\0\2ab\1h\0\1\x40");
	BAD(TYPE_NSEC3, "\1\0\0\0\0\0\0\1\x40");
	BAD(TYPE_NSEC3, "\1\0\0\0\4ab\1h");
	GOOD(TYPE_NSEC3PARAM, "\1\0\0\0\0");
	BAD(TYPE_NSEC3PARAM, "\1\0\0\0\0\0");
	GOOD(TYPE_DS, "\0\1\15\2" "12345678901234567890123456789012");
	BAD(TYPE_DS, "\0\1\15\2" "1234567890123456789012345678901");
	GOOD(TYPE_CDS, "\0\0\0\0\0");
	GOOD(TYPE_RRSIG, "123456789012345678\0s");
	BAD(TYPE_RRSIG, "123456789012345678\1as");
	BAD(TYPE_RRSIG, "123456789012345678\1a\0");
}

static void service_types(void **state)
{
	(void)state;
	GOOD(TYPE_SVCB, "\0\0\1a\0");
	GOOD(TYPE_HTTPS, "\0\1\0" "\0\1\0\3\2h2" "\0\3\0\2\1\273" "\0\4\0\4\177\0\0\1");
	GOOD(TYPE_SVCB, "\0\1\0" "\0\0\0\2\0\1" "\0\1\0\3\2h2");
	GOOD(TYPE_SVCB, "\0\1\0" "\0\1\0\3\2h2" "\0\2\0\0");
	BAD(TYPE_SVCB, "\0\1\0" "\0\3\0\2\1\273" "\0\1\0\3\2h2");  /* order */
	BAD(TYPE_SVCB, "\0\1\0" "\0\3\0\2\1\273" "\0\3\0\2\1\273");/* twice */
	BAD(TYPE_SVCB, "\0\1\0" "\0\0\0\2\0\3" "\0\1\0\3\2h2");    /* mandatory, missing */
	BAD(TYPE_SVCB, "\0\1\0" "\0\0\0\2\0\0");                   /* mandatory itself */
	BAD(TYPE_SVCB, "\0\1\0" "\0\1\0\0");
	BAD(TYPE_SVCB, "\0\1\0" "\0\1\0\3\3h2");
	BAD(TYPE_SVCB, "\0\1\0" "\0\1\0\1\0");
	BAD(TYPE_SVCB, "\0\1\0" "\0\2\0\0");
	BAD(TYPE_SVCB, "\0\1\0" "\0\4\0\3\177\0\0");
	BAD(TYPE_SVCB, "\0\1\0" "\0\6\0\4\177\0\0\1");
	BAD(TYPE_SVCB, "\0\1\0" "\0\3\0\1\1");
	BAD(TYPE_SVCB, "\0\1\0" "\0\3\0\2\1");
	BAD(TYPE_SVCB, "\0\1\0" "\0\3");
	BAD(TYPE_SVCB, "\0\1\0" "\xff\xff\0\0");
	GOOD(TYPE_SVCB, "\0\1\0" "\xff\xfe\0\0");
}

static void odd_types(void **state)
{
	(void)state;
	GOOD(42, "");
	GOOD(42, "\0\1\30\3\xc0\0\2");
	GOOD(42, "\0\1\25\x83\xc0\0\2");
	BAD(42, "\0\1\41\3\xc0\0\2");
	BAD(42, "\0\1\30\3\xc0\0\0");
	BAD(42, "\0\1\30\5\1\1\1\1\1");
	BAD(42, "\0\1\30");
	GOOD(45, "\1\0\0");
	GOOD(45, "\1\3\2\1a\0k");
	BAD(45, "\1\3\2\1ak");
	BAD(45, "\1\4\2k");
	BAD(45, "\1\1\0\1\2\3\4k");
	GOOD(260, "\1\x80");
	GOOD(260, "\1\3\1a\0");
	BAD(260, "\1\1\1\2\3");
	BAD(260, "\1\0x");
	GOOD(55, "\1\2\0\1hk\1a\0");
	BAD(55, "\1\2\0\1hk\1a");
	GOOD(38, "\200\1a\0");
	GOOD(38, "\0" "1234567890123456");
	BAD(38, "\201\1a\0");
	BAD(38, "\200");
}

struct seen { size_t count, offset[8]; };
static void see(void *user, size_t offset)
{
	struct seen *seen = user;
	seen->offset[seen->count++] = offset;
}

static void names(void **state)
{
	struct seen seen = { 0 };
	(void)state;
	type_names(TYPE_SOA, (const uint8_t *)"\1a\0\2bc\0" "12345678901234567890", 27, see, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.offset[0], 0);
	assert_int_equal(seen.offset[1], 3);
	seen.count = 0;
	type_names(TYPE_NAPTR, (const uint8_t *)"\0\1\0\1\1s\0\0\1x\0", 11, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.offset[0], 8);
	seen.count = 0;
	type_names(38, (const uint8_t *)"\170\1\1a\0", 5, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.offset[0], 2);
	seen.count = 0;
	type_names(TYPE_TXT, (const uint8_t *)"\1A", 2, see, &seen);
	assert_int_equal(seen.count, 0);
}

static void folding(void **state)
{
	uint8_t mx[] = "\101\101\1A\0", nsec[] = "\1A\0\0\1\x40", srv[] = "AAAAAA\1Z\0", svcb[] = "AA\1Z\0";
	uint8_t rrsig[] = "AAAAAAAAAAAAAAAAAA\1Z\0SIG";
	(void)state;
	type_fold(TYPE_MX, mx, 5);
	assert_memory_equal(mx, "\101\101\1a\0", 5);
	type_fold(TYPE_NSEC, nsec, 6);
	assert_memory_equal(nsec, "\1A\0\0\1\x40", 6); /* RFC 6840 section 5.1 */
	type_fold(TYPE_SRV, srv, 9);
	assert_memory_equal(srv, "AAAAAA\1z\0", 9);
	type_fold(TYPE_SVCB, svcb, 5);
	assert_memory_equal(svcb, "AA\1Z\0", 5);
	type_fold(TYPE_RRSIG, rrsig, 24);
	assert_memory_equal(rrsig, "AAAAAAAAAAAAAAAAAA\1z\0SIG", 24);
}

static void targets(void **state)
{
	const uint8_t *mx = (const uint8_t *)"\0\12\1a\0", *ns = (const uint8_t *)"\1a\0";
	(void)state;
	assert_ptr_equal(type_target(TYPE_MX, mx, 5), mx + 2);
	assert_ptr_equal(type_target(TYPE_NS, ns, 3), ns);
	assert_null(type_target(TYPE_CNAME, ns, 3));
	assert_true(type_info(TYPE_MX)->flags & TYPE_COMPRESS);
	assert_false(type_info(TYPE_SRV)->flags & TYPE_COMPRESS);
	assert_false(type_info(TYPE_DNAME)->flags & TYPE_COMPRESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),         cmocka_unit_test(meta),     cmocka_unit_test(plain_types),
		cmocka_unit_test(dnssec_types),  cmocka_unit_test(service_types),
		cmocka_unit_test(odd_types),     cmocka_unit_test(names),    cmocka_unit_test(folding),
		cmocka_unit_test(targets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
