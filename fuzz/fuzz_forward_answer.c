/*
 * What an upstream sends, all the way to a client: check, cache, response. The first octets choose
 * the question and the client, the rest stands behind the question of the upstream's message.
 */
#include <stdlib.h>
#include <string.h>

#include "core/type.h"
#include "core/view.h"
#include "forward/append.h"
#include "forward/check.h"

#define NOW_S 1700000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) do { if (!(condition)) abort(); } while (0)

/* A rule for *.example that admits everything, a cut in a zone, and a zone that chains
 * may lead to. */
static struct rule rules[2];
static struct zone zone;
static struct upstream_set set;
static struct view view;
static struct cache *cache;
static struct check check;

static void set_up(void)
{
	rules[0] = (struct rule){ .below = true, .policy = 1 };
	name_from_text(rules[0].name, "example");
	rules[1] = (struct rule){ .at_name = true, .policy = 2, .private_addresses = true };
	name_from_text(rules[1].name, "cut.home.example");
	zone.name_len = (uint8_t)name_from_text(zone.name, "home.example");
	zone.labels = 2;
	view = (struct view){ .number = 1, .upstream_sets = &set, .upstream_set_count = 1,
	                      .timeout_ms = 1000,
	                      .max_ttl_s = 300, .forwards = true };
	MUST(routes_new(&view.routes) == MIST_OK);
	MUST(routes_add_zone(view.routes, &zone) == MIST_OK);
	MUST(routes_add_rule(view.routes, &rules[0]) == MIST_OK);
	MUST(routes_add_rule(view.routes, &rules[1]) == MIST_OK);
	static const struct question_secret secret = { { 0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0 } };
	MUST(cache_new(&cache, 1 << 16, &secret) == MIST_OK);
}

/* A client's request and what query_process() made of it. */
static void ask(struct query *query, uint8_t *request, uint8_t *response, const uint8_t *choice)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_HTTPS, TYPE_MX, TYPE_ANY,
	                                  TYPE_RRSIG,
	                                  TYPE_TXT, TYPE_SOA, TYPE_DNAME, TYPE_SRV, TYPE_NAPTR, TYPE_DNSKEY,
	                                  TYPE_NS, TYPE_NSEC3, 65280 };
	static const char *const names[] = { "a.b.example", "cut.home.example" };
	static struct identity identity;
	uint8_t name[NAME_MAX];
	struct writer w = writer_on(request, 512);
	writer_u16(&w, 1);
	writer_u16(&w, FLAG_RD);
	writer_u16(&w, 1);
	writer_u32(&w, 0);
	writer_u16(&w, choice[1] & 1);
	writer_put(&w, name, name_from_text(name, names[choice[1] >> 1 & 1]));
	writer_u16(&w, types[choice[0] & 15]);
	writer_u16(&w, CLASS_IN);
	if (choice[1] & 1)
		writer_put(&w, choice[1] & 4 ? "\0\0\51\4\320\0\0\200\0\0\0" : "\0\0\51\4\320\0\0\0\0\0\0",
		           11);
	*query = (struct query){ .octets = request, .len = writer_len(&w), .response = response,
	                         .response_size = MESSAGE_MAX,
	                         .transport = choice[1] & 8 ? TRANSPORT_TCP : TRANSPORT_UDP,
	                         .now_s = NOW_S + (choice[1] >> 4), .identity = &identity };
	MUST(query_process(query, &view) == QUERY_FORWARD);
}

/* Whole records, as many as are counted, and nothing behind them. */
static void check_message(const uint8_t *octets, size_t len)
{
	uint8_t name[NAME_MAX];
	size_t at = MESSAGE_HEADER;
	MUST(len >= at && wire_get16(octets + 4) == 1);
	at += name_read(octets, len, at, name) + 4;
	unsigned records = (unsigned)wire_get16(octets + 6) + wire_get16(octets + 8) + wire_get16(octets + 10);
	for (; records > 0; records--) {
		const size_t owner = name_read(octets, len, at, name);
		MUST(owner > 0 && at + owner + 10 <= len);
		at += owner + 10 + wire_get16(octets + at + owner + 8);
	}
	MUST(at == len);
}

static void respond(struct query *query, const struct cache_answer *answer, bool remembered)
{
	const enum forwarded forwarded = append_answer(query, &view, answer, remembered);
	if (forwarded == FORWARD_MORE) {
		uint8_t name[NAME_MAX];
		MUST(name_within(query->target->name, zone.name));
		answer_name(&query->answer, query->target_at, name);
		MUST(name_equal(name, query->target->name));
	}
	MUST(query_resume(query, &view, false) == QUERY_REPLY);
	check_message(query->response, query->response_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t message[MESSAGE_MAX], response[MESSAGE_MAX], again[CACHE_MESSAGE_MAX];
	uint8_t request[512];
	struct query query;
	if (!cache)
		set_up();
	if (size < 10)
		return 0;
	ask(&query, request, response, data);

	struct question question;
	const struct cache_key key = append_key(&query, &view, &question);
	struct writer w = writer_on(message, sizeof message);
	writer_u16(&w, 1);
	writer_put(&w, data + 2, 2);
	writer_u16(&w, 1);
	writer_put(&w, data + 4, 6);
	writer_put(&w, key.question->name, key.question->len);
	writer_u16(&w, key.question->type);
	writer_u16(&w, CLASS_IN);
	writer_put(&w, data + 10, size - 10 < writer_room(&w) ? size - 10 : writer_room(&w));
	const size_t len = writer_len(&w);

	const enum datagram kind = check_datagram(request, query.len, message, len);
	(void)check_has_opt(message, len);
	struct cache_answer answer;
	const struct check_rules check_rules = {
		.question = key.question, .dnssec_ok = key.dnssec_ok, .max_ttl_s = view.max_ttl_s,
		.private_addresses = query.lead.route.rule->private_addresses,
	};
	const enum checked checked = check_answer(&check, &check_rules, message, len, &answer);
	if (kind == DATAGRAM_JUNK && len <= MESSAGE_UDP_EDNS)
		MUST(checked != CHECKED_ANSWER || (data[2] & 0x78) != 0); /* an opcode: TCP has no such check */
	answer.stored_s = NOW_S;
	unsigned evicted;
	struct cache_answer kept;
	const bool put = cache_put(cache, &key, NOW_S, &answer, &evicted);
	respond(&query, &answer, false);
	if (!put)
		return 0;
	ask(&query, request, response, data);
	if (cache_get(cache, &key, query.now_s, again, &kept)) {
		MUST(memcmp(kept.lens, answer.lens, sizeof kept.lens) == 0);
		respond(&query, &kept, true);
	}
	return 0;
}
