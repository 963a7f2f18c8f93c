/*
 * What edits have made of a zone since its description was read: for each set that they changed, what the
 * description said. A description that is read anew is then changed in the same way (reload.h).
 */
#ifndef MIST_CONTENT_OVERLAY_H
#define MIST_CONTENT_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/trie.h"
#include "core/zone.h"

struct overlay_set {
	uint16_t type;
	struct rrset *base;          /* as described; NULL: there was none */
	struct rrset *edited;        /* of an overlay that was read from disk: as edited; NULL: none */
};

/* A name some of whose sets are not as described. */
struct overlay_name {
	size_t count;
	struct overlay_set *sets;
	uint8_t name[];
};

struct overlay {
	bool is_made;                /* else `names` is not yet there: most zones are never edited */
	struct trie names;           /* struct overlay_name */
};

void overlay_free(struct overlay *overlay);

/* Notes what leads from one version to the next, but at names that `is_theirs` says belong to others. What is
 * as described again is forgotten. MIST_ENOMEM: some of it is not noted. */
int overlay_note(struct overlay *overlay, const struct zone *older, const struct zone *newer,
                 bool (*is_theirs)(void *user, const uint8_t *owner), void *user);

/* Puts a set as it was read from disk in the place of what was known of it. Copies. MIST_ENOMEM. */
int overlay_put(struct overlay *overlay, const uint8_t *owner, uint16_t type,
                const struct rrset *base, const struct rrset *edited);

/* What was described where edits changed it; false: they did not. */
bool overlay_base(const struct overlay *overlay, const uint8_t *owner, uint16_t type,
                  const struct rrset **base);

/* Calls back for each name. A result other than 0 ends it and is returned. */
int overlay_each(const struct overlay *overlay,
                 int (*visit)(void *user, const struct overlay_name *name), void *user);

/* The same records and TTL; the serial of an SOA does not count. NULL is no set. */
bool overlay_same(const struct rrset *a, const struct rrset *b);

#endif
