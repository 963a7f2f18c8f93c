/* core/zone*.c: records, marks, versions, and looking up. */
#include "core/zone_kit.h"

/* ---- records --------------------------------------------------------------------------------- */

static void records(void **state)
{
	struct zone *zone = new_zone("Example.TEST");
	(void)state;
	add(zone, 1, "EXAMPLE.test", TYPE_SOA, "NS.example.test");
	add(zone, 2, "example.test", TYPE_NS, "NS.Example.test");
	add(zone, 2, "example.test", TYPE_NS, "ns.example.test");
	add(zone, 3, "Ns.example.test", TYPE_A, "192.0.2.1");
	add(zone, 4, "a.b.C.example.test", TYPE_TXT, "Case Stays");
	complete(zone);
	assert_int_equal(zone->serial, 7);
	assert_int_equal(zone->negative_ttl, 60);
	assert_int_equal(count_of(zone, "example.test", TYPE_NS), 1);
	assert_memory_equal(zone->ns->wire + RRSET_FIXED, name("ns.example.test"), 17);
	assert_int_equal(node(zone, "b.c.example.test")->rrset_count, 0);
	assert_int_equal(node(zone, "c.example.test")->rrset_count, 0);
	assert_int_equal(zone->nodes.count, 5);
	assert_ptr_equal(zone->apex, node(zone, "example.test"));
	struct zone_found found;
	find(zone, name("x.y.b.c.example.test"), &found);
	assert_null(found.node);
	assert_ptr_equal(found.encloser, node(zone, "b.c.example.test"));
	find(zone, name("c.example.test"), &found);
	assert_ptr_equal(found.node, found.encloser);
	find(zone, name("elsewhere"), &found);
	assert_null(found.node);
	assert_ptr_equal(found.encloser, zone->apex);
	zone_release(zone);
}

static void refused_records(void **state)
{
	struct zone *zone = plain_zone();
	static uint8_t big[65535];
	(void)state;
	assert_int_equal(add(zone, 9, "other.test", TYPE_A, "1.2.3.4"), MIST_ERECORD);
	assert_non_null(strstr(messages, "zone:9: other.test A: the name lies outside the zone"));
	assert_int_equal(add(zone, 9, "xexample.test", TYPE_A, "1.2.3.4"), MIST_ERECORD);
	static const uint8_t long_label[] = { 64, 'a' };
	assert_int_equal(zone_add(zone, &(struct mist_record){ .owner = long_label, .type = TYPE_A },
	                          &reporter), MIST_ERECORD);
	uint8_t too_long[300];
	memset(too_long, 1, sizeof(too_long)); /* labels without end */
	assert_int_equal(zone_add(zone, &(struct mist_record){ .owner = too_long, .type = TYPE_A },
	                          &reporter), MIST_ERECORD);
	assert_int_equal(add_octets(zone, 10, "a.example.test", TYPE_A, big, 5), MIST_ERECORD);
	assert_int_equal(add_octets(zone, 10, "a.example.test", TYPE_OPT, big, 0), MIST_ERECORD);
	assert_int_equal(add_octets(zone, 10, "a.example.test", 0, big, 0), MIST_ERECORD);
	assert_int_equal(add_octets(zone, 11, "a.example.test", 65280, big, 40000), MIST_OK);
	big[0] = 1;
	assert_int_equal(add_octets(zone, 12, "a.example.test", 65280, big, 40000), MIST_ERECORD);
	assert_non_null(strstr(messages, "zone:12: a.example.test TYPE65280: the records of this"));
	zone_release(zone);
}

static void ttls(void **state)
{
	struct zone *zone = plain_zone();
	uint8_t address[4] = { 1 };
	struct mist_record record = {
		.owner = name("a.example.test"), .type = TYPE_A, .ttl = 0x80000000, .rdata = address,
		.rdata_len = 4, .line = 5,
	};
	(void)state;
	zone_add(zone, &record, &reporter);
	assert_int_equal(node_rrset(node(zone, "a.example.test"), TYPE_A)->ttl, 0);
	record.owner = name("b.example.test");
	record.ttl = 300;
	zone_add(zone, &record, &reporter);
	record.ttl = 60;
	record.line = 6;
	address[0] = 2;
	zone_add(zone, &record, &reporter);
	assert_int_equal(node_rrset(node(zone, "b.example.test"), TYPE_A)->ttl, 60);
	assert_non_null(strstr(messages, "zone:6: b.example.test A: TTL 60 differs from 300"));
	assert_int_equal(warnings, 1);
	zone_release(zone);
}

/* ---- marking --------------------------------------------------------------------------------- */

static void marks(void **state)
{
	struct zone *zone = plain_zone();
	(void)state;
	add(zone, 4, "sub.example.test", TYPE_NS, "ns.sub.example.test");
	add(zone, 5, "ns.sub.example.test", TYPE_A, "192.0.2.2");
	add(zone, 6, "x.deep.sub.example.test", TYPE_A, "192.0.2.2");
	add(zone, 7, "*.w.example.test", TYPE_A, "192.0.2.3");
	add(zone, 8, "d.example.test", TYPE_DNAME, "example.org");
	add(zone, 9, "sub0.example.test", TYPE_A, "192.0.2.4");
	complete(zone);
	assert_int_equal(flags_of(zone, "example.test"), NODE_APEX);
	assert_int_equal(flags_of(zone, "sub.example.test"), NODE_CUT);
	assert_int_equal(flags_of(zone, "ns.sub.example.test"), NODE_OCCLUDED);
	assert_int_equal(flags_of(zone, "deep.sub.example.test"), NODE_OCCLUDED);
	assert_int_equal(flags_of(zone, "sub0.example.test"), 0);
	assert_int_equal(flags_of(zone, "w.example.test"), NODE_WILDCARD);
	assert_int_equal(flags_of(zone, "*.w.example.test"), 0);
	assert_int_equal(flags_of(zone, "d.example.test"), NODE_DNAME);
	assert_ptr_equal(zone_cut_of(zone, node(zone, "x.deep.sub.example.test")),
	                 node(zone, "sub.example.test"));
	assert_ptr_equal(zone_cut_of(zone, node(zone, "sub.example.test")), node(zone, "sub.example.test"));
	assert_null(zone_cut_of(zone, node(zone, "sub0.example.test")));
	zone_release(zone);
}

static int remember(void *user, const struct node *node)
{
	const struct node ***at = user;
	*(*at)++ = node;
	return 0;
}

static void order(void **state)
{
	const struct node *nodes[16], **at = nodes;
	struct zone *zone = plain_zone();
	static const char *const expected[] = {
		"example.test", "a.example.test", "x.a.example.test", "ns.example.test",
	};
	(void)state;
	add(zone, 4, "x.a.example.test", TYPE_A, "192.0.2.2");
	complete(zone);
	zone_each(zone, remember, &at);
	assert_int_equal(at - nodes, 4);
	for (size_t i = 0; i < 4; i++)
		assert_ptr_equal(nodes[i], node(zone, expected[i]));
	zone_release(zone);
}

/* ---- signatures that come along -------------------------------------------------------------- */

static void add_rrsig(struct zone *zone, const char *owner, uint16_t covered)
{
	uint8_t rdata[40] = { 0 };
	wire_set16(rdata, covered);
	rdata[18] = 0;
	memcpy(rdata + 19, "sig", 3);
	assert_int_equal(add_octets(zone, 20, owner, TYPE_RRSIG, rdata, 22), MIST_OK);
}

static void presigned(void **state)
{
	static const uint8_t nsec3[] = "\1\0\0\0\0\1h";
	struct zone *zone = new_zone("example.test");
	const struct node *nodes[16], **at = nodes;
	bool match;
	(void)state;
	zone->presigned = true;
	add_rrsig(zone, "example.test", TYPE_SOA);
	add_rrsig(zone, "example.test", TYPE_NS);
	add(zone, 1, "example.test", TYPE_SOA, "ns.example.test");
	add(zone, 2, "example.test", TYPE_NS, "ns.example.test");
	add(zone, 3, "ns.example.test", TYPE_A, "192.0.2.1");
	add_octets(zone, 4, "hash.example.test", TYPE_NSEC3, nsec3, sizeof(nsec3) - 1);
	add_octets(zone, 4, "mash.example.test", TYPE_NSEC3, nsec3, sizeof(nsec3) - 1);
	add_rrsig(zone, "hash.example.test", TYPE_NSEC3);
	add_rrsig(zone, "ns.example.test", TYPE_MX);
	assert_int_equal(zone_complete(zone, &reporter), MIST_OK);
	assert_non_null(strstr(messages, "zone:20: ns.example.test has 1 RRSIG records for types"));
	assert_int_equal(zone->soa->sig_count, 1);
	assert_int_equal(zone->ns->sig_count, 1);
	assert_int_equal(zone->nodes.count, 2);
	assert_null(node_rrset(zone->apex, TYPE_RRSIG));
	const struct node *hash = zone_nsec3_at_or_before(zone, name("hash.example.test"), &match);
	assert_true(match);
	assert_int_equal(node_rrset(hash, TYPE_NSEC3)->sig_count, 1);
	assert_ptr_equal(zone_nsec3_at_or_before(zone, name("i.example.test"), &match), hash);
	assert_false(match);
	const struct node *mash = zone_nsec3_at_or_before(zone, name("a.example.test"), &match);
	assert_true(name_equal(mash->name, name("mash.example.test"))); /* wraps round */
	zone_each(zone, remember, &at);
	assert_int_equal(at - nodes, 4);
	assert_ptr_equal(nodes[0], zone->apex);
	assert_ptr_equal(nodes[2], hash);
	zone_release(zone);

	zone = plain_zone();
	add_rrsig(zone, "x.example.test", TYPE_A);
	add_octets(zone, 4, "hash.example.test", TYPE_NSEC3, nsec3, sizeof(nsec3) - 1);
	assert_int_equal(warnings, 1);
	assert_int_equal(zone_complete(zone, &reporter), MIST_OK);
	assert_int_equal(zone->nodes.count, 2);
	zone_release(zone);
}

/* ---- versions -------------------------------------------------------------------------------- */

static struct rrset *text_set(const char *text)
{
	_Bool too_large;
	uint8_t rdata[64];
	rdata[0] = (uint8_t)strlen(text);
	memcpy(rdata + 1, text, strlen(text));
	return rrset_with(NULL, TYPE_TXT, 60, rdata, (uint16_t)(1 + strlen(text)), &too_large);
}

static void put_text(struct zone *zone, const char *owner, const char *text)
{
	assert_int_equal(zone_put(zone, name(owner), text_set(text)), MIST_OK);
}

static void expect_text(const struct zone *zone, const char *owner, const char *text)
{
	const struct node *found = node(zone, owner);
	const struct rrset *set = found ? node_rrset(found, TYPE_TXT) : NULL;
	if (!text) {
		assert_null(set);
		return;
	}
	assert_non_null(set);
	assert_memory_equal(set->wire + RRSET_FIXED + 1, text, strlen(text));
}

static void versions(void **state)
{
	struct zone *v1 = plain_zone(), *v2, *v3, *lost;
	(void)state;
	add(v1, 4, "a.example.test", TYPE_TXT, "one");
	add(v1, 5, "a.example.test", TYPE_A, "192.0.2.1");
	complete(v1);
	assert_int_equal(zone_fork(&v2, v1), MIST_OK);
	put_text(v2, "a.example.test", "two");
	put_text(v2, "a.example.test", "TWO");
	put_text(v2, "example.test", "apex");
	put_text(v2, "*.new.example.test", "star");
	assert_int_equal(flags_of(v2, "new.example.test"), NODE_WILDCARD);
	expect_text(v1, "a.example.test", "one");
	expect_text(v1, "example.test", NULL);
	assert_null(node(v1, "new.example.test"));
	expect_text(v2, "a.example.test", "TWO");
	assert_int_equal(count_of(v2, "a.example.test", TYPE_A), 1);
	assert_ptr_equal(v2->apex, node(v2, "example.test"));
	assert_ptr_equal(v2->soa, v1->soa);
	/* a fork that fails leaves no trace, twice */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(zone_fork(&lost, v2), MIST_OK);
		put_text(lost, "a.example.test", "lost");
		put_text(lost, "example.test", "lost");
		put_text(lost, "b.c.d.example.test", "lost");
		zone_release(lost);
	}
	expect_text(v2, "a.example.test", "TWO");
	assert_int_equal(zone_fork(&v3, v2), MIST_OK);
	put_text(v3, "a.example.test", "three");
	zone_hold(v1);
	zone_release(v1);
	/* the middle one goes first, out of order */
	zone_release(v2);
	expect_text(v1, "a.example.test", "one");
	expect_text(v3, "a.example.test", "three");
	expect_text(v3, "*.new.example.test", "star");
	zone_release(v1);
	expect_text(v3, "a.example.test", "three");
	expect_text(v3, "example.test", "apex");
	assert_null(v3->older);
	zone_release(v3);
}

static void versions_soa(void **state)
{
	struct zone *zone = plain_zone(), *fork;
	(void)state;
	complete(zone);
	zone_fork(&fork, zone);
	struct rrset *soa = rrset_signed(fork->soa, NULL, 0);
	wire_set32(soa->wire + soa->len - 20, 99);
	assert_int_equal(zone_put(fork, fork->name, soa), MIST_OK);
	assert_int_equal(fork->serial, 99);
	assert_ptr_equal(fork->soa, soa);
	assert_int_equal(zone->serial, 7);
	zone_release(zone);
	zone_release(fork);
}

/* ---- NSEC ------------------------------------------------------------------------------------ */

static void put_nsec(struct zone *zone, const char *owner)
{
	_Bool too_large;
	struct rrset *set = rrset_with(NULL, TYPE_NSEC, 60, (const uint8_t *)"\0\0\1\x40", 4, &too_large);
	assert_int_equal(zone_put(zone, name(owner), set), MIST_OK);
}

static void nsec(void **state)
{
	struct zone *zone = plain_zone();
	static const char *const asked[][2] = {
		{ "example.test", "example.test" },
		{ "a.example.test", "example.test" },
		{ "ns.example.test", "ns.example.test" },
		{ "f.example.test", "d.c.b.example.test" },
		{ "c.b.example.test", "example.test" },   /* an empty non-terminal */
		{ "a.c.b.example.test", "example.test" },
		{ "sub.example.test", "sub.example.test" },
		{ "x.sub.example.test", "sub.example.test" },
		{ "sub0.example.test", "sub.example.test" },
		{ "zzz.example.test", "sub.example.test" },
	};
	(void)state;
	add(zone, 4, "d.c.b.example.test", TYPE_A, "192.0.2.1");
	add(zone, 5, "sub.example.test", TYPE_NS, "w.w.sub.example.test");
	add(zone, 6, "w.w.sub.example.test", TYPE_A, "192.0.2.1");
	complete(zone);
	assert_null(zone_nsec_at_or_before(zone, name("a.example.test")));
	put_nsec(zone, "example.test");
	put_nsec(zone, "d.c.b.example.test");
	put_nsec(zone, "ns.example.test");
	put_nsec(zone, "sub.example.test");
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++)
		assert_ptr_equal(zone_nsec_at_or_before(zone, name(asked[i][0])), node(zone, asked[i][1]));
	zone_release(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(refused_records),
		cmocka_unit_test(ttls),
		cmocka_unit_test(marks),
		cmocka_unit_test(order),
		cmocka_unit_test(presigned),
		cmocka_unit_test(versions),
		cmocka_unit_test(versions_soa),
		cmocka_unit_test(nsec),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
