/*
 * Edits through the public calls: what they do, what they refuse, and that a commit is seen by the next
 * question.
 */
#include "edit_kit.h"

#include <pthread.h>

#include "net/edit.h"
#include "scratch.h"

static struct mist_server *server;
static struct mist_lookup *lookup;
static struct mist_edit_result result;
static char text[512];
static struct heard heard;

static const char zone_text[] =
	"example.test. 300 SOA ns.example.test. h.example.test. 7 3600 600 86400 300\n"
	"example.test. 300 NS ns.example.test.\n"
	"ns.example.test. 300 A 192.0.2.1\n"
	"www.example.test. 300 A 192.0.2.2\n"
	"*.wild.example.test. 300 A 192.0.2.9\n"
	"child.example.test. 300 NS ns.child.example.test.\n"
	"ns.child.example.test. 300 A 192.0.2.3\n";

static int add_record(void *user, const struct mist_record *record)
{
	return mist_zone_add(user, record);
}

static void add_zone(struct mist_content *content, const char *name, const char *records,
                     enum mist_dnssec dnssec)
{
	struct mist_zone *zone;
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){ .size = sizeof(struct mist_zone_options),
		.name = name, .records = records != NULL, .dnssec = dnssec }, &zone), MIST_OK);
	if (records)
		assert_int_equal(zonetext_read(records, add_record, zone), MIST_OK);
}

static struct mist_content *content_of(enum mist_dnssec dnssec)
{
	struct mist_content *content;
	assert_int_equal(mist_content_new(&content, NULL), MIST_OK);
	add_zone(content, "example.test", zone_text, dnssec);
	add_zone(content, "editor.land", NULL, dnssec);
	add_zone(content, "inner.editor.land", NULL, dnssec);
	assert_int_equal(mist_content_rule(content, &(struct mist_rule){ .size = sizeof(struct mist_rule),
		.name = "update.editor.land" }), MIST_OK);
	assert_int_equal(mist_content_rule(content, &(struct mist_rule){ .size = sizeof(struct mist_rule),
		.name = "t.inner.editor.land" }), MIST_OK);
	return content;
}

static int start(void **state)
{
	const enum mist_dnssec *dnssec = *state;
	struct mist_options options = options_of(MIST_ENGINE_AUTO, 2);
	memset(&heard, 0, sizeof(heard));
	result = (struct mist_edit_result){ .reporter = { heard_report, &heard } };
	assert_int_equal(mist_start(&server, &options, content_of(*dnssec)), MIST_OK);
	return mist_lookup_open(&lookup, server);
}

static int stop(void **state)
{
	(void)state;
	mist_lookup_close(lookup);
	return mist_stop(server);
}

static void assert_answer(const char *name, const char *type, const char *wanted)
{
	assert_string_equal(ask(lookup, name, type, text), wanted);
}

static void assert_edit(const char *zone, const char *lines)
{
	int error = edit_now(server, zone, lines, &result);
	if (error)
		fail_msg("%s: %s", mist_strerror(error), result.text);
}

static void assert_refused(const char *lines, int wanted, const char *words)
{
	uint64_t view = result.view;
	assert_int_equal(edit_now(server, NULL, lines, &result), wanted);
	if (!strstr(result.text, words))
		fail_msg("\"%s\" without \"%s\"", result.text, words);
	assert_int_equal(result.view, view);
	assert_int_equal(result.zone_count, 0);
}

static uint32_t serial_of(const char *name)
{
	uint8_t query[300] = { 0x12, 0x34, 1, 0, 0, 1 }, response[4096], owner[NAME_MAX];
	size_t len = sizeof(response);
	int size = mist_name_from_text(name, query + 12);
	query[13 + size] = TYPE_SOA;
	query[15 + size] = 1;
	assert_int_equal(mist_lookup_message(lookup, query, 16 + (size_t)size, response, &len), MIST_OK);
	assert_int_equal(response[7], 1);
	size_t at = 16 + (size_t)size;
	at += name_read(response, len, at, owner) + 10;
	at += name_read(response, len, at, owner);
	at += name_read(response, len, at, owner);
	return (uint32_t)response[at] << 24 | (uint32_t)response[at + 1] << 16 | (uint32_t)response[at + 2] << 8 |
	       response[at + 3];
}

static void add_and_remove(void **state)
{
	(void)state;
	uint32_t serial = serial_of("example.test");
	assert_edit(NULL, "+new.example.test. 60 A 192.0.2.7\n+new.example.test. 60 A 192.0.2.8\n");
	assert_answer("new.example.test", "A", "NOERROR 192.0.2.7 192.0.2.8");
	assert_int_equal(result.zone_count, 1);
	assert_string_equal(result.zones[0].name, "example.test");
	assert_int_equal(result.zones[0].serial, serial_of("example.test"));
	assert_true(result.zones[0].serial > serial);
	assert_edit(NULL, "-new.example.test. 60 A 192.0.2.7\n");
	assert_answer("new.example.test", "A", "NOERROR 192.0.2.8");
	assert_edit(NULL, "!new.example.test. A\n");
	assert_answer("new.example.test", "A", "NXDOMAIN");
	assert_answer("www.example.test", "A", "NOERROR 192.0.2.2");
	assert_edit(NULL, "!www.example.test. ANY\n+www.example.test. 1 TXT a\n");
	assert_answer("www.example.test", "A", "NOERROR");
	assert_answer("www.example.test", "TXT", "NOERROR a");
}

static void nothing(void **state)
{
	(void)state;
	uint32_t serial = serial_of("example.test");
	struct mist_status before, after;
	mist_status(server, &before);
	assert_edit(NULL, "");
	assert_edit(NULL, "+www.example.test. 300 A 192.0.2.2\n"); /* is there */
	assert_edit(NULL, "!nobody.example.test. ANY\n-www.example.test. 300 A 192.0.2.99\n");
	assert_edit(NULL, "+x.example.test. 300 A 192.0.2.5\n-x.example.test. 300 A 192.0.2.5\n");
	assert_edit(NULL, "!www.example.test. A\n+www.example.test. 300 A 192.0.2.2\n");
	assert_int_equal(result.zone_count, 0);
	mist_status(server, &after);
	assert_int_equal(before.view, after.view);
	assert_int_equal(serial_of("example.test"), serial);
	assert_edit(NULL, "+www.example.test. 301 A 192.0.2.2\n"); /* another TTL is a change */
	assert_int_equal(result.zone_count, 1);
}

static void conflicts(void **state)
{
	(void)state;
	assert_edit(NULL, "");
	assert_refused("+www.example.test. 300 CNAME ns.example.test.\n", MIST_ECONFLICT,
	               "www.example.test has CNAME and other data (A)");
	assert_int_equal(result.operation, 0);
	assert_refused("+ok.example.test. 300 A 192.0.2.4\n+a.example.test. 300 CNAME b.example.test.\n"
	               "+a.example.test. 300 CNAME c.example.test.\n", MIST_ECONFLICT, "2 CNAME records");
	assert_int_equal(result.operation, 2);
	assert_answer("ok.example.test", "A", "NXDOMAIN"); /* all or nothing */
	assert_refused("!example.test. SOA\n", MIST_ECONFLICT, "cannot be without");
	assert_refused("!example.test. NS\n", MIST_ECONFLICT, "no NS records");
	assert_refused("-example.test. 300 NS ns.example.test.\n", MIST_ECONFLICT, "no NS records");
	assert_refused("!ns.example.test. A\n", MIST_ECONFLICT, "has no address records");
	assert_refused("+example.test. 300 NS nowhere.example.test.\n", MIST_ECONFLICT, "has no address records");
	assert_refused("+sub.example.test. 300 SOA a. b. 1 2 3 4 5\n", MIST_ECONFLICT, "not the top");
	assert_refused("+example.test. 300 SOA ns.example.test. h.example.test. 6 1 1 1 1\n", MIST_ECONFLICT,
	               "goes back");
	assert_refused("+www.example.test. 300 NSEC \\# 00000140\n", MIST_ECONFLICT, "signer");
	assert_refused("+*.example.test. 300 NS ns.example.test.\n", MIST_ECONFLICT, "RFC 4592");
	assert_refused("+update.editor.land. 300 A 192.0.2.1\n", MIST_ECONFLICT, "a rule forwards");
	assert_refused("+x.update.editor.land. 300 A 192.0.2.1\n", MIST_ECONFLICT, "a rule forwards");
	assert_refused("+www.example.test.editor.land. 300 A 192.0.2.1\n", MIST_ECONFLICT, "when it means example.test,");
	assert_refused("+test.editor.land. 300 NS ns.example.test.\n", MIST_ECONFLICT,
	               "it would hide example.test.editor.land,");
	assert_refused("+editor.land. 300 DNAME example.test.\n", MIST_ECONFLICT, "it would hide the zone inner.editor.land");
	assert_refused("+inner.editor.land. 300 DNAME example.test.\n", MIST_ECONFLICT, "a rule forwards t.inner.editor.land");
	assert_refused("+a.example.org. 300 A 192.0.2.1\n", MIST_ENOTFOUND, "no zone");
	assert_int_equal(edit_now(server, "editor.land", "+a.inner.editor.land. 300 A 192.0.2.1\n", &result),
	                 MIST_ECONFLICT);
	assert_non_null(strstr(result.text, "belongs to the zone inner.editor.land"));
	assert_int_equal(edit_now(server, "editor.land", "+a.example.test. 300 A 192.0.2.1\n", &result),
	                 MIST_ENOTFOUND);
	assert_int_equal(edit_now(server, "org", "+a.example.test. 300 A 192.0.2.1\n", &result),
	                 MIST_ENOTFOUND);
	/* Edits that follow are none the worse. */
	assert_edit(NULL, "!www.example.test. A\n+www.example.test. 300 CNAME ns.example.test.\n");
	assert_answer("www.example.test", "A", "NOERROR TYPE5 192.0.2.1");
}

static void bad_operations(void **state)
{
	(void)state;
	struct mist_edit *edit;
	const uint8_t good[] = "\1a\7example\4test", address[4] = { 192, 0, 2, 1 };
	uint8_t bad[] = { 64, 0 };
	assert_int_equal(mist_edit_begin(NULL, &edit), MIST_EINVAL);
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	struct mist_record record = { .owner = good, .type = TYPE_A, .ttl = 1, .rdata = address, .rdata_len = 4 };
	assert_int_equal(mist_edit_add(edit, NULL, NULL), MIST_EINVAL);
	assert_int_equal(mist_edit_add(edit, "a..b", &record), MIST_ENAME);
	record.rdata_len = 3;
	assert_int_equal(mist_edit_add(edit, NULL, &record), MIST_ERECORD);
	assert_int_equal(mist_edit_remove(edit, NULL, &record), MIST_ERECORD);
	record.rdata_len = 4;
	record.owner = bad;
	assert_int_equal(mist_edit_add(edit, NULL, &record), MIST_ENAME);
	record.owner = good;
	record.type = TYPE_ANY;
	assert_int_equal(mist_edit_add(edit, NULL, &record), MIST_ERECORD);
	assert_int_equal(mist_edit_remove(edit, NULL, &record), MIST_ERECORD);
	assert_int_equal(mist_edit_require(edit, NULL, (enum mist_require)9, good, TYPE_A, NULL, 0), MIST_EINVAL);
	assert_int_equal(mist_edit_require(edit, NULL, MIST_REQUIRE_RECORDS, good, TYPE_A, NULL, 0), MIST_EINVAL);
	assert_int_equal(mist_edit_replace(edit, NULL, good, TYPE_A, NULL, 1), MIST_EINVAL);
	/* None of that was collected. */
	assert_int_equal(mist_edit_commit(edit, NULL), MIST_OK);
	assert_answer("a.example.test", "A", "NXDOMAIN");
	mist_edit_abort(NULL);
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	record.type = TYPE_A;
	assert_int_equal(mist_edit_add(edit, NULL, &record), MIST_OK);
	mist_edit_abort(edit);
	assert_answer("a.example.test", "A", "NXDOMAIN");
}

static int require(enum mist_require what, const char *name, uint16_t type, const char *record)
{
	struct mist_edit *edit;
	uint8_t owner[NAME_MAX], address[4];
	const struct mist_record one = { .rdata = address, .rdata_len = 4 };
	name_from_text(owner, name);
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	if (record)
		inet_pton(AF_INET, record, address);
	assert_int_equal(mist_edit_require(edit, NULL, what, owner, type, &one, record != NULL), MIST_OK);
	assert_int_equal(edit_text(edit, NULL, "+required.example.test. 1 A 192.0.2.77\n"), MIST_OK);
	result.size = sizeof(result);
	int error = mist_edit_commit(edit, &result);
	assert_answer("required.example.test", "A", error ? "NXDOMAIN" : "NOERROR 192.0.2.77");
	assert_edit(NULL, "!required.example.test. A\n");
	return error;
}

static void requires(void **state)
{
	(void)state;
	assert_int_equal(require(MIST_REQUIRE_NAME, "www.example.test", 0, NULL), MIST_OK);
	assert_int_equal(require(MIST_REQUIRE_NAME, "wild.example.test", 0, NULL), MIST_EREQUIRE); /* empty */
	assert_int_equal(require(MIST_REQUIRE_NO_NAME, "www.example.test", 0, NULL), MIST_EREQUIRE);
	assert_int_equal(require(MIST_REQUIRE_NO_NAME, "nobody.example.test", 0, NULL), MIST_OK);
	assert_int_equal(require(MIST_REQUIRE_SET, "www.example.test", TYPE_A, NULL), MIST_OK);
	assert_int_equal(require(MIST_REQUIRE_SET, "www.example.test", TYPE_TXT, NULL), MIST_EREQUIRE);
	assert_int_equal(require(MIST_REQUIRE_NO_SET, "www.example.test", TYPE_TXT, NULL), MIST_OK);
	assert_int_equal(require(MIST_REQUIRE_NO_SET, "www.example.test", TYPE_A, NULL), MIST_EREQUIRE);
	assert_int_equal(require(MIST_REQUIRE_RECORDS, "www.example.test", TYPE_A, "192.0.2.2"), MIST_OK);
	assert_int_equal(require(MIST_REQUIRE_RECORDS, "www.example.test", TYPE_A, "192.0.2.3"), MIST_EREQUIRE);
	assert_int_equal(require(MIST_REQUIRE_RECORDS, "new.example.test", TYPE_A, "192.0.2.3"), MIST_EREQUIRE);
	assert_int_equal(require(MIST_REQUIRE_NAME, "www.example.org", 0, NULL), MIST_ENOTFOUND);
}

static void several_zones(void **state)
{
	(void)state;
	uint32_t one = serial_of("example.test"), two = serial_of("editor.land");
	assert_edit(NULL, "+a.example.test. 300 A 192.0.2.1\n+a.editor.land. 300 A 192.0.2.2\n"
	            "+a.inner.editor.land. 300 A 192.0.2.3\n");
	assert_int_equal(result.zone_count, 3);
	assert_answer("a.inner.editor.land", "A", "NOERROR 192.0.2.3");
	assert_true(serial_of("example.test") > one && serial_of("editor.land") > two);
	/* One zone's conflict is everybody's. */
	assert_refused("+b.example.test. 300 A 192.0.2.1\n+b.editor.land. 300 CNAME a.\n+b.editor.land. 300 A 192.0.2.1\n",
	               MIST_ECONFLICT, "b.editor.land has CNAME");
	assert_answer("b.example.test", "A", "NXDOMAIN");
	/* An older program has a shorter result. */
	struct mist_edit *edit;
	struct { struct mist_edit_result result; uint8_t behind; } old = { .behind = 7 };
	old.result.size = offsetof(struct mist_edit_result, zones);
	old.result.view = 99;
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	assert_int_equal(edit_text(edit, NULL, "+c.example.test. 300 A 192.0.2.1\n"), MIST_OK);
	assert_int_equal(mist_edit_commit(edit, &old.result), MIST_OK);
	assert_int_equal(old.result.zone_count, 1);
	assert_int_equal(old.result.view, 99);
}

static void replaces(void **state)
{
	(void)state;
	struct mist_edit *edit;
	const uint8_t owner[] = "\3www\7example\4test", first[4] = { 192, 0, 2, 50 }, second[4] = { 192, 0, 2, 51 };
	const struct mist_record records[] = {
		{ .ttl = 60, .rdata = second, .rdata_len = 4 }, { .ttl = 90, .rdata = first, .rdata_len = 4 },
		{ .ttl = 60, .rdata = second, .rdata_len = 4 }, /* twice is once */
	};
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	assert_int_equal(mist_edit_replace(edit, NULL, owner, TYPE_A, records, 3), MIST_OK);
	assert_int_equal(mist_edit_commit(edit, NULL), MIST_OK);
	assert_answer("www.example.test", "A", "NOERROR 192.0.2.50 192.0.2.51");
	struct mist_address addresses[2];
	size_t count = 2;
	assert_int_equal(mist_lookup_addresses(lookup, "www.example.test", addresses, &count), MIST_OK);
	assert_int_equal(addresses[0].ttl, 60); /* the smaller one */
	assert_edit(NULL, "+www.example.test. 120 A 192.0.2.50\n"); /* the one given last */
	assert_int_equal(mist_lookup_addresses(lookup, "www.example.test", addresses, &count), MIST_OK);
	assert_int_equal(addresses[0].ttl, 120);
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	assert_int_equal(mist_edit_replace(edit, NULL, owner, TYPE_A, NULL, 0), MIST_OK);
	assert_int_equal(mist_edit_commit(edit, NULL), MIST_OK);
	assert_answer("www.example.test", "A", "NXDOMAIN");
}

static void too_many(void **state)
{
	(void)state;
	struct mist_edit *edit;
	const uint8_t owner[] = "\3www\7example\4test";
	unsigned count = 0;
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	while (!mist_edit_remove(edit, NULL, &(struct mist_record){ .owner = owner, .type = TYPE_TXT }))
		count++;
	assert_int_equal(count, 65536);
	assert_int_equal(mist_edit_remove(edit, NULL, &(struct mist_record){ .owner = owner }), MIST_ELIMIT);
	assert_int_equal(mist_edit_commit(edit, NULL), MIST_OK);
	assert_answer("www.example.test", "A", "NOERROR 192.0.2.2");
}

/* An edit from inside another's judging, on the same thread: it would wait for itself. */
static int edit_inside(struct edit *edit, void *user)
{
	int *error = user;
	*error = edit_now(server, NULL, "+inside.example.test. 300 A 192.0.2.1\n", NULL);
	uint8_t owner[NAME_MAX], address[4] = { 192, 0, 2, 1 };
	name_from_text(owner, "outside.example.test");
	return edit_add(edit, NULL, &(struct mist_record){ .owner = owner, .type = TYPE_A, .ttl = 1,
	                .rdata = address, .rdata_len = 4 });
}

static void from_inside(void **state)
{
	(void)state;
	struct edit *edit;
	int error = MIST_OK;
	assert_int_equal(edit_new(&edit), MIST_OK);
	edit->prepare = edit_inside;
	edit->user = &error;
	assert_int_equal(server_commit(server, edit), MIST_OK);
	assert_int_equal(edit->zone_count, 1);
	edit_free(edit);
	assert_int_equal(error, MIST_EBUSY);
	assert_answer("inside.example.test", "A", "NXDOMAIN");
	assert_answer("outside.example.test", "A", "NOERROR 192.0.2.1");
}

static void limits(void **state)
{
	(void)state;
	char *lines = calloc(1, 65536), line[128];
	for (unsigned i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "+many.example.test. 60 A 198.51.100.%u\n", i);
		strcat(lines, line);
	}
	assert_edit(NULL, lines);
	assert_refused("+many.example.test. 60 A 198.51.100.200\n", MIST_ELIMIT, "101 records; the limit is 100");
	assert_edit(NULL, "+many.example.test. 60 A 198.51.100.200\n-many.example.test. 60 A 198.51.100.0\n");
	*lines = 0;
	for (unsigned i = 0; i < 101; i++) {
		snprintf(line, sizeof(line), "+types.example.test. 60 TYPE%u \\# 00\n", 65000 + i);
		strcat(lines, line);
	}
	assert_refused(lines, MIST_ELIMIT, "101 types; the limit is 100");
	free(lines);
}

static void wildcards(void **state)
{
	(void)state;
	assert_answer("a.wild.example.test", "A", "NOERROR 192.0.2.9");
	assert_edit(NULL, "+a.wild.example.test. 300 TXT x\n");
	assert_answer("a.wild.example.test", "A", "NOERROR");
	assert_non_null(strstr(heard.text, "a.wild.example.test exists from now on, so *.wild.example.test"));
	/* In a made zone the wildcard survives around what is put there, and comes back. */
	assert_edit(NULL, "+web.proj.editor.land. 300 A 192.0.2.5\n");
	assert_answer("web.proj.editor.land", "A", "NOERROR 192.0.2.5");
	assert_answer("x.web.proj.editor.land", "A", "NOERROR 127.0.0.1");
	assert_answer("proj.editor.land", "A", "NOERROR 127.0.0.1");
	assert_answer("api.proj.editor.land", "A", "NOERROR 127.0.0.1");
	assert_edit(NULL, "+proj.editor.land. 300 TXT mine\n");
	assert_answer("proj.editor.land", "A", "NOERROR");
	assert_edit(NULL, "!proj.editor.land. TXT\n!web.proj.editor.land. A\n");
	assert_answer("web.proj.editor.land", "A", "NOERROR 127.0.0.1");
}

static void delegations(void **state)
{
	(void)state;
	assert_edit(NULL, "+under.child.example.test. 300 TXT glue\n"); /* at or below one's own cut is fine */
	assert_answer("under.child.example.test", "TXT", "NOERROR");
	assert_edit(NULL, "!child.example.test. NS\n");
	assert_answer("under.child.example.test", "TXT", "NOERROR glue");
	assert_edit(NULL, "+child.example.test. 300 NS ns.child.example.test.\n");
	assert_answer("under.child.example.test", "TXT", "NOERROR");
}

/* What the zone around says of one inside it follows: seen in a walk, as a transfer would have it. */
struct seen {
	char text[4096];
};
static int see(void *user, const struct mist_record *record)
{
	struct seen *seen = user;
	char name[NAME_TEXT_MAX], type[16];
	name_to_text(name, record->owner);
	if (record->type == TYPE_RRSIG || !strstr(name, "inner"))
		return 0;
	size_t at = strlen(seen->text);
	snprintf(seen->text + at, sizeof(seen->text) - at, "%s %s%s\n", name, type_to_text(record->type, type),
	         record->type == TYPE_A ? record->rdata[3] == 1 ? " 1" : " other" : "");
	return 0;
}

static void assert_around(const char *with, const char *without)
{
	struct seen seen = { "" };
	assert_int_equal(mist_walk(server, "editor.land", MIST_WALK_SERVED, see, &seen), MIST_OK);
	if ((with && !strstr(seen.text, with)) || (without && strstr(seen.text, without)))
		fail_msg("%s: with %s, without %s", seen.text, with, without);
}

static void inner_zones(void **state)
{
	const enum mist_dnssec *dnssec = *state;
	assert_around("ns.inner.editor.land A 1\n", "ns2.inner");
	if (*dnssec == MIST_DNSSEC_SIGN)
		assert_around("inner.editor.land DS\n", NULL);
	uint32_t serial = serial_of("editor.land");
	assert_edit(NULL, "+other.inner.editor.land. 300 A 127.0.0.7\n");
	assert_int_equal(serial_of("editor.land"), serial); /* no matter of the zone around */
	assert_edit(NULL, "+ns.inner.editor.land. 300 A 127.0.0.9\n-ns.inner.editor.land. 300 A 127.0.0.1\n");
	assert_around("ns.inner.editor.land A other\n", "ns.inner.editor.land A 1\n");
	assert_edit(NULL, "+ns2.inner.editor.land. 300 A 127.0.0.1\n"
	            "+inner.editor.land. 300 NS ns2.inner.editor.land.\n"
	            "-inner.editor.land. 300 NS ns.inner.editor.land.\n");
	assert_around("ns2.inner.editor.land A 1\n", "ns.inner.editor.land A");
	assert_true(serial_of("editor.land") > serial);
	if (*dnssec == MIST_DNSSEC_SIGN)
		assert_around("inner.editor.land DS\n", NULL);
}

/* Each of many threads sees its own commits at once, and none is lost. */
#define THREADS 8
#define COMMITS 60
static void *commit_many(void *argument)
{
	unsigned thread = (unsigned)(uintptr_t)argument;
	struct mist_lookup *mine;
	char line[128], name[64], wanted[64], seen[512];
	if (mist_lookup_open(&mine, server))
		return argument;
	for (unsigned i = 0; i < COMMITS; i++) {
		snprintf(name, sizeof(name), "t%u-%u.example.test", thread, i);
		snprintf(line, sizeof(line), "+%s. 300 A 10.0.%u.%u\n", name, thread, i);
		snprintf(wanted, sizeof(wanted), "NOERROR 10.0.%u.%u", thread, i);
		if (edit_now(server, NULL, line, NULL) || strcmp(ask(mine, name, "A", seen), wanted))
			return argument;
	}
	mist_lookup_close(mine);
	return NULL;
}

static void threads(void **state)
{
	(void)state;
	pthread_t all[THREADS];
	void *failed;
	uint32_t serial = serial_of("example.test");
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&all[i], NULL, commit_many, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(all[i], &failed);
		assert_null(failed);
	}
	assert_true(serial_of("example.test") > serial);
	char name[64], wanted[64];
	for (unsigned t = 1; t <= THREADS; t++) {
		for (unsigned i = 0; i < COMMITS; i++) {
			snprintf(name, sizeof(name), "t%u-%u.example.test", t, i);
			snprintf(wanted, sizeof(wanted), "NOERROR 10.0.%u.%u", t, i);
			assert_answer(name, "A", wanted);
		}
	}
}

/* A CNAME and an A at one name, from two threads at once: one of them wins, never both. */
struct race {
	const char *line;
	pthread_barrier_t *barrier;
	int error;
};
static void *race_one(void *argument)
{
	struct race *race = argument;
	pthread_barrier_wait(race->barrier);
	race->error = edit_now(server, NULL, race->line, NULL);
	return NULL;
}

static void races(void **state)
{
	(void)state;
	pthread_barrier_t barrier;
	pthread_barrier_init(&barrier, NULL, 2);
	for (unsigned i = 0; i < 100; i++) {
		char a[128], b[128];
		pthread_t other;
		snprintf(a, sizeof(a), "+race%u.example.test. 1 A 192.0.2.1\n", i);
		snprintf(b, sizeof(b), "+race%u.example.test. 1 CNAME www.example.test.\n", i);
		struct race one = { a, &barrier, 0 }, two = { b, &barrier, 0 };
		assert_int_equal(pthread_create(&other, NULL, race_one, &one), 0);
		race_one(&two);
		pthread_join(other, NULL);
		assert_int_equal(one.error + two.error, MIST_ECONFLICT);
		assert_true(one.error == MIST_OK || two.error == MIST_OK);
	}
	pthread_barrier_destroy(&barrier);
}

int main(void)
{
	static enum mist_dnssec off = MIST_DNSSEC_OFF, sign = MIST_DNSSEC_SIGN;
#define BOTH(f)                                                                                    \
	{ #f " (unsigned)", f, start, stop, &off }, { #f " (signed)", f, start, stop, &sign }
	const struct CMUnitTest tests[] = {
		BOTH(add_and_remove), BOTH(nothing), BOTH(conflicts), BOTH(bad_operations), BOTH(requires),
		BOTH(limits), BOTH(several_zones), BOTH(replaces), BOTH(too_many), BOTH(from_inside), BOTH(wildcards), BOTH(delegations), BOTH(inner_zones), BOTH(threads), BOTH(races),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
