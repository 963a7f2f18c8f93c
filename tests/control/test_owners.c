/*
 * Who keeps which names: what a keeper leaves behind, when memory runs out and when the server stops.
 */
#include "control/owners.h"

#include "control/scratch.h"

static struct mist_server *server;
static struct owners *owners;
static unsigned long room; /* how many pieces of memory jansson still gets */

static void *scarce(size_t size)
{
	if (!room)
		return NULL;
	room--;
	return malloc(size);
}

static int start(void **state)
{
	const struct mist_zone_options zone = { .size = sizeof(zone), .name = "r.test", .registry = true,
	                                        .dnssec = MIST_DNSSEC_OFF };
	const struct mist_options options = { .size = sizeof(options), .workers = 1 };
	struct mist_content *content;

	(void)state;
	room = -1ul;
	json_set_alloc_funcs(scarce, free);
	if (mist_content_new(&content, NULL) || mist_content_zone(content, &zone, NULL) ||
	    mist_start(&server, &options, content))
		return -1;
	owners = owners_new(server);
	return owners ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	owners_free(owners);
	return mist_stop(server);
}

static int put(const char *name, uint64_t keeper)
{
	const char *address = "127.0.0.1";
	const struct mist_registration registration = {
		.size = sizeof(registration), .name = name, .owner = "o", .addresses = &address, .address_count = 1,
	};
	return owners_register(owners, &registration, keeper);
}

static bool registered(const char *name)
{
	int error = mist_deregister(server, "o", name);
	assert_true(error == MIST_OK || error == MIST_ENOTFOUND);
	return !error;
}

static void a_keeper_leaves(void **state)
{
	(void)state;
	assert_int_equal(put("a", 7), MIST_OK);
	assert_int_equal(put("b", 7), MIST_OK);
	assert_int_equal(put("b", 8), MIST_OK); /* the last keeper keeps */
	assert_true(owners_keeps(owners, 7));
	owners_leave(owners, 7);
	assert_false(owners_keeps(owners, 7));
	assert_true(owners_keeps(owners, 8));
	assert_false(registered("a"));
	assert_true(registered("b"));
}

/* One name has one keeper, however it is spelled. */
static void spellings(void **state)
{
	static const char *const names[] = { "Web", "web.r.test", "WEB.r.TEST.", "\\119eb", "w\\eb" };
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(put(names[i], 7 + i), MIST_OK);
		for (unsigned keeper = 7; keeper < 7 + i; keeper++)
			assert_false(owners_keeps(owners, keeper));
	}
	owners_leave(owners, 7); /* keeps nothing any more */
	assert_true(owners_keeps(owners, 11));
	assert_int_equal(owners_deregister(owners, "o", "wEb"), MIST_OK);
	assert_false(owners_keeps(owners, 11));
	assert_false(registered("web"));
	/* And taken over by one who does not keep it. */
	assert_int_equal(put("web", 7), MIST_OK);
	assert_int_equal(put("WEB.r.test", 0), MIST_OK);
	owners_leave(owners, 7);
	assert_true(registered("web"));
}

/* Whatever piece is missing: a name is registered and kept, or neither. */
static void without_memory(void **state)
{
	unsigned failed = 0;
	int error = MIST_ENOMEM;

	(void)state;
	assert_int_equal(put("old", 1), MIST_OK);
	for (unsigned long pieces = 0; error; pieces++) {
		assert_true(pieces < 100);
		room = pieces;
		error = put("new", 2);
		room = -1ul;
		assert_true(error == MIST_OK || error == MIST_ENOMEM);
		assert_int_equal(owners_keeps(owners, 2), !error);
		failed += error != 0;
		if (error)
			assert_false(registered("new"));
	}
	assert_in_range(failed, 3, 99);
	owners_leave(owners, 2);
	assert_false(owners_keeps(owners, 2));
	assert_false(registered("new"));
	assert_true(owners_keeps(owners, 1));
	assert_true(registered("old"));
}

static void nobody_is_taken_back_when_the_server_stops(void **state)
{
	(void)state;
	assert_int_equal(put("a", 7), MIST_OK);
	owners_stop(owners);
	owners_leave(owners, 7);
	assert_true(owners_keeps(owners, 7));
	assert_true(registered("a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_keeper_leaves, start, stop),
		cmocka_unit_test_setup_teardown(spellings, start, stop),
		cmocka_unit_test_setup_teardown(without_memory, start, stop),
		cmocka_unit_test_setup_teardown(nobody_is_taken_back_when_the_server_stops, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
