/* Contents that are sealed: what fails, what is cut, whose keys. */
#include "content/content_kit.h"

#include <sys/wait.h>

static void test_seal(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
	assert_int_equal(add_zone(content, "inner.editor.land", NULL), MIST_OK);
	add_text(content, "plain.inner.editor.land", MIST_DNSSEC_OFF, SOA("plain.inner.editor.land", "42"));
	assert_int_equal(add_rule(content, "update.editor.land"), MIST_OK);
	assert_int_equal(add_rule(content, "*.plugins.inner.editor.land"), MIST_OK);
	assert_int_equal(add_rule(content, "*.plugins.inner.editor.land"), MIST_OK);
	assert_int_equal(add_rule(content, ".editor.land"), MIST_OK);
	assert_int_equal(add_rule(content, "x.localhost"), MIST_OK);
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_true(strstr(heard.text, "rule \".editor.land\" has no effect: a local zone") != NULL);
	assert_true(strstr(heard.text, "rule \"x.localhost\" has no effect") != NULL);
	assert_int_equal(heard.count[MIST_LEVEL_ERROR], 0);
	assert_true(content_sealed(content));
	assert_true(content_signatures(content) > 20);

	verify(content, "editor.land");
	assert_true(run("head -1 %s/dump | grep -q '^editor.land. .* SOA '", directory));
	assert_true(dump_has("^inner.editor.land. .* DS "));
	assert_true(dump_has("^update.editor.land. .* NS "));
	assert_false(dump_has("^update.editor.land. .* DS "));
	verify(content, "inner.editor.land");
	assert_true(dump_has("^plain.inner.editor.land. .* NS "));
	assert_false(dump_has("^plain.inner.editor.land. .* DS "));
	assert_true(dump_has("^plugins.inner.editor.land. .* NS "));
	assert_int_equal(serial_of(content, "plain.inner.editor.land"), 42);
	assert_true(serial_of(content, "editor.land") > 1700000000);

	char text[4096];
	assert_int_equal(mist_content_anchor(content, "Editor.land.", MIST_ANCHOR_DS, text, sizeof(text)),
	                 MIST_OK);
	assert_int_equal(mist_content_anchor(content, "plain.inner.editor.land", MIST_ANCHOR_DS, text,
	                                     sizeof(text)), MIST_EZONE);
	assert_int_equal(mist_content_anchor(content, "nowhere.test", MIST_ANCHOR_DS, text, sizeof(text)),
	                 MIST_ENOTFOUND);
	assert_int_equal(mist_content_walk(content, "nowhere.test", MIST_WALK_SERVED, zonetext_write, NULL), MIST_ENOTFOUND);
	mist_content_free(content);
}

static void test_failed_zones(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	struct mist_zone *zone;
	assert_int_equal(add_zone(content, "good.test", NULL), MIST_OK);
	add_text(content, "nosoa.test", MIST_DNSSEC_SIGN, "nosoa.test. 300 A 192.0.2.1\n");
	add_text(content, "unsigned.good.test", MIST_DNSSEC_PRESIGNED, SOA("unsigned.good.test", "1"));
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .name = "failed.test", .records = true }, &zone),
	                 MIST_OK);
	assert_int_equal(mist_zone_fail(zone, "zones/failed.zone is not there"), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_EZONE);
	assert_true(content_sealed(content));
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_true(strstr(heard.text, "zone nosoa.test does not load") != NULL);
	assert_true(strstr(heard.text, "zone unsigned.good.test does not load") != NULL);
	assert_true(strstr(heard.text, "zones/failed.zone is not there") != NULL);
	/* Delegated, so that the parent proves nothing about its names. */
	verify(content, "good.test");
	assert_true(dump_has("^unsigned.good.test. .* NS "));
	assert_false(dump_has("^unsigned.good.test. .* DS "));
	assert_int_equal(mist_content_walk(content, "failed.test", MIST_WALK_SERVED, zonetext_write, NULL), MIST_EZONE);

	struct mist_why why;
	assert_int_equal(mist_content_why(content, "x.failed.test", TYPE_A, &why), MIST_OK);
	assert_int_equal(why.verdict, MIST_VERDICT_FAILED);
	assert_string_equal(why.rcode, "SERVFAIL");
	assert_non_null(strstr(why.text, "zones/failed.zone is not there"));
	mist_content_free(content);
}

/* A zone that came signed and whose keys are not those that signed it: nothing to make a DS of, which
 * is no reason not to serve the zone around it. */
#define P_GOOD_TEST "017004676f6f64047465737400"
#define SIGNATURE(owner, type) owner " 300 RRSIG \\# " type "0d030000012c83aa7e805e0be1001267" \
	P_GOOD_TEST "000000\n"
static void test_inner_zone_without_ds(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	assert_int_equal(add_zone(content, "good.test", NULL), MIST_OK);
	add_text(content, "p.good.test", MIST_DNSSEC_PRESIGNED,
	         SOA("p.good.test", "1") "p.good.test. 300 DNSKEY \\# 0101030d000000\n"
	         "p.good.test. 300 NSEC \\# 026e73" P_GOOD_TEST "000722000000000380\n"
	         "ns.p.good.test. 300 NSEC \\# " P_GOOD_TEST "0006400000000003\n"
	         SIGNATURE("p.good.test.", "0006") SIGNATURE("p.good.test.", "0002")
	         SIGNATURE("p.good.test.", "0030") SIGNATURE("p.good.test.", "002f")
	         SIGNATURE("ns.p.good.test.", "0001") SIGNATURE("ns.p.good.test.", "002f"));
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_non_null(strstr(heard.text, "none of its DNSKEY records signs them"));
	verify(content, "good.test");
	assert_true(dump_has("^p.good.test. .* NS "));
	assert_false(dump_has("^p.good.test. .* DS "));
	mist_content_free(content);
}

/* `*.x` leaves x what the wildcard says, however the rules are ordered. */
static void test_order_of_cuts(void **state)
{
	(void)state;
	static const char *const rules[] = { "y.x.wild.land", "*.x.wild.land", "y.x.wild.land" };
	for (unsigned i = 0; i < 2; i++) {
		struct mist_content *content = content_with(options());
		add_text(content, "wild.land", MIST_DNSSEC_SIGN,
		         SOA("wild.land", "1") "*.wild.land. 300 A 192.0.2.1\n");
		assert_int_equal(add_rule(content, rules[i]), MIST_OK);
		assert_int_equal(add_rule(content, rules[i + 1]), MIST_OK);
		assert_int_equal(mist_content_seal(content), MIST_OK);
		verify(content, "wild.land");
		assert_true(dump_has("^x.wild.land. .* A "));
		assert_false(dump_has("^y.x.wild.land."));
		mist_content_free(content);
	}
}

/* What x answers with under `*.x` may be a CNAME; the delegation that others are told of has none. */
static void test_dump_of_a_lent_cname(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	add_text(content, "wild.land", MIST_DNSSEC_SIGN,
	         SOA("wild.land", "1") "*.wild.land. 300 CNAME ns.wild.land.\n");
	assert_int_equal(add_rule(content, "*.x.wild.land"), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	struct mist_why why;
	assert_int_equal(mist_content_why(content, "x.wild.land", TYPE_A, &why), MIST_OK);
	assert_int_equal(why.answer_count, 2);
	verify(content, "wild.land");
	assert_true(dump_has("^x.wild.land. .* NS "));
	assert_false(dump_has("^x.wild.land. .* CNAME "));
	mist_content_free(content);
}

static void test_cut_over_data(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	add_text(content, "data.land", MIST_DNSSEC_SIGN,
	         SOA("data.land", "1") "www.data.land. 300 A 192.0.2.1\n");
	assert_int_equal(add_rule(content, "www.data.land"), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_EZONE);
	assert_non_null(strstr(heard.text, "mist.yaml:7: rule \"www.data.land\" forwards a name that"));
	mist_content_free(content);
}

static void test_keys(void **state)
{
	(void)state;
	struct mist_content_options o = options();
	char first[4096], second[4096], state_directory[128];
	snprintf(state_directory, sizeof(state_directory), "%s/some/state", directory);
	o.state_directory = state_directory;
	for (unsigned round = 0; round < 3; round++) {
		struct mist_content *content = content_with(o);
		assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
		assert_int_equal(mist_content_seal(content), MIST_OK);
		assert_int_equal(mist_content_anchor(content, "editor.land", MIST_ANCHOR_DS,
		                                     round ? second : first, 4096), MIST_OK);
		if (round)
			assert_string_equal(first, second);
		mist_content_free(content);
	}
	assert_true(run("test $(ls %s/some/state/Keditor.land.+013+* | wc -l) = 2", directory));
	assert_true(run("test $(stat -c %%a %s/some/state) = 700", directory));
	assert_silence();

	/* A key that cannot be used fails the zone, and is left alone. */
	assert_true(run("chmod 644 %s/some/state/*.private", directory));
	struct mist_content *content = content_with(o);
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
	add_text(content, "bad.test", MIST_DNSSEC_OFF, "bad.test. 300 A 192.0.2.1\n");
	assert_int_equal(add_zone(content, "other.land", NULL), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_EKEY);
	assert_non_null(strstr(heard.text, "chmod 600"));
	verify(content, "other.land");
	mist_content_free(content);
	memset(&heard, 0, sizeof(heard));

	/* Checks write nothing. */
	assert_true(run("rm -r %s/some", directory));
	o.read_only = true;
	content = content_with(o);
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_heard("one would be made in");
	assert_true(run("test ! -e %s/some", directory));
	mist_content_free(content);

	/* No place to keep a key is said; asked for, it is not. */
	content = content_with(options());
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_heard("lives in memory only");
	mist_content_free(content);
	o.read_only = false;
	content = content_with(o);
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .name = "editor.land", .ephemeral_key = true }, NULL),
	                 MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_silence();
	assert_true(run("test -z \"$(ls %s/some/state/K* 2>&-)\"", directory));
	mist_content_free(content);

	/* A state directory that cannot be. */
	assert_true(run("rm -r %s/some; : >%s/some", directory, directory));
	content = content_with(o);
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_EKEY);
	assert_heard("cannot be made");
	mist_content_free(content);
}

/* Servers that start at once with one directory come to one key. */
static void test_keys_of_many(void **state)
{
	(void)state;
	struct mist_content_options o = { .size = sizeof(o), .state_directory = directory };
	pid_t children[8];
	for (unsigned i = 0; i < 8; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			struct mist_content *content = content_with(o);
			_exit(add_zone(content, "editor.land", NULL) || mist_content_seal(content));
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		int status;
		waitpid(children[i], &status, 0);
		assert_int_equal(status, 0);
	}
	assert_true(run("test $(ls %s/*.private | wc -l) = 1", directory));
	assert_true(run("test \"$(ls -A %s | wc -l)\" = 3", directory));
}

static void test_foreign_key(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	add_text(content, "file.test", MIST_DNSSEC_SIGN, SOA("file.test", "1")
	         "file.test. 300 DNSKEY \\# 0101030daabbccddeeff\n");
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_heard("DNSKEY records of the zone's own");
	mist_content_free(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_seal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_zones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_inner_zone_without_ds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_order_of_cuts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dump_of_a_lent_cname, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_over_data, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys_of_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign_key, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
