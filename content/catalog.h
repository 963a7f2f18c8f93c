/*
 * What a catalog zone lists (RFC 9432 section 4): its members, each with its unique label and properties. A
 * zone is read here, and nothing is done; what follows from it is the matter of members.h.
 *
 *   version.CATALOG               TXT "2"        exactly that
 *   LABEL.zones.CATALOG           PTR member     one; no two labels for one member
 *   coo.LABEL.zones.CATALOG       PTR catalog    to which the member may go over
 *   group.LABEL.zones.CATALOG     TXT group      any number
 *
 * Everything else, `ext` and whatever else is invented, is passed over.
 */
#ifndef MIST_CONTENT_CATALOG_H
#define MIST_CONTENT_CATALOG_H

#include "core/zone.h"

/* Whoever writes a catalog shall not take all of the 60,000 places for zones that a server has; and each member is a
 * transfer and a file when it comes, and a place in the view that is made whole whenever any comes or goes. */
#define CATALOG_MEMBERS_MAX 10000

struct catalog_member {
	const uint8_t *zone;         /* its name, */
	const uint8_t *label;        /* and its unique label, with the length before it: both lower case */
	const uint8_t *coo;          /* the catalog that may take it over; NULL: none */
	const struct rrset *groups;  /* TXT; NULL: none */
};

struct catalog {
	struct catalog_member *members; /* by name; views into the zone that was read */
	size_t count;
	char why[200];               /* why it is broken, a sentence */
};

/* MIST_OK; MIST_EZONE: broken, and nothing may be done by it (RFC 9432 section 5.1); MIST_ENOMEM. Only what was
 * read has to be freed. */
int catalog_read(struct catalog *catalog, const struct zone *zone);
void catalog_free(struct catalog *catalog);

/* The member of that name, or NULL. */
const struct catalog_member *catalog_find(const struct catalog *catalog, const uint8_t *zone);
bool catalog_in_group(const struct catalog_member *member, const char *group);

/* The same label? With their lengths. */
bool catalog_same_label(const uint8_t *a, const uint8_t *b);

/* The catalog that the member with this label may go over to; NULL: none. Of a catalog that is not broken. */
const uint8_t *catalog_coo(const struct zone *zone, const uint8_t *label);

#endif
