/* What the files that build a zone share: core/zone.c, zone_build.c, zone_make.c, zone_check.c, zone_edit.c. */
#ifndef MIST_CORE_ZONE_BUILD_H
#define MIST_CORE_ZONE_BUILD_H

#include "core/node.h"

/* A zone with a thousand mistakes has one that matters; more lines than this hide it. */
#define ZONE_MESSAGES_MAX 100

/* Lives from zone_new() to zone_complete(). */
struct zone_build {
	struct origin {
		const struct node *node;
		uint16_t type;
		unsigned line;
	} *origins;                  /* where records came from, as they came */
	size_t origin_count, origin_room;
	unsigned messages;
	bool dnssec_left_out;        /* and said so */
};

void zone_build_free(struct zone *zone);

/* The line of the last record of this type at this node; 0: unknown. */
unsigned zone_line(const struct zone *zone, const struct node *node, uint16_t type);

/* Tells the reporter, while the zone is built at most ZONE_MESSAGES_MAX times. */
__attribute__((format(printf, 5, 6)))
void zone_report(struct zone *zone, const struct mist_reporter *reporter, enum mist_level level,
                 unsigned line, const char *format, ...);

/* The node at a lower-case name, made with the empty non-terminals above it if it is not there, and
 * copied if it is an older version's, so that it may be written. NULL: out of memory. */
struct node *zone_writable(struct zone *zone, struct trie *nodes, const uint8_t *name);

/* Takes the set of a type out of a node that may be written. MIST_OK, also when there is none, or
 * MIST_ENOMEM. */
int zone_take(struct zone *zone, struct trie *nodes, struct node *node, uint16_t type);

/* Reads what the zone itself remembers of its apex. */
void zone_remember_apex(struct zone *zone);

/* The wildcard of a made zone whose records other names are lent, or NULL: NS and DNAME speak of names below
 * their owner, and are not lent. */
const struct node *zone_lender(const struct zone *zone);

/* Gives a made zone wildcards where names switch the one below the apex off. Nodes are marked
 * before, and afterwards once more. */
int zone_fill(struct zone *zone);

/* The checks of the whole, of marked nodes; returns how many errors there are. */
size_t zone_check(struct zone *zone, const struct mist_reporter *reporter);

#endif
