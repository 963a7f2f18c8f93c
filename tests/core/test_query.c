/*
 * query_process() around the answers: errors, EDNS, cookies, types and classes that are no data,
 * denials, special names, failed zones, and what forward/ does between process and resume.
 */
#include "core/zone_text.h"

#define PUT(w, literal) writer_put(w, literal, sizeof(literal) - 1)
#define SOA "@ SOA ns1 bugs 1 3600 300 3600000 300\n@ NS ns1\nns1 A 192.0.2.1\n"

static struct text_view setup(void)
{
	struct text_view v = {
		.view = { .forwards = true },
		.zones = {
			text_zone("example", SOA "www A 192.0.2.2\nout CNAME www.allowed.org.\n"
			          "denied CNAME www.evil.org.\nbroken CNAME www.failed.\n"
			          "*.w CNAME www.allowed.org.\n", true),
			text_zone("failed", SOA, false),
		},
		.rules = {
			text_rule(".allowed.org", false, 0),
			text_rule("nx.org", true, MIST_DENY_NXDOMAIN),
			text_rule("nodata.org", true, MIST_DENY_NODATA),
			text_rule("drop.org", true, MIST_DENY_DROP),
		},
	};
	zone_fail(v.zones[1], "line 3 makes no sense");
	return v;
}

static void decisions(void **state)
{
	(void)state;
	struct text_view v = setup();
	text_publish(&v);
	static const struct text_case cases[] = {
		{ "www.example A", "NOERROR aa ra; www.example A 192.0.2.2; -; -" },
		{ "www.allowed.org A", "FORWARD" },
		{ "www.evil.com A", "REFUSED ra; -; -; -" },
		{ ". NS", "REFUSED ra; -; -; -" },
		{ "nx.org A", "NXDOMAIN aa ra; -; -; -" },
		{ "nodata.org A", "NOERROR aa ra; -; -; -" },
		{ "drop.org A", "DROP" },
		{ "www.allowed.org.corp.com A", "NXDOMAIN aa ra; -; -; -" }, /* a search list at work */
		{ "localhost A", "NOERROR aa ra; localhost A 127.0.0.1; -; -" },
		{ "x.LocalHost AAAA", "NOERROR aa ra; x.LocalHost AAAA ::1; -; -" },
		{ "localhost ANY", "NOERROR aa ra; localhost A 127.0.0.1; -; -" },
		{ "localhost MX", "NOERROR aa ra; -; localhost SOA localhost; -" },
		{ "www.invalid A", "NXDOMAIN aa ra; -; invalid SOA localhost; -" },
		{ "1.0.0.10.in-addr.arpa PTR", "NXDOMAIN aa ra; -; 10.in-addr.arpa SOA localhost; -" },
		{ "failed SOA", "SERVFAIL ra; -; -; -" },
		{ "broken.example A", "SERVFAIL ra; -; -; -" },
		{ "out.example A +rd", "FORWARD" },
		{ "out.example A", "NOERROR aa ra; out.example CNAME www.allowed.org; -; -" },
		{ "denied.example A +rd", "NOERROR aa ra; denied.example CNAME www.evil.org; -; -" },
		{ "q.w.example A +do", "NOERROR aa ra; q.w.example CNAME www.allowed.org, q.w.example RRSIG CNAME; "
		  "*.w.example NSEC www.example, *.w.example RRSIG NSEC; -" },
		{ "example AXFR", "HANDOFF" },
		{ "www.evil.com IXFR", "HANDOFF" },
		{ "www.allowed.org OPT", "FORMERR ra; -; -; -" },
		{ "www.allowed.org TSIG", "FORMERR ra; -; -; -" },
		{ "www.allowed.org TYPE128", "FORMERR ra; -; -; -" },
		{ "www.allowed.org TKEY", "NOTIMP ra; -; -; -" },
		{ "www.allowed.org MAILA", "NOTIMP ra; -; -; -" },
		{ "www.allowed.org MAILB", "NOTIMP ra; -; -; -" },
	};
	TEXT_CHECK(&v.view, cases);
	text_withdraw(&v);
}

/* The options of the OPT record of a response, and its EDE. */
struct seen {
	bool opt, cookie, nsid, keepalive;
	int ede;
	char ede_text[256];
	unsigned version, extended;
	bool dnssec_ok;
	uint8_t cookie_octets[40];
};

static struct seen look(const struct text_query *q)
{
	struct seen seen = { .ede = EDE_NONE };
	struct request r;
	static uint8_t copy[65535];
	memcpy(copy, q->response, q->query.response_len);
	copy[2] &= 0x7f; /* read it as a request */
	if (message_parse(&r, copy, q->query.response_len) == PARSED_FORMERR || !r.edns.present)
		return seen;
	seen.opt = true;
	seen.dnssec_ok = r.edns.dnssec_ok;
	size_t at = q->query.response_len; /* our OPT record is the last; find it from its front */
	for (size_t i = MESSAGE_HEADER; i + 11 <= q->query.response_len; i++)
		if (memcmp(q->response + i, "\0\0\51\4\320", 5) == 0 &&
		    i + 11 + wire_get16(q->response + i + 9) == q->query.response_len)
			at = i;
	seen.extended = q->response[at + 5];
	seen.version = q->response[at + 6];
	for (at += 11; at < q->query.response_len; at += 4u + wire_get16(q->response + at + 2)) {
		const uint16_t len = wire_get16(q->response + at + 2);
		switch (wire_get16(q->response + at)) {
		case OPTION_COOKIE:
			seen.cookie = true;
			memcpy(seen.cookie_octets, q->response + at + 4, len);
			break;
		case OPTION_NSID:
			seen.nsid = true;
			break;
		case OPTION_KEEPALIVE:
			seen.keepalive = true;
			break;
		case OPTION_EDE:
			seen.ede = wire_get16(q->response + at + 4);
			memcpy(seen.ede_text, q->response + at + 6, len - 2u);
			break;
		default:
			fail_msg("unknown option");
		}
	}
	return seen;
}

static void errors_say_why(void **state)
{
	(void)state;
	struct text_view v = setup();
	text_publish(&v);
	struct text_query *q = malloc(sizeof(*q));
	static const struct {
		const char *question;
		int ede;
		const char *text;
	} cases[] = {
		{ "www.evil.com A +edns", EDE_BLOCKED, "no rule allows this name" },
		{ "nx.org A +edns", EDE_BLOCKED, "nx.org" },
		{ "failed SOA +do", EDE_NOT_READY, "line 3 makes no sense" },
		{ "broken.example A +do", EDE_NOT_READY, "line 3 makes no sense" },
		{ "out.example A +edns", EDE_NOT_AUTHORITATIVE, "the chain leads out and RD is 0" },
		{ "denied.example A +edns", EDE_BLOCKED, "no rule allows this name" },
		{ "www.example A +do", EDE_NONE, "" },
		{ "www.invalid A +do", EDE_NONE, "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text_ask(q, &v.view, cases[i].question);
		const struct seen seen = look(q);
		assert_true(seen.opt);
		assert_int_equal(seen.dnssec_ok, strstr(cases[i].question, "+do") != NULL);
		assert_int_equal(seen.ede, cases[i].ede);
		assert_string_equal(seen.ede_text, cases[i].text);
	}
	text_ask(q, &v.view, "www.evil.com A"); /* no OPT unasked */
	assert_false(look(q).opt);
	free(q);
	text_withdraw(&v);
}

/* ---- requests by octets ---- */

static struct writer header(struct text_query *q, unsigned flags, unsigned qd, unsigned ar)
{
	struct writer w = writer_on(q->request, sizeof(q->request));
	writer_u16(&w, 0x1234);
	writer_u16(&w, (uint16_t)flags);
	writer_u16(&w, (uint16_t)qd);
	writer_u32(&w, 0);
	writer_u16(&w, (uint16_t)ar);
	return w;
}

#define WWW "\3WWW\7example\0\0\1\0\1"
#define OPT(options_len) "\0\0\51\20\0\0\0\0\0" options_len

static void malformed(void **state)
{
	(void)state;
	struct text_view v = setup();
	text_publish(&v);
	struct text_query *q = malloc(sizeof(*q));
	static const struct {
		unsigned flags, qd, ar;
		const char *octets;
		size_t len;
		const char *answer;
		unsigned questions;
	} cases[] = {
#define CASE(flags, qd, ar, octets, answer, questions) { flags, qd, ar, octets, sizeof(octets) - 1, answer, questions }
		CASE(0, 1, 0, WWW "x", "FORMERR ra; -; -; -", 1),
		CASE(0, 1, 0, "\100", "FORMERR ra; -; -; -", 0),
		CASE(0, 0, 0, "", "FORMERR ra; -; -; -", 0),
		CASE(0, 2, 0, WWW WWW, "FORMERR ra; -; -; -", 0),
		CASE(FLAG_QR, 1, 0, WWW, "DROP", 0),
		CASE(1 << 11, 1, 0, WWW, "NOTIMP ra; -; -; -", 0),
		CASE(OPCODE_NOTIFY << 11, 1, 0, WWW, "HANDOFF", 0),
		CASE(OPCODE_UPDATE << 11, 1, 0, WWW, "HANDOFF", 0),
		CASE(OPCODE_UPDATE << 11, 0, 0, "", "FORMERR ra; -; -; -", 0),
		CASE(0, 1, 0, "\3www\7example\0\0\1\0\3", "REFUSED ra; -; -; -", 1),
		CASE(0, 1, 0, "\3www\7example\0\0\1\0\377", "REFUSED ra; -; -; -", 1),
		CASE(0, 1, 0, "\3www\7example\0\0\1\0\0", "REFUSED ra; -; -; -", 1),
		CASE(0, 1, 0, "\7version\4bind\0\0\20\0\3", "REFUSED ra; -; -; -", 1),
		CASE(0, 1, 0, "\10hostname\4bind\0\0\20\0\3", "NOERROR aa ra; hostname.bind TXT; -; -", 1),
		CASE(0, 1, 0, "\2ID\6server\0\0\20\0\3", "NOERROR aa ra; ID.server TXT; -; -", 1),
		CASE(0, 1, 0, "\2id\6server\0\0\1\0\3", "REFUSED ra; -; -; -", 1),
		CASE(0, 0, 1, OPT("\0\14") "\0\12\0\10abcdefgh", "NOERROR ra; -; -; -", 0),
		CASE(0, 0, 1, OPT("\0\0"), "FORMERR ra; -; -; -", 0),
		CASE(0, 1, 1, WWW OPT("\0\13") "\0\12\0\7abcdefg", "FORMERR ra; -; -; -", 1),
		CASE(FLAG_AA | FLAG_TC | FLAG_RA | FLAG_AD | FLAG_CD | 0x40 | 3, 1, 0, WWW,
		     "NOERROR aa ra; WWW.example A 192.0.2.2; -; -", 1),
#undef CASE
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct writer w = header(q, cases[i].flags, cases[i].qd, cases[i].ar);
		writer_put(&w, cases[i].octets, cases[i].len);
		assert_string_equal(text_ask_octets(q, &v.view, writer_len(&w), TRANSPORT_UDP), cases[i].answer);
		if (q->verdict != QUERY_REPLY)
			continue;
		assert_int_equal(wire_get16(q->response), 0x1234);
		assert_int_equal(wire_get16(q->response + 4), cases[i].questions);
		assert_int_equal(q->response[2] >> 3 & 15, cases[i].flags >> 11 & 15);
		assert_int_equal(look(q).opt, cases[i].ar);
	}
	free(q);
	text_withdraw(&v);
}

static void edns_versions(void **state)
{
	(void)state;
	struct text_view v = setup();
	text_publish(&v);
	struct text_query *q = malloc(sizeof(*q));
	struct writer w = header(q, 0, 1, 1);
	PUT(&w, WWW "\0\0\51\20\0\0\7\200\0\0\0");
	text_ask_octets(q, &v.view, writer_len(&w), TRANSPORT_UDP);
	const struct seen seen = look(q);
	assert_int_equal(seen.extended << 4 | (q->response[3] & 15), RCODE_BADVERS);
	assert_int_equal(seen.version, 0);
	assert_true(seen.dnssec_ok);
	free(q);
	text_withdraw(&v);
}

static void options(void **state)
{
	(void)state;
	struct text_view v = setup();
	text_publish(&v);
	struct text_query *q = malloc(sizeof(*q));
	struct writer w = header(q, 0, 1, 1);
	PUT(&w, WWW OPT("\0\30") "\0\3\0\0" "\0\13\0\0" "\0\12\0\10abcdefgh" "\375\351\0\0");
	const size_t len = writer_len(&w);
	text_ask_octets(q, &v.view, len, TRANSPORT_UDP);
	struct seen seen = look(q);
	assert_true(seen.nsid && seen.cookie && !seen.keepalive); /* RFC 7828 section 3.3.2: not over UDP */
	assert_memory_equal(seen.cookie_octets, "abcdefgh\1", 9);
	assert_false(q->query.cookie_valid);

	/* the same cookie comes back valid, and alone too */
	struct writer again = header(q, 0, 0, 1);
	PUT(&again, OPT("\0\34") "\0\12\0\30");
	writer_put(&again, seen.cookie_octets, 24);
	assert_string_equal(text_ask_octets(q, &v.view, writer_len(&again), TRANSPORT_UDP), "NOERROR ra; -; -; -");
	assert_true(q->query.cookie_valid);
	q->request[writer_len(&again) - 1] ^= 1;
	text_ask_octets(q, &v.view, writer_len(&again), TRANSPORT_UDP);
	assert_false(q->query.cookie_valid);
	assert_int_equal(look(q).extended << 4 | (q->response[3] & 15), RCODE_BADCOOKIE);

	w = header(q, 0, 1, 1);
	PUT(&w, WWW OPT("\0\4") "\0\13\0\0");
	text_ask_octets(q, &v.view, writer_len(&w), TRANSPORT_TCP);
	assert_true(look(q).keepalive);
	free(q);
	text_withdraw(&v);
}

/* RFC 8945 section 5.2.1 */
static void unknown_keys(void **state)
{
	(void)state;
	struct text_view v = setup();
	text_publish(&v);
	struct text_query *q = malloc(sizeof(*q));
	struct writer w = header(q, 0, 1, 1);
	PUT(&w, WWW "\3Key\0\0\372\0\377\0\0\0\0\0\35" "\13hmac-sha256\0" "\0\0\145\123\361\0\1\54\0\0\22\64\0\0\0\0");
	text_ask_octets(q, &v.view, writer_len(&w), TRANSPORT_UDP);
	assert_int_equal(q->response[3] & 15, RCODE_NOTAUTH);
	assert_int_equal(wire_get16(q->response + 10), 1);
	static const uint8_t tsig[] = "\3key\0\0\372\0\377\0\0\0\0\0\35" "\13hmac-sha256\0"
	                              "\0\0\145\123\361\0\1\54\0\0\22\64\0\21\0\0";
	assert_int_equal(q->query.response_len, 29 + sizeof(tsig) - 1);
	assert_memory_equal(q->response + 29, tsig, sizeof(tsig) - 1);
	free(q);
	text_withdraw(&v);
}

/* What forward/ does: append, and come back. */
static void resuming(void **state)
{
	(void)state;
	struct text_view v = setup();
	text_publish(&v);
	struct text_query *q = malloc(sizeof(*q));
	struct query *query = &q->query;
	struct text_out out = { q->text, q->text + sizeof(q->text) };
	static const uint8_t leads_back[] = "\300\14\0\5\0\1\0\0\0\5\0\15" "\3www\7example\0";
	static const uint8_t address[] = "\300\14\0\1\0\1\0\0\0\5\0\4\1\2\3\4";

	assert_string_equal(text_ask(q, &v.view, "q.w.example A +rd +do"), "FORWARD");
	assert_string_equal((const char *)query->target->name, "\3www\7allowed\3org");
	assert_true(answer_put_records(&query->answer, SECTION_ANSWER, query->target_at, address, 0,
	                               sizeof(address) - 1, 1));
	assert_int_equal(query_resume(query, &v.view, false), QUERY_REPLY);
	text_response(&out, q->response, query->response_len);
	assert_string_equal(q->text, "NOERROR aa ra; q.w.example CNAME www.allowed.org, "
	                    "q.w.example RRSIG CNAME, www.allowed.org A 1.2.3.4; "
	                    "*.w.example NSEC www.example, *.w.example RRSIG NSEC; -");

	/* a chain that leads back to a local zone */
	assert_string_equal(text_ask(q, &v.view, "x.allowed.org A +rd"), "FORWARD");
	assert_int_equal(query->target_at, 12);
	assert_true(answer_put_records(&query->answer, SECTION_ANSWER, 12, leads_back, 0, sizeof(leads_back) - 1, 1));
	query_move(query, (const uint8_t *)"\3www\7example");
	query->target_at = query->answer.last_name_at;
	assert_int_equal(query_resume(query, &v.view, true), QUERY_REPLY);
	out.at = q->text;
	text_response(&out, q->response, query->response_len);
	assert_string_equal(q->text, "NOERROR ra; x.allowed.org CNAME www.example, www.example A 192.0.2.2; -; -");

	/* and one that fails */
	assert_string_equal(text_ask(q, &v.view, "out.example A +rd +edns"), "FORWARD");
	assert_int_equal(query_fail(query, RCODE_SERVFAIL, EDE_NO_REACHABLE_AUTHORITY, "nobody answers"), QUERY_REPLY);
	out.at = q->text;
	text_response(&out, q->response, query->response_len);
	assert_string_equal(q->text, "SERVFAIL ra; -; -; -");
	assert_int_equal(look(q).ede, EDE_NO_REACHABLE_AUTHORITY);

	/* one round and another, for ever: it ends */
	assert_string_equal(text_ask(q, &v.view, "x.allowed.org A +rd"), "FORWARD");
	unsigned rounds = 0;
	while (query_resume(query, &v.view, true) == QUERY_FORWARD)
		assert_true(rounds++ < QUERY_CHAIN_MAX);
	free(q);
	text_withdraw(&v);
}

/* A catalog answers those alone who may transfer it, and is silent to others even where it is not there yet. */
static void catalogs(void **state)
{
	static const char *const lists[] = { "192.0.2.1", "127.0.0.0/8", "a-key" };
	static const struct text_case cases[3][5] = {
		{ { "cat A", "REFUSED; -; -; -" }, { "1.zones.cat PTR", "REFUSED; -; -; -" }, { "x.cat A", "REFUSED; -; -; -" },
		  { "alias.example PTR", "NOERROR aa; alias.example CNAME 1.zones.cat; -; -" }, { "cat AXFR", "HANDOFF" } },
		{ { "cat A", "NOERROR aa; -; cat SOA ns1.cat; -" }, { "1.zones.cat PTR", "NOERROR aa; 1.zones.cat PTR x; -; -" },
		  { "x.cat A", "NXDOMAIN aa; -; cat SOA ns1.cat; -" }, { "alias.example PTR", "NOERROR aa; alias.example CNAME "
		    "1.zones.cat, 1.zones.cat PTR x; -; -" }, { "cat AXFR", "HANDOFF" } },
		{ { "cat A", "REFUSED; -; -; -" }, { "cat SOA", "REFUSED; -; -; -" }, { "1.zones.cat PTR", "REFUSED; -; -; -" },
		  { "x.cat A", "REFUSED; -; -; -" }, { "cat IXFR", "HANDOFF" } },
	};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const struct access_texts texts = { .transfer = &lists[i], .transfer_count = 1 };
		struct text_view v = { .zones = { text_zone("cat", SOA "1.zones PTR x.\n", false),
		                                  text_zone("example", SOA "alias CNAME 1.zones.cat.\n", false) } };
		v.zones[0]->catalog = true;
		assert_int_equal(access_new(&v.zones[0]->access, &texts, "cat", NULL, NULL), MIST_OK);
		text_publish(&v);
		TEXT_CHECK(&v.view, cases[i]);
		zone_fail(v.zones[0], "not yet");
		struct text_query *q = malloc(sizeof(*q));
		assert_string_equal(text_ask(q, &v.view, "cat SOA"), i == 1 ? "SERVFAIL; -; -; -" : "REFUSED; -; -; -");
		free(q);
		text_withdraw(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decisions),     cmocka_unit_test(errors_say_why), cmocka_unit_test(malformed),
		cmocka_unit_test(edns_versions), cmocka_unit_test(options),        cmocka_unit_test(unknown_keys),
		cmocka_unit_test(resuming),      cmocka_unit_test(catalogs),
	};
	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
