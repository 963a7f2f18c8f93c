/* core/name.c: names from hostile octets, in both directions of text, and in canonical order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/name.h"

static const uint8_t *name(const char *text)
{
	static uint8_t names[8][NAME_MAX];
	static unsigned next;
	uint8_t *to = names[next++ % 8];
	assert_true(name_from_text(to, text) > 0);
	return to;
}

static void text_round_trip(void **state)
{
	static const char *const same[] = {
		".", "editor.land", "a", "*.a.b", "\\000\\001.b\\.c", "\\\\.\\\"\\(\\)\\;\\@\\$", "\\255\\032x",
	};
	char text[NAME_TEXT_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		size_t len = name_to_text(text, name(same[i]));
		assert_string_equal(text, same[i]);
		assert_int_equal(len, strlen(same[i]));
	}
	name_to_text(text, name("Editor.Land."));
	assert_string_equal(text, "Editor.Land");
	assert_true(name_equal(name("\\e\\d.a"), name("ed.a")));
	assert_true(name_equal(name("\\046.a"), name("\\..a")));
}

static void text_refused(void **state)
{
	static const char *const bad[] = {
		"", "..", ".a", "a..b", "a..", "\\", "a\\", "\\2", "\\25", "\\256", "\\2a5", "a.\\",
	};
	uint8_t to[NAME_MAX];
	char text[600];
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(name_from_text(to, bad[i]), 0);

	memset(text, 'a', sizeof(text));
	text[63] = '\0';
	assert_int_equal(name_from_text(to, text), 65);
	text[63] = 'a';
	text[64] = '\0';
	assert_int_equal(name_from_text(to, text), 0);

	/* 3 labels of 63 octets and one of 61 make 255 */
	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[192 + 61] = '\0';
	assert_int_equal(name_from_text(to, text), 255);
	text[192 + 61] = '.';
	text[192 + 62] = '\0';
	assert_int_equal(name_from_text(to, text), 255);
	text[192 + 61] = 'a';
	assert_int_equal(name_from_text(to, text), 0);
	for (unsigned i = 0; i < 127; i++)
		memcpy(text + 2 * i, "a.", 3);
	assert_int_equal(name_from_text(to, text), 255);
	assert_int_equal(name_labels(to), 127);
	memcpy(text + 254, "a", 2);
	assert_int_equal(name_from_text(to, text), 0);
}

static void longest_text(void **state)
{
	uint8_t wire[NAME_MAX];
	char text[NAME_TEXT_MAX];
	uint8_t back[NAME_MAX];
	(void)state;
	memset(wire, 0xff, sizeof(wire));
	wire[0] = wire[64] = wire[128] = 63;
	wire[192] = 61;
	wire[254] = 0;
	assert_true(name_to_text(text, wire) < NAME_TEXT_MAX);
	assert_int_equal(name_from_text(back, text), 255);
	assert_memory_equal(back, wire, 255);
}

static size_t read_at(const char *octets, size_t len, size_t at, uint8_t to[NAME_MAX])
{
	/* a copy of its own, so that the sanitizer sees its end */
	uint8_t *message = malloc(len ? len : 1);
	memcpy(message, octets, len);
	size_t taken = name_read(message, len, at, to);
	free(message);
	return taken;
}

static void reading(void **state)
{
	static const char message[] = "\1a\1b\0" "\1c\xc0\0" "\xc0\5" "\xc0\xc" "\1d\xc0\2";
	size_t len = sizeof(message) - 1;
	uint8_t to[NAME_MAX];
	(void)state;
	assert_int_equal(read_at(message, len, 0, to), 5);
	assert_true(name_equal(to, name("a.b")));
	assert_int_equal(read_at(message, len, 5, to), 4);
	assert_true(name_equal(to, name("c.a.b")));
	assert_int_equal(read_at(message, len, 9, to), 2);
	assert_true(name_equal(to, name("c.a.b")));
	assert_int_equal(read_at(message, len, 11, to), 0); /* forward */
	assert_int_equal(read_at(message, len, 13, to), 4);
	assert_true(name_equal(to, name("d.b")));
	assert_int_equal(read_at(message, len, len, to), 0);

	assert_int_equal(read_at("\xc0\0", 2, 0, to), 0);         /* to itself */
	assert_int_equal(read_at("\1a\xc0\0", 4, 0, to), 0);      /* into itself */
	assert_int_equal(read_at("\1a\xc0", 3, 0, to), 0);        /* half a pointer */
	assert_int_equal(read_at("\3ab", 3, 0, to), 0);           /* label beyond the end */
	assert_int_equal(read_at("\1a", 2, 0, to), 0);            /* no root */
	assert_int_equal(read_at("\x40" "a\0", 3, 0, to), 0);     /* extended label types */
	assert_int_equal(read_at("\x80" "a\0", 3, 0, to), 0);
	assert_int_equal(read_at("", 0, 0, to), 0);
}

static void reading_is_bounded(void **state)
{
	enum { SIZE = 65535 };
	uint8_t *message = calloc(SIZE, 1);
	uint8_t to[NAME_MAX];
	(void)state;
	/* a chain of pointers, each to the one before */
	for (size_t at = 2; at + 1 < 16384; at += 2) {
		message[at] = (uint8_t)(0xc0 | (at - 2) >> 8);
		message[at + 1] = (uint8_t)(at - 2);
	}
	assert_int_equal(name_read(message, SIZE, 2, to), 2);
	assert_int_equal(name_read(message, SIZE, 2 * 127, to), 2);
	assert_int_equal(name_read(message, SIZE, 2 * 128, to), 0);
	assert_int_equal(name_read(message, SIZE, 16380, to), 0);
	/* 255 octets, and 256 by way of a pointer */
	memset(message, 0, SIZE);
	for (unsigned i = 0; i < 127; i++) {
		message[2 * i] = 1;
		message[2 * i + 1] = 'x';
	}
	assert_int_equal(name_read(message, SIZE, 0, to), 255);
	memcpy(message + 300, "\1y\xc0\0", 4);
	assert_int_equal(name_read(message, SIZE, 300, to), 0);
	memcpy(message + 300, "\1y\xc0\2", 4);
	assert_int_equal(name_read(message, SIZE, 300, to), 4);
	assert_int_equal(name_len(to), 255);
	free(message);
}

static void checking(void **state)
{
	(void)state;
	assert_int_equal(name_check((const uint8_t *)"\1a\0z", 4), 3);
	assert_int_equal(name_check((const uint8_t *)"\0", 1), 1);
	assert_int_equal(name_check((const uint8_t *)"", 0), 0);
	assert_int_equal(name_check((const uint8_t *)"\1a", 2), 0);
	assert_int_equal(name_check((const uint8_t *)"\1a\xc0\0", 4), 0);
	uint8_t big[300];
	memset(big, 1, sizeof(big));
	big[256] = 0;
	assert_int_equal(name_check(big, sizeof(big)), 0);
	big[256] = 1;
	big[254] = 0;
	assert_int_equal(name_check(big, sizeof(big)), 255);
}

static void folding(void **state)
{
	uint8_t wire[NAME_MAX], to[NAME_MAX];
	(void)state;
	for (unsigned octet = 0; octet < 256; octet++) {
		wire[0] = 11;
		memset(wire + 1, (int)octet, 11);
		wire[12] = 0;
		assert_int_equal(name_lower(to, wire), 13);
		uint8_t expected = (uint8_t)(octet >= 'A' && octet <= 'Z' ? octet + 32 : octet);
		assert_int_equal(to[0], 11);
		for (unsigned i = 1; i < 12; i++)
			assert_int_equal(to[i], expected);
		assert_true(name_equal(wire, to));
	}
	name_copy(wire, name("AZ.Example.TEST"));
	assert_int_equal(name_lower(wire, wire), 17);
	assert_memory_equal(wire, name("az.example.test"), 17);
	assert_false(name_equal(name("[.a"), name("{.a")));
	assert_false(name_equal(name("ab"), name("a.b")));
	assert_false(name_equal(name("aaaaaaaaaaaa"), name("aaaaaaaaaaab")));
}

/* The list of RFC 4034 section 6.1, and a few of our own. */
static void canonical_order(void **state)
{
	static const char *const sorted[] = {
		".", "example", "a.example", "yljkjljk.a.example", "Z.a.example", "zABC.a.EXAMPLE",
		"z.example", "\\001.z.example", "*.z.example", "\\200.z.example", "example0", "zexample",
	};
	size_t count = sizeof(sorted) / sizeof(*sorted);
	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			int order = name_compare(name(sorted[i]), name(sorted[j]));
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
	assert_int_equal(name_compare(name("A.B"), name("a.b")), 0);
}

static void family(void **state)
{
	uint8_t to[NAME_MAX];
	(void)state;
	assert_true(name_within(name("update.editor.land"), name("EDITOR.land")));
	assert_true(name_within(name("editor.land"), name("editor.land")));
	assert_true(name_within(name("editor.land"), name(".")));
	assert_false(name_within(name("evileditor.land"), name("editor.land")));
	assert_false(name_within(name("land"), name("editor.land")));
	/* octets of a label that look like the ancestor, but are not labels */
	assert_false(name_within(name("x\\006editor\\004land"), name("editor.land")));
	assert_false(name_within(name("x\\001a"), name("a")));
	assert_true(name_equal(name_ancestor(name("a.b.c"), 1), name("b.c")));
	assert_true(name_equal(name_ancestor(name("a.b.c"), 0), name("a.b.c")));
	assert_true(name_equal(name_ancestor(name("a.b.c"), 3), name(".")));
	assert_int_equal(name_wildcard(to, name("b.c")), 7);
	assert_true(name_equal(to, name("*.b.c")));
	assert_true(name_is_wildcard(to));
	assert_false(name_is_wildcard(name("**.a")));
	assert_false(name_is_wildcard(name(".")));
	memset(to, 1, 254);
	to[254] = 0;
	assert_int_equal(name_wildcard(to, to), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_round_trip), cmocka_unit_test(text_refused),
		cmocka_unit_test(longest_text),    cmocka_unit_test(reading),
		cmocka_unit_test(reading_is_bounded), cmocka_unit_test(checking),
		cmocka_unit_test(folding),         cmocka_unit_test(canonical_order),
		cmocka_unit_test(family),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
