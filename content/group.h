/*
 * How members of a catalog are served (mist_zone_members()): settings for each group that has some, and for all
 * other members.
 */
#ifndef MIST_CONTENT_GROUP_H
#define MIST_CONTENT_GROUP_H

#include "content/catalog.h"
#include "core/access.h"
#include "mistcore.h"

struct group {
	char *name;                  /* NULL: of members without a group of these */
	struct access *access;       /* of all its members */
	enum mist_dnssec dnssec;
	bool ephemeral_key, cds;
	bool history;                /* they may be transferred, and so keep what changed */
	char file[256];              /* for messages */
	struct group *next;
};

struct groups;

/* With what holds unless more is said: as they come, from the primaries of the catalog. MIST_ENOMEM. */
int groups_new(struct groups **groups, const struct access *of_catalog);
void groups_free(struct groups *groups); /* NULL is fine */

/* The first group that has the member, else that of all others. */
const struct group *groups_choose(const struct groups *groups, const struct catalog_member *member);
/* The group of that name, else (and for NULL) that of all others. */
const struct group *groups_find(const struct groups *groups, const char *name);

#endif
