/*
 * What a sealed content tells about its zones: their records, as a transfer would hold them, and
 * their trust anchors.
 */
#include <string.h>

#include "content/content.h"
#include "content/parts.h"
#include "content/replay.h"
#include "content/walk.h"
#include "dnssec/anchor.h"

int content_served(const struct mist_content *content, const char *name,
                   const struct mist_zone **zone)
{
	uint8_t wire[NAME_MAX];
	if (!content || !name)
		return MIST_EINVAL;
	int error = content_open(content);
	if (error != MIST_ESEALED)
		return error ? error : MIST_EINVAL;
	if (!name_from_text(wire, name))
		return MIST_ENOTFOUND;
	name_lower(wire, wire);
	*zone = content_zone(content, wire);
	if (!*zone)
		return MIST_ENOTFOUND;
	return (*zone)->zone->failed ? MIST_EZONE : MIST_OK;
}

int mist_content_walk(const struct mist_content *content, const char *name,
                      enum mist_walk what,
                      int (*record)(void *user, const struct mist_record *record), void *user)
{
	struct walk *walk;
	int error = record ? walk_begin(&walk, content, name, what) : MIST_EINVAL;
	return error ? error : walk_run(walk, record, user);
}

int mist_content_zones(const struct mist_content *content,
                       int (*zone)(void *user, const char *name, enum mist_dnssec dnssec),
                       void *user)
{
	if (!content || !zone)
		return MIST_EINVAL;
	if (content_open(content) == MIST_EFORKED)
		return MIST_EFORKED;
	for (size_t i = 0; i < content->zone_count; i++) {
		char name[NAME_TEXT_MAX];
		name_to_text(name, content->zones[i]->zone->name);
		int result = zone(user, name, content->zones[i]->dnssec);
		if (result)
			return result;
	}
	return MIST_OK;
}

int content_zone_status(const struct mist_content *content,
                        int (*zone)(void *user, const struct mist_zone_status *status), void *user)
{
	int result = 0;
	for (size_t i = 0; i < content->zone_count && !result; i++) {
		const struct zone *served = content->zones[i]->zone;
		const struct mist_zone *catalog = content->zones[i]->catalog;
		char name[NAME_TEXT_MAX], member_of[NAME_TEXT_MAX] = "";
		name_to_text(name, served->name);
		if (catalog)
			name_to_text(member_of, catalog->zone->name);
		result = zone(user, &(struct mist_zone_status){
			.name = name, .catalog = content->zones[i]->groups != NULL, .member_of = member_of,
			.dnssec = content->zones[i]->dnssec, .failed = served->failed,
			.serial = served->failed ? 0 : served->serial, .secondary = content->zones[i]->secondary,
			.primary = "", .error = "", .ttl_max = replay_ttl_cap(content->zones[i]) });
	}
	return result;
}

int mist_content_anchor(const struct mist_content *content, const char *name,
                        enum mist_anchor_format format, char *text, size_t text_size)
{
	const struct mist_zone *zone;
	if (!text || format > MIST_ANCHOR_RESOLVED)
		return MIST_EINVAL;
	int error = content_served(content, name, &zone);
	return error ? error
	             : anchor_text(zone->zone, content->crypto, format, text, text_size);
}
