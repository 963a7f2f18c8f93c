/* How members of catalogs are served; see group.h. */
#include "content/group.h"

#include <stdlib.h>
#include <string.h>

#include "content/parts.h"
#include "core/report.h"

struct groups {
	struct group others;         /* its `next` is the first that has a name */
};

static void free_group(struct group *group)
{
	access_release(group->access);
	free(group->name);
}

int groups_new(struct groups **groups, const struct access *of_catalog)
{
	static const struct access_texts nobody;
	struct groups *made = calloc(1, sizeof(*made));
	if (!made)
		return MIST_ENOMEM;
	made->others.dnssec = MIST_DNSSEC_PRESIGNED;
	int error = access_new(&made->others.access, &nobody, "", NULL, NULL);
	if (!error)
		error = access_same_primaries(made->others.access, of_catalog);
	if (error)
		groups_free(made);
	else
		*groups = made;
	return error;
}

void groups_free(struct groups *groups)
{
	if (!groups)
		return;
	for (struct group *group = groups->others.next, *next; group; group = next) {
		next = group->next;
		free_group(group);
		free(group);
	}
	free_group(&groups->others);
	free(groups);
}

const struct group *groups_choose(const struct groups *groups, const struct catalog_member *member)
{
	for (const struct group *group = groups->others.next; group; group = group->next) {
		if (catalog_in_group(member, group->name))
			return group;
	}
	return &groups->others;
}

const struct group *groups_find(const struct groups *groups, const char *name)
{
	const struct group *group = name ? groups->others.next : NULL;
	while (group && strcmp(group->name, name))
		group = group->next;
	return group ? group : &groups->others;
}

/* ------------------------------------------------------------------------------------------------
 * mistcore.h
 */

static int check_options(const struct mist_zone *catalog, const char *group, const struct mist_zone_options *o)
{
	const char *problem = NULL;
	if (o->address_count || o->registry || o->update_count || o->catalog)
		problem = "a member has no addresses, registry, updates or members of its own";
	else if (o->dnssec != MIST_DNSSEC_SIGN && o->dnssec != MIST_DNSSEC_PRESIGNED)
		problem = "members are served as they come (`presigned`, signed or not) or signed here";
	else if (o->primary_count && !o->primaries)
		problem = "there are no primaries where some are counted";
	else if (o->primary_key && !o->primary_count)
		problem = "the primaries of the catalog are asked with the keys they have there";
	else if (group && (!*group || strlen(group) > 255))
		problem = "the name of a group has 1 to 255 octets";
	else if (group && groups_find(catalog->groups, group)->name)
		problem = "its members are described twice";
	if (problem)
		report(&catalog->content->options.reporter, MIST_LEVEL_ERROR, o->file, 0,
		       "zone %s, members of %s: %s", o->name, group ? group : "no group", problem);
	return problem ? MIST_EINVAL : MIST_OK;
}

/* Fills a group but for its place among the others. */
static int fill(struct group *group, const struct mist_zone *catalog, const char *name,
                const struct mist_zone_options *o)
{
	const struct mist_reporter *reporter = &catalog->content->options.reporter;
	const struct access_texts access = {
		.transfer = o->transfer, .transfer_count = o->transfer_count,
		.notify = o->notify, .notify_count = o->notify_count,
		.primary = o->primaries, .primary_count = o->primary_count, .primary_key = o->primary_key,
	};
	*group = (struct group){ .dnssec = o->dnssec, .ephemeral_key = o->ephemeral_key, .cds = o->cds,
	                         .history = o->transfer_count > 0, .name = name ? strdup(name) : NULL };
	int error = name && !group->name ? MIST_ENOMEM : MIST_OK;
	if (!error)
		error = access_new(&group->access, &access, o->name, o->file, reporter);
	if (!error && !o->primary_count)
		error = access_same_primaries(group->access, catalog->zone->access);
	if (!error)
		error = content_check_access(catalog->content, o, group->access);
	if (!error && o->file)
		strncpy(group->file, o->file, sizeof(group->file) - 1);
	if (error)
		free_group(group);
	return error;
}

static int add(struct groups *groups, struct group *group)
{
	struct group **last = &groups->others.next;
	if (!group->name) {
		group->next = groups->others.next;
		free_group(&groups->others);
		groups->others = *group;
		return MIST_OK;
	}
	struct group *kept = malloc(sizeof(*kept));
	if (!kept) {
		free_group(group);
		return MIST_ENOMEM;
	}
	*kept = *group;
	while (*last)
		last = &(*last)->next;
	*last = kept;
	return MIST_OK;
}

int mist_zone_members(struct mist_zone *catalog, const char *group, const struct mist_zone_options *options)
{
	struct mist_zone_options o;
	struct group made;
	char name[NAME_TEXT_MAX];
	if (!catalog || !catalog->groups || !options ||
	    !content_options_copy(&o, sizeof(o), options, options->size))
		return MIST_EINVAL;
	int error = content_open(catalog->content);
	name_to_text(name, catalog->zone->name);
	o.name = name;
	if (!error)
		error = check_options(catalog, group, &o);
	if (!error)
		error = fill(&made, catalog, group, &o);
	return error ? error : add(catalog->groups, &made);
}
