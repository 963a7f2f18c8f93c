/* NSEC3 hashes: the vectors of RFC 5155 appendix A, and libcrypto's SHA-1 for everything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "dnssec/nsec3.h"

static void test_vectors(void **state)
{
	(void)state;
	static const char *const vectors[][2] = {
		{ "example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom" },
		{ "a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl" },
		{ "ai.example", "gjeqe526plbf1g8mklp59enfd789njgi" },
		{ "ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr" },
		{ "*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en" },
		{ "x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s" },
	};
	struct nsec3_params params = { .algorithm = 1, .iterations = 12, .salt_len = 4,
	                               .salt = { 0xaa, 0xbb, 0xcc, 0xdd } };
	struct zone *zone = calloc(1, sizeof(*zone));
	zone->name_len = (uint8_t)name_from_text(zone->name, "example");
	for (unsigned i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		uint8_t name[NAME_MAX], owner[NAME_MAX], hash[NSEC3_HASH_LEN];
		char text[NAME_TEXT_MAX], expected[64];
		name_from_text(name, vectors[i][0]);
		nsec3_hash(&params, name, hash);
		assert_true(nsec3_owner(owner, hash, zone));
		name_to_text(text, owner);
		snprintf(expected, sizeof(expected), "%s.example", vectors[i][1]);
		assert_string_equal(text, expected);
	}
	free(zone);
}

/* Every length of name and salt that moves the padding to another place. */
static void test_lengths(void **state)
{
	(void)state;
	struct nsec3_params params = { .algorithm = 1, .iterations = 1 };
	for (unsigned name_octets = 2; name_octets <= 63; name_octets++) {
		for (unsigned salt = 0; salt <= 255; salt++) {
			uint8_t octets[NAME_MAX + 255], name[NAME_MAX] = { 0 }, hash[NSEC3_HASH_LEN], expected[64];
			unsigned len;
			name[0] = (uint8_t)name_octets;
			memset(name + 1, 'a' + (int)(salt % 26), name_octets);
			params.salt_len = (uint8_t)salt;
			memset(params.salt, (int)(name_octets * 7 + salt), salt);

			memcpy(octets, name, name_octets + 2);
			memcpy(octets + name_octets + 2, params.salt, salt);
			EVP_Digest(octets, name_octets + 2 + salt, expected, &len, EVP_sha1(), NULL);
			memcpy(octets, expected, NSEC3_HASH_LEN);
			memcpy(octets + NSEC3_HASH_LEN, params.salt, salt);
			EVP_Digest(octets, NSEC3_HASH_LEN + salt, expected, &len, EVP_sha1(), NULL);

			nsec3_hash(&params, name, hash);
			assert_memory_equal(hash, expected, NSEC3_HASH_LEN);
		}
	}
}

static void test_long_zone(void **state)
{
	(void)state;
	struct zone *zone = calloc(1, sizeof(*zone));
	uint8_t owner[NAME_MAX], hash[NSEC3_HASH_LEN] = { 0 };
	zone->name_len = 223;
	assert_false(nsec3_owner(owner, hash, zone));
	zone->name_len = 222;
	assert_true(nsec3_owner(owner, hash, zone));
	free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_long_zone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
