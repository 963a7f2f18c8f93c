/*
 * Look-ups in process: handles, limits, errors.
 */
#include "serve.h"

#include <pthread.h>

static struct mist_server *server;
static struct mist_lookup *lookup;

static int setup(void **state)
{
	struct mist_options options = options_of(MIST_ENGINE_AUTO, 1);
	struct mist_content *content = content_at("127.0.0.9");
	const struct mist_rule drop = { .size = sizeof drop, .name = "dropped.test", .deny = true,
	                                .deny_as = MIST_DENY_DROP };

	(void)state;
	assert_int_equal(mist_content_rule(content, &drop), MIST_OK);
	assert_int_equal(mist_start(&server, &options, content), MIST_OK);
	return mist_lookup_open(&lookup, server);
}

static int teardown(void **state)
{
	(void)state;
	mist_lookup_close(lookup);
	return mist_stop(server);
}

static void addresses(void **state)
{
	struct mist_address list[4];
	size_t count = 4;

	(void)state;
	assert_int_equal(mist_lookup_addresses(lookup, "web.editor.land", list, &count), MIST_OK);
	assert_int_equal(count, 1);
	assert_int_equal(list[0].family, 4);
	assert_memory_equal(list[0].octets, "\x7f\0\0\x09", 4);
	assert_int_equal(list[0].ttl, 300);
	/* Fewer than there are: localhost has two. */
	count = 1;
	assert_int_equal(mist_lookup_addresses(lookup, "localhost", list, &count), MIST_OK);
	assert_int_equal(count, 2);
	count = 0;
	assert_int_equal(mist_lookup_addresses(lookup, "localhost.", NULL, &count), MIST_OK);
	assert_int_equal(count, 2);
	count = 4;
	assert_int_equal(mist_lookup_addresses(lookup, "example.com", list, &count), MIST_EREFUSED);
	assert_int_equal(mist_lookup_addresses(lookup, "dropped.test", list, &count), MIST_EREFUSED);
	assert_int_equal(mist_lookup_addresses(lookup, "x.invalid", list, &count), MIST_ENOTFOUND);
	assert_int_equal(mist_lookup_addresses(lookup, "a..b", list, &count), MIST_ENAME);
	assert_int_equal(mist_lookup_addresses(lookup, NULL, list, &count), MIST_EINVAL);
	assert_int_equal(count, 4);
}

static void messages(void **state)
{
	uint8_t query[300] = { 0x12, 0x34, 1, 0, 0, 1 }, response[512];
	size_t len = sizeof response;

	(void)state;
	int name = mist_name_from_text("x.Editor.land", query + 12);
	query[12 + name + 1] = query[12 + name + 3] = 1;
	const size_t query_len = 16 + (size_t)name;
	assert_int_equal(mist_lookup_message(lookup, query, query_len, response, &len), MIST_OK);
	assert_memory_equal(response, query, 2);
	assert_memory_equal(response + 12, query + 12, (size_t)name); /* the case comes back */
	assert_int_equal(response[3] & 15, 0);
	size_t small = len - 1;
	assert_int_equal(mist_lookup_message(lookup, query, query_len, response, &small), MIST_ESPACE);
	assert_int_equal(small, len - 1);
	len = sizeof response;
	assert_int_equal(mist_lookup_message(lookup, query, 5, response, &len), MIST_EINVAL);
	query[2] |= 0x80; /* a response */
	assert_int_equal(mist_lookup_message(lookup, query, query_len, response, &len), MIST_EINVAL);
}

static void limits(void **state)
{
	struct mist_lookup *many[64];
	unsigned open = 0;

	(void)state;
	while (open < 64 && mist_lookup_open(&many[open], server) == MIST_OK)
		open++;
	assert_int_equal(open, 63); /* and ours */
	assert_int_equal(mist_lookup_open(&many[63], server), MIST_EBUSY);
	mist_lookup_close(many[--open]);
	assert_int_equal(mist_lookup_open(&many[open], server), MIST_OK);
	open++;
	while (open)
		mist_lookup_close(many[--open]);
	mist_lookup_close(NULL);
}

/* One handle in two threads: each call is right, or says that the other is at it. */
static void *share(void *argument)
{
	unsigned *right = argument;

	for (unsigned i = 0; i < 20000; i++) {
		struct mist_address address;
		size_t count = 1;
		int error = mist_lookup_addresses(lookup, "x.editor.land", &address, &count);
		if (error != MIST_EBUSY && (error || address.octets[3] != 9))
			return NULL;
		*right += !error;
	}
	*right |= 1u << 31;
	return NULL;
}

static void shared(void **state)
{
	pthread_t threads[2];
	unsigned right[2] = { 0, 0 };

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, share, &right[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_true(right[0] >> 31 && right[1] >> 31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(messages),
		cmocka_unit_test(limits),
		cmocka_unit_test(shared),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
