/*
 * The checks of a whole zone, those of named-checkzone: what makes answers wrong is an error, what
 * is probably not meant is a warning.
 */

#include "core/wire.h"
#include "core/zone_build.h"

struct check {
	struct zone *zone;
	const struct mist_reporter *reporter;
	size_t errors;
	const struct node *node;     /* being checked */
	char name[NAME_TEXT_MAX];    /* room for its name */
};

/* The name as text, made when a message wants it: most nodes are good. */
static const char *owner(struct check *check)
{
	name_to_text(check->name, check->node->name);
	return check->name;
}

/* One problem of the node being checked; the line is that of its records of this type. */
#define problem(check, level, type, ...)                                                           \
	do {                                                                                           \
		(check)->errors += (level) == MIST_LEVEL_ERROR;                                            \
		zone_report((check)->zone, (check)->reporter, (level),                                     \
		            zone_line((check)->zone, (check)->node, (type)), __VA_ARGS__);                 \
	} while (0)
#define error(check, type, ...) problem(check, MIST_LEVEL_ERROR, type, __VA_ARGS__)
#define warning(check, type, ...) problem(check, MIST_LEVEL_WARNING, type, __VA_ARGS__)

/* What stands where a record points to. */
enum target {
	TARGET_GOOD, TARGET_ELSEWHERE, TARGET_MISSING, TARGET_CNAME, TARGET_DNAME, TARGET_GLUE,
};

static enum target look_at(const struct zone *zone, const uint8_t *name)
{
	struct name_key key;
	struct zone_found found;
	uint8_t lower[NAME_MAX];

	name_lower(lower, name); /* SVCB targets are kept as they came */
	if (!name_within(lower, zone->name))
		return TARGET_ELSEWHERE;
	name_key(&key, lower, NAME_MAX);
	zone_find(zone, &key, &found);
	const struct node *node = found.node, *encloser = found.encloser;
	const struct node *edge = zone_cut_of(zone, encloser);
	if (!edge && !node && (encloser->flags & NODE_DNAME))
		edge = encloser;
	if (edge && (edge->flags & NODE_DNAME) && edge != node)
		return TARGET_DNAME;
	if (!edge && !node)
		node = found.wildcard;
	if (node && (node_rrset(node, TYPE_A) || node_rrset(node, TYPE_AAAA)))
		return TARGET_GOOD;
	if (edge)
		return TARGET_GLUE;
	return node && node_rrset(node, TYPE_CNAME) ? TARGET_CNAME : TARGET_MISSING;
}

/* Somebody wrote an address where a name belongs: 192.0.2.1 with the zone's name behind it, or
 * without. */
static bool looks_like_address(const uint8_t *name)
{
	for (unsigned label = 0; label < 4; label++, name += *name + 1) {
		if (*name == 0 || *name > 3)
			return false;
		for (unsigned i = 1; i <= *name; i++) {
			if (name[i] < '0' || name[i] > '9')
				return false;
		}
	}
	return true;
}

static void check_address_like(struct check *check, uint16_t type, const uint8_t *target)
{
	char text[NAME_TEXT_MAX], type_text[16];
	if (!looks_like_address(target))
		return;
	name_to_text(text, target);
	warning(check, type, "%s %s: '%s' appears to be an address; a name is wanted here", owner(check),
	        type_to_text(type, type_text), text);
}

/* The zone's own name servers must be found, or nobody asks us; those of a delegation should. */
static void check_name_server(struct check *check, const uint8_t *target)
{
	bool apex = check->node->flags & NODE_APEX;
	enum mist_level missing = apex ? MIST_LEVEL_ERROR : MIST_LEVEL_WARNING;
	char text[NAME_TEXT_MAX];

	name_to_text(text, target);
	check_address_like(check, TYPE_NS, target);
	switch (look_at(check->zone, target)) {
	case TARGET_CNAME:
		problem(check, missing, TYPE_NS, "%s NS: '%s' is a CNAME, which a name server must not be"
		        " (RFC 2181 section 10.3)", owner(check), text);
		break;
	case TARGET_DNAME:
		problem(check, missing, TYPE_NS, "%s NS: '%s' is below a DNAME and has no addresses of its"
		        " own", owner(check), text);
		break;
	case TARGET_MISSING:
		problem(check, missing, TYPE_NS, "%s NS: '%s' has no address records (A or AAAA); add one",
		        owner(check), text);
		break;
	case TARGET_GLUE:
		warning(check, TYPE_NS, "%s NS: '%s' has no glue; add its address records (A or AAAA) to"
		        " this zone too", owner(check), text);
		break;
	default:
		break;
	}
}

static void check_host(struct check *check, uint16_t type, const uint8_t *target)
{
	char text[NAME_TEXT_MAX], type_text[16];

	if (*target == 0)
		return; /* "not available" (RFC 2782, RFC 7505) */
	name_to_text(text, target);
	type_to_text(type, type_text);
	check_address_like(check, type, target);
	switch (look_at(check->zone, target)) {
	case TARGET_CNAME:
		warning(check, type, "%s %s: '%s' is a CNAME, which it must not be (RFC 2181 section 10.3)",
		        owner(check), type_text, text);
		break;
	case TARGET_MISSING:
	case TARGET_DNAME:
		warning(check, type, "%s %s: '%s' has no address records (A or AAAA)", owner(check),
		        type_text, text);
		break;
	default:
		break;
	}
}

static void check_targets(struct check *check, const struct rrset *set)
{
	struct record record;
	for (size_t at = 0; rrset_next(set, set->len, &at, &record);) {
		const uint8_t *target = type_target(set->type, record.rdata, record.rdata_len);
		if (set->type == TYPE_NS)
			check_name_server(check, target);
		else
			check_host(check, set->type, target);
	}
}

static bool may_stand_beside_cname(uint16_t type)
{
	/* RFC 4034 section 3 and 4, RFC 2535 section 2.3.5 */
	return type == TYPE_CNAME || type == TYPE_NSEC || type == TYPE_RRSIG || type == TYPE_KEY;
}

static void check_cname(struct check *check)
{
	const struct node *node = check->node;
	char type[16];
	for (unsigned i = 0; i < node->rrset_count; i++) {
		if (may_stand_beside_cname(node->rrsets[i]->type))
			continue;
		error(check, TYPE_CNAME, "%s has CNAME and other data (%s); a name with a CNAME can have"
		      " nothing else (RFC 1034 section 3.6.2)", owner(check),
		      type_to_text(node->rrsets[i]->type, type));
		return;
	}
}

static void check_singles(struct check *check)
{
	char type[16];
	for (unsigned i = 0; i < check->node->rrset_count; i++) {
		const struct rrset *set = check->node->rrsets[i];
		if ((type_info(set->type)->flags & TYPE_SINGLE) && set->count > 1)
			error(check, set->type, "%s has %u %s records; it can have one only", owner(check),
			      set->count, type_to_text(set->type, type));
	}
}

static void check_apex(struct check *check)
{
	const struct node *apex = check->node;
	if (!node_rrset(apex, TYPE_SOA))
		error(check, TYPE_SOA, "%s has no SOA record; every zone begins with one", owner(check));
	if (!node_rrset(apex, TYPE_NS))
		error(check, TYPE_NS, "%s has no NS records; a zone names at least one server", owner(check));
	if (node_rrset(apex, TYPE_DS))
		error(check, TYPE_DS, "%s has DS records at the top of its zone; they belong to the"
		        " parent zone (RFC 4035 section 2.4)", owner(check));
}

static void check_below_apex(struct check *check)
{
	const struct node *node = check->node;
	bool wildcard = name_is_wildcard(node->name);

	if (node_rrset(node, TYPE_SOA))
		error(check, TYPE_SOA, "%s has an SOA record, but is not the top of the zone", owner(check));
	if (wildcard && node_rrset(node, TYPE_NS))
		error(check, TYPE_NS, "%s is a wildcard with NS records, which cannot delegate (RFC 4592"
		      " section 4.2)", owner(check));
	if (wildcard && node_rrset(node, TYPE_DNAME))
		warning(check, TYPE_DNAME, "%s is a wildcard with a DNAME record, which resolvers treat"
		        " each in their own way (RFC 4592 section 4.4)", owner(check));
	if ((node->flags & NODE_CUT) && node_rrset(node, TYPE_DNAME))
		warning(check, TYPE_DNAME, "%s has DNAME and NS records; it is delegated, and the DNAME is"
		        " never seen (RFC 6672)", owner(check));
	if (node_rrset(node, TYPE_DS) && !node_rrset(node, TYPE_NS))
		warning(check, TYPE_DS, "%s has DS records, but no NS records to delegate it (RFC 4035"
		        " section 2.4)", owner(check));
}

static void check_occluded(struct check *check)
{
	const struct node *node = check->node, *edge = zone_cut_of(check->zone, node);
	char text[NAME_TEXT_MAX];

	if (node->rrset_count == 0)
		return;
	name_to_text(text, edge->name);
	if (edge->flags & NODE_DNAME)
		warning(check, node->rrsets[0]->type, "%s is never seen: it is below the DNAME of %s"
		        " (RFC 6672 section 2.4)", owner(check), text);
	if (node_rrset(node, TYPE_SOA))
		error(check, TYPE_SOA, "%s has an SOA record, but is not the top of the zone", owner(check));
}

static int check_node(void *user, void *value)
{
	struct check *check = user;
	const struct node *node = value;

	check->node = node;
	if (node->rrset_count == 0 && !(node->flags & NODE_APEX))
		return 0;
	check_singles(check);
	if (node->flags & NODE_OCCLUDED) {
		check_occluded(check);
		return 0;
	}
	if (node->flags & NODE_CARVED)
		return 0; /* made by us from what was checked */
	if (node->flags & NODE_APEX)
		check_apex(check);
	else
		check_below_apex(check);
	if (node_rrset(node, TYPE_CNAME))
		check_cname(check);
	for (unsigned i = 0; i < node->rrset_count; i++) {
		uint16_t type = node->rrsets[i]->type;
		if (type == TYPE_NS || type == TYPE_MX || type == TYPE_SRV)
			check_targets(check, node->rrsets[i]);
	}
	return 0;
}

size_t zone_check(struct zone *zone, const struct mist_reporter *reporter)
{
	struct check check = { .zone = zone, .reporter = reporter };
	trie_each(&zone->nodes, check_node, &check);
	return check.errors;
}

size_t zone_check_name(struct zone *zone, const uint8_t *owner, const struct mist_reporter *reporter)
{
	struct check check = { .zone = zone, .reporter = reporter };
	struct node *node = trie_get(&zone->nodes, owner);
	if (node)
		check_node(&check, node);
	return check.errors;
}
