/* core/zone_check.c: what a zone may not say, and how that is told. */
#include "core/zone_kit.h"

static void checks_of_the_apex(void **state)
{
	struct zone *zone = new_zone("example.test");
	(void)state;
	add(zone, 1, "a.example.test", TYPE_A, "192.0.2.1");
	expect(zone, MIST_EZONE, "example.test has no SOA record");

	zone = new_zone("example.test");
	add(zone, 1, "example.test", TYPE_SOA, "a.test");
	expect(zone, MIST_EZONE, "example.test has no NS records");

	zone = plain_zone();
	add(zone, 4, "example.test", TYPE_SOA, "other.test");
	expect(zone, MIST_EZONE, "zone:4: example.test has 2 SOA records");

	zone = plain_zone();
	add(zone, 4, "a.example.test", TYPE_SOA, "other.test");
	expect(zone, MIST_EZONE, "zone:4: a.example.test has an SOA record");

	zone = plain_zone();
	add(zone, 4, "example.test", TYPE_NS, "missing.example.test");
	expect(zone, MIST_EZONE, "zone:4: example.test NS: 'missing.example.test' has no address records");

	zone = plain_zone();
	add(zone, 4, "example.test", TYPE_NS, "c.example.test");
	add(zone, 5, "c.example.test", TYPE_CNAME, "ns.example.test");
	expect(zone, MIST_EZONE, "zone:4: example.test NS: 'c.example.test' is a CNAME");

	zone = plain_zone();
	add(zone, 4, "example.test", TYPE_NS, "a.w.example.test");
	add(zone, 5, "*.w.example.test", TYPE_A, "192.0.2.1");
	complete(zone);
	zone_release(zone);

	zone = plain_zone();
	add(zone, 4, "example.test", TYPE_NS, "ns.elsewhere.test");
	complete(zone);
	zone_release(zone);

	zone = plain_zone();
	add(zone, 4, "example.test", TYPE_DS, "");
	expect(zone, MIST_EZONE, "zone:4: example.test has DS records at the top");
}

static void checks_of_names(void **state)
{
	struct zone *zone = plain_zone();
	(void)state;
	add(zone, 4, "a.example.test", TYPE_CNAME, "b.test");
	add(zone, 5, "a.example.test", TYPE_TXT, "x");
	expect(zone, MIST_EZONE, "zone:4: a.example.test has CNAME and other data (TXT)");

	zone = plain_zone();
	add(zone, 4, "a.example.test", TYPE_CNAME, "b.test");
	add(zone, 5, "a.example.test", TYPE_CNAME, "c.test");
	expect(zone, MIST_EZONE, "zone:5: a.example.test has 2 CNAME records");

	zone = plain_zone();
	add(zone, 4, "a.example.test", TYPE_DNAME, "b.test");
	add(zone, 5, "a.example.test", TYPE_DNAME, "c.test");
	expect(zone, MIST_EZONE, "zone:5: a.example.test has 2 DNAME records");

	zone = plain_zone();
	add(zone, 4, "a.example.test", TYPE_DNAME, "b.test");
	add(zone, 5, "a.example.test", TYPE_CNAME, "c.test");
	expect(zone, MIST_EZONE, "has CNAME and other data (DNAME)");

	zone = plain_zone();
	add(zone, 4, "a.example.test", TYPE_DNAME, "b.test");
	add(zone, 5, "a.example.test", TYPE_NS, "c.test");
	expect(zone, MIST_OK, "zone:4: a.example.test has DNAME and NS records");

	zone = plain_zone();
	add(zone, 4, "a.example.test", TYPE_DNAME, "b.test");
	add(zone, 5, "x.a.example.test", TYPE_A, "192.0.2.1");
	expect(zone, MIST_OK, "zone:5: x.a.example.test is never seen: it is below the DNAME of a.example.test");

	zone = plain_zone();
	add(zone, 4, "*.example.test", TYPE_NS, "b.test");
	expect(zone, MIST_EZONE, "zone:4: *.example.test is a wildcard with NS records");

	zone = plain_zone();
	add(zone, 4, "a.example.test", TYPE_DS, "");
	expect(zone, MIST_OK, "zone:4: a.example.test has DS records, but no NS");
}

static void checks_of_targets(void **state)
{
	struct zone *zone = plain_zone();
	(void)state;
	add(zone, 4, "sub.example.test", TYPE_NS, "ns.sub.example.test");
	expect(zone, MIST_OK, "zone:4: sub.example.test NS: 'ns.sub.example.test' has no glue");

	zone = plain_zone();
	add(zone, 4, "sub.example.test", TYPE_NS, "none.example.test");
	expect(zone, MIST_OK, "zone:4: sub.example.test NS: 'none.example.test' has no address records");

	zone = plain_zone();
	add(zone, 4, "a.example.test", TYPE_MX, "c.example.test");
	add(zone, 5, "c.example.test", TYPE_CNAME, "ns.example.test");
	expect(zone, MIST_OK, "zone:4: a.example.test MX: 'c.example.test' is a CNAME");

	zone = plain_zone();
	add(zone, 4, "_s._tcp.example.test", TYPE_SRV, "none.example.test");
	expect(zone, MIST_OK, "zone:4: _s._tcp.example.test SRV: 'none.example.test' has no address");

	zone = plain_zone();
	add(zone, 4, "a.example.test", TYPE_MX, "192.0.2.1.example.test");
	expect(zone, MIST_OK, "'192.0.2.1.example.test' appears to be an address");

	zone = plain_zone();
	add(zone, 4, "a.example.test", TYPE_MX, ".");
	add(zone, 5, "a.example.test", TYPE_SRV, ".");
	complete(zone);
	zone_release(zone);
}

static void messages_are_bounded(void **state)
{
	struct zone *zone = plain_zone();
	char owner[64];
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		snprintf(owner, sizeof(owner), "n%u.example.test", i);
		add(zone, 10 + i, owner, TYPE_MX, "none.example.test");
	}
	assert_int_equal(zone_complete(zone, &reporter), MIST_OK);
	assert_int_equal(warnings, 101);
	assert_non_null(strstr(messages, "more than 100 messages"));
	zone_release(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_of_the_apex),
		cmocka_unit_test(checks_of_names),
		cmocka_unit_test(checks_of_targets),
		cmocka_unit_test(messages_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
