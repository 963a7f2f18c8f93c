/*
 * Whether an edit may do what it does: the places where edits have no business, and, when its
 * operations have been applied, the names they touched, looked at with the checks of a zone that
 * loads.
 */
#ifndef MIST_CONTENT_CHECK_H
#define MIST_CONTENT_CHECK_H

#include "content/apply.h"
#include "content/parts.h"

/* Notes "NAME TYPE: why" as what is wrong with the edit; type 0 is not named. */
void edit_blame(struct edit *edit, const uint8_t *owner, uint16_t type, const char *why);
/* The same about an operation's record. MIST_ECONFLICT. */
int edit_conflict(struct edit *edit, const struct edit_operation *operation, const char *why);

/* DNSKEY, CDS and CDNSKEY, which at the top of a zone that is signed here are not data. */
static inline bool is_of_our_key(uint16_t type)
{
	return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
}

/* May an operation touch its owner at all, as the zone is now? MIST_OK, MIST_ECONFLICT. */
int edit_check_place(struct edit *edit, const struct mist_zone *zone,
                     const struct edit_operation *operation);

/* A name that an edit changed. */
struct touch {
	struct mist_zone *zone;
	const uint8_t *owner;        /* of the edit */
	size_t operation;            /* the last one there */
};

/*
 * Settles the drafts at the names that were touched (core/zone_edit.h), then checks these names and
 * the top of each zone. Sorts the touches. MIST_OK; MIST_ECONFLICT, MIST_ELIMIT, noted,
 * edit->failed being set if it is known; MIST_ENOMEM.
 */
int edit_check(struct edit *edit, struct touch *touches, size_t count,
               const struct zone_list *drafts);

#endif
