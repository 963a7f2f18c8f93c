/* See replay.h. */
#include "content/replay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "content/apply.h"
#include "content/commit.h"
#include "content/delegate.h"
#include "content/kept.h"
#include "core/report.h"
#include "core/zone_edit.h"
#include "dnssec/batch.h"

struct replay {
	struct mist_zone *zone;      /* as it is described now */
	const struct zone *served;   /* as it was edited, or NULL: as the overlay says */
	uint32_t cap;
	struct zone_list changed;
	struct edit *whole;          /* all names, as they are collected */
	unsigned rounds_left;        /* of each name in an edit of its own */
	size_t refused;              /* names, in this round */
};

/*
 * When names are replayed one by one, one may need another that comes later: the NS record at the top its
 * server, whose removal waits for the NS record to go. Then there are three in a row, and no more.
 */
#define ROUNDS 3

struct rrset *replay_as_served(const struct rrset *set, uint32_t cap)
{
	struct rrset *copy = set ? rrset_signed(set, NULL, 0) : NULL;
	if (copy && copy->ttl > cap)
		rrset_set_ttl(copy, cap);
	return copy;
}

/* Each record of `from` that `without` does not hold. */
static int replay_records(const struct replay *replay, struct edit *edit, const uint8_t *owner,
                          const struct rrset *from, const struct rrset *without, bool add)
{
	const uint8_t *zone = replay->zone->zone->name;
	struct record record;
	int error = MIST_OK;
	for (size_t at = 0; from && !error && rrset_next(from, from->len, &at, &record);) {
		struct mist_record each = { .owner = owner, .type = record.type, .ttl = record.ttl,
		                            .rdata = record.rdata, .rdata_len = record.rdata_len };
		if (without && rrset_has(without, record.rdata, record.rdata_len))
			continue;
		error = add ? edit_add(edit, zone, &each) : edit_remove(edit, zone, &each);
	}
	return error;
}

/* With the serial of the SOA that is described: edits raise it, the description may have. */
static int replay_soa(struct edit *edit, const uint8_t *owner, const struct rrset *served,
                      const struct rrset *described)
{
	struct rrset *soa = rrset_signed(served, NULL, 0);
	if (!soa)
		return MIST_ENOMEM;
	/* The numbers come last; what is read from disk is looked at before it is used. */
	assert(soa->len > 20 && described->len > 20);
	memcpy(soa->wire + soa->len - 20, described->wire + described->len - 20, 4);
	int error = edit_replace_set(edit, owner, owner, TYPE_SOA, soa);
	free(soa);
	return error;
}

/* Where the description says what it said, the set is as edits left it; else it is changed as they had
 * changed the old one. */
static int replay_set(const struct replay *replay, struct edit *edit, const uint8_t *owner,
                      const struct overlay_set *set)
{
	const struct zone *now = replay->zone->zone, *served = replay->served;
	const struct rrset *described = zone_data(now, zone_node(now, owner), set->type);
	const struct rrset *edited = served ? zone_data(served, zone_node(served, owner), set->type)
	                                    : set->edited;
	struct rrset *is = replay_as_served(described, replay->cap), *was = replay_as_served(set->base, replay->cap);
	bool untouched = overlay_same(is, was);
	int error = MIST_OK;
	free(is);
	free(was);
	if (set->type == TYPE_SOA)
		return untouched && edited && described ? replay_soa(edit, owner, edited, described) : MIST_OK;
	/* Where something else is described, registered addresses are not added to it. */
	if (!untouched && edited && edited->flags & RRSET_REGISTERED)
		edited = NULL;
	if (untouched && served)
		return edit_replace_set(edit, now->name, owner, set->type, edited);
	if (untouched) {
		error = edit_replace_set(edit, now->name, owner, set->type, NULL);
		return error ? error : replay_records(replay, edit, owner, edited, NULL, true);
	}
	error = replay_records(replay, edit, owner, set->base, edited, false);
	return error ? error : replay_records(replay, edit, owner, edited, set->base, true);
}

static void say_dropped(const struct replay *replay, const uint8_t *owner, const struct edit *edit)
{
	char name[NAME_TEXT_MAX];
	name_to_text(name, owner);
	report(&replay->zone->content->options.reporter, MIST_LEVEL_WARNING, replay->zone->zone->file, 0,
	       "%s: what was edited there while the zone was served cannot stand beside what the zone says "
	       "now, and is dropped (%s)", name, edit_reason(edit));
}

/* What is replayed is kept already, as far as it is to last. */
static int begin(struct edit **edit)
{
	int error = edit_new(edit);
	if (!error)
		(*edit)->passing = true;
	return error;
}

static int collect_name(const struct replay *replay, struct edit *edit, const struct overlay_name *name)
{
	int error = MIST_OK;
	for (size_t i = 0; i < name->count && !error; i++)
		error = replay_set(replay, edit, name->name, &name->sets[i]);
	return error;
}

static int replay_name(void *user, const struct overlay_name *name)
{
	struct replay *replay = user;
	struct edit *edit;
	int error = begin(&edit);
	if (error)
		return error;
	error = collect_name(replay, edit, name);
	if (!error) {
		error = edit_apply(edit, replay->zone->content, &replay->changed);
		if (error && error != MIST_ENOMEM) {
			replay->refused++;
			if (replay->rounds_left == 1)
				say_dropped(replay, name->name, edit);
			error = MIST_OK;
		}
	}
	edit_free(edit);
	return error;
}

/* What a round brought already, the next one finds there. */
static int replay_each(struct replay *replay, const struct overlay *overlay)
{
	int error = MIST_OK;
	replay->refused = 1;
	for (replay->rounds_left = ROUNDS; replay->rounds_left && replay->refused && !error; replay->rounds_left--) {
		replay->refused = 0;
		error = overlay_each(overlay, replay_name, replay);
	}
	return error;
}

static int add_name(void *user, const struct overlay_name *name)
{
	const struct replay *replay = user;
	return collect_name(replay, replay->whole, name);
}

/* MIST_ECONFLICT: some of it cannot stand in the zone as it is described now, and nothing was done. */
static int replay_whole(struct replay *replay, const struct overlay *overlay)
{
	int error = begin(&replay->whole);
	if (error)
		return error;
	error = overlay_each(overlay, add_name, replay);
	if (!error && edit_apply(replay->whole, replay->zone->content, &replay->changed))
		error = replay->whole->error == MIST_ENOMEM ? MIST_ENOMEM : MIST_ECONFLICT;
	edit_free(replay->whole);
	return error;
}

/* At once, for names need each other; what then breaks a rule shall not take the rest with it. */
static int replay_all(struct replay *replay, const struct overlay *overlay)
{
	int error = replay_whole(replay, overlay);
	return error == MIST_ECONFLICT ? replay_each(replay, overlay) : error;
}

uint32_t replay_ttl_cap(const struct mist_zone *zone)
{
	if (zone->dnssec != MIST_DNSSEC_SIGN)
		return UINT32_MAX;
	struct signing signing = content_signing(zone, 0);
	return sign_batch_ttl_cap(&signing);
}

/* A zone that is signed already is edited like one that is served. */
static int sign_replayed(struct mist_zone *zone, uint32_t now_s, uint64_t *signatures)
{
	struct commit commit = { .content = zone->content, .now_s = now_s };
	if (zone->pending)
		return MIST_OK;
	zone->next_due_s = zone->due_s;
	int error = commit_version(&commit, zone);
	zone->due_s = zone->next_due_s;
	*signatures += commit.signatures;
	return error;
}

int replay_edits(struct mist_zone *zone, const struct overlay *overlay, const struct zone *served,
                 uint32_t now_s, uint64_t *signatures)
{
	struct replay replay = { .zone = zone, .served = served, .cap = replay_ttl_cap(zone) };
	int error = replay_all(&replay, overlay);
	if (!error)
		error = delegations_follow(&replay.changed); /* the zone around it comes later, and takes it */
	free(replay.changed.zones);
	if (!zone->next)
		return error;
	if (!error)
		error = kept_note(zone);
	if (!error)
		error = sign_replayed(zone, now_s, signatures);
	zone_release(zone->zone);
	zone->zone = zone->next;
	zone->next = NULL;
	return error;
}
