/* cookie_answer(): the examples of RFC 9018 appendix A, and the edges of a cookie's life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/cookie.h"

static const uint8_t secret[16] = { 0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f,
	                                0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf };
static const uint8_t address[4] = { 198, 51, 100, 100 };

/* Appendix A.1: learning a new server cookie. */
static void learning(void **state)
{
	(void)state;
	static const uint8_t client_cookie[8] = { 0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57 };
	static const uint8_t expected[24] = { 0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57,
		                                  0x01, 0x00, 0x00, 0x00, 0x5c, 0xf7, 0x9f, 0x11,
		                                  0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80 };
	uint8_t answer[COOKIE_LEN];
	const struct cookie_client client = { address, sizeof(address), 1559731985 };
	assert_false(cookie_answer(secret, &client, client_cookie, 8, answer));
	assert_memory_equal(answer, expected, sizeof(expected));
}

/* Appendix A.4: an IPv6 client. Its old secret's cookie is not ours to judge; the new one is. */
static void ipv6_client(void **state)
{
	(void)state;
	static const uint8_t secret6[16] = { 0x44, 0x55, 0x36, 0xbc, 0xd2, 0x51, 0x32, 0x98,
		                                 0x07, 0x5a, 0x5d, 0x37, 0x96, 0x63, 0xc9, 0x62 };
	static const uint8_t address6[16] = { 0x20, 0x01, 0x0d, 0xb8, 0x02, 0x20, 0x00, 0x01,
		                                  0x59, 0xde, 0xd0, 0xf4, 0x87, 0x69, 0x82, 0xb8 };
	static const uint8_t client_cookie[8] = { 0x22, 0x68, 0x1a, 0xb9, 0x7d, 0x52, 0xc2, 0x98 };
	static const uint8_t expected[16] = { 0x01, 0x00, 0x00, 0x00, 0x5c, 0xf7, 0xc6, 0x09,
		                                  0xa6, 0xbb, 0x79, 0xd1, 0x66, 0x25, 0x50, 0x7a };
	uint8_t answer[COOKIE_LEN];
	const struct cookie_client client = { address6, sizeof(address6), 0x5cf7c609 };
	assert_false(cookie_answer(secret6, &client, client_cookie, 8, answer));
	assert_memory_equal(answer + 8, expected, sizeof(expected));
}

static void life(void **state)
{
	(void)state;
	const uint32_t born = 1700000000;
	uint8_t first[COOKIE_LEN], again[COOKIE_LEN];
	struct cookie_client client = { address, sizeof(address), born };
	cookie_answer(secret, &client, (const uint8_t *)"abcdefgh", 8, first);

	const struct {
		int32_t later;
		bool valid, kept;
	} cases[] = {
		{ 0, true, true },     { 1800, true, true },   { 1801, true, false }, { 3600, true, false },
		{ 3601, false, false }, { -300, true, true },  { -301, false, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		client.now_s = born + (uint32_t)cases[i].later;
		assert_int_equal(cookie_answer(secret, &client, first, sizeof(first), again), cases[i].valid);
		assert_int_equal(memcmp(first, again, sizeof(first)) == 0, cases[i].kept);
	}

	client.now_s = born;
	for (size_t i = 0; i < sizeof(first); i++) { /* each octet counts */
		uint8_t forged[COOKIE_LEN];
		memcpy(forged, first, sizeof(forged));
		forged[i] ^= 1;
		assert_false(cookie_answer(secret, &client, forged, sizeof(forged), again));
	}
	client.address = (const uint8_t[]){ 198, 51, 100, 101 };
	assert_false(cookie_answer(secret, &client, first, sizeof(first), again));
	assert_false(cookie_answer(secret, &client, first, 16, again));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(learning), cmocka_unit_test(ipv6_client),
		                                cmocka_unit_test(life) };
	return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
