/*
 * Zones, questions and answers as text, for tests of the answering code.
 *
 *   zone:      "www A 192.0.2.1", a line each; names without final dot are below the apex, "@" is it
 *   question:  "www.example A" and options: "+do", "+tcp", "+rd" ...
 *   answer:    "NOERROR aa; www.example A 192.0.2.1; -; -": rcode and flags, then the three
 *              sections, records separated by ", ", empty ones "-"; the OPT record is left out
 *
 * Zones are "signed" with NSEC records and signatures that hold no more than what they cover.
 */
#ifndef TESTS_CORE_ZONE_TEXT_H
#define TESTS_CORE_ZONE_TEXT_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/query.h"

/* ---- text to zone ---- */

static inline size_t text_name(uint8_t to[NAME_MAX], const char *text, const uint8_t *apex)
{
	if (strcmp(text, "@") == 0)
		return name_copy(to, apex);
	size_t len = name_from_text(to, text);
	assert_int_not_equal(len, 0);
	if (text[strlen(text) - 1] != '.')
		len += name_copy(to + len - 1, apex) - 1;
	return name_lower(to, to), len;
}

/* RDATA from words, by type: enough for tests. */
static inline size_t text_rdata(uint8_t *to, uint16_t type, char *text, const uint8_t *apex)
{
	struct writer w = writer_on(to, 1024);
	const struct type_info *info = type_info(type);
	uint8_t name[NAME_MAX];
	char *save = NULL, *word = strtok_r(text, " ", &save);
	if (type == TYPE_A || type == TYPE_AAAA)
		return assert_int_equal(inet_pton(type == TYPE_A ? AF_INET : AF_INET6, word, to), 1),
		       type == TYPE_A ? 4u : 16u;
	for (unsigned i = 0; word && i < sizeof(info->steps) && info->steps[i] != RDATA_END; i++) {
		const uint8_t step = info->steps[i];
		if (step == RDATA_NAME) {
			writer_put(&w, name, text_name(name, word, apex));
		} else if (step == RDATA_STRING) {
			writer_u8(&w, (uint8_t)strlen(word));
			writer_put(&w, word, strlen(word));
		} else { /* numbers of two or four octets, all that tests need */
			const int octets = step - RDATA_FIXED_1 + 1, size = octets % 4 ? 2 : 4;
			for (int left = octets; left > 0 && word; left -= size) {
				const uint32_t number = (uint32_t)strtoul(word, NULL, 10);
				if (size == 2)
					writer_u16(&w, (uint16_t)number);
				else
					writer_u32(&w, number);
				if (left > size)
					word = strtok_r(NULL, " ", &save);
			}
		}
		word = strtok_r(NULL, " ", &save);
	}
	for (; word; word = strtok_r(NULL, " ", &save)) { /* the rest in hex */
		for (; word[0] && word[1]; word += 2) {
			unsigned octet;
			sscanf(word, "%2x", &octet);
			writer_u8(&w, (uint8_t)octet);
		}
	}
	assert_false(w.failed);
	return writer_len(&w);
}

static inline void text_report(void *user, enum mist_level level, const char *file, unsigned line,
                               const char *text)
{
	(void)user, (void)file;
	if (level == MIST_LEVEL_ERROR)
		print_message("line %u: %s\n", line, text);
}
static const struct mist_reporter text_reporter = { text_report, NULL };

static inline void text_add(struct zone *zone, const char *lines)
{
	char *copy = strdup(lines), *save = NULL;
	unsigned number = 0;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char owner[256], type[32];
		int rest = 0;
		number++;
		if (sscanf(line, " %255s %31s %n", owner, type, &rest) < 2)
			continue;
		uint8_t name[NAME_MAX], rdata[1024];
		text_name(name, owner, zone->name);
		const uint16_t number_of_type = type_from_text(type);
		const size_t len = text_rdata(rdata, number_of_type, line + rest, zone->name);
		const struct mist_record record = { .owner = name, .type = number_of_type, .ttl = 3600,
			                                .rdata = rdata, .rdata_len = (uint16_t)len, .line = number };
		if (zone_add(zone, &record, &text_reporter) != MIST_OK)
			fail_msg("line %u does not fit", number);
	}
	free(copy);
}

/* ---- pretended signatures ---- */

struct text_signing {
	struct zone *zone;
	const struct node *nodes[256];
	unsigned count;
};

static inline int text_collect(void *user, const struct node *node)
{
	struct text_signing *signing = user;
	assert_true(signing->count < 256);
	if (!(node->flags & NODE_OCCLUDED) && node->rrset_count > 0)
		signing->nodes[signing->count++] = node;
	return 0;
}

static inline void text_put_signed(struct zone *zone, const struct node *node, const struct rrset *set)
{
	uint8_t rdata[18 + NAME_MAX + 4] = { 0 };
	uint8_t owner[NAME_MAX];
	wire_set16(rdata, set->type);
	rdata[2] = 13;
	rdata[3] = (uint8_t)(name_labels(node->name) - name_is_wildcard(node->name));
	const size_t len = 18 + name_copy(rdata + 18, zone->name);
	const struct record sig = { TYPE_RRSIG, set->ttl, (uint16_t)(len + 4), rdata };
	name_copy(owner, node->name);
	assert_int_equal(zone_put(zone, owner, rrset_signed(set, &sig, 1)), MIST_OK);
}

static inline void text_sign(struct zone *zone)
{
	struct text_signing signing = { .zone = zone };
	zone_each(zone, text_collect, &signing);
	for (unsigned i = 0; i < signing.count; i++) {
		const struct node *node = signing.nodes[i];
		const bool cut = node->flags & NODE_CUT;
		uint16_t types[32];
		unsigned count = 0;
		for (unsigned j = 0; j < node->rrset_count; j++)
			if (!cut || node->rrsets[j]->type == TYPE_DS)
				types[count++] = node->rrsets[j]->type;
		for (unsigned j = 0; j < count; j++)
			text_put_signed(zone, node, node_rrset(node, types[j]));

		uint8_t rdata[NAME_MAX];
		bool too_large;
		const size_t len = name_copy(rdata, signing.nodes[(i + 1) % signing.count]->name);
		struct rrset *nsec = rrset_with(NULL, TYPE_NSEC, 3600, rdata, (uint16_t)len, &too_large);
		text_put_signed(zone, node, nsec);
		free(nsec);
	}
	zone->is_signed = true;
}

static inline struct zone *text_zone(const char *apex, const char *lines, bool sign)
{
	struct zone *zone;
	uint8_t name[NAME_MAX];
	name_from_text(name, apex);
	assert_int_equal(zone_new(&zone, name), MIST_OK);
	text_add(zone, lines);
	assert_int_equal(zone_complete(zone, &text_reporter), MIST_OK);
	if (sign)
		text_sign(zone);
	return zone;
}

/* ---- question ---- */

struct text_query {
	struct query query;
	enum verdict verdict;
	uint8_t request[1024], response[65535];
	char text[16384];
};

static struct memo *text_memo; /* of the queries; NULL at first */

static const struct identity text_identity = {
	.cookie_secret = { 1 },
	.question_secret = { { 0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0 } },
	.nsid = "mist-test",
	.tcp_idle_ms = 10000,
};

static inline size_t text_request(uint8_t *to, const char *question)
{
	char name_text[256], type_text[32];
	uint8_t name[NAME_MAX];
	assert_int_equal(sscanf(question, "%255s %31s", name_text, type_text), 2);
	const bool dnssec = strstr(question, "+do"), edns = dnssec || strstr(question, "+edns");
	struct writer w = writer_on(to, 1024);
	writer_u16(&w, 0x1234);
	writer_u16(&w, strstr(question, "+rd") ? FLAG_RD : 0);
	writer_u16(&w, 1);
	writer_u32(&w, 0);
	writer_u16(&w, edns);
	writer_put(&w, name, name_from_text(name, name_text));
	writer_u16(&w, type_from_text(type_text));
	writer_u16(&w, CLASS_IN);
	if (edns) {
		writer_put(&w, "\0\0\x29", 3);
		writer_u16(&w, 1232);
		writer_u32(&w, dnssec ? 0x8000 : 0);
		writer_u16(&w, 0);
	}
	return writer_len(&w);
}

/* ---- response to text ---- */

struct text_out {
	char *at, *end;
};

static inline void text_say(struct text_out *out, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	const int len = vsnprintf(out->at, (size_t)(out->end - out->at), format, list);
	va_end(list);
	assert_true(len >= 0 && len < out->end - out->at);
	out->at += len;
}

static inline size_t text_say_name(struct text_out *out, const uint8_t *message, size_t len, size_t at)
{
	uint8_t name[NAME_MAX];
	char text[NAME_TEXT_MAX];
	const size_t taken = name_read(message, len, at, name);
	assert_int_not_equal(taken, 0);
	name_to_text(text, name);
	text_say(out, "%s", text);
	return taken;
}

static inline size_t text_say_record(struct text_out *out, const uint8_t *message, size_t len,
                                     size_t at, bool *shown)
{
	char type_text[16], address[64], *start = out->at;
	at += text_say_name(out, message, len, at);
	assert_true(at + 10 <= len);
	const uint16_t type = wire_get16(message + at), rdata_len = wire_get16(message + at + 8);
	text_say(out, " %s", type_to_text(type, type_text));
	at += 10;
	assert_true(at + rdata_len <= len);
	const uint8_t *rdata = message + at;
	size_t skip = type == TYPE_MX ? 2u : type == TYPE_SRV ? 6u : 0u;
	text_say(out, " ");
	if (type == TYPE_A || type == TYPE_AAAA)
		text_say(out, "%s", inet_ntop(type == TYPE_A ? AF_INET : AF_INET6, rdata, address, sizeof(address)));
	else if (type == TYPE_NS || type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_SOA ||
	         type == TYPE_NSEC || type == TYPE_MX || type == TYPE_SRV || type == TYPE_PTR)
		text_say_name(out, message, len, at + skip);
	else if (type == TYPE_RRSIG)
		text_say(out, "%s", type_to_text(wire_get16(rdata), type_text));
	else
		out->at--;
	*shown = type != TYPE_OPT;
	if (type == TYPE_OPT)
		out->at = start;
	*out->at = 0;
	return at + rdata_len;
}

static inline void text_response(struct text_out *out, const uint8_t *message, size_t len)
{
	char rcode[16];
	const unsigned flags = wire_get16(message + 2);
	assert_true(len >= MESSAGE_HEADER);
	text_say(out, "%s", rcode_to_text(flags & 15, rcode));
	text_say(out, "%s%s%s%s", flags & FLAG_AA ? " aa" : "", flags & FLAG_TC ? " tc" : "",
	         flags & FLAG_RA ? " ra" : "", flags & FLAG_AD ? " ad" : "");
	size_t at = MESSAGE_HEADER;
	uint8_t name[NAME_MAX];
	if (wire_get16(message + 4))
		at += name_read(message, len, at, name) + 4;
	for (unsigned section = 0; section < 3; section++) {
		unsigned said = 0;
		text_say(out, "; ");
		for (unsigned i = wire_get16(message + 6 + 2 * section); i > 0; i--) {
			bool shown;
			char *start = out->at;
			if (said)
				text_say(out, ", ");
			at = text_say_record(out, message, len, at, &shown);
			if (!shown)
				*(out->at = start) = 0;
			said += shown;
		}
		if (!said)
			text_say(out, "-");
	}
	assert_int_equal(at, len);
}

static inline const char *text_ask_octets(struct text_query *q, const struct view *view, size_t len,
                                          enum transport transport)
{
	static const char *const verdicts[] = { "DROP", "REPLY", "FORWARD", "HANDOFF" };
	q->query.octets = q->request;
	q->query.len = len;
	q->query.response = q->response;
	q->query.response_size = sizeof(q->response);
	q->query.transport = transport;
	q->query.client_len = 4;
	memcpy(q->query.client, "\177\0\0\1", 4);
	q->query.now_s = 1700000000;
	q->query.identity = &text_identity;
	q->query.key = NULL;
	q->query.memo = text_memo;
	q->query.glimpse = NULL;
	q->verdict = query_process(&q->query, view);
	if (q->verdict == QUERY_REPLY) {
		struct text_out out = { q->text, q->text + sizeof(q->text) };
		text_response(&out, q->response, q->query.response_len);
	} else {
		strcpy(q->text, verdicts[q->verdict]);
	}
	return q->text;
}

static inline const char *text_ask(struct text_query *q, const struct view *view, const char *question)
{
	return text_ask_octets(q, view, text_request(q->request, question),
	                       strstr(question, "+tcp") ? TRANSPORT_TCP : TRANSPORT_UDP);
}

struct text_case {
	const char *question, *answer;
};

/* Each without a memo, and then until it is one that a memo remembers. */
static inline void text_check(const struct view *view, const struct text_case *cases, size_t count)
{
	struct text_query *q = malloc(sizeof(*q));
	struct memo *memo;
	unsigned wrong = 0;
	assert_int_equal(memo_new(&memo, &text_identity.question_secret), MIST_OK);
	for (size_t i = 0; i < 4 * count; i++) {
		const struct text_case *asked = &cases[i / 4];
		memset(q, 0xa5, sizeof(*q)); /* nothing may depend on what was there before */
		text_memo = i % 4 ? memo : NULL;
		if (strcmp(text_ask(q, view, asked->question), asked->answer) == 0)
			continue;
		print_message("%s\n  wanted %s\n  got    %s\n", asked->question, asked->answer, q->text);
		wrong++;
	}
	text_memo = NULL;
	memo_free(memo);
	free(q);
	assert_int_equal(wrong, 0);
}
#define TEXT_CHECK(view, cases) text_check(view, cases, sizeof(cases) / sizeof((cases)[0]))

/* ---- view ---- */

struct text_view {
	struct view view;
	struct zone *zones[8];
	struct rule rules[8];
};

static inline struct rule text_rule(const char *text, bool deny, enum mist_deny deny_as)
{
	struct rule rule = { .deny = deny, .deny_as = deny_as };
	const bool star = text[0] == '*', dot = text[0] == '.';
	rule.at_name = !star;
	rule.below = star || dot;
	name_from_text(rule.name, text + (star ? 2 : dot ? 1 : 0));
	strcpy(rule.text, text);
	return rule;
}

/* Takes zones and rules as they stand in `view`; NULL zones and empty rules end the lists. */
static inline void text_publish(struct text_view *v)
{
	assert_int_equal(routes_new(&v->view.routes), MIST_OK);
	for (unsigned i = 0; i < 8 && v->zones[i]; i++)
		routes_add_zone(v->view.routes, v->zones[i]);
	for (unsigned i = 0; i < 8 && v->rules[i].text[0]; i++)
		routes_add_rule(v->view.routes, &v->rules[i]);
	routes_set_default(v->view.routes, MIST_DENY_REFUSED, NULL);
}

static inline void text_withdraw(struct text_view *v)
{
	routes_free(v->view.routes);
	for (unsigned i = 0; i < 8 && v->zones[i]; i++)
		zone_release(v->zones[i]);
}

#endif
