/* See kept.h. */
#include "content/kept.h"

#include <stdlib.h>
#include <string.h>

#include "content/parts.h"
#include "content/replay.h"
#include "core/array.h"
#include "core/report.h"
#include "core/zone_edit.h"

/* ------------------------------------------------------------------------------------------------
 * Writing
 */

static bool is_of_inner(void *user, const uint8_t *owner)
{
	const struct mist_zone *zone = user;
	return content_zone_around(zone->content, owner, false) != zone;
}

int kept_note(struct mist_zone *zone)
{
	return overlay_note(&zone->overlay, zone->zone, zone->next, is_of_inner, zone);
}

static struct mist_zone *zone_of(const struct mist_content *content,
                                 const struct edit_operation *operation)
{
	const uint8_t *name = edit_zone(operation);
	return name ? content_zone(content, name)
	            : content_zone_around(content, edit_owner(operation), false);
}

/* A set that a commit may have changed. */
struct place {
	const struct mist_zone *zone;
	const uint8_t *owner;
	uint16_t type;
};

struct places {
	struct place *places;
	size_t count, room;
};

static int add_place(struct places *list, const struct mist_zone *zone, const uint8_t *owner, uint16_t type)
{
	struct place *places = array_reserve(list->places, list->count, &list->room, sizeof(*places));
	if (!places)
		return MIST_ENOMEM;
	list->places = places;
	list->places[list->count++] = (struct place){ zone, owner, type };
	return MIST_OK;
}

static int add_operation(struct places *list, const struct mist_content *content,
                         const struct edit_operation *operation)
{
	const struct mist_zone *zone = zone_of(content, operation);
	const uint8_t *owner = edit_owner(operation);
	if (!zone || !zone->next || operation->verb == EDIT_REQUIRE)
		return MIST_OK;
	if (operation->type)
		return add_place(list, zone, owner, operation->type);
	const struct node *node = zone_node(zone->zone, owner);
	int error = MIST_OK;
	for (unsigned i = 0; node && i < node->rrset_count && !error; i++)
		error = add_place(list, zone, owner, node->rrsets[i]->type);
	return error;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->zone != y->zone)
		return x->zone < y->zone ? -1 : 1;
	int order = name_compare(x->owner, y->owner);
	return order ? order : x->type - y->type;
}

/* Registered names are not kept, and another edit of the same group may have brought them. */
static const struct rrset *lasting(const struct rrset *set)
{
	return set && set->flags & RRSET_REGISTERED ? NULL : set;
}

static void write_place(struct journal *journal, const struct place *place)
{
	const struct mist_zone *zone = place->zone;
	const struct node *older = zone_node(zone->zone, place->owner), *newer = zone_node(zone->next, place->owner);
	const struct rrset *was = lasting(zone_data(zone->zone, older, place->type));
	const struct rrset *is = lasting(zone_data(zone->next, newer, place->type));
	const struct rrset *base = was;
	if (overlay_same(was, is))
		return;
	overlay_base(&zone->overlay, place->owner, place->type, &base);
	journal_put(journal, zone->zone->name, place->owner, place->type, base, is);
}

/* Each set once, however many operations have changed it. */
int kept_write(const struct commit *commit)
{
	struct journal *journal = commit->content->journal;
	struct places list = { 0 };
	int error = MIST_OK;
	if (!journal)
		return MIST_OK;
	for (const struct edit *edit = commit->edits; edit; edit = edit->next)
		for (size_t i = 0; i < edit->count && !edit->error && !edit->passing && !error; i++)
			error = add_operation(&list, commit->content, edit->operations[i]);
	if (list.count)
		qsort(list.places, list.count, sizeof(*list.places), compare_places);
	for (size_t i = 0; i < list.count && !error; i++)
		if (i == 0 || compare_places(&list.places[i - 1], &list.places[i]))
			write_place(journal, &list.places[i]);
	free(list.places);
	return error ? error : journal_write(journal);
}

void kept_accept(const struct commit *commit)
{
	const struct mist_content *content = commit->content;
	if (content->journal && journal_is_long(content->journal))
		kept_renew(content);
}

/* ------------------------------------------------------------------------------------------------
 * Writing anew
 */

struct renewal {
	struct journal *journal;
	const struct zone *zone;
};

static int renew_name(void *user, const struct overlay_name *name)
{
	const struct renewal *renewal = user;
	const struct zone *zone = renewal->zone;
	const struct node *node = zone->failed ? NULL : zone_node(zone, name->name);
	for (size_t i = 0; i < name->count; i++) {
		const struct overlay_set *set = &name->sets[i];
		const struct rrset *is = lasting(zone->failed ? set->edited : zone_data(zone, node, set->type));
		if (set->base || is)
			journal_put(renewal->journal, zone->name, name->name, set->type, set->base, is);
	}
	return 0;
}

void kept_renew(const struct mist_content *content)
{
	struct journal *journal = content->journal;
	if (!journal || !journal_exists(journal))
		return;
	journal_renew(journal);
	for (size_t i = 0; i < content->zone_count; i++) {
		struct renewal renewal = { journal, content->zones[i]->zone };
		overlay_each(&content->zones[i]->overlay, renew_name, &renewal);
	}
	/* If that fails it is reported, and the old file still says the same, at greater length. */
	(void)journal_renewed(journal);
}

/* ------------------------------------------------------------------------------------------------
 * Reading
 */

struct restoring {
	struct mist_content *content;
	struct overlay *overlays;    /* one for each zone */
	bool foreign;                /* edits of a zone that is not there any more */
};

static int restore_set(void *user, const uint8_t *zone_name, const uint8_t *owner, uint16_t type,
                       const struct rrset *base, const struct rrset *edited)
{
	struct restoring *restoring = user;
	const struct mist_zone *zone = content_zone(restoring->content, zone_name);
	bool takes_edits = zone && !zone->secondary && zone->dnssec != MIST_DNSSEC_PRESIGNED;
	restoring->foreign |= !takes_edits;
	if (!takes_edits || !name_within(owner, zone_name))
		return MIST_OK;
	return overlay_put(&restoring->overlays[zone->index], owner, type, base, edited);
}

static int restore(struct restoring *restoring, struct journal *journal, uint32_t now_s,
                   uint64_t *signatures)
{
	struct mist_content *content = restoring->content;
	struct mist_zone **order = content_inwards_out(content);
	int error = order ? journal_read(journal, restore_set, restoring) : MIST_ENOMEM;
	for (size_t i = 0; i < content->zone_count && !error; i++) {
		struct mist_zone *zone = order[i];
		struct overlay *overlay = &restoring->overlays[zone->index];
		if (zone->zone->failed) { /* they wait until it loads */
			zone->overlay = *overlay;
			*overlay = (struct overlay){ 0 };
		} else if (zone->dnssec != MIST_DNSSEC_PRESIGNED) {
			error = replay_edits(zone, overlay, NULL, now_s, signatures);
		}
	}
	free(order);
	if (!error && restoring->foreign)
		report(&content->options.reporter, MIST_LEVEL_WARNING, NULL, 0,
		       "there were edits of zones that are not served here any more; they are forgotten");
	return error;
}

int kept_open(struct journal **journal, struct mist_content *content, uint32_t now_s,
              uint64_t *signatures)
{
	const struct mist_content_options *options = &content->options;
	struct restoring restoring = { .content = content };
	*journal = NULL;
	if (!options->state_directory || options->read_only)
		return MIST_OK;
	int error = content_make_directory(options->state_directory, &options->reporter);
	if (!error)
		error = journal_open(journal, options->state_directory, &options->reporter);
	if (error)
		return error == MIST_EBUSY ? MIST_OK : error;
	restoring.overlays = calloc(content->zone_count + 1, sizeof(*restoring.overlays));
	error = restoring.overlays ? restore(&restoring, *journal, now_s, signatures) : MIST_ENOMEM;
	for (size_t i = 0; restoring.overlays && i < content->zone_count; i++)
		overlay_free(&restoring.overlays[i]);
	free(restoring.overlays);
	if (error) {
		journal_close(*journal);
		*journal = NULL;
	}
	content->journal = *journal;
	/* The descriptions may be others than those that the edits were made to. */
	if (!error)
		kept_renew(content);
	return error;
}
