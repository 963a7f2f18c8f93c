/* What zones say of registered names; see registered.h. */
#include "content/registered.h"

#include <stdlib.h>
#include <string.h>

#include "content/commit.h"
#include "content/parts.h"
#include "content/reverse.h"
#include "core/report.h"
#include "core/zone_edit.h"

/* Containers come back with other addresses within seconds. */
#define REGISTERED_TTL 5

/* ------------------------------------------------------------------------------------------------
 * Where
 */

static struct mist_zone *registry_zone(const struct mist_content *content, const uint8_t *name)
{
	struct mist_zone *zone = content_zone_around(content, name, false);
	return zone && zone->registry && !zone->zone->failed ? zone : NULL;
}

/* Appends the name of the only registry zone. */
static int complete(uint8_t name[NAME_MAX], const struct mist_content *content, struct mist_zone **zone, const char **why)
{
	if (content->registry_count != 1) {
		*why = content->registry_count ? "there are several registry zones; give the name with its zone"
		                               : "no zone is a registry; give one `registry: true`";
		return MIST_EINVAL;
	}
	*zone = content->registries[0];
	const struct zone *only = (*zone)->zone;
	const size_t len = name_len(name) - 1;
	if (len + only->name_len > NAME_MAX)
		return MIST_ENAME;
	memcpy(name + len, only->name, only->name_len);
	return only->failed ? MIST_ECONFLICT : MIST_OK;
}

int registered_complete(uint8_t name[NAME_MAX], bool relative, const struct mist_content *content,
                        struct mist_zone **zone, const char **why)
{
	*why = NULL;
	*zone = registry_zone(content, name);
	if (*zone)
		return MIST_OK;
	const struct mist_zone *around = content_zone_around(content, name, false);
	if (around && around->registry) {
		*why = "the registry zone around the name did not load";
		return MIST_ECONFLICT;
	}
	if (relative)
		return complete(name, content, zone, why);
	*why = "there is no registry zone around the name";
	return MIST_ENOTFOUND;
}

/* ------------------------------------------------------------------------------------------------
 * What
 */

/* The addresses of the owners in the lowest tier; NULL in `*set`: none of this kind. */
static int make_set(const struct registered *name, uint16_t type, struct rrset **set)
{
	const unsigned len = type == TYPE_A ? 4 : 16;
	const struct registration *registration;
	unsigned tier = UINT32_MAX;
	_Bool too_large = false;

	*set = NULL;
	LIST_FOREACH(registration, &name->registrations, of_name)
		tier = registration->tier < tier ? registration->tier : tier;
	LIST_FOREACH(registration, &name->registrations, of_name) {
		for (unsigned i = 0; i < registration->address_count && registration->tier == tier; i++) {
			const struct zone_address *address = &registration->addresses[i];
			if (address->len != len)
				continue;
			struct rrset *with = rrset_with(*set, type, REGISTERED_TTL, address->octets, address->len,
			                                &too_large);
			free(*set);
			*set = with;
			if (!with)
				return too_large ? MIST_ELIMIT : MIST_ENOMEM;
		}
	}
	if (*set)
		(*set)->flags = (*set)->count > 1 ? RRSET_REGISTERED : RRSET_REGISTERED | RRSET_PLAIN_COPY;
	return MIST_OK;
}

static bool holds(const struct rrset *set, const struct record *record)
{
	return set && rrset_has(set, record->rdata, record->rdata_len);
}

/* From the addresses that are new back to the name, and from those that are not any more. An address that
 * points already may do so twice. */
static int say_reverse(const struct registered *name, const struct mist_content *content,
                       const struct rrset *old, const struct rrset *set, struct edit *edit)
{
	struct record record;
	int error = MIST_OK;
	for (size_t at = 0; old && !error && rrset_next(old, old->len, &at, &record);) {
		if (!holds(set, &record))
			error = reverse_point(edit, content, record.rdata, record.rdata_len, name->name, false);
	}
	for (size_t at = 0; set && !error && rrset_next(set, set->len, &at, &record);)
		error = reverse_point(edit, content, record.rdata, record.rdata_len, name->name, true);
	return error;
}

/* Addresses that nobody registered. */
static bool is_own(const struct rrset *set)
{
	return set && !(set->flags & RRSET_REGISTERED);
}

int registered_say(const struct registered *name, const struct mist_content *content, struct edit *edit)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	const struct mist_zone *zone = registry_zone(content, name->name);
	int error = MIST_OK;

	edit->points_back = true;
	for (unsigned i = 0; zone && i < 2 && !error; i++) {
		const struct zone *now = content_newest(zone);
		const struct rrset *old = zone_data(now, zone_node(now, name->name), types[i]);
		struct rrset *set;
		if (is_own(old))
			continue;
		error = make_set(name, types[i], &set);
		if (!error)
			error = say_reverse(name, content, old, set, edit);
		if (!error)
			error = edit_replace_set(edit, zone->zone->name, name->name, types[i], set);
		free(set);
	}
	return error;
}

bool registered_is_said(const struct registered *name, const struct mist_content *content)
{
	const struct mist_zone *zone = registry_zone(content, name->name);
	const struct node *node = zone ? zone_node(content_newest(zone), name->name) : NULL;
	for (unsigned i = 0; node && i < node->rrset_count; i++) {
		if (node->rrsets[i]->flags & RRSET_REGISTERED)
			return true;
	}
	return false;
}

static bool has_own_addresses(const struct mist_zone *zone, const uint8_t *name)
{
	const struct zone *now = content_newest(zone);
	const struct node *node = zone_node(now, name);
	return is_own(zone_data(now, node, TYPE_A)) || is_own(zone_data(now, node, TYPE_AAAA));
}

int registered_check(const struct mist_zone *zone, const uint8_t *name, struct edit *edit)
{
	char text[NAME_TEXT_MAX];

	if (!has_own_addresses(zone, name))
		return MIST_OK;
	name_to_text(text, name);
	edit_note(edit, MIST_LEVEL_ERROR, "%s: the zone has addresses there that nobody registered; remove them, "
	          "or register another name", text);
	return MIST_ECONFLICT;
}

/* ------------------------------------------------------------------------------------------------
 * All of them, in another content
 */

struct restoring {
	const struct mist_content *content;
	struct edit *one;                /* all names in one edit, or NULL: */
	struct edit *first, **last;      /* one each */
};

static int restore_name(void *user, void *value)
{
	struct restoring *restoring = user;
	const struct registered *name = value;
	const struct mist_zone *zone = registry_zone(restoring->content, name->name);
	struct edit *edit = restoring->one;
	if (LIST_EMPTY(&name->registrations))
		return MIST_OK;
	if (edit && zone && has_own_addresses(zone, name->name)) {
		char text[NAME_TEXT_MAX];
		name_to_text(text, name->name);
		report(&restoring->content->options.reporter, MIST_LEVEL_WARNING, zone->zone->file, 0,
		       "%s is registered, and now the zone has addresses of its own there, which are answered instead", text);
	}
	if (!edit) {
		int error = edit_new(&edit);
		if (error)
			return error;
		edit->passing = true;
		*restoring->last = edit;
		restoring->last = &edit->next;
	}
	return registered_say(name, restoring->content, edit);
}

static int commit_restored(struct mist_content *content, struct edit *edits, uint32_t now_s,
                           uint64_t *signatures)
{
	struct commit commit;
	int error = commit_prepare(&commit, content, NULL, edits, now_s);
	if (error)
		return error;
	commit_accept(&commit);
	*signatures += commit.signatures;
	return MIST_OK;
}

/* Names that do not go into the zone any more must not keep the others out. */
static int restore_each(const struct registrations *table, struct mist_content *content, uint32_t now_s,
                        uint64_t *signatures)
{
	struct restoring restoring = { .content = content };
	restoring.last = &restoring.first;
	int error = trie_each(&table->names, restore_name, &restoring);
	if (!error && restoring.first)
		error = commit_restored(content, restoring.first, now_s, signatures);
	for (struct edit *edit = restoring.first, *next; edit; edit = next) {
		next = edit->next;
		if (edit->error && !error)
			report(&content->options.reporter, MIST_LEVEL_ERROR, NULL, 0,
			       "a registered name cannot be answered: %s", edit_reason(edit));
		edit_free(edit);
	}
	return error;
}

int registered_restore(const struct registrations *table, struct mist_content *content, uint32_t now_s,
                       uint64_t *signatures)
{
	struct restoring restoring = { .content = content };
	int error = edit_new(&restoring.one);
	if (!error)
		error = trie_each(&table->names, restore_name, &restoring);
	if (!error && restoring.one->count) {
		restoring.one->passing = true;
		error = commit_restored(content, restoring.one, now_s, signatures);
	}
	if (!error && restoring.one->error)
		error = restore_each(table, content, now_s, signatures);
	edit_free(restoring.one);
	return error;
}
