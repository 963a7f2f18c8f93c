/*
 * What a sealed content tells about its zones: their records, as a transfer would hold them, and
 * their trust anchors.
 */
#include <string.h>

#include "content/content.h"
#include "content/parts.h"
#include "dnssec/anchor.h"

/* MIST_ENOTFOUND, MIST_EZONE, MIST_EINVAL (not sealed). */
static int find_served(const struct mist_content *content, const char *name,
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

struct walk {
	int (*record)(void *user, const struct mist_record *record);
	void *user;
};

static int walk_set(const struct walk *walk, const struct node *node, const struct rrset *set)
{
	struct record record;
	for (size_t at = 0; rrset_next(set, set->full_len, &at, &record);) {
		int result = walk->record(walk->user, &(struct mist_record){
			.owner = node->name, .type = record.type, .ttl = record.ttl,
			.rdata = record.rdata, .rdata_len = record.rdata_len });
		if (result)
			return result;
	}
	return 0;
}

static int walk_node(void *user, const struct node *node)
{
	const struct walk *walk = user;
	const struct rrset *soa = node->flags & NODE_APEX ? node_rrset(node, TYPE_SOA) : NULL;
	int result = soa ? walk_set(walk, node, soa) : 0;
	for (unsigned i = 0; i < node->rrset_count && !result; i++) {
		const struct rrset *set = node->rrsets[i];
		/* The CNAME that x under `*.x` answers with cannot stand beside the NS of the cut. */
		if (set != soa && !(set->type == TYPE_CNAME && node->flags & NODE_CARVED))
			result = walk_set(walk, node, set);
	}
	return result;
}

int mist_content_walk(const struct mist_content *content, const char *name,
                      int (*record)(void *user, const struct mist_record *record), void *user)
{
	const struct mist_zone *zone;
	struct walk walk = { .record = record, .user = user };
	int error = record ? find_served(content, name, &zone) : MIST_EINVAL;
	return error ? error : zone_each(zone->zone, walk_node, &walk);
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

int mist_content_anchor(const struct mist_content *content, const char *name,
                        enum mist_anchor_format format, char *text, size_t text_size)
{
	const struct mist_zone *zone;
	if (!text || format > MIST_ANCHOR_RESOLVED)
		return MIST_EINVAL;
	int error = find_served(content, name, &zone);
	return error ? error
	             : anchor_text(zone->zone, content->crypto, format, text, text_size);
}
