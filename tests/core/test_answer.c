/*
 * Answers from zones, question by question: the examples of RFC 4592, RFC 4035 and RFC 6672, and
 * what lies between them. zone_text.h says how to read a line.
 */
#include "core/zone_text.h"

#define SOA "@ SOA ns1 bugs 1 3600 300 3600000 300\n"

static struct text_view one_zone(const char *apex, const char *lines, bool sign)
{
	struct text_view v = { .zones = { text_zone(apex, lines, sign) } };
	text_publish(&v);
	return v;
}

/* RFC 4592 section 2.2.1 */
static const char rfc4592[] =
	SOA "@ NS ns.example.com.\n"
	"@ NS ns.example.net.\n"
	"* TXT this-is-a-wildcard\n"
	"* MX 10 host1\n"
	"sub.* TXT this-is-not-a-wildcard\n"
	"host1 A 192.0.2.1\n"
	"_ssh._tcp.host1 SRV 1 2 22 host1\n"
	"_ssh._tcp.host2 SRV 1 2 22 host1\n"
	"subdel NS ns.example.com.\n"
	"subdel NS ns.example.net.\n"
	"ns1 A 192.0.2.53\n";

static void wildcards(void **state)
{
	(void)state;
	struct text_view v = one_zone("example", rfc4592, false);
	static const struct text_case cases[] = {
		{ "host3.example MX", "NOERROR aa; host3.example MX host1.example; -; host1.example A 192.0.2.1" },
		{ "host3.example A", "NOERROR aa; -; example SOA ns1.example; -" },
		{ "foo.bar.example TXT", "NOERROR aa; foo.bar.example TXT; -; -" },
		{ "host1.example MX", "NOERROR aa; -; example SOA ns1.example; -" },
		{ "sub.*.example MX", "NOERROR aa; -; example SOA ns1.example; -" },
		{ "_telnet._tcp.host1.example SRV", "NXDOMAIN aa; -; example SOA ns1.example; -" },
		{ "host.subdel.example A",
		  "NOERROR; -; subdel.example NS ns.example.com, subdel.example NS ns.example.net; -" },
		{ "ghost.*.example MX", "NXDOMAIN aa; -; example SOA ns1.example; -" },
		/* and beyond the section: the wildcard itself, empty non-terminals, case */
		{ "*.example MX", "NOERROR aa; *.example MX host1.example; -; host1.example A 192.0.2.1" },
		{ "host2.example A", "NOERROR aa; -; example SOA ns1.example; -" },
		{ "_tcp.host2.example TXT", "NOERROR aa; -; example SOA ns1.example; -" },
		{ "x.host2.example TXT", "NXDOMAIN aa; -; example SOA ns1.example; -" },
		{ "A.b.C.d.EXAMPLE TXT", "NOERROR aa; A.b.C.d.EXAMPLE TXT; -; -" },
		{ "sub.*.example TXT", "NOERROR aa; sub.*.example TXT; -; -" },
	};
	TEXT_CHECK(&v.view, cases);
	text_withdraw(&v);
}

/* RFC 4035 appendix A, as far as answers differ */
static const char rfc4035[] =
	SOA "@ NS ns1\n@ NS ns2\n@ MX 1 xx\n"
	"a NS ns1.a\na NS ns2.a\na DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B\n"
	"ns1.a A 192.0.2.5\nns2.a A 192.0.2.6\n"
	"ai A 192.0.2.9\nai AAAA 2001:db8::f00:baa9\n"
	"b NS ns1.b\nb NS ns2.b\nns1.b A 192.0.2.7\nns2.b A 192.0.2.8\n"
	"ns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
	"*.w MX 1 ai\nx.w MX 1 xx\nx.y.w MX 1 xx\n"
	"xx A 192.0.2.10\nxx AAAA 2001:db8::f00:baaa\n";

#define SIGNED(owner, type, data) owner " " type " " data ", " owner " RRSIG " type
#define SOA_SIGNED SIGNED("example", "SOA", "ns1.example")
#define XX SIGNED("xx.example", "A", "192.0.2.10") ", " SIGNED("xx.example", "AAAA", "2001:db8::f00:baaa")
#define AI SIGNED("ai.example", "A", "192.0.2.9") ", " SIGNED("ai.example", "AAAA", "2001:db8::f00:baa9")

static void dnssec(void **state)
{
	(void)state;
	struct text_view v = one_zone("example", rfc4035, true);
	static const struct text_case cases[] = {
		/* B.1 to B.8 */
		{ "x.w.example MX +do", "NOERROR aa; " SIGNED("x.w.example", "MX", "xx.example") "; -; " XX },
		{ "ml.example A +do", "NXDOMAIN aa; -; " SOA_SIGNED ", " SIGNED("b.example", "NSEC", "ns1.example")
		  ", " SIGNED("example", "NSEC", "a.example") "; -" },
		{ "ns1.example MX +do", "NOERROR aa; -; " SOA_SIGNED ", "
		  SIGNED("ns1.example", "NSEC", "ns2.example") "; -" },
		{ "mc.a.example MX +do", "NOERROR; -; a.example NS ns1.a.example, a.example NS ns2.a.example, "
		  "a.example DS, a.example RRSIG DS; ns1.a.example A 192.0.2.5, ns2.a.example A 192.0.2.6" },
		{ "mc.b.example MX +do", "NOERROR; -; b.example NS ns1.b.example, b.example NS ns2.b.example, "
		  SIGNED("b.example", "NSEC", "ns1.example")
		  "; ns1.b.example A 192.0.2.7, ns2.b.example A 192.0.2.8" },
		{ "a.z.w.example MX +do", "NOERROR aa; " SIGNED("a.z.w.example", "MX", "ai.example") "; "
		  SIGNED("x.y.w.example", "NSEC", "xx.example") "; " AI },
		{ "a.z.w.example AAAA +do", "NOERROR aa; -; " SOA_SIGNED ", "
		  SIGNED("x.y.w.example", "NSEC", "xx.example") ", " SIGNED("*.w.example", "NSEC", "x.w.example")
		  "; -" },
		{ "example DS +do", "NOERROR aa; -; " SOA_SIGNED ", " SIGNED("example", "NSEC", "a.example") "; -" },
		/* the parent's side of a cut, and what is hidden below it */
		{ "a.example DS +do", "NOERROR aa; a.example DS, a.example RRSIG DS; -; -" },
		{ "b.example DS +do", "NOERROR aa; -; " SOA_SIGNED ", "
		  SIGNED("b.example", "NSEC", "ns1.example") "; -" },
		{ "ns1.a.example A", "NOERROR; -; a.example NS ns1.a.example, a.example NS ns2.a.example; "
		  "ns1.a.example A 192.0.2.5, ns2.a.example A 192.0.2.6" },
		{ "ns1.a.example DS", "NOERROR; -; a.example NS ns1.a.example, a.example NS ns2.a.example; "
		  "ns1.a.example A 192.0.2.5, ns2.a.example A 192.0.2.6" },
		{ "a.example NSEC +do", "NOERROR; -; a.example NS ns1.a.example, a.example NS ns2.a.example, "
		  "a.example DS, a.example RRSIG DS; ns1.a.example A 192.0.2.5, ns2.a.example A 192.0.2.6" },
		/* empty non-terminal: the NSEC that covers it; wildcard child unhelped */
		{ "y.w.example A +do", "NOERROR aa; -; " SOA_SIGNED ", "
		  SIGNED("x.w.example", "NSEC", "x.y.w.example") "; -" },
		{ "w.example A +do", "NOERROR aa; -; " SOA_SIGNED ", " SIGNED("ns2.example", "NSEC", "*.w.example")
		  "; -" },
		/* one NSEC can say both */
		{ "aa.example A +do", "NXDOMAIN aa; -; " SOA_SIGNED ", " SIGNED("a.example", "NSEC", "ai.example")
		  ", " SIGNED("example", "NSEC", "a.example") "; -" },
		{ "0.example A +do", "NXDOMAIN aa; -; " SOA_SIGNED ", " SIGNED("example", "NSEC", "a.example") "; -" },
		/* nothing of it without DO */
		{ "a.z.w.example MX +edns", "NOERROR aa; a.z.w.example MX ai.example; -; "
		  "ai.example A 192.0.2.9, ai.example AAAA 2001:db8::f00:baa9" },
		{ "ml.example A", "NXDOMAIN aa; -; example SOA ns1.example; -" },
		/* types about types */
		{ "ai.example NSEC", "NOERROR aa; ai.example NSEC b.example; -; -" },
		{ "ai.example RRSIG",
		  "NOERROR aa; ai.example RRSIG A, ai.example RRSIG AAAA, ai.example RRSIG NSEC; -; -" },
		{ "ai.example ANY +do", "NOERROR aa; " SIGNED("ai.example", "A", "192.0.2.9") "; -; -" },
		{ "w.example ANY", "NOERROR aa; -; example SOA ns1.example; -" },
		{ "example NS", "NOERROR aa; example NS ns1.example, example NS ns2.example; -; "
		  "ns1.example A 192.0.2.1, ns2.example A 192.0.2.2" },
	};
	TEXT_CHECK(&v.view, cases);
	text_withdraw(&v);
}

/* RFC 5155 appendix A, with its hashes: core has no SHA-1, and the examples need no other names. */
static const struct {
	const char *name, *hash;
	bool covered_only;           /* no NSEC3 of its own */
} hashes[] = {
	{ "example", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", false },
	{ "a.example", "35mthgpgcu1qg68fab165klnsnk3dpvl", false },
	{ "ai.example", "gjeqe526plbf1g8mklp59enfd789njgi", false },
	{ "ns1.example", "2t7b4g4vsa5smi47k61mv5bv1a22bojr", false },
	{ "ns2.example", "q04jkcevqvmu85r014c7dkba38o0ji5r", false },
	{ "w.example", "k8udemvp1j2f7eg6jebps17vp3n8i58h", false },
	{ "*.w.example", "r53bq7cc2uvmubfu5ocmm6pers9tk9en", false },
	{ "x.w.example", "b4um86eghhds6nea196smvmlo4ors995", false },
	{ "y.w.example", "ji6neoaepv8b5o6k4ev33abha8ht9fgc", false },
	{ "x.y.w.example", "2vptu5timamqttgl4luu9kg21e0aor3s", false },
	{ "xx.example", "t644ebqk9bibcna874givr6joj62mlhv", false },
	{ "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi", false },
	{ "c.x.w.example", "0va5bpr2ou0vk0lbqeeljri88laipsfh", true },
	{ "*.x.w.example", "92pqneegtaue7pjatc3l3qnk738c6v5m", true },
	{ "c.example", "4g6p9u5gvfshp30pqecj98b3maqbn1ck", true },
	{ "z.w.example", "qlu7gtfaeh0ek0c05ksfhdpbcgglbe03", true },
};

static void hash_of(const struct nsec3_params *params, const uint8_t *name, uint8_t hash[20])
{
	char text[NAME_TEXT_MAX];
	(void)params;
	name_to_text(text, name);
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (strcmp(hashes[i].name, text) != 0)
			continue;
		for (unsigned j = 0; j < 20; j++) { /* base32hex, bit by bit */
			hash[j] = 0;
			for (unsigned bit = j * 8; bit < j * 8 + 8; bit++) {
				const char c = hashes[i].hash[bit / 5];
				const int value = c <= '9' ? c - '0' : c - 'a' + 10;
				hash[j] = (uint8_t)(hash[j] << 1 | (value >> (4 - bit % 5) & 1));
			}
		}
		return;
	}
	fail_msg("%s: the RFC does not need its hash", text);
}

static const char rfc5155[] =
	SOA "@ NS ns1\n@ NS ns2\n@ MX 1 xx\n"
	"2t7b4g4vsa5smi47k61mv5bv1a22bojr A 192.0.2.127\n"
	"a NS ns1.a\na NS ns2.a\na DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C\n"
	"ns1.a A 192.0.2.5\nns2.a A 192.0.2.6\n"
	"ai A 192.0.2.9\nai AAAA 2001:db8::f00:baa9\n"
	"c NS ns1.c\nc NS ns2.c\nns1.c A 192.0.2.7\nns2.c A 192.0.2.8\n"
	"ns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
	"*.w MX 1 ai\nx.w MX 1 xx\nx.y.w MX 1 xx\n"
	"xx A 192.0.2.10\nxx AAAA 2001:db8::f00:baaa\n";

static struct zone *nsec3_zone(void)
{
	struct zone *zone = text_zone("example", rfc5155, false);
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		static const uint8_t rdata[] = "\1\1\0\14\4\252\273\314\335\24aaaaaaaaaaaaaaaaaaaa";
		uint8_t owner[NAME_MAX];
		bool too_large;
		if (hashes[i].covered_only)
			continue;
		text_name(owner, hashes[i].hash, zone->name);
		assert_int_equal(zone_put_nsec3(zone, owner, rrset_with(NULL, TYPE_NSEC3, 3600, rdata,
		                 sizeof(rdata) - 1, &too_large)), MIST_OK);
	}
	zone->nsec3 = zone->is_signed = true;
	zone->nsec3_hash = hash_of;
	return zone;
}

#define H_APEX "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example NSEC3"
#define H_A "35mthgpgcu1qg68fab165klnsnk3dpvl.example NSEC3"
#define H_NS1 "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example NSEC3"
#define H_NS2 "q04jkcevqvmu85r014c7dkba38o0ji5r.example NSEC3"
#define H_XW "b4um86eghhds6nea196smvmlo4ors995.example NSEC3"
#define H_YW "ji6neoaepv8b5o6k4ev33abha8ht9fgc.example NSEC3"
#define H_W "k8udemvp1j2f7eg6jebps17vp3n8i58h.example NSEC3"
#define H_STAR_W "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example NSEC3"
#define H_H_NS1 "kohar7mbb8dc2ce8a9qvl8hon4k53uhi.example NSEC3"
#define C_GLUE "ns1.c.example A 192.0.2.7, ns2.c.example A 192.0.2.8"

static void nsec3(void **state)
{
	(void)state;
	struct text_view v = { .zones = { nsec3_zone() } };
	text_publish(&v);
	static const struct text_case cases[] = {
		/* B.1 to B.6 */
		{ "a.c.x.w.example A +do", "NXDOMAIN aa; -; example SOA ns1.example, " H_XW ", " H_APEX ", " H_A "; -" },
		{ "ns1.example MX +do", "NOERROR aa; -; example SOA ns1.example, " H_NS1 "; -" },
		{ "y.w.example A +do", "NOERROR aa; -; example SOA ns1.example, " H_YW "; -" },
		{ "mc.c.example MX +do", "NOERROR; -; c.example NS ns1.c.example, c.example NS ns2.c.example, "
		  H_APEX ", " H_A "; " C_GLUE },
		{ "a.z.w.example MX +do", "NOERROR aa; a.z.w.example MX ai.example; " H_NS2 "; "
		  "ai.example A 192.0.2.9, ai.example AAAA 2001:db8::f00:baa9" },
		{ "a.z.w.example AAAA +do",
		  "NOERROR aa; -; example SOA ns1.example, " H_W ", " H_NS2 ", " H_STAR_W "; -" },
		{ "example DS +do", "NOERROR aa; -; example SOA ns1.example, " H_APEX "; -" },
		/* DS at a cut that was opted out (section 7.2.4) */
		{ "c.example DS +do", "NOERROR aa; -; example SOA ns1.example, " H_APEX ", " H_A "; -" },
		/* names that are hashes too: data is found, the NSEC3 of the same name is not (section
		 * 7.2.8) */
		{ "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example A",
		  "NOERROR aa; 2t7b4g4vsa5smi47k61mv5bv1a22bojr.example A 192.0.2.127; -; -" },
		{ "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example NSEC3 +do",
		  "NOERROR aa; -; example SOA ns1.example, " H_H_NS1 "; -" },
		{ "a.c.x.w.example A", "NXDOMAIN aa; -; example SOA ns1.example; -" },
	};
	TEXT_CHECK(&v.view, cases);
	text_withdraw(&v);
}

static const char chains[] =
	SOA "@ NS ns1\nns1 A 192.0.2.1\n"
	"www CNAME web\nweb A 192.0.2.2\n"
	"one CNAME two\ntwo CNAME three\nthree CNAME www\n"
	"loop1 CNAME loop2\nloop2 CNAME loop1\nself CNAME self\n"
	"gone CNAME nothing\nempty CNAME www.ent\na.www.ent A 192.0.2.3\n"
	"out CNAME www.elsewhere.org.\nto-sub CNAME a.sub\nsub NS ns.sub\nns.sub A 192.0.2.9\n"
	"*.wild CNAME web\n*.both CNAME x.wild\n"
	"other CNAME www.second.\nlocal CNAME localhost.\nbad CNAME x.invalid.\n";

static const char second[] = SOA "@ NS ns1\nns1 A 192.0.2.21\nwww A 192.0.2.22\nback CNAME web.example.\n";

static void cnames(void **state)
{
	(void)state;
	struct text_view v = { .zones = { text_zone("example", chains, true), text_zone("second", second, true) } };
	text_publish(&v);
	static const struct text_case cases[] = {
		{ "www.example A", "NOERROR aa; www.example CNAME web.example, web.example A 192.0.2.2; -; -" },
		{ "www.example CNAME", "NOERROR aa; www.example CNAME web.example; -; -" },
		{ "www.example ANY", "NOERROR aa; www.example CNAME web.example; -; -" },
		{ "www.example NSEC", "NOERROR aa; www.example NSEC example; -; -" },
		{ "www.example AAAA", "NOERROR aa; www.example CNAME web.example; example SOA ns1.example; -" },
		{ "one.example A", "NOERROR aa; one.example CNAME two.example, two.example CNAME three.example, "
		  "three.example CNAME www.example, www.example CNAME web.example, web.example A 192.0.2.2; -; -" },
		{ "loop1.example A",
		  "NOERROR aa; loop1.example CNAME loop2.example, loop2.example CNAME loop1.example; -; -" },
		{ "self.example A", "NOERROR aa; self.example CNAME self.example; -; -" },
		{ "gone.example A", "NXDOMAIN aa; gone.example CNAME nothing.example; example SOA ns1.example; -" },
		{ "empty.example A", "NOERROR aa; empty.example CNAME www.ent.example; example SOA ns1.example; -" },
		{ "out.example A", "NOERROR aa; out.example CNAME www.elsewhere.org; -; -" },
		{ "to-sub.example A", "NOERROR aa; to-sub.example CNAME a.sub.example; sub.example NS ns.sub.example; "
		  "ns.sub.example A 192.0.2.9" },
		{ "other.example A", "NOERROR aa; other.example CNAME www.second, www.second A 192.0.2.22; -; -" },
		{ "other.example MX +do", "NOERROR aa; " SIGNED("other.example", "CNAME", "www.second") "; "
		  SIGNED("second", "SOA", "ns1.second") ", " SIGNED("www.second", "NSEC", "second") "; -" },
		{ "local.example A",
		  "NOERROR aa; local.example CNAME localhost, localhost A 127.0.0.1; -; -" },
		{ "bad.example A", "NXDOMAIN aa; bad.example CNAME x.invalid; invalid SOA localhost; -" },
		{ "q.wild.example A +do", "NOERROR aa; " SIGNED("q.wild.example", "CNAME", "web.example") ", "
		  SIGNED("web.example", "A", "192.0.2.2") "; " SIGNED("*.wild.example", "NSEC", "www.example") "; -" },
		/* the proofs of both wildcards wait until the answer section is whole */
		{ "q.both.example A +do", "NOERROR aa; " SIGNED("q.both.example", "CNAME", "x.wild.example") ", "
		  SIGNED("x.wild.example", "CNAME", "web.example") ", " SIGNED("web.example", "A", "192.0.2.2") "; "
		  SIGNED("*.both.example", "NSEC", "empty.example") ", "
		  SIGNED("*.wild.example", "NSEC", "www.example") "; -" },
		{ "back.second A", "NOERROR aa; back.second CNAME web.example, web.example A 192.0.2.2; -; -" },
	};
	TEXT_CHECK(&v.view, cases);
	text_withdraw(&v);
}

static void a_chain_is_bounded(void **state)
{
	(void)state;
	char lines[4096] = SOA "@ NS ns1\nns1 A 192.0.2.1\nc40 A 192.0.2.2\n";
	for (unsigned i = 0; i < 40; i++)
		snprintf(lines + strlen(lines), 64, "c%u CNAME c%u\n", i, i + 1);
	struct text_view v = one_zone("example", lines, false);
	struct text_query *q = malloc(sizeof(*q));
	text_ask(q, &v.view, "c0.example A +edns");
	assert_int_equal(q->response[3] & 15, RCODE_NOERROR);
	assert_int_equal(wire_get16(q->response + 6), QUERY_CHAIN_MAX + 1);
	text_ask(q, &v.view, "c30.example A +edns");
	assert_int_equal(wire_get16(q->response + 6), 11);
	free(q);
	text_withdraw(&v);
}

/* RFC 6672 section 2.2, table 1: DNAMEs of example.com pointing to example.net and others. */
static const char dname[] =
	SOA "@ NS ns1\nns1 A 192.0.2.1\n"
	"d DNAME example.net.\nd A 192.0.2.2\n"
	"x DNAME x.x.\n"
	"to-root DNAME .\n"
	"inner DNAME goal\na.goal A 192.0.2.3\n"
	"twice DNAME inner\n"
	"round DNAME a.round2\nround2 DNAME round\n"
	"long DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.\n";

static void dnames(void **state)
{
	(void)state;
	struct text_view v = one_zone("com", dname, true);
	static const struct text_case cases[] = {
		{ "com A", "NOERROR aa; -; com SOA ns1.com; -" },
		{ "d.com A", "NOERROR aa; d.com A 192.0.2.2; -; -" },
		{ "d.com DNAME", "NOERROR aa; d.com DNAME example.net; -; -" },
		{ "d.com MX", "NOERROR aa; -; com SOA ns1.com; -" },
		{ "a.d.com A", "NOERROR aa; d.com DNAME example.net, a.d.com CNAME a.example.net; -; -" },
		{ "a.b.D.com A", "NOERROR aa; D.com DNAME example.net, a.b.D.com CNAME a.b.example.net; -; -" },
		{ "ab.x.com A", "NOERROR aa; x.com DNAME x.x, ab.x.com CNAME ab.x.x; -; -" },
		{ "cyc.to-root.com A", "NOERROR aa; to-root.com DNAME ., cyc.to-root.com CNAME cyc; -; -" },
		{ "a.inner.com A", "NOERROR aa; inner.com DNAME goal.com, a.inner.com CNAME a.goal.com, "
		  "a.goal.com A 192.0.2.3; -; -" },
		{ "a.inner.com CNAME", "NOERROR aa; inner.com DNAME goal.com, a.inner.com CNAME a.goal.com; -; -" },
		{ "b.inner.com A", "NXDOMAIN aa; inner.com DNAME goal.com, b.inner.com CNAME b.goal.com; "
		  "com SOA ns1.com; -" },
		{ "a.twice.com A", "NOERROR aa; twice.com DNAME inner.com, a.twice.com CNAME a.inner.com, "
		  "inner.com DNAME goal.com, a.inner.com CNAME a.goal.com, a.goal.com A 192.0.2.3; -; -" },
		/* the DNAME is signed, the CNAME made from it is not (RFC 6672 section 5.3.1) */
		{ "a.inner.com A +do", "NOERROR aa; inner.com DNAME goal.com, inner.com RRSIG DNAME, "
		  "a.inner.com CNAME a.goal.com, a.goal.com A 192.0.2.3, a.goal.com RRSIG A; -; -" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa.long.com A", "YXDOMAIN aa; long.com DNAME "
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; -; -" },
	};
	TEXT_CHECK(&v.view, cases);

	struct text_query *q = malloc(sizeof(*q)); /* one that grows by itself ends, each DNAME said once */
	text_ask(q, &v.view, "z.round.com A +tcp");
	assert_int_equal(q->response[3] & 15, RCODE_NOERROR);
	assert_int_equal(wire_get16(q->response + 6), 2 + QUERY_CHAIN_MAX + 1);
	free(q);
	text_withdraw(&v);
}

static void truncation(void **state)
{
	(void)state;
	char lines[16384] = SOA "@ NS ns1\nns1 A 192.0.2.1\nsub NS ns.sub\n";
	for (unsigned i = 1; i <= 60; i++)
		snprintf(lines + strlen(lines), 128, "big A 192.0.2.%u\nmx MX %u m%u\nm%u A 192.0.2.%u\nns.sub A 192.0.3.%u\n",
		         i, i, i, i, i, i);
	struct text_view v = one_zone("example", lines, false);
	struct text_query *q = malloc(sizeof(*q));
	assert_string_equal(text_ask(q, &v.view, "big.example A"), "NOERROR aa tc; -; -; -");
	text_ask(q, &v.view, "big.example A +edns");
	assert_int_equal(wire_get16(q->response + 6), 60);
	assert_false(q->response[2] & FLAG_TC >> 8);
	/* additional records are only a help, glue is not (RFC 9471) */
	text_ask(q, &v.view, "mx.example MX +edns");
	assert_int_equal(wire_get16(q->response + 6), 60);
	assert_false(q->response[2] & FLAG_TC >> 8);
	assert_true(q->query.response_len <= 1232);
	assert_string_equal(text_ask(q, &v.view, "a.sub.example A"), "NOERROR tc; -; sub.example NS ns.sub.example; -");
	text_ask(q, &v.view, "a.sub.example A +tcp");
	assert_false(q->response[2] & FLAG_TC >> 8);
	assert_int_equal(wire_get16(q->response + 10), 60);
	free(q);
	text_withdraw(&v);
}

/* A forwarded name inside a signed zone: its cut shows in proofs and nowhere else. */
/* All glue of a referral, however many name servers there are (RFC 9471 section 3). */
static void much_glue(void **state)
{
	(void)state;
	char lines[16384] = SOA "@ NS ns1\nns1 A 192.0.2.1\n";
	for (unsigned i = 1; i <= 50; i++)
		snprintf(lines + strlen(lines), 128, "sub NS n%u.sub\nn%u.sub A 192.0.2.%u\nn%u.sub AAAA 2001:db8::%u\n",
		         i, i, i, i, i);
	struct text_view v = one_zone("example", lines, false);
	struct text_query *q = malloc(sizeof(*q));
	text_ask(q, &v.view, "a.sub.example A +tcp");
	assert_false(q->response[2] & FLAG_TC >> 8);
	assert_int_equal(wire_get16(q->response + 8), 50);
	assert_int_equal(wire_get16(q->response + 10), 100);
	text_ask(q, &v.view, "a.sub.example A +edns");
	assert_true(q->response[2] & FLAG_TC >> 8);
	free(q);
	text_withdraw(&v);
}

/* A host that several records name is added once. */
static void one_host(void **state)
{
	(void)state;
	struct text_view v = one_zone("example", SOA "@ NS ns1\nns1 A 192.0.2.1\nm MX 1 ns1\nm MX 2 ns1\n", false);
	static const struct text_case cases[] = {
		{ "m.example MX", "NOERROR aa; m.example MX ns1.example, m.example MX ns1.example; -; "
		  "ns1.example A 192.0.2.1" },
	};
	TEXT_CHECK(&v.view, cases);
	text_withdraw(&v);
}

static void carved_cuts(void **state)
{
	(void)state;
	static const char lines[] = SOA "@ NS ns1\nns1 A 192.0.2.1\n* A 192.0.2.2\n";
	struct zone *zone;
	uint8_t name[NAME_MAX];
	name_from_text(name, "example");
	assert_int_equal(zone_new(&zone, name), MIST_OK);
	text_add(zone, lines);
	name_from_text(name, "update.example");
	assert_int_equal(zone_carve(zone, name, false, &text_reporter), MIST_OK);
	name_from_text(name, "below.example");
	assert_int_equal(zone_carve(zone, name, true, &text_reporter), MIST_OK);
	assert_int_equal(zone_complete(zone, &text_reporter), MIST_OK);
	text_sign(zone);
	struct text_view v = { .zones = { zone }, .rules = { text_rule("update.example", false, 0),
		                                                 text_rule("*.below.example", false, 0) } };
	text_publish(&v);
	static const struct text_case cases[] = {
		{ "update.example A", "FORWARD" },
		{ "update.example NS", "FORWARD" },
		{ "update.example DS +do", "NOERROR aa; -; " SOA_SIGNED ", "
		  SIGNED("update.example", "NSEC", "example") "; -" },
		{ "update.example NSEC +do", "NOERROR aa; " SIGNED("update.example", "NSEC", "example") "; -; -" },
		{ "x.below.example A +do", "FORWARD" },
		{ "below.example DS +do", "NOERROR aa; -; " SOA_SIGNED ", "
		  SIGNED("below.example", "NSEC", "ns1.example") "; -" },
		{ "below.example MX +do", "NOERROR aa; -; below.example SOA localhost; -" },
		{ "below.example NS", "NOERROR aa; -; below.example SOA localhost; -" },
		{ "unrelated.example A", "NOERROR aa; unrelated.example A 192.0.2.2; -; -" },
	};
	TEXT_CHECK(&v.view, cases);
	text_withdraw(&v);
}

/* Names that others answer, with the zone's behind them, are not the wildcard's (core/zone.h). */
static void search_suffixes(void **state)
{
	(void)state;
	static const struct zone_address loopback = { 4, { 127, 0, 0, 1 } };
	static const char *const known[] = { "dev", "editor.land", "www.example.com", "x.www.example.com", "ns.editor.land" };
	struct zone *zone;
	uint8_t name[NAME_MAX];
	name_from_text(name, "editor.land");
	assert_int_equal(zone_new(&zone, name), MIST_OK);
	assert_int_equal(zone_make(zone, &loopback, 1, 300, 1), MIST_OK);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		name_from_text(name, known[i]);
		assert_int_equal(zone_carve_suffix(zone, name, i == 0), MIST_OK);
	}
	assert_int_equal(zone_complete(zone, &text_reporter), MIST_OK);
	text_sign(zone);
	struct text_view v = { .zones = { zone } };
	text_publish(&v);
#define NOTHING(owner) "NXDOMAIN aa; -; " owner " SOA localhost; -"
#define LOOPBACK(owner) "NOERROR aa; " owner " A 127.0.0.1; -; -"
#define LAND_SOA SIGNED("editor.land", "SOA", "ns.editor.land")
	static const struct text_case cases[] = {
		{ "www.example.com.editor.land A", NOTHING("www.example.com.editor.land") },
		{ "www.example.com.editor.land HTTPS +do", NOTHING("www.example.com.editor.land") },
		{ "a.x.www.example.com.editor.land AAAA +do", NOTHING("www.example.com.editor.land") },
		{ "x.www.example.com.editor.land DS +do", NOTHING("www.example.com.editor.land") },
		{ "www.editor.land.editor.land A", NOTHING("editor.land.editor.land") },
		/* the zone's side of the cut, for validators */
		{ "www.example.com.editor.land DS +do", "NOERROR aa; -; " LAND_SOA ", "
		  SIGNED("www.example.com.editor.land", "NSEC", "dev.editor.land") "; -" },
		{ "www.example.com.editor.land NSEC +do", "NOERROR aa; "
		  SIGNED("www.example.com.editor.land", "NSEC", "dev.editor.land") "; -; -" },
		/* names around it are the wildcard's as before */
		{ "example.com.editor.land A", LOOPBACK("example.com.editor.land") },
		{ "ftp.example.com.editor.land A", LOOPBACK("ftp.example.com.editor.land") },
		{ "com.editor.land A", LOOPBACK("com.editor.land") },
		{ "land.editor.land A", LOOPBACK("land.editor.land") },
		{ "www.example.editor.land A", LOOPBACK("www.example.editor.land") },
		/* a single label may be meant as it stands */
		{ "dev.editor.land A", LOOPBACK("dev.editor.land") },
		{ "api.dev.editor.land A", NOTHING("dev.editor.land") },
	};
	TEXT_CHECK(&v.view, cases);
	text_withdraw(&v);
}

/* Zone files keep their wildcards as they are. */
static void no_search_suffix(void **state)
{
	(void)state;
	struct zone *zone;
	uint8_t name[NAME_MAX];
	name_from_text(name, "example");
	assert_int_equal(zone_new(&zone, name), MIST_OK);
	text_add(zone, SOA "@ NS ns1\nns1 A 192.0.2.1\n* A 192.0.2.2\n");
	name_from_text(name, "www.test");
	assert_int_equal(zone_carve_suffix(zone, name, false), MIST_OK);
	assert_int_equal(zone_complete(zone, &text_reporter), MIST_OK);
	struct text_view v = { .zones = { zone } };
	text_publish(&v);
	static const struct text_case cases[] = {
		{ "www.test.example A", "NOERROR aa; www.test.example A 192.0.2.2; -; -" },
	};
	TEXT_CHECK(&v.view, cases);
	text_withdraw(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards),  cmocka_unit_test(dnssec), cmocka_unit_test(nsec3),
		cmocka_unit_test(cnames),
		cmocka_unit_test(a_chain_is_bounded), cmocka_unit_test(dnames), cmocka_unit_test(truncation),
		cmocka_unit_test(much_glue), cmocka_unit_test(one_host), cmocka_unit_test(carved_cuts),
		cmocka_unit_test(search_suffixes), cmocka_unit_test(no_search_suffix),
	};
	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
