/*
 * The response writer: compression against name_read(), truncation at set borders, the OPT record.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/message.h"
#include "core/type.h"

#define QUESTION "\0\1\1\0\0\1\0\0\0\0\0\0\3WWW\7example\3org\0\0\1\0\1"

struct fixture {
	struct request request;
	struct answer answer;
	uint8_t octets[65535];
};

static struct answer *begin(struct fixture *f, size_t limit, size_t reserve)
{
	assert_int_equal(message_parse(&f->request, (const uint8_t *)QUESTION, sizeof(QUESTION) - 1), PARSED_OK);
	answer_begin(&f->answer, &f->request, f->octets, limit, reserve);
	return &f->answer;
}

static struct rrset *set_of(uint16_t type, const void *rdata, size_t len, unsigned flags)
{
	bool too_large;
	struct rrset *set = rrset_with(NULL, type, 300, rdata, (uint16_t)len, &too_large);
	assert_non_null(set);
	set->flags = (uint16_t)flags;
	return set;
}

static const struct edns_reply no_edns = { .present = false };

/* Reads the name at an offset, which moves behind it; checks that pointers go backwards
 * (name_read does). */
static void assert_name(const struct fixture *f, size_t len, size_t *at, const char *text)
{
	uint8_t name[NAME_MAX];
	char found[NAME_TEXT_MAX];
	const size_t taken = name_read(f->octets, len, *at, name);
	assert_int_not_equal(taken, 0);
	name_to_text(found, name);
	assert_string_equal(found, text);
	*at += taken;
}

static void one_copy(void **state)
{
	(void)state;
	struct fixture *f = calloc(1, sizeof(*f));
	struct answer *answer = begin(f, 512, 0);
	struct rrset *set = set_of(TYPE_A, "\x7f\0\0\1", 4, RRSET_PLAIN_COPY);
	assert_true(answer_put(answer, SECTION_ANSWER, 12, NULL, set));
	const size_t len = answer_finish(answer, FLAG_QR | FLAG_AA, RCODE_NOERROR, &no_edns);
	static const uint8_t expected[] = "\0\1\204\0\0\1\0\1\0\0\0\0\3WWW\7example\3org\0\0\1\0\1"
	                                  "\300\14\0\1\0\1\0\0\1\54\0\4\x7f\0\0\1";
	assert_int_equal(len, sizeof(expected) - 1);
	assert_memory_equal(f->octets, expected, len);
	free(set);
	free(f);
}

static void compression(void **state)
{
	(void)state;
	struct fixture *f = calloc(1, sizeof(*f));
	struct answer *answer = begin(f, 512, 0);
	struct rrset *cname = set_of(TYPE_CNAME, "\1a\7EXAMPLE\3org", 15, 0);
	struct rrset *mx = set_of(TYPE_MX, "\0\12\4mail\1a\7example\3org", 22, 0);
	struct rrset *srv = set_of(TYPE_SRV, "\0\1\0\2\0\3\1a\7example\3org", 21, 0);
	const uint8_t *a = (const uint8_t *)"\1a\7example\3org";

	assert_true(answer_put(answer, SECTION_ANSWER, 12, NULL, cname));
	const uint16_t target = answer->last_name_at;
	assert_true(answer_put(answer, SECTION_ANSWER, target, NULL, mx));
	assert_true(answer_put(answer, SECTION_AUTHORITY, 0, a, srv));
	const size_t len = answer_finish(answer, FLAG_QR, RCODE_NOERROR, &no_edns);

	size_t at = 12;
	assert_name(f, len, &at, "WWW.example.org");
	at += 4;
	assert_name(f, len, &at, "WWW.example.org");
	assert_int_equal(wire_get16(f->octets + at + 8), 4); /* `a` and a pointer to the question's suffix */
	at += 10;
	assert_int_equal(at, target);
	assert_name(f, len, &at, "a.example.org");
	assert_int_equal(wire_get16(f->octets + at), 0xC000 | target);
	assert_name(f, len, &at, "a.example.org");
	at += 12;
	assert_name(f, len, &at, "mail.a.example.org");
	assert_int_equal(wire_get16(f->octets + at), 0xC000 | target);
	assert_name(f, len, &at, "a.example.org");
	assert_int_equal(wire_get16(f->octets + at + 8), 21); /* SRV is not compressed (RFC 2782) */
	at += 16;
	assert_memory_equal(f->octets + at, a, 15);
	assert_int_equal(at + 15, len);

	uint8_t name[NAME_MAX];
	assert_int_equal(answer_name(answer, target, name), 15);
	assert_memory_equal(name, a, 15);
	assert_int_equal(answer_ancestor(answer, target, 1), 16);
	assert_int_equal(answer_ancestor(answer, 12, 2), 24);
	free(cname), free(mx), free(srv), free(f);
}

/* More names than are remembered, and more octets than pointers reach: longer, but never wrong. */
static void many_names(void **state)
{
	(void)state;
	struct fixture *f = calloc(1, sizeof(*f));
	struct answer *answer = begin(f, 65535, 0);
	unsigned count = 0;
	for (;; count++) {
		uint8_t rdata[64];
		char label[16];
		const int len = snprintf(label, sizeof(label), "host%u", count);
		rdata[0] = (uint8_t)len;
		memcpy(rdata + 1, label, (size_t)len);
		memcpy(rdata + 1 + len, "\4Deep\7example\3org", 18);
		struct rrset *set = set_of(TYPE_NS, rdata, 1 + (size_t)len + 18, 0);
		const bool fits = answer_put(answer, SECTION_ANSWER, answer->last_name_at,
		                             f->request.question.name, set);
		free(set);
		if (!fits)
			break;
	}
	assert_true(answer->truncated);
	const size_t len = answer_finish(answer, FLAG_QR, RCODE_NOERROR, &no_edns);
	assert_true(len <= 65535 && len > 65000);
	assert_true(wire_get16(f->octets + 2) & FLAG_TC);
	assert_int_equal(wire_get16(f->octets + 6), count);
	size_t at = 33;
	char before[64] = "www.example.org";
	for (unsigned i = 0; i < count; i++) {
		assert_name(f, len, &at, i ? before : "WWW.example.org");
		at += 10;
		snprintf(before, sizeof(before), "host%u.Deep.example.org", i);
		uint8_t name[NAME_MAX];
		char text[NAME_TEXT_MAX];
		const size_t taken = name_read(f->octets, len, at, name);
		name_to_text(text, name);
		assert_string_equal(text, before);
		at += taken;
	}
	assert_int_equal(at, len);
	free(f);
}

static void truncation(void **state)
{
	(void)state;
	struct fixture *f = calloc(1, sizeof(*f));
	uint8_t big[400] = { 255 };
	memset(big + 1, 'x', sizeof(big) - 1);
	big[256] = 143;
	struct rrset *set = set_of(TYPE_TXT, big, sizeof(big), RRSET_PLAIN_COPY);
	struct rrset *small = set_of(TYPE_A, "\1\2\3\4", 4, RRSET_PLAIN_COPY);

	struct answer *answer = begin(f, 512, 11);
	assert_true(answer_put(answer, SECTION_ANSWER, 12, NULL, set));
	const size_t before = writer_len(&answer->w);
	assert_false(answer_put(answer, SECTION_ADDITIONAL, 0, (const uint8_t *)"\4more", set));
	assert_false(answer->truncated);
	assert_int_equal(writer_len(&answer->w), before);
	answer_reset(answer);
	assert_true(answer_put(answer, SECTION_ANSWER, 12, NULL, set));
	assert_false(answer_put(answer, SECTION_ANSWER, 12, NULL, set));
	assert_true(answer->truncated);
	assert_int_equal(writer_len(&answer->w), before);
	assert_false(answer_put(answer, SECTION_AUTHORITY, 12, NULL, small)); /* though it would fit */
	assert_int_equal(answer_put_cname(answer, 12, 1, (const uint8_t *)"\1a"), 0);
	struct edns_reply edns = { .present = true, .dnssec_ok = true, .ede = EDE_NONE, .keepalive_ds = -1 };
	const size_t len = answer_finish(answer, FLAG_QR, RCODE_NOERROR, &edns);
	assert_int_equal(len, before + 11);
	assert_memory_equal(f->octets + before, "\0\0\51\4\320\0\0\200\0\0\0", 11);
	assert_memory_equal(f->octets + 2, "\202\0\0\1\0\1\0\0\0\1", 10);
	free(set), free(small), free(f);
}

static void options(void **state)
{
	(void)state;
	struct fixture *f = calloc(1, sizeof(*f));
	const struct edns_reply edns = {
		.present = true, .rcode_high = RCODE_BADCOOKIE >> 4, .ede = EDE_BLOCKED, .ede_text = "why",
		.cookie = (const uint8_t *)"abcdefghABCDEFGHabcdefgh", .nsid = "me", .keepalive_ds = 100,
	};
	struct answer *answer = begin(f, 512, 11 + 28 + 6);
	const size_t before = writer_len(&answer->w);
	const size_t len = answer_finish(answer, FLAG_QR, RCODE_BADCOOKIE, &edns);
	static const uint8_t expected[] = "\0\0\51\4\320\1\0\0\0\0\61"
	                                  "\0\12\0\30" "abcdefghABCDEFGHabcdefgh"
	                                  "\0\13\0\2\0\144" "\0\3\0\2me" "\0\17\0\5\0\17why";
	assert_int_equal(len, before + sizeof(expected) - 1);
	assert_memory_equal(f->octets + before, expected, sizeof(expected) - 1);
	assert_int_equal(f->octets[3] & 15, RCODE_BADCOOKIE & 15);

	/* With no room to spare: the text goes first, then the whole option, then NSID. */
	for (size_t spare = 0; spare < 20; spare++) {
		answer = begin(f, 512, 11 + 28 + 6);
		answer->w.at = answer->w.end - spare;
		const size_t full = answer_finish(answer, FLAG_QR, RCODE_NOERROR, &edns);
		const size_t options = spare >= 15 ? 15 : spare >= 12 ? 12 : spare >= 6 ? 6 : 0;
		assert_int_equal(full, 512 - spare + options);
	}
	free(f);
}

static void records(void **state)
{
	(void)state;
	struct fixture *f = calloc(1, sizeof(*f));
	static const uint8_t octets[] = "\300\14\0\5\0\1\0\0\0\5\0\17" "\1a\7example\3org\0"
	                                "\1a\7example\3org\0" "\0\1\0\1\0\0\0\5\0\4\1\2\3\4";
	struct answer *answer = begin(f, 512, 0);
	assert_true(answer_put_records(answer, SECTION_ANSWER, 12, octets, 0, sizeof(octets) - 1, 2));
	assert_int_equal(answer->last_name_at, 45);
	const size_t len = answer_finish(answer, FLAG_QR, RCODE_NOERROR, &no_edns);
	static const uint8_t expected[] = "\300\14\0\5\0\1\0\0\0\5\0\4\1a\300\20"
	                                  "\300\55\0\1\0\1\0\0\0\5\0\4\1\2\3\4";
	assert_int_equal(len, 33 + sizeof(expected) - 1);
	assert_memory_equal(f->octets + 33, expected, sizeof(expected) - 1);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_copy),   cmocka_unit_test(compression), cmocka_unit_test(many_names),
		cmocka_unit_test(truncation), cmocka_unit_test(options),     cmocka_unit_test(records),
	};
	return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
