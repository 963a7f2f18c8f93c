/*
 * What zones say of registered names: the addresses of their owners, and the names of those addresses
 * (reverse.h). It follows from the table (registrations.h) and the content; here it becomes operations of an
 * edit, which says them when it is committed.
 *
 * Under the lock of those who publish, and the registry's.
 */
#ifndef MIST_CONTENT_REGISTERED_H
#define MIST_CONTENT_REGISTERED_H

#include "content/edit.h"
#include "content/registrations.h"

/*
 * The whole name that `name` is registered under in a content, in its place, and its zone; `relative`: where no
 * registry zone is around it, it is completed with the only one. MIST_OK; else `*why` says what is wrong
 * (NULL: the error does): MIST_ENOTFOUND (no registry zone is around it), MIST_EINVAL (there is none, or
 * several), MIST_ECONFLICT (it did not load), MIST_ENAME (too long).
 */
int registered_complete(uint8_t name[NAME_MAX], bool relative, const struct mist_content *content,
                        struct mist_zone **zone, const char **why);

/* MIST_ECONFLICT, noted: the zone has addresses there that nobody registered, which the last owner would take
 * along. */
int registered_check(const struct mist_zone *zone, const uint8_t *name, struct edit *edit);

/* Adds what follows for a name to the edit. What the zone has of its own there stays. MIST_OK, MIST_ELIMIT,
 * MIST_ENOMEM. */
int registered_say(const struct registered *name, const struct mist_content *content, struct edit *edit);
/* Whether something is said of a name. A zone that was described anew may have no room for it. */
bool registered_is_said(const struct registered *name, const struct mist_content *content);

/* Puts all of the table into a sealed content that is not served yet; see registry_restore(). */
int registered_restore(const struct registrations *table, struct mist_content *content, uint32_t now_s,
                       uint64_t *signatures);

#endif
