/*
 * Secondary zones, as the content sees them: what came from a primary becomes the next version of a zone, in
 * a commit like any other. Who asks primaries, and when, is the matter of transfer/.
 *
 * A zone that is served as it comes has its primary's serials. One that is signed here has its own, and the
 * primary's is remembered beside it.
 */
#ifndef MIST_CONTENT_SECONDARY_H
#define MIST_CONTENT_SECONDARY_H

#include "content/edit.h"
#include "core/access.h"
#include "core/zone_patch.h"

struct keyring;

/* A secondary zone of a content. */
struct secondary_zone {
	uint8_t name[NAME_MAX];
	uint64_t member;             /* of a member of a catalog: which one it is, of all that have had the name; one that
	                                was begun anew is another (RFC 9432 section 5.4). 0: it is none */
	bool catalog;                /* members are to follow it (members.h) */
	struct access *access;       /* its primaries, and their keys in the */
	struct keyring *keyring;     /* or NULL. Both views: whoever keeps them holds them */
	bool as_it_comes;            /* not signed here */
	bool there;                  /* there is a version, perhaps expired: */
	uint32_t serial;             /* of its primary */
	uint32_t refresh_s, retry_s, expire_s; /* of its SOA */
	uint64_t checked_s;          /* when it was last known to be good; 0: unknown */
};

/* References of its own to what it views; and their end. */
void secondary_zone_hold(const struct secondary_zone *zone);
void secondary_zone_release(const struct secondary_zone *zone);

/* Calls back with each; under the lock of those who publish. */
int content_secondaries(const struct mist_content *content,
                        int (*visit)(void *user, const struct secondary_zone *zone), void *user);

enum news_kind {
	NEWS_WHOLE,    /* `whole` */
	NEWS_CHANGES,  /* `changes` to the version that the primary called `from` */
	NEWS_SAME,     /* the version there is, is good: if it had expired it is served again */
	NEWS_EXPIRED,  /* the version there is must not be served any more */
};

struct news {
	enum news_kind kind;
	uint8_t zone[NAME_MAX];
	uint64_t member;             /* as in struct secondary_zone */
	uint32_t serial;             /* the primary's, of the result */
	struct zone *whole;          /* complete and adopted if it is served as it comes, else only filled; is
	                                taken, and then NULL */
	const struct zone_patch *changes;
	uint32_t from;
	const struct zone *before;   /* what was served; to be compared only */
	struct zone *version;        /* the result that is served, a reference; NULL: nothing changed, and it was not
	                                the whole that came */
};

/* An edit that makes the news a version. Its error: MIST_ENOTFOUND (no such zone any more), MIST_EMISMATCH (the
 * changes do not fit), MIST_EZONE (they break a rule; the notes say which), MIST_ENOMEM, ... `news` lives until
 * the edit is committed. */
int news_edit(struct edit **edit, struct news *news);

/* The state directory, or NULL; lives as long as the content. */
const char *content_state_directory(const struct mist_content *content);

#endif
