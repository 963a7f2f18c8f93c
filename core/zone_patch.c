/* See zone_patch.h. */
#include "core/zone_patch.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/zone_diff.h"
#include "core/zone_edit.h"

#define SIGNATURES_MAX 64 /* of one set: keys of several algorithms, each on its way in or out */

/* A change as it is kept: its fixed part, owner, data. */
struct change {
	uint32_t at;                 /* its place in the order of arrival */
	uint32_t ttl;
	uint16_t type, rdata_len;
	uint8_t removed, owner_len;
	uint8_t octets[];            /* owner, data */
};

static const uint8_t *rdata_of(const struct change *change)
{
	return change->octets + change->owner_len;
}

/* The set it is about: that of the type, or the one that a signature covers. */
static uint16_t set_type(const struct change *change)
{
	return change->type == TYPE_RRSIG ? wire_get16(rdata_of(change)) : change->type;
}

static bool is_signers(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 || type == TYPE_NSEC3PARAM;
}

static bool is_of_key(uint16_t type)
{
	return type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY;
}

/* ------------------------------------------------------------------------------------------------
 * Collecting
 */

static bool make_room(struct zone_patch *patch, size_t len)
{
	if (patch->len + len <= patch->room)
		return true;
	const size_t room = 2 * patch->room + len + 4096;
	uint8_t *octets = realloc(patch->octets, room);
	if (!octets)
		return false;
	patch->octets = octets;
	patch->room = room;
	return true;
}

int zone_patch_add(struct zone_patch *patch, const uint8_t *apex, bool removed,
                   const struct unpacked *record)
{
	const size_t owner_len = name_len(record->owner);
	size_t len = sizeof(struct change) + owner_len + record->rdata_len;

	if (!name_within(record->owner, apex) || type_info(record->type)->flags & TYPE_META ||
	    !type_check(record->type, record->rdata, record->rdata_len))
		return MIST_ERECORD;
	len = (len + 7) & ~(size_t)7;
	if (patch->len + len > ZONE_PATCH_MAX)
		return MIST_ELIMIT;
	if (!make_room(patch, len))
		return MIST_ENOMEM;
	struct change *change = (struct change *)(void *)(patch->octets + patch->len);
	*change = (struct change){ .at = (uint32_t)patch->count, .ttl = record->ttl > INT32_MAX ? 0 : record->ttl,
	                           .type = record->type, .rdata_len = record->rdata_len,
	                           .removed = removed, .owner_len = (uint8_t)owner_len };
	name_lower(change->octets, record->owner);
	if (record->rdata_len)
		memcpy(change->octets + owner_len, record->rdata, record->rdata_len);
	type_fold(record->type, change->octets + owner_len, record->rdata_len);
	patch->len += len;
	patch->count++;
	return MIST_OK;
}

void zone_patch_free(struct zone_patch *patch)
{
	free(patch->octets);
	*patch = (struct zone_patch){ 0 };
}

/* ------------------------------------------------------------------------------------------------
 * One set
 */

struct building {
	struct rrset *set;           /* unsigned; NULL: none */
	bool has_ttl;
	uint32_t ttl;                /* of the record that came last */
	size_t sig_count;
	struct record sigs[SIGNATURES_MAX]; /* views: of the old set, and of the changes */
};

static int begin_set(struct building *building, const struct rrset *old)
{
	struct record sig;
	*building = (struct building){ 0 };
	if (!old)
		return MIST_OK;
	building->set = rrset_signed(old, NULL, 0);
	for (size_t at = old->len; rrset_next(old, old->full_len, &at, &sig);) {
		if (building->sig_count == SIGNATURES_MAX)
			return MIST_EMISMATCH;
		building->sigs[building->sig_count++] = sig;
	}
	return building->set ? MIST_OK : MIST_ENOMEM;
}

/* In canonical order (RFC 4034 section 6.3). */
static int compare_signature(const struct record *sig, const struct change *change)
{
	const uint16_t least = sig->rdata_len < change->rdata_len ? sig->rdata_len : change->rdata_len;
	const int order = memcmp(sig->rdata, rdata_of(change), least);
	return order ? order : sig->rdata_len - change->rdata_len;
}

/* They are in that order, so that the same signatures are the same octets. */
static int change_signature(struct building *building, const struct change *change)
{
	size_t i = 0;
	while (i < building->sig_count && compare_signature(&building->sigs[i], change) < 0)
		i++;
	struct record *here = &building->sigs[i];
	const size_t behind = building->sig_count - i;
	const bool there = behind && compare_signature(here, change) == 0;
	if (there != change->removed || (!there && building->sig_count == SIGNATURES_MAX))
		return MIST_EMISMATCH;
	if (there) {
		memmove(here, here + 1, (behind - 1) * sizeof(*here));
		building->sig_count--;
	} else {
		memmove(here + 1, here, behind * sizeof(*here));
		*here = (struct record){ TYPE_RRSIG, change->ttl, change->rdata_len, rdata_of(change) };
		building->sig_count++;
	}
	return MIST_OK;
}

static int change_record(struct building *building, const struct change *change)
{
	struct rrset *old = building->set, *set = NULL;
	const uint8_t *rdata = rdata_of(change);
	_Bool too_large = false;

	if ((old && rrset_has(old, rdata, change->rdata_len)) != change->removed)
		return MIST_EMISMATCH;
	if (!change->removed) {
		set = rrset_with(old, change->type, change->ttl, rdata, change->rdata_len, &too_large);
		building->has_ttl = true;
		building->ttl = change->ttl;
	} else if (old->count > 1) {
		set = rrset_without(old, rdata, change->rdata_len);
	}
	if (!set && !(change->removed && old->count == 1))
		return too_large ? MIST_EMISMATCH : MIST_ENOMEM;
	free(old);
	building->set = set;
	return MIST_OK;
}

/* Here the SOA is ours, but for its serial. */
static int change_soa(struct building *building, const struct change *change, uint32_t serial)
{
	if (change->removed)
		return MIST_OK;
	_Bool too_large;
	struct rrset *set = rrset_with(NULL, TYPE_SOA, change->ttl, rdata_of(change), change->rdata_len, &too_large);
	if (!set)
		return MIST_ENOMEM;
	wire_set32(set->wire + set->len - 20, serial);
	free(building->set);
	building->set = set;
	return MIST_OK;
}

static int put(struct zone *fork, const uint8_t *owner, uint16_t type, struct building *building)
{
	if (!building->set && building->sig_count)
		return MIST_EMISMATCH;
	if (!building->set)
		return type == TYPE_NSEC3 ? zone_remove_nsec3(fork, owner, type) : zone_remove(fork, owner, type);
	if (building->has_ttl)
		rrset_set_ttl(building->set, building->ttl);
	for (size_t i = 0; i < building->sig_count; i++)
		building->sigs[i].ttl = building->set->ttl; /* RFC 4034 section 3 */
	struct rrset *set = rrset_signed(building->set, building->sigs, building->sig_count);
	if (!set)
		return MIST_ENOMEM;
	return type == TYPE_NSEC3 ? zone_put_nsec3(fork, owner, set) : zone_replace(fork, owner, set);
}

/* The changes of one set, in the order of arrival. */
static int change_set(struct zone *fork, struct change *const *changes, size_t count)
{
	const uint8_t *owner = changes[0]->octets;
	const uint16_t type = set_type(changes[0]);
	const bool ours = !fork->presigned;
	const struct node *node = trie_get(type == TYPE_NSEC3 ? &fork->nsec3_nodes : &fork->nodes, owner);
	struct building building;

	if (ours && is_signers(changes[0]->type))
		return MIST_OK;
	if (ours && (zone_carved(fork, owner, type == TYPE_NS || type == TYPE_DNAME) ||
	             (is_of_key(type) && name_equal(owner, fork->name))))
		return MIST_EMISMATCH; /* what is made here stands in the way: the whole zone is looked at as such */
	int error = begin_set(&building, node ? node_rrset(node, type) : NULL);
	if (ours)
		building.sig_count = 0;
	for (size_t i = 0; i < count && !error; i++) {
		if (changes[i]->type == TYPE_RRSIG)
			error = ours ? MIST_OK : change_signature(&building, changes[i]);
		else if (ours && type == TYPE_SOA)
			error = change_soa(&building, changes[i], fork->serial);
		else
			error = change_record(&building, changes[i]);
	}
	if (!error)
		error = put(fork, owner, type, &building);
	free(building.set);
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * All of them
 */

/* By owner, then set, then as they came. */
static int compare(const void *a, const void *b)
{
	const struct change *x = *(struct change *const *)a, *y = *(struct change *const *)b;
	int order = name_compare(x->octets, y->octets);
	if (!order)
		order = set_type(x) - set_type(y);
	return order ? order : x->at < y->at ? -1 : 1;
}

static struct change **sorted(const struct zone_patch *patch, bool with_signers, size_t *count)
{
	struct change **changes = malloc((patch->count + 1) * sizeof(*changes));
	size_t at = 0;
	*count = 0;
	for (size_t i = 0; i < patch->count && changes; i++) {
		struct change *change = (struct change *)(void *)(patch->octets + at);
		if (with_signers || !is_signers(change->type))
			changes[(*count)++] = change;
		at += (sizeof(*change) + change->owner_len + change->rdata_len + 7) & ~(size_t)7;
	}
	if (changes && *count)
		qsort(changes, *count, sizeof(*changes), compare);
	return changes;
}

static bool same_owner(const struct change *a, const struct change *b)
{
	return a->owner_len == b->owner_len && !memcmp(a->octets, b->octets, a->owner_len);
}

/* Flags, and the rules of zones, at each owner of a record. */
static int settle(struct zone *fork, struct change *const *changes, size_t count,
                  const struct mist_reporter *reporter)
{
	int error = MIST_OK;
	size_t problems = 0;
	for (size_t i = 0; i < count && !error; i++) {
		if (i == 0 || !same_owner(changes[i], changes[i - 1]))
			error = zone_settle(fork, changes[i]->octets);
	}
	for (size_t i = 0; i < count && !error; i++) {
		if (i == 0 || !same_owner(changes[i], changes[i - 1]))
			problems += zone_check_name(fork, changes[i]->octets, reporter);
	}
	if (!error && !(fork->soa && fork->ns))
		problems++;
	return error ? error : problems ? MIST_EZONE : MIST_OK;
}

int zone_patch_apply(const struct zone_patch *patch, struct zone *fork,
                     const struct mist_reporter *reporter)
{
	size_t count, end;
	struct change **changes = sorted(patch, fork->presigned, &count);
	int error = changes ? MIST_OK : MIST_ENOMEM;

	for (size_t i = 0; i < count && !error; i = end) {
		for (end = i + 1; end < count && same_owner(changes[i], changes[end]) &&
		                  set_type(changes[i]) == set_type(changes[end]); end++)
			;
		error = change_set(fork, changes + i, end - i);
	}
	if (!error)
		error = settle(fork, changes, count, reporter);
	free(changes);
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * By the result
 */

struct equalizing {
	struct zone *fork;
	const uint8_t **touched;     /* names of nodes of either version */
	size_t count, room;
};

static int touch(struct equalizing *equalizing, const uint8_t *owner)
{
	if (equalizing->count && name_equal(equalizing->touched[equalizing->count - 1], owner))
		return MIST_OK;
	const uint8_t **touched = array_reserve(equalizing->touched, equalizing->count, &equalizing->room, sizeof(*touched));
	if (!touched)
		return MIST_ENOMEM;
	equalizing->touched = touched;
	equalizing->touched[equalizing->count++] = owner;
	return MIST_OK;
}

static int equalize_set(void *user, bool removed, const struct node *node, const struct rrset *set)
{
	struct equalizing *equalizing = user;
	struct zone *fork = equalizing->fork;
	const bool nsec3 = set->type == TYPE_NSEC3;
	int error = nsec3 ? MIST_OK : touch(equalizing, node->name);

	if (error)
		return error;
	if (removed)
		return nsec3 ? zone_remove_nsec3(fork, node->name, set->type)
		             : zone_remove(fork, node->name, set->type);
	struct rrset *copy = malloc(rrset_size(set));
	if (!copy)
		return MIST_ENOMEM;
	memcpy(copy, set, rrset_size(set));
	return nsec3 ? zone_put_nsec3(fork, node->name, copy) : zone_replace(fork, node->name, copy);
}

int zone_patch_equal(struct zone *fork, const struct zone *served, const struct zone *wanted)
{
	struct equalizing equalizing = { .fork = fork };
	int error = zone_diff(served, wanted, equalize_set, &equalizing);
	for (size_t i = 0; i < equalizing.count && !error; i++)
		error = zone_settle(fork, equalizing.touched[i]);
	free(equalizing.touched);
	return error;
}
