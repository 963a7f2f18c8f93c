/*
 * The DNS server as one function, see query.h. query_process() at the end tells the story; above it
 * stand its steps in the order of a packet's walk: what surrounds an answer, what is no question,
 * and the loop that follows a name through routes and zones until it is answered.
 */
#include "core/query.h"

#include <string.h>

#include "core/answer.h"
#include "core/cookie.h"
#include "core/tsig.h"
#include "core/type.h"

/* Of made answers, localhost and names that are nowhere: they never change (RFC 6303 section 3). */
#define SPECIAL_TTL_S 10800

/* Octets the OPT record may need: itself, a cookie, a timeout. NSID and EDE take what is left. */
enum { OPT_FIXED = 11, OPT_COOKIE = 4 + COOKIE_LEN, OPT_KEEPALIVE = 6 };

/* ---- begin and end ---- */

bool query_note(struct query *query, const void *what)
{
	for (unsigned i = 0; i < query->note_count; i++)
		if (query->notes[i] == what)
			return false;
	if (query->note_count == QUERY_NOTES_MAX)
		return false;
	query->notes[query->note_count++] = what;
	return true;
}

void query_move(struct query *query, const uint8_t *name)
{
	name_lower(query->moved, name);
	name_key(&query->moved_key, query->moved, NAME_MAX);
	query->target = &query->moved_key;
}

static void take_cookie(struct query *query)
{
	const struct edns *edns = &query->request.edns;
	if (!edns->cookie_len || !query->client_len)
		return;
	const struct cookie_client client = { query->client, query->client_len, query->now_s };
	query->cookie_present = true;
	query->cookie_valid = cookie_answer(query->identity->cookie_secret, &client, edns->cookie,
	                                    edns->cookie_len, query->server_cookie);
}

static size_t response_limit(const struct query *query)
{
	const struct edns *edns = &query->request.edns;
	size_t limit = MESSAGE_MAX;
	if (query->transport == TRANSPORT_UDP)
		limit = !edns->present ? MESSAGE_UDP_PLAIN
		        : edns->udp_size < MESSAGE_UDP_EDNS ? edns->udp_size : MESSAGE_UDP_EDNS;
	return limit < query->response_size ? limit : query->response_size;
}

/* Header, question, and nothing said yet. */
static inline void begin(struct query *query)
{
	const struct edns *edns = &query->request.edns;
	const size_t reserve = !edns->present ? 0u
		: OPT_FIXED + (query->cookie_present ? OPT_COOKIE : 0u) +
		  (edns->keepalive ? OPT_KEEPALIVE : 0u);
	answer_begin(&query->answer, &query->request, query->response, response_limit(query), reserve);
	query->rcode = RCODE_NOERROR;
	query->ede = EDE_NONE;
	query->ede_text = NULL;
	query->steps = 0;
	query->expanded_count = 0;
	query->note_count = 0;
}

static inline enum verdict finish(struct query *query)
{
	const struct edns *edns = &query->request.edns;
	struct edns_reply reply;
	reply.present = edns->present;
	if (edns->present)
		reply = (struct edns_reply){
			.present = true,
			.dnssec_ok = edns->dnssec_ok,
			.rcode_high = query->rcode >> 4,
			.ede = query->ede,
			.ede_text = query->ede_text,
			.cookie = query->cookie_present ? query->server_cookie : NULL,
			.nsid = edns->nsid ? query->identity->nsid : NULL,
			.keepalive_ds = edns->keepalive && query->transport == TRANSPORT_TCP
			                ? (int)(query->identity->tcp_idle_ms / 100 & 0xffff) : -1,
		};
	const unsigned flags = FLAG_QR | (unsigned)query->request.opcode << 11 |
	                       (query->request.flags & FLAG_RD) | query->flags;
	query->response_len = answer_finish(&query->answer, (uint16_t)flags, query->rcode, &reply);
	return QUERY_REPLY;
}

enum verdict query_fail(struct query *query, unsigned rcode, int ede, const char *ede_text)
{
	begin(query);
	query->flags &= FLAG_RA;
	query->rcode = rcode;
	query->ede = ede;
	query->ede_text = ede_text;
	return finish(query);
}

/* ---- what is no question ---- */

static enum verdict answer_malformed(struct query *query, enum parsed parsed)
{
	const struct request *request = &query->request;
	if (parsed == PARSED_NOTIMP)
		return query_fail(query, RCODE_NOTIMP, EDE_NONE, NULL);
	if (parsed == PARSED_BADVERS)
		return query_fail(query, RCODE_BADVERS, EDE_NONE, NULL);
	/* A client that only wants a cookie, or to know if its own is still good (RFC 7873 section
	 * 5.4) */
	if (parsed == PARSED_NO_QUESTION && request->opcode == OPCODE_QUERY && query->cookie_present &&
	    wire_get32(request->octets + 6) == 0) {
		const bool good = query->cookie_valid || request->edns.cookie_len == 8;
		return query_fail(query, good ? RCODE_NOERROR : RCODE_BADCOOKIE, EDE_NONE, NULL);
	}
	return query_fail(query, RCODE_FORMERR, EDE_NONE, NULL);
}

/* A TSIG we have no key for: the same names, no signature, error BADKEY (RFC 8945 section
 * 5.3.2). */
static enum verdict answer_tsig(struct query *query)
{
	const struct request *request = &query->request;
	struct tsig_record record;
	if (!tsig_read(&record, request->octets, request->len, request->tsig_at))
		return query_fail(query, RCODE_FORMERR, EDE_NONE, NULL);

	query_fail(query, RCODE_NOTAUTH, EDE_NONE, NULL);
	record.mac_len = record.other_len = 0;
	record.id = request->id;
	record.error = TSIG_BADKEY;
	struct writer w = writer_on(query->response, response_limit(query));
	w.at += query->response_len;
	tsig_write(&w, &record);
	if (!w.failed) { /* else the rcode has to say it alone */
		wire_set16(query->response + 10, (uint16_t)(wire_get16(query->response + 10) + 1));
		query->response_len = writer_len(&w);
	}
	return QUERY_REPLY;
}

static bool name_is(const struct question *question, const char *wire, size_t len)
{
	return question->len == len && memcmp(question->name, wire, len) == 0;
}

/* Class CH: which server is this? (RFC 4892). The version stays hidden. */
static enum verdict answer_chaos(struct query *query)
{
	const struct question *question = &query->request.question;
	const bool id = name_is(question, "\2id\6server", 11) ||
	                name_is(question, "\10hostname\4bind", 15);
	const char *nsid = query->identity->nsid;
	const size_t len = nsid ? strlen(nsid) : 0;
	if (!id || question->type != TYPE_TXT || !nsid || len > 255)
		return query_fail(query, RCODE_REFUSED, EDE_NONE, NULL);

	struct writer *w = &query->answer.w;
	writer_u16(w, RRSET_OWNER);
	writer_u16(w, TYPE_TXT);
	writer_u16(w, CLASS_CH);
	writer_u32(w, 0);
	writer_u16(w, (uint16_t)(len + 1));
	writer_u8(w, (uint8_t)len);
	writer_put(w, nsid, len);
	if (w->failed)
		return query_fail(query, RCODE_SERVFAIL, EDE_NONE, NULL);
	query->answer.counts[SECTION_ANSWER] = 1;
	query->flags |= FLAG_AA;
	return finish(query);
}

/* Types that are no data: not to be found anywhere, and not to be sent anywhere. As BIND has it. */
static bool is_meta(uint16_t type)
{
	return type == 0 || type == TYPE_OPT || (type >= 128 && type <= 254);
}

static enum verdict answer_meta(struct query *query)
{
	const uint16_t type = query->request.question.type;
	const bool obsolete = type == TYPE_MAILA || type == TYPE_MAILB || type == TYPE_TKEY;
	return query_fail(query, obsolete ? RCODE_NOTIMP : RCODE_FORMERR, EDE_NONE, NULL);
}

/* Not for this function, but for code that keeps connections, keys and histories. */
static bool is_handoff(const struct request *request)
{
	if (request->opcode != OPCODE_QUERY)
		return true;
	return request->question.class == CLASS_IN &&
	       (request->question.type == TYPE_AXFR || request->question.type == TYPE_IXFR);
}

/* ---- the loop ---- */

/* A chain that cannot go on: what was gathered is the answer (RFC 6604 is silent, Knot and NSD
 * agree). */
static enum verdict end_chain(struct query *query, int ede, const char *ede_text)
{
	query->ede = ede;
	query->ede_text = ede_text;
	answer_wildcard_proofs(query);
	return finish(query);
}

static enum verdict answer_denied(struct query *query)
{
	const struct route *route = &query->lead.route;
	const char *text = route->rule ? route->rule->text : "no rule allows this name";
	if (query->steps > 0)
		return end_chain(query, EDE_BLOCKED, text);

	const enum mist_deny deny = route->search_suffix ? MIST_DENY_NXDOMAIN : route->deny_as;
	if (deny == MIST_DENY_DROP)
		return QUERY_DROP;
	query->ede = EDE_BLOCKED;
	query->ede_text = text;
	query->rcode = deny == MIST_DENY_NXDOMAIN ? RCODE_NXDOMAIN
	               : deny == MIST_DENY_NODATA ? RCODE_NOERROR : RCODE_REFUSED;
	if (query->rcode != RCODE_REFUSED)
		query->flags |= FLAG_AA; /* an answer: without it stubs would try elsewhere */
	return finish(query);
}

/* An address record of localhost, if one was asked for. */
static bool put_localhost(struct query *query)
{
	static const uint8_t v4[4] = { 127, 0, 0, 1 }, v6[16] = { [15] = 1 };
	const uint16_t asked = query->request.question.type;
	const uint16_t type = asked == TYPE_ANY ? TYPE_A : asked;
	if (type != TYPE_A && type != TYPE_AAAA)
		return false;
	const uint16_t len = type == TYPE_A ? sizeof(v4) : sizeof(v6);
	uint8_t record[RRSET_FIXED + sizeof(v6)];
	struct writer w = writer_on(record, sizeof(record));
	writer_u16(&w, RRSET_OWNER);
	writer_u16(&w, type);
	writer_u16(&w, CLASS_IN);
	writer_u32(&w, SPECIAL_TTL_S);
	writer_u16(&w, len);
	writer_put(&w, type == TYPE_A ? v4 : v6, len);
	answer_put_records(&query->answer, SECTION_ANSWER, query->target_at, record, 0, writer_len(&w), 1);
	return true;
}

static enum verdict answer_special(struct query *query)
{
	const struct special *special = query->lead.route.special;
	if (query->steps == 0)
		query->flags |= FLAG_AA;
	if (special->kind == SPECIAL_NXDOMAIN)
		query->rcode = RCODE_NXDOMAIN;
	if (special->kind == SPECIAL_NXDOMAIN || !put_localhost(query)) {
		uint8_t owner[NAME_MAX];
		name_from_text(owner, special->name);
		answer_made_soa(query, owner, SPECIAL_TTL_S);
	}
	answer_wildcard_proofs(query);
	return finish(query);
}

/* To upstreams. The first name always may; the rest of a chain only for clients that want
 * recursion. */
static enum verdict forward(struct query *query)
{
	if (query->steps > 0 && !(query->request.flags & FLAG_RD))
		return end_chain(query, EDE_NOT_AUTHORITATIVE, "the chain leads out and RD is 0");
	query->flags |= query->request.flags & FLAG_CD;
	return QUERY_FORWARD;
}

/* Makes the new target the next step of the chain. False when it was there before, or the chain is
 * longer than any good one: then what was gathered has to do. */
static bool next_step(struct query *query, uint16_t from_at)
{
	query->chain_at[query->steps++] = from_at;
	for (unsigned i = 0; i < query->steps; i++) {
		uint8_t name[NAME_MAX];
		answer_name(&query->answer, query->chain_at[i], name);
		if (name_equal(name, query->target->name))
			return false;
	}
	return query->steps <= QUERY_CHAIN_MAX;
}

/* The question may have been asked before; where a chain leads is looked up. */
static void look_up(struct query *query, const struct view *view)
{
	if (query->steps > 0) {
		lead_find(view, query->target, query->request.question.type, &query->lead);
		return;
	}
	memo_lead(query->memo, view, &query->request, &query->lead);
	query->first = query->lead.route.kind;
}

/* A catalog says who is served, and where: only those may know who may have it as a whole. */
static bool may_ask(const struct query *query, const struct zone *zone)
{
	if (!zone->catalog || query->transport == TRANSPORT_LOCAL)
		return true;
	return zone->access && access_allows(&zone->access->transfer, query->client, query->client_len, query->key);
}

static enum verdict answer_catalog(struct query *query)
{
	static const char text[] = "a catalog answers those alone who may transfer it";
	return query->steps > 0 ? end_chain(query, EDE_PROHIBITED, text)
	                        : query_fail(query, RCODE_REFUSED, EDE_PROHIBITED, text);
}

static enum verdict answer_target(struct query *query, const struct view *view)
{
	for (;;) {
		const uint16_t at = query->target_at;
		look_up(query, view);
		switch (query->lead.route.kind) {
		case ROUTE_DENY:
			return answer_denied(query);
		case ROUTE_SPECIAL:
			return answer_special(query);
		case ROUTE_FORWARD:
			return forward(query);
		case ROUTE_LOCAL:
			if (!may_ask(query, query->lead.route.zone))
				return answer_catalog(query);
			if (query->lead.route.zone->failed)
				return query_fail(query, RCODE_SERVFAIL, EDE_NOT_READY, query->lead.route.zone->reason);
			if (answer_from_zone(query) == ANSWERED)
				return finish(query);
			if (!next_step(query, at))
				return end_chain(query, EDE_NONE, NULL);
		}
	}
}

enum verdict query_resume(struct query *query, const struct view *view, bool more)
{
	if (!more)
		return end_chain(query, query->ede, query->ede_text);
	if (query->steps >= QUERY_CHAIN_MAX)
		return end_chain(query, EDE_NONE, NULL);
	/* The names in between are the upstream's matter; only the bound counts them. */
	query->chain_at[query->steps++] = MESSAGE_HEADER;
	return answer_target(query, view);
}

/* ---- the server ---- */

enum verdict query_process(struct query *query, const struct view *view)
{
	struct request *request = &query->request;
	const enum parsed parsed = message_parse_glimpsed(request, query->glimpse, query->octets, query->len);
	if (parsed == PARSED_DROP)
		return QUERY_DROP;

	query->flags = view->forwards ? FLAG_RA : 0;
	query->first = ROUTE_LOCAL;
	query->cookie_present = query->cookie_valid = false;
	take_cookie(query);
	if (parsed == PARSED_OK && (is_handoff(request) || (request->tsig_at && view->keyring)))
		return QUERY_HANDOFF;

	begin(query);
	if (parsed != PARSED_OK)
		return answer_malformed(query, parsed);
	if (request->tsig_at)
		return answer_tsig(query);
	if (request->question.class == CLASS_CH)
		return answer_chaos(query);
	if (request->question.class != CLASS_IN)
		return query_fail(query, RCODE_REFUSED, EDE_NONE, NULL);
	if (is_meta(request->question.type))
		return answer_meta(query);

	query->target = &request->key;
	query->target_at = MESSAGE_HEADER;
	return answer_target(query, view);
}
