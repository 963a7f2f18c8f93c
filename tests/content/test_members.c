/*
 * content/members.c: zones of a content come, go, are reset and change hands as catalogs say. Versions of catalogs are put
 * in place here, as a transfer would have it; where they come from is the matter of others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "content/commit.h"
#include "content/content.h"
#include "content/group.h"
#include "content/members.h"
#include "content/parts.h"
#include "content/reload.h"
#include "content/store.h"
#include "core/zone_text.h"
#include "scratch.h"
#include "zonetext.h"

#define HEAD "@ SOA invalid. invalid. 1 3600 600 86400 60\n@ NS invalid.\nversion TXT 2\n"

static char directory[64];
static struct heard heard;
static struct publisher publisher;
static struct mist_content *content;

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

/* ---- a content with catalogs a.cat and b.cat, and a zone of its own, signed here ---------------- */

static const char *const primaries[] = { "192.0.2.1", "192.0.2.2" };

static struct mist_zone *describe_catalog(struct mist_content *described, const char *name)
{
	struct mist_zone *zone;
	assert_int_equal(mist_content_zone(described, &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .name = name, .records = true, .catalog = true,
		.dnssec = MIST_DNSSEC_PRESIGNED, .primaries = primaries, .primary_count = 1 }, &zone), MIST_OK);
	return zone;
}

static const char own_zone[] =
	"own.test. 300 SOA ns.own.test. h.own.test. 7 3600 600 86400 300\n"
	"own.test. 300 NS ns.own.test.\n"
	"ns.own.test. 300 A 192.0.2.1\n";

static int add_record(void *user, const struct mist_record *record)
{
	return mist_zone_add(user, record);
}

static struct mist_content *describe(void)
{
	struct mist_content *described;
	struct mist_zone *zone;
	assert_int_equal(mist_content_new(&described, &(struct mist_content_options){
		.size = sizeof(struct mist_content_options), .reporter = { heard_report, &heard }, .threads = 1,
		.state_directory = directory }), MIST_OK);
	zone = describe_catalog(described, "a.cat");
	assert_int_equal(mist_zone_members(zone, "signed", &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .dnssec = MIST_DNSSEC_SIGN }), MIST_OK);
	assert_int_equal(mist_zone_members(zone, "elsewhere", &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .dnssec = MIST_DNSSEC_PRESIGNED,
		.primaries = primaries, .primary_count = 2 }), MIST_OK);
	describe_catalog(described, "b.cat");
	assert_int_equal(mist_content_zone(described, &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .name = "own.test", .records = true }, &zone), MIST_OK);
	assert_int_equal(zonetext_read(own_zone, add_record, zone), MIST_OK);
	return described;
}

static void serve(void)
{
	content = describe();
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_int_equal(publisher_init(&publisher, content_view(content)), MIST_OK);
}

static void end(void)
{
	publisher_free(&publisher);
	mist_content_free(content);
}

/* ---- versions of catalogs ----------------------------------------------------------------------- */

static struct mist_zone *zone_of(const char *text)
{
	uint8_t name[NAME_MAX];
	name_from_text(name, text);
	return content_zone(content, name);
}

/* The catalog has these records, and its members follow. */
static int follow(const char *name, const char *records)
{
	const struct mist_reporter reporter = { heard_report, &heard };
	struct mist_zone *catalog = zone_of(name);
	struct zone *version = text_zone(name, records, false);
	struct members_news news = { .reporter = &reporter };
	struct commit commit;
	struct edit *edit;
	version->presigned = true;
	content_describe(version, catalog->zone);
	zone_release(catalog->zone);
	catalog->zone = version;
	name_copy(news.catalog, version->name);
	assert_int_equal(members_edit(&edit, &news), MIST_OK);
	int error = commit_prepare(&commit, content, atomic_load(&publisher.current), edit, 1800000000);
	assert_int_equal(error, MIST_OK);
	if (commit.view)
		assert_int_equal(publisher_swap(&publisher, commit.view), MIST_OK);
	commit_accept(&commit);
	error = edit->error;
	if (error)
		heard_report(&heard, MIST_LEVEL_ERROR, NULL, 0, edit_reason(edit));
	edit_free(edit);
	members_end(content, &news);
	return error;
}

/* Members as "zone label catalog", in the order of the content; and a view that says the same. */
static void has(const char *wanted)
{
	char text[2048] = "";
	const struct view *view = atomic_load(&publisher.current);
	assert_int_equal(view->zone_count, content->zone_count);
	for (size_t i = 0; i < content->zone_count; i++) {
		const struct mist_zone *zone = content->zones[i];
		char name[NAME_TEXT_MAX], catalog[NAME_TEXT_MAX];
		assert_int_equal(zone->index, i);
		if (!zone->groups) /* versions of catalogs are put in place behind the view's back */
			assert_ptr_equal(view->zones[i], zone->zone);
		if (!zone->catalog)
			continue;
		assert_ptr_equal(content_zone(content, zone->zone->name), zone);
		name_to_text(name, zone->zone->name);
		name_to_text(catalog, zone->catalog->zone->name);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.99s %.*s %.99s\n", name, zone->label[0],
		         (const char *)zone->label + 1, catalog);
	}
	assert_string_equal(text, wanted);
}

static void said(const char *text)
{
	if (!strstr(heard.text, text))
		fail_msg("not said: %s\nbut: %s", text, heard.text);
	heard.text[0] = 0;
}

static void silent(void)
{
	assert_string_equal(heard.text, "");
}

/* A member has been transferred. */
static void transfer(const char *name)
{
	struct mist_zone *member = zone_of(name);
	struct zone *version = text_zone(name, "@ SOA ns. h. 7 3600 600 86400 60\n@ NS ns.elsewhere.\n", false);
	version->presigned = true;
	content_describe(version, member->zone);
	assert_int_equal(store_write(directory, version, 7, (uint64_t)time(NULL), NULL), MIST_OK);
	zone_release(member->zone);
	member->zone = version;
	member->file_serial = 7;
	content->view_owed = true;
}

static bool is_kept(const char *name)
{
	char path[128];
	struct stat status;
	snprintf(path, sizeof(path), "%s/%s.secondary", directory, name);
	return stat(path, &status) == 0;
}

/* ---- tests -------------------------------------------------------------------------------------- */

static void test_come_and_go(void **state)
{
	(void)state;
	serve();
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\n2.zones PTR y.test.\n"), MIST_OK);
	has("x.test 1 a.cat\ny.test 2 a.cat\n");
	assert_true(zone_of("x.test")->zone->failed);
	assert_int_equal(zone_of("x.test")->dnssec, MIST_DNSSEC_PRESIGNED);
	assert_int_equal(zone_of("x.test")->zone->access->primary_count, 1);
	transfer("x.test");
	transfer("y.test");
	assert_int_equal(follow("a.cat", HEAD "2.zones PTR y.test.\n3.zones PTR z.test.\n"), MIST_OK);
	has("y.test 2 a.cat\nz.test 3 a.cat\n");
	assert_null(zone_of("x.test"));
	assert_false(is_kept("x.test"));
	assert_true(is_kept("y.test"));
	assert_int_equal(zone_of("y.test")->zone->serial, 7);
	assert_int_equal(follow("a.cat", HEAD), MIST_OK);
	has("");
	silent();
	end();
}

/* Another label: begun anew; the same one: as it is. */
static void test_reset(void **state)
{
	(void)state;
	serve();
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\n"), MIST_OK);
	transfer("x.test");
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\nmore.ext TXT x\n"), MIST_OK);
	assert_int_equal(zone_of("x.test")->zone->serial, 7);
	assert_int_equal(follow("a.cat", HEAD "2.zones PTR x.test.\n"), MIST_OK);
	has("x.test 2 a.cat\n");
	assert_true(zone_of("x.test")->zone->failed);
	assert_false(is_kept("x.test"));
	end();
}

static void test_broken(void **state)
{
	(void)state;
	serve();
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\n"), MIST_OK);
	assert_int_equal(follow("a.cat", HEAD "version TXT 3\n2.zones PTR y.test.\n"), MIST_EZONE);
	has("x.test 1 a.cat\n");
	said("its `version` is 2 records");
	zone_fail(zone_of("a.cat")->zone, "it has expired");
	assert_int_equal(follow("b.cat", HEAD "1.zones PTR z.test.\n"), MIST_OK);
	has("x.test 1 a.cat\nz.test 1 b.cat\n");
	assert_int_equal(follow("a.cat", HEAD "2.zones PTR y.test.\n"), MIST_OK);
	has("z.test 1 b.cat\ny.test 2 a.cat\n");
	end();
}

/* What is configured goes first, a catalog too; then whoever came first. */
static void test_clashes(void **state)
{
	(void)state;
	serve();
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR own.test.\n2.zones PTR a.cat.\n3.zones PTR x.test.\n"), MIST_OK);
	has("x.test 3 a.cat\n");
	assert_non_null(strstr(heard.text, "catalog a.cat: member a.cat is left out: it is a zone of the configuration"));
	said("catalog a.cat: member own.test is left out: it is a zone of the configuration");
	assert_int_equal(follow("b.cat", HEAD "1.zones PTR x.test.\n"), MIST_OK);
	has("x.test 3 a.cat\n");
	said("catalog b.cat: member x.test is left out: catalog a.cat has it");
	assert_int_equal(follow("b.cat", HEAD), MIST_OK); /* removes nothing that is not its */
	has("x.test 3 a.cat\n");
	silent();
	end();
}

static void test_many_clashes(void **state)
{
	char records[8192] = HEAD;
	(void)state;
	serve();
	for (unsigned i = 0; i < 20; i++)
		snprintf(records + strlen(records), sizeof(records) - strlen(records), "%u.zones PTR m%u.test.\n", i, i);
	assert_int_equal(follow("a.cat", records), MIST_OK);
	assert_int_equal(follow("b.cat", records), MIST_OK);
	assert_int_equal(heard.count[MIST_LEVEL_ERROR], MEMBERS_TOLD_MAX + 1);
	said("catalog b.cat: the same of 12 other members");
	end();
}

static void test_coo(void **state)
{
	const char *const keeps = HEAD "1.zones PTR x.test.\n2.zones PTR y.test.\n";
	(void)state;
	serve();
	assert_int_equal(follow("a.cat", keeps), MIST_OK);
	transfer("x.test");
	transfer("y.test");
	/* The old one says so first, and nothing happens; then the new one has it: with its state, if by the same label. */
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\n2.zones PTR y.test.\n"
	                        "coo.1.zones PTR b.cat.\ncoo.2.zones PTR b.cat.\n"), MIST_OK);
	has("x.test 1 a.cat\ny.test 2 a.cat\n");
	assert_int_equal(follow("b.cat", HEAD "1.zones PTR x.test.\nother.zones PTR y.test.\n"), MIST_OK);
	has("x.test 1 b.cat\ny.test other b.cat\n");
	assert_int_equal(zone_of("x.test")->zone->serial, 7);
	assert_true(is_kept("x.test"));
	assert_true(zone_of("y.test")->zone->failed);
	assert_false(is_kept("y.test"));
	silent();
	/* The old one may list it still, and lets it go. */
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\ncoo.1.zones PTR b.cat.\n"), MIST_OK);
	silent();
	assert_int_equal(follow("a.cat", HEAD), MIST_OK);
	has("x.test 1 b.cat\ny.test other b.cat\n");
	/* To another catalog than this one; from one that is broken. */
	assert_int_equal(follow("b.cat", HEAD "1.zones PTR x.test.\ncoo.1.zones PTR c.cat.\n"), MIST_OK);
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\n"), MIST_OK);
	has("x.test 1 b.cat\n");
	said("and has no `coo` for it");
	assert_int_equal(follow("b.cat", HEAD "version TXT x\n1.zones PTR x.test.\ncoo.1.zones PTR a.cat.\n"), MIST_EZONE);
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\n"), MIST_OK);
	has("x.test 1 b.cat\n");
	end();
}

static void test_groups(void **state)
{
	(void)state;
	serve();
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\ngroup.1.zones TXT signed\n"
	                        "2.zones PTR y.test.\ngroup.2.zones TXT unheard\ngroup.2.zones TXT elsewhere\n"
	                        "3.zones PTR z.test.\ngroup.3.zones TXT unheard\n"), MIST_OK);
	assert_int_equal(zone_of("x.test")->dnssec, MIST_DNSSEC_SIGN);
	assert_int_equal(zone_of("y.test")->zone->access->primary_count, 2);
	assert_int_equal(zone_of("z.test")->zone->access->primary_count, 1);
	transfer("y.test");
	transfer("z.test");
	/* Other primaries change nothing of the zone; to be signed here it has to come again. */
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\n2.zones PTR y.test.\ngroup.2.zones TXT signed\n"
	                        "3.zones PTR z.test.\ngroup.3.zones TXT elsewhere\n"), MIST_OK);
	assert_int_equal(zone_of("x.test")->dnssec, MIST_DNSSEC_PRESIGNED);
	assert_int_equal(zone_of("y.test")->dnssec, MIST_DNSSEC_SIGN);
	assert_true(zone_of("y.test")->zone->failed);
	assert_int_equal(zone_of("z.test")->zone->serial, 7);
	assert_int_equal(zone_of("z.test")->zone->access->primary_count, 2);
	silent();
	end();
}

/* Inside a zone that is signed here a member is a delegation, for as long as it is one. */
static void test_delegations(void **state)
{
	(void)state;
	serve();
	const uint32_t before = zone_of("own.test")->zone->serial;
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR in.own.test.\n"), MIST_OK);
	const struct zone *own = zone_of("own.test")->zone;
	const uint8_t *name = zone_of("in.own.test")->zone->name;
	const struct node *node = zone_node(own, name);
	assert_non_null(node);
	assert_true(node->flags & NODE_CUT);
	assert_true(rrset_same(node_rrset(node, TYPE_NS), own->ns));
	assert_non_null(node_rrset(node, TYPE_NSEC));
	assert_true(own->serial > before);
	assert_ptr_equal(zone_of("in.own.test")->parent, zone_of("own.test"));
	assert_int_equal(follow("a.cat", HEAD "2.zones PTR in.own.test.\n"), MIST_OK);
	assert_non_null(zone_node(zone_of("own.test")->zone, zone_of("in.own.test")->zone->name));
	assert_int_equal(follow("a.cat", HEAD), MIST_OK);
	uint8_t gone[NAME_MAX];
	name_from_text(gone, "in.own.test");
	assert_null(zone_node(zone_of("own.test")->zone, gone));
	const struct overlay *overlay = &zone_of("own.test")->overlay;
	assert_true(!overlay->is_made || !overlay->names.count); /* no edit, and not kept as one */
	silent();
	end();
}

/* After a restart members are there before anybody was asked; a catalog that has expired has them too. */
static void test_restart(void **state)
{
	(void)state;
	for (unsigned expired = 0; expired < 2; expired++) {
		serve();
		assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\n2.zones PTR y.test.\n"), MIST_OK);
		transfer("x.test");
		const uint64_t checked_s = (uint64_t)time(NULL) - (expired ? 90000 : 0);
		assert_int_equal(store_write(directory, zone_of("a.cat")->zone, 1, checked_s, NULL), MIST_OK);
		end();
		serve();
		has("x.test 1 a.cat\ny.test 2 a.cat\n");
		assert_int_equal(zone_of("x.test")->zone->serial, 7);
		assert_true(zone_of("y.test")->zone->failed);
		assert_int_equal(follow("a.cat", HEAD), MIST_OK);
		end();
	}
	silent();
}

/* However many members there are after a restart, a wildcard answers no name of another zone. */
static void test_search_list(void **state)
{
	enum { MANY = 4200, LINE = 40 };
	static const char *const addresses[] = { "192.0.2.7" };
	char *records = malloc(sizeof(HEAD) + MANY * LINE);
	size_t len = (size_t)sprintf(records, HEAD);
	struct mist_zone *zone;
	struct mist_why why;
	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		len += (size_t)snprintf(records + len, LINE, "%u.zones PTR m%u.test.\n", i, i);
	serve();
	assert_int_equal(follow("a.cat", records), MIST_OK);
	assert_int_equal(store_write(directory, zone_of("a.cat")->zone, 1, (uint64_t)time(NULL), NULL), MIST_OK);
	end();
	content = describe();
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .name = "made.land", .addresses = addresses, .address_count = 1 },
		&zone), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_true(content->zone_count > MANY);
	silent();
	assert_int_equal(mist_content_why(content, "ns.own.test.made.land", TYPE_A, &why), MIST_OK);
	assert_string_equal(why.rcode, "NXDOMAIN");
	assert_int_equal(mist_content_why(content, "ns.m1.test.made.land", TYPE_A, &why), MIST_OK);
	assert_string_equal(why.rcode, "NOERROR");
	mist_content_free(content);
	free(records);
}

/* A new content has the members that were served, as it says that they are served. */
static void test_reload(void **state)
{
	uint64_t signatures = 0;
	(void)state;
	serve();
	assert_int_equal(follow("a.cat", HEAD "1.zones PTR x.test.\ngroup.1.zones TXT elsewhere\n2.zones PTR y.test.\n"),
	                 MIST_OK);
	transfer("x.test");
	struct mist_content *next = describe();
	assert_int_equal(reload_expect(next, content), MIST_OK);
	assert_int_equal(mist_content_seal(next), MIST_OK);
	assert_int_equal(reload_prepare(next, content, true, 1800000000, &signatures), MIST_OK);
	assert_int_equal(publisher_swap(&publisher, content_view(next)), MIST_OK);
	mist_content_free(content);
	content = next;
	has("x.test 1 a.cat\ny.test 2 a.cat\n");
	assert_int_equal(zone_of("x.test")->zone->serial, 7);
	assert_int_equal(zone_of("x.test")->zone->access->primary_count, 2);
	end();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_come_and_go), TEST(test_reset), TEST(test_broken), TEST(test_clashes),
		TEST(test_many_clashes), TEST(test_coo), TEST(test_groups), TEST(test_delegations),
		TEST(test_restart), TEST(test_search_list), TEST(test_reload),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
