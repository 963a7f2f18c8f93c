/* Applying an edit to zones; see apply.h. */
#include "content/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/check.h"
#include "content/parts.h"
#include "content/reverse.h"
#include "content/serial.h"
#include "core/array.h"
#include "core/wire.h"
#include "core/zone_edit.h"
#include "dnssec/batch.h"

struct apply {
	struct mist_content *content;
	struct edit *edit;
	struct zone_list zones;      /* with a draft */
	struct touch *touches;
	size_t touch_count, touch_room;
	size_t at;                   /* the operation being applied */
};

int zone_list_add(struct zone_list *list, struct mist_zone *zone)
{
	struct mist_zone **zones = array_reserve(list->zones, list->count, &list->room, sizeof(*zones));
	if (!zones)
		return MIST_ENOMEM;
	list->zones = zones;
	list->zones[list->count++] = zone;
	return MIST_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Operations
 */

/* Something changes here. */
static int touch(struct apply *apply, struct mist_zone *zone, const uint8_t *owner)
{
	struct touch *touches = array_reserve(apply->touches, apply->touch_count, &apply->touch_room, sizeof(*touches));
	if (!touches)
		return MIST_ENOMEM;
	apply->touches = touches;
	int error = zone->draft ? MIST_OK : zone_list_add(&apply->zones, zone);
	if (!error && !zone->draft)
		error = zone_fork(&zone->draft, content_newest(zone));
	if (!error)
		apply->touches[apply->touch_count++] = (struct touch){ zone, owner, apply->at };
	return error;
}

static int put(struct apply *apply, struct mist_zone *zone, const uint8_t *owner, struct rrset *set)
{
	if (!set)
		return MIST_ENOMEM;
	int error = touch(apply, zone, owner);
	if (!error)
		return zone_replace(zone->draft, owner, set);
	free(set);
	return error;
}

static int take(struct apply *apply, struct mist_zone *zone, const uint8_t *owner, uint16_t type)
{
	int error = touch(apply, zone, owner);
	return error ? error : zone_remove(zone->draft, owner, type);
}

/* TTLs that a signature would not outlive are cut when a set is signed; cut before, a set that is put
 * again is the same. */
static uint32_t cut_ttl(const struct mist_zone *zone, uint32_t ttl)
{
	if (zone->dnssec != MIST_DNSSEC_SIGN)
		return ttl;
	struct signing signing = content_signing(zone, 0);
	uint32_t cap = sign_batch_ttl_cap(&signing);
	return ttl < cap ? ttl : cap;
}

/* The set, unless it is there already. Takes it. */
static int put_changed(struct apply *apply, struct mist_zone *zone, const uint8_t *owner,
                       const struct rrset *old, struct rrset *set, uint32_t ttl)
{
	if (!set)
		return MIST_ENOMEM;
	ttl = cut_ttl(zone, ttl);
	if (old && old->ttl == ttl && rrset_same(old, set)) {
		free(set);
		return MIST_OK;
	}
	rrset_set_ttl(set, ttl);
	return put(apply, zone, owner, set);
}

static uint32_t soa_serial(const struct rrset *soa)
{
	return wire_get32(soa->wire + soa->len - 20); /* serial, refresh, retry, expire, minimum */
}

/* The serial may stay, as it does when only the other numbers change: the commit raises it. */
static int put_soa(struct apply *apply, struct mist_zone *zone, const struct edit_operation *operation,
                   const struct rrset *old)
{
	uint32_t serial = soa_serial(operation->set), last = old ? soa_serial(old) : serial;
	bool apex = name_equal(edit_owner(operation), zone->zone->name);
	if (apply->edit->lenient && (!apex || serial_greater(last, serial)))
		return MIST_OK;
	if (apex && operation->set->count == 1 && serial != last && !serial_greater(serial, last))
		return edit_conflict(apply->edit, operation, "its serial goes back (RFC 1982); give a higher "
		                     "one, or the one that is served, and it is raised");
	return put_changed(apply, zone, edit_owner(operation), old, rrset_signed(operation->set, NULL, 0),
	                   operation->set->ttl);
}

/* RFC 2136 section 3.4.2.2: a CNAME does not come to other data, nor other data to a CNAME. */
static bool stands_aside(const struct zone *zone, const struct node *node, uint16_t type)
{
	bool has_cname = zone_data(zone, node, TYPE_CNAME) != NULL;
	return type == TYPE_CNAME ? zone_data_count(zone, node) > (has_cname ? 1 : 0) : has_cname;
}

static int add(struct apply *apply, struct mist_zone *zone, const struct edit_operation *operation)
{
	const uint8_t *owner = edit_owner(operation);
	const struct zone *now = content_newest(zone);
	const struct node *node = zone_node(now, owner);
	const struct rrset *old = zone_data(now, node, operation->type);
	bool lenient = apply->edit->lenient;
	_Bool too_large = false;
	struct record record;
	size_t at = 0;

	if (operation->type == TYPE_SOA)
		return put_soa(apply, zone, operation, old);
	if (lenient && stands_aside(now, node, operation->type))
		return MIST_OK;
	if (zone == apply->content->reverse && reverse_is_full(apply->content, old))
		return MIST_OK;
	bool instead = lenient && type_info(operation->type)->flags & TYPE_SINGLE;
	rrset_next(operation->set, operation->set->len, &at, &record);
	struct rrset *set = rrset_with(instead ? NULL : old, operation->type, record.ttl, record.rdata,
	                               record.rdata_len, &too_large);
	if (too_large) {
		edit_blame(apply->edit, owner, operation->type,
		           "its records would exceed 65,535 octets; no message holds them");
		return MIST_ELIMIT;
	}
	return put_changed(apply, zone, owner, old, set, record.ttl);
}

/* RFC 2136 section 3.4.2.4 passes over what a zone cannot be without; else it is an error, at once for
 * the SOA, and for the NS when the whole is looked at. */
static int take_one(struct apply *apply, struct mist_zone *zone, const struct edit_operation *operation)
{
	const uint8_t *owner = edit_owner(operation);
	const struct zone *now = content_newest(zone);
	const struct rrset *old = zone_data(now, zone_node(now, owner), operation->type);
	bool apex = name_equal(owner, zone->zone->name);
	struct record record;
	size_t at = 0;

	rrset_next(operation->set, operation->set->len, &at, &record);
	if (!old || !rrset_has(old, record.rdata, record.rdata_len))
		return MIST_OK;
	if (apply->edit->lenient && apex &&
	    (operation->type == TYPE_SOA || (operation->type == TYPE_NS && old->count == 1)))
		return MIST_OK;
	if (operation->type == TYPE_SOA)
		return edit_conflict(apply->edit, operation,
		                     "a zone cannot be without it; put another one in its place");
	if (old->count == 1)
		return take(apply, zone, owner, operation->type);
	return put(apply, zone, owner, rrset_without(old, record.rdata, record.rdata_len));
}

static int clear_all(struct apply *apply, struct mist_zone *zone, const uint8_t *owner)
{
	bool apex = name_equal(owner, zone->zone->name);
	const struct zone *now = content_newest(zone);
	const struct node *node = zone_node(now, owner);
	uint16_t types[64];
	unsigned count;

	do {
		/* Listed first: the node changes under our hands. Names with more types take another round. */
		count = 0;
		node = zone_node(content_newest(zone), owner);
		for (unsigned i = 0; node && i < node->rrset_count && count < 64; i++) {
			uint16_t type = node->rrsets[i]->type;
			bool stays = apex && (type == TYPE_SOA || type == TYPE_NS ||
			                      (zone->dnssec == MIST_DNSSEC_SIGN && is_of_our_key(type)));
			stays |= node->rrsets[i]->flags & RRSET_REGISTERED; /* those go with their owners */
			if (!stays && zone_data(content_newest(zone), node, type))
				types[count++] = type;
		}
		for (unsigned i = 0; i < count; i++) {
			int error = take(apply, zone, owner, types[i]);
			if (error)
				return error;
		}
	} while (count == 64);
	return MIST_OK;
}

static int clear(struct apply *apply, struct mist_zone *zone, const struct edit_operation *operation)
{
	const uint8_t *owner = edit_owner(operation);
	const struct zone *now = content_newest(zone);
	bool apex = name_equal(owner, zone->zone->name);
	uint16_t type = operation->type;

	if (type == 0)
		return clear_all(apply, zone, owner);
	if (!zone_data(now, zone_node(now, owner), type))
		return MIST_OK;
	if (apply->edit->lenient && apex && (type == TYPE_SOA || type == TYPE_NS))
		return MIST_OK;
	if (type == TYPE_SOA)
		return edit_conflict(apply->edit, operation,
		                     "a zone cannot be without it; put another one in its place");
	return take(apply, zone, owner, type);
}

static int replace(struct apply *apply, struct mist_zone *zone, const struct edit_operation *operation)
{
	const uint8_t *owner = edit_owner(operation);
	const struct zone *now = content_newest(zone);
	const struct rrset *old = zone_data(now, zone_node(now, owner), operation->type);
	if (operation->type == TYPE_SOA)
		return put_soa(apply, zone, operation, old);
	return put_changed(apply, zone, owner, old, rrset_signed(operation->set, NULL, 0),
	                   operation->set->ttl);
}

/* ------------------------------------------------------------------------------------------------
 * Prerequisites (RFC 2136 section 2.4)
 */

static int require(struct apply *apply, const struct mist_zone *zone,
                   const struct edit_operation *operation)
{
	const struct zone *now = content_newest(zone);
	const struct node *node = zone_node(now, edit_owner(operation));
	const struct rrset *set = zone_data(now, node, operation->type);
	const char *missing = NULL;

	switch (operation->require) {
	case MIST_REQUIRE_NAME:
		missing = zone_data_count(now, node) ? NULL : "required, but no such name is there";
		break;
	case MIST_REQUIRE_NO_NAME:
		missing = zone_data_count(now, node) ? "required to be absent, but the name is there" : NULL;
		break;
	case MIST_REQUIRE_SET:
		missing = set ? NULL : "required, but not there";
		break;
	case MIST_REQUIRE_NO_SET:
		missing = set ? "required to be absent, but it is there" : NULL;
		break;
	case MIST_REQUIRE_RECORDS:
		missing = !set ? "required, but not there"
		        : rrset_same(set, operation->set) ? NULL : "required with other data than it has";
		break;
	}
	if (!missing)
		return MIST_OK;
	edit_blame(apply->edit, edit_owner(operation), operation->type, missing);
	return MIST_EREQUIRE;
}

/* ------------------------------------------------------------------------------------------------
 * All operations
 */

static int find_zone(struct apply *apply, const struct edit_operation *operation,
                     struct mist_zone **zone)
{
	const uint8_t *name = edit_zone(operation), *owner = edit_owner(operation);
	struct mist_zone *reverse = apply->edit->points_back ? apply->content->reverse : NULL;
	if (reverse && name && name_equal(name, reverse->zone->name)) {
		*zone = reverse;
		return MIST_OK;
	}
	*zone = name ? content_zone(apply->content, name)
	             : content_zone_around(apply->content, owner, false);
	if (!*zone)
		edit_blame(apply->edit, name ? name : owner, 0, name ? "no such zone is served here"
		                                          : "no zone that is served here is at or around it");
	else if (!name_within(owner, (*zone)->zone->name))
		edit_blame(apply->edit, owner, operation->type, "it lies outside the zone");
	else
		return MIST_OK;
	return MIST_ENOTFOUND;
}

static int apply_operation(struct apply *apply, const struct edit_operation *operation)
{
	struct mist_zone *zone;
	int error = find_zone(apply, operation, &zone);
	if (!error && operation->verb == EDIT_REQUIRE)
		return MIST_OK; /* judged before */
	if (!error)
		error = edit_check_place(apply->edit, zone, operation);
	if (error)
		return error;
	switch (operation->verb) {
	case EDIT_ADD:     return add(apply, zone, operation);
	case EDIT_TAKE:    return take_one(apply, zone, operation);
	case EDIT_CLEAR:   return clear(apply, zone, operation);
	case EDIT_REPLACE: return replace(apply, zone, operation);
	default:           return MIST_EINTERNAL;
	}
}

static int apply_all(struct apply *apply)
{
	const struct edit *edit = apply->edit;
	struct mist_zone *zone;
	int error = MIST_OK;
	for (apply->at = 0; apply->at < edit->count && !error; apply->at++) {
		const struct edit_operation *operation = edit->operations[apply->at];
		if (operation->verb != EDIT_REQUIRE)
			continue;
		error = find_zone(apply, operation, &zone);
		if (!error)
			error = require(apply, zone, operation);
	}
	for (apply->at = error ? apply->at : 0; apply->at < edit->count && !error; apply->at++)
		error = apply_operation(apply, edit->operations[apply->at]);
	if (error)
		apply->edit->failed = apply->at - 1;
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * The whole
 */

static int note_zones(struct apply *apply)
{
	struct edit *edit = apply->edit;
	if (apply->zones.count == 0)
		return MIST_OK;
	edit->zones = calloc(apply->zones.count, sizeof(*edit->zones));
	if (!edit->zones)
		return MIST_ENOMEM;
	for (size_t i = 0; i < apply->zones.count; i++) {
		edit->zones[i].zone = apply->zones.zones[i];
		name_copy(edit->zones[i].name, apply->zones.zones[i]->zone->name);
	}
	edit->zone_count = apply->zones.count;
	return MIST_OK;
}

static void accept(struct apply *apply)
{
	for (size_t i = 0; i < apply->zones.count; i++) {
		struct mist_zone *zone = apply->zones.zones[i];
		if (zone->next)
			zone_release(zone->next);
		zone->next = zone->draft;
		zone->draft = NULL;
	}
}

static void give_up(struct apply *apply)
{
	for (size_t i = 0; i < apply->zones.count; i++) {
		struct mist_zone *zone = apply->zones.zones[i];
		if (zone->draft)
			zone_release(zone->draft);
		zone->draft = NULL;
	}
}

int edit_apply(struct edit *edit, struct mist_content *content, struct zone_list *changed)
{
	struct apply apply = { .content = content, .edit = edit };
	int error = apply_all(&apply);
	if (!error)
		error = edit_check(edit, apply.touches, apply.touch_count, &apply.zones);
	if (!error)
		error = note_zones(&apply);
	for (size_t i = 0; i < apply.zones.count && !error; i++) {
		if (!apply.zones.zones[i]->next)
			error = zone_list_add(changed, apply.zones.zones[i]);
	}
	if (error)
		give_up(&apply);
	else
		accept(&apply);
	edit->error = error;
	free(apply.zones.zones);
	free(apply.touches);
	return error;
}
