/* core/rrset.c: sets as they are sent, in canonical order, with and without signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/rrset.h"
#include "core/type.h"

static struct rrset *with(struct rrset *old, uint16_t type, uint32_t ttl, const char *rdata, size_t len)
{
	_Bool too_large;
	struct rrset *set = rrset_with(old, type, ttl, (const uint8_t *)rdata, (uint16_t)len, &too_large);
	assert_non_null(set);
	assert_false(too_large);
	free(old);
	return set;
}

static void octets(void **state)
{
	static const uint8_t wire[] = {
		0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 127, 0, 0, 1,
	};
	struct rrset *set = with(NULL, TYPE_A, 300, "\177\0\0\1", 4);
	(void)state;
	assert_int_equal(set->len, sizeof(wire));
	assert_int_equal(set->full_len, sizeof(wire));
	assert_memory_equal(set->wire, wire, sizeof(wire));
	assert_int_equal(set->flags, RRSET_PLAIN_COPY);
	free(set);
}

static void order_and_doubles(void **state)
{
	static const char *const sorted[] = { "", "a", "ab", "b", "\xff" };
	struct rrset *set = NULL;
	struct record record;
	size_t i = 0;
	(void)state;
	set = with(set, 65280, 300, "b", 1);
	set = with(set, 65280, 300, "ab", 2);
	set = with(set, 65280, 300, "\xff", 1);
	set = with(set, 65280, 300, "", 0);
	set = with(set, 65280, 60, "a", 1);
	set = with(set, 65280, 600, "ab", 2);
	assert_int_equal(set->count, 5);
	assert_int_equal(set->ttl, 60);
	for (size_t at = 0; rrset_next(set, set->len, &at, &record); i++) {
		assert_int_equal(record.rdata_len, strlen(sorted[i]));
		assert_memory_equal(record.rdata, sorted[i], record.rdata_len);
		assert_int_equal(record.ttl, 60);
		assert_int_equal(record.type, 65280);
	}
	assert_int_equal(i, 5);
	set = with(set, 65280, 30, "ab", 2); /* a double lowers the TTL all the same */
	assert_int_equal(set->count, 5);
	assert_int_equal(set->ttl, 30);
	free(set);
}

static void flags(void **state)
{
	struct rrset *set = with(NULL, TYPE_MX, 1, "\0\1\0", 3);
	(void)state;
	assert_int_equal(set->flags, 0);
	free(set);
	set = with(NULL, TYPE_HTTPS, 1, "\0\1\0", 3);
	assert_int_equal(set->flags, 0);
	free(set);
	set = with(NULL, TYPE_DNAME, 1, "\0", 1);
	assert_int_equal(set->flags, RRSET_PLAIN_COPY);
	free(set);
}

static void signatures(void **state)
{
	struct rrset *set = with(NULL, TYPE_A, 300, "\177\0\0\1", 4);
	struct record sigs[2] = {
		{ .type = TYPE_RRSIG, .ttl = 300, .rdata_len = 5, .rdata = (const uint8_t *)"first" },
		{ .type = TYPE_RRSIG, .ttl = 300, .rdata_len = 3, .rdata = (const uint8_t *)"two" },
	};
	struct record record;
	(void)state;
	struct rrset *both = rrset_signed(set, sigs, 2);
	assert_int_equal(both->len, 16);
	assert_int_equal(both->full_len, 16 + 12 + 5 + 12 + 3);
	assert_int_equal(both->sig_count, 2);
	size_t at = both->len;
	assert_true(rrset_next(both, both->full_len, &at, &record));
	assert_int_equal(record.type, TYPE_RRSIG);
	assert_memory_equal(record.rdata, "first", 5);
	assert_true(rrset_next(both, both->full_len, &at, &record));
	assert_memory_equal(record.rdata, "two", 3);
	assert_false(rrset_next(both, both->full_len, &at, &record));
	struct rrset *again = rrset_signed(both, sigs, 1);
	assert_int_equal(again->full_len, 16 + 12 + 5);
	assert_int_equal(again->sig_count, 1);
	/* another record makes the signatures void */
	struct rrset *more = with(again, TYPE_A, 300, "\177\0\0\2", 4);
	assert_int_equal(more->sig_count, 0);
	assert_int_equal(more->full_len, more->len);
	free(more);
	free(both);
	free(set);
}

static void too_large(void **state)
{
	static uint8_t big[32767];
	_Bool large;
	(void)state;
	struct rrset *one = rrset_with(NULL, 65280, 1, big, 32755, &large);
	assert_non_null(one);
	big[0] = 1;
	struct rrset *two = rrset_with(one, 65280, 1, big, 32756, &large);
	assert_non_null(two); /* 65,535 octets */
	assert_false(large);
	assert_null(rrset_with(one, 65280, 1, big, 32757, &large));
	assert_true(large);
	free(one);
	free(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(octets), cmocka_unit_test(order_and_doubles), cmocka_unit_test(flags),
		cmocka_unit_test(signatures), cmocka_unit_test(too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
