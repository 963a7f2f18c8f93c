/* Reading a catalog zone; see catalog.h. */
#include "content/catalog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"

#define MEMBERS_LABEL ((const uint8_t *)"\5zones")

bool catalog_same_label(const uint8_t *a, const uint8_t *b)
{
	return a[0] == b[0] && memcmp(a, b, 1u + a[0]) == 0;
}

__attribute__((format(printf, 2, 3)))
static int broken(struct catalog *catalog, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(catalog->why, sizeof(catalog->why), format, arguments);
	va_end(arguments);
	return MIST_EZONE;
}

/* "a1b2 (example.test)", cut where the room ends. */
static int broken_member(struct catalog *catalog, const struct catalog_member *member, const char *why)
{
	char label[NAME_TEXT_MAX], zone[NAME_TEXT_MAX] = "?";
	uint8_t name[LABEL_MAX + 2] = { 0 };
	memcpy(name, member->label, 1u + member->label[0]);
	name_to_text(label, name);
	if (member->zone)
		name_to_text(zone, member->zone);
	return broken(catalog, "member %.63s (%.80s) %s", label, zone, why);
}

/* ------------------------------------------------------------------------------------------------
 * Properties
 */

/* The set at `label`.`below`, or NULL. */
static const struct rrset *property(const struct zone *zone, const char *label, const uint8_t *below, uint16_t type)
{
	uint8_t name[NAME_MAX];
	const size_t len = strlen(label), below_len = name_len(below);
	if (1 + len + below_len > NAME_MAX)
		return NULL;
	name[0] = (uint8_t)len;
	memcpy(name + 1, label, len);
	memcpy(name + 1 + len, below, below_len);
	const struct node *node = zone_node(zone, name);
	return node && !(node->flags & (NODE_CUT | NODE_OCCLUDED)) ? node_rrset(node, type) : NULL;
}

static struct record first(const struct rrset *set)
{
	struct record record = { 0 };
	size_t at = 0;
	rrset_next(set, set->len, &at, &record);
	return record;
}

static int check_version(struct catalog *catalog, const struct zone *zone)
{
	const struct rrset *set = property(zone, "version", zone->name, TYPE_TXT);
	if (!set)
		return broken(catalog, "it has no TXT record `version`, which says that it is one");
	if (set->count != 1)
		return broken(catalog, "its `version` is %u records and not one", set->count);
	const struct record record = first(set);
	if (record.rdata_len != 2 || memcmp(record.rdata, "\1" "2", 2))
		return broken(catalog, "its `version` is not \"2\" (RFC 9432), and no other is known here");
	return MIST_OK;
}

/* Names of members live in PTR records, which the zone has in lower case. */
static int read_properties(struct catalog *catalog, struct catalog_member *member, const struct zone *zone,
                           const struct node *node)
{
	const struct rrset *coo = property(zone, "coo", node->name, TYPE_PTR);
	if (coo && coo->count != 1)
		return broken_member(catalog, member, "has more than one `coo`");
	member->coo = coo ? first(coo).rdata : NULL;
	member->groups = property(zone, "group", node->name, TYPE_TXT);
	return MIST_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Members
 */

struct reading {
	const struct zone *zone;
	struct catalog *catalog;
	size_t room;
};

static struct catalog_member *new_member(struct reading *reading)
{
	struct catalog *catalog = reading->catalog;
	struct catalog_member *members = array_reserve(catalog->members, catalog->count, &reading->room, sizeof(*members));
	if (!members)
		return NULL;
	catalog->members = members;
	return &members[catalog->count++];
}

/* LABEL.zones.CATALOG */
static bool is_member(const struct zone *zone, const struct node *node)
{
	if (node->flags & (NODE_CUT | NODE_OCCLUDED) || name_labels(node->name) != zone->labels + 2u)
		return false;
	return catalog_same_label(name_ancestor(node->name, 1), MEMBERS_LABEL);
}

static int visit(void *user, const struct node *node)
{
	struct reading *reading = user;
	struct catalog *catalog = reading->catalog;
	const struct rrset *set = is_member(reading->zone, node) ? node_rrset(node, TYPE_PTR) : NULL;
	if (!set)
		return MIST_OK;
	if (catalog->count == CATALOG_MEMBERS_MAX)
		return broken(catalog, "it has more than %d members", CATALOG_MEMBERS_MAX);
	struct catalog_member *member = new_member(reading);
	if (!member)
		return MIST_ENOMEM;
	*member = (struct catalog_member){ .label = node->name };
	if (set->count != 1)
		return broken_member(catalog, member, "has more than one PTR record");
	member->zone = first(set).rdata;
	return read_properties(catalog, member, reading->zone, node);
}

static int compare(const void *a, const void *b)
{
	return name_compare(((const struct catalog_member *)a)->zone, ((const struct catalog_member *)b)->zone);
}

/* By name; none twice. */
static int sort(struct catalog *catalog)
{
	if (catalog->count)
		qsort(catalog->members, catalog->count, sizeof(*catalog->members), compare);
	for (size_t i = 1; i < catalog->count; i++) {
		if (!compare(&catalog->members[i - 1], &catalog->members[i]))
			return broken_member(catalog, &catalog->members[i], "is listed twice");
	}
	return MIST_OK;
}

int catalog_read(struct catalog *catalog, const struct zone *zone)
{
	struct reading reading = { zone, catalog, 0 };
	*catalog = (struct catalog){ .members = NULL };
	int error = check_version(catalog, zone);
	if (!error)
		error = zone_each(zone, visit, &reading);
	if (!error)
		error = sort(catalog);
	if (error)
		catalog_free(catalog);
	return error;
}

void catalog_free(struct catalog *catalog)
{
	free(catalog->members);
	catalog->members = NULL;
	catalog->count = 0;
}

const struct catalog_member *catalog_find(const struct catalog *catalog, const uint8_t *zone)
{
	const struct catalog_member wanted = { .zone = zone };
	return catalog->count ? bsearch(&wanted, catalog->members, catalog->count, sizeof(wanted), compare) : NULL;
}

bool catalog_in_group(const struct catalog_member *member, const char *group)
{
	const size_t len = strlen(group);
	struct record record;
	for (size_t at = 0; member->groups && rrset_next(member->groups, member->groups->len, &at, &record);) {
		if (record.rdata_len == 1 + len && record.rdata[0] == len && !memcmp(record.rdata + 1, group, len))
			return true;
	}
	return false;
}

const uint8_t *catalog_coo(const struct zone *zone, const uint8_t *label)
{
	uint8_t name[NAME_MAX];
	const size_t len = 1u + label[0], zones_len = 1u + MEMBERS_LABEL[0];
	if (len + zones_len + zone->name_len > NAME_MAX)
		return NULL;
	memcpy(name, label, len);
	memcpy(name + len, MEMBERS_LABEL, zones_len);
	memcpy(name + len + zones_len, zone->name, zone->name_len);
	const struct rrset *coo = property(zone, "coo", name, TYPE_PTR);
	return coo && coo->count == 1 ? first(coo).rdata : NULL;
}
