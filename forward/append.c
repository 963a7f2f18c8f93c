/* Forwarded answers become responses (append.h). */
#include "forward/append.h"

#include <assert.h>
#include <string.h>

#include "core/answer.h"
#include "core/type.h"

#define CUT_NEGATIVE_TTL_S 60 /* of a negative answer that came without a TTL of its own */

const struct upstream_set *append_set(const struct route *route, const struct view *view)
{
	return &view->upstream_sets[route->rule ? route->rule->upstream_set : 0];
}

/* A cut in a zone of ours is an insecure delegation (docs/ARCHITECTURE.md): DNSSEC of the public name
 * would not fit our trust anchor, so it is not even asked for. */
static bool is_cut(const struct query *query) { return query->route.zone != NULL; }

struct cache_key append_key(const struct query *query, const struct view *view,
                            struct question *question)
{
	const struct rule *rule = query->route.rule;
	question->type = query->request.question.type;
	question->class = CLASS_IN;
	question->len = (uint8_t)name_copy(question->name, query->target);
	return (struct cache_key){
		.question = question,
		.dnssec_ok = query->request.edns.dnssec_ok && !is_cut(query),
		.checking_disabled = (query->request.flags & FLAG_CD) != 0,
		.policy = rule ? rule->policy : append_set(&query->route, view)->policy,
	};
}

/* ---- records in the form of rrset.h ---- */

struct item {
	const uint8_t *start, *end;
	uint16_t type;
	struct record record;
};

static bool next_item(struct reader *r, struct item *item)
{
	if (reader_left(r) == 0)
		return false;
	item->start = r->at;
	reader_take(r, *r->at >= 0xC0 ? 2 : name_len(r->at));
	item->type = item->record.type = reader_u16(r);
	reader_take(r, 2);
	item->record.ttl = reader_u32(r);
	item->record.rdata_len = reader_u16(r);
	item->record.rdata = reader_take(r, item->record.rdata_len);
	item->end = r->at;
	assert(!r->failed && "records that we made ourselves");
	return true;
}

static bool is_signature(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3;
}

/* ---- a chain that leads home ---- */

/* Finds the first CNAME of the chain whose target is a name of a local zone: the upstream's part of
 * the answer ends behind it and its RRSIGs. 0: there is none. */
static size_t find_way_home(const struct query *query, const struct view *view,
                            const struct cache_answer *answer, uint16_t *count,
                            uint8_t target[NAME_MAX])
{
	struct reader r = reader_on(answer->records, answer->lens[SECTION_ANSWER]);
	bool found = false;
	*count = 0;
	for (struct item item; next_item(&r, &item); ++*count) {
		if (found && item.type != TYPE_RRSIG)
			return (size_t)(item.start - answer->records);
		if (found || item.type != TYPE_CNAME)
			continue;
		struct route route;
		name_lower(target, item.record.rdata);
		route_find(view->routes, target, query->request.question.type, &route);
		found = route.kind == ROUTE_LOCAL;
	}
	return found ? answer->lens[SECTION_ANSWER] : 0;
}

/* A plain answer starts with the type that was asked for, and has no chain to look through. */
static bool has_chain(const struct query *query, const struct cache_answer *answer)
{
	const uint16_t type = query->request.question.type;
	if (answer->lens[SECTION_ANSWER] == 0 || type == TYPE_CNAME || type == TYPE_ANY)
		return false;
	return answer->records[0] < 0xC0 || wire_get16(answer->records + 2) != type;
}

/* ---- sections ---- */

/* Without signatures. That leaves whole RRsets only, so truncation between them is fine. */
static void put_stripped(struct query *query, const struct cache_answer *answer)
{
	struct reader r = reader_on(answer->records, answer->lens[SECTION_ANSWER]);
	for (struct item item; next_item(&r, &item);)
		if (!is_signature(item.type))
			answer_put_records(&query->answer, SECTION_ANSWER, query->target_at, item.start,
			                   (size_t)(item.end - item.start), 1);
}

static uint32_t ttl_left(const struct query *query, const struct cache_answer *answer)
{
	const uint32_t age = query->now_s > answer->stored_s ? query->now_s - answer->stored_s : 0;
	if (answer->ttl == 0)
		return CUT_NEGATIVE_TTL_S;
	return answer->ttl > age ? answer->ttl - age : 1;
}

static void put_cut(struct query *query, const struct cache_answer *answer)
{
	const struct rule *rule = query->route.rule;
	const uint16_t before = query->answer.counts[SECTION_ANSWER];
	put_stripped(query, answer);
	const bool empty = query->answer.counts[SECTION_ANSWER] == before && !query->answer.truncated;
	if ((answer->negative || empty) && rule)
		answer_made_soa(query, rule->name, ttl_left(query, answer));
}

static void put_whole(struct query *query, const struct cache_answer *answer)
{
	const uint8_t *at = answer->records;
	for (enum section section = SECTION_ANSWER; section <= SECTION_AUTHORITY; section++) {
		if (answer->counts[section] > 0)
			answer_put_records(&query->answer, section, query->target_at, at, answer->lens[section],
			                   answer->counts[section]);
		at += answer->lens[section];
	}
	/* AD speaks for the whole answer: a local chain before it was not validated by the upstream
	 * (RFC 6840 section 5.8). */
	const bool asked = query->request.edns.dnssec_ok || query->request.flags & FLAG_AD;
	if (answer->authentic && asked && query->steps == 0)
		query->flags |= FLAG_AD;
}

/* ---- the whole ---- */

enum forwarded append_failure(struct query *query, int ede, const char *text)
{
	answer_reset(&query->answer);
	query->expanded_count = 0; /* no proofs for what was taken back */
	query->flags &= (uint16_t)~(FLAG_AA | FLAG_AD);
	query->rcode = RCODE_SERVFAIL;
	query->ede = ede;
	query->ede_text = text;
	return FORWARD_DONE;
}

static enum forwarded append_refusal(struct query *query, const struct cache_answer *answer)
{
	append_failure(query, answer->ede, "the answer points at a private address");
	query->rcode = answer->rcode;
	return FORWARD_DONE;
}

enum forwarded append_answer(struct query *query, const struct view *view,
                             const struct cache_answer *answer, bool remembered)
{
	if (answer->failure)
		return append_failure(query, remembered ? EDE_CACHED_ERROR : answer->ede,
		                      remembered ? "the upstreams failed a moment ago" : NULL);
	if (answer->rcode == RCODE_REFUSED)
		return append_refusal(query, answer);

	uint8_t target[NAME_MAX];
	uint16_t count;
	const size_t home =
		has_chain(query, answer) ? find_way_home(query, view, answer, &count, target) : 0;
	if (home > 0) {
		if (!answer_put_records(&query->answer, SECTION_ANSWER, query->target_at, answer->records,
		                        home, count))
			return FORWARD_DONE; /* truncated: the client comes back by TCP */
		query->target_at = query->answer.last_name_at;
		name_copy(query->target, target);
		return FORWARD_MORE;
	}
	query->rcode = answer->rcode;
	if (is_cut(query))
		put_cut(query, answer);
	else
		put_whole(query, answer);
	return FORWARD_DONE;
}
