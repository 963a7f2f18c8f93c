/* core/zone_make.c: zones made from addresses, cuts for forwarded names, delegations. */
#include "core/zone_kit.h"

static struct zone *made_zone(void)
{
	struct zone *zone = new_zone("editor.land");
	struct zone_address addresses[] = {
		{ .len = 4, .octets = { 127, 0, 0, 1 } },
		{ .len = 16, .octets = { [15] = 1 } },
	};
	assert_int_equal(zone_make(zone, addresses, 2, 300, 42), MIST_OK);
	return zone;
}

static void made(void **state)
{
	struct zone *zone = made_zone();
	struct zone_found found;
	(void)state;
	complete(zone);
	assert_int_equal(zone->serial, 42);
	assert_int_equal(zone->negative_ttl, 300);
	assert_int_equal(flags_of(zone, "editor.land"), NODE_APEX | NODE_WILDCARD);
	assert_int_equal(flags_of(zone, "ns.editor.land"), NODE_WILDCARD);
	static const char *const names[] = {
		"editor.land", "ns.editor.land", "*.editor.land", "*.ns.editor.land",
	};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(count_of(zone, names[i], TYPE_A), 1);
		assert_int_equal(count_of(zone, names[i], TYPE_AAAA), 1);
	}
	assert_int_equal(zone->nodes.count, 4);
	find(zone, name("a.b.c.editor.land"), &found);
	assert_ptr_equal(found.encloser, zone->apex);
	zone_release(zone);

	uint8_t longest[NAME_MAX];
	memset(longest, 1, sizeof(longest));
	longest[254] = 0;
	assert_int_equal(zone_new(&zone, longest), MIST_OK);
	assert_int_equal(zone_make(zone, NULL, 0, 300, 1), MIST_ENAME);
	zone_release(zone);
}

static void carved(void **state)
{
	struct zone *zone = made_zone();
	(void)state;
	assert_int_equal(zone_carve(zone, name("Update.editor.land"), false, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("x.deep.editor.land"), false, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("below.editor.land"), true, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("a.below.editor.land"), false, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("both.editor.land"), true, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("both.editor.land"), false, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("both.editor.land"), true, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("b.late.editor.land"), false, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("late.editor.land"), true, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("editor.land"), true, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("other.land"), true, &reporter), MIST_EINVAL);
	assert_int_equal(zone_carve(zone, name("ns.editor.land"), false, &reporter), MIST_EZONE);
	assert_non_null(strstr(messages, "ns.editor.land is forwarded, but the zone has records at ns.editor.land"));
	hush();
	complete(zone);
	assert_int_equal(flags_of(zone, "update.editor.land"), NODE_CUT | NODE_CARVED);
	assert_int_equal(node(zone, "update.editor.land")->rrset_count, 1);
	const struct rrset *ns = node_rrset(node(zone, "update.editor.land"), TYPE_NS);
	assert_memory_equal(ns->wire + RRSET_FIXED, name("ns.editor.land"), 16);
	assert_null(node(zone, "*.update.editor.land"));
	/* the empty non-terminal of a cut answers like the wildcard, and so do names below it */
	assert_int_equal(count_of(zone, "deep.editor.land", TYPE_A), 1);
	assert_int_equal(count_of(zone, "*.deep.editor.land", TYPE_AAAA), 1);
	assert_int_equal(flags_of(zone, "deep.editor.land"), NODE_WILDCARD | NODE_LENT);
	/* `*.below`: below itself answers from the zone */
	assert_int_equal(flags_of(zone, "below.editor.land"),
	                 NODE_CUT | NODE_CARVED | NODE_SELF | NODE_LENT);
	assert_int_equal(count_of(zone, "below.editor.land", TYPE_A), 1);
	assert_null(node(zone, "a.below.editor.land"));
	assert_null(node(zone, "*.below.editor.land"));
	/* both rules: nothing of its own */
	assert_int_equal(flags_of(zone, "both.editor.land"), NODE_CUT | NODE_CARVED);
	assert_int_equal(node(zone, "both.editor.land")->rrset_count, 1);
	/* a cut above an older cut */
	assert_int_equal(count_of(zone, "late.editor.land", TYPE_A), 1);
	assert_int_equal(flags_of(zone, "b.late.editor.land"), NODE_OCCLUDED);
	zone_release(zone);
}

static void carved_records(void **state)
{
	struct zone *zone = plain_zone();
	(void)state;
	add(zone, 4, "a.example.test", TYPE_A, "192.0.2.1");
	add(zone, 5, "x.b.example.test", TYPE_A, "192.0.2.1");
	add(zone, 6, "d.example.test", TYPE_DNAME, "other.test");
	add(zone, 7, "s.example.test", TYPE_NS, "ns.example.test");
	add(zone, 8, "*.w.example.test", TYPE_TXT, "wild");
	assert_int_equal(zone_carve(zone, name("a.example.test"), false, &reporter), MIST_EZONE);
	assert_non_null(strstr(messages, "zone:4: a.example.test is forwarded, but"));
	assert_int_equal(zone_carve(zone, name("b.example.test"), false, &reporter), MIST_EZONE);
	assert_non_null(strstr(messages, "zone:5: b.example.test is forwarded, but the zone has records at x.b."));
	assert_int_equal(zone_carve(zone, name("b.example.test"), true, &reporter), MIST_EZONE);
	assert_int_equal(zone_carve(zone, name("x.d.example.test"), false, &reporter), MIST_EZONE);
	assert_int_equal(zone_carve(zone, name("d.example.test"), true, &reporter), MIST_EZONE);
	hush();
	assert_int_equal(zone_carve(zone, name("a.example.test"), true, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("a.example.test"), false, &reporter), MIST_EZONE);
	hush();
	assert_int_equal(zone_carve(zone, name("s.example.test"), false, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("y.s.example.test"), false, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("q.w.example.test"), true, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("e.f.example.test"), false, &reporter), MIST_OK);
	/* an empty non-terminal has nothing that stands in the way, in whatever order it is cut */
	assert_int_equal(zone_carve(zone, name("g.h.example.test"), false, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("h.example.test"), true, &reporter), MIST_OK);
	assert_int_equal(zone_carve(zone, name("h.example.test"), false, &reporter), MIST_OK);
	complete(zone);
	assert_int_equal(flags_of(zone, "h.example.test"), NODE_CUT | NODE_CARVED);
	assert_int_equal(node(zone, "h.example.test")->rrset_count, 1);
	assert_int_equal(flags_of(zone, "a.example.test"), NODE_CUT | NODE_CARVED | NODE_SELF);
	assert_int_equal(count_of(zone, "a.example.test", TYPE_A), 1);
	assert_int_equal(flags_of(zone, "s.example.test"), NODE_CUT);
	assert_null(node(zone, "y.s.example.test"));
	assert_int_equal(count_of(zone, "q.w.example.test", TYPE_TXT), 1);
	assert_int_equal(node(zone, "f.example.test")->rrset_count, 0); /* RFC 4592 stays */
	zone_release(zone);
}

static void delegated(void **state)
{
	struct zone *parent = made_zone(), *child = new_zone("in.the.editor.land");
	struct zone_address address = { .len = 4, .octets = { 127, 0, 0, 2 } };
	_Bool too_large;
	(void)state;
	zone_make(child, &address, 1, 60, 1);
	complete(child);
	struct rrset *ds = rrset_with(NULL, TYPE_DS, 60, (const uint8_t *)"\0\1\15\11x", 5, &too_large);
	assert_int_equal(zone_delegate(parent, child, ds), MIST_OK);
	assert_int_equal(zone_delegate(parent, child, ds), MIST_OK);
	/* a rule `*.the` around it may still cut */
	free(ds);
	complete(parent);
	assert_int_equal(flags_of(parent, "in.the.editor.land"), NODE_CUT);
	assert_int_equal(count_of(parent, "in.the.editor.land", TYPE_NS), 1);
	assert_int_equal(count_of(parent, "in.the.editor.land", TYPE_DS), 1);
	assert_int_equal(flags_of(parent, "ns.in.the.editor.land"), NODE_OCCLUDED);
	assert_int_equal(count_of(parent, "ns.in.the.editor.land", TYPE_A), 1);
	assert_int_equal(count_of(parent, "the.editor.land", TYPE_A), 1);
	assert_int_equal(count_of(parent, "*.the.editor.land", TYPE_A), 1);
	zone_release(child);
	zone_release(parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made),
		cmocka_unit_test(carved),
		cmocka_unit_test(carved_records),
		cmocka_unit_test(delegated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
