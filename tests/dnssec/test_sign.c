/*
 * Signing: what is signed and what is not, the chain, times, renewal, and what ldns-verify-zone and
 * dnssec-verify say about the whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "core/wire.h"
#include "dnssec/anchor.h"
#include "dnssec/sign.h"
#include "scratch.h"
#include "zonetext.h"

#define LIFETIME (14u * 24 * 3600)

static struct crypto *crypto;
static struct key *key;
static char directory[64];
static struct heard heard;
static const struct mist_reporter reporter = { .report = heard_report, .user = &heard };
static uint8_t apex[NAME_MAX];

static const char everything[] =
	"example.test. 3600 SOA ns.example.test. host.example.test. 7 3600 600 86400 900\n"
	"example.test. 3600 NS ns.example.test.\n"
	"example.test. 3600 NS ns.elsewhere.test.\n"
	"example.test. 3600 MX 10 Mail.Example.test.\n"
	"example.test. 9000000 TXT long ttl\n"
	"example.test. 3600 CAA \\# 0005697373756561\n"
	"ns.example.test. 3600 A 192.0.2.1\n"
	"ns.example.test. 3600 AAAA 2001:db8::1\n"
	"mail.example.test. 60 A 192.0.2.2\n"
	"mail.example.test. 60 A 192.0.2.3\n"
	"mail.example.test. 60 TYPE65280 \\# 00ff\n"
	"alias.example.test. 300 CNAME mail.example.test.\n"
	"*.wild.example.test. 300 A 192.0.2.4\n"
	"a.b.c.d.example.test. 300 TXT below empty non-terminals\n"
	"dname.example.test. 300 DNAME mail.example.test.\n"
	"below.dname.example.test. 300 A 192.0.2.66\n"
	"insecure.example.test. 300 NS ns.insecure.example.test.\n"
	"ns.insecure.example.test. 300 A 192.0.2.5\n"
	"secure.example.test. 300 NS secure.example.test.\n"
	"secure.example.test. 300 A 192.0.2.6\n"
	"secure.example.test. 300 DS \\# "
	"30390d02aabbccddaabbccddaabbccddaabbccddaabbccddaabbccddaabbccddaabbccdd\n"
	"far.below.secure.example.test. 300 TXT occluded\n"
	"\\000\\255\\046.example.test. 300 TXT odd octets\n"
	"UPPER.example.test. 300 TXT case\n";

static int add(void *user, const struct mist_record *record)
{
	return zone_add(user, record, &reporter);
}

static struct zone *read_zone(const char *text, bool carved)
{
	struct zone *zone;
	uint8_t name[NAME_MAX];
	assert_int_equal(zone_new(&zone, apex), MIST_OK);
	assert_int_equal(zonetext_read(text, add, zone), MIST_OK);
	if (carved) {
		name_from_text(name, "update.example.test");
		assert_int_equal(zone_carve(zone, name, false, &reporter), MIST_OK);
		name_from_text(name, "deep.er.example.test");
		assert_int_equal(zone_carve(zone, name, true, &reporter), MIST_OK);
	}
	if (zone_complete(zone, &reporter))
		fail_msg("%s", heard.text);
	memset(&heard, 0, sizeof(heard)); /* it warns of what is below the DNAME */
	return zone;
}

static struct signing signing_at(uint32_t now_s)
{
	return (struct signing){ .key = key, .crypto = crypto, .now_s = now_s, .lifetime_s = LIFETIME,
	                         .threads = 4 };
}

static int set_up(void **state)
{
	(void)state;
	scratch_make(directory);
	memset(&heard, 0, sizeof(heard));
	name_from_text(apex, "example.test");
	return crypto_new(&crypto) || key_generate(&key, crypto, apex, MIST_ALGORITHM_DEFAULT);
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	key_free(key);
	crypto_free(crypto);
	return 0;
}

/* ------------------------------------------------------------------------------------------------
 * Looking at zones
 */

static int dump_node(void *user, const struct node *node)
{
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct rrset *set = node->rrsets[i];
		struct record record;
		for (size_t at = 0; rrset_next(set, set->full_len, &at, &record);)
			zonetext_write(user, &(struct mist_record){
				.owner = node->name, .type = record.type, .ttl = record.ttl,
				.rdata = record.rdata, .rdata_len = record.rdata_len });
	}
	return 0;
}

/* What others say about the zone. */
static void verify(const struct zone *zone)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/zone", directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	zone_each(zone, dump_node, file);
	fclose(file);
	if (have_tool("ldns-verify-zone") && !run("ldns-verify-zone %s >%s/log 2>&1", path, directory)) {
		run("cat %s %s/log", path, directory);
		fail_msg("ldns-verify-zone does not accept the zone");
	}
	if (have_tool("dnssec-verify") &&
	    !run("dnssec-verify -z -o example.test %s >%s/log 2>&1", path, directory)) {
		run("cat %s %s/log", path, directory);
		fail_msg("dnssec-verify does not accept the zone");
	}
}

static const struct rrset *get(const struct zone *zone, const char *name, uint16_t type)
{
	uint8_t wire[NAME_MAX];
	name_from_text(wire, name);
	name_lower(wire, wire);
	const struct node *node = zone_node(zone, wire);
	return node ? node_rrset(node, type) : NULL;
}

static unsigned sigs(const struct zone *zone, const char *name, uint16_t type)
{
	const struct rrset *set = get(zone, name, type);
	if (!set)
		fail_msg("%s has no type %u", name, type);
	return set->sig_count;
}

/* "next-name TYPE TYPE" of an NSEC. */
static void assert_nsec(const struct zone *zone, const char *name, const char *expected)
{
	const struct rrset *set = get(zone, name, TYPE_NSEC);
	char text[2048], type_text[16];
	struct record record;
	size_t at = 0;
	if (!set)
		fail_msg("%s has no NSEC", name);
	assert_int_equal(set->sig_count, 1);
	assert_true(rrset_next(set, set->len, &at, &record));
	name_to_text(text, record.rdata);
	for (size_t i = name_len(record.rdata); i < record.rdata_len; i += 2u + record.rdata[i + 1]) {
		assert_int_not_equal(record.rdata[i + 1], 0);
		assert_int_not_equal(record.rdata[i + 1u + record.rdata[i + 1]], 0);
		for (unsigned bit = 0; bit < 8u * record.rdata[i + 1]; bit++) {
			if (record.rdata[i + 2 + bit / 8] & 0x80 >> bit % 8) {
				strcat(text, " ");
				strcat(text, type_to_text((uint16_t)(record.rdata[i] * 256u + bit), type_text));
			}
		}
	}
	assert_string_equal(text, expected);
}

/* ------------------------------------------------------------------------------------------------
 * Tests
 */

static void test_everything(void **state)
{
	(void)state;
	struct zone *zone = read_zone(everything, true);
	struct signing signing = signing_at((uint32_t)time(NULL));
	uint64_t made = 0;
	signing.cds = true;
	assert_int_equal(sign_serial(zone, 4000000000u), MIST_OK);
	assert_int_equal(zone->serial, 4000000000u);
	assert_int_equal(sign_zone(zone, &signing, &made), MIST_OK);
	assert_string_equal(heard.text, "");
	assert_true(zone->is_signed);
	verify(zone);

	assert_int_equal(sigs(zone, "example.test", TYPE_SOA), 1);
	assert_int_equal(sigs(zone, "example.test", TYPE_DNSKEY), 1);
	assert_int_equal(sigs(zone, "example.test", TYPE_CDS), 1);
	assert_int_equal(sigs(zone, "example.test", TYPE_CDNSKEY), 1);
	assert_int_equal(sigs(zone, "*.wild.example.test", TYPE_A), 1);
	assert_int_equal(sigs(zone, "secure.example.test", TYPE_DS), 1);
	assert_int_equal(sigs(zone, "secure.example.test", TYPE_NS), 0);
	assert_int_equal(sigs(zone, "secure.example.test", TYPE_A), 0);
	assert_int_equal(sigs(zone, "ns.insecure.example.test", TYPE_A), 0);
	assert_int_equal(sigs(zone, "below.dname.example.test", TYPE_A), 0);
	assert_int_equal(sigs(zone, "update.example.test", TYPE_NS), 0);
	assert_null(get(zone, "ns.insecure.example.test", TYPE_NSEC));
	assert_null(get(zone, "c.d.example.test", TYPE_NSEC));
	assert_null(get(zone, "er.example.test", TYPE_NSEC));

	assert_nsec(zone, "example.test",
	            "\\000\\255\\..example.test NS SOA MX TXT RRSIG NSEC DNSKEY CDS CDNSKEY CAA");
	assert_nsec(zone, "mail.example.test", "ns.example.test A RRSIG NSEC TYPE65280");
	assert_nsec(zone, "insecure.example.test", "mail.example.test NS RRSIG NSEC");
	assert_nsec(zone, "secure.example.test", "update.example.test NS DS RRSIG NSEC");
	assert_nsec(zone, "update.example.test", "upper.example.test NS RRSIG NSEC");
	assert_nsec(zone, "deep.er.example.test", "insecure.example.test NS RRSIG NSEC");
	assert_nsec(zone, "*.wild.example.test", "example.test A RRSIG NSEC");
	/* NSEC has the TTL of negative answers (RFC 9077). */
	assert_int_equal(get(zone, "mail.example.test", TYPE_NSEC)->ttl, 900);
	zone_release(zone);
}

static void test_made_zone(void **state)
{
	(void)state;
	const struct zone_address addresses[] = { { 4, { 127, 0, 0, 1 } }, { 16, { [15] = 1 } } };
	struct zone *zone;
	uint8_t name[NAME_MAX];
	uint64_t made = 0;
	assert_int_equal(zone_new(&zone, apex), MIST_OK);
	assert_int_equal(zone_make(zone, addresses, 2, 300, 2026112101), MIST_OK);
	name_from_text(name, "update.example.test");
	assert_int_equal(zone_carve(zone, name, false, &reporter), MIST_OK);
	name_from_text(name, "below.some.thing.example.test");
	assert_int_equal(zone_carve(zone, name, true, &reporter), MIST_OK);
	assert_int_equal(zone_complete(zone, &reporter), MIST_OK);
	struct signing signing = signing_at((uint32_t)time(NULL));
	assert_int_equal(sign_zone(zone, &signing, &made), MIST_OK);
	assert_string_equal(heard.text, "");
	verify(zone);
	assert_nsec(zone, "update.example.test", "example.test NS RRSIG NSEC");
	/* Data kept at a carved name is answered unsigned, and is in no proof. */
	assert_int_equal(sigs(zone, "below.some.thing.example.test", TYPE_A), 0);
	assert_nsec(zone, "below.some.thing.example.test", "update.example.test NS RRSIG NSEC");
	zone_release(zone);
}

static void test_ed25519(void **state)
{
	(void)state;
	struct key *ecdsa = key;
	uint64_t made = 0;
	assert_int_equal(key_generate(&key, crypto, apex, MIST_ALGORITHM_ED25519), MIST_OK);
	struct zone *zone = read_zone(everything, false);
	struct signing signing = signing_at((uint32_t)time(NULL));
	assert_int_equal(sign_zone(zone, &signing, &made), MIST_OK);
	verify(zone);
	zone_release(zone);
	key_free(key);
	key = ecdsa;
}

struct times {
	uint32_t now_s, earliest, latest, ttl_max;
	unsigned count;
};

static int look_at_times(void *user, const struct node *node)
{
	struct times *times = user;
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct rrset *set = node->rrsets[i];
		struct record sig;
		for (size_t at = set->len; rrset_next(set, set->full_len, &at, &sig);) {
			uint32_t expires = wire_get32(sig.rdata + 8), inception = wire_get32(sig.rdata + 12);
			times->earliest = expires < times->earliest ? expires : times->earliest;
			times->latest = expires > times->latest ? expires : times->latest;
			times->ttl_max = set->ttl > times->ttl_max ? set->ttl : times->ttl_max;
			times->count++;
			assert_int_equal(wire_get32(sig.rdata + 4), set->ttl);
			assert_int_equal(sig.ttl, set->ttl);
			assert_true(inception <= times->now_s - 3600 || inception < times->now_s);
		}
	}
	return 0;
}

static struct zone *big_zone(unsigned names)
{
	char *text = malloc(512 + 64u * names);
	size_t at = (size_t)sprintf(text, "example.test. 3600 SOA ns.example.test. h.example.test. 7 3600 600 "
	                                  "86400 900\nexample.test. 3600 NS ns.elsewhere.test.\n");
	for (unsigned i = 0; i < names; i++)
		at += (size_t)sprintf(text + at, "n%u.example.test. 9000000 A 192.0.2.%u\n", i, i & 255);
	struct zone *zone = read_zone(text, false);
	free(text);
	return zone;
}

static void test_times(void **state)
{
	(void)state;
	struct zone *zone = big_zone(1000);
	const uint32_t start = (uint32_t)time(NULL);
	struct signing signing = signing_at(start);
	struct times times = { .now_s = start, .earliest = UINT32_MAX };
	uint64_t made = 0;
	assert_int_equal(sign_zone(zone, &signing, &made), MIST_OK);
	zone_each(zone, look_at_times, &times);
	assert_int_equal(times.count, made);
	assert_true(times.latest <= start + LIFETIME);
	assert_true(times.latest > start + LIFETIME - LIFETIME / 100);
	assert_true(times.earliest >= start + LIFETIME - LIFETIME / 10);
	assert_true(times.earliest < start + LIFETIME - LIFETIME / 10 + LIFETIME / 100);
	uint32_t due = sign_due(zone);
	assert_true(due >= start + (LIFETIME - LIFETIME / 10) / 4 * 3 && due <= start + LIFETIME / 4 * 3);
	/* Handed out a second before it is due, a set is gone from caches before its signature is. */
	assert_true(due + times.ttl_max <= times.earliest);

	/* A year of renewals: whenever something is due it is renewed, and nothing ever expires. */
	uint32_t serial = zone->serial;
	unsigned versions = 0;
	for (uint32_t now = due; now < start + 365u * 24 * 3600; now = sign_due(zone)) {
		struct zone *renewed;
		signing.now_s = now;
		assert_int_equal(sign_renew(&renewed, zone, &signing, LIFETIME / 40, ++serial, &made), MIST_OK);
		assert_true(made >= 2 && made < times.count);
		assert_int_equal(renewed->serial, serial);
		assert_ptr_equal(renewed->soa, node_rrset(renewed->apex, TYPE_SOA));
		assert_int_equal(zone->serial, serial - 1);
		zone_release(zone);
		zone = renewed;
		struct times after = { .now_s = now, .earliest = UINT32_MAX };
		zone_each(zone, look_at_times, &after);
		assert_int_equal(after.count, times.count);
		assert_true(after.earliest > now + after.ttl_max);
		versions++;
	}
	assert_in_range(versions, 100, 1000);
	zone_release(zone);
}

static void test_renewed_verifies(void **state)
{
	(void)state;
	struct zone *zone = read_zone(everything, true), *renewed;
	const uint32_t now = (uint32_t)time(NULL);
	struct signing signing = signing_at(now - LIFETIME / 4 * 3);
	uint64_t made = 0, again = 0;
	assert_int_equal(sign_zone(zone, &signing, &made), MIST_OK);
	verify(zone);
	signing.now_s = now;
	assert_int_equal(sign_renew(&renewed, zone, &signing, 0, zone->serial + 1, &again), MIST_OK);
	assert_int_equal(again, made);
	verify(renewed);
	verify(zone);
	/* Only the SOA. */
	struct zone *third;
	assert_int_equal(sign_renew(&third, renewed, &signing, 0, zone->serial + 2, &again), MIST_OK);
	assert_int_equal(again, 1);
	verify(third);
	zone_release(zone);
	zone_release(renewed);
	zone_release(third);
}

static void test_short_lifetime(void **state)
{
	(void)state;
	struct zone *zone = big_zone(100);
	const uint32_t now = (uint32_t)time(NULL);
	struct signing signing = signing_at(now);
	struct times times = { .now_s = now, .earliest = UINT32_MAX };
	uint64_t made = 0;
	signing.lifetime_s = 3600;
	assert_int_equal(sign_zone(zone, &signing, &made), MIST_OK);
	zone_each(zone, look_at_times, &times);
	assert_true(sign_due(zone) + times.ttl_max <= times.earliest);
	assert_true(zone->negative_ttl <= times.ttl_max);
	verify(zone);
	zone_release(zone);
}

static void test_ds_and_anchors(void **state)
{
	(void)state;
	struct zone *zone = read_zone(everything, false);
	struct signing signing = signing_at((uint32_t)time(NULL));
	uint64_t made = 0;
	char text[4096], small[40];
	struct rrset *ds;
	assert_int_equal(sign_ds(&ds, zone, crypto, 60), MIST_OK);
	assert_null(ds);
	assert_int_equal(anchor_text(zone, crypto, MIST_ANCHOR_DS, text, sizeof(text)), MIST_EZONE);
	assert_int_equal(sign_zone(zone, &signing, &made), MIST_OK);
	assert_int_equal(sign_ds(&ds, zone, crypto, 60), MIST_OK);
	uint8_t expected[36];
	key_ds(key, expected);
	assert_non_null(ds);
	assert_int_equal(ds->count, 1);
	assert_int_equal(ds->ttl, 60);
	assert_memory_equal(ds->wire + RRSET_FIXED, expected, 36);
	free(ds);

	const char *const begin[] = { "example.test. 3600 IN DS ", "example.test. 3600 IN DNSKEY 257 3 13 ",
	                              "trust-anchors {\n\t\"example.test.\" static-key 257 3 13 \"",
	                              "server:\n\ttrust-anchor: \"example.test. IN DS ",
	                              "example.test. IN DS " };
	for (int format = MIST_ANCHOR_DS; format <= MIST_ANCHOR_RESOLVED; format++) {
		assert_int_equal(anchor_text(zone, crypto, (enum mist_anchor_format)format, text, sizeof(text)),
		                 MIST_OK);
		assert_memory_equal(text, begin[format], strlen(begin[format]));
		assert_int_equal(text[strlen(text) - 1], '\n');
		assert_int_equal(anchor_text(zone, crypto, (enum mist_anchor_format)format, small,
		                             sizeof(small)), MIST_ESPACE);
	}
	/* The DS line is the one that dnssec-dsfromkey makes of the DNSKEY line. */
	anchor_text(zone, crypto, MIST_ANCHOR_DNSKEY, text, sizeof(text));
	if (have_tool("dnssec-dsfromkey")) {
		assert_true(run("echo '%s' | dnssec-dsfromkey -2 -f - example.test >%s/ds", text, directory));
		anchor_text(zone, crypto, MIST_ANCHOR_RESOLVED, text, sizeof(text));
		text[strlen(text) - 1] = 0;
		assert_true(run("grep -qx '%s' %s/ds", text, directory));
	}
	zone_release(zone);
}

/* ------------------------------------------------------------------------------------------------
 * Zones that come signed
 */

static struct zone *read_presigned(const char *text)
{
	struct zone *zone;
	assert_int_equal(zone_new(&zone, apex), MIST_OK);
	zone->presigned = true;
	assert_int_equal(zonetext_read(text, add, zone), MIST_OK);
	if (zone_complete(zone, &reporter))
		fail_msg("%s", heard.text);
	memset(&heard, 0, sizeof(heard));
	return zone;
}

/* Signs with dnssec-signzone and returns the records in generic form; NULL: no such tool here. */
static char *sign_elsewhere(const char *options)
{
	struct zone *plain = read_zone(everything, false);
	char path[128];
	snprintf(path, sizeof(path), "%s/plain", directory);
	FILE *file = fopen(path, "w");
	zone_each(plain, dump_node, file);
	fclose(file);
	zone_release(plain);
	if (!have_tool("dnssec-signzone") || !run("/usr/bin/python3 -c 'import dns.zone' 2>/dev/null"))
		return NULL;
	assert_int_equal(key_save(key, directory, NULL), MIST_OK);
	assert_true(run("cd %s && dnssec-signzone -z -S -K . %s -o example.test plain >log 2>&1 && rm K* && "
	                "/usr/bin/python3 -c '"
	                "import dns.zone, dns.rdatatype\n"
	                "z = dns.zone.from_file(\"plain.signed\", \"example.test\", relativize=False)\n"
	                "for n, t, r in z.iterate_rdatas():\n"
	                "  print(n, t, dns.rdatatype.to_text(r.rdtype), \"\\\\#\", "
	                "r.to_wire(origin=z.origin).hex())' >generic", directory, options));
	snprintf(path, sizeof(path), "%s/generic", directory);
	file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 1000);
	fclose(file);
	return text;
}

static void test_adopt(void **state)
{
	(void)state;
	const struct { const char *options; bool nsec3, opt_out; unsigned iterations, salt_len; } cases[] = {
		{ "", false, false, 0, 0 },
		{ "-3 - -H 0", true, false, 0, 0 },
		{ "-3 aabbcc -H 10", true, false, 10, 3 },
		{ "-3 - -H 0 -A", true, true, 0, 0 },
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = sign_elsewhere(cases[i].options);
		if (!text)
			skip();
		struct zone *zone = read_presigned(text);
		int error = sign_adopt(zone, &reporter);
		assert_string_equal(heard.text, "");
		assert_int_equal(error, MIST_OK);
		assert_true(zone->is_signed);
		assert_int_equal(zone->nsec3, cases[i].nsec3);
		assert_int_equal(zone->nsec3_params.opt_out, cases[i].opt_out);
		assert_int_equal(zone->nsec3_params.iterations, cases[i].iterations);
		assert_int_equal(zone->nsec3_params.salt_len, cases[i].salt_len);
		assert_int_equal(sign_due(zone), UINT32_MAX);
		verify(zone);
		struct rrset *ds;
		assert_int_equal(sign_ds(&ds, zone, crypto, 60), MIST_OK);
		assert_non_null(ds);
		free(ds);
		zone_release(zone);
		free(text);
	}
}

/* Leaves out each line with all of the words, reads and expects a message. */
static void adopt_without(const char *text, const char *word, const char *word_too, const char *message)
{
	char *copy = strdup(text), *rest = copy, *line, *kept = calloc(1, strlen(text) + 2);
	while ((line = strsep(&rest, "\n"))) {
		if (strstr(line, word) && strstr(line, word_too))
			continue;
		strcat(kept, line);
		strcat(kept, "\n");
	}
	memset(&heard, 0, sizeof(heard));
	struct zone *zone = read_presigned(kept);
	memset(&heard, 0, sizeof(heard));
	int error = sign_adopt(zone, &reporter);
	if (error != MIST_EZONE || !strstr(heard.text, message))
		fail_msg("without `%s %s`: error %d, \"%s\" without \"%s\"", word, word_too, error, heard.text,
		         message);
	zone_release(zone);
	free(copy);
	free(kept);
}

static void test_adopt_refuses(void **state)
{
	(void)state;
	char *text = sign_elsewhere("");
	if (!text)
		skip();
	adopt_without(text, " DNSKEY ", "", "no DNSKEY");
	adopt_without(text, " NSEC ", "", "neither NSEC nor NSEC3PARAM");
	adopt_without(text, " NSEC ", "mail.", "no NSEC record");
	adopt_without(text, " RRSIG ", "mail.", "A without RRSIG");
	adopt_without(text, " RRSIG ", "", "SOA without RRSIG");
	free(text);
	text = sign_elsewhere("-3 - -H 0");
	adopt_without(text, " NSEC3PARAM ", "", "neither NSEC nor NSEC3PARAM");
	adopt_without(text, " RRSIG \\# 0032", "", "NSEC3 record without RRSIG");
	adopt_without(text, " NSEC3 ", "", "no NSEC3 record for the hash");
	free(text);
	text = sign_elsewhere("-3 - -H 150");
	struct zone *zone = read_presigned(text);
	assert_int_equal(sign_adopt(zone, &reporter), MIST_OK);
	zone_release(zone);
	/* 151 iterations, though NSEC3 records say otherwise. */
	char *param = strstr(text, " NSEC3PARAM \\# 0100");
	assert_non_null(param);
	memcpy(strchr(param, '#') + 6, "0097", 4);
	adopt_without(text, "nothing", "", "more than 150 iterations");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_everything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_made_zone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ed25519, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_times, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_renewed_verifies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_short_lifetime, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ds_and_anchors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_adopt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_adopt_refuses, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
