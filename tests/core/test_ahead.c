/* Reading ahead: it comes to the node that a name has, and to nothing where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/ahead.h"
#include "core/message.h"

#define NAMES 20000

static struct zone *zone;
static struct view view;
static struct ahead ahead;

static void fill(unsigned names)
{
	uint8_t apex[NAME_MAX], owner[NAME_MAX];
	const uint8_t address[4] = { 192, 0, 2, 1 };
	char text[64];

	name_from_text(apex, "example.test");
	assert_int_equal(zone_new(&zone, apex), MIST_OK);
	for (unsigned i = 0; i < names; i++) {
		snprintf(text, sizeof(text), "n%u.deep.example.test", i);
		name_from_text(owner, text);
		const struct mist_record record = {
			.owner = owner, .type = TYPE_A, .ttl = 60, .rdata = address, .rdata_len = sizeof(address),
		};
		assert_int_equal(zone_add(zone, &record, NULL), MIST_OK);
	}
	view.number++;
	view.zones = &zone;
	view.zone_count = 1;
}

static int empty(void **state)
{
	(void)state;
	zone_release(zone);
	return 0;
}

static size_t question(uint8_t octets[MESSAGE_HEADER + NAME_MAX + 4], const char *name)
{
	memset(octets, 0, MESSAGE_HEADER);
	octets[5] = 1;
	size_t len = MESSAGE_HEADER + name_from_text(octets + MESSAGE_HEADER, name);
	memcpy(octets + len, "\0\1\0\1", 4);
	return len + 4;
}

/* The node that reading ahead of one message comes to before its turn. */
static const struct node *reached(const uint8_t *octets, size_t len)
{
	static const uint8_t nothing[MESSAGE_HEADER];
	const struct node *node = NULL;

	assert_true(ahead_begin(&ahead, &view));
	ahead_tell(&ahead, octets, len);
	for (unsigned i = 0; i < AHEAD_DISTANCE; i++) {
		ahead_tell(&ahead, nothing, sizeof(nothing));
		if (ahead.messages[0].node)
			node = ahead.messages[0].node;
	}
	assert_null(ahead.messages[0].at);
	assert_null(ahead.messages[0].node);
	return node;
}

static const struct node *reached_name(const char *name)
{
	uint8_t octets[MESSAGE_HEADER + NAME_MAX + 4];
	return reached(octets, question(octets, name));
}

static void comes_to_the_node(void **state)
{
	char text[64];
	uint8_t name[NAME_MAX];

	(void)state;
	fill(NAMES);
	for (unsigned i = 0; i < NAMES; i += 7) {
		snprintf(text, sizeof(text), i % 2 ? "N%u.deep.Example.test" : "n%u.deep.example.test", i);
		const struct node *node = reached_name(text);
		name_from_text(name, text);
		name_lower(name, name);
		assert_ptr_equal(node, zone_node(zone, name));
	}
}

static void stays_out_elsewhere(void **state)
{
	(void)state;
	fill(NAMES);
	assert_null(reached_name("n1.deep.example.org"));
	assert_null(reached_name("badexample.test"));
	assert_null(reached_name("test"));
	assert_null(reached_name("."));
	assert_null(reached_name("other.example.test"));
}

static void takes_any_octets(void **state)
{
	uint8_t octets[MESSAGE_HEADER + NAME_MAX + 4];

	(void)state;
	fill(NAMES);
	size_t len = question(octets, "n12345.deep.example.test");
	for (size_t cut = 0; cut < len - 4; cut++)
		assert_null(reached(octets, cut));
	octets[MESSAGE_HEADER] = 0xc0; /* a pointer forwards */
	octets[MESSAGE_HEADER + 1] = 40;
	assert_null(reached(octets, len));
	question(octets, "n12345.deep.example.test");
	octets[5] = 2;
	assert_null(reached(octets, len));
}

/* A name with fewer octets left than the zone's, at the end of the last message that is remembered. */
static void takes_the_longest_name(void **state)
{
	static const uint8_t nothing[MESSAGE_HEADER];
	uint8_t octets[MESSAGE_HEADER + NAME_MAX + 4] = { [5] = 1 };

	(void)state;
	fill(NAMES);
	uint8_t *at = octets + MESSAGE_HEADER;
	for (unsigned i = 0; i < 5; i++, at += 50) {
		memset(at, 'x', 50);
		*at = 49;
	}
	memcpy(at, "\1a\1b", 5);
	assert_true(ahead_begin(&ahead, &view));
	for (unsigned i = 0; i < AHEAD_DISTANCE - 1; i++)
		ahead_tell(&ahead, nothing, sizeof(nothing));
	ahead_tell(&ahead, octets, sizeof(octets));
	assert_int_equal(ahead.messages[AHEAD_DISTANCE - 1].key.labels, 7);
	assert_null(ahead.messages[AHEAD_DISTANCE - 1].at);
}

static void a_small_zone_needs_none(void **state)
{
	(void)state;
	fill(100);
	assert_false(ahead_begin(&ahead, &view));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(comes_to_the_node, empty),
		cmocka_unit_test_teardown(stays_out_elsewhere, empty),
		cmocka_unit_test_teardown(takes_any_octets, empty),
		cmocka_unit_test_teardown(takes_the_longest_name, empty),
		cmocka_unit_test_teardown(a_small_zone_needs_none, empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
