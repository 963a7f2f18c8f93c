/*
 * A client's octets through the whole answer path, over several zones and rules. What must hold of
 * any response: it fits its limit; id, opcode and question are those of the request; it parses,
 * counts included; names are whole and pointers go backwards (name_read); RDATA fits its type; the
 * OPT record is there exactly when the client sent one.
 *
 * And it is the same with a memo, and when the question was read ahead.
 *
 * The first octet of an input chooses transport and buffer, the rest is the request.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "core/type.h"

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: " #condition "\n", __FILE__, __LINE__); \
			abort(); \
		} \
	} while (0)

static struct view view;
static struct memo *memo;
static struct rule rules[5];

/* ---- the view ---- */

static void add(struct zone *zone, const char *owner, uint16_t type, const void *rdata, size_t len)
{
	uint8_t name[NAME_MAX];
	CHECK(name_from_text(name, owner));
	const struct mist_record record = { .owner = name, .type = type, .ttl = 60, .rdata = rdata,
		                                .rdata_len = (uint16_t)len };
	CHECK(zone_add(zone, &record, NULL) == MIST_OK);
}
#define ADD(zone, owner, type, literal) add(zone, owner, type, literal, sizeof(literal) - 1)

/* Signatures and NSECs that nobody checks, so that their paths are walked. */
struct nodes {
	const struct node *at[128];
	unsigned count;
};
static int collect(void *user, const struct node *node)
{
	struct nodes *nodes = user;
	if (node->rrset_count > 0 && !(node->flags & NODE_OCCLUDED))
		nodes->at[nodes->count++] = node;
	return 0;
}

static void put_signed(struct zone *zone, const struct node *node, const struct rrset *set)
{
	uint8_t rdata[18 + NAME_MAX + 64] = { 0 };
	wire_set16(rdata, set->type);
	const size_t len = 18 + name_copy(rdata + 18, zone->name);
	const struct record sig = { TYPE_RRSIG, set->ttl, (uint16_t)(len + 64), rdata };
	CHECK(zone_put(zone, node->name, rrset_signed(set, &sig, 1)) == MIST_OK);
}

static void sign(struct zone *zone)
{
	struct nodes nodes = { .count = 0 };
	zone_each(zone, collect, &nodes);
	for (unsigned i = 0; i < nodes.count; i++) {
		const struct node *node = nodes.at[i];
		const struct rrset *sets[16];
		const unsigned count = node->rrset_count;
		for (unsigned j = 0; j < count; j++)
			sets[j] = node->rrsets[j];
		for (unsigned j = 0; j < count; j++)
			if (!(node->flags & NODE_CUT) || sets[j]->type == TYPE_DS)
				put_signed(zone, node, sets[j]);
		uint8_t next[NAME_MAX + 3];
		bool too_large;
		size_t len = name_copy(next, nodes.at[(i + 1) % nodes.count]->name);
		memcpy(next + len, "\0\1\100", 3); /* a bitmap that says A */
		len += 3;
		struct rrset *nsec = rrset_with(NULL, TYPE_NSEC, 60, next, (uint16_t)len, &too_large);
		put_signed(zone, node, nsec);
		free(nsec);
	}
	zone->is_signed = true;
}

static struct zone *zone_of(const char *apex, bool with_signatures)
{
	struct zone *zone;
	uint8_t name[NAME_MAX];
	CHECK(name_from_text(name, apex));
	CHECK(zone_new(&zone, name) == MIST_OK);
	char ns[64], sub[64], text[64];
	snprintf(ns, sizeof(ns), "ns.%s", apex);
	ADD(zone, apex, TYPE_SOA, "\2ns\0\1h\0\0\0\0\1\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0");
	uint8_t ns_name[NAME_MAX];
	add(zone, apex, TYPE_NS, ns_name, name_from_text(ns_name, ns));
	ADD(zone, ns, TYPE_A, "\1\2\3\4");
	snprintf(text, sizeof(text), "*.%s", apex);
	ADD(zone, text, TYPE_A, "\x7f\0\0\1");
	snprintf(text, sizeof(text), "a.b.c.%s", apex);
	ADD(zone, text, TYPE_CNAME, "\1c\1a\0");
	snprintf(text, sizeof(text), "*.w.%s", apex);
	ADD(zone, text, TYPE_CNAME, "\1o\1t\0");
	snprintf(text, sizeof(text), "d.%s", apex);
	ADD(zone, text, TYPE_DNAME, "\1e\1a\0");
	snprintf(text, sizeof(text), "l.%s", apex);
	ADD(zone, text, TYPE_CNAME, "\1l\1a\0");
	snprintf(text, sizeof(text), "g.%s", apex);
	ADD(zone, text, TYPE_DNAME, "\37aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\1g\1a\0");
	snprintf(sub, sizeof(sub), "s.%s", apex);
	snprintf(text, sizeof(text), "n.s.%s", apex);
	add(zone, sub, TYPE_NS, ns_name, name_from_text(ns_name, text));
	ADD(zone, text, TYPE_A, "\1\2\3\5");
	snprintf(text, sizeof(text), "m.%s", apex);
	for (uint8_t i = 0; i < 40; i++) {
		uint8_t mx[2 + NAME_MAX] = { 0, i };
		add(zone, text, TYPE_MX, mx, 2 + name_copy(mx + 2, ns_name));
		ADD(zone, text, TYPE_TXT, "\30twenty-four octets of it");
		const uint8_t address[4] = { 10, 0, 0, i };
		add(zone, text, TYPE_A, address, 4);
	}
	if (with_signatures) {
		snprintf(text, sizeof(text), "u.%s", apex);
		CHECK(name_from_text(name, text));
		CHECK(zone_carve(zone, name, false, NULL) == MIST_OK);
	}
	CHECK(zone_complete(zone, NULL) == MIST_OK);
	if (with_signatures)
		sign(zone);
	return zone;
}

static void rule_of(struct rule *rule, const char *name, bool below, bool deny)
{
	name_from_text(rule->name, name);
	rule->at_name = true;
	rule->below = below;
	rule->deny = deny;
	strcpy(rule->text, name);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	CHECK(routes_new(&view.routes) == MIST_OK);
	static const struct question_secret secret = { { 0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0 } };
	CHECK(memo_new(&memo, &secret) == MIST_OK);
	struct zone *failed = zone_of("f", false);
	zone_fail(failed, "on purpose");
	CHECK(routes_add_zone(view.routes, zone_of("a", true)) == MIST_OK);
	CHECK(routes_add_zone(view.routes, zone_of("e.a", true)) == MIST_OK);
	CHECK(routes_add_zone(view.routes, zone_of("c", false)) == MIST_OK);
	CHECK(routes_add_zone(view.routes, failed) == MIST_OK);
	rule_of(&rules[0], "u.a", false, false);
	rule_of(&rules[1], "o", true, false);
	rule_of(&rules[2], "x.o", false, true);
	rule_of(&rules[3], "y.o", false, true);
	rules[3].deny_as = MIST_DENY_NXDOMAIN;
	rule_of(&rules[4], "z.o", false, true);
	rules[4].deny_as = MIST_DENY_DROP;
	for (unsigned i = 0; i < 5; i++)
		CHECK(routes_add_rule(view.routes, &rules[i]) == MIST_OK);
	view.forwards = true;
	return 0;
}

/* ---- the oracle ---- */

static void check_response(const struct query *query, size_t limit)
{
	const uint8_t *octets = query->response;
	const size_t len = query->response_len;
	CHECK(len >= MESSAGE_HEADER && len <= limit);
	CHECK(octets[2] & FLAG_QR >> 8);
	CHECK(memcmp(octets, query->octets, 2) == 0);
	CHECK((octets[2] & 0x78) == (query->octets[2] & 0x78));
	size_t at = MESSAGE_HEADER;
	if (wire_get16(octets + 4)) {
		CHECK(wire_get16(octets + 4) == 1);
		const size_t question = query->request.question.len + 4u;
		CHECK(at + question <= len);
		CHECK(memcmp(octets + at, query->octets + at, question) == 0); /* the case as well */
		at += question;
	}
	unsigned opts = 0;
	const unsigned before = (unsigned)wire_get16(octets + 6) + wire_get16(octets + 8);
	const unsigned count = before + wire_get16(octets + 10);
	for (unsigned i = 0; i < count; i++) {
		uint8_t name[NAME_MAX];
		const size_t taken = name_read(octets, len, at, name);
		CHECK(taken);
		at += taken;
		CHECK(at + 10 <= len);
		const uint16_t type = wire_get16(octets + at), rdata_len = wire_get16(octets + at + 8);
		opts += type == TYPE_OPT;
		CHECK(type != TYPE_OPT || i >= before);
		at += 10;
		CHECK(at + rdata_len <= len);
		if (type == TYPE_NS || type == TYPE_CNAME)
			CHECK(name_read(octets, len, at, name) == rdata_len);
		else if (type != TYPE_SOA && type != TYPE_MX && type != TYPE_OPT && type != TYPE_TSIG)
			CHECK(type_check(type, octets + at, rdata_len));
		at += rdata_len;
	}
	CHECK(at == len);
	CHECK(opts == query->request.edns.present);
}

/* Everything from the request to the response. */
static enum verdict answer(struct query *query, const uint8_t *data, size_t size, uint8_t *response)
{
	static const struct identity identity = { .nsid = "fuzz", .tcp_idle_ms = 10000 };
	query->octets = data + 1;
	query->len = size - 1;
	query->response = response;
	query->transport = data[0] & 1 ? TRANSPORT_TCP : TRANSPORT_UDP;
	query->response_size = data[0] & 1 ? MESSAGE_MAX : MESSAGE_UDP_EDNS;
	query->client_len = data[0] & 2 ? 16 : data[0] & 4 ? 0 : 4;
	memset(query->client, 1, sizeof(query->client));
	query->now_s = 1700000000;
	query->identity = &identity;
	query->key = NULL;

	enum verdict verdict = query_process(query, &view);
	for (unsigned rounds = 0; verdict == QUERY_FORWARD; rounds++) {
		CHECK(query->request.opcode == OPCODE_QUERY && query->request.question.class == CLASS_IN);
		CHECK(rounds <= QUERY_CHAIN_MAX);
		static const uint8_t back[] = "\300\14\0\5\0\1\0\0\0\5\0\7\1m\1w\1a\0";
		if (!(data[0] & 8) ||
		    !answer_put_records(&query->answer, SECTION_ANSWER, query->target_at, back, 0,
		                        sizeof(back) - 1, 1)) {
			verdict = query_resume(query, &view, false);
			break;
		}
		query_move(query, (const uint8_t *)"\1m\1w\1a");
		query->target_at = query->answer.last_name_at;
		verdict = query_resume(query, &view, true);
	}
	if (verdict == QUERY_HANDOFF)
		verdict = query_fail(query, RCODE_NOTIMP, EDE_NONE, NULL);
	if (verdict == QUERY_REPLY) {
		const struct edns *edns = &query->request.edns;
		const size_t udp = !edns->present ? 512 : edns->udp_size < 1232 ? edns->udp_size : 1232;
		check_response(query, query->transport == TRANSPORT_UDP ? udp : MESSAGE_MAX);
	}
	return verdict;
}

/* As above, but with a memo, and the question read before its turn; again and again it is the same. */
static void answer_again(const uint8_t *data, size_t size, enum verdict verdict, const uint8_t *response, size_t len)
{
	static uint8_t again[MESSAGE_MAX];
	struct query query;
	struct glimpse glimpse;
	for (unsigned times = 0; times < 3; times++) {
		memset(&query, 0x5a, sizeof(query));
		memset(&glimpse, 0xa5, sizeof(glimpse));
		query.memo = memo;
		query.glimpse = times && message_ahead(&glimpse, data + 1, size - 1) ? &glimpse : NULL;
		glimpse.hash = times == 2 ? memo_hash(memo, &glimpse.question) : 0;
		CHECK(answer(&query, data, size, again) == verdict);
		if (verdict == QUERY_REPLY)
			CHECK(query.response_len == len && memcmp(again, response, len) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t response[MESSAGE_MAX];
	struct query query;
	if (size < 1)
		return 0;
	memset(&query, 0xa5, sizeof(query));
	query.memo = NULL;
	query.glimpse = NULL;
	const enum verdict verdict = answer(&query, data, size, response);
	answer_again(data, size, verdict, response, query.response_len);
	return 0;
}
