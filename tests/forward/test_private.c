/* forward/private.c: every prefix, its borders, and addresses hidden in others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "core/type.h"
#include "forward/private.h"

static bool is_private(const char *text)
{
	uint8_t octets[16];
	if (inet_pton(AF_INET, text, octets) == 1)
		return private_ipv4(octets) && private_record(TYPE_A, octets, 4);
	assert_int_equal(inet_pton(AF_INET6, text, octets), 1);
	return private_ipv6(octets) && private_record(TYPE_AAAA, octets, 16);
}

static void test_private(void **state)
{
	(void)state;
	static const char *const those[] = {
		"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
		"100.100.100.200", "127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.169.254",
		"172.16.0.0", "172.31.255.255", "192.0.0.192", "192.168.0.0", "192.168.255.255",
		"168.63.129.16", "198.18.0.1", "198.19.255.255", "::ffff:0:10.0.0.1", "2001:0:1::1",
		"224.0.0.251", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:10.0.0.1",
		"::ffff:192.0.2.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
		"2002:7f00:1::", "2002:c0a8:1::1", "fc00::", "fd00:ec2::254", "fdff::1", "fe80::1",
		"febf::1", "fec0::1", "ff02::fb",
	};
	for (size_t i = 0; i < sizeof those / sizeof *those; i++)
		if (!is_private(those[i]))
			fail_msg("%s is private", those[i]);
}

static void test_public(void **state)
{
	(void)state;
	static const char *const those[] = {
		"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
		"192.0.2.1", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
		"198.51.100.1", "203.0.113.1", "223.255.255.255",
		"2001:db8::1", "64:ff9b::c000:201", "2002:c000:201::", "2606:4700::1111", "fbff::1", "::1:0:0:0",
	};
	for (size_t i = 0; i < sizeof those / sizeof *those; i++)
		if (is_private(those[i]))
			fail_msg("%s is public", those[i]);
}

static void test_hints(void **state)
{
	(void)state;
	static const uint8_t good[] = "\0\1\0\0\1\0\3\2h2\0\4\0\4\xc0\0\2\1";
	static const uint8_t ipv4[] = "\0\1\0\0\4\0\10\xc0\0\2\1\12\0\0\1";
	static const uint8_t ipv6[] = "\0\1\3www\0\0\6\0\20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1";
	static const uint8_t uneven[] = "\0\1\0\0\4\0\3\xc0\0\2";
	static const uint8_t cut[] = "\0\1\0\0\4\0\10\xc0\0\2\1";
	for (uint16_t type = TYPE_SVCB; type <= TYPE_HTTPS; type++) {
		assert_false(private_record(type, good, sizeof good - 1));
		assert_false(private_record(type, good, 3)); /* no parameters */
		assert_true(private_record(type, ipv4, sizeof ipv4 - 1));
		assert_true(private_record(type, ipv6, sizeof ipv6 - 1));
		assert_true(private_record(type, uneven, sizeof uneven - 1));
		assert_true(private_record(type, cut, sizeof cut - 1));
		assert_true(private_record(type, cut, 1));
	}
	assert_false(private_record(TYPE_TXT, (const uint8_t *)"\11127.0.0.1", 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_private), cmocka_unit_test(test_public), cmocka_unit_test(test_hints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
