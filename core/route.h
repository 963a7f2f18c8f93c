/*
 * Routing: what decides about a name (docs/ARCHITECTURE.md, "Routing").
 *
 * One trie holds every name that says something: zone apexes, rules, special-use names. The longest
 * matching name decides, whatever its kind; ties go zone apex, deny, exact rule, wildcard rule.
 * `*.x` speaks for the names below x, `.x` for x too, `x` for x alone. Below a forwarded name inside
 * a local zone (a cut) names without a rule of their own are denied.
 */
#ifndef MIST_CORE_ROUTE_H
#define MIST_CORE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/name.h"
#include "core/trie.h"
#include "core/zone.h"
#include "mistcore.h"

/* An allow or deny rule, immutable. */
struct rule {
	uint8_t name[NAME_MAX];      /* lower case, without the `*.` or `.` */
	bool at_name, below;         /* whom it speaks for */
	bool deny;
	bool private_addresses;
	enum mist_deny deny_as;
	uint64_t policy;             /* number of (upstreams, filters), part of the cache key: rules of any view
	                                with the same upstreams and filters have the same number, others never */
	uint16_t upstream_set;       /* index into the view's upstream sets */
	bool own_upstreams;
	char text[NAME_TEXT_MAX + 2];/* as written, for people */
};

enum route_kind { ROUTE_LOCAL, ROUTE_FORWARD, ROUTE_DENY, ROUTE_SPECIAL };

struct route {                   /* small: readers remember many (core/memo.h) */
	const struct zone *zone;     /* LOCAL; also the zone around a FORWARD (a cut inside it), else NULL */
	const struct rule *rule;     /* FORWARD and DENY; NULL: the default decides */
	const struct special *special; /* SPECIAL */
	enum route_kind kind : 8;
	bool search_suffix;          /* DENY: an answered name plus more labels: always NXDOMAIN */
	bool named;                  /* something speaks of this very name */
	bool bare;                   /* LOCAL: answered from a zone that it is not in (lead.h) */
	enum mist_deny deny_as;      /* DENY: never DEFAULT */
};

/* A special-use name (RFC 6761, RFC 6303, RFC 7686, RFC 8375 ...); core/special.c has the table. */
enum special_kind { SPECIAL_NXDOMAIN, SPECIAL_LOCALHOST };
struct special {
	const char *name;
	enum special_kind kind;
	bool never;                  /* no rule can lead it out: localhost, invalid, onion */
	const char *reference;       /* "RFC 6761 section 6.3" */
};
const struct special *special_table(unsigned *count);

struct routes;                   /* the trie and what it holds; built by one thread, then immutable */

/* Building; errors are MIST_ENOMEM. Rules and zones outlive the routes. An allow rule at or below a
 * special-use name has no effect unless it has upstreams of its own, and none at all below those that
 * never leave: it forwards nothing and cuts no zone. */
int routes_new(struct routes **routes); /* with the special-use names */
int routes_add_zone(struct routes *routes, const struct zone *zone);
/* The same routes over other versions of the zones, in the order in which these were added; everything else is
 * shared. `zones` outlives the routes. */
int routes_with(struct routes **made, const struct routes *from, struct zone *const *zones);
int routes_add_rule(struct routes *routes, const struct rule *rule);
void routes_set_default(struct routes *routes, enum mist_deny deny, const struct rule *forward_rule);
void routes_free(struct routes *routes);

/*
 * Decides about a lower-case name and a type. The type matters for DS and NSEC only: at a cut that an
 * allow rule makes inside a zone, denied or not, and DS at an apex whose parent is local, they are the
 * parent's (RFC 4035 section 3.1.4.1).
 */
void route_find(const struct routes *routes, const struct name_key *key, uint16_t type,
                struct route *route);

#endif
