/*
 * What the tests of contents share: contents from a few words, what was reported, and zones as others verify them.
 */
#ifndef MIST_TESTS_CONTENT_CONTENT_KIT_H
#define MIST_TESTS_CONTENT_CONTENT_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/wire.h"
#include "content/content.h"
#include "content/parts.h"
#include "scratch.h"
#include "zonetext.h"

static char directory[64];
static struct heard heard;

static inline int set_up(void **state)
{
	(void)state;
	scratch_make(directory);
	memset(&heard, 0, sizeof(heard));
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	scratch_remove(directory);
	return 0;
}

/* Options of most tests: no directories, one upstream. */
static const char *const upstreams[] = { "192.0.2.53" };
static inline struct mist_content_options options(void)
{
	return (struct mist_content_options){
		.size = sizeof(struct mist_content_options),
		.reporter = { heard_report, &heard },
		.upstreams = upstreams, .upstream_count = 1,
	};
}

static inline struct mist_content *content_with(struct mist_content_options o)
{
	struct mist_content *content = NULL;
	assert_int_equal(mist_content_new(&content, &o), MIST_OK);
	return content;
}

static inline int add_zone(struct mist_content *content, const char *name, struct mist_zone **zone)
{
	return mist_content_zone(content, &(struct mist_zone_options){
		.size = sizeof(struct mist_zone_options), .name = name }, zone);
}

static inline int add_rule(struct mist_content *content, const char *name)
{
	return mist_content_rule(content, &(struct mist_rule){
		.size = sizeof(struct mist_rule), .name = name, .file = "mist.yaml", .line = 7 });
}

static inline int add_record(void *user, const struct mist_record *record)
{
	return mist_zone_add(user, record);
}

static inline struct mist_zone *add_text(struct mist_content *content, const char *name,
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

static inline void assert_heard(const char *words)
{
	if (!strstr(heard.text, words))
		fail_msg("\"%s\" without \"%s\"", heard.text, words);
	memset(&heard, 0, sizeof(heard));
}

static inline void assert_silence(void)
{
	assert_string_equal(heard.text, "");
}

static inline uint32_t serial_of(const struct mist_content *content, const char *name)
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

static inline void dump(const struct mist_content *content, const char *zone)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/dump", directory);
	FILE *file = fopen(path, "w");
	assert_int_equal(mist_content_walk(content, zone, MIST_WALK_SERVED, zonetext_write, file), MIST_OK);
	fclose(file);
}

static inline void verify(const struct mist_content *content, const char *zone)
{
	dump(content, zone);
	if (have_tool("ldns-verify-zone"))
		assert_true(run("ldns-verify-zone %s/dump >%s/log 2>&1 || { cat %s/log; false; }", directory,
		                directory, directory));
	if (have_tool("dnssec-verify"))
		assert_true(run("dnssec-verify -z -o %s %s/dump >%s/log 2>&1 || { cat %s/log; false; }", zone,
		                directory, directory, directory));
}

static inline bool dump_has(const char *pattern)
{
	return run("grep -q '%s' %s/dump", pattern, directory);
}

#endif
