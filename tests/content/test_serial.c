/* Serials that only ever rise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "core/name.h"
#include "content/serial.h"
#include "scratch.h"

#define NOON 1795262400u /* 2026-11-21 12:00:00 UTC */

static void test_greater(void **state)
{
	(void)state;
	assert_true(serial_greater(2, 1));
	assert_false(serial_greater(1, 2));
	assert_false(serial_greater(1, 1));
	assert_true(serial_greater(0, UINT32_MAX));
	assert_true(serial_greater(0x7fffffff, 0));
	assert_false(serial_greater(0x80000000u, 0));
}

static void test_dated(void **state)
{
	(void)state;
	assert_int_equal(serial_dated(false, 0, NOON), 2026112101);
	assert_int_equal(serial_dated(true, 2026112001, NOON), 2026112101);
	assert_int_equal(serial_dated(true, 7, NOON), 2026112101);
	/* A day with 150 changes, and the day after. */
	uint32_t serial = serial_dated(true, 2026112099, NOON);
	for (unsigned i = 0; i < 150; i++) {
		uint32_t next = serial_dated(true, serial, NOON);
		assert_true(serial_greater(next, serial));
		serial = next;
	}
	assert_int_equal(serial, 2026112251);
	assert_int_equal(serial_dated(true, serial, NOON + 24 * 3600), 2026112252);
	assert_int_equal(serial_dated(true, serial, NOON + 2 * 24 * 3600), 2026112301);
	/* A clock that goes back. */
	assert_int_equal(serial_dated(true, 2026112103, 0), 2026112104);
}

static void test_timed(void **state)
{
	(void)state;
	assert_int_equal(serial_timed(false, 0, NOON), NOON);
	assert_int_equal(serial_timed(true, NOON, NOON), NOON + 1);
	assert_int_equal(serial_timed(true, NOON + 9, NOON), NOON + 10);
}

static void test_filed(void **state)
{
	(void)state;
	assert_int_equal(serial_filed(false, 0, 7), 7);
	assert_int_equal(serial_filed(true, 7, 7), 8);
	assert_int_equal(serial_filed(true, 20, 7), 21);
	assert_int_equal(serial_filed(true, 7, 20), 20);
	assert_int_equal(serial_filed(true, UINT32_MAX, 3), 3);
	assert_int_equal(serial_filed(true, UINT32_MAX, UINT32_MAX), 0);
	/* Nothing kept: rises with time and with the file, also where a date is greater than the time. */
	uint32_t first = serial_filed_timed(false, 0, 2026112101, NOON);
	assert_true(serial_greater(first, 2026112101));
	assert_true(serial_greater(serial_filed_timed(false, 0, 2026112101, NOON + 1), first));
	assert_true(serial_greater(serial_filed_timed(false, 0, 2026112102, NOON), first));
	assert_int_equal(serial_filed_timed(false, 0, 5, 0), 5);
	assert_int_equal(serial_filed_timed(true, first + 5, 2026112101, NOON), first + 6);
}

static void test_kept(void **state)
{
	(void)state;
	char directory[64], path[128];
	struct heard heard = { .text = "" };
	const struct mist_reporter reporter = { .report = heard_report, .user = &heard };
	uint8_t zone[NAME_MAX];
	uint32_t serial = 1;
	scratch_make(directory);
	name_from_text(zone, "Some.Zone");
	assert_int_equal(serial_read(&serial, directory, zone, &reporter), MIST_ENOTFOUND);
	assert_int_equal(serial_write(4294967295u, directory, zone, &reporter), MIST_OK);
	assert_int_equal(serial_write(4294967294u, directory, zone, &reporter), MIST_OK);
	assert_int_equal(serial_read(&serial, directory, zone, &reporter), MIST_OK);
	assert_int_equal(serial, 4294967294u);
	assert_true(run("test \"$(ls -A %s)\" = some.zone.serial", directory));
	assert_string_equal(heard.text, "");

	const char *const spoiled[] = { "", "x\\n", "12", "4294967296\\n", "12 x\\n", "-1\\n" };
	for (unsigned i = 0; i < sizeof(spoiled) / sizeof(*spoiled); i++) {
		assert_true(run("printf -- '%s' >%s/some.zone.serial", spoiled[i], directory));
		heard.text[0] = 0;
		assert_int_equal(serial_read(&serial, directory, zone, &reporter), MIST_EFILE);
		snprintf(path, sizeof(path), "%s/some.zone.serial", directory);
		assert_memory_equal(heard.text, path, strlen(path));
	}
	assert_true(run("cd %s && rm some.zone.serial && ln -s some.zone.serial some.zone.serial", directory));
	assert_int_equal(serial_read(&serial, directory, zone, &reporter), MIST_EFILE);
	assert_non_null(strstr(heard.text, strerror(ELOOP)));
	assert_int_equal(serial, 4294967294u);
	assert_int_equal(serial_write(1, "/nonexistent/state", zone, &reporter), MIST_EFILE);
	assert_non_null(strstr(heard.text, "cannot be kept"));
	scratch_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greater), cmocka_unit_test(test_dated), cmocka_unit_test(test_timed),
		cmocka_unit_test(test_filed),   cmocka_unit_test(test_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
