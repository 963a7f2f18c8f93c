#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/access.h"
#include "core/address.h"

static int make(struct access **access, const char *const *transfer, size_t count)
{
	const struct access_texts texts = { .transfer = transfer, .transfer_count = count };
	return access_new(access, &texts, "example", NULL, NULL);
}

static bool allows(const struct access *access, const char *client, const char *key)
{
	uint8_t octets[16], name[NAME_MAX];
	unsigned len = address_from_text(client, octets);
	if (key)
		assert_true(name_from_text(name, key));
	return access_allows(&access->transfer, octets, len, key ? name : NULL);
}

static int keep_key(void *user, const uint8_t *key)
{
	name_copy(user, key);
	return 1;
}

static void test_lists(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "198.51.100.0/23", "2001:db8::/33", "Xfr.Key", "10.0.0.0/9" };
	struct access *access;
	(void)state;
	assert_int_equal(make(&access, texts, 5), MIST_OK);
	assert_true(allows(access, "192.0.2.1", NULL));
	assert_false(allows(access, "192.0.2.2", NULL));
	assert_true(allows(access, "198.51.101.255", NULL));
	assert_false(allows(access, "198.51.102.0", NULL));
	assert_true(allows(access, "10.127.0.1", NULL));
	assert_false(allows(access, "10.128.0.1", NULL));
	assert_true(allows(access, "2001:db8:7fff::1", NULL));
	assert_false(allows(access, "2001:db8:8000::1", NULL));
	assert_true(allows(access, "::ffff:192.0.2.1", NULL));
	assert_true(allows(access, "203.0.113.1", "xfr.KEY"));
	assert_false(allows(access, "203.0.113.1", "other.key"));
	uint8_t named[NAME_MAX];
	assert_int_equal(access_each_key(access, keep_key, named), 1);
	assert_memory_equal(named, "\3xfr\3key", 9);
	assert_false(access_allows(&access->update, (const uint8_t[]){ 192, 0, 2, 1 }, 4, NULL));
	access_release(access_hold(access));
	access_release(access);
}

static void test_everybody(void **state)
{
	static const char *const texts[] = { "0.0.0.0/0" };
	struct access *access;
	(void)state;
	assert_int_equal(make(&access, texts, 1), MIST_OK);
	assert_true(allows(access, "203.0.113.1", NULL));
	assert_false(allows(access, "2001:db8::1", NULL));
	uint8_t named[NAME_MAX];
	assert_int_equal(access_each_key(access, keep_key, named), 0);
	access_release(access);
}

/* A key, but from this network only. */
static void test_both(void **state)
{
	static const char *const texts[] = { "a.key@192.0.2.0/24" };
	struct access *access;
	(void)state;
	assert_int_equal(make(&access, texts, 1), MIST_OK);
	assert_true(allows(access, "192.0.2.9", "A.key"));
	assert_false(allows(access, "192.0.2.9", "b.key"));
	assert_false(allows(access, "192.0.2.9", NULL));
	assert_false(allows(access, "192.0.3.9", "a.key"));
	access_release(access);
	const char *const notify[] = { "192.0.2.7", "a.key@[2001:db8::7]:5353" };
	const struct access_texts lists = { .notify = notify, .notify_count = 2 };
	assert_int_equal(access_new(&access, &lists, "example", NULL, NULL), MIST_OK);
	assert_int_equal(access->notify[0].address.port, 53);
	assert_int_equal(access->notify[0].key[0], 0);
	assert_int_equal(access->notify[1].address.port, 5353);
	assert_memory_equal(access->notify[1].key, "\1a\3key", 7);
	access_release(access);
}

static void test_nonsense(void **state)
{
	static const char *const texts[] = { "", "192.0.2", "192.0.2.1/33", "192.0.2.1/", "192.0.2.1/1x", "2001:db8::1::",
	                                     "192.0.2.0/0008", "a..b", "key/8", "192.0.2.1/24", "key@", "@192.0.2.1",
	                                     "key@key", "a@b@192.0.2.1", "." };
	struct access *access = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(make(&access, &texts[i], 1), MIST_EINVAL);
	const char *const notify[] = { "192.0.2.7:0" };
	const struct access_texts lists = { .notify = notify, .notify_count = 1 };
	assert_int_equal(access_new(&access, &lists, "example", NULL, NULL), MIST_EINVAL);
	assert_null(access);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_everybody),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
