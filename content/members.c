/* Zones that come and go with catalogs; see members.h. */
#include "content/members.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/catalog.h"
#include "content/delegate.h"
#include "content/group.h"
#include "content/parts.h"
#include "content/secondary.h"
#include "content/serial.h"
#include "content/store.h"
#include "core/history.h"

/* One catalog, while what it lists is compared with what there is. */
struct following {
	struct mist_content *content;
	struct mist_zone *catalog;
	struct catalog list;
	const struct mist_reporter *reporter;
	const struct catalog_member **coming;
	size_t coming_count, added;  /* `added` of them are zones now, the last ones of the content */
	const struct mist_zone *other; /* a catalog that was looked at last, and whether it may give members away */
	bool other_gives;
	unsigned told;
	bool served;                 /* by a server, which is to forget what goes */
	bool changed;
};

/* ------------------------------------------------------------------------------------------------
 * Saying what happens
 */

__attribute__((format(printf, 3, 4)))
static void tell(struct following *following, const uint8_t *member, const char *format, ...)
{
	char text[200], name[NAME_TEXT_MAX], catalog[NAME_TEXT_MAX];
	va_list arguments;
	if (following->told++ >= MEMBERS_TOLD_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	name_to_text(name, member);
	name_to_text(catalog, following->catalog->zone->name);
	report(following->reporter, MIST_LEVEL_ERROR, following->catalog->zone->file, 0,
	       "catalog %.300s: member %.300s %s", catalog, name, text);
}

static void tell_rest(const struct following *following)
{
	char catalog[NAME_TEXT_MAX];
	if (following->told <= MEMBERS_TOLD_MAX)
		return;
	name_to_text(catalog, following->catalog->zone->name);
	report(following->reporter, MIST_LEVEL_ERROR, following->catalog->zone->file, 0,
	       "catalog %s: the same of %u other members", catalog, following->told - MEMBERS_TOLD_MAX);
}

/* ------------------------------------------------------------------------------------------------
 * A zone that comes
 */

static void dress(struct zone *zone, const struct group *group)
{
	access_release(zone->access);
	zone->access = access_hold(group->access);
	zone->presigned = group->dnssec == MIST_DNSSEC_PRESIGNED;
	memcpy(zone->file, group->file, sizeof(zone->file));
}

/* Without a version. */
static int make_zone(struct zone **made, const uint8_t *name, const struct group *group, size_t history_bytes)
{
	int error = zone_new(made, name);
	if (error)
		return error;
	dress(*made, group);
	if (group->history)
		error = history_new(&(*made)->history, history_bytes);
	if (error)
		zone_release(*made);
	return error;
}

static int add(struct mist_content *content, struct mist_zone *catalog, const uint8_t *name, const uint8_t *label,
               const struct group *group)
{
	struct mist_zone *zone = calloc(1, sizeof(*zone));
	if (!zone)
		return MIST_ENOMEM;
	zone->content = content;
	zone->records = zone->secondary = true;
	zone->dnssec = group->dnssec;
	zone->ephemeral_key = group->ephemeral_key;
	zone->cds = group->cds;
	zone->due_s = UINT32_MAX;
	zone->catalog = catalog;
	zone->group = group;
	memcpy(zone->label, label, 1u + label[0]);
	zone->member = ++content->members;
	int error = make_zone(&zone->zone, name, group, content->options.history_bytes);
	if (!error)
		error = content_insert(content, zone);
	if (error)
		content_free_zone(zone);
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * A zone that goes
 */

/* What is kept of a zone that its catalog has ended (RFC 9432 sections 5.3 and 5.4). */
static void drop_state(const struct mist_zone *zone)
{
	const struct mist_content_options *options = &zone->content->options;
	const char *directory = content_state_directory(zone->content);
	const char *keys = options->key_directory ? options->key_directory : directory;
	if (directory) {
		store_remove(directory, zone->zone->name);
		serial_remove(directory, zone->zone->name);
	}
	if (keys && !options->read_only && zone->dnssec == MIST_DNSSEC_SIGN && !zone->ephemeral_key)
		key_remove(zone->zone->name, zone->key, keys);
}

static void leave(struct following *following, struct mist_zone *zone, bool for_good)
{
	zone->leaving = true;
	following->changed = true;
	if (for_good && following->served)
		drop_state(zone);
}

/* Those that stay move together, in their order. */
static int collect_leaving(struct mist_content *content, struct zone_list *leaving)
{
	size_t count = 0, left = 0;
	for (size_t i = 0; i < content->zone_count; i++)
		left += content->zones[i]->leaving;
	if (!left)
		return MIST_OK;
	leaving->zones = malloc(left * sizeof(*leaving->zones));
	if (!leaving->zones)
		return MIST_ENOMEM;
	leaving->room = left;
	for (size_t i = 0; i < content->zone_count; i++) {
		struct mist_zone *zone = content->zones[i];
		if (zone->leaving) {
			leaving->zones[leaving->count++] = zone;
			continue;
		}
		zone->index = count;
		content->zones[count++] = zone;
	}
	content->zone_count = count;
	if (content->reverse)
		content->reverse->index = count;
	return MIST_OK;
}

void members_end(struct mist_content *content, struct members_news *news)
{
	for (size_t i = 0; i < news->leaving.count; i++) {
		struct mist_zone *zone = news->leaving.zones[i];
		if (content_zone(content, zone->zone->name) == zone &&
		    trie_remove(&content->zones_by_name, zone->zone->name))
			continue; /* no memory to forget it with: it stays where it can be found, and in no view */
		trie_retire(&content->zones_by_name, NULL, NULL);
		content_free_zone(zone);
	}
	free(news->leaving.zones);
	news->leaving = (struct zone_list){ 0 };
}

/* ------------------------------------------------------------------------------------------------
 * A zone that is there already
 */

/* Who may have it and where it comes from, without a new version of its data. */
static int describe_anew(struct mist_zone *zone, const struct group *group)
{
	struct zone *served = zone->zone, *made = NULL;
	int error = served->failed ? make_zone(&made, served->name, group, zone->content->options.history_bytes)
	                           : zone_fork(&made, served);
	if (error)
		return error;
	if (served->failed)
		zone_fail(made, served->reason);
	dress(made, group);
	if (group->history && !made->history)
		error = history_new(&made->history, zone->content->options.history_bytes);
	if (error) {
		zone_release(made);
		return error;
	}
	zone_release(served);
	zone->zone = made;
	return MIST_OK;
}

static bool signed_alike(const struct mist_zone *zone, const struct group *group)
{
	return zone->dnssec == group->dnssec && zone->cds == group->cds && zone->ephemeral_key == group->ephemeral_key;
}

static int come(struct following *following, const struct catalog_member *member)
{
	following->coming[following->coming_count++] = member;
	following->changed = true;
	return MIST_OK;
}

/* Of this catalog now, if it was of another. */
static int keep(struct following *following, const struct catalog_member *member, struct mist_zone *zone)
{
	const struct group *group = groups_choose(following->catalog->groups, member);
	if (!catalog_same_label(zone->label, member->label)) {
		leave(following, zone, true);
		return come(following, member);
	}
	if (!signed_alike(zone, group)) {
		leave(following, zone, false);
		return come(following, member);
	}
	following->changed |= zone->catalog != following->catalog || zone->group != group;
	int error = zone->group != group ? describe_anew(zone, group) : MIST_OK;
	if (error)
		return error;
	zone->catalog = following->catalog;
	zone->group = group;
	return MIST_OK;
}

/* Whether the catalog that has the zone says that it may go over to this one. */
static bool may_take(struct following *following, const struct mist_zone *zone)
{
	const struct mist_zone *other = zone->catalog;
	struct catalog list = { 0 };
	if (following->other != other) {
		following->other = other;
		following->other_gives = !other->zone->failed && !catalog_read(&list, other->zone);
		if (following->other_gives)
			catalog_free(&list);
	}
	const uint8_t *coo = following->other_gives ? catalog_coo(other->zone, zone->label) : NULL;
	return coo && name_equal(coo, following->catalog->zone->name);
}

static int take_member(struct following *following, const struct catalog_member *member)
{
	struct mist_zone *zone = content_zone(following->content, member->zone);
	char other[NAME_TEXT_MAX];
	if (!zone || zone->leaving)
		return come(following, member);
	if (zone->catalog == following->catalog || (zone->catalog && may_take(following, zone)))
		return keep(following, member, zone);
	if (!zone->catalog) {
		tell(following, member->zone, "is left out: it is a zone of the configuration, which goes first");
		return MIST_OK;
	}
	/* It has gone over, and its old catalog still says where. */
	if (member->coo && name_equal(member->coo, zone->catalog->zone->name))
		return MIST_OK;
	name_to_text(other, zone->catalog->zone->name);
	tell(following, member->zone, "is left out: catalog %.120s has it, and has no `coo` for it", other);
	return MIST_OK;
}

/* ------------------------------------------------------------------------------------------------
 * One catalog
 */

static void leave_unlisted(struct following *following)
{
	for (size_t i = 0; i < following->content->zone_count; i++) {
		struct mist_zone *zone = following->content->zones[i];
		if (zone->catalog == following->catalog && !catalog_find(&following->list, zone->zone->name))
			leave(following, zone, true);
	}
}

static int add_coming(struct following *following)
{
	struct mist_content *content = following->content;
	const char *directory = following->served ? content_state_directory(content) : NULL;
	int error = MIST_OK;
	for (size_t i = 0; i < following->coming_count && !error; i++) {
		const struct catalog_member *member = following->coming[i];
		if (content->zone_count >= ZONES_MAX) {
			tell(following, member->zone, "is left out: there are %d zones already", ZONES_MAX);
			continue;
		}
		/* What is there of a zone that once had the name is not its. */
		if (directory)
			store_remove(directory, member->zone);
		error = add(content, following->catalog, member->zone, member->label,
		            groups_choose(following->catalog->groups, member));
		if (!error && following->served)
			zone_fail(content->zones[content->zone_count - 1]->zone, "it was not transferred yet");
		following->added += !error;
	}
	return error;
}

/* Makes the zones of the content what the catalog lists, and those that it does not list any more leave. */
static int follow(struct following *following, struct zone_list *leaving)
{
	following->coming = calloc(following->list.count + 1, sizeof(*following->coming));
	int error = following->coming ? MIST_OK : MIST_ENOMEM;
	for (size_t i = 0; i < following->list.count && !error; i++)
		error = take_member(following, &following->list.members[i]);
	if (!error) {
		leave_unlisted(following);
		error = collect_leaving(following->content, leaving);
	}
	if (!error)
		error = add_coming(following);
	free(following->coming);
	tell_rest(following);
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * While a content is sealed, and when it takes another's place
 */

int members_load(struct mist_content *content)
{
	const struct mist_reporter *reporter = &content->options.reporter;
	int error = MIST_OK;
	/* Zones may leave meanwhile, and those that come are no catalogs. */
	for (size_t i = 0; i < content->zone_count && !error; i++) {
		struct following following = { .content = content, .catalog = content->zones[i], .reporter = reporter };
		struct members_news news = { .reporter = reporter };
		if (!following.catalog->groups || following.catalog->zone->failed)
			continue;
		error = catalog_read(&following.list, following.catalog->zone);
		if (!error)
			error = follow(&following, &news.leaving);
		if (error == MIST_EZONE) /* only what was good is kept; it is transferred again, and judged then */
			error = MIST_OK;
		catalog_free(&following.list);
		members_end(content, &news);
	}
	return error;
}

/* As it is served now: it may have been begun anew since the content was described. */
static int adopt(struct mist_content *content, struct mist_zone *catalog, const struct mist_zone *member)
{
	const struct group *group = groups_find(catalog->groups, member->group->name);
	struct mist_zone *zone = content_zone(content, member->zone->name);
	int error = MIST_OK;
	if (zone ? !zone->catalog : content->zone_count >= ZONES_MAX)
		return MIST_OK;
	if (!zone) {
		error = add(content, catalog, member->zone->name, member->label, group);
		zone = content->zones[content->zone_count - 1];
		if (!error)
			zone_fail(zone->zone, "it is being taken over");
	} else if (zone->group != group && signed_alike(zone, group)) {
		error = describe_anew(zone, group);
		zone->group = error ? zone->group : group;
	}
	if (error)
		return error;
	zone->catalog = catalog;
	zone->member = member->member;
	memcpy(zone->label, member->label, sizeof(zone->label));
	return MIST_OK;
}

int members_adopt(struct mist_content *content, const struct mist_content *served)
{
	int error = MIST_OK;
	if (content->members < served->members)
		content->members = served->members;
	for (size_t i = 0; i < served->zone_count && !error; i++) {
		const struct mist_zone *member = served->zones[i];
		struct mist_zone *catalog = member->catalog ? content_zone(content, member->catalog->zone->name) : NULL;
		if (catalog && catalog->groups)
			error = adopt(content, catalog, member);
	}
	return error;
}

bool members_next_catalog(const struct mist_content *content, size_t *at, uint8_t name[NAME_MAX])
{
	while (*at < content->zone_count && !content->zones[*at]->groups)
		++*at;
	if (*at == content->zone_count)
		return false;
	name_copy(name, content->zones[(*at)++]->zone->name);
	return true;
}

/* ------------------------------------------------------------------------------------------------
 * While it is served
 */

static int follow_delegations(struct mist_content *content, const struct zone_list *leaving, size_t first,
                              struct zone_list *changed)
{
	int error = MIST_OK;
	for (size_t i = 0; i < leaving->count && !error; i++)
		error = delegation_end(changed, leaving->zones[i]);
	for (size_t i = first; i < content->zone_count && !error; i++)
		error = delegation_begin(changed, content->zones[i]);
	return error;
}

static int make(struct edit *edit, struct mist_content *content, struct zone_list *changed)
{
	struct members_news *news = edit->user;
	struct following following = { .content = content, .catalog = content_zone(content, news->catalog),
	                               .reporter = news->reporter, .served = true };
	if (!following.catalog || !following.catalog->groups)
		return MIST_ENOTFOUND;
	if (following.catalog->zone->failed)
		return MIST_OK;
	int error = catalog_read(&following.list, following.catalog->zone);
	if (error) {
		if (error == MIST_EZONE)
			edit_note(edit, MIST_LEVEL_ERROR, "%s", following.list.why);
		return error;
	}
	error = follow(&following, &news->leaving);
	const size_t first = content->zone_count - following.added;
	catalog_free(&following.list);
	news->changed = following.changed;
	if (!following.changed)
		return error;
	content->view_owed = true;
	content_find_parents(content);
	return error ? error : follow_delegations(content, &news->leaving, first, changed);
}

int members_edit(struct edit **edit, struct members_news *news)
{
	int error = edit_new(edit);
	if (error)
		return error;
	(*edit)->make = make;
	(*edit)->user = news;
	return MIST_OK;
}
