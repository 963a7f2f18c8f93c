/* Contents: described, told of, explained. */
#include "content/content_kit.h"

#include <sys/wait.h>

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
	assert_why(content, "www.example.net.editor.land", TYPE_A, MIST_VERDICT_LOCAL, "NXDOMAIN",
	           "search suffix editor.land behind it");
	assert_why(content, "none.file.test.editor.land", TYPE_A, MIST_VERDICT_LOCAL, "NXDOMAIN", "search suffix");
	assert_why(content, "net.editor.land", TYPE_A, MIST_VERDICT_LOCAL, "NOERROR", "with 1 record");
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
		cmocka_unit_test_setup_teardown(test_tell, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_why, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
