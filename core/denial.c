/*
 * Proofs of what is not there, see denial.h. NSEC first, then NSEC3, then the choice between them.
 *
 * NSEC (RFC 4035 section 3.1.3): one record covers or matches a name; which names have to be
 * covered is all there is to say. NSEC3 (RFC 5155 section 7.2): the same over hashes, where a
 * name's ancestors must be proven as well: the closest encloser by a match, the name one label
 * longer by a cover.
 */
#include "core/denial.h"

#include "core/nsec3.h"

static bool wanted(const struct query *query, const struct zone *zone)
{
	return query->answer.dnssec && zone->is_signed;
}

static void put_proof(struct query *query, const struct node *node, enum type type)
{
	const struct rrset *set = node ? node_rrset(node, (uint16_t)type) : NULL;
	if (set && query_note(query, set))
		answer_put(&query->answer, SECTION_AUTHORITY, 0, node->name, set);
}

/* ---- NSEC ---- */

static void nsec_about(struct query *query, const struct zone *zone, const uint8_t *name)
{
	put_proof(query, zone_nsec_at_or_before(zone, name), TYPE_NSEC);
}

static void nsec_about_wildcard(struct query *query, const struct zone *zone,
                                const struct node *encloser)
{
	uint8_t wildcard[NAME_MAX];
	if (name_wildcard(wildcard, encloser->name)) /* too long a name cannot exist */
		nsec_about(query, zone, wildcard);
}

/* ---- NSEC3 ---- */

/* The NSEC3 that matches the hash of a name, or else covers it. */
static const struct node *nsec3_about(const struct zone *zone, const uint8_t *name, bool *match)
{
	uint8_t hash[NSEC3_HASH_LEN], owner[NAME_MAX];
	*match = false;
	zone->nsec3_hash(&zone->nsec3_params, name, hash);
	if (!nsec3_owner(owner, hash, zone))
		return NULL;
	return zone_nsec3_at_or_before(zone, owner, match);
}

static const struct node *nsec3_match(const struct zone *zone, const uint8_t *name)
{
	bool match;
	const struct node *node = nsec3_about(zone, name, &match);
	return match ? node : NULL;
}

static const struct node *nsec3_cover(const struct zone *zone, const uint8_t *name)
{
	bool match;
	return nsec3_about(zone, name, &match);
}

/*
 * The closest provable encloser (RFC 5155 section 7.2.1): with opt-out the closest encloser itself
 * may have no NSEC3. `encloser` is an ancestor of `name`, or `name` itself if that has no NSEC3.
 * Proves that nothing is known one label below it, and returns it.
 */
static const uint8_t *nsec3_encloser(struct query *query, const struct zone *zone,
                                     const uint8_t *name, unsigned encloser_labels, bool show)
{
	unsigned labels = name_labels(name) - encloser_labels;
	const struct node *match = NULL;
	while (!(match = nsec3_match(zone, name_ancestor(name, labels)))) {
		if (name_labels(name) - labels <= zone->labels)
			return NULL; /* a zone whose apex has no NSEC3 proves nothing */
		labels++;
	}
	if (show)
		put_proof(query, match, TYPE_NSEC3);
	if (labels > 0)
		put_proof(query, nsec3_cover(zone, name_ancestor(name, labels - 1)), TYPE_NSEC3);
	return name_ancestor(name, labels);
}

static void nsec3_nodata(struct query *query, const struct zone *zone, const struct node *node)
{
	const struct node *match = nsec3_match(zone, node->name);
	if (match)
		put_proof(query, match, TYPE_NSEC3);
	else /* opted out (RFC 5155 section 7.2.4) */
		nsec3_encloser(query, zone, node->name, name_labels(node->name), true);
}

static void nsec3_nxdomain(struct query *query, const struct zone *zone,
                           const struct node *encloser)
{
	uint8_t wildcard[NAME_MAX];
	const uint8_t *closest =
		nsec3_encloser(query, zone, query->target->name, name_labels(encloser->name), true);
	if (closest && name_wildcard(wildcard, closest))
		put_proof(query, nsec3_cover(zone, wildcard), TYPE_NSEC3);
}

/* ---- which of the two ---- */

void denial_nodata(struct query *query, const struct zone *zone, const struct node *node)
{
	if (!wanted(query, zone))
		return;
	if (zone->nsec3)
		nsec3_nodata(query, zone, node);
	else
		nsec_about(query, zone, node->name); /* of an empty non-terminal: the one that covers it */
}

void denial_wildcard_nodata(struct query *query, const struct zone *zone,
                            const struct zone_found *found, const struct node *wildcard)
{
	if (!wanted(query, zone))
		return;
	if (zone->nsec3) {
		nsec3_encloser(query, zone, query->target->name, name_labels(found->encloser->name), true);
		put_proof(query, nsec3_match(zone, wildcard->name), TYPE_NSEC3);
		return;
	}
	nsec_about(query, zone, query->target->name);
	nsec_about(query, zone, wildcard->name);
}

void denial_nxdomain(struct query *query, const struct zone *zone, const struct zone_found *found)
{
	if (!wanted(query, zone))
		return;
	if (zone->nsec3) {
		nsec3_nxdomain(query, zone, found->encloser);
		return;
	}
	nsec_about(query, zone, query->target->name);
	nsec_about_wildcard(query, zone, found->encloser);
}

void denial_wildcard_answer(struct query *query, const struct zone *zone, const uint8_t *name,
                            const struct zone_found *found)
{
	if (!wanted(query, zone))
		return;
	if (zone->nsec3) /* the signature's label count shows the encloser (RFC 5155 section 7.2.6) */
		nsec3_encloser(query, zone, name, name_labels(found->encloser->name), false);
	else
		nsec_about(query, zone, name);
}

void denial_unsigned_cut(struct query *query, const struct zone *zone, const struct node *cut)
{
	denial_nodata(query, zone, cut);
}
