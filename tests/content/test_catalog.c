/*
 * content/catalog.c: what a catalog zone lists, and what makes it a broken one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "content/catalog.h"
#include "core/zone_text.h"

#define HEAD "@ SOA invalid. invalid. 1 3600 600 86400 60\n@ NS invalid.\n"
#define VERSION "version TXT 2\n"

static const char *text_of(const uint8_t *name)
{
	static char text[4][NAME_TEXT_MAX];
	static unsigned turn;
	char *to = text[turn++ % 4];
	if (!name)
		return "-";
	name_to_text(to, name);
	return to;
}

/* "zone label coo", a line each. */
static void listed(const char *records, const char *wanted)
{
	char text[4096] = "", line[512];
	struct catalog catalog;
	struct zone *zone = text_zone("cat.test", records, false);
	if (catalog_read(&catalog, zone))
		fail_msg("%s: %s", records, catalog.why);
	for (size_t i = 0; i < catalog.count; i++) {
		const struct catalog_member *member = &catalog.members[i];
		snprintf(line, sizeof(line), "%s %.*s %s\n", text_of(member->zone), member->label[0],
		         (const char *)member->label + 1, text_of(member->coo));
		strcat(text, line);
		assert_ptr_equal(catalog_find(&catalog, member->zone), member);
	}
	assert_string_equal(text, wanted);
	assert_null(catalog_find(&catalog, (const uint8_t *)"\7nowhere"));
	catalog_free(&catalog);
	zone_release(zone);
}

static void broken(const char *records, const char *why)
{
	struct catalog catalog;
	struct zone *zone = text_zone("cat.test", records, false);
	assert_int_equal(catalog_read(&catalog, zone), MIST_EZONE);
	if (!strstr(catalog.why, why))
		fail_msg("%s:\n%s, and not %s", records, catalog.why, why);
	assert_null(catalog.members);
	zone_release(zone);
}

static void test_members(void **state)
{
	(void)state;
	listed(HEAD VERSION, "");
	listed(HEAD VERSION
	       "b.zones PTR example.org.\n"
	       "A1.zones PTR Example.COM.\n"
	       "coo.a1.zones PTR Other.Cat.\n"
	       "c.zones PTR .\n"
	       "d.zones PTR cat.test.\n",
	       ". c -\nexample.com a1 other.cat\nexample.org b -\ncat.test d -\n");
}

/* Properties and records that nobody knows, at every place. */
static void test_others_are_passed_over(void **state)
{
	(void)state;
	listed(HEAD VERSION
	       "version A 192.0.2.1\n"
	       "x.version TXT 3\n"
	       "mine.ext TXT anything\n"
	       "zones TXT text\n"
	       "a.zones PTR example.com.\n"
	       "a.zones TXT text\n"
	       "t.zones TXT text\n"
	       "coo.a.zones TXT other\n"
	       "group.a.zones PTR x.\n"
	       "primaries.a.zones A 192.0.2.1\n"
	       "q.ext.a.zones TXT text\n"
	       "x.y.zones PTR example.net.\n"
	       "a.others PTR example.info.\n"
	       "cut.zones NS ns.elsewhere.\n"
	       "cut.zones PTR example.dev.\n",
	       "example.com a -\n");
}

static void test_broken_ones(void **state)
{
	(void)state;
	broken(HEAD "a.zones PTR example.com.\n", "has no TXT record `version`");
	broken(HEAD "version A 192.0.2.1\n", "has no TXT record `version`");
	broken(HEAD VERSION "version TXT 1\n", "is 2 records");
	broken(HEAD "version TXT 1\n", "is not \"2\"");
	broken(HEAD "version TXT 22\n", "is not \"2\"");
	broken(HEAD VERSION "a.zones PTR x.test.\na.zones PTR y.test.\n", "member a (?) has more than one PTR");
	broken(HEAD VERSION "a.zones PTR x.test.\nb.zones PTR X.test.\n", "(x.test) is listed twice");
	broken(HEAD VERSION "a.zones PTR x.test.\ncoo.a.zones PTR p.test.\ncoo.a.zones PTR q.test.\n",
	       "member a (x.test) has more than one `coo`");
}

static void test_groups(void **state)
{
	struct catalog catalog;
	struct zone *zone = text_zone("cat.test", HEAD VERSION
	                              "a.zones PTR a.test.\ngroup.a.zones TXT red\ngroup.a.zones TXT Blue\n"
	                              "b.zones PTR b.test.\n", false);
	(void)state;
	assert_int_equal(catalog_read(&catalog, zone), MIST_OK);
	assert_true(catalog_in_group(&catalog.members[0], "red"));
	assert_true(catalog_in_group(&catalog.members[0], "Blue"));
	assert_false(catalog_in_group(&catalog.members[0], "blue"));
	assert_false(catalog_in_group(&catalog.members[0], "re"));
	assert_false(catalog_in_group(&catalog.members[0], ""));
	assert_false(catalog_in_group(&catalog.members[1], "red"));
	catalog_free(&catalog);
	zone_release(zone);
}

static void test_coo(void **state)
{
	struct zone *zone = text_zone("cat.test", HEAD VERSION
	                              "a.zones PTR a.test.\ncoo.a.zones PTR new.test.\nb.zones PTR b.test.\n", false);
	(void)state;
	assert_string_equal(text_of(catalog_coo(zone, (const uint8_t *)"\1a")), "new.test");
	assert_null(catalog_coo(zone, (const uint8_t *)"\1b"));
	assert_null(catalog_coo(zone, (const uint8_t *)"\1c"));
	zone_release(zone);
}

/* One too many, and one less; names as long as they can be. */
static void test_bounds(void **state)
{
	(void)state;
	for (unsigned more = 0; more < 2; more++) {
		struct zone *zone;
		struct catalog catalog;
		uint8_t apex[NAME_MAX], owner[NAME_MAX], member[NAME_MAX];
		name_from_text(apex, "cat.test");
		assert_int_equal(zone_new(&zone, apex), MIST_OK);
		text_add(zone, HEAD VERSION);
		for (unsigned i = 0; i < CATALOG_MEMBERS_MAX + more; i++) {
			char text[64];
			snprintf(text, sizeof(text), "u%u.zones.cat.test", i);
			name_from_text(owner, text);
			snprintf(text, sizeof(text), "m%u.test", i);
			const struct mist_record record = { .owner = owner, .type = TYPE_PTR, .ttl = 60, .rdata = member,
			                                    .rdata_len = (uint16_t)name_from_text(member, text) };
			assert_int_equal(zone_add(zone, &record, &text_reporter), MIST_OK);
		}
		assert_int_equal(zone_complete(zone, &text_reporter), MIST_OK);
		assert_int_equal(catalog_read(&catalog, zone), more ? MIST_EZONE : MIST_OK);
		if (more)
			assert_non_null(strstr(catalog.why, "more than 10000 members"));
		else
			assert_int_equal(catalog.count, CATALOG_MEMBERS_MAX);
		catalog_free(&catalog);
		zone_release(zone);
	}
	char apex[256], lines[1024];
	memset(apex, 'x', sizeof(apex));
	for (unsigned i = 63; i < 240; i += 64)
		apex[i] = '.';
	apex[240] = 0; /* 242 octets; with "a.zones" it has 250, and `coo` would not fit */
	snprintf(lines, sizeof(lines), HEAD "a.zones PTR example.com.\n");
	struct zone *zone = text_zone(apex, lines, false);
	struct catalog catalog;
	assert_int_equal(catalog_read(&catalog, zone), MIST_EZONE); /* nor does `version` with less room */
	assert_null(catalog_coo(zone, (const uint8_t *)"\1a"));
	assert_null(catalog_coo(zone, (const uint8_t *)"\12aaaaaaaaaa"));
	zone_release(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_others_are_passed_over),
		cmocka_unit_test(test_broken_ones),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_coo),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
