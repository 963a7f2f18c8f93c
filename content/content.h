/*
 * A content (mistcore.h): the description of what is answered, and its sealed form. It is the
 * recipe of views: sealing builds and signs the zones, content_view() makes the first view of them,
 * and content_refresh() makes the next one when signatures come due or resolv.conf has changed.
 */
#ifndef MIST_CONTENT_CONTENT_H
#define MIST_CONTENT_CONTENT_H

#include "core/view.h"
#include "mistcore.h"

/* A view of a sealed content, with its own references to the zones and its own copies of the rules:
 * it may outlive the content. NULL: out of memory. */
struct view *content_view(const struct mist_content *content);

/* The view after `base`, which is published and of this content, when nothing but these zones has changed since:
 * it shares the rest, in time that does not go with the number of names or zones (core/view.h). */
struct view *content_view_next(const struct mist_content *content, struct view *base,
                               struct mist_zone *const *zones, size_t count);

/* Calls back with what each zone is at the moment; for mist_zones(). */
int content_zone_status(const struct mist_content *content,
                        int (*zone)(void *user, const struct mist_zone_status *status), void *user);

bool content_sealed(const struct mist_content *content);

/* Signatures made by sealing. */
uint64_t content_signatures(const struct mist_content *content);

/*
 * Renews signatures that are due, rereads resolv.conf if it changed, and makes a new view when
 * anything did (*view stays NULL otherwise). `signatures` is added to. On one thread at a time; the
 * zones of older views stay untouched. Problems go to the content's reporter, and the old view
 * serves on.
 */
int content_refresh(struct mist_content *content, uint32_t now_s, struct view **view,
                    uint64_t *signatures);

/* The view that content_refresh() made could not be published: the next one holds what is owed. */
void content_owe_view(struct mist_content *content);

/* Keeps the serials that are served, at the end: edits only say how high they may have come. */
void content_keep_serials(struct mist_content *content);

/* Wall-clock second at which content_refresh() will have signatures to renew. UINT32_MAX: never. */
uint32_t content_due(const struct mist_content *content);

#endif
