/*
 * content/store.c: a zone comes back as it was, and of a file that is cut or altered anywhere nothing does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "content/store.h"
#include "core/wire.h"
#include "core/zone_diff.h"
#include "scratch.h"

#define APEX ((const uint8_t *)"\1t")
#define FILE_MAX 400000

static void add(struct zone *zone, const char *owner, uint16_t type, const void *rdata, size_t len)
{
	uint8_t name[NAME_MAX];
	assert_int_not_equal(name_from_text(name, owner), 0);
	const struct mist_record record = { .owner = name, .type = type, .ttl = 300, .rdata = rdata,
	                                    .rdata_len = (uint16_t)len };
	assert_int_equal(zone_add(zone, &record, NULL), MIST_OK);
}

/* As it comes; with `large`, in several pieces. */
static struct zone *zone_of(uint32_t serial, bool large)
{
	uint8_t soa[26] = "\1a\0\1b\0";
	struct zone *zone;
	assert_int_equal(zone_new(&zone, APEX), MIST_OK);
	zone->presigned = true;
	wire_set32(soa + 6, serial);
	add(zone, "t", TYPE_SOA, soa, sizeof(soa));
	add(zone, "t", TYPE_NS, "\2ns\1x", 6);
	add(zone, "*.w.t", TYPE_TXT, "\3any", 4);
	for (unsigned i = 0; i < (large ? 5000u : 5u); i++) {
		char owner[16];
		snprintf(owner, sizeof(owner), "h%u.t", i);
		add(zone, owner, TYPE_A, "\1\2\3\4", 4);
	}
	assert_int_equal(zone_complete(zone, NULL), MIST_OK);
	return zone;
}

static int take(void *user, const struct mist_record *record)
{
	return zone_add(user, record, NULL);
}

/* The zone that the file holds; NULL: none. */
static struct zone *restore(const char *directory, uint64_t *checked_s, int *error)
{
	struct zone *zone;
	assert_int_equal(zone_new(&zone, APEX), MIST_OK);
	zone->presigned = true;
	*error = store_read(directory, APEX, checked_s, take, zone, NULL);
	if (!*error && zone_complete(zone, NULL) == MIST_OK)
		return zone;
	zone_release(zone);
	return NULL;
}

static int differs(void *user, const struct node *older, const struct node *newer)
{
	(void)user, (void)older, (void)newer;
	return 1;
}

static void test_it_comes_back(void **state)
{
	char directory[64];
	uint64_t checked_s = 0;
	int error;
	(void)state;
	scratch_make(directory);
	assert_null(restore(directory, &checked_s, &error));
	assert_int_equal(error, MIST_ENOTFOUND);
	for (uint32_t serial = 1; serial < 3; serial++) {
		struct zone *zone = zone_of(serial, serial == 2);
		assert_int_equal(store_write(directory, zone, serial, 1000 + serial, NULL), MIST_OK);
		struct zone *same = restore(directory, &checked_s, &error);
		assert_non_null(same);
		assert_int_equal(checked_s, 1000 + serial);
		assert_int_equal(zone_diff_nodes(zone, same, differs, NULL), 0);
		zone_release(same);
		zone_release(zone);
	}
	store_checked(directory, APEX, 5000);
	struct zone *same = restore(directory, &checked_s, &error);
	assert_non_null(same);
	assert_int_equal(checked_s, 5000);
	zone_release(same);
	scratch_remove(directory);
}

static size_t read_file(const char *path, uint8_t octets[FILE_MAX])
{
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	const size_t len = fread(octets, 1, FILE_MAX, file);
	fclose(file);
	return len;
}

static void write_file(const char *path, const uint8_t *octets, size_t len)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(octets, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void test_broken_ones(void **state)
{
	static uint8_t octets[FILE_MAX];
	char directory[64], path[128];
	uint64_t checked_s;
	int error;
	(void)state;
	scratch_make(directory);
	snprintf(path, sizeof(path), "%s/t.secondary", directory);
	struct zone *zone = zone_of(1, false);
	assert_int_equal(store_write(directory, zone, 1, 1000, NULL), MIST_OK);
	zone_release(zone);
	const size_t len = read_file(path, octets);
	for (size_t at = 0; at < len; at++) {
		write_file(path, octets, at);
		assert_null(restore(directory, &checked_s, &error));
		assert_int_equal(error, MIST_EFILE);
	}
	for (size_t at = 0; at < len; at++) {
		octets[at] ^= 1;
		write_file(path, octets, len);
		zone = restore(directory, &checked_s, &error);
		if (at < 16 || at >= 32) {
			assert_null(zone);
		} else { /* the time: then that of the file counts */
			assert_non_null(zone);
			assert_true(checked_s > 1000000);
			zone_release(zone);
		}
		octets[at] ^= 1;
	}
	scratch_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_comes_back),
		cmocka_unit_test(test_broken_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
