/* Contents: described, sealed, viewed, renewed, explained. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <time.h>

#include "core/query.h"
#include "core/wire.h"
#include "dnssec/sign.h"
#include "content/content.h"
#include "content/reload.h"
#include "content/parts.h"
#include "content/serial.h"
#include "scratch.h"
#include "zonetext.h"

static char directory[64];
static struct heard heard;

static int set_up(void **state)
{
	(void)state;
	scratch_make(directory);
	memset(&heard, 0, sizeof(heard));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

/* Options of most tests: no directories, one upstream. */
static const char *const upstreams[] = { "192.0.2.53" };
static struct mist_content_options options(void)
{
	return (struct mist_content_options){
		.size = sizeof(struct mist_content_options),
		.reporter = { heard_report, &heard },
		.upstreams = upstreams, .upstream_count = 1,
	};
}

static struct mist_content *content_with(struct mist_content_options o)
{
	struct mist_content *content = NULL;
	assert_int_equal(mist_content_new(&content, &o), MIST_OK);
	return content;
}

static int add_zone(struct mist_content *content, const char *name, struct mist_zone **zone)
{
	return mist_content_zone(content, &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .name = name }, zone);
}

static int add_rule(struct mist_content *content, const char *name)
{
	return mist_content_rule(content, &(struct mist_rule){
		.size = sizeof(struct mist_rule), .name = name, .file = "mist.yaml", .line = 7 });
}

static int add_record(void *user, const struct mist_record *record)
{
	return mist_zone_add(user, record);
}

static struct mist_zone *add_text(struct mist_content *content, const char *name,
                                  enum mist_dnssec dnssec, const char *text)
{
	struct mist_zone *zone = NULL;
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .name = name, .records = true,
		.dnssec = dnssec, .file = "some.zone" }, &zone), MIST_OK);
	assert_int_equal(zonetext_read(text, add_record, zone), MIST_OK);
	return zone;
}

#define SOA(zone, serial) zone ". 300 SOA ns." zone ". h." zone ". " serial " 3600 600 86400 300\n" \
	zone ". 300 NS ns." zone ".\nns." zone ". 300 A 192.0.2.1\n"

static void assert_heard(const char *words)
{
	if (!strstr(heard.text, words))
		fail_msg("\"%s\" without \"%s\"", heard.text, words);
	memset(&heard, 0, sizeof(heard));
}

static void assert_silence(void)
{
	assert_string_equal(heard.text, "");
}

static uint32_t serial_of(const struct mist_content *content, const char *name)
{
	uint8_t wire[NAME_MAX];
	name_from_text(wire, name);
	const struct zone *zone = content_zone(content, wire)->zone;
	const uint8_t *rdata = zone->soa->wire + RRSET_FIXED;
	size_t at = name_len(rdata);
	at += name_len(rdata + at);
	assert_int_equal(wire_get32(rdata + at), zone->serial);
	return zone->serial;
}

/* ------------------------------------------------------------------------------------------------
 * Describing
 */

static void test_new(void **state)
{
	(void)state;
	struct mist_content *content = NULL;
	assert_int_equal(mist_content_new(&content, NULL), MIST_OK);
	mist_content_free(content);
	mist_content_free(NULL);
	content = NULL;
	assert_int_equal(mist_content_new(NULL, NULL), MIST_EINVAL);
	assert_int_equal(mist_content_new(&content, &(struct mist_content_options){ 0 }), MIST_EINVAL);

	struct mist_content_options o = options();
	o.algorithm = (enum mist_algorithm)8;
	assert_int_equal(mist_content_new(&content, &o), MIST_EINVAL);
	assert_heard("algorithm 8");
	o = options();
	o.signature_lifetime_s = 60;
	assert_int_equal(mist_content_new(&content, &o), MIST_EINVAL);
	assert_heard("lifetime of 60 s");
	o = options();
	o.upstreams = (const char *const[]){ "dns.example" };
	assert_int_equal(mist_content_new(&content, &o), MIST_EINVAL);
	assert_heard("\"dns.example\" is no address");
	assert_null(content);
	/* An older, shorter struct. */
	o = options();
	o.size = offsetof(struct mist_content_options, timeout_ms);
	o.timeout_ms = 1;
	content = content_with(o);
	assert_int_equal(content->options.timeout_ms, 2000);
	mist_content_free(content);
}

static void test_zone_options(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	struct mist_zone *zone = NULL;
	assert_int_equal(add_zone(content, "a..b", &zone), MIST_ENAME);
	assert_heard("\"a..b\" is not a domain name");
	assert_int_equal(add_zone(content, NULL, &zone), MIST_ENAME);
	assert_heard("not a domain name");
	assert_null(zone);
	assert_int_equal(add_zone(content, "Editor.Land.", &zone), MIST_OK);
	assert_non_null(zone);
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_EINVAL);
	assert_heard("there twice");
	struct mist_zone_options o = { .size = sizeof(o), .name = "x.test", .address_count = 1,
	                               .addresses = (const char *const[]){ "localhost" } };
	assert_int_equal(mist_content_zone(content, &o, NULL), MIST_EINVAL);
	assert_heard("\"localhost\" is no address");
	o.address_count = 0;
	o.dnssec = MIST_DNSSEC_PRESIGNED;
	assert_int_equal(mist_content_zone(content, &o, NULL), MIST_EINVAL);
	assert_heard("cannot come signed");
	/* A made zone takes no records, a sealed one none either. */
	uint8_t root[1] = { 0 }, address[4] = { 127, 0, 0, 1 };
	struct mist_record record = { .owner = root, .type = TYPE_A, .rdata = address, .rdata_len = 4 };
	assert_int_equal(mist_zone_add(zone, &record), MIST_EINVAL);
	zone = add_text(content, "y.test", MIST_DNSSEC_OFF, SOA("y.test", "1"));
	assert_int_equal(mist_zone_add(zone, &record), MIST_ERECORD);
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_int_equal(mist_zone_add(zone, &record), MIST_ESEALED);
	assert_int_equal(mist_zone_fail(zone, "too late"), MIST_ESEALED);
	assert_int_equal(add_zone(content, "z.test", NULL), MIST_ESEALED);
	assert_int_equal(add_rule(content, "z.test"), MIST_ESEALED);
	mist_content_free(content);
}

static void test_rules(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	const char *const bad[] = { "", "a..b", "*.", "..", "x.*.y", "*.*.y", ".*.y", "x.*" };
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int error = add_rule(content, bad[i]);
		if (!strcmp(bad[i], "*."))
			continue; /* everything, as "*" */
		if (error != MIST_ENAME && error != MIST_EINVAL)
			fail_msg("rule \"%s\": %d", bad[i], error);
		assert_heard("mist.yaml:7: rule \"");
	}
	const struct { const char *text, *name; bool at_name, below; } good[] = {
		{ "Example.com", "example.com", true, false }, { "*.example.com.", "example.com", false, true },
		{ ".example.com", "example.com", true, true }, { "*", ".", false, true }, { ".", ".", true, true },
	};
	mist_content_free(content);
	content = content_with(options());
	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		char name[NAME_TEXT_MAX];
		assert_int_equal(add_rule(content, good[i].text), MIST_OK);
		const struct rule *rule = &content->rules[content->rule_count - 1]->rule;
		name_to_text(name, rule->name);
		assert_string_equal(name, good[i].name);
		assert_string_equal(rule->text, good[i].text);
		assert_int_equal(rule->at_name, good[i].at_name);
		assert_int_equal(rule->below, good[i].below);
	}
	assert_silence();
	size_t count = content->rule_count;
	assert_int_equal(add_rule(content, "example.COM"), MIST_OK);
	assert_int_equal(content->rule_count, count);
	assert_heard("there twice; one is enough");
	struct mist_rule rule = { .size = sizeof(rule), .name = "example.com", .upstream_count = 1,
	                          .upstreams = (const char *const[]){ "127.0.0.1:5355" } };
	assert_int_equal(mist_content_rule(content, &rule), MIST_EINVAL);
	assert_heard("do not agree");
	rule.deny = true;
	assert_int_equal(mist_content_rule(content, &rule), MIST_EINVAL);
	assert_heard("has no upstreams");
	rule.upstream_count = 0;
	assert_int_equal(mist_content_rule(content, &rule), MIST_OK);
	rule.deny = false;
	rule.name = "other.com";
	rule.upstream_count = 2;
	rule.upstreams = (const char *const[]){ "127.0.0.1:5355", "127.0.0.1:70000" };
	assert_int_equal(mist_content_rule(content, &rule), MIST_EINVAL);
	assert_heard("\"127.0.0.1:70000\" is no address");
	mist_content_free(content);
}

static void test_policies(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	const char *const a[] = { "192.0.2.1", "192.0.2.2:5353" }, *const b[] = { "192.0.2.2:5353", "192.0.2.1" },
	                  *const c[] = { "192.0.2.1", "192.0.2.2" };
	const struct { const char *name; const char *const *list; size_t count; bool private; } rules[] = {
		{ "a.test", a, 2, false }, { "b.test", b, 2, false }, { "c.test", c, 2, false },
		{ "d.test", a, 2, true },  { "e.test", upstreams, 1, false }, { "f.test", NULL, 0, false },
	};
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(mist_content_rule(content, &(struct mist_rule){
			.size = sizeof(struct mist_rule), .name = rules[i].name, .upstreams = rules[i].list,
			.upstream_count = rules[i].count, .private_addresses = rules[i].private }), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	struct view *view = content_view(content), *again = content_view(content);
	assert_non_null(view);
	assert_int_equal(view->upstream_set_count, 5);
	assert_int_equal(view->rules[0].policy, view->rules[1].policy);
	assert_int_equal(view->rules[0].policy, view->upstream_sets[view->rules[0].upstream_set].policy);
	assert_int_not_equal(view->rules[0].policy, view->rules[2].policy);
	assert_int_not_equal(view->rules[0].policy, view->rules[3].policy);
	assert_int_equal(view->rules[4].policy, view->rules[5].policy);
	assert_int_equal(view->rules[3].policy, again->rules[3].policy);
	/* A view needs nothing of its content. */
	mist_content_free(content);
	uint8_t name[NAME_MAX];
	struct route route;
	name_from_text(name, "c.test");
	struct name_key key;
	name_key(&key, name, NAME_MAX);
	route_find(view->routes, &key, TYPE_A, &route);
	assert_int_equal(route.kind, ROUTE_FORWARD);
	assert_string_equal(route.rule->text, "c.test");
	view_free(view);
	view_free(again);
}

static void test_fork(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	pid_t child = fork();
	if (child == 0)
		_exit(add_zone(content, "x.test", NULL) == MIST_EFORKED &&
		      mist_content_seal(content) == MIST_EFORKED ? 0 : 1);
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	mist_content_free(content);
}

/* ------------------------------------------------------------------------------------------------
 * Sealing
 */

static void dump(const struct mist_content *content, const char *zone)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/dump", directory);
	FILE *file = fopen(path, "w");
	assert_int_equal(mist_content_walk(content, zone, MIST_WALK_SERVED, zonetext_write, file), MIST_OK);
	fclose(file);
}

static void verify(const struct mist_content *content, const char *zone)
{
	dump(content, zone);
	if (have_tool("ldns-verify-zone"))
		assert_true(run("ldns-verify-zone %s/dump >%s/log 2>&1 || { cat %s/log; false; }", directory,
		                directory, directory));
	if (have_tool("dnssec-verify"))
		assert_true(run("dnssec-verify -z -o %s %s/dump >%s/log 2>&1 || { cat %s/log; false; }", zone,
		                directory, directory, directory));
}

static bool dump_has(const char *pattern)
{
	return run("grep -q '%s' %s/dump", pattern, directory);
}

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

static uint32_t sealed_serial(struct mist_content_options o, const char *zone, const char *text,
                              enum mist_dnssec dnssec)
{
	struct mist_content *content = content_with(o);
	if (text)
		add_text(content, zone, dnssec, text);
	else
		assert_int_equal(add_zone(content, zone, NULL), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	uint32_t serial = serial_of(content, zone);
	mist_content_free(content);
	return serial;
}

static void test_serials(void **state)
{
	(void)state;
	struct mist_content_options o = options();
	o.state_directory = directory;
	/* Restarts, and a new day's prefix when there is none yet. */
	uint32_t serial = sealed_serial(o, "made.test", NULL, 0);
	char today[16];
	time_t now = time(NULL);
	strftime(today, sizeof(today), "%Y%m%d01", gmtime(&now));
	assert_int_equal(serial, strtoul(today, NULL, 10));
	for (unsigned i = 0; i < 3; i++) {
		uint32_t next = sealed_serial(o, "made.test", NULL, 0);
		assert_int_equal(next, serial + 1);
		serial = next;
	}
	/* A file that is signed here starts with its own, and goes on from there. */
	assert_int_equal(sealed_serial(o, "file.test", SOA("file.test", "42"), MIST_DNSSEC_SIGN), 42);
	assert_int_equal(sealed_serial(o, "file.test", SOA("file.test", "42"), MIST_DNSSEC_SIGN), 43);
	assert_int_equal(sealed_serial(o, "file.test", SOA("file.test", "50"), MIST_DNSSEC_SIGN), 50);
	assert_int_equal(sealed_serial(o, "file.test", SOA("file.test", "50"), MIST_DNSSEC_SIGN), 51);
	/* One that is not stays as it is. */
	assert_int_equal(sealed_serial(o, "off.test", SOA("off.test", "42"), MIST_DNSSEC_OFF), 42);
	assert_int_equal(sealed_serial(o, "off.test", SOA("off.test", "42"), MIST_DNSSEC_OFF), 42);
	assert_true(run("test ! -e %s/off.test.serial", directory));
	/* read_only looks, and keeps nothing. */
	o.read_only = true;
	assert_int_equal(sealed_serial(o, "made.test", NULL, 0), serial + 1);
	assert_int_equal(sealed_serial(o, "made.test", NULL, 0), serial + 1);
	/* What is kept is broken. */
	o.read_only = false;
	memset(&heard, 0, sizeof(heard));
	assert_true(run("echo broken >%s/made.test.serial", directory));
	sealed_serial(o, "made.test", NULL, 0);
	assert_heard("cannot be read");
}

/* What a served content does while this one is signed. */
static void reserve_more(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	uint8_t name[NAME_MAX];
	heard_report(user, level, file, line, text);
	name_from_text(name, "file.test");
	if (strstr(text, "DNSKEY records of the zone's own"))
		assert_int_equal(serial_write(500, directory, name, &(struct mist_reporter){ heard_report, &heard }), MIST_OK);
}

static void test_reserved_meanwhile(void **state)
{
	(void)state;
	static const char text[] = SOA("file.test", "42")
		"file.test. 300 DNSKEY \\# 0100030d1111111111111111111111111111111111111111111111111111111111111111"
		"1111111111111111111111111111111111111111111111111111111111111111\n";
	struct mist_content_options o = options();
	o.state_directory = directory;
	assert_int_equal(sealed_serial(o, "file.test", text, MIST_DNSSEC_SIGN), 42);
	o.reporter.report = reserve_more;
	assert_int_equal(sealed_serial(o, "file.test", text, MIST_DNSSEC_SIGN), 43);
	assert_true(run("grep -qx 500 %s/file.test.serial", directory));
	o.reporter.report = heard_report;
	assert_int_equal(sealed_serial(o, "file.test", text, MIST_DNSSEC_SIGN), 501);
}

static void test_follow(void **state)
{
	(void)state;
	struct mist_content *old = content_with(options()), *new = content_with(options());
	struct mist_content *const both[] = { old, new };
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(add_zone(both[i], "made.test", NULL), MIST_OK);
		assert_int_equal(mist_content_zone(both[i], &(struct mist_zone_options){
			.size = sizeof(struct mist_zone_options), .name = "off.test",
			.dnssec = MIST_DNSSEC_OFF }, NULL), MIST_OK);
		add_text(both[i], "file.test", MIST_DNSSEC_OFF, SOA("file.test", "42"));
		assert_int_equal(mist_content_seal(both[i]), MIST_OK);
	}
	uint64_t signatures = 0;
	assert_int_equal(reload_prepare(new, old, false, (uint32_t)time(NULL), &signatures), MIST_OK);
	assert_true(serial_greater(serial_of(new, "made.test"), serial_of(old, "made.test")));
	assert_true(serial_greater(serial_of(new, "off.test"), serial_of(old, "off.test")));
	assert_int_equal(serial_of(new, "file.test"), 42);
	verify(new, "made.test");
	mist_content_free(old);
	verify(new, "made.test");
	mist_content_free(new);
}

static void test_refresh(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
	assert_int_equal(add_zone(content, "inner.editor.land", NULL), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	struct view *first = content_view(content), *view = NULL;
	uint64_t signatures = 0;
	uint32_t now = (uint32_t)time(NULL), due = content_due(content);
	assert_true(due > now + 9 * 24 * 3600 && due < now + 11 * 24 * 3600);
	assert_int_equal(content_refresh(content, due - 1, &view, &signatures), MIST_OK);
	assert_null(view);
	uint32_t serial = serial_of(content, "editor.land");
	uint32_t inner = serial_of(content, "inner.editor.land");
	for (unsigned i = 0; i < 60; i++) {
		due = content_due(content);
		assert_int_equal(content_refresh(content, due, &view, &signatures), MIST_OK);
		assert_non_null(view);
		assert_true(content_due(content) > due);
		view_free(view);
	}
	assert_true(serial_greater(serial_of(content, "editor.land"), serial));
	assert_true(serial_greater(serial_of(content, "inner.editor.land"), inner));
	assert_true(signatures > content_signatures(content));
	/* A view that could not be published is made again. */
	assert_int_equal(content_refresh(content, due, &view, &signatures), MIST_OK);
	assert_null(view);
	content_owe_view(content);
	assert_int_equal(content_refresh(content, due, &view, &signatures), MIST_OK);
	assert_non_null(view);
	view_free(view);
	/* A clock that was years ahead and is put right. */
	serial = serial_of(content, "editor.land");
	assert_int_equal(content_refresh(content, now, &view, &signatures), MIST_OK);
	assert_non_null(view);
	view_free(view);
	verify(content, "editor.land");
	assert_true(serial_greater(serial_of(content, "editor.land"), serial));
	/* The first view still stands. */
	uint8_t name[NAME_MAX];
	struct route route;
	name_from_text(name, "editor.land");
	struct name_key key;
	name_key(&key, name, NAME_MAX);
	route_find(first->routes, &key, TYPE_SOA, &route);
	assert_non_null(route.zone->soa);
	mist_content_free(content);
	view_free(first);
}

/* Views go in any order, and the content in the middle of them, while the clock jumps. What is freed
 * too early or never, the sanitizers see. */
static void test_views_in_any_order(void **state)
{
	(void)state;
	enum { VIEWS = 16 };
	struct view *views[VIEWS] = { NULL };
	uint64_t signatures = 0, random = 20261121;
	struct mist_content *content = content_with(options());
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
	add_text(content, "plain.land", MIST_DNSSEC_SIGN, SOA("plain.land", "1"));
	assert_int_equal(add_rule(content, "*.x.editor.land"), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	uint32_t now = (uint32_t)time(NULL);
	for (unsigned i = 0; i < 400; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		struct view **view = &views[(random >> 33) % VIEWS];
		uint8_t name[NAME_MAX];
		name_from_text(name, "any.editor.land");
		if (*view) {
			struct route route;
			struct zone_found found;
			struct name_key key;
			name_key(&key, name, NAME_MAX);
			route_find((*view)->routes, &key, TYPE_A, &route);
			zone_find(route.zone, &key, &found);
			assert_true(found.encloser->flags & NODE_WILDCARD);
			assert_non_null(zone_nsec_at_or_before(route.zone, name));
			view_free(*view);
		}
		*view = NULL;
		if (i == 300) {
			mist_content_free(content);
			content = NULL;
		}
		if (!content)
			continue;
		now += (uint32_t)(random >> 40) % 1000000;
		if (i % 50 == 49)
			now -= 10000000;
		assert_int_equal(content_refresh(content, now, view, &signatures), MIST_OK);
		assert_true(content_due(content) > now);
		if (!*view)
			*view = content_view(content);
	}
	for (unsigned i = 0; i < VIEWS; i++)
		view_free(views[i]);
}

static void test_resolv_conf(void **state)
{
	(void)state;
	char path[128];
	struct mist_content_options o = options();
	snprintf(path, sizeof(path), "%s/resolv.conf", directory);
	o.resolv_conf = path;
	o.upstream_count = 0;
	o.forward_by_default = true;
	struct mist_content *content = content_with(o);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_heard("no name server is known");
	struct view *view = content_view(content), *next = NULL;
	uint64_t signatures = 0;
	assert_int_equal(view->upstream_sets[0].count, 0);
	assert_true(view->upstream_sets[0].from_resolv_conf);
	assert_int_equal(content_refresh(content, 0, &next, &signatures), MIST_OK);
	assert_null(next);
	assert_silence();
	assert_true(run("echo nameserver 192.0.2.99 >%s", path));
	assert_int_equal(content_refresh(content, 0, &next, &signatures), MIST_OK);
	assert_non_null(next);
	assert_int_equal(next->upstream_sets[0].count, 1);
	assert_int_equal(next->upstream_sets[0].addresses[0].port, 53);
	assert_int_not_equal(next->rules[0].policy, view->rules[0].policy);
	assert_heard("1 name server");
	view_free(next);
	/* Written again, the same. */
	assert_true(run("sleep 0.05; echo nameserver 192.0.2.99 >%s", path));
	assert_int_equal(content_refresh(content, 0, &next, &signatures), MIST_OK);
	assert_null(next);
	view_free(view);
	mist_content_free(content);
	/* Nobody asks for it: nothing is said. */
	memset(&heard, 0, sizeof(heard));
	o.forward_by_default = false;
	o.resolv_conf = "/nonexistent/resolv.conf";
	content = content_with(o);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_int_equal(content_refresh(content, 0, &next, &signatures), MIST_OK);
	assert_null(next);
	assert_silence();
	mist_content_free(content);
}

/* ------------------------------------------------------------------------------------------------
 * Telling
 */

static int count_zones(void *user, const char *name, enum mist_dnssec dnssec)
{
	*(unsigned *)user += (unsigned)strlen(name) * 10 + dnssec;
	return 0;
}

static int stop(void *user, const struct mist_record *record)
{
	(void)record;
	return --*(int *)user ? 0 : 77;
}

static void test_tell(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	unsigned sum = 0;
	int left = 3;
	assert_int_equal(add_zone(content, "a.test", NULL), MIST_OK);
	add_text(content, "bb.test", MIST_DNSSEC_OFF, SOA("bb.test", "1"));
	assert_int_equal(mist_content_zones(content, count_zones, &sum), MIST_OK);
	assert_int_equal(sum, 131);
	assert_int_equal(mist_content_walk(content, "a.test", MIST_WALK_SERVED, stop, &left), MIST_EINVAL);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	assert_int_equal(mist_content_walk(content, "a.test", MIST_WALK_SERVED, stop, &left), 77);
	mist_content_free(content);
}

static void assert_why(const struct mist_content *content, const char *name, uint16_t type,
                       enum mist_verdict verdict, const char *rcode, const char *words)
{
	struct mist_why why;
	memset(&why, 'x', sizeof(why));
	assert_int_equal(mist_content_why(content, name, type, &why), MIST_OK);
	if (why.verdict != verdict || strcmp(why.rcode, rcode) || !strstr(why.text, words))
		fail_msg("%s: verdict %d, rcode \"%s\", \"%s\"", name, why.verdict, why.rcode, why.text);
}

static void test_why(void **state)
{
	(void)state;
	struct mist_content *content = content_with(options());
	assert_int_equal(add_zone(content, "editor.land", NULL), MIST_OK);
	add_text(content, "file.test", MIST_DNSSEC_SIGN,
	         SOA("file.test", "1") "out.file.test. 300 CNAME www.example.net.\n");
	assert_int_equal(add_rule(content, "update.editor.land"), MIST_OK);
	assert_int_equal(add_rule(content, "*.example.net"), MIST_OK);
	assert_int_equal(mist_content_rule(content, &(struct mist_rule){ .size = sizeof(struct mist_rule),
		.name = "ads.example.net", .deny = true, .deny_as = MIST_DENY_NODATA }), MIST_OK);
	assert_int_equal(mist_content_rule(content, &(struct mist_rule){ .size = sizeof(struct mist_rule),
		.name = "quiet.example.net", .deny = true, .deny_as = MIST_DENY_DROP }), MIST_OK);
	assert_int_equal(mist_content_seal(content), MIST_OK);
	struct mist_why why;
	assert_int_equal(mist_content_why(content, "a..b", TYPE_A, &why), MIST_ENAME);

	assert_why(content, "Any.Editor.Land.", TYPE_A, MIST_VERDICT_LOCAL, "NOERROR", "with 1 record");
	assert_why(content, "any.editor.land", TYPE_MX, MIST_VERDICT_LOCAL, "NOERROR", "nothing of type MX");
	assert_why(content, "none.file.test", TYPE_A, MIST_VERDICT_LOCAL, "NXDOMAIN", "no such name");
	assert_why(content, "out.file.test", TYPE_A, MIST_VERDICT_LOCAL, "", "alias");
	assert_why(content, "update.editor.land", TYPE_A, MIST_VERDICT_FORWARD, "",
	           "by rule \"update.editor.land\" to 192.0.2.53:53 (those of forward.upstreams); it lies "
	           "inside local zone editor.land");
	assert_why(content, "x.update.editor.land", TYPE_A, MIST_VERDICT_DENY, "REFUSED", "lies below");
	assert_why(content, "www.example.net", TYPE_A, MIST_VERDICT_FORWARD, "", "*.example.net");
	assert_why(content, "ads.example.net", TYPE_A, MIST_VERDICT_DENY, "NOERROR",
	           "denied by rule \"ads.example.net\"");
	assert_why(content, "quiet.example.net", TYPE_A, MIST_VERDICT_DENY, "", "denied by rule");
	assert_why(content, "example.com", TYPE_A, MIST_VERDICT_DENY, "REFUSED",
	           "no zone and no rule covers it; add `- example.com` under forward.allow");
	assert_why(content, "www.example.net.example.org", TYPE_A, MIST_VERDICT_DENY, "NXDOMAIN",
	           "search suffix");
	assert_why(content, "x.onion", TYPE_A, MIST_VERDICT_SPECIAL, "NXDOMAIN", "RFC 7686");
	mist_content_free(content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zone_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_policies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fork, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_seal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_zones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_inner_zone_without_ds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_order_of_cuts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dump_of_a_lent_cname, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_over_data, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys_of_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_serials, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reserved_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_follow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refresh, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_views_in_any_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_resolv_conf, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tell, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_why, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
