/*
 * message_parse(): good requests, and every way to be bad that we know of. Each request ends at a
 * guard page, and is also tried with each of its octets cut off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/guard.h"
#include "core/message.h"
#include "core/type.h"

/* A request: header counts, then pieces. */
struct builder {
	uint8_t octets[2048];
	struct writer w;
};

static struct writer *build(struct builder *b, uint16_t flags, unsigned qd, unsigned an, unsigned ns,
                            unsigned ar)
{
	b->w = writer_on(b->octets, sizeof(b->octets));
	writer_u16(&b->w, 0x1234);
	writer_u16(&b->w, flags);
	writer_u16(&b->w, (uint16_t)qd);
	writer_u16(&b->w, (uint16_t)an);
	writer_u16(&b->w, (uint16_t)ns);
	writer_u16(&b->w, (uint16_t)ar);
	return &b->w;
}

#define PUT(w, literal) writer_put(w, literal, sizeof(literal) - 1)
#define QUESTION "\3wWw\7eXAMple\0\0\1\0\1"
#define OPT "\0\0\51\4\320\0\0\0\0"     /* up to RDLENGTH */
#define RECORD "\1a\300\20\0\1\0\1\0\0\0\5\0\4\1\2\3\4"
#define TSIG_RECORD "\3key\0\0\372\0\377\0\0\0\0\0\2\0\0"

static enum parsed parse(struct builder *b, struct request *request)
{
	const size_t len = writer_len(&b->w);
	for (size_t cut = 0; cut < len; cut++) /* only that it does not crash */
		message_parse(request, guarded(b->octets, cut), cut);
	memset(request, 0xa5, sizeof(*request));
	return message_parse(request, guarded(b->octets, len), len);
}

static void a_plain_question(void **state)
{
	(void)state;
	struct builder b;
	struct request request;
	PUT(build(&b, FLAG_RD | FLAG_CD, 1, 0, 0, 0), QUESTION);
	assert_int_equal(parse(&b, &request), PARSED_OK);
	assert_int_equal(request.id, 0x1234);
	assert_int_equal(request.flags, FLAG_RD | FLAG_CD);
	assert_int_equal(request.opcode, OPCODE_QUERY);
	assert_int_equal(request.question.len, 13);
	assert_memory_equal(request.question.name, "\3www\7example", 13);
	assert_int_equal(request.question.type, TYPE_A);
	assert_int_equal(request.question.class, CLASS_IN);
	assert_false(request.edns.present);
	assert_int_equal(request.tsig_at, 0);
}

/* Every length of name, every octet: A-Z are folded, nothing else. */
static void folding(void **state)
{
	(void)state;
	for (unsigned len = 1; len <= 63; len++) {
		for (unsigned first = 0; first < 256; first += 7) {
			struct builder b;
			struct request request;
			struct writer *w = build(&b, 0, 1, 0, 0, 0);
			writer_u8(w, (uint8_t)len);
			for (unsigned i = 0; i < len; i++)
				writer_u8(w, (uint8_t)(first + i));
			PUT(w, "\0\0\1\0\1");
			memset(&request, 0xa5, sizeof(request));
			assert_int_equal(message_parse(&request, b.octets, writer_len(w)), PARSED_OK);
			for (unsigned i = 0; i < len; i++) {
				const uint8_t c = (uint8_t)(first + i);
				assert_int_equal(request.question.name[1 + i], c >= 'A' && c <= 'Z' ? c + 32 : c);
			}
		}
	}
}

static void longest_names(void **state)
{
	(void)state;
	for (unsigned last = 60; last <= 63; last++) { /* 3 * 64 + 1 + last + 1: 255 fits, 256 does not */
		struct builder b;
		struct request request;
		struct writer *w = build(&b, 0, 1, 0, 0, 0);
		for (unsigned i = 0; i < 4; i++) {
			const unsigned len = i < 3 ? 63 : last;
			writer_u8(w, (uint8_t)len);
			memset(writer_take(w, len), 'a', len);
		}
		PUT(w, "\0\0\1\0\1");
		assert_int_equal(parse(&b, &request), last <= 61 ? PARSED_OK : PARSED_FORMERR);
		if (last == 61)
			assert_int_equal(request.question.len, 255);
	}
	struct builder b;
	struct request request;
	struct writer *w = build(&b, 0, 1, 0, 0, 0);
	for (unsigned i = 0; i < 127; i++)
		PUT(w, "\1a");
	PUT(w, "\0\0\1\0\1");
	assert_int_equal(parse(&b, &request), PARSED_OK);
	assert_int_equal(name_labels(request.question.name), 127);
}

static void edns(void **state)
{
	(void)state;
	struct builder b;
	struct request request;
	struct writer *w = build(&b, 0, 1, 0, 0, 1);
	PUT(w, QUESTION "\0\0\51\0\100\0\0\200\0"); /* size 64, DO */
	PUT(w, "\0\37" "\0\3\0\0" "\0\13\0\0" "\0\12\0\10abcdefgh" "\377\377\0\3xyz" "\0\12\0\0");
	assert_int_equal(parse(&b, &request), PARSED_OK);
	assert_true(request.edns.present);
	assert_true(request.edns.dnssec_ok);
	assert_int_equal(request.edns.udp_size, 512);
	assert_true(request.edns.nsid);
	assert_true(request.edns.keepalive);
	assert_int_equal(request.edns.cookie_len, 8); /* a second one is ignored, whatever it is */
	assert_memory_equal(request.edns.cookie, "abcdefgh", 8);
}

static void cookie_lengths(void **state)
{
	(void)state;
	for (unsigned len = 0; len <= 48; len++) {
		struct builder b;
		struct request request;
		struct writer *w = build(&b, 0, 1, 0, 0, 1);
		PUT(w, QUESTION OPT);
		writer_u16(w, (uint16_t)(4 + len));
		writer_u16(w, OPTION_COOKIE);
		writer_u16(w, (uint16_t)len);
		memset(writer_take(w, len), 'c', len);
		const bool good = len == 8 || (len >= 16 && len <= 40);
		assert_int_equal(parse(&b, &request), good ? PARSED_OK : PARSED_FORMERR);
		assert_true(request.edns.present); /* so that the FORMERR says EDNS too */
	}
}

static void records_around(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned an, ns, ar;
		const char *octets;
		size_t len;
		enum parsed parsed;
	} cases[] = {
#define CASE(what, an, ns, ar, octets, parsed) { what, an, ns, ar, octets, sizeof(octets) - 1, parsed }
		CASE("answer records are passed over", 1, 0, 0, RECORD, PARSED_OK),
		CASE("all sections", 1, 1, 2, RECORD RECORD RECORD OPT "\0\0", PARSED_OK),
		CASE("OPT before another record", 0, 0, 2, OPT "\0\0" RECORD, PARSED_OK),
		CASE("TSIG last", 0, 0, 2, OPT "\0\0" TSIG_RECORD, PARSED_OK),
		CASE("TSIG not last", 0, 0, 2, TSIG_RECORD OPT "\0\0", PARSED_FORMERR),
		CASE("TSIG in answer", 1, 0, 0, TSIG_RECORD, PARSED_FORMERR),
		CASE("two OPT", 0, 0, 2, OPT "\0\0" OPT "\0\0", PARSED_FORMERR),
		CASE("OPT in answer", 1, 0, 0, OPT "\0\0", PARSED_FORMERR),
		CASE("OPT in authority", 0, 1, 0, OPT "\0\0", PARSED_FORMERR),
		CASE("OPT not at the root", 0, 0, 1, "\1a" OPT "\0\0", PARSED_FORMERR),
		CASE("OPT not at the root, by pointer", 0, 0, 1, "\300\14" "\0\51\4\320\0\0\0\0\0\0", PARSED_FORMERR),
		CASE("trailing octet", 0, 0, 0, "x", PARSED_FORMERR),
		CASE("count too high", 0, 0, 1, "", PARSED_FORMERR),
		CASE("counts lie", 65535, 65535, 65535, RECORD, PARSED_FORMERR),
		CASE("RDLENGTH beyond the end", 0, 0, 1, OPT "\0\1", PARSED_FORMERR),
		CASE("option beyond its record", 0, 0, 1, OPT "\0\4\0\3\0\1", PARSED_FORMERR),
		CASE("half an option header", 0, 0, 1, OPT "\0\3\0\3\0", PARSED_FORMERR),
		CASE("version 1", 0, 0, 1, "\0\0\51\4\320\0\1\0\0\0\0", PARSED_BADVERS),
		CASE("version 1 with strange options", 0, 0, 1, "\0\0\51\4\320\0\1\0\0\0\3abc", PARSED_BADVERS),
		CASE("version 255 and trailing octets", 0, 0, 1, "\0\0\51\4\320\0\377\0\0\0\0x", PARSED_BADVERS),
		CASE("owner points forwards", 0, 0, 1, "\300\77\0\1\0\1\0\0\0\5\0\0", PARSED_FORMERR),
		CASE("owner points at itself", 0, 0, 1, "\300\35\0\1\0\1\0\0\0\5\0\0", PARSED_FORMERR),
		CASE("label type 01", 0, 0, 1, "\101a\0\0\1\0\1\0\0\0\5\0\0", PARSED_FORMERR),
#undef CASE
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct builder b;
		struct request request;
		PUT(build(&b, 0, 1, cases[i].an, cases[i].ns, cases[i].ar), QUESTION);
		writer_put(&b.w, cases[i].octets, cases[i].len);
		if (parse(&b, &request) != cases[i].parsed)
			fail_msg("%s", cases[i].what);
		assert_int_equal(request.question.len, 13); /* it can be sent back */
	}
}

static void questions(void **state)
{
	(void)state;
	static const struct {
		unsigned flags, qd;
		const char *octets;
		size_t len;
		enum parsed parsed;
	} cases[] = {
#define CASE(flags, qd, octets, parsed) { flags, qd, octets, sizeof(octets) - 1, parsed }
		CASE(0, 0, "", PARSED_NO_QUESTION),
		CASE(0, 0, "x", PARSED_FORMERR),
		CASE(0, 1, "", PARSED_FORMERR),
		CASE(0, 2, QUESTION QUESTION, PARSED_FORMERR),
		CASE(0, 65535, QUESTION, PARSED_FORMERR),
		CASE(0, 1, "\300\14\0\1\0\1", PARSED_FORMERR),
		CASE(0, 1, "\100aaa\0\0\1\0\1", PARSED_FORMERR),
		CASE(0, 1, "\0\0\2\0\1", PARSED_OK),
		CASE(0, 1, "\0\0\2\0", PARSED_FORMERR),
		CASE(0, 1, "\3ab", PARSED_FORMERR),
		CASE(FLAG_QR, 1, QUESTION, PARSED_DROP),
		CASE(1 << 11, 1, QUESTION, PARSED_NOTIMP),
		CASE(2 << 11, 1, "junk", PARSED_NOTIMP),
		CASE(15 << 11, 1, QUESTION, PARSED_NOTIMP),
		CASE(OPCODE_NOTIFY << 11, 1, QUESTION, PARSED_OK),
		CASE(OPCODE_UPDATE << 11, 1, QUESTION, PARSED_OK),
#undef CASE
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct builder b;
		struct request request;
		build(&b, (uint16_t)cases[i].flags, cases[i].qd, 0, 0, 0);
		writer_put(&b.w, cases[i].octets, cases[i].len);
		if (parse(&b, &request) != cases[i].parsed)
			fail_msg("case %zu", i);
	}
	struct request request;
	for (size_t len = 0; len < MESSAGE_HEADER; len++)
		assert_int_equal(message_parse(&request, guarded("\0\0\0\0\0\0\0\0\0\0\0\0", len), len), PARSED_DROP);
}

/* Any octets at all, and good messages with some octets changed: no crash, and what was parsed
 * holds. */
static void noise(void **state)
{
	(void)state;
	struct builder b;
	struct writer *w = build(&b, 0, 1, 1, 1, 2);
	PUT(w, QUESTION RECORD RECORD OPT "\0\14\0\12\0\10abcdefgh" TSIG_RECORD);
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t octets[256];
		size_t len = writer_len(w);
		memcpy(octets, b.octets, len);
		for (int changes = rand() % 5; changes >= 0; changes--)
			octets[(size_t)rand() % len] = (uint8_t)rand();
		if (rand() % 4 == 0)
			len = (size_t)rand() % len;
		struct request request;
		if (message_parse(&request, guarded(octets, len), len) != PARSED_OK)
			continue;
		assert_int_equal(name_len(request.question.name), request.question.len);
		assert_true(request.tsig_at < len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_question), cmocka_unit_test(folding), cmocka_unit_test(longest_names),
		cmocka_unit_test(edns), cmocka_unit_test(cookie_lengths), cmocka_unit_test(records_around),
		cmocka_unit_test(questions), cmocka_unit_test(noise),
	};
	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
