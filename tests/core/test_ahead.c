/* Reading ahead: it comes to what the memo has, or to the node that a name has, and to nothing where there is
 * neither; who has answers of elsewhere is told in time; and what it read of a question is what the question says. */
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
static struct memo *memo;
static const struct question_secret secret = { { 0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0 } };

static void add(const char *name)
{
	uint8_t owner[NAME_MAX];
	const uint8_t address[4] = { 192, 0, 2, 1 };

	name_from_text(owner, name);
	const struct mist_record record = {
		.owner = owner, .type = TYPE_A, .ttl = 60, .rdata = address, .rdata_len = sizeof(address),
	};
	assert_int_equal(zone_add(zone, &record, NULL), MIST_OK);
}

/* `format` makes a name of a number. */
static void fill_with(const char *format, unsigned names)
{
	uint8_t apex[NAME_MAX];
	char text[64];

	name_from_text(apex, "example.test");
	assert_int_equal(zone_new(&zone, apex), MIST_OK);
	for (unsigned i = 0; i < names; i++) {
		snprintf(text, sizeof(text), format, i);
		add(text);
	}
	assert_int_equal(memo_new(&memo, &secret), MIST_OK);
	assert_int_equal(routes_new(&view.routes), MIST_OK);
	assert_int_equal(routes_add_zone(view.routes, zone), MIST_OK);
	view.number++;
	view.zones = &zone;
	view.zone_count = 1;
}

static void fill(unsigned names)
{
	fill_with("n%u.deep.example.test", names);
}

static int empty(void **state)
{
	(void)state;
	zone_release(zone);
	routes_free(view.routes);
	memo_free(memo);
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

	ahead_begin(&ahead, memo, &view);
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

/* As many names as `large` of the bench has, and a trie as deep: the sets are asked for before the turn. */
static void ends_in_time(void **state)
{
	static const char others[] = "ahinstx";
	char text[64];

	(void)state;
	fill_with("svc-%07u.namespace.example.test", 200000);
	for (const char *other = others; *other; other++) {
		snprintf(text, sizeof(text), "%c1.example.test", *other);
		add(text);
	}
	for (unsigned i = 0; i < 200000; i += 997) {
		snprintf(text, sizeof(text), "svc-%07u.namespace.example.test", i);
		assert_non_null(reached_name(text)); /* asserts that nothing is left to do */
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
	ahead_begin(&ahead, memo, &view);
	for (unsigned i = 0; i < AHEAD_DISTANCE - 1; i++)
		ahead_tell(&ahead, nothing, sizeof(nothing));
	ahead_tell(&ahead, octets, sizeof(octets));
	ahead_tell(&ahead, NULL, 0);
	assert_int_equal(ahead.messages[AHEAD_DISTANCE - 1].glimpse.key.labels, 7);
	assert_null(ahead.messages[AHEAD_DISTANCE - 1].at);
}

static void a_small_zone_needs_none(void **state)
{
	(void)state;
	fill(100);
	assert_null(reached_name("n12.deep.example.test"));
	assert_int_equal(ahead.zone_count, 0);
}

/* What is remembered is not walked to. */
static void comes_to_what_is_remembered(void **state)
{
	uint8_t octets[MESSAGE_HEADER + NAME_MAX + 4];
	struct request request;
	struct lead lead;

	(void)state;
	fill(NAMES);
	const size_t len = question(octets, "n12345.Deep.example.test");
	assert_int_equal(message_parse(&request, octets, len), PARSED_OK);
	memo_lead(memo, &view, &request, &lead);
	assert_non_null(reached(octets, len));
	assert_null(ahead.messages[0].lead);
	memo_lead(memo, &view, &request, &lead);
	assert_null(reached(octets, len));
	assert_ptr_equal(ahead.messages[0].lead->set, lead.set);
	assert_non_null(lead.set);
}

static void check_same(const uint8_t *octets, size_t len, const struct glimpse *glimpse)
{
	struct request with, without;
	memset(&with, 0xa5, sizeof(with));
	memset(&without, 0x5a, sizeof(without));
	const enum parsed parsed = message_parse(&without, octets, len);
	assert_int_equal(message_parse_glimpsed(&with, glimpse, octets, len), parsed);
	if (parsed != PARSED_OK)
		return;
	assert_int_equal(with.question.type, without.question.type);
	assert_int_equal(with.question.class, without.question.class);
	assert_int_equal(with.question.len, without.question.len);
	assert_memory_equal(with.question.name, without.question.name, without.question.len);
	assert_int_equal(with.key.labels, without.key.labels);
	assert_memory_equal(with.key.start, without.key.start, without.key.labels + 1);
	assert_ptr_equal(with.key.name, with.question.name);
}

/* In each message's turn, also where some are no questions and the batch is at its end. */
static void what_was_read_is_the_question(void **state)
{
	enum { MESSAGES = 40 };
	static uint8_t octets[MESSAGES][MESSAGE_HEADER + NAME_MAX + 4];
	size_t len[MESSAGES];
	char text[300];
	unsigned read = 0;

	(void)state;
	fill(100);
	for (unsigned i = 0; i < MESSAGES; i++) {
		memset(text, 'L', sizeof(text));
		for (unsigned at = 50; at < 254; at += 50)
			text[at] = '.';
		snprintf(text + i * 5, sizeof(text) - i * 5, ".N%u.Example.test", i);
		len[i] = question(octets[i], i ? text : ".");
		if (i % 7 == 3)
			octets[i][5] = 0; /* asks nothing */
	}
	ahead_begin(&ahead, memo, &view);
	assert_null(ahead_glimpse(&ahead, octets[0]));
	for (unsigned i = 0; i < AHEAD_DISTANCE; i++)
		ahead_tell(&ahead, octets[i], len[i]);
	for (unsigned i = 0; i < MESSAGES; i++) {
		const unsigned told = i + AHEAD_DISTANCE;
		ahead_tell(&ahead, told < MESSAGES ? octets[told] : NULL, told < MESSAGES ? len[told] : 0);
		const struct glimpse *glimpse = ahead_glimpse(&ahead, octets[i]);
		assert_true((glimpse != NULL) == (i % 7 != 3));
		assert_null(ahead_glimpse(&ahead, octets[i] + 1));
		for (size_t cut = 0; glimpse && cut <= len[i]; cut++)
			check_same(octets[i], cut, glimpse);
		read += glimpse != NULL;
	}
	assert_true(read > 30);
	ahead_begin(&ahead, memo, &view);
	for (unsigned i = 0; i < MESSAGES; i++)
		assert_null(ahead_glimpse(&ahead, octets[i]));
}

/* Who has answers of elsewhere, and what it was told of one question. */
static struct told {
	uint64_t wanted;
	unsigned index, answer;      /* how often */
	bool in_order;
} told;

static void told_index(void *store, uint64_t hash)
{
	assert_ptr_equal(store, &told);
	told.index += hash == told.wanted;
}

static void told_answer(void *store, uint64_t hash)
{
	assert_ptr_equal(store, &told);
	told.answer += hash == told.wanted;
	told.in_order = told.index > 0;
}

static void elsewhere_is_told(void **state)
{
	uint8_t octets[MESSAGE_HEADER + NAME_MAX + 4];
	struct glimpse glimpse;

	(void)state;
	fill(1);
	size_t len = question(octets, "www.example.org");
	assert_true(message_ahead(&glimpse, octets, len));
	ahead.elsewhere = (struct ahead_elsewhere){ &told, told_index, told_answer };
	for (unsigned forwards = 0; forwards < 2; forwards++) {
		told = (struct told){ .wanted = question_hash(&secret, &glimpse.question) };
		view.forwards = forwards;
		assert_null(reached(octets, len));
		assert_int_equal(told.index, forwards);
		assert_int_equal(told.answer, forwards);
		assert_true(told.in_order == (forwards == 1));
	}
	ahead.elsewhere = (struct ahead_elsewhere){ NULL, NULL, NULL };
	assert_null(reached(octets, len));
	view.forwards = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(comes_to_the_node, empty),
		cmocka_unit_test_teardown(ends_in_time, empty),
		cmocka_unit_test_teardown(stays_out_elsewhere, empty),
		cmocka_unit_test_teardown(takes_any_octets, empty),
		cmocka_unit_test_teardown(takes_the_longest_name, empty),
		cmocka_unit_test_teardown(a_small_zone_needs_none, empty),
		cmocka_unit_test_teardown(comes_to_what_is_remembered, empty),
		cmocka_unit_test_teardown(what_was_read_is_the_question, empty),
		cmocka_unit_test_teardown(elsewhere_is_told, empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
