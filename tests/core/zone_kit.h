/*
 * What the tests of zones share: zones from a few words, and the messages that were reported.
 */
#ifndef MIST_TESTS_CORE_ZONE_KIT_H
#define MIST_TESTS_CORE_ZONE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/wire.h"
#include "core/zone.h"

/* ---- messages -------------------------------------------------------------------------------- */

static char messages[16384];
static unsigned errors, warnings;

static inline void hear(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	size_t len = strlen(messages);
	(void)user;
	errors += level == MIST_LEVEL_ERROR;
	warnings += level == MIST_LEVEL_WARNING;
	snprintf(messages + len, sizeof(messages) - len, "%s:%u: %s\n", file ? file : "", line, text);
}
static const struct mist_reporter reporter = { .report = hear };

static inline void hush(void)
{
	messages[0] = '\0';
	errors = warnings = 0;
}

/* ---- building -------------------------------------------------------------------------------- */

static inline void find(const struct zone *zone, const uint8_t *at, struct zone_found *found)
{
	struct name_key key;
	name_key(&key, at, NAME_MAX);
	zone_find(zone, &key, found);
}

static inline const uint8_t *name(const char *text)
{
	static uint8_t names[8][NAME_MAX];
	static unsigned next;
	uint8_t *to = names[next++ % 8];
	assert_true(name_from_text(to, text) > 0);
	return to;
}

static inline struct zone *new_zone(const char *apex)
{
	struct zone *zone;
	assert_int_equal(zone_new(&zone, name(apex)), MIST_OK);
	strcpy(zone->file, "zone");
	hush();
	return zone;
}

static inline int add_octets(struct zone *zone, unsigned line, const char *owner, uint16_t type,
                      const uint8_t *rdata, size_t len)
{
	struct mist_record record = {
		.owner = name(owner), .type = type, .ttl = 300, .rdata = rdata, .rdata_len = (uint16_t)len,
		.line = line,
	};
	return zone_add(zone, &record, &reporter);
}

/* RDATA that is `number` (for MX, SRV) and a name, or an address or text. */
static inline int add(struct zone *zone, unsigned line, const char *owner, uint16_t type, const char *text)
{
	uint8_t rdata[600] = { 0 };
	size_t len = 0;
	switch (type) {
	case TYPE_A:
		sscanf(text, "%hhu.%hhu.%hhu.%hhu", &rdata[0], &rdata[1], &rdata[2], &rdata[3]);
		len = 4;
		break;
	case TYPE_TXT:
		rdata[0] = (uint8_t)strlen(text);
		memcpy(rdata + 1, text, strlen(text));
		len = 1 + strlen(text);
		break;
	case TYPE_SOA:
		len = name_from_text(rdata, text);
		len += name_from_text(rdata + len, "hostmaster.test");
		wire_set32(rdata + len, 7);
		wire_set32(rdata + len + 16, 60);
		len += 20;
		break;
	case TYPE_MX:
	case TYPE_SRV:
		len = type == TYPE_MX ? 2 : 6;
		len += name_from_text(rdata + len, text);
		break;
	case TYPE_DS:
		rdata[3] = 9;
		len = 6;
		break;
	default:
		len = name_from_text(rdata, text);
	}
	return add_octets(zone, line, owner, type, rdata, len);
}

/* SOA, NS and the server's address: lines 1 to 3. */
static inline struct zone *plain_zone(void)
{
	struct zone *zone = new_zone("example.test");
	add(zone, 1, "example.test", TYPE_SOA, "ns.example.test");
	add(zone, 2, "example.test", TYPE_NS, "ns.example.test");
	add(zone, 3, "ns.example.test", TYPE_A, "192.0.2.1");
	return zone;
}

static inline void complete(struct zone *zone)
{
	if (zone_complete(zone, &reporter) != MIST_OK || errors || warnings)
		fail_msg("unexpected: %s", messages);
}

static inline void expect(struct zone *zone, int result, const char *message)
{
	assert_int_equal(zone_complete(zone, &reporter), result);
	if (!strstr(messages, message))
		fail_msg("expected: %s; got: %s", message, messages);
	assert_int_equal(errors > 0, result == MIST_EZONE);
	zone_release(zone);
}

static inline const struct node *node(const struct zone *zone, const char *text)
{
	return zone_node(zone, name(text));
}

static inline unsigned flags_of(const struct zone *zone, const char *text)
{
	const struct node *found = node(zone, text);
	assert_non_null(found);
	return found->flags;
}

static inline unsigned count_of(const struct zone *zone, const char *text, uint16_t type)
{
	const struct node *found = node(zone, text);
	const struct rrset *set = found ? node_rrset(found, type) : NULL;
	return set ? set->count : 0;
}

#endif
