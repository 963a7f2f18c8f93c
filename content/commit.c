/* Groups of edits; see commit.h. */
#include "content/commit.h"

#include <stdlib.h>

#include "content/content.h"
#include "content/delegate.h"
#include "content/kept.h"
#include "content/parts.h"
#include "content/serial.h"
#include "core/zone_diff.h"
#include "core/zone_edit.h"
#include "dnssec/changes.h"

/* ------------------------------------------------------------------------------------------------
 * Judging
 */

static void judge(struct commit *commit, struct edit *edit)
{
	edit->error = edit->prepare ? edit->prepare(edit, edit->user) : MIST_OK;
	if (!edit->error && edit->make)
		edit->error = edit->make(edit, commit->content, &commit->zones);
	else if (!edit->error)
		edit_apply(edit, commit->content, &commit->zones);
	if (edit->error && edit->undo)
		edit->undo(edit, edit->user);
}

static struct edit *reverse(struct edit *edits)
{
	struct edit *reversed = NULL;
	for (struct edit *edit = edits, *next; edit; edit = next) {
		next = edit->next;
		edit->next = reversed;
		reversed = edit;
	}
	return reversed;
}

/* The edits that were good, the last one first. */
static void fail_all(struct edit *edits, int error)
{
	struct edit *last = reverse(edits);
	for (struct edit *edit = last; edit; edit = edit->next) {
		edit->zone_count = 0;
		if (edit->error)
			continue;
		edit->error = error;
		if (edit->undo)
			edit->undo(edit, edit->user);
	}
	(void)reverse(last);
}

/* ------------------------------------------------------------------------------------------------
 * Versions
 */

/* The set that stands at or behind `*i` and is data: no NSEC, which follow from the rest. */
static const struct rrset *next_data(const struct zone *zone, const struct node *node, unsigned *i)
{
	while (node && *i < node->rrset_count) {
		const struct rrset *set = zone_data(zone, node, node->rrsets[(*i)++]->type);
		if (set)
			return set;
	}
	return NULL;
}

/* A set that was taken out and put back has lost its signatures, and is the same. */
static int differs(void *user, const struct node *older, const struct node *newer)
{
	const struct mist_zone *zone = user;
	const struct rrset *was, *is;
	unsigned i = 0, j = 0;
	do {
		was = next_data(zone->zone, older, &i);
		is = next_data(zone->next, newer, &j);
		if (was && is && (was->ttl != is->ttl || !rrset_same(was, is)))
			return 1;
	} while (was && is);
	return was || is;
}

static bool has_changed(const struct mist_zone *zone)
{
	return zone_diff_nodes(zone->zone, zone->next, differs, (void *)(uintptr_t)zone) != 0;
}

static void drop_next(struct mist_zone *zone)
{
	zone_release(zone->next);
	zone->next = NULL;
	zone->finished = false;
}

/* Zones in which one edit undid what another did are as they were. */
static void drop_unchanged(struct commit *commit)
{
	struct zone_list *list = &commit->zones;
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++) {
		if (has_changed(list->zones[i]))
			list->zones[count++] = list->zones[i];
		else
			drop_next(list->zones[i]);
	}
	list->count = count;
}

/* An SOA that an edit put with a higher serial has it; else it is ours to choose. */
static uint32_t next_serial(const struct mist_zone *zone, uint32_t now_s)
{
	uint32_t served = zone->zone->serial, wanted = zone->next->serial;
	if (serial_greater(wanted, served))
		return wanted;
	return content_edit_serial(zone, served, now_s);
}

int commit_version(struct commit *commit, struct mist_zone *zone)
{
	if (zone->finished)
		return MIST_OK;
	uint32_t serial = next_serial(zone, commit->now_s);
	int error = sign_serial(zone->next, serial);
	content_reserve_serial(zone, serial, commit->now_s);
	if (error || !zone_is_signed_here(zone))
		return error;
	struct signing signing = content_signing(zone, commit->now_s);
	uint64_t made = 0;
	uint32_t due_s = zone->due_s;
	error = sign_changes(zone->next, zone->zone, &signing, &made, &due_s);
	zone->next_due_s = due_s;
	commit->signatures += made;
	return error;
}

/* What each edit came to, now that serials are known. */
static void tell_edits(struct commit *commit)
{
	for (struct edit *edit = commit->edits; edit; edit = edit->next) {
		size_t count = 0;
		for (size_t i = 0; i < edit->zone_count && !edit->error; i++) {
			struct edit_zone *told = &edit->zones[i];
			if (!told->zone->next)
				continue;
			told->serial = told->zone->next->serial;
			edit->zones[count++] = *told;
		}
		edit->zone_count = count;
	}
}

/* ------------------------------------------------------------------------------------------------
 * The whole
 */

int commit_prepare(struct commit *commit, struct mist_content *content, struct view *served,
                   struct edit *edits, uint32_t now_s)
{
	int error = MIST_OK;
	*commit = (struct commit){ .content = content, .now_s = now_s, .edits = edits };
	for (struct edit *edit = edits; edit; edit = edit->next)
		judge(commit, edit);
	error = delegations_follow(&commit->zones);
	drop_unchanged(commit);
	for (size_t i = 0; i < commit->zones.count && !error; i++)
		error = commit_version(commit, commit->zones.zones[i]);
	commit->whole = content->view_owed;
	if (!error && (commit->zones.count || commit->whole) && served) {
		commit->view = content_view_next(content, served, commit->zones.zones, commit->zones.count);
		error = commit->view ? MIST_OK : MIST_ENOMEM;
	}
	if (!error && commit->zones.count) {
		error = kept_write(commit);
		commit->kept = !error;
	}
	if (error)
		commit_abandon(commit, error);
	else
		tell_edits(commit);
	return error;
}

/* Of an expired zone the last version stays, for its primary may come back. */
static void take_next(struct mist_zone *zone)
{
	if (zone->kept)
		zone_release(zone->kept);
	zone->kept = NULL;
	if (zone->next->failed && !zone->zone->failed)
		zone->kept = zone->zone;
	else
		zone_release(zone->zone);
	zone->zone = zone->next;
	zone->next = NULL;
	zone->finished = false;
	zone->edited |= !zone->secondary;
}

void commit_accept(struct commit *commit)
{
	for (size_t i = 0; i < commit->zones.count; i++) {
		struct mist_zone *zone = commit->zones.zones[i];
		/* Without memory for it a reload brings back what is described. */
		if (zone != commit->content->reverse && !zone->secondary)
			(void)kept_note(zone);
		take_next(zone);
		if (zone_is_signed_here(zone)) {
			zone->due_s = zone->next_due_s;
			/* A clock that goes back later makes signatures from before not yet valid. */
			zone->signed_s = commit->now_s > zone->signed_s ? commit->now_s : zone->signed_s;
		}
	}
	if (commit->view && commit->whole)
		commit->content->view_owed = false;
	kept_accept(commit);
	for (struct edit *edit = commit->edits; edit; edit = edit->next) {
		if (!edit->error && edit->accepted)
			edit->accepted(edit, commit->content);
	}
	free(commit->zones.zones);
	commit->zones = (struct zone_list){ 0 };
}

void commit_abandon(struct commit *commit, int error)
{
	if (commit->kept && commit->content->journal)
		journal_undo(commit->content->journal);
	fail_all(commit->edits, error);
	view_free(commit->view);
	commit->view = NULL;
	for (size_t i = 0; i < commit->zones.count; i++)
		drop_next(commit->zones.zones[i]);
	free(commit->zones.zones);
	commit->zones = (struct zone_list){ 0 };
}
