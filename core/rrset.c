/* RRsets in the form they are sent in. */
#include "core/rrset.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/type.h"
#include "core/wire.h"

#define RRSET_MAX 65535 /* a message holds no more (RFC 1035 section 4.2.2) */

_Bool rrset_next(const struct rrset *set, size_t end, size_t *at, struct record *record)
{
	const uint8_t *octets = set->wire + *at;

	if (*at >= end)
		return false;
	record->type = wire_get16(octets + 2);
	record->ttl = wire_get32(octets + 6);
	record->rdata_len = wire_get16(octets + 10);
	record->rdata = octets + RRSET_FIXED;
	*at += RRSET_FIXED + (size_t)record->rdata_len;
	return true;
}

/* Canonical order of RDATA (RFC 4034 section 6.3): as octets, left-justified; absence sorts
 * first. */
static int rdata_compare(const struct record *a, const uint8_t *rdata, uint16_t rdata_len)
{
	uint16_t common = a->rdata_len < rdata_len ? a->rdata_len : rdata_len;
	int order = common ? memcmp(a->rdata, rdata, common) : 0;
	return order ? order : a->rdata_len - rdata_len;
}

static uint8_t *put_record(uint8_t *at, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                           uint16_t rdata_len)
{
	wire_set16(at, RRSET_OWNER);
	wire_set16(at + 2, type);
	wire_set16(at + 4, CLASS_IN);
	wire_set32(at + 6, ttl);
	wire_set16(at + 10, rdata_len);
	if (rdata_len)
		memcpy(at + RRSET_FIXED, rdata, rdata_len);
	return at + RRSET_FIXED + rdata_len;
}

void rrset_set_ttl(struct rrset *set, uint32_t ttl)
{
	struct record record;
	set->ttl = ttl;
	for (size_t at = 0, next = 0; rrset_next(set, set->len, &next, &record); at = next)
		wire_set32(set->wire + at + 6, ttl);
}

/* Where a record with this RDATA belongs; `*found`: there is one already. */
static size_t place_of(const struct rrset *set, const uint8_t *rdata, uint16_t rdata_len, bool *found)
{
	struct record record;
	size_t at = 0;
	for (size_t next = 0; rrset_next(set, set->len, &next, &record); at = next) {
		int order = rdata_compare(&record, rdata, rdata_len);
		if (order >= 0) {
			*found = order == 0;
			break;
		}
	}
	return at;
}

struct rrset *rrset_with(const struct rrset *old, uint16_t type, uint32_t ttl,
                         const uint8_t *rdata, uint16_t rdata_len, _Bool *too_large)
{
	bool found = false;
	size_t old_len = old ? old->len : 0;
	size_t place = old ? place_of(old, rdata, rdata_len, &found) : 0;
	size_t len = old_len + (found ? 0 : RRSET_FIXED + (size_t)rdata_len);

	assert(!old || old->type == type);
	*too_large = len > RRSET_MAX;
	if (*too_large)
		return NULL;
	struct rrset *set = malloc(sizeof(*set) + len);
	if (!set)
		return NULL;
	uint16_t may_change = TYPE_COMPRESS | TYPE_ADDITIONAL;
	*set = (struct rrset){
		.type = type,
		.count = (uint16_t)((old ? old->count : 0) + !found),
		.flags = type_info(type)->flags & may_change ? 0 : RRSET_PLAIN_COPY,
		.ttl = ttl,
		.len = (uint32_t)len,
		.full_len = (uint32_t)len,
	};
	if (!old) {
		put_record(set->wire, type, ttl, rdata, rdata_len);
		return set;
	}
	memcpy(set->wire, old->wire, place);
	uint8_t *at = set->wire + place;
	if (!found)
		at = put_record(at, type, ttl, rdata, rdata_len);
	memcpy(at, old->wire + place, old_len - place);
	rrset_set_ttl(set, old->ttl < ttl ? old->ttl : ttl);
	return set;
}

struct rrset *rrset_without(const struct rrset *set, const uint8_t *rdata, uint16_t rdata_len)
{
	bool found = false;
	size_t place = place_of(set, rdata, rdata_len, &found), len = RRSET_FIXED + (size_t)rdata_len;

	assert(found && set->count > 1);
	struct rrset *copy = malloc(sizeof(*copy) + set->len - len);
	if (!copy)
		return NULL;
	*copy = *set;
	copy->count--;
	copy->sig_count = 0;
	copy->full_len = copy->len = (uint32_t)(set->len - len);
	memcpy(copy->wire, set->wire, place);
	memcpy(copy->wire + place, set->wire + place + len, copy->len - place);
	return copy;
}

_Bool rrset_has(const struct rrset *set, const uint8_t *rdata, uint16_t rdata_len)
{
	bool found = false;
	place_of(set, rdata, rdata_len, &found);
	return found;
}

_Bool rrset_same(const struct rrset *a, const struct rrset *b)
{
	struct record record, other;
	size_t at = 0, other_at = 0;

	if (a->type != b->type || a->len != b->len || a->count != b->count)
		return false;
	while (rrset_next(a, a->len, &at, &record) && rrset_next(b, b->len, &other_at, &other)) {
		if (rdata_compare(&record, other.rdata, other.rdata_len) != 0)
			return false;
	}
	return true;
}

struct rrset *rrset_signed(const struct rrset *set, const struct record *sigs, size_t sig_count)
{
	size_t full_len = set->len;
	for (size_t i = 0; i < sig_count; i++)
		full_len += RRSET_FIXED + (size_t)sigs[i].rdata_len;

	struct rrset *copy = malloc(sizeof(*copy) + full_len);
	if (!copy)
		return NULL;
	memcpy(copy, set, sizeof(*set) + set->len);
	copy->sig_count = (uint16_t)sig_count;
	copy->full_len = (uint32_t)full_len;
	uint8_t *at = copy->wire + set->len;
	for (size_t i = 0; i < sig_count; i++)
		at = put_record(at, TYPE_RRSIG, sigs[i].ttl, sigs[i].rdata, sigs[i].rdata_len);
	return copy;
}
