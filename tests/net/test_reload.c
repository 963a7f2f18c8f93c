/*
 * Contents that take the place of others while edits go on: what is served is, for each set, what is
 * described now with what edits had changed, and nothing is signed twice.
 */
#include "edit_kit.h"

#include <sys/stat.h>

#include "net/server.h"
#include "scratch.h"

enum { NAMES = 24, KINDS = 2, VALUES = 8, ROUNDS = 120 };

/* Which values each name has as addresses and as texts. */
struct model {
	uint8_t has[NAMES][KINDS];
};

static const uint16_t types[KINDS] = { TYPE_A, TYPE_TXT };
static char directory[64];
static const char *state_directory;
static unsigned seed;
static struct heard heard;

static unsigned draw(unsigned below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

static int set_up(void **state)
{
	(void)state;
	scratch_make(directory);
	state_directory = directory;
	memset(&heard, 0, sizeof(heard));
	seed = 7;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

/* One record of the model, with its octets. */
struct one {
	struct mist_record record;
	uint8_t owner[MIST_NAME_SIZE], rdata[16];
};

static void one_make(struct one *one, unsigned name, unsigned kind, unsigned value)
{
	char text[64];
	snprintf(text, sizeof(text), "n%u.%sa.test", name, name % 3 ? "" : "deep.er.");
	assert_true(mist_name_from_text(text, one->owner) > 0);
	memcpy(one->rdata, kind ? (const uint8_t[]){ 1, 'a' } : (const uint8_t[]){ 127, 0 }, 2);
	one->rdata[1] = (uint8_t)(one->rdata[1] + (kind ? value : 0));
	one->rdata[2] = 0;
	one->rdata[3] = (uint8_t)(value + 1);
	one->record = (struct mist_record){ .owner = one->owner, .type = types[kind], .ttl = 300,
	                                    .rdata = one->rdata, .rdata_len = kind ? 2 : 4 };
}

static void add_record(struct mist_zone *zone, const char *name, uint16_t type, const char *text)
{
	uint8_t owner[MIST_NAME_SIZE], rdata[512];
	char copy[256], *words[16] = { NULL };
	unsigned count = 0;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[count++] = word;
	assert_true(mist_name_from_text(name, owner) > 0);
	struct mist_record record = { .owner = owner, .type = type, .ttl = 300, .rdata = rdata };
	record.rdata_len = (uint16_t)zonetext_rdata(rdata, type, words, count);
	assert_int_equal(mist_zone_add(zone, &record), MIST_OK);
}

static struct mist_content *content_new(void)
{
	struct mist_content *content;
	const struct mist_content_options options = {
		.size = sizeof(options), .reporter = { heard_report, &heard }, .state_directory = state_directory,
		.threads = 1,
	};
	assert_int_equal(mist_content_new(&content, &options), MIST_OK);
	return content;
}

/* The zone a.test with what the model says, `file_serial` in its file. */
static struct mist_content *describe(const struct model *model, enum mist_dnssec dnssec,
                                     unsigned file_serial)
{
	struct mist_content *content = content_new();
	struct mist_zone *zone;
	char soa[80];
	const struct mist_zone_options options = {
		.size = sizeof(options), .name = "a.test", .records = true, .dnssec = dnssec,
	};
	assert_int_equal(mist_content_zone(content, &options, &zone), MIST_OK);
	snprintf(soa, sizeof(soa), "ns.a.test host.a.test %u 3600 600 86400 60", file_serial);
	add_record(zone, "a.test", TYPE_SOA, soa);
	add_record(zone, "a.test", TYPE_NS, "ns.a.test");
	add_record(zone, "ns.a.test", TYPE_A, "127.0.0.1");
	for (unsigned i = 0; i < NAMES * KINDS * VALUES; i++) {
		unsigned name = i / KINDS / VALUES, kind = i / VALUES % KINDS, value = i % VALUES;
		struct one one;
		one_make(&one, name, kind, value);
		if (model->has[name][kind] & 1 << value)
			assert_int_equal(mist_zone_add(zone, &one.record), MIST_OK);
	}
	return content;
}

/* ---- what is served -------------------------------------------------------------------------- */

struct reading {
	struct model model;
	unsigned others;
};

static int read_record(void *user, const struct mist_record *record)
{
	struct reading *reading = user;
	for (unsigned i = 0; i < NAMES * KINDS * VALUES; i++) {
		unsigned name = i / KINDS / VALUES, kind = i / VALUES % KINDS, value = i % VALUES;
		struct one one;
		if (record->type != types[kind])
			continue;
		one_make(&one, name, kind, value);
		if (strcmp((const char *)one.owner, (const char *)record->owner) == 0 &&
		    record->rdata_len == one.record.rdata_len &&
		    memcmp(record->rdata, one.rdata, record->rdata_len) == 0) {
			reading->model.has[name][kind] |= (uint8_t)(1 << value);
			assert_int_equal(record->ttl, 300);
			return 0;
		}
	}
	reading->others++;
	return 0;
}

static void assert_served(struct mist_server *server, const struct model *model)
{
	struct reading reading = { .others = 0 };
	assert_int_equal(mist_walk(server, "a.test", MIST_WALK_DATA, read_record, &reading), MIST_OK);
	assert_memory_equal(&reading.model, model, sizeof(*model));
	assert_int_equal(reading.others, 3);
}

static int take_serial(void *user, const struct mist_zone_status *status)
{
	*(uint32_t *)user = status->serial;
	return 0;
}

static uint32_t serial_of(struct mist_server *server)
{
	uint32_t serial = 0;
	assert_int_equal(mist_zones(server, take_serial, &serial), MIST_OK);
	return serial;
}

static uint64_t signatures_of(const struct mist_server *server)
{
	struct mist_counters counters;
	assert_int_equal(mist_counters(server, &counters, sizeof(counters)), MIST_OK);
	return counters.signatures;
}

static void verify(struct mist_server *server)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/dump", directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(mist_walk(server, "a.test", MIST_WALK_SERVED, zonetext_write, file), MIST_OK);
	fclose(file);
	if (have_tool("ldns-verify-zone"))
		assert_true(run("ldns-verify-zone -V 1 %s >%s/verify 2>&1 || { cat %s/verify %s; false; }", path,
		                directory, directory, path));
}

/* ---- random ---------------------------------------------------------------------------------- */

static void change(struct model *model, unsigned count)
{
	for (; count; count--)
		model->has[draw(NAMES)][draw(KINDS)] ^= (uint8_t)(1 << draw(VALUES));
}

/* Makes the served zone this one by an edit. */
static void edit_to(struct mist_server *server, struct model *served, const struct model *wanted)
{
	struct mist_edit *edit;
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	for (unsigned i = 0; i < NAMES * KINDS * VALUES; i++) {
		unsigned name = i / KINDS / VALUES, kind = i / VALUES % KINDS, value = i % VALUES;
		bool was = served->has[name][kind] & 1 << value, is = wanted->has[name][kind] & 1 << value;
		struct one one;
		one_make(&one, name, kind, value);
		if (was != is)
			assert_int_equal(is ? mist_edit_add(edit, "a.test", &one.record)
			                    : mist_edit_remove(edit, "a.test", &one.record), MIST_OK);
	}
	assert_int_equal(mist_edit_commit(edit, NULL), MIST_OK);
	*served = *wanted;
}

/* What edits took away is gone, what they brought is there, the rest is as described. */
static void merge(struct model *served, const struct model *described, const struct model *now)
{
	for (unsigned i = 0; i < NAMES * KINDS; i++) {
		uint8_t *has = &served->has[i / KINDS][i % KINDS];
		uint8_t was = described->has[i / KINDS][i % KINDS], is = now->has[i / KINDS][i % KINDS];
		uint8_t gone = was & (uint8_t)~*has, come = *has & (uint8_t)~was;
		*has = (uint8_t)((is & ~gone) | come);
	}
}

static void random_rounds(enum mist_dnssec dnssec)
{
	struct model described = { 0 }, served, next;
	struct mist_server *server;
	unsigned file_serial = 1;
	change(&described, 100);
	served = described;
	assert_int_equal(mist_start(&server, NULL, describe(&described, dnssec, file_serial)), MIST_OK);
	assert_served(server, &served);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t before = serial_of(server);
		bool edits = draw(3) > 0, keep = draw(8) > 0;
		if (edits) {
			next = served;
			change(&next, 1 + draw(12));
			edit_to(server, &served, &next);
			assert_served(server, &served);
		}
		next = described;
		change(&next, draw(3) * draw(10));
		file_serial += draw(2);
		struct model was = served;
		if (keep)
			merge(&served, &described, &next);
		else
			served = next;
		uint32_t edited = serial_of(server);
		struct mist_content *content = describe(&next, dnssec, file_serial);
		assert_int_equal(keep ? mist_reload(server, content) : mist_publish(server, content), MIST_OK);
		described = next;
		assert_served(server, &served);
		if (memcmp(&was, &served, sizeof(was)) != 0)
			assert_true((int32_t)(serial_of(server) - edited) > 0);
		assert_true((int32_t)(serial_of(server) - before) >= 0);
		if (dnssec == MIST_DNSSEC_SIGN && round % 10 == 0)
			verify(server);
	}
	if (dnssec == MIST_DNSSEC_SIGN)
		verify(server);
	assert_int_equal(heard.count[MIST_LEVEL_ERROR] + heard.count[MIST_LEVEL_WARNING], 0);
	assert_int_equal(mist_stop(server), MIST_OK);
}

static void test_random_signed(void **state)
{
	(void)state;
	random_rounds(MIST_DNSSEC_SIGN);
}

static void test_random_unsigned(void **state)
{
	(void)state;
	random_rounds(MIST_DNSSEC_OFF);
}

/* Edits, reloads and restarts in any order; at a restart the description may be another one. */
static void random_restarts(enum mist_dnssec dnssec)
{
	struct model described = { 0 }, served, next;
	struct mist_server *server;
	change(&described, 100);
	served = described;
	assert_int_equal(mist_start(&server, NULL, describe(&described, dnssec, 1)), MIST_OK);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t serial = serial_of(server);
		for (unsigned edits = draw(4); edits; edits--) {
			next = served;
			change(&next, 1 + draw(12));
			edit_to(server, &served, &next);
		}
		next = described;
		change(&next, draw(2) * draw(10));
		merge(&served, &described, &next);
		described = next;
		if (draw(3) == 0) {
			assert_int_equal(mist_reload(server, describe(&next, dnssec, 1)), MIST_OK);
		} else {
			assert_int_equal(mist_stop(server), MIST_OK);
			assert_int_equal(mist_start(&server, NULL, describe(&next, dnssec, 1)), MIST_OK);
		}
		assert_served(server, &served);
		assert_true((int32_t)(serial_of(server) - serial) >= 0);
		if (dnssec == MIST_DNSSEC_SIGN && round % 20 == 0)
			verify(server);
	}
	assert_int_equal(heard.count[MIST_LEVEL_ERROR] + heard.count[MIST_LEVEL_WARNING], 0);
	assert_int_equal(mist_stop(server), MIST_OK);
}

static void test_restarts_signed(void **state)
{
	(void)state;
	random_restarts(MIST_DNSSEC_SIGN);
}

static void test_restarts_unsigned(void **state)
{
	(void)state;
	random_restarts(MIST_DNSSEC_OFF);
}

/* mist_publish() goes back to what is described, also after the next start. */
static void test_publish_forgets(void **state)
{
	(void)state;
	struct model model = { 0 }, edited;
	struct mist_server *server;
	change(&model, 20);
	assert_int_equal(mist_start(&server, NULL, describe(&model, MIST_DNSSEC_SIGN, 1)), MIST_OK);
	struct model served = edited = model;
	change(&edited, 10);
	edit_to(server, &served, &edited);
	assert_served(server, &edited);
	assert_int_equal(mist_publish(server, describe(&model, MIST_DNSSEC_SIGN, 1)), MIST_OK);
	assert_served(server, &model);
	assert_int_equal(mist_stop(server), MIST_OK);
	assert_int_equal(mist_start(&server, NULL, describe(&model, MIST_DNSSEC_SIGN, 1)), MIST_OK);
	assert_served(server, &model);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* ---- what it costs --------------------------------------------------------------------------- */

static void test_only_differences(void **state)
{
	(void)state;
	struct model model = { 0 };
	struct mist_server *server;
	struct mist_status before, after;
	change(&model, 150);
	assert_int_equal(mist_start(&server, NULL, describe(&model, MIST_DNSSEC_SIGN, 5)), MIST_OK);
	uint64_t signatures = signatures_of(server);
	uint32_t serial = serial_of(server);
	assert_true(signatures > NAMES);
	assert_int_equal(mist_status(server, &before), MIST_OK);

	assert_int_equal(mist_reload(server, describe(&model, MIST_DNSSEC_SIGN, 5)), MIST_OK);
	assert_int_equal(signatures_of(server), signatures);
	assert_int_equal(serial_of(server), serial);
	assert_int_equal(mist_status(server, &after), MIST_OK);
	assert_int_equal(after.view, before.view + 1); /* rules and upstreams may be others */

	model.has[1][0] ^= 1;
	assert_int_equal(mist_reload(server, describe(&model, MIST_DNSSEC_SIGN, 5)), MIST_OK);
	/* The set and the SOA; at most the NSEC of the name and of the one before. */
	assert_in_range(signatures_of(server) - signatures, 2, 4);
	assert_true(serial_of(server) > serial);
	verify(server);

	/* Nothing but the file's serial. */
	signatures = signatures_of(server);
	assert_int_equal(mist_reload(server, describe(&model, MIST_DNSSEC_SIGN, 3000000000u)), MIST_OK);
	assert_int_equal(signatures_of(server), signatures + 1);
	assert_true(serial_of(server) == 3000000000u);
	verify(server);
	assert_int_equal(mist_stop(server), MIST_OK);
}

static unsigned versions_of(struct mist_server *server)
{
	unsigned count = 0;
	for (const struct zone *zone = atomic_load(&server->publisher.current)->zones[0]; zone; zone = zone->older)
		count++;
	return count;
}

/* A version that is not served any more goes, though the zone was served before the last reload. */
static void test_versions_go(void **state)
{
	(void)state;
	struct model model = { 0 }, next;
	struct mist_server *server;
	change(&model, 50);
	assert_int_equal(mist_start(&server, NULL, describe(&model, MIST_DNSSEC_SIGN, 1)), MIST_OK);
	assert_int_equal(mist_reload(server, describe(&model, MIST_DNSSEC_SIGN, 1)), MIST_OK);
	for (unsigned i = 0; i < 40; i++) {
		next = model;
		next.has[i % NAMES][0] ^= 1;
		edit_to(server, &model, &next);
		assert_in_range(versions_of(server), 1, 3);
	}
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* A set is written once, however many operations of an edit changed it. */
static void test_small_journal(void **state)
{
	(void)state;
	enum { RECORDS = 20, OCTETS = 200 }; /* few: a long file is written anew at once */
	struct model model = { 0 };
	struct mist_server *server;
	struct stat status;
	char *lines = NULL, path[128];
	size_t len = 0;
	FILE *text = open_memstream(&lines, &len);
	for (unsigned i = 0; i < 2 * RECORDS; i++)
		fprintf(text, "+t%u.a.test. 300 TXT %0*u\n", i % 2, OCTETS, i);
	fclose(text);
	assert_int_equal(mist_start(&server, NULL, describe(&model, MIST_DNSSEC_OFF, 1)), MIST_OK);
	assert_int_equal(edit_now(server, NULL, lines, NULL), MIST_OK);
	free(lines);
	snprintf(path, sizeof(path), "%s/edits.journal", directory);
	assert_int_equal(stat(path, &status), 0);
	assert_in_range(status.st_size, 2 * RECORDS * OCTETS, 3 * RECORDS * OCTETS);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* ---- serials --------------------------------------------------------------------------------- */

/* Without a directory: a reload gave out a higher serial than the file's, and the next one cannot go on from
 * what is served, since a name is forwarded from then on. */
static void test_serial_rises(void **state)
{
	(void)state;
	const char *const upstream = "192.0.2.53"; /* .test leaves by its own only */
	struct model model = { 0 };
	struct mist_server *server;
	state_directory = NULL;
	assert_int_equal(mist_start(&server, NULL, describe(&model, MIST_DNSSEC_OFF, 6)), MIST_OK);
	assert_int_equal(serial_of(server), 6);
	model.has[1][0] = 1;
	assert_int_equal(mist_reload(server, describe(&model, MIST_DNSSEC_OFF, 6)), MIST_OK);
	uint32_t serial = serial_of(server);
	assert_true((int32_t)(serial - 6) > 0);
	struct mist_content *content = describe(&model, MIST_DNSSEC_OFF, 6);
	assert_int_equal(mist_content_rule(content, &(struct mist_rule){ .size = sizeof(struct mist_rule),
		.name = "out.a.test", .upstreams = &upstream, .upstream_count = 1 }), MIST_OK);
	assert_int_equal(mist_reload(server, content), MIST_OK);
	assert_true((int32_t)(serial_of(server) - serial) > 0);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* ---- what cannot be ---------------------------------------------------------------------------- */

static void test_broken_changes_nothing(void **state)
{
	(void)state;
	struct model model = { 0 };
	struct mist_server *server;
	struct mist_zone *zone;
	change(&model, 20);
	assert_int_equal(mist_start(&server, NULL, describe(&model, MIST_DNSSEC_SIGN, 1)), MIST_OK);
	uint32_t serial = serial_of(server);
	struct mist_content *content = describe(&model, MIST_DNSSEC_SIGN, 2);
	const struct mist_zone_options options = { .size = sizeof(options), .name = "b.test", .records = true };
	assert_int_equal(mist_content_zone(content, &options, &zone), MIST_OK); /* without an SOA */
	assert_int_equal(mist_reload(server, content), MIST_EZONE);
	assert_int_equal(serial_of(server), serial);
	assert_served(server, &model);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* An edit brought an address; now the file has a CNAME there. */
static void test_description_wins(void **state)
{
	(void)state;
	struct model model = { 0 }, edited;
	struct mist_server *server;
	struct mist_zone *zone;
	assert_int_equal(mist_start(&server, NULL, describe(&model, MIST_DNSSEC_SIGN, 1)), MIST_OK);
	edited = model;
	edited.has[1][0] = 1;
	edited.has[2][0] = 2;
	edit_to(server, &model, &edited);
	struct mist_content *content = content_new();
	const struct mist_zone_options options = { .size = sizeof(options), .name = "a.test", .records = true };
	assert_int_equal(mist_content_zone(content, &options, &zone), MIST_OK);
	add_record(zone, "a.test", TYPE_SOA, "ns.a.test host.a.test 1 3600 600 86400 60");
	add_record(zone, "a.test", TYPE_NS, "ns.a.test");
	add_record(zone, "ns.a.test", TYPE_A, "127.0.0.1");
	add_record(zone, "n1.a.test", TYPE_CNAME, "ns.a.test");
	assert_int_equal(mist_reload(server, content), MIST_OK);
	assert_non_null(strstr(heard.text, "n1.a.test: what was edited there"));
	assert_int_equal(heard.count[MIST_LEVEL_WARNING], 1);
	struct reading reading = { .others = 0 };
	assert_int_equal(mist_walk(server, "a.test", MIST_WALK_DATA, read_record, &reading), MIST_OK);
	assert_int_equal(reading.others, 4);
	assert_int_equal(reading.model.has[1][0], 0);
	assert_int_equal(reading.model.has[2][0], 2);
	verify(server);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* The name servers of the zone, and the addresses that such names have. */
static int see_server(void *user, const struct mist_record *record)
{
	char name[MIST_NAME_TEXT_SIZE];
	const bool is_ns = record->type == TYPE_NS;
	assert_true(mist_name_to_text(record->owner, MIST_NAME_SIZE, name) > 0);
	if (is_ns)
		assert_true(mist_name_to_text(record->rdata, record->rdata_len, name) > 0);
	if (is_ns || (record->type == TYPE_A && strncmp(name, "ns", 2) == 0))
		sprintf(strchr(user, 0), "%s %s ", is_ns ? "NS" : "A", name);
	return 0;
}

static void assert_servers(struct mist_server *server, const char *wanted)
{
	char servers[1024] = "";
	assert_int_equal(mist_walk(server, "a.test", MIST_WALK_DATA, see_server, servers), MIST_OK);
	assert_string_equal(servers, wanted);
}

/* A name server and the NS record that names it, in one edit: neither stands without the other. */
static void move_servers(enum mist_dnssec dnssec)
{
	static const char moved[] = "NS ns2.a.test A ns2.a.test ";
	struct model model = { 0 };
	struct mist_server *server;
	struct mist_zone *zone;
	assert_int_equal(mist_start(&server, NULL, describe(&model, dnssec, 1)), MIST_OK);
	assert_int_equal(edit_now(server, NULL, "+ns2.a.test. 300 A 127.0.0.2\n+a.test. 300 NS ns2.a.test.\n"
	                          "-a.test. 300 NS ns.a.test.\n!ns.a.test. A\n+n1.a.test. 300 TXT a\n", NULL), MIST_OK);
	assert_servers(server, moved);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(mist_reload(server, describe(&model, dnssec, 1)), MIST_OK);
		assert_servers(server, moved);
		assert_int_equal(mist_stop(server), MIST_OK);
		assert_int_equal(mist_start(&server, NULL, describe(&model, dnssec, 1)), MIST_OK);
		assert_servers(server, moved);
	}
	assert_int_equal(heard.count[MIST_LEVEL_ERROR] + heard.count[MIST_LEVEL_WARNING], 0);
	/* What cannot stand at one name does not take the others along. */
	struct mist_content *content = content_new();
	const struct mist_zone_options options = {
		.size = sizeof(options), .name = "a.test", .records = true, .dnssec = dnssec,
	};
	assert_int_equal(mist_content_zone(content, &options, &zone), MIST_OK);
	add_record(zone, "a.test", TYPE_SOA, "ns.a.test host.a.test 1 3600 600 86400 60");
	add_record(zone, "a.test", TYPE_NS, "ns.a.test");
	add_record(zone, "ns.a.test", TYPE_A, "127.0.0.1");
	add_record(zone, "n1.a.test", TYPE_CNAME, "ns2.a.test");
	assert_int_equal(mist_reload(server, content), MIST_OK);
	assert_servers(server, moved);
	assert_int_equal(heard.count[MIST_LEVEL_WARNING], 1);
	assert_non_null(strstr(heard.text, "n1.a.test: what was edited there"));
	assert_int_equal(mist_stop(server), MIST_OK);
}

static void test_servers_move(void **state)
{
	(void)state;
	move_servers(MIST_DNSSEC_SIGN);
}

static void test_servers_move_unsigned(void **state)
{
	(void)state;
	move_servers(MIST_DNSSEC_OFF);
}

static struct mist_content *describe_inner(unsigned texts)
{
	struct model model = { 0 };
	struct mist_content *content;
	struct mist_zone *zone;
	const struct mist_zone_options options = {
		.size = sizeof(options), .name = "inner.a.test", .records = true,
	};
	model.has[1][1] = (uint8_t)texts;
	content = describe(&model, MIST_DNSSEC_SIGN, 1);
	assert_int_equal(mist_content_zone(content, &options, &zone), MIST_OK);
	add_record(zone, "inner.a.test", TYPE_SOA, "ns.inner.a.test host.a.test 1 3600 600 86400 60");
	add_record(zone, "inner.a.test", TYPE_NS, "ns.inner.a.test");
	add_record(zone, "ns.inner.a.test", TYPE_A, "127.0.0.1");
	add_record(zone, "new.inner.a.test", TYPE_A, "127.0.0.2");
	return content;
}

static int find_server(void *user, const struct mist_record *record)
{
	char owner[MIST_NAME_TEXT_SIZE], server[MIST_NAME_TEXT_SIZE];
	mist_name_to_text(record->owner, MIST_NAME_SIZE, owner);
	if (record->type == TYPE_NS && strcmp(owner, "inner.a.test") == 0) {
		assert_true(mist_name_to_text(record->rdata, record->rdata_len, server) > 0);
		strcat(strcat(user, server), " ");
	}
	return 0;
}

static void assert_delegation(struct mist_server *server)
{
	const char *const zones[] = { "a.test", "inner.a.test" };
	for (unsigned i = 0; i < 2; i++) {
		char servers[4096] = "";
		assert_int_equal(mist_walk(server, zones[i], MIST_WALK_SERVED, find_server, servers), MIST_OK);
		assert_string_equal(servers, "new.inner.a.test ");
	}
	verify(server);
}

/* The name servers of a zone inside another are edited: its delegation follows, and is no edit. */
static void test_delegation(void **state)
{
	(void)state;
	struct mist_server *server;
	struct mist_edit *edit;
	uint8_t owner[MIST_NAME_SIZE], target[MIST_NAME_SIZE];
	mist_name_from_text("inner.a.test", owner);
	struct mist_record record = { .owner = owner, .type = TYPE_NS, .ttl = 300, .rdata = target };
	record.rdata_len = (uint16_t)mist_name_from_text("new.inner.a.test", target);
	assert_int_equal(mist_start(&server, NULL, describe_inner(1)), MIST_OK);
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	assert_int_equal(mist_edit_replace(edit, "inner.a.test", owner, TYPE_NS, &record, 1), MIST_OK);
	assert_int_equal(mist_edit_commit(edit, NULL), MIST_OK);
	assert_delegation(server);
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(mist_reload(server, describe_inner(i)), MIST_OK);
		assert_delegation(server);
		assert_int_equal(mist_stop(server), MIST_OK);
		assert_int_equal(mist_start(&server, NULL, describe_inner(i)), MIST_OK);
		assert_delegation(server);
	}
	assert_int_equal(heard.count[MIST_LEVEL_ERROR] + heard.count[MIST_LEVEL_WARNING], 0);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* A zone with a wildcard, and rules: "a b", those in it and those whose names it must not answer for. */
static struct mist_content *describe_rules(const char *rules)
{
	struct mist_content *content = content_new();
	const struct mist_zone_options options = { .size = sizeof(options), .name = "a.test" };
	char copy[256];
	assert_int_equal(mist_content_zone(content, &options, NULL), MIST_OK);
	snprintf(copy, sizeof(copy), "%s", rules);
	for (char *rule = strtok(copy, " "); rule; rule = strtok(NULL, " "))
		assert_int_equal(mist_content_rule(content, &(struct mist_rule){ .size = sizeof(struct mist_rule),
			.name = rule }), MIST_OK);
	return content;
}

static int add_line(void *user, const struct mist_record *record)
{
	const bool differs = record->type == TYPE_SOA || record->type == TYPE_RRSIG;
	return differs ? 0 : zonetext_write(user, record);
}

/* All but the serial and signatures; the caller's. */
static char *lines_of(struct mist_server *server)
{
	char *lines = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&lines, &len);
	assert_non_null(file);
	assert_int_equal(mist_walk(server, "a.test", MIST_WALK_SERVED, add_line, file), MIST_OK);
	fclose(file);
	return lines;
}

/* Cuts for forwarded names and for search lists come and go like records: what a reload makes of a zone is
 * what a start makes of it, and only what differs is signed. */
static void test_cuts_change(void **state)
{
	static const char *const rules[] = {
		"", "out.a.test *.below.a.test www.example.net", "below.a.test x.www.example.net",
		"*.out.a.test deep.er.a.test", "er.a.test *.example.net one .two", "",
	};
	struct mist_server *server;
	(void)state;
	assert_int_equal(mist_start(&server, NULL, describe_rules("")), MIST_OK);
	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		uint64_t signatures = signatures_of(server);
		assert_int_equal(mist_reload(server, describe_rules(rules[i])), MIST_OK);
		signatures = signatures_of(server) - signatures;
		assert_in_range(signatures, 0, i ? 40 : 0);
		verify(server);
		char *reloaded = lines_of(server);
		assert_int_equal(mist_stop(server), MIST_OK);
		assert_int_equal(mist_start(&server, NULL, describe_rules(rules[i])), MIST_OK);
		char *started = lines_of(server);
		assert_string_equal(reloaded, started);
		free(reloaded);
		free(started);
	}
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* Between signed and not; edits stay. */
static void test_signing_changes(void **state)
{
	(void)state;
	struct model model = { 0 }, edited;
	struct mist_server *server;
	change(&model, 20);
	assert_int_equal(mist_start(&server, NULL, describe(&model, MIST_DNSSEC_SIGN, 1)), MIST_OK);
	edited = model;
	change(&edited, 10);
	struct model described = model;
	edit_to(server, &model, &edited);
	uint32_t serial = serial_of(server);
	for (unsigned i = 0; i < 4; i++) {
		enum mist_dnssec dnssec = i % 2 ? MIST_DNSSEC_SIGN : MIST_DNSSEC_OFF;
		assert_int_equal(mist_reload(server, describe(&described, dnssec, 1)), MIST_OK);
		assert_served(server, &edited);
		assert_true((int32_t)(serial_of(server) - serial) > 0);
		serial = serial_of(server);
		if (dnssec == MIST_DNSSEC_SIGN)
			verify(server);
	}
	assert_int_equal(mist_stop(server), MIST_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_signed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_random_unsigned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restarts_signed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restarts_unsigned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_publish_forgets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_differences, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_versions_go, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_small_journal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_serial_rises, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_description_wins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_servers_move, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_servers_move_unsigned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_delegation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_signing_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cuts_change, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
