/*
 * core/history.c against the zone itself: whoever has the records of a version and does what the history
 * says has those of another, whichever two they are.
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
#include "core/history.h"
#include "core/siphash.h"
#include "core/wire.h"
#include "core/zone.h"
#include "core/zone_edit.h"
#include "core/zone_walk.h"

#define VERSIONS 400
#define NAMES 40

static void name_of(uint8_t name[NAME_MAX], const char *text)
{
	assert_int_not_equal(name_from_text(name, text), 0);
	name_lower(name, name);
}

/* SOA RDATA of zone "t". */
static uint16_t soa_rdata(uint8_t rdata[26], uint32_t serial)
{
	memset(rdata, 0, 26);
	memcpy(rdata, "\1a\0\1b\0", 6);
	wire_set32(rdata + 6, serial);
	return 26;
}

static struct zone *first_zone(uint32_t serial)
{
	struct zone *zone;
	uint8_t apex[NAME_MAX], rdata[26];
	name_of(apex, "t");
	assert_int_equal(zone_new(&zone, apex), MIST_OK);
	struct mist_record soa = { .owner = apex, .type = TYPE_SOA, .ttl = 300, .rdata = rdata,
	                           .rdata_len = soa_rdata(rdata, serial) };
	assert_int_equal(zone_add(zone, &soa, NULL), MIST_OK);
	struct mist_record ns = { .owner = apex, .type = TYPE_NS, .ttl = 300, .rdata = (const uint8_t *)"\2ns\1x",
	                          .rdata_len = 6 };
	assert_int_equal(zone_add(zone, &ns, NULL), MIST_OK);
	assert_int_equal(zone_complete(zone, NULL), MIST_OK);
	return zone;
}

static struct rrset *set_new(uint16_t type, uint32_t ttl, const uint8_t *rdata, uint16_t len, struct rrset *old)
{
	_Bool too_large;
	struct rrset *set = rrset_with(old, type, ttl, rdata, len, &too_large);
	assert_non_null(set);
	free(old);
	return set;
}

static void put(struct zone *zone, const char *owner, struct rrset *set)
{
	uint8_t name[NAME_MAX];
	name_of(name, owner);
	assert_int_equal(zone_replace(zone, name, set), MIST_OK);
	assert_int_equal(zone_settle(zone, name), MIST_OK);
}

/* A set of some addresses, with a "signature" now and then. */
static struct rrset *some_set(void)
{
	struct rrset *set = NULL;
	const uint32_t ttl = chance(2) ? 300 : 60;
	for (unsigned i = 1 + chance(3); i--;) {
		uint8_t address[4] = { 192, 0, 2, (uint8_t)chance(4) };
		set = set_new(TYPE_A, ttl, address, 4, set);
	}
	if (chance(2))
		return set;
	const uint8_t sig[20] = { (uint8_t)chance(3) };
	struct rrset *with = rrset_signed(set, &(struct record){ TYPE_RRSIG, ttl, sizeof sig, sig }, 1);
	free(set);
	return with;
}

/* The next version, with a few random changes, perhaps none, and that serial. */
static struct zone *next_zone(struct zone *zone, uint32_t serial)
{
	struct zone *fork;
	uint8_t rdata[26], name[NAME_MAX];
	char owner[32];
	assert_int_equal(zone_fork(&fork, zone), MIST_OK);
	for (unsigned i = chance(5); i--;) {
		snprintf(owner, sizeof owner, "%sn%u.t", chance(3) ? "" : "*.", chance(NAMES));
		if (chance(3)) {
			put(fork, owner, some_set());
			continue;
		}
		name_of(name, owner);
		assert_int_equal(zone_remove(fork, name, 0), MIST_OK);
		assert_int_equal(zone_settle(fork, name), MIST_OK);
	}
	put(fork, "t", set_new(TYPE_SOA, 300, rdata, soa_rdata(rdata, serial), NULL));
	return fork;
}

static uint64_t digest_record(const uint8_t *owner, const struct record *record)
{
	static const uint8_t key[16] = "history";
	uint8_t octets[600];
	struct writer w = writer_on(octets, sizeof octets);
	writer_put(&w, owner, name_len(owner));
	writer_u16(&w, record->type);
	writer_u32(&w, record->ttl);
	writer_put(&w, record->rdata, record->rdata_len);
	assert_false(w.failed);
	return siphash(key, octets, writer_len(&w));
}

/* A sum, so that records come and go. */
static uint64_t digest(const struct zone *zone)
{
	struct zone_walk walk;
	struct record record;
	const uint8_t *owner;
	uint64_t sum = 0;
	zone_walk_begin(&walk, zone);
	while (zone_walk_next(&walk, &owner, &record))
		sum += digest_record(owner, &record);
	return sum;
}

static uint64_t digest_change(const struct history_changes *changes, size_t i)
{
	const uint8_t *owner;
	const struct record record = history_record(changes->records[i], &owner);
	return digest_record(owner, &record);
}

static void expect_soa(const struct history_changes *changes, size_t i, uint32_t serial)
{
	const uint8_t *owner;
	const struct record record = history_record(changes->records[i], &owner);
	assert_int_equal(record.type, TYPE_SOA);
	assert_int_equal(wire_get32(record.rdata + 6), serial);
}

/* No record twice: neither within a half nor in both. */
static void expect_condensed(const struct history_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(digest_change(changes, i), digest_change(changes, j));
}

static void expect_leads(struct history *history, const uint64_t *digests, uint32_t base, unsigned from,
                         unsigned to)
{
	struct history_changes changes;
	assert_int_equal(history_since(history, base + from, base + to, &changes), MIST_OK);
	uint64_t sum = digests[from];
	for (size_t i = 0; i < changes.count; i++)
		sum += i < changes.removed ? -digest_change(&changes, i) : digest_change(&changes, i);
	assert_int_equal(sum, digests[to]);
	expect_soa(&changes, 0, base + from);
	expect_soa(&changes, changes.removed, base + to);
	if (changes.count < 60)
		expect_condensed(&changes);
	history_changes_free(&changes);
}

static void test_any_two(void **state)
{
	const uint32_t base = UINT32_MAX - VERSIONS / 2; /* serials go round in the middle */
	static uint64_t digests[VERSIONS];
	struct history *history;
	struct zone *zone = first_zone(base);
	(void)state;
	assert_int_equal(history_new(&history, 0), MIST_OK);
	digests[0] = digest(zone);
	for (unsigned v = 1; v < VERSIONS; v++) {
		struct zone *next = next_zone(zone, base + v);
		history_note(history, zone, next);
		zone_release(zone);
		zone = next;
		digests[v] = digest(zone);
		for (unsigned i = 0; i < 3; i++)
			expect_leads(history, digests, base, chance(v), v);
		const unsigned to = 1 + chance(v);
		expect_leads(history, digests, base, chance(to), to);
	}
	expect_leads(history, digests, base, 0, VERSIONS - 1);
	zone_release(zone);
	history_release(history);
}

/* Two zones that share nothing, as after a reload: the same changes. */
static void test_strangers(void **state)
{
	struct history *history;
	struct zone *a = first_zone(1), *b = first_zone(2), *next = next_zone(b, 5);
	const uint64_t digests[] = { 0, digest(a), 0, 0, 0, digest(next) };
	(void)state;
	assert_int_equal(history_new(&history, 0), MIST_OK);
	history_note(history, a, next);
	expect_leads(history, digests, 0, 1, 5);
	zone_release(a);
	zone_release(b);
	zone_release(next);
	history_release(history);
}

static int find(struct history *history, uint32_t from, uint32_t to)
{
	struct history_changes changes;
	int error = history_since(history, from, to, &changes);
	if (!error)
		history_changes_free(&changes);
	return error;
}

static void test_bounds(void **state)
{
	struct history *small, *usual;
	struct zone *zone = first_zone(0);
	(void)state;
	assert_int_equal(history_new(&small, 600), MIST_OK);
	assert_int_equal(history_new(&usual, 0), MIST_OK);
	for (uint32_t serial = 1; serial <= HISTORY_PARTS_MAX + 10; serial++) {
		struct zone *next;
		uint8_t rdata[26];
		assert_int_equal(zone_fork(&next, zone), MIST_OK);
		put(next, "t", set_new(TYPE_SOA, 300, rdata, soa_rdata(rdata, serial), NULL));
		history_note(small, zone, next);
		history_note(usual, zone, next);
		zone_release(zone);
		zone = next;
	}
	const uint32_t last = HISTORY_PARTS_MAX + 10;
	assert_int_equal(find(usual, 10, last), MIST_OK);
	assert_int_equal(find(usual, 9, last), MIST_ENOTFOUND);
	assert_int_equal(find(usual, last, last), MIST_ENOTFOUND); /* nothing leads there */
	assert_int_equal(find(usual, last + 1, last), MIST_ENOTFOUND);
	assert_int_equal(find(small, last - 1, last), MIST_OK);
	assert_int_equal(find(small, last - 20, last), MIST_ENOTFOUND); /* two SOAs of 39 octets each */

	/* What does not continue, goes back, or is too large makes it begin anew. */
	struct zone *other = first_zone(last + 7), *next = next_zone(other, last + 8);
	history_note(usual, other, next);
	assert_int_equal(find(usual, last - 1, last), MIST_ENOTFOUND);
	assert_int_equal(find(usual, last + 7, last + 8), MIST_OK);
	history_note(usual, next, other);
	assert_int_equal(find(usual, last + 7, last + 8), MIST_ENOTFOUND);
	struct zone *large;
	const uint8_t text[600] = { 0 };
	assert_int_equal(zone_fork(&large, zone), MIST_OK);
	put(large, "large.t", set_new(TYPE_NULL, 300, text, sizeof text, NULL));
	uint8_t rdata[26];
	put(large, "t", set_new(TYPE_SOA, 300, rdata, soa_rdata(rdata, last + 1), NULL));
	history_note(small, zone, large);
	assert_int_equal(find(small, last - 1, last), MIST_ENOTFOUND);
	assert_int_equal(find(small, last, last + 1), MIST_ENOTFOUND);
	zone_release(large);
	zone_release(zone);
	zone_release(next);
	zone_release(other);
	history_release(small);
	history_release(usual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_two),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
