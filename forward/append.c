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
static bool is_cut(const struct query *query) { return query->lead.route.zone != NULL; }

struct cache_key append_key(const struct query *query, const struct view *view,
                            struct question *question)
{
	const struct rule *rule = query->lead.route.rule;
	if (query->steps > 0) {
		question->type = query->request.question.type;
		question->class = CLASS_IN;
		question->len = (uint8_t)name_len(query->target->name);
		name_clear_last(question->name, question->len);
		memcpy(question->name, query->target->name, question->len);
	}
	return (struct cache_key){
		.question = query->steps > 0 ? question : &query->request.question,
		.hash = query->steps > 0 ? 0 : query->request.hash,
		.dnssec_ok = query->request.edns.dnssec_ok && !is_cut(query),
		.checking_disabled = (query->request.flags & FLAG_CD) != 0,
		.policy = rule ? rule->policy : append_set(&query->lead.route, view)->policy,
	};
}

/* ---- records of a kept message ---- */

struct item {
	size_t at, len;              /* in the message */
	size_t rdata_at;
	uint16_t type;
};

/* On the answer section. */
static struct reader read_answer(const struct cache_answer *answer)
{
	struct reader r = reader_on(answer->message, (size_t)(answer->records - answer->message) +
	                                             answer->lens[SECTION_ANSWER]);
	r.at = answer->records;
	return r;
}

static bool next_item(struct reader *r, struct item *item)
{
	if (reader_left(r) == 0)
		return false;
	item->at = (size_t)(r->at - r->start);
	reader_take(r, name_skip(r->at));
	item->type = reader_u16(r);
	reader_take(r, 6); /* class, TTL */
	const uint16_t rdata_len = reader_u16(r);
	item->rdata_at = (size_t)(r->at - r->start);
	reader_take(r, rdata_len);
	item->len = (size_t)(r->at - r->start) - item->at;
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
	struct reader r = read_answer(answer);
	const size_t start = (size_t)(r.at - r.start), end = (size_t)(r.end - r.start);
	bool found = false;
	*count = 0;
	for (struct item item; next_item(&r, &item); ++*count) {
		if (found && item.type != TYPE_RRSIG)
			return item.at - start;
		if (found || item.type != TYPE_CNAME)
			continue;
		struct name_key key;
		struct route route;
		name_read(answer->message, end, item.rdata_at, target);
		name_lower(target, target);
		name_key(&key, target, NAME_MAX);
		route_find(view->routes, &key, query->request.question.type, &route);
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
	return wire_get16(answer->records) != RRSET_OWNER || wire_get16(answer->records + 2) != type;
}

/* ---- sections ---- */

/* Nearly always the answer is to the question itself, and stands in the cache as it goes out: one
 * copy. False: it has to be written record by record, after a chain or because not all of it fits. */
static bool put_copy(struct query *query, const struct cache_answer *answer, enum section last)
{
	struct answer *to = &query->answer;
	const size_t len = answer->lens[SECTION_ANSWER] +
	                   (last == SECTION_AUTHORITY ? answer->lens[SECTION_AUTHORITY] : 0);
	if (query->steps > 0 || writer_room(&to->w) < len)
		return false;
	writer_put(&to->w, answer->records, len);
	for (enum section section = SECTION_ANSWER; section <= last; section++)
		to->counts[section] = answer->counts[section];
	return true;
}

/* The answer section without signatures. Only who asks for them gets any, as DNSSEC was not asked for. */
static void put_stripped(struct query *query, const struct cache_answer *answer)
{
	const uint16_t type = query->request.question.type;
	struct reader r = read_answer(answer);
	if (!is_signature(type) && type != TYPE_ANY) {
		if (!put_copy(query, answer, SECTION_ANSWER))
			answer_put_records(&query->answer, SECTION_ANSWER, query->target_at, answer->message,
			                   (size_t)(answer->records - answer->message), answer->lens[SECTION_ANSWER],
			                   answer->counts[SECTION_ANSWER]);
		return;
	}
	for (struct item item; next_item(&r, &item);)
		if (!is_signature(item.type))
			answer_put_records(&query->answer, SECTION_ANSWER, query->target_at, answer->message,
			                   item.at, item.len, 1);
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
	const struct rule *rule = query->lead.route.rule;
	const uint16_t before = query->answer.counts[SECTION_ANSWER];
	put_stripped(query, answer);
	const bool empty = query->answer.counts[SECTION_ANSWER] == before && !query->answer.truncated;
	if ((answer->negative || empty) && rule)
		answer_made_soa(query, rule->name, ttl_left(query, answer));
}

static void put_whole(struct query *query, const struct cache_answer *answer)
{
	size_t at = (size_t)(answer->records - answer->message);
	const bool copied = put_copy(query, answer, SECTION_AUTHORITY);
	for (enum section section = SECTION_ANSWER; !copied && section <= SECTION_AUTHORITY; section++) {
		if (answer->counts[section] > 0)
			answer_put_records(&query->answer, section, query->target_at, answer->message, at,
			                   answer->lens[section], answer->counts[section]);
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
		if (!answer_put_records(&query->answer, SECTION_ANSWER, query->target_at, answer->message,
		                        (size_t)(answer->records - answer->message), home, count))
			return FORWARD_DONE; /* truncated: the client comes back by TCP */
		query->target_at = query->answer.last_name_at;
		query_move(query, target);
		return FORWARD_MORE;
	}
	query->rcode = answer->rcode;
	if (is_cut(query))
		put_cut(query, answer);
	else
		put_whole(query, answer);
	return FORWARD_DONE;
}
