/* See walk.h. */
#include "content/walk.h"

#include <stdlib.h>
#include <string.h>

#include "content/content.h"
#include "content/parts.h"
#include "core/zone_edit.h"
#include "core/zone_walk.h"

struct walk {
	struct zone *zone;           /* held */
	bool data_only, cds;
	uint8_t dnskey[DNSKEY_LEN_MAX];
	size_t dnskey_len;           /* 0: the zone is not signed here */
	uint8_t (*inner)[NAME_MAX];  /* apexes of the local zones inside */
	size_t inner_count;
	int (*record)(void *user, const struct mist_record *record);
	void *user;
};

/* ------------------------------------------------------------------------------------------------
 * What is left out
 */

static bool is_inner_apex(const struct walk *walk, const struct node *node)
{
	for (size_t i = 0; i < walk->inner_count; i++)
		if (memcmp(walk->inner[i], node->name, node->name_len) == 0)
			return true;
	return false;
}

static bool is_made(const struct walk *walk, const struct node *node, const struct rrset *set)
{
	if (!zone_data(walk->zone, node, set->type))
		return true;
	if (set->type == TYPE_NS && node->flags & NODE_CARVED)
		return true;
	if ((set->type == TYPE_CDS || set->type == TYPE_CDNSKEY) && walk->cds)
		return true;
	return (set->type == TYPE_NS || set->type == TYPE_DS) && node->flags & NODE_CUT &&
	       is_inner_apex(walk, node);
}

static bool is_our_key(const struct walk *walk, const struct record *record)
{
	return record->type == TYPE_DNSKEY && record->rdata_len == walk->dnskey_len &&
	       memcmp(record->rdata, walk->dnskey, walk->dnskey_len) == 0;
}

/* ------------------------------------------------------------------------------------------------
 * The walk
 */

static int call_back(const struct walk *walk, const uint8_t *owner, const struct record *record)
{
	return walk->record(walk->user, &(struct mist_record){
		.owner = owner, .type = record->type, .ttl = record->ttl,
		.rdata = record->rdata, .rdata_len = record->rdata_len });
}

static int walk_served(const struct walk *walk)
{
	struct zone_walk place;
	struct record record;
	const uint8_t *owner;
	int result = 0;
	zone_walk_begin(&place, walk->zone);
	while (!result && zone_walk_next(&place, &owner, &record))
		result = call_back(walk, owner, &record);
	return result;
}

static int walk_set(const struct walk *walk, const struct node *node, const struct rrset *set)
{
	size_t len = walk->dnskey_len ? set->len : set->full_len;
	struct record record;
	int result = 0;
	if (is_made(walk, node, set))
		return 0;
	for (size_t at = 0; !result && rrset_next(set, len, &at, &record);)
		if (!is_our_key(walk, &record))
			result = call_back(walk, node->name, &record);
	return result;
}

static int walk_node(void *user, const struct node *node)
{
	const struct walk *walk = user;
	const struct rrset *soa = node == walk->zone->apex ? walk->zone->soa : NULL;
	int result = soa ? walk_set(walk, node, soa) : 0;
	for (unsigned i = 0; i < node->rrset_count && !result; i++)
		if (node->rrsets[i] != soa)
			result = walk_set(walk, node, node->rrsets[i]);
	return result;
}

/* ------------------------------------------------------------------------------------------------
 * Its two ends
 */

static int remember_inner(struct walk *walk, const struct mist_content *content,
                          const struct mist_zone *zone)
{
	walk->inner = malloc((content->zone_count + 1) * sizeof(*walk->inner));
	if (!walk->inner)
		return MIST_ENOMEM;
	for (size_t i = 0; i < content->zone_count; i++)
		if (content->zones[i]->parent == zone)
			memcpy(walk->inner[walk->inner_count++], content->zones[i]->zone->name,
			       content->zones[i]->zone->name_len);
	return MIST_OK;
}

int walk_begin(struct walk **walk, const struct mist_content *content, const char *name,
               enum mist_walk what)
{
	const struct mist_zone *zone;
	int error = content_served(content, name, &zone);
	if (error)
		return error;
	struct walk *made = calloc(1, sizeof(*made));
	if (!made)
		return MIST_ENOMEM;
	made->data_only = what == MIST_WALK_DATA;
	if (made->data_only && zone->key) {
		made->dnskey_len = key_dnskey(zone->key, made->dnskey);
		made->cds = zone->cds;
	}
	if (made->data_only && remember_inner(made, content, zone)) {
		free(made);
		return MIST_ENOMEM;
	}
	zone_hold(zone->zone);
	made->zone = zone->zone;
	*walk = made;
	return MIST_OK;
}

int walk_run(struct walk *walk, int (*record)(void *user, const struct mist_record *record),
             void *user)
{
	walk->record = record;
	walk->user = user;
	int result = walk->data_only ? zone_each(walk->zone, walk_node, walk) : walk_served(walk);
	zone_release(walk->zone);
	free(walk->inner);
	free(walk);
	return result;
}
