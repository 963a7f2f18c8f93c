/*
 * core/zone_patch.c against zones built from scratch: the changes between two random versions, made to a fork
 * of the one, give the other; and changes that do not fit give nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chance.h"
#include "core/wire.h"
#include "core/zone.h"
#include "core/zone_diff.h"
#include "core/zone_patch.h"
#include "core/zone_walk.h"

#define ROUNDS 3000
#define NAMES 12
#define RECORDS 40

/* A record of a zone "t"; `data` is A, its signature, or SOA. */
struct one {
	uint16_t type;
	uint8_t owner[NAME_MAX], rdata[64];
	uint16_t rdata_len;
};

struct many {
	struct one one[RECORDS + 4];
	unsigned count;
};

static struct one *add(struct many *many, const char *owner, uint16_t type, const void *rdata, size_t len)
{
	struct one *one = &many->one[many->count++];
	assert_int_not_equal(name_from_text(one->owner, owner), 0);
	one->type = type;
	one->rdata_len = (uint16_t)len;
	memcpy(one->rdata, rdata, len);
	return one;
}

static bool has(const struct many *many, const struct one *wanted)
{
	for (unsigned i = 0; i < many->count; i++) {
		const struct one *one = &many->one[i];
		if (one->type == wanted->type && name_equal(one->owner, wanted->owner) &&
		    one->rdata_len == wanted->rdata_len && !memcmp(one->rdata, wanted->rdata, one->rdata_len))
			return true;
	}
	return false;
}

static void add_soa(struct many *many, uint32_t serial)
{
	uint8_t rdata[26] = "\1a\0\1b\0";
	wire_set32(rdata + 6, serial);
	add(many, "t", TYPE_SOA, rdata, sizeof(rdata));
}

/* An RRSIG (RFC 4034 section 3.1) over A that signs nothing. */
static void add_signature(struct many *many, const char *owner, uint8_t which)
{
	uint8_t rdata[18 + 3 + 4] = { 0, TYPE_A, 13 };
	memcpy(rdata + 18, "\1t", 3);
	rdata[21] = which;
	add(many, owner, TYPE_RRSIG, rdata, sizeof(rdata));
}

/* Random names with some addresses, among them names below others, wildcards and delegations. */
static void fill(struct many *many, uint32_t serial, bool is_signed)
{
	*many = (struct many){ 0 };
	add_soa(many, serial);
	add(many, "t", TYPE_NS, "\2ns\1x", 6);
	while (many->count < RECORDS) {
		char owner[32];
		static const char *const forms[] = { "n%u.t", "*.n%u.t", "a.b.n%u.t", "ns.n%u.t" };
		snprintf(owner, sizeof(owner), forms[chance(4)], chance(NAMES));
		const uint8_t address[4] = { 192, 0, 2, (uint8_t)chance(3) };
		struct many next = { .count = 0 };
		add(&next, owner, TYPE_A, address, 4);
		if (!has(many, &next.one[0]))
			many->one[many->count++] = next.one[0];
		if (!is_signed)
			continue;
		next.count = 0;
		add_signature(&next, owner, (uint8_t)chance(2));
		if (!has(many, &next.one[0]) && many->count < RECORDS)
			many->one[many->count++] = next.one[0];
	}
}

/* As it comes, signed or not. */
static struct zone *build(const struct many *many)
{
	struct zone *zone;
	assert_int_equal(zone_new(&zone, (const uint8_t *)"\1t"), MIST_OK);
	zone->presigned = true;
	for (unsigned i = 0; i < many->count; i++) {
		const struct one *one = &many->one[i];
		const struct mist_record record = { .owner = one->owner, .type = one->type, .ttl = 300,
		                                    .rdata = one->rdata, .rdata_len = one->rdata_len };
		assert_int_equal(zone_add(zone, &record, NULL), MIST_OK);
	}
	assert_int_equal(zone_complete(zone, NULL), MIST_OK);
	return zone;
}

static int change(struct zone_patch *patch, bool removed, const struct one *one)
{
	struct unpacked record = { .type = one->type, .class = CLASS_IN, .ttl = 300, .rdata = one->rdata,
	                           .rdata_len = one->rdata_len };
	name_copy(record.owner, one->owner);
	return zone_patch_add(patch, (const uint8_t *)"\1t", removed, &record);
}

static void changes(struct zone_patch *patch, const struct many *from, const struct many *to)
{
	for (unsigned i = 0; i < from->count; i++) {
		if (!has(to, &from->one[i]))
			assert_int_equal(change(patch, true, &from->one[i]), MIST_OK);
	}
	for (unsigned i = 0; i < to->count; i++) {
		if (!has(from, &to->one[i]))
			assert_int_equal(change(patch, false, &to->one[i]), MIST_OK);
	}
}

static int different(void *user, const struct node *older, const struct node *newer)
{
	char name[NAME_TEXT_MAX];
	(void)user;
	name_to_text(name, (older ? older : newer)->name);
	print_message("%s differs\n", name);
	return 1;
}

/* Signatures of sets that are not there have no place in a zone. */
static void drop_orphans(struct many *many)
{
	unsigned count = 0;
	for (unsigned i = 0; i < many->count; i++) {
		bool keep = many->one[i].type != TYPE_RRSIG;
		for (unsigned j = 0; j < many->count && !keep; j++)
			keep = many->one[j].type == TYPE_A && name_equal(many->one[i].owner, many->one[j].owner);
		if (keep)
			many->one[count++] = many->one[i];
	}
	many->count = count;
}

static void round_of(bool is_signed, bool by_result)
{
	struct many from, to;
	fill(&from, 1, is_signed);
	fill(&to, 2, is_signed);
	drop_orphans(&from);
	drop_orphans(&to);
	struct zone *a = build(&from), *b = build(&to), *fork;
	struct zone_patch patch = { 0 };
	assert_int_equal(zone_fork(&fork, a), MIST_OK);
	if (by_result) {
		assert_int_equal(zone_patch_equal(fork, a, b), MIST_OK);
	} else {
		changes(&patch, &from, &to);
		assert_int_equal(zone_patch_apply(&patch, fork, NULL), MIST_OK);
	}
	assert_int_equal(zone_diff_nodes(b, fork, different, NULL), 0);
	assert_int_equal(fork->serial, 2);
	zone_patch_free(&patch);
	zone_release(a);
	zone_release(fork);
	zone_release(b);
}

static void test_changes_lead_there(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++)
		round_of(i & 1, i & 2);
}

/* Signed here: what the primary's signer says is passed over, and the serial is ours. */
static void test_signed_here(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct many from, to, with;
		struct zone_patch patch = { 0 };
		fill(&from, 1, false);
		fill(&to, 9, false);
		with = to;
		add_signature(&with, "n1.t", 7);
		add(&with, "n1.t", TYPE_NSEC, "\1t\0\0\1\100", 6);
		struct zone *a = build(&from), *fork;
		a->presigned = false;
		assert_int_equal(zone_fork(&fork, a), MIST_OK);
		changes(&patch, &from, &with);
		assert_int_equal(zone_patch_apply(&patch, fork, NULL), MIST_OK);
		assert_int_equal(fork->serial, 1);
		memcpy(&to.one[0], &from.one[0], sizeof(to.one[0])); /* but for the SOA */
		struct zone *b = build(&to);
		assert_int_equal(zone_diff_nodes(b, fork, different, NULL), 0);
		zone_patch_free(&patch);
		zone_release(a);
		zone_release(fork);
		zone_release(b);
	}
}

/* One record more or less than there is: nothing is made of it, and the version is as it was. */
static void test_what_does_not_fit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct many from, to;
		struct zone_patch patch = { 0 };
		fill(&from, 1, false);
		fill(&to, 2, false);
		struct zone *a = build(&from), *again = build(&from), *fork;
		changes(&patch, &from, &to);
		const struct one *wrong = &(i & 1 ? &to : &from)->one[2 + chance(RECORDS - 2)];
		if (i & 1)
			assert_int_equal(change(&patch, false, wrong), MIST_OK); /* it is there by then */
		else if (!has(&to, wrong))
			assert_int_equal(change(&patch, true, wrong), MIST_OK); /* it has gone by then */
		else
			assert_int_equal(change(&patch, false, wrong), MIST_OK);
		assert_int_equal(zone_fork(&fork, a), MIST_OK);
		assert_int_equal(zone_patch_apply(&patch, fork, NULL), MIST_EMISMATCH);
		zone_release(fork);
		assert_int_equal(zone_diff_nodes(again, a, different, NULL), 0);
		zone_patch_free(&patch);
		zone_release(a);
		zone_release(again);
	}
}

static void test_what_breaks_a_rule(void **state)
{
	struct many from, bad = { 0 };
	struct zone_patch patch = { 0 };
	struct zone *fork;
	(void)state;
	fill(&from, 1, false);
	struct zone *zone = build(&from);
	add(&bad, "alias.t", TYPE_CNAME, "\1x", 3);
	add(&bad, "alias.t", TYPE_A, "\1\2\3\4", 4);
	assert_int_equal(change(&patch, false, &bad.one[0]), MIST_OK);
	assert_int_equal(change(&patch, false, &bad.one[1]), MIST_OK);
	assert_int_equal(zone_fork(&fork, zone), MIST_OK);
	assert_int_equal(zone_patch_apply(&patch, fork, NULL), MIST_EZONE);
	zone_release(fork);
	zone_patch_free(&patch);
	zone_release(zone);
}

static void test_records_that_are_none(void **state)
{
	struct zone_patch patch = { 0 };
	struct many bad = { 0 };
	(void)state;
	add(&bad, "x.u", TYPE_A, "\1\2\3\4", 4);
	add(&bad, "x.t", TYPE_A, "\1\2\3", 3);
	add(&bad, "x.t", TYPE_TSIG, "\1\2\3", 3);
	for (unsigned i = 0; i < bad.count; i++)
		assert_int_equal(change(&patch, false, &bad.one[i]), MIST_ERECORD);
	assert_int_equal(patch.count, 0);
	zone_patch_free(&patch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_lead_there),
		cmocka_unit_test(test_signed_here),
		cmocka_unit_test(test_what_does_not_fit),
		cmocka_unit_test(test_what_breaks_a_rule),
		cmocka_unit_test(test_records_that_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
