/*
 * Members of catalogs are zones of the content for as long as their catalog lists them (RFC 9432 section 5): they come, go
 * with their files, serials and keys, and are reset when their label changes. What is configured goes before what is listed; what
 * one catalog lists goes to another only where the first one says so (`coo`). A catalog that is broken, has expired or was not
 * transferred yet changes nothing.
 *
 * All of it under the lock of those who publish, or on a content that nobody serves yet.
 */
#ifndef MIST_CONTENT_MEMBERS_H
#define MIST_CONTENT_MEMBERS_H

#include "content/apply.h"
#include "content/edit.h"

/* Messages about single members, of one version of a catalog: who has more of them reads the first ones. */
#define MEMBERS_TOLD_MAX 8

/* While a content is sealed: what its catalogs list, as far as they are there. MIST_ENOMEM. */
int members_load(struct mist_content *content);

/* Of a content that takes the place of another: members of that one, if their catalog is one here too. Once more when it does,
 * for they may have changed since. MIST_ENOMEM. */
int members_adopt(struct mist_content *content, const struct mist_content *served);

/* A version of a catalog that is served, on its way to the members. */
struct members_news {
	uint8_t catalog[NAME_MAX];
	const struct mist_reporter *reporter;
	bool changed;                /* zones have come or gone, or are described anew */
	struct zone_list leaving;    /* until members_end() */
};

/* An edit that makes zones come and go, and delegations with them. It is committed alone, for zones that others change
 * may be gone after it. Its error: MIST_EZONE (the catalog is broken; the notes say why), MIST_ENOTFOUND (no such
 * catalog), MIST_ENOMEM. `news` lives until members_end(). */
int members_edit(struct edit **edit, struct members_news *news);
/* When the edit is committed, whatever came of it: nothing points to the zones any more that have gone. */
void members_end(struct mist_content *content, struct members_news *news);

/* The next catalog of a content, `*at` is 0 at first. Zones may come and go in between. */
bool members_next_catalog(const struct mist_content *content, size_t *at, uint8_t name[NAME_MAX]);

#endif
