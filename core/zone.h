/*
 * A zone: nodes (RFC 1034 section 3.1) in a trie, each with its RRsets ready to send.
 *
 * Life of a zone: zone_new(), then records by zone_add() and cuts by zone_carve(); zone_complete()
 * adds what a made zone needs, empty non-terminals, marks cuts and what they occlude, and checks
 * the whole. dnssec/ then signs through zone_put(). From then on it is frozen and shared by
 * reference count between views, until zone_release() of the last. A changed version starts with
 * zone_fork(), which shares all that does not change.
 */
#ifndef MIST_CORE_ZONE_H
#define MIST_CORE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/access.h"
#include "core/name.h"
#include "core/rrset.h"
#include "core/trie.h"
#include "core/type.h"
#include "mistcore.h"

enum node_flag {
	NODE_APEX = 1,
	NODE_CUT = 2,          /* a delegation point: NS, not the apex */
	NODE_OCCLUDED = 4,     /* below a cut or a DNAME: glue, or never seen */
	NODE_DNAME = 8,        /* has DNAME: names below are rewritten */
	NODE_WILDCARD = 16,    /* has a child `*`: the source of synthesis (RFC 4592 section 2.2.1) */
	NODE_CARVED = 32,      /* a cut made for a forwarded name, or where the zone's name is a search suffix: what no
	                          route leads out of there does not exist (docs/ARCHITECTURE.md) */
	NODE_SELF = 64,        /* of a carved cut: made for the names below only (`*.x`); x itself is
	                          answered from its sets, unsigned. Without it they are NS alone */
	NODE_LENT = 128,       /* its sets, but the NS of a carved cut, are copies of a wildcard's */
};

/* A node stays at its address while its version of the zone is built. Two sets fit inside it:
 * an address and NSEC, which is what most names have. */
#define NODE_INSIDE 2
struct node {
	uint8_t flags;               /* enum node_flag */
	uint8_t name_len;
	uint16_t rrset_count;        /* 0: an empty non-terminal */
	uint32_t version;            /* of the zone that made it */
	struct rrset **rrsets;       /* by ascending type; `inside`, or an array of its own */
	struct rrset *inside[NODE_INSIDE];
	uint8_t name[];              /* lower-case wire name */
};

/* NSEC3 parameters of a zone that came signed so (RFC 5155 section 4). */
struct nsec3_params {
	uint8_t algorithm;       /* 1, SHA-1 */
	uint8_t salt_len;
	uint16_t iterations;     /* at most 150, checked at load (RFC 9276 section 3.2) */
	bool opt_out;
	uint8_t salt[255];
};

/* Computes an NSEC3 owner hash of a lower-case name. Given by dnssec/, so that core needs no
 * crypto. */
typedef void nsec3_hash_fn(const struct nsec3_params *params, const uint8_t *name, uint8_t hash[20]);

struct zone {
	_Atomic(unsigned) references;
	uint8_t name_len;
	uint8_t labels;
	uint8_t name[NAME_MAX];      /* lower-case apex */
	char file[256];              /* for messages, "" if none */
	bool made;                   /* from addresses: wildcards cover empty non-terminals (docs/ARCHITECTURE.md) */
	bool is_signed;              /* has RRSIGs and NSEC or NSEC3 */
	bool presigned;
	bool nsec3;                  /* denial by NSEC3 */
	bool failed;                 /* SERVFAIL; `reason` says why */
	bool catalog;                /* of those alone who may transfer it (RFC 9432 section 6) */
	char reason[192];
	uint32_t serial;
	uint32_t negative_ttl;       /* min(SOA TTL, SOA MINIMUM) (RFC 2308 section 3) */
	struct node *apex;
	const struct rrset *soa, *ns;/* of the apex */
	struct trie nodes;           /* struct node by name; NSEC3 nodes are not here */
	struct trie nsec3_nodes;     /* struct node by hashed owner name */
	struct nsec3_params nsec3_params;
	nsec3_hash_fn *nsec3_hash;

	struct access *access;       /* one reference; NULL: nobody may more than ask */
	struct history *history;     /* likewise; NULL: nobody will ask what changed */

	struct zone_build *build;    /* line numbers; until zone_complete() */
	struct zone_family *family;  /* the versions that share nodes with this one */
	struct zone *older, *newer;
	struct zone_retired *retired;/* sets that this version replaced in `older` */
};

/* Building. Errors: MIST_OK or a mist_error; what a person should know goes to the reporter.
 * zone->presigned is set before the first record: unless it is, RRSIG, NSEC, NSEC3 and
 * NSEC3PARAM records are left out with a warning. */

int zone_new(struct zone **zone, const uint8_t *apex);

/* One record, in canonical form from here on. MIST_ERECORD: out of zone, or it does not fit. */
int zone_add(struct zone *zone, const struct mist_record *record,
             const struct mist_reporter *reporter);

/* Makes SOA, NS, ns, apex and `*` with these addresses (each 4 or 16 octets); without any, SOA, NS and ns. */
struct zone_address { uint8_t len; uint8_t octets[16]; };
int zone_make(struct zone *zone, const struct zone_address *addresses, size_t count, uint32_t ttl,
              uint32_t serial);

/* Publishes `name` as an insecure delegation to the zone's own first name server, because it is
 * forwarded; `only_below`: because the names below it are (rule `*.x`), and it is not.
 * MIST_EZONE when data stands in the way. Nothing happens at the apex and below another cut.
 * Call after the last record and before zone_complete(); a name may be carved twice (`*.x` and
 * `x`). */
int zone_carve(struct zone *zone, const uint8_t *name, bool only_below,
               const struct mist_reporter *reporter);

/* Publishes `known`, a lower-case name that somebody else answers, with the zone's name behind it as such a
 * delegation too, with nothing there: a client with a search list that asks for it means `known`, and a made zone's
 * wildcard would answer. `only_below`: the name itself keeps the wildcard's records. Does nothing in
 * other zones, and where the zone has names at or below it. Call after zone_delegate() and zone_carve(), the shorter
 * of two names first. MIST_ENOMEM. */
int zone_carve_suffix(struct zone *zone, const uint8_t *known, bool only_below);

/* Delegates a local zone inside this one: NS records of the child, glue, and DS when `ds` is given.
 * The child is complete; call before this zone's zone_complete(). What this zone already says about
 * the delegation stays. A child that failed is delegated to this zone's own servers, so that nothing
 * here, no wildcard and no NSEC, speaks for the names that it answers with SERVFAIL. */
int zone_delegate(struct zone *zone, const struct zone *child, const struct rrset *ds);

/* Empty non-terminals, flags, checks (CNAME exclusivity and the others of named-checkzone), each
 * problem reported with file and line. MIST_OK, MIST_EZONE, MIST_ENOMEM. */
int zone_complete(struct zone *zone, const struct mist_reporter *reporter);

/* The same checks of one name of a complete zone, after an edit there; returns how many errors there are.
 * A name that is not there is good. */
size_t zone_check_name(struct zone *zone, const uint8_t *owner, const struct mist_reporter *reporter);

/* Marks the zone as failed. */
void zone_fail(struct zone *zone, const char *reason);

/* Puts (or replaces) one set at a node, creating the node and the empty non-terminals above it;
 * takes the set, also when it fails. `owner` is lower-case. For dnssec/. What a new NS or DNAME
 * set would occlude below an existing node is not marked. */
int zone_put(struct zone *zone, const uint8_t *owner, struct rrset *set);
/* The same at a node that zone_each() gave of this version, or of the one it is a fork of. */
int zone_put_at(struct zone *zone, const struct node *node, struct rrset *set);
int zone_put_nsec3(struct zone *zone, const uint8_t *owner, struct rrset *set);

/*
 * A new version that shares everything with `zone`, which must be the newest, frozen, and stay
 * referenced while the fork is built. zone_put() on the fork copies only what it touches: nodes of
 * the old version, and the pointers to them, stay as they are. A version is freed when neither it
 * nor an older one is referenced; a fork that is released before the old version is given up
 * without a trace.
 */
int zone_fork(struct zone **fork, struct zone *zone);

void zone_hold(struct zone *zone);
void zone_release(struct zone *zone); /* any thread */

/* Look-ups; frozen zones, any thread, names lower-case. */

struct zone_found {
	const struct node *node;      /* at the name, or NULL */
	const struct node *encloser;  /* the closest encloser (RFC 4592 section 3.3.1); never NULL;
	                                 == node if exact */
	const struct node *wildcard;  /* the child `*` of the encloser, when no node is at the name, or NULL */
	bool edge;                    /* the encloser is a cut or has DNAME, or lies below one */
};
void zone_find(const struct zone *zone, const struct name_key *key, struct zone_found *found);
const struct node *zone_node(const struct zone *zone, const uint8_t *name);

/* The set of a type at a node, or NULL. */
static inline const struct rrset *node_rrset(const struct node *node, uint16_t type)
{
	for (unsigned i = 0; i < node->rrset_count; i++) {
		if (node->rrsets[i]->type == type)
			return node->rrsets[i];
	}
	return NULL;
}

/* The NSEC owner at or before `name` in canonical order, wrapping round: the node whose NSEC covers
 * or matches it. NULL if the zone has none. */
const struct node *zone_nsec_at_or_before(const struct zone *zone, const uint8_t *name);

/* The NSEC3 node that matches a hashed owner name (`*match`), or else the one that covers it,
 * wrapping round. NULL if the zone has none. */
const struct node *zone_nsec3_at_or_before(const struct zone *zone, const uint8_t *hashed,
                                           bool *match);

/* The node that occludes or delegates: the topmost one at or above `node` with NODE_CUT or
 * NODE_DNAME, for an occluded or cut node; else NULL. */
const struct node *zone_cut_of(const struct zone *zone, const struct node *node);

/* Every node in canonical order, apex first; then the NSEC3 nodes in theirs. */
int zone_each(const struct zone *zone, int (*visit)(void *user, const struct node *node), void *user);

#endif
