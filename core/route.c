/*
 * Routing, see route.h.
 *
 * One entry a name says everything about that name. A question walks the entries at its name and
 * above it, longest first, up to the closest zone apex: nothing above that has a say. What it met on
 * the way decides: a rule, a special-use name, or the zone.
 */
#include "core/route.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/type.h"

enum { ALLOW = 0, DENY = 1 };

struct entry {
	uint32_t zone;                  /* whose apex this is, an index from 1; 0: none */
	const struct rule *at[2];       /* [ALLOW], [DENY]: who speaks for the name itself */
	const struct rule *below[2];    /* and for the names below it */
	const struct special *special;
	uint8_t name_len;
	uint8_t name[];
};

/*
 * A client with a search list asks for `known.name` as `known.name.some.suffix` first. To find out
 * whether a denied name is such a question, each of its labels that may be the last label of a known
 * name is tried as the end of one. The filter tells which labels may be: one bit for each last
 * label of a zone or allow rule, so that a plain denial costs a few operations a label.
 */
#define SUFFIX_FILTER_BITS 1024 /* with a hundred last labels nine of ten strange labels still miss */

/* Labels tried a question. More than a few hits are no search list but somebody's test of patience:
 * "com.com.com..." has 63 labels. */
#define SUFFIX_TRIES_MAX 8

struct routes {
	struct trie names;              /* struct entry; shared with other versions, as `versions` tells */
	atomic_uint *versions;          /* how many there are */
	const struct zone *const *zones;/* as they were added; of this version */
	const struct zone **own_zones;  /* the same, of the first version */
	uint32_t zone_count;
	enum mist_deny deny;            /* never MIST_DENY_DEFAULT */
	const struct rule *forward;     /* what happens to names without any entry; NULL: denied */
	uint64_t filter[SUFFIX_FILTER_BITS / 64];
};

static struct trie_name entry_name(const void *value)
{
	const struct entry *entry = value;
	return (struct trie_name){ entry->name, entry->name_len };
}

/* Which bit of the filter a label has. FNV-1a, folded: labels are short. */
static unsigned filter_bit(const uint8_t *label)
{
	uint32_t hash = 2166136261u;
	for (unsigned i = 0; i <= label[0]; i++)
		hash = (hash ^ label[i]) * 16777619u;
	return (hash ^ hash >> 16) % SUFFIX_FILTER_BITS;
}

static bool filter_has(const struct routes *routes, const uint8_t *label)
{
	unsigned bit = filter_bit(label);
	return routes->filter[bit / 64] >> bit % 64 & 1;
}

/* Names at the root have no last label: what covers every name makes no name a known one. */
static void filter_add(struct routes *routes, const uint8_t *name)
{
	unsigned labels = name_labels(name);
	if (labels == 0)
		return;
	unsigned bit = filter_bit(name_ancestor(name, labels - 1));
	routes->filter[bit / 64] |= UINT64_C(1) << bit % 64;
}

/* The entry of a name, made if it is new. NULL: out of memory. */
static struct entry *entry_of(struct routes *routes, const uint8_t *name)
{
	struct entry *entry = trie_get(&routes->names, name);
	if (entry)
		return entry;
	size_t len = name_len(name);
	entry = calloc(1, sizeof *entry + len);
	if (!entry)
		return NULL;
	entry->name_len = (uint8_t)len;
	memcpy(entry->name, name, len);
	if (trie_set(&routes->names, name, entry) != MIST_OK) {
		free(entry);
		return NULL;
	}
	return entry;
}

static int add_specials(struct routes *routes)
{
	unsigned count;
	const struct special *specials = special_table(&count);
	for (unsigned i = 0; i < count; i++) {
		uint8_t name[NAME_MAX];
		name_from_text(name, specials[i].name);
		struct entry *entry = entry_of(routes, name);
		if (!entry)
			return MIST_ENOMEM;
		entry->special = &specials[i];
		if (specials[i].kind == SPECIAL_LOCALHOST)
			filter_add(routes, name);
	}
	return MIST_OK;
}

int routes_new(struct routes **made)
{
	struct routes *routes = calloc(1, sizeof *routes);
	atomic_uint *versions = malloc(sizeof *versions);
	if (!routes || !versions) {
		free(routes);
		free(versions);
		return MIST_ENOMEM;
	}
	trie_init(&routes->names, entry_name, NULL);
	atomic_init(versions, 1);
	routes->versions = versions;
	routes->deny = MIST_DENY_REFUSED;
	if (add_specials(routes) != MIST_OK) {
		routes_free(routes);
		return MIST_ENOMEM;
	}
	*made = routes;
	return MIST_OK;
}

static void entry_free(void *user, void *entry)
{
	(void)user;
	free(entry);
}

void routes_free(struct routes *routes)
{
	if (!routes)
		return;
	if (atomic_fetch_sub(routes->versions, 1) == 1) {
		trie_free(&routes->names, entry_free, NULL);
		free((void *)routes->versions);
	}
	free(routes->own_zones);
	free(routes);
}

int routes_with(struct routes **made, const struct routes *from, struct zone *const *zones)
{
	struct routes *routes = malloc(sizeof *routes);
	if (!routes)
		return MIST_ENOMEM;
	*routes = *from;
	routes->zones = (const struct zone *const *)zones;
	routes->own_zones = NULL;
	atomic_fetch_add_explicit(routes->versions, 1, memory_order_relaxed);
	*made = routes;
	return MIST_OK;
}

int routes_add_zone(struct routes *routes, const struct zone *zone)
{
	struct entry *entry = entry_of(routes, zone->name);
	if (!entry)
		return MIST_ENOMEM;
	if ((routes->zone_count & (routes->zone_count - 1)) == 0) { /* full: it grows by powers of two */
		size_t room = routes->zone_count ? 2 * (size_t)routes->zone_count : 1;
		const struct zone **zones = realloc((void *)routes->own_zones, room * sizeof *zones);
		if (!zones)
			return MIST_ENOMEM;
		routes->zones = routes->own_zones = zones;
	}
	routes->own_zones[routes->zone_count++] = zone;
	entry->zone = routes->zone_count;
	filter_add(routes, zone->name);
	return MIST_OK;
}

/* A special-use name leaves only by a rule that names it and knows better whom to ask. */
static bool held_back(const struct routes *routes, const struct rule *rule)
{
	struct name_key key;
	struct trie_path path;
	name_key(&key, rule->name, NAME_MAX);
	trie_walk(&routes->names, &key, &path);
	for (unsigned i = 0; i < path.count; i++) {
		const struct special *special = ((const struct entry *)path.value[i])->special;
		if (special && (special->never || !rule->own_upstreams))
			return true;
	}
	return false;
}

/* Of several rules for one name, `x` goes before `.x`, and what came first before what came later. */
int routes_add_rule(struct routes *routes, const struct rule *rule)
{
	if (!rule->deny && held_back(routes, rule))
		return MIST_OK; /* it neither forwards nor cuts */
	struct entry *entry = entry_of(routes, rule->name);
	if (!entry)
		return MIST_ENOMEM;
	unsigned side = rule->deny ? DENY : ALLOW;
	const struct rule **at = &entry->at[side], **below = &entry->below[side];
	if (rule->at_name && (!*at || ((*at)->below && !rule->below)))
		*at = rule;
	if (rule->below && !*below)
		*below = rule;
	if (!rule->deny)
		filter_add(routes, rule->name);
	return MIST_OK;
}

void routes_set_default(struct routes *routes, enum mist_deny deny, const struct rule *forward_rule)
{
	routes->deny = deny == MIST_DENY_DEFAULT ? MIST_DENY_REFUSED : deny;
	routes->forward = forward_rule;
}

/* What a walk from a name up to the closest zone apex has met. */
struct met {
	const struct zone *zone;        /* the closest, or NULL */
	const struct zone *parent;      /* the next zone above, if the name is the apex and no cut lies between */
	const struct rule *rule;        /* the longest that speaks for the name */
	const struct special *special;  /* the longest; rules shorter than it do not count */
	bool cut;                       /* an allow rule above the name, inside the zone */
	bool here;                      /* the name is such a cut itself */
	bool apex;                      /* the name is the zone's */
	bool named;                     /* there is an entry at the name */
};

static bool entry_cuts(const struct entry *entry)
{
	return entry->at[ALLOW] || entry->below[ALLOW];
}

static void meet(const struct routes *routes, const struct name_key *key, struct met *met)
{
	struct trie_path path;
	*met = (struct met){ 0 };
	trie_walk(&routes->names, key, &path);
	met->named = path.exact;

	unsigned i = path.count;
	while (i-- > 0) {
		const struct entry *entry = path.value[i];
		bool at = path.exact && i + 1 == path.count;
		if (entry->zone) {
			met->zone = routes->zones[entry->zone - 1];
			met->apex = at;
			break;
		}
		if (!met->rule && !met->special) {
			const struct rule *const *rules = at ? entry->at : entry->below;
			met->rule = rules[DENY] ? rules[DENY] : rules[ALLOW];
		}
		if (!met->special)
			met->special = entry->special;
		if (entry_cuts(entry))
			*(at ? &met->here : &met->cut) = true;
	}
	if (!met->apex)
		return;
	while (i-- > 0) {
		const struct entry *entry = path.value[i];
		if (entry->zone) {
			met->parent = routes->zones[entry->zone - 1];
			return;
		}
		if (entry_cuts(entry))
			return;
	}
}

static void decide(const struct routes *routes, const struct name_key *key, uint16_t type,
                   struct route *route)
{
	struct met met;
	meet(routes, key, &met);
	*route = (struct route){ .named = met.named };

	if (met.apex) {
		route->kind = ROUTE_LOCAL;
		route->zone = type == TYPE_DS && met.parent ? met.parent : met.zone;
		return;
	}

	bool in_zone = met.zone && !met.cut;
	if (met.special && !met.rule && !in_zone) {
		route->kind = ROUTE_SPECIAL;
		route->special = met.special;
		return;
	}
	/* The zone's side of the cut that this name is, also where `*.x` is allowed and x denied. Of
	 * cuts below cuts the zone knows nothing. */
	if (in_zone && met.here && (type == TYPE_DS || type == TYPE_NSEC)) {
		route->kind = ROUTE_LOCAL;
		route->zone = met.zone;
		return;
	}
	if (met.rule && met.rule->deny) {
		route->kind = ROUTE_DENY;
		route->rule = met.rule;
		route->deny_as = met.rule->deny_as == MIST_DENY_DEFAULT ? routes->deny : met.rule->deny_as;
		return;
	}
	if (met.rule) {
		route->kind = ROUTE_FORWARD;
		route->zone = met.zone;
		route->rule = met.rule;
	} else if (in_zone) {
		route->kind = ROUTE_LOCAL;
		route->zone = met.zone;
	} else if (!met.zone && routes->forward) {
		route->kind = ROUTE_FORWARD;
		route->rule = routes->forward;
	} else {
		route->kind = ROUTE_DENY;
		route->deny_as = routes->deny;
	}
}

/* Whether a name is one that gets an answer because somebody named it, not by a catch-all. */
static bool known(const struct routes *routes, const uint8_t *name)
{
	struct name_key key;
	struct route route;
	name_key(&key, name, NAME_MAX);
	decide(routes, &key, TYPE_A, &route);
	switch (route.kind) {
	case ROUTE_LOCAL:
		return route.zone->name[0] != 0;
	case ROUTE_FORWARD:
		return route.rule != routes->forward && route.rule->name[0] != 0;
	case ROUTE_SPECIAL:
		return route.special->kind == SPECIAL_LOCALHOST;
	case ROUTE_DENY:
		return false;
	}
	return false;
}

/* A known name plus at least one label. */
static bool suffixed(const struct routes *routes, const uint8_t *name)
{
	unsigned tries = 0;
	for (const uint8_t *label = name; *label;) {
		const uint8_t *next = label + *label + 1;
		if (*next && filter_has(routes, label) && tries++ < SUFFIX_TRIES_MAX) {
			uint8_t front[NAME_MAX];
			size_t len = (size_t)(next - name);
			memcpy(front, name, len);
			front[len] = 0;
			if (known(routes, front))
				return true;
		}
		label = next;
	}
	return false;
}

void route_find(const struct routes *routes, const struct name_key *key, uint16_t type,
                struct route *route)
{
	decide(routes, key, type, route);
	if (route->kind == ROUTE_DENY)
		route->search_suffix = suffixed(routes, key->name);
}
