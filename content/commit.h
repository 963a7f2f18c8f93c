/*
 * A commit: edits that wait together become, at once, the next versions of their zones and the next
 * view.
 *
 *   commit_prepare()   judges each edit on the result of those before it, gives the zones that changed new
 *                      serials and signatures, and makes a view of them; what is served has not changed
 *   (whoever publishes swaps the view)
 *   commit_accept()    the new versions are the zones of the content;  or  commit_abandon()
 *
 * One thread at a time: whoever calls holds the lock of those who publish.
 */
#ifndef MIST_CONTENT_COMMIT_H
#define MIST_CONTENT_COMMIT_H

#include "content/apply.h"
#include "content/edit.h"
#include "core/view.h"

struct commit {
	struct mist_content *content;
	uint32_t now_s;
	struct edit *edits;          /* a list by `next`; each has its outcome */
	struct zone_list zones;      /* that changed */
	struct view *view;           /* of whoever publishes; NULL: nothing changed, nothing is to be done */
	uint64_t signatures;
	bool whole;                  /* the view holds all that was owed (content.h), not these zones alone */
	bool kept;                   /* written to the journal */
};

/*
 * `served` is the view that is published, NULL: none, and no view is made. MIST_OK: each edit says
 * for itself how it went. Else (MIST_ENOMEM, MIST_ECRYPTO) all failed with that, and the commit
 * is abandoned already.
 */
int commit_prepare(struct commit *commit, struct mist_content *content, struct view *served,
                   struct edit *edits, uint32_t now_s);
/* Gives `next` of one zone, whose data differs from what is served, its serial and signatures. */
int commit_version(struct commit *commit, struct mist_zone *zone);
void commit_accept(struct commit *commit);
/* Nothing is published; the edits that were good end with this error. Takes the view back. */
void commit_abandon(struct commit *commit, int error);

#endif
