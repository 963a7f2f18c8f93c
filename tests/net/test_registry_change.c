/* Registered names while time passes and other things change: leases, contents, edits, files. */
#include "registry_kit.h"

/* ---- time and change ------------------------------------------------------------------------- */

static void leases(void **state)
{
	(void)state;
	assert_int_equal(put("web", "long", 1, "10.0.0.1", 60000), MIST_OK);
	assert_int_equal(put("web", "short", 0, "10.0.0.2", 400), MIST_OK);
	assert_int_equal(put("other", "renewed", 0, "10.0.0.3", 400), MIST_OK);
	assert_answer("web", "A", "NOERROR aa 10.0.0.2");
	for (unsigned i = 0; i < 100; i++) {
		wait_ms(100);
		assert_int_equal(put("other", "renewed", 0, "10.0.0.3", 2000), MIST_OK);
		if (strcmp(ask_id(lookup, "web", "A", 0, text), "NOERROR aa 10.0.0.1") == 0)
			break;
	}
	assert_answer("web", "A", "NOERROR aa 10.0.0.1");
	assert_answer("other", "A", "NOERROR aa 10.0.0.3");
	for (unsigned i = 0; i < 100 && strncmp(ask_id(lookup, "other", "A", 0, text), "NOERROR", 7) == 0; i++)
		wait_ms(100);
	assert_answer("other", "A", "NXDOMAIN aa SOA arcbox.local");
	assert_int_equal(mist_deregister(server, "renewed", NULL), MIST_ENOTFOUND);
	assert_int_equal(mist_deregister(server, "long", NULL), MIST_OK);
}

static void another_content(void **state)
{
	(void)state;
	assert_int_equal(put("web", "a", 0, "10.0.0.1 10.0.0.2", 0), MIST_OK);
	assert_int_equal(put("db", "b", 0, "10.0.0.3", 0), MIST_OK);
	for (unsigned i = 0; i < 4; i++) {
		struct mist_content *content = content_of(1);
		assert_int_equal(i % 2 ? mist_reload(server, content) : mist_publish(server, content), MIST_OK);
		assert_answer("web.arcbox.local", "A", "NOERROR aa 10.0.0.1 10.0.0.2");
		assert_answer("db", "A", "NOERROR aa 10.0.0.3");
		assert_string_equal(ask_id(lookup, "web", "A", 1, text), "NOERROR aa 10.0.0.2 10.0.0.1");
	}
	assert_int_equal(mist_deregister(server, "b", NULL), MIST_OK);
	assert_int_equal(mist_reload(server, content_of(1)), MIST_OK);
	assert_answer("db", "A", "NXDOMAIN aa SOA arcbox.local");
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
}

static int from_inside;

/* A reporter that registers: an error, and no deadlock. */
static void register_from_inside(void *user, enum mist_level level, const char *file, unsigned line, const char *said)
{
	heard_report(user, level, file, line, said);
	if (strstr(said, "cannot be answered"))
		from_inside = put("inside.editor.land", "a", 0, "10.0.0.9", 0);
}

/* A reload forwards a name that is registered. It is not answered, and holds nobody up. */
static void forwarded_from_now_on(void **state)
{
	(void)state;
	static const char *const upstream[] = { "192.0.2.53" };
	struct mist_content_options options = { .size = sizeof(options), .reporter = { register_from_inside, &heard } };
	struct mist_content *content;
	assert_int_equal(put("web.editor.land", "a", 0, "10.0.0.1", 1500), MIST_OK);
	assert_int_equal(put("web.editor.land", "b", 0, "10.0.0.2", 0), MIST_OK);
	assert_int_equal(put("other.editor.land", "c", 0, "10.0.0.3", 1600), MIST_OK);
	assert_int_equal(mist_content_new(&content, &options), MIST_OK);
	add_zone(content, "arcbox.local", true, 0);
	add_zone(content, "editor.land", true, 2);
	assert_int_equal(mist_content_rule(content, &(struct mist_rule){ .size = sizeof(struct mist_rule),
		.name = "web.editor.land", .upstreams = upstream, .upstream_count = 1 }), MIST_OK);
	from_inside = MIST_OK;
	assert_int_equal(mist_reload(server, content), MIST_OK);
	assert_int_equal(from_inside, MIST_EBUSY);
	assert_non_null(strstr(heard.text, "a rule forwards web.editor.land"));
	/* leases go on ending, that of the name too */
	for (unsigned i = 0; i < 100 && strstr(ask_id(lookup, "other.editor.land", "A", 0, text), "10.0.0.3"); i++)
		wait_ms(100);
	assert_answer("other.editor.land", "A", "NOERROR aa 127.0.0.1");
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_ENOTFOUND);
	assert_int_equal(put("web.editor.land", "b", 0, "10.0.0.4", 0), MIST_ECONFLICT);
	assert_int_equal(put("third.editor.land", "b", 0, "10.0.0.5", 0), MIST_OK);
	assert_int_equal(mist_deregister(server, "b", NULL), MIST_OK);
	assert_answer("third.editor.land", "A", "NOERROR aa 127.0.0.1");
	assert_int_equal(mist_reload(server, content_of(2)), MIST_OK);
	assert_answer("web.editor.land", "A", "NOERROR aa 127.0.0.1");
}

/* ---- beside what others say ------------------------------------------------------------------- */

/* Edits leave registered addresses alone, and what they bring beside them stays. */
static void edits_beside(void **state)
{
	(void)state;
	assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_OK);
	assert_int_equal(edit_now(server, NULL, "+web.arcbox.local. 60 A 10.0.0.2\n", NULL), MIST_ECONFLICT);
	assert_int_equal(edit_now(server, NULL, "+web.arcbox.local. 60 AAAA fd00::2\n", NULL), MIST_ECONFLICT);
	assert_int_equal(edit_now(server, NULL, "-web.arcbox.local. 60 A 10.0.0.1\n", NULL), MIST_ECONFLICT);
	assert_int_equal(edit_now(server, NULL, "!web.arcbox.local. A\n", NULL), MIST_ECONFLICT);
	assert_int_equal(edit_now(server, NULL, "+web.arcbox.local. 60 TXT mine\n", NULL), MIST_OK);
	assert_int_equal(put("web", "a", 0, "10.0.0.3 fd00::3", 0), MIST_OK);
	assert_string_equal(ask(lookup, "web.arcbox.local", "TXT", text), "NOERROR mine");
	assert_int_equal(edit_now(server, NULL, "!web.arcbox.local. ANY\n", NULL), MIST_OK);
	assert_string_equal(ask(lookup, "web.arcbox.local", "TXT", text), "NOERROR");
	assert_answer("web.arcbox.local", "A", "NOERROR aa 10.0.0.3");
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
	assert_int_equal(edit_now(server, NULL, "+web.arcbox.local. 60 A 10.0.0.2\n", NULL), MIST_OK);
	assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_ECONFLICT);
	assert_answer("web.arcbox.local", "A", "NOERROR aa 10.0.0.2");
}

static int add_record(void *user, const struct mist_record *record)
{
	return mist_zone_add(user, record);
}

/* A registry from a file, which may have addresses of its own for `web`; edits are kept in a directory. */
static struct mist_content *content_file(const char *directory, bool web)
{
	struct mist_content_options options = {
		.size = sizeof(options), .reporter = { heard_report, &heard }, .state_directory = directory,
	};
	struct mist_content *content;
	struct mist_zone *zone;
	assert_int_equal(mist_content_new(&content, &options), MIST_OK);
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){ .size = sizeof(struct mist_zone_options),
		.name = "arcbox.local", .registry = true, .records = true, .dnssec = MIST_DNSSEC_SIGN }, &zone), MIST_OK);
	assert_int_equal(zonetext_read("arcbox.local. 300 SOA ns.arcbox.local. h.arcbox.local. 1 3600 600 86400 60\n"
		"arcbox.local. 300 NS ns.arcbox.local.\nns.arcbox.local. 300 A 127.0.0.1\n", add_record, zone), MIST_OK);
	if (web)
		assert_int_equal(zonetext_read("web.arcbox.local. 300 A 10.1.1.1\n", add_record, zone), MIST_OK);
	return content;
}

static void start_file(const char *directory, bool web)
{
	struct mist_options options = options_of(MIST_ENGINE_AUTO, 1);
	assert_int_equal(mist_start(&server, &options, content_file(directory, web)), MIST_OK);
	assert_int_equal(mist_lookup_open(&lookup, server), MIST_OK);
}

static void restart_file(const char *directory, bool web)
{
	stop(NULL);
	start_file(directory, web);
}

static void files_beside(void **state)
{
	static const char nobody[] = "NXDOMAIN aa SOA arcbox.local", file[] = "NOERROR aa 10.1.1.1";
	char directory[64];
	(void)state;
	memset(&heard, 0, sizeof(heard));
	scratch_make(directory);
	start_file(directory, false);
	/* The file gets addresses where a name is registered: they are answered, and stay. */
	assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_OK);
	assert_int_equal(mist_reload(server, content_file(directory, true)), MIST_OK);
	assert_non_null(strstr(heard.text, "web.arcbox.local is registered"));
	assert_answer("web.arcbox.local", "A", file);
	assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_ECONFLICT);
	assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
	assert_answer("web.arcbox.local", "A", file);
	/* An edit takes them out, somebody registers the name and leaves: the edit is kept, the name is not. */
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(edit_now(server, NULL, "!web.arcbox.local. A\n", NULL), MIST_OK);
		assert_int_equal(put("web", "a", 0, "10.0.0.1", 0), MIST_OK);
		assert_int_equal(edit_now(server, NULL, "!web.arcbox.local. ANY\n", NULL), MIST_OK);
		if (i & 1) {
			assert_int_equal(mist_reload(server, content_file(directory, true)), MIST_OK);
			assert_answer("web.arcbox.local", "A", "NOERROR aa 10.0.0.1");
		}
		if (i & 2) {
			assert_int_equal(mist_deregister(server, "a", NULL), MIST_OK);
			assert_int_equal(mist_reload(server, content_file(directory, true)), MIST_OK);
		}
		restart_file(directory, true);
		assert_answer("web.arcbox.local", "A", nobody);
		restart_file(directory, true);
		assert_answer("web.arcbox.local", "A", nobody);
		assert_int_equal(edit_now(server, NULL, "+web.arcbox.local. 300 A 10.1.1.1\n", NULL), MIST_OK);
	}
	restart_file(directory, true);
	assert_answer("web.arcbox.local", "A", file);
	assert_int_equal(heard.count[MIST_LEVEL_ERROR], 0);
	stop(NULL);
	scratch_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(leases, start, stop),
		cmocka_unit_test_setup_teardown(another_content, start, stop),
		cmocka_unit_test_setup_teardown(forwarded_from_now_on, start_two, stop),
		cmocka_unit_test_setup_teardown(edits_beside, start, stop),
		cmocka_unit_test(files_beside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
