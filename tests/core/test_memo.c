/*
 * The memo: whatever it remembers, forgets or mistakes, what a question leads to, and the answer to the last
 * octet, are as without it. The source is included for its secret: without one all names collide.
 */
#include "core/memo.c"

#include "core/zone_text.h"

#define SOA "@ SOA ns1 bugs 1 3600 300 3600000 300\n@ NS ns1\nns1 A 192.0.2.1\n"

static struct memo *new_memo(void)
{
	struct memo *memo = NULL;
	assert_int_equal(memo_new(&memo, &text_identity.question_secret), MIST_OK);
	return memo;
}

/* As many zones as a view of ours may see, of which two are not the same in every view. */
/* In place: routes point at the rules. */
static void make_view(struct text_view *view, unsigned number)
{
	char last[128];
	snprintf(last, sizeof(last), SOA "www A 192.0.2.%u\n*.w%u A 192.0.2.9\nc%u CNAME www\n", number + 10, number,
	         number);
	*view = (struct text_view){
		.view = { .number = number, .forwards = true },
		.zones = {
			text_zone("example", SOA "www A 192.0.2.2\nwww AAAA 2001:db8::2\n*.w A 192.0.2.3\n*.w TXT hi\n"
			          "a.b.c MX 10 www\n*.cn CNAME www\nout CNAME www.allowed.org.\nd DNAME last.\n"
			          "home CNAME www.last.\nloop CNAME loop\ncut NS ns.cut\nns.cut A 192.0.2.4\n"
			          "cut DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B\n", true),
			text_zone("in.example", number % 2 ? SOA "www A 192.0.2.5\n* A 192.0.2.6\n" : SOA, number % 2),
			text_zone("last", last, number % 3 == 0),
			text_zone("failed", SOA, false),
		},
		.rules = {
			text_rule(".allowed.org", false, 0),
			text_rule("nx.org", true, MIST_DENY_NXDOMAIN),
			text_rule("drop.org", true, MIST_DENY_DROP),
			text_rule("fwd.example", false, 0),
			text_rule(number % 2 ? "*.more.example" : "*.w.example", false, 0),
		},
	};
	zone_fail(view->zones[3], "on purpose");
	text_publish(view);
}

static uint32_t chance;
static unsigned any(unsigned count)
{
	chance = chance * 1664525u + 1013904223u;
	return (unsigned)((uint64_t)(chance >> 8) * count >> 24);
}

/* One of some thousand names, most of them below those of the zones and rules. */
static void any_name(char name[256])
{
	static const char *const below[] = {
		"example", "in.example", "last", "failed", "w.example", "cn.example", "cut.example", "d.example", "org",
		"allowed.org", "fwd.example", "more.example", "c.example", "localhost", "local", "www.example.corp",
	};
	static const char *const labels[] = { "www", "x", "out", "home", "loop", "nx", "drop", "b", "a.b", "ns", "w1",
		"q.w2", "c1", "cut", "sixty-three-octets-are-the-longest-that-a-label-can-be-by-rfc-1035" };
	const char *under = below[any(16)];
	*name = 0;
	for (unsigned count = any(3); count > 0; count--)
		sprintf(name + strlen(name), "%.63s.", labels[any(15)]);
	strcat(name, under);
}

static void any_question(char text[320])
{
	static const char *const types[] = { "A", "AAAA", "DS", "NSEC", "ANY", "TXT", "CNAME", "RRSIG", "MX", "NS" };
	char name[256];
	any_name(name);
	for (char *c = name; *c; c++)
		*c = any(8) == 0 && *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
	snprintf(text, 320, "%s %s%s%s", name, types[any(10)], any(2) ? " +do" : "", any(2) ? " +rd" : "");
}

/* The answers to one question, with and without a memo. */
static void compare(struct text_query *with, struct text_query *without, struct memo *memo, const struct view *view,
                    const char *question)
{
	text_memo = memo;
	text_ask(with, view, question);
	text_memo = NULL;
	text_ask(without, view, question);
	if (with->verdict != without->verdict || with->query.first != without->query.first ||
	    (with->verdict == QUERY_REPLY &&
	     (with->query.response_len != without->query.response_len ||
	      memcmp(with->response, without->response, with->query.response_len) != 0)))
		fail_msg("%s: with a memo %s, without %s", question, with->text, without->text);
}

static void compare_many(struct memo *memo, unsigned questions, unsigned stay)
{
	struct text_view views[3];
	for (unsigned i = 0; i < 3; i++)
		make_view(&views[i], i + 1);
	struct text_query *with = malloc(sizeof(*with)), *without = malloc(sizeof(*without));
	unsigned at = 0;
	chance = 1;
	for (unsigned i = 0; i < questions; i++) {
		char question[320];
		any_question(question);
		if (any(stay) == 0)
			at = any(3);
		compare(with, without, memo, &views[at].view, question);
	}
	free(with);
	free(without);
	for (unsigned i = 0; i < 3; i++)
		text_withdraw(&views[i]);
}

static void answers_are_the_same(void **state)
{
	(void)state;
	struct memo *memo = new_memo();
	compare_many(memo, 50000, 5000);
	memo_free(memo);
}

static void also_when_views_change_all_the_time(void **state)
{
	(void)state;
	struct memo *memo = new_memo();
	compare_many(memo, 20000, 3);
	memo_free(memo);
}

static void also_when_all_names_collide(void **state)
{
	(void)state;
	struct memo *memo = new_memo();
	memset(&memo->secret, 0, sizeof(memo->secret));
	compare_many(memo, 20000, 100);
	memo_free(memo);
}

/* ---- what is remembered ---- */

struct asked {
	struct request request;
	uint8_t octets[MESSAGE_HEADER + NAME_MAX + 4];
};

static void make(struct asked *asked, const char *name, uint16_t type)
{
	memset(asked, 0, sizeof(*asked));
	asked->octets[5] = 1;
	size_t len = MESSAGE_HEADER + name_from_text(asked->octets + MESSAGE_HEADER, name);
	wire_set16(asked->octets + len, type);
	wire_set16(asked->octets + len + 2, CLASS_IN);
	assert_int_equal(message_parse(&asked->request, asked->octets, len + 4), PARSED_OK);
}

/* Whether a question is answered from memory: then what was remembered is seen, and not the truth. */
static bool remembered(struct memo *memo, const struct view *view, const char *name, uint16_t type)
{
	struct asked asked;
	struct lead lead;
	make(&asked, name, type);
	const struct view none = { .number = view->number }; /* whoever walks here falls */
	const struct question *question = &asked.request.question;
	for (unsigned i = 1; i < MEMO_ENTRIES; i++) {
		if (is_entry_of(&memo->entries[i], view->number, question)) {
			memo_lead(memo, &none, &asked.request, &lead);
			return true;
		}
	}
	return false;
}

static void ask_for(struct memo *memo, const struct view *view, const char *name, uint16_t type)
{
	struct asked asked;
	struct lead lead;
	make(&asked, name, type);
	memset(&lead, 0xa5, sizeof(lead));
	memo_lead(memo, view, &asked.request, &lead);
}

static void what_comes_twice_is_remembered(void **state)
{
	(void)state;
	struct text_view v, w;
	make_view(&v, 1);
	make_view(&w, 2);
	struct memo *memo = new_memo();
	ask_for(memo, &v.view, "www.example", TYPE_A);
	assert_false(remembered(memo, &v.view, "www.example", TYPE_A));
	ask_for(memo, &v.view, "WWW.example", TYPE_A);
	assert_true(remembered(memo, &v.view, "www.Example", TYPE_A));
	assert_false(remembered(memo, &v.view, "www.example", TYPE_AAAA));
	assert_false(remembered(memo, &v.view, "ww.example", TYPE_A));

	/* A name of another view is as one never asked for. */
	assert_false(remembered(memo, &w.view, "www.example", TYPE_A));
	ask_for(memo, &w.view, "www.example", TYPE_A);
	assert_false(remembered(memo, &w.view, "www.example", TYPE_A));
	ask_for(memo, &w.view, "www.example", TYPE_A);
	assert_true(remembered(memo, &w.view, "www.example", TYPE_A));
	memo_free(memo);
	text_withdraw(&v);
	text_withdraw(&w);
}

static void long_names_are_not(void **state)
{
	(void)state;
	struct text_view v;
	make_view(&v, 1);
	struct memo *memo = new_memo();
	char name[128];
	memset(name, 'n', sizeof(name));
	for (unsigned len = MEMO_NAME_MAX - 1; len <= MEMO_NAME_MAX + 1; len++) {
		/* `len` octets: a label of 50, one of the rest, "example", the root */
		name[50] = '.';
		snprintf(name + len - 10, 9, ".example");
		for (unsigned i = 0; i < 3; i++)
			ask_for(memo, &v.view, name, TYPE_A);
		assert_int_equal(remembered(memo, &v.view, name, TYPE_A), len <= MEMO_NAME_MAX);
		memset(name, 'n', sizeof(name));
	}
	memo_free(memo);
	text_withdraw(&v);
}

/* Strangers that come once, in any number, take no entry; and twice as many names as there are entries
 * leave those that were asked for last. */
static void a_flood_pushes_nobody_out(void **state)
{
	(void)state;
	struct text_view v;
	make_view(&v, 1);
	struct memo *memo = new_memo();
	char name[64];
	for (unsigned i = 0; i < 2; i++)
		ask_for(memo, &v.view, "www.example", TYPE_A);
	for (unsigned i = 0; i < 200000; i++) {
		snprintf(name, sizeof(name), "r%u.example", i);
		ask_for(memo, &v.view, name, TYPE_A);
	}
	assert_true(remembered(memo, &v.view, "www.example", TYPE_A));
	assert_true(memo->next < 100); /* two hashes of 29 bits may be the same */
	for (unsigned i = 0; i < 2 * 2 * MEMO_ENTRIES; i++) {
		snprintf(name, sizeof(name), "t%u.example", i / 2);
		ask_for(memo, &v.view, name, TYPE_A);
	}
	assert_true(remembered(memo, &v.view, name, TYPE_A));
	assert_false(remembered(memo, &v.view, "www.example", TYPE_A));
	memo_free(memo);
	text_withdraw(&v);
}

static void only_what_is_in_a_zone_is_remembered(void **state)
{
	static const char *const outside[] = { "www.allowed.org", "nx.org", "www.evil.org", "localhost", "fwd.example" };
	(void)state;
	struct text_view v;
	make_view(&v, 1);
	struct memo *memo = new_memo();
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned times = 0; times < 3; times++)
			ask_for(memo, &v.view, outside[i], TYPE_A);
		assert_false(remembered(memo, &v.view, outside[i], TYPE_A));
	}
	assert_int_equal(memo->next, 1);
	memo_free(memo);
	text_withdraw(&v);
}

static void none_is_none(void **state)
{
	(void)state;
	struct text_view v;
	make_view(&v, 1);
	struct asked asked;
	struct lead lead;
	make(&asked, "www.example", TYPE_AAAA);
	memo_lead(NULL, &v.view, &asked.request, &lead);
	assert_int_equal(lead.route.kind, ROUTE_LOCAL);
	assert_ptr_equal(lead.set, node_rrset(lead.found.node, TYPE_AAAA));
	memo_free(NULL);
	text_withdraw(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_the_same),
		cmocka_unit_test(also_when_views_change_all_the_time),
		cmocka_unit_test(also_when_all_names_collide),
		cmocka_unit_test(what_comes_twice_is_remembered),
		cmocka_unit_test(long_names_are_not),
		cmocka_unit_test(a_flood_pushes_nobody_out),
		cmocka_unit_test(only_what_is_in_a_zone_is_remembered),
		cmocka_unit_test(none_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
