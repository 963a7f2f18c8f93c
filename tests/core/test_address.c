/* Addresses as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "core/address.h"

static void test_good(void **state)
{
	(void)state;
	const struct { const char *text, *host; uint16_t port; } cases[] = {
		{ "192.0.2.53", "192.0.2.53", 53 },
		{ "192.0.2.53:5353", "192.0.2.53", 5353 },
		{ "127.0.0.1:65535", "127.0.0.1", 65535 },
		{ "2001:db8::1", "2001:db8::1", 53 },
		{ "[2001:db8::1]", "2001:db8::1", 53 },
		{ "[::1]:5353", "::1", 5353 },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1", 53 },
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct upstream_address address;
		char host[INET6_ADDRSTRLEN];
		assert_true(upstream_from_text(cases[i].text, 53, &address));
		inet_ntop(address.family, address.octets, host, sizeof(host));
		assert_string_equal(host, cases[i].host);
		assert_int_equal(address.port, cases[i].port);
	}
}

static void test_bad(void **state)
{
	(void)state;
	const char *const bad[] = {
		"", ":", ":53", "192.0.2", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536", "192.0.2.53:-1",
		"192.0.2.53:53 ", " 192.0.2.53", "192.0.2.053", "192.0.2.256", "dns.example", "dns.example:53",
		"[::1", "[::1]53", "[::1]:", "[]", "[]:53", "::1%lo", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9",
		"0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1", "192.0.2.53#53",
		"192.0.2.53:000053", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct upstream_address address;
		if (upstream_from_text(bad[i], 53, &address))
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void test_alone(void **state)
{
	(void)state;
	uint8_t octets[16];
	assert_int_equal(address_from_text("127.0.0.1", octets), 4);
	assert_int_equal(address_from_text("::1", octets), 16);
	assert_int_equal(address_from_text("127.0.0.1:53", octets), 0);
	assert_int_equal(address_from_text("[::1]", octets), 0);
	assert_int_equal(address_from_text("", octets), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good), cmocka_unit_test(test_bad), cmocka_unit_test(test_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
