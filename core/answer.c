/*
 * Answers from one zone, see answer.h. The steps are those of RFC 1034 section 4.3.2:
 *
 *   find the node, or the closest encloser
 *     hidden by a cut      -> referral                    (step 3b)
 *     below a DNAME        -> DNAME and a CNAME, go on    (RFC 6672 section 3.2)
 *     the node is there    -> its set, CNAME, or NODATA   (step 3a)
 *     `*` at the encloser  -> the same from there         (step 3c, RFC 4592)
 *     nothing              -> NXDOMAIN
 */
#include "core/answer.h"

#include <string.h>

#include "core/denial.h"

/* Names whose addresses are added to one answer: more never help, and work stays bounded. */
#define ADDITIONAL_MAX 16

/* ---- pieces ---- */

static unsigned wanted_parts(const struct query *query)
{
	return query->answer.dnssec ? PART_RECORDS | PART_SIGNATURES : PART_RECORDS;
}

static void put_soa(struct query *query, const struct zone *zone)
{
	const unsigned below = query->target->labels - zone->labels;
	const uint16_t owner_at = answer_ancestor(&query->answer, query->target_at, below);
	answer_put_part(&query->answer, SECTION_AUTHORITY, owner_at, zone->name, zone->soa,
	                wanted_parts(query), zone->negative_ttl);
}

void answer_made_soa(struct query *query, const uint8_t *owner, uint32_t ttl)
{
	static const uint8_t rdata[] = "\11localhost\0\6nobody\7invalid\0"
	                               "\0\0\0\1"      /* serial, never changed */
	                               "\0\0\x0e\x10"  /* refresh 3600 */
	                               "\0\0\x04\xb0"  /* retry 1200 */
	                               "\0\x09\x3a\x80" /* expire 604800 */
	                               "\0\0\x2a\x30"; /* minimum 10800 */
	const uint16_t rdata_len = sizeof(rdata) - 1;
	uint8_t record[NAME_MAX + 10 + sizeof(rdata)];
	struct writer w = writer_on(record, sizeof(record));
	writer_put(&w, owner, name_len(owner));
	writer_u16(&w, TYPE_SOA);
	writer_u16(&w, CLASS_IN);
	writer_u32(&w, ttl);
	writer_u16(&w, rdata_len);
	writer_put(&w, rdata, rdata_len);
	answer_put_records(&query->answer, SECTION_AUTHORITY, 0, record, 0, writer_len(&w), 1);
}

/* Remembers that a wildcard answered for the target. */
static inline void note_expansion(struct query *query, const struct zone *zone)
{
	if (!query->answer.dnssec || !zone->is_signed)
		return;
	query->expanded[query->expanded_count].zone = zone;
	query->expanded[query->expanded_count++].name_at = query->target_at;
}

void answer_wildcard_proofs(struct query *query)
{
	for (unsigned i = 0; i < query->expanded_count; i++) {
		const struct zone *zone = query->expanded[i].zone;
		uint8_t name[NAME_MAX];
		struct name_key key;
		struct zone_found found;
		answer_name(&query->answer, query->expanded[i].name_at, name);
		name_key(&key, name, NAME_MAX);
		zone_find(zone, &key, &found);
		denial_wildcard_answer(query, zone, name, &found);
	}
}

/* ---- additional records ---- */

static bool put_addresses(struct query *query, const struct node *node)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	for (unsigned i = 0; i < 2; i++) {
		const struct rrset *set = node_rrset(node, types[i]);
		if (set && !answer_put(&query->answer, SECTION_ADDITIONAL, 0, node->name, set))
			return false;
	}
	return true;
}

/* The node of a record's target, if it is in the zone. */
static const struct node *target_node(const struct zone *zone, const struct record *record)
{
	uint8_t name[NAME_MAX];
	const uint8_t *target = type_target(record->type, record->rdata, record->rdata_len);
	if (!target || !name_within(target, zone->name))
		return NULL;
	name_lower(name, target);
	return zone_node(zone, name);
}

/* Addresses for an answered set: helpful, not needed, and left out when there is no room. Glue
 * is not ours to vouch for, unless name servers are what was asked for. */
static void put_additional(struct query *query, const struct zone *zone, const struct rrset *set)
{
	struct record record;
	unsigned names = 0;
	for (size_t at = 0; names < ADDITIONAL_MAX && rrset_next(set, set->len, &at, &record);) {
		const struct node *node = target_node(zone, &record);
		if (!node || (node->flags & (NODE_CUT | NODE_OCCLUDED) && set->type != TYPE_NS))
			continue;
		if (query_note(query, node) && !put_addresses(query, node))
			return; /* several records may name one host */
		names++;
	}
}

/* Glue below the cut is part of the referral and must be there or truncation be seen (RFC 9471);
 * that of siblings is only helpful. However many there are: each name server is there once. */
static void put_glue(struct query *query, const struct zone *zone, const struct node *cut,
                     const struct rrset *ns, bool required)
{
	struct record record;
	for (size_t at = 0; rrset_next(ns, ns->len, &at, &record);) {
		const struct node *node = target_node(zone, &record);
		if (!node || name_within(node->name, cut->name) != required)
			continue;
		if (!put_addresses(query, node)) {
			query->answer.truncated |= required;
			return;
		}
	}
}

/* ---- ends ---- */

static enum answered nodata(struct query *query, const struct zone *zone, const struct node *node)
{
	put_soa(query, zone);
	denial_nodata(query, zone, node);
	answer_wildcard_proofs(query);
	return ANSWERED;
}

static enum answered wildcard_nodata(struct query *query, const struct zone *zone,
                                     const struct zone_found *found, const struct node *wildcard)
{
	put_soa(query, zone);
	denial_wildcard_nodata(query, zone, found, wildcard);
	answer_wildcard_proofs(query);
	return ANSWERED;
}

static enum answered nxdomain(struct query *query, const struct zone *zone,
                              const struct zone_found *found)
{
	query->rcode = RCODE_NXDOMAIN; /* of the last name of a chain (RFC 6604 section 3) */
	put_soa(query, zone);
	denial_nxdomain(query, zone, found);
	answer_wildcard_proofs(query);
	return ANSWERED;
}

static inline enum answered positive(struct query *query, const struct zone *zone, const struct rrset *set)
{
	answer_put(&query->answer, SECTION_ANSWER, query->target_at, NULL, set);
	if (query->expanded_count)
		answer_wildcard_proofs(query);
	if (!(set->flags & RRSET_PLAIN_COPY))
		put_additional(query, zone, set);
	return ANSWERED;
}

/* All signatures at a name: they are sets of their own to those who ask for them. */
static enum answered signatures(struct query *query, const struct node *node)
{
	for (unsigned i = 0; i < node->rrset_count; i++)
		answer_put_part(&query->answer, SECTION_ANSWER, query->target_at, NULL, node->rrsets[i],
		                PART_SIGNATURES, node->rrsets[i]->ttl);
	answer_wildcard_proofs(query);
	return ANSWERED;
}

static bool has_signatures(const struct node *node)
{
	for (unsigned i = 0; i < node->rrset_count; i++)
		if (node->rrsets[i]->sig_count > 0)
			return true;
	return false;
}

static enum answered referral(struct query *query, const struct zone *zone, const struct node *cut)
{
	const struct rrset *ns = node_rrset(cut, TYPE_NS), *ds = node_rrset(cut, TYPE_DS);
	if (query->steps == 0)
		query->flags &= (uint16_t)~FLAG_AA;
	answer_put(&query->answer, SECTION_AUTHORITY, 0, cut->name, ns);
	if (!ds)
		denial_unsigned_cut(query, zone, cut);
	else if (query->answer.dnssec && zone->is_signed) /* without RRSIG it proves nothing */
		answer_put(&query->answer, SECTION_AUTHORITY, 0, cut->name, ds);
	answer_wildcard_proofs(query);
	put_glue(query, zone, cut, ns, true);
	put_glue(query, zone, cut, ns, false);
	return ANSWERED;
}

/* ---- chains ---- */

static void move_target(struct query *query, const uint8_t *to)
{
	query_move(query, to);
	query->target_at = query->answer.last_name_at;
}

static enum answered follow_cname(struct query *query, const struct rrset *cname)
{
	struct record record;
	size_t at = 0;
	if (!answer_put(&query->answer, SECTION_ANSWER, query->target_at, NULL, cname) ||
	    !rrset_next(cname, cname->len, &at, &record))
		return ANSWERED;
	move_target(query, record.rdata);
	return ANSWERED_CHAIN;
}

static enum answered follow_dname(struct query *query, const struct node *owner)
{
	const struct rrset *dname = node_rrset(owner, TYPE_DNAME);
	const unsigned labels = query->target->labels - name_labels(owner->name);
	const uint16_t owner_at = answer_ancestor(&query->answer, query->target_at, labels);
	struct record record;
	size_t at = 0;
	rrset_next(dname, dname->len, &at, &record);
	if (query_note(query, dname) &&
	    !answer_put(&query->answer, SECTION_ANSWER, owner_at, NULL, dname))
		return ANSWERED;

	uint8_t to[NAME_MAX];
	const size_t kept = name_len(query->target->name) - owner->name_len;
	if (kept + name_len(record.rdata) > NAME_MAX) {
		query->rcode = RCODE_YXDOMAIN; /* RFC 6672 section 2.2 */
		answer_wildcard_proofs(query);
		return ANSWERED;
	}
	memcpy(to, query->target->name, kept);
	name_copy(to + kept, record.rdata);
	if (!answer_put_cname(&query->answer, query->target_at, dname->ttl, to))
		return ANSWERED;
	if (query->request.question.type == TYPE_CNAME) { /* which is what was asked for */
		answer_wildcard_proofs(query);
		return ANSWERED;
	}
	move_target(query, to);
	return ANSWERED_CHAIN;
}

/* ---- cuts for forwarded names, and for names with a search suffix ---- */

/* The set that x under `*.x` answers with. NS and NSEC are the cut's, not its own. */
static const struct rrset *own_set(const struct node *cut, uint16_t type)
{
	for (unsigned i = 0; i < cut->rrset_count; i++) {
		const struct rrset *set = cut->rrsets[i];
		const bool cuts = set->type == TYPE_NS || set->type == TYPE_NSEC;
		if (!cuts && (set->type == type || type == TYPE_ANY))
			return set;
	}
	return NULL;
}

/* The name itself, when only the names below it are forwarded: without signatures, because the
 * parent proves that there are none. */
static enum answered from_self(struct query *query, const struct zone *zone, const struct node *cut)
{
	const bool dnssec = query->answer.dnssec;
	const struct rrset *set = own_set(cut, query->request.question.type);
	const struct rrset *cname = set ? NULL : own_set(cut, TYPE_CNAME);
	enum answered answered = ANSWERED;
	query->answer.dnssec = false;
	if (cname)
		answered = follow_cname(query, cname);
	else if (set)
		answer_put(&query->answer, SECTION_ANSWER, query->target_at, NULL, set);
	else
		answer_made_soa(query, cut->name, zone->negative_ttl);
	query->answer.dnssec = dnssec;
	if (answered == ANSWERED)
		answer_wildcard_proofs(query);
	return answered;
}

/* No route leads out of this cut: it is there so that a name of others with the zone's as a search suffix does not
 * exist, which a signed zone could not say of a name that its wildcard covers (RFC 4035 section 3.1.3.2). */
static enum answered nothing_there(struct query *query, const struct zone *zone, const struct node *cut)
{
	query->rcode = RCODE_NXDOMAIN;
	query->ede = EDE_BLOCKED;
	query->ede_text = "a name that is answered elsewhere, with a search suffix";
	answer_made_soa(query, cut->name, zone->negative_ttl);
	answer_wildcard_proofs(query);
	return ANSWERED;
}

/* A made cut (`exact`: its name was asked for): the parent's side of it, DS and NSEC, is signed. */
static enum answered carved(struct query *query, const struct zone *zone, const struct node *cut, bool exact)
{
	const uint16_t type = query->request.question.type;
	const struct rrset *nsec = node_rrset(cut, TYPE_NSEC);
	if (exact && (type == TYPE_DS || (type == TYPE_NSEC && !nsec)))
		return nodata(query, zone, cut);
	if (exact && type == TYPE_NSEC)
		return positive(query, zone, nsec);
	return exact && cut->flags & NODE_SELF ? from_self(query, zone, cut) : nothing_there(query, zone, cut);
}

/* ---- names outside of zones ---- */

/* A copy of what the zone has under another name: whom the zone's signatures and proofs do not speak of. */
static enum answered from_bare(struct query *query, const struct zone *zone, const struct node *node)
{
	const bool dnssec = query->answer.dnssec;
	const struct rrset *set = query->lead.set;
	if (node && query->request.question.type == TYPE_ANY)
		set = node->rrsets[0];
	query->answer.dnssec = false;
	if (set && set->type != TYPE_NSEC) {
		answer_put(&query->answer, SECTION_ANSWER, query->target_at, NULL, set);
	} else {
		if (!node)
			query->rcode = RCODE_NXDOMAIN;
		answer_put_part(&query->answer, SECTION_AUTHORITY, 0, zone->name, zone->soa, PART_RECORDS,
		                zone->negative_ttl);
	}
	query->answer.dnssec = dnssec;
	answer_wildcard_proofs(query);
	return ANSWERED;
}

/* ---- the algorithm ---- */

/* A node without the set that was asked for. */
static enum answered from_others(struct query *query, const struct zone *zone, const struct node *node,
                                 const struct zone_found *found)
{
	const struct rrset *cname = node_rrset(node, TYPE_CNAME);
	const bool sigs = query->request.question.type == TYPE_RRSIG && has_signatures(node);

	if (!cname && !sigs)
		return found ? wildcard_nodata(query, zone, found, node) : nodata(query, zone, node);
	if (found)
		note_expansion(query, zone);
	return sigs ? signatures(query, node) : follow_cname(query, cname);
}

/* What a node has for the question, its own or through a wildcard (`found`, else NULL). */
static inline enum answered from_node(struct query *query, const struct zone *zone, const struct node *node,
                               const struct zone_found *found)
{
	const struct rrset *set = query->lead.set;
	if (!set)
		return from_others(query, zone, node, found);
	if (found)
		note_expansion(query, zone);
	return positive(query, zone, set);
}

/* At or below a cut or DNAME. */
static enum answered from_edge(struct query *query, const struct zone *zone,
                               const struct zone_found *found)
{
	const struct node *edge = found->encloser;
	if (edge->flags & (NODE_CUT | NODE_OCCLUDED))
		edge = zone_cut_of(zone, edge);
	const bool exact = found->node == edge;

	if (edge->flags & NODE_CARVED)
		return carved(query, zone, edge, exact);
	if (edge->flags & NODE_CUT && !(exact && query->request.question.type == TYPE_DS))
		return referral(query, zone, edge); /* DS is the parent's (RFC 4035 section 3.1.4.1) */
	return exact ? from_node(query, zone, edge, NULL) : follow_dname(query, edge);
}

enum answered answer_from_zone(struct query *query)
{
	const struct zone *zone = query->lead.route.zone;
	const struct zone_found *found = &query->lead.found;
	if (query->steps == 0)
		query->flags |= FLAG_AA; /* of the first name (RFC 1035 section 4.1.1) */

	if (query->lead.route.bare)
		return from_bare(query, zone, found->node);
	if (found->edge)
		return from_edge(query, zone, found);
	if (found->node)
		return from_node(query, zone, found->node, NULL);
	if (found->wildcard)
		return from_node(query, zone, found->wildcard, found);
	return nxdomain(query, zone, found);
}
