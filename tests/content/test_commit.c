/*
 * Commits: thousands of random edits of a signed zone, each version judged by a zone that is signed from
 * scratch with the same records, and samples by ldns-verify-zone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "chance.h"
#include "content/commit.h"
#include "content/content.h"
#include "content/parts.h"
#include "content/serial.h"
#include "core/wire.h"
#include "dnssec/batch.h"
#include "scratch.h"
#include "zonetext.h"

static char directory[64];
static struct heard heard;

static int set_up(void **state)
{
	(void)state;
	memset(&heard, 0, sizeof(heard));
	scratch_make(directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

static const char base[] =
	"example.test. 300 SOA ns.example.test. h.example.test. 7 3600 600 86400 300\n"
	"example.test. 300 NS ns.example.test.\n"
	"ns.example.test. 300 A 192.0.2.1\n"
	"www.example.test. 300 A 192.0.2.2\n";

static int add_record(void *user, const struct mist_record *record)
{
	return mist_zone_add(user, record);
}

static struct mist_content *new_content(struct mist_zone **zone, enum mist_dnssec dnssec, bool read_only)
{
	struct mist_content *content;
	const char *const upstream = "192.0.2.53";
	assert_int_equal(mist_content_new(&content, &(struct mist_content_options){
		.size = sizeof(struct mist_content_options), .reporter = { heard_report, &heard }, .threads = 1,
		.state_directory = directory, .read_only = read_only, .upstreams = &upstream, .upstream_count = 1 }), MIST_OK);
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .name = "example.test", .records = true,
		.dnssec = dnssec }, zone), MIST_OK);
	return content;
}

static struct publisher publisher;

/* Sealed and published. */
static struct mist_content *serve(const char *records, enum mist_dnssec dnssec)
{
	struct mist_zone *zone;
	struct mist_content *content = new_content(&zone, dnssec, false);
	assert_int_equal(zonetext_read(records, add_record, zone), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_int_equal(publisher_init(&publisher, content_view(content)), MIST_OK);
	return content;
}

static void end(struct mist_content *content)
{
	content_keep_serials(content);
	publisher_free(&publisher);
	mist_content_free(content);
}

static int add_line(void *user, const struct mist_record *record)
{
	return edit_add(user, NULL, record);
}
static int take_line(void *user, const struct mist_record *record)
{
	return edit_remove(user, NULL, record);
}
static int clear_line(void *user, const struct mist_record *record)
{
	return edit_remove(user, NULL, &(struct mist_record){ .owner = record->owner });
}

/* Lines "+...", "-..." and "!..." (the name as a whole; its data does not matter), as one edit. */
static struct edit *edit_of(const char *lines)
{
	struct edit *edit;
	char *copy = strdup(lines), *rest = copy, *line;
	assert_int_equal(edit_new(&edit), MIST_OK);
	while ((line = strsep(&rest, "\n"))) {
		if (*line)
			assert_int_equal(zonetext_read(line + 1, *line == '+' ? add_line
			                               : *line == '-' ? take_line : clear_line, edit), MIST_OK);
	}
	free(copy);
	return edit;
}

static uint32_t now_s;

/* Commits a group, as a server does. */
static bool commit_all(struct mist_content *content, struct edit *edits, uint64_t *signatures)
{
	struct commit commit;
	assert_int_equal(commit_prepare(&commit, content, atomic_load(&publisher.current), edits, now_s),
	                 MIST_OK);
	bool changed = commit.view != NULL;
	if (changed)
		assert_int_equal(publisher_swap(&publisher, commit.view), MIST_OK);
	commit_accept(&commit);
	if (signatures)
		*signatures += commit.signatures;
	return changed;
}

static int commit_one(struct mist_content *content, const char *lines, uint64_t *signatures)
{
	struct edit *edit = edit_of(lines);
	commit_all(content, edit, signatures);
	int error = edit->error;
	edit_free(edit);
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * Comparing
 */

struct dump {
	char *text;
	size_t len;
	FILE *file;
	struct mist_zone *into;      /* a zone that gets the data */
};

/* Without what differs from signing to signing: times, signature, and the SOA's serial. */
static int dump_record(void *user, const struct mist_record *record)
{
	struct dump *dump = user;
	struct mist_record copy = *record;
	uint8_t rdata[65535];
	memcpy(rdata, record->rdata, record->rdata_len);
	copy.rdata = rdata;
	if (record->type == TYPE_RRSIG) {
		memset(rdata + 8, 0, 8);
		copy.rdata_len = 18;
	} else if (record->type == TYPE_SOA) {
		memset(rdata + record->rdata_len - 20, 0, 4);
	}
	return zonetext_write(dump->file, &copy);
}

static int collect_data(void *user, const struct mist_record *record)
{
	struct dump *dump = user;
	return mist_zone_add(dump->into, record);
}

static char *dump_of(const struct mist_content *content)
{
	struct dump dump = { 0 };
	dump.file = open_memstream(&dump.text, &dump.len);
	assert_int_equal(mist_content_walk(content, "example.test", MIST_WALK_SERVED, dump_record, &dump), MIST_OK);
	fclose(dump.file);
	return dump.text;
}

/* The same records, signed anew as a whole with the same key. */
static void assert_as_from_scratch(const struct mist_content *content)
{
	struct dump dump = { 0 };
	struct mist_content *fresh = new_content(&dump.into, MIST_DNSSEC_SIGN, true);
	assert_int_equal(mist_content_walk(content, "example.test", MIST_WALK_DATA, collect_data, &dump), MIST_OK);
	assert_int_equal(mist_content_seal(fresh), MIST_OK);
	char *is = dump_of(content), *should = dump_of(fresh);
	if (strcmp(is, should)) {
		const char *a = is, *b = should;
		while (*a == *b)
			a++, b++;
		while (a > is && a[-1] != '\n')
			a--, b--;
		fail_msg("edited: %.200s\nfrom scratch: %.200s", a, b);
	}
	free(is);
	free(should);
	mist_content_free(fresh);
}

static void assert_verifies(const struct mist_content *content)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/zone", directory);
	FILE *file = fopen(path, "w");
	assert_int_equal(mist_content_walk(content, "example.test", MIST_WALK_SERVED, zonetext_write, file), MIST_OK);
	fclose(file);
	if (!have_tool("ldns-verify-zone"))
		return;
	if (!run("ldns-verify-zone %s >%s/out 2>&1", path, directory)) {
		run("cat %s/out; cat %s", directory, path);
		fail_msg("ldns-verify-zone does not accept the zone");
	}
}

static const struct zone *zone_of(const struct mist_content *content)
{
	uint8_t name[NAME_MAX];
	name_from_text(name, "example.test");
	return content_zone(content, name)->zone;
}

/* ------------------------------------------------------------------------------------------------
 * Random edits
 */

/* Few names, so that they meet; some below each other. */
static void random_name(char name[64])
{
	static const char *const forms[] = { "n%u", "a.n%u", "b.a.n%u", "*.n%u", "c.*.n%u" };
	snprintf(name, 64, forms[chance(10) < 6 ? 0 : chance(5)], chance(7));
}

static void random_line(char line[256])
{
	char name[64], data[128];
	random_name(name);
	switch (chance(30)) {
	case 0:  snprintf(data, sizeof(data), "NS ns.n%u.example.test.", chance(7)); break;
	case 1:  snprintf(data, sizeof(data), "CNAME n%u.example.test.", chance(7)); break;
	case 2:  snprintf(data, sizeof(data), "DNAME n%u.example.test.", chance(7)); break;
	case 3:  snprintf(data, sizeof(data), "DS \\# 12340d02%064u", chance(9)); break;
	case 4: case 5: case 6: case 7:
		snprintf(data, sizeof(data), "TXT t%u", chance(3)); break;
	case 8: case 9:
		snprintf(data, sizeof(data), "AAAA 2001:db8::%u", chance(3)); break;
	default: snprintf(data, sizeof(data), "A 192.0.2.%u", chance(3)); break;
	}
	snprintf(line, 256, "%c%s.example.test. %u %s\n", "++++++!--"[chance(9)], name, 60 * (1 + chance(2)), data);
}

#define EDITS 1500
static void test_random(void **state)
{
	(void)state;
	now_s = (uint32_t)time(NULL);
	struct mist_content *content = serve(base, MIST_DNSSEC_SIGN);
	unsigned good = 0, changes = 0;
	uint64_t made = 0;
	for (unsigned i = 0; i < EDITS; i++) {
		/* One to four edits that wait together, of one to four operations each. */
		struct edit *group = NULL, **end = &group;
		uint32_t serial = zone_of(content)->serial;
		for (unsigned edits = 1 + chance(4); edits > 0; edits--) {
			char lines[1024] = "", line[256];
			for (unsigned lines_left = 1 + chance(4); lines_left > 0; lines_left--) {
				random_line(line);
				strcat(lines, line);
			}
			*end = edit_of(lines);
			end = &(*end)->next;
		}
		bool changed = commit_all(content, group, &made);
		changes += changed;
		assert_int_equal(serial_greater(zone_of(content)->serial, serial), changed);
		for (struct edit *edit = group, *next; edit; edit = next) {
			next = edit->next;
			assert_true(edit->error == MIST_OK || edit->error == MIST_ECONFLICT);
			good += !edit->error;
			edit_free(edit);
		}
		if (changed)
			assert_as_from_scratch(content);
		if (i % 100 == 0)
			assert_verifies(content);
	}
	assert_true(good > EDITS && changes > EDITS / 3);
	print_message("%u edits were good, %u versions, %.1f signatures each\n", good, changes,
	              (double)made / changes);
	end(content);
}

/* ------------------------------------------------------------------------------------------------
 * What is signed again
 */

static uint64_t signatures_of(struct mist_content *content, const char *lines)
{
	uint64_t made = 0;
	assert_int_equal(commit_one(content, lines, &made), MIST_OK);
	assert_as_from_scratch(content);
	return made;
}

static void test_only_what_changed(void **state)
{
	(void)state;
	now_s = (uint32_t)time(NULL);
	struct mist_content *content = serve(base, MIST_DNSSEC_SIGN);
	/* SOA, the set, its NSEC, the NSEC before it */
	assert_int_equal(signatures_of(content, "+new.example.test. 300 A 192.0.2.7\n"), 4);
	assert_int_equal(signatures_of(content, "+new.example.test. 300 A 192.0.2.8\n"), 2); /* SOA, the set */
	assert_int_equal(signatures_of(content, "+new.example.test. 300 TXT x\n"), 3); /* and the bitmap */
	assert_int_equal(signatures_of(content, "-new.example.test. 300 TXT x\n"), 2);
	assert_int_equal(signatures_of(content, "-new.example.test. 300 A 192.0.2.7\n"
	                               "-new.example.test. 300 A 192.0.2.8\n"), 2);
	/* Glue is not signed; a new cut takes what is below out of the chain. */
	assert_int_equal(signatures_of(content, "+a.sub.example.test. 300 A 192.0.2.7\n"), 4);
	assert_int_equal(signatures_of(content, "+sub.example.test. 300 NS a.sub.example.test.\n"), 3);
	assert_int_equal(signatures_of(content, "+b.sub.example.test. 300 A 192.0.2.7\n"), 1);
	assert_int_equal(signatures_of(content, "-sub.example.test. 300 NS a.sub.example.test.\n"), 6);
	/* Another negative TTL is that of every NSEC (RFC 9077). */
	assert_int_equal(signatures_of(content, "+example.test. 300 SOA ns.example.test. h.example.test."
	                               " 2036010101 3600 600 86400 200\n"), 1 + 5);
	end(content);
}

/* ------------------------------------------------------------------------------------------------
 * Serials
 */

static void test_serials(void **state)
{
	(void)state;
	char line[128];
	struct tm day = { .tm_year = 126, .tm_mon = 10, .tm_mday = 20, .tm_hour = 12 };
	now_s = (uint32_t)timegm(&day);
	struct mist_content *content = serve(base, MIST_DNSSEC_OFF);
	uint32_t last = zone_of(content)->serial;
	assert_int_equal(last, 7); /* the file's, as long as nobody edits */
	for (unsigned i = 1; i <= 150; i++) {
		snprintf(line, sizeof(line), "+n%u.example.test. 60 A 192.0.2.1\n", i);
		assert_int_equal(commit_one(content, line, NULL), MIST_OK);
		assert_int_equal(zone_of(content)->serial, 2026112000u + i);
	}
	now_s += 86400;
	assert_int_equal(commit_one(content, "+x.example.test. 60 A 192.0.2.1\n", NULL), MIST_OK);
	assert_int_equal(zone_of(content)->serial, 2026112151u); /* the day before took more than 99 */
	now_s += 86400;
	assert_int_equal(commit_one(content, "+y.example.test. 60 A 192.0.2.1\n", NULL), MIST_OK);
	assert_int_equal(zone_of(content)->serial, 2026112201u);
	now_s -= 40 * 86400; /* a clock that goes back */
	assert_int_equal(commit_one(content, "+z.example.test. 60 A 192.0.2.1\n", NULL), MIST_OK);
	assert_int_equal(zone_of(content)->serial, 2026112202u);
	/* A higher one that an edit puts is taken as it is. */
	assert_int_equal(commit_one(content, "+example.test. 300 SOA ns.example.test. h.example.test."
	                            " 2027010100 3600 600 86400 300\n", NULL), MIST_OK);
	assert_int_equal(zone_of(content)->serial, 2027010100u);
	assert_int_equal(commit_one(content, "+example.test. 300 SOA ns.example.test. h.example.test."
	                            " 2027010100 3600 601 86400 300\n", NULL), MIST_OK);
	assert_int_equal(zone_of(content)->serial, 2027010101u);
	end(content);
	/* Kept: the next start goes on above it, though the file says 7. */
	content = serve(base, MIST_DNSSEC_OFF);
	assert_int_equal(zone_of(content)->serial, 2027010102u);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(line, sizeof(line), "%cx.example.test. 60 A 192.0.2.1\n", i % 2 ? '-' : '+');
		assert_int_equal(commit_one(content, line, NULL), MIST_OK);
	}
	last = zone_of(content)->serial;
	publisher_free(&publisher); /* a crash: nothing is told at the end */
	mist_content_free(content);
	content = serve(base, MIST_DNSSEC_OFF);
	assert_true(serial_greater(zone_of(content)->serial, last));
	end(content);
}

/* ------------------------------------------------------------------------------------------------
 * Clocks
 */

static int assert_valid_now(void *user, const struct mist_record *record)
{
	(void)user;
	if (record->type != TYPE_RRSIG)
		return 0;
	assert_true(wire_get32(record->rdata + 12) <= now_s); /* inception */
	assert_true(wire_get32(record->rdata + 8) > now_s);   /* expiration (RFC 4034 section 3.1) */
	return 0;
}

/* The background's work, and an edit, at that time. */
static void live_at(struct mist_content *content, uint32_t time_s, unsigned number)
{
	struct view *view = NULL;
	uint64_t made = 0;
	char line[256];
	now_s = time_s;
	assert_int_equal(content_refresh(content, now_s, &view, &made), MIST_OK);
	if (view)
		assert_int_equal(publisher_swap(&publisher, view), MIST_OK);
	snprintf(line, sizeof(line), "+t%u.example.test. 300 A 192.0.2.%u\n!t%u.example.test. 300 A 192.0.2.1\n",
	         number % 9, 1 + number % 200, (number + 4) % 9);
	uint32_t serial = zone_of(content)->serial;
	assert_int_equal(commit_one(content, line, NULL), MIST_OK);
	assert_true(serial_greater(zone_of(content)->serial, serial));
	assert_int_equal(mist_content_walk(content, "example.test", MIST_WALK_SERVED, assert_valid_now, NULL),
	                 MIST_OK);
	assert_true(content_due(content) > now_s);
}

/* A clock that starts a month behind, is set right, runs on for more than a year, and jumps about. */
static void test_clocks(void **state)
{
	(void)state;
	const uint32_t day = 86400;
	uint32_t real = (uint32_t)time(NULL);
	unsigned number = 0;
	struct mist_content *content = serve(base, MIST_DNSSEC_SIGN);
	for (int days = -30; days <= 400; days += 3)
		live_at(content, real + (uint32_t)days * day, number++);
	for (unsigned i = 0; i < 100; i++)
		live_at(content, real + chance(430) * day - 30 * day + chance(day), number++);
	assert_as_from_scratch(content);
	end(content);
}

/* ------------------------------------------------------------------------------------------------
 * Lenient edits (RFC 2136 section 3.4.2)
 */

static void lenient(struct mist_content *content, const char *lines, bool changes)
{
	struct edit *edit = edit_of(lines);
	edit->lenient = true;
	bool changed = commit_all(content, edit, NULL);
	assert_int_equal(edit->error, MIST_OK);
	assert_int_equal(changed, changes);
	edit_free(edit);
}

static void test_lenient(void **state)
{
	(void)state;
	now_s = (uint32_t)time(NULL);
	struct mist_content *content = serve(base, MIST_DNSSEC_SIGN);
	lenient(content, "+www.example.test. 300 CNAME ns.example.test.\n", false);
	lenient(content, "+alias.example.test. 300 CNAME ns.example.test.\n", true);
	lenient(content, "+alias.example.test. 300 A 192.0.2.1\n", false);
	lenient(content, "+alias.example.test. 300 CNAME www.example.test.\n", true); /* in place of the other */
	lenient(content, "-example.test. 300 NS ns.example.test.\n", false);
	lenient(content, "+example.test. 300 NS www.example.test.\n-example.test. 300 NS ns.example.test.\n", true);
	lenient(content, "-example.test. 300 NS www.example.test.\n", false);
	lenient(content, "+example.test. 300 SOA a. b. 6 1 1 1 1\n", false);
	lenient(content, "+www.example.test. 300 SOA a. b. 99 1 1 1 1\n", false);
	assert_as_from_scratch(content);
	end(content);
}

static void note_undone(struct edit *edit, void *user)
{
	size_t *next = user;
	assert_int_equal(edit->octets, --*next); /* the last one first */
}

/* However many edits fail together, each is taken back, and none needs a stack of its own. */
static void test_many_fail(void **state)
{
	enum { MANY = 300000 };
	struct mist_content *content = serve(base, MIST_DNSSEC_OFF);
	struct edit *edits = NULL, **last = &edits;
	struct commit commit;
	size_t next = MANY;
	(void)state;
	for (size_t i = 0; i < MANY; i++, last = &(*last)->next) {
		assert_int_equal(edit_new(last), MIST_OK);
		(*last)->octets = i;
		(*last)->undo = note_undone;
		(*last)->user = &next;
	}
	assert_int_equal(commit_prepare(&commit, content, atomic_load(&publisher.current), edits, now_s), MIST_OK);
	commit_abandon(&commit, MIST_EBUSY);
	assert_int_equal(next, 0);
	for (size_t i = 0; i < MANY; i++) {
		struct edit *edit = edits;
		assert_int_equal(edit->octets, i); /* in the order they were in */
		assert_int_equal(edit->error, MIST_EBUSY);
		edits = edit->next;
		edit_free(edit);
	}
	assert_null(edits);
	end(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_fail, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_what_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_serials, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lenient, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
