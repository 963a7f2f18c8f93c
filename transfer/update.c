#include "transfer/update.h"

#include <stdlib.h>
#include <string.h>

#include "core/type.h"
#include "core/unpack.h"

/* A record of a set that has to be there exactly so; sets are compared as a whole, at the end. */
struct expected {
	struct mist_record record;   /* points behind this */
	uint8_t octets[];
};

struct update {
	struct edit *edit;
	const uint8_t *zone;         /* lower case */
	struct reader r;             /* on the next record */
	struct unpacked record;      /* the one that was read */
	struct expected **expected;
	size_t expected_count;
	uint8_t room[UNPACK_RDATA_MAX];
};

static unsigned rcode_of(int error)
{
	switch (error) {
	case MIST_OK:        return RCODE_NOERROR;
	case MIST_ENAME:
	case MIST_EINVAL:
	case MIST_ERECORD:   return RCODE_FORMERR;
	case MIST_ELIMIT:
	case MIST_ECONFLICT: return RCODE_REFUSED;
	case MIST_ENOTFOUND: return RCODE_NOTAUTH;
	default:             return RCODE_SERVFAIL;
	}
}

/* The next record; its name has to be the zone's. */
static unsigned next_record(struct update *update)
{
	struct unpacked *record = &update->record;
	if (!unpack_record(record, &update->r, update->room) || record->type == 0)
		return RCODE_FORMERR;
	return name_within(record->owner, update->zone) ? RCODE_NOERROR : RCODE_NOTZONE;
}

/* Types that are no data: questions ask for them, and ANY stands for all. */
static bool is_meta(uint16_t type)
{
	return type_info(type)->flags & TYPE_META;
}

/* ---- prerequisites (RFC 2136 section 3.2) ---- */

static int expect(struct update *update)
{
	const struct unpacked *record = &update->record;
	const size_t owner_len = name_len(record->owner);
	struct expected **grown = realloc(update->expected, (update->expected_count + 1) * sizeof(*grown));
	if (!grown)
		return MIST_ENOMEM;
	update->expected = grown;
	struct expected *made = malloc(sizeof(*made) + owner_len + record->rdata_len);
	if (!made)
		return MIST_ENOMEM;
	grown[update->expected_count++] = made;
	memcpy(made->octets, record->owner, owner_len);
	memcpy(made->octets + owner_len, record->rdata, record->rdata_len);
	made->record = (struct mist_record){ .owner = made->octets, .type = record->type,
	                                     .rdata = made->octets + owner_len,
	                                     .rdata_len = record->rdata_len };
	return MIST_OK;
}

static unsigned require(struct update *update, enum mist_require what, uint16_t type)
{
	return rcode_of(edit_require(update->edit, update->zone, what, update->record.owner, type, NULL, 0));
}

static unsigned read_prerequisite(struct update *update)
{
	const struct unpacked *record = &update->record;
	const unsigned rcode = next_record(update);
	if (rcode)
		return rcode;
	if (record->ttl != 0 || (record->class != CLASS_IN && record->packed_len != 0))
		return RCODE_FORMERR;
	const bool name = record->type == TYPE_ANY;
	if (is_meta(record->type) && !(name && record->class != CLASS_IN))
		return RCODE_FORMERR;
	switch (record->class) {
	case CLASS_IN:
		return rcode_of(expect(update));
	case CLASS_ANY:
		return require(update, name ? MIST_REQUIRE_NAME : MIST_REQUIRE_SET, record->type);
	case CLASS_NONE:
		return require(update, name ? MIST_REQUIRE_NO_NAME : MIST_REQUIRE_NO_SET, record->type);
	default:
		return RCODE_FORMERR;
	}
}

static int by_set(const void *a, const void *b)
{
	const struct mist_record *x = &(*(struct expected *const *)a)->record;
	const struct mist_record *y = &(*(struct expected *const *)b)->record;
	const int order = name_compare(x->owner, y->owner);
	return order ? order : x->type - y->type;
}

static bool same_set(const struct mist_record *a, const struct mist_record *b)
{
	return a->type == b->type && name_equal(a->owner, b->owner);
}

/* Each set that has to be there exactly, as one requirement. */
static unsigned require_sets(struct update *update)
{
	const size_t count = update->expected_count;
	struct mist_record *records = count ? malloc(count * sizeof(*records)) : NULL;
	int error = count && !records ? MIST_ENOMEM : MIST_OK;
	if (count)
		qsort(update->expected, count, sizeof(*update->expected), by_set);
	for (size_t i = 0, used; i < count && !error; i += used) {
		for (used = 0; i + used < count; used++) {
			records[used] = update->expected[i + used]->record;
			if (!same_set(&records[used], &records[0]))
				break;
		}
		error = edit_require(update->edit, update->zone, MIST_REQUIRE_RECORDS, records[0].owner,
		                     records[0].type, records, used);
	}
	free(records);
	return rcode_of(error);
}

/* ---- updates (RFC 2136 section 3.4) ---- */

static unsigned read_change(struct update *update)
{
	const struct unpacked *record = &update->record;
	const unsigned rcode = next_record(update);
	if (rcode)
		return rcode;
	const struct mist_record change = { .owner = record->owner, .type = record->type,
	                                    .ttl = record->ttl, .rdata = record->rdata,
	                                    .rdata_len = record->rdata_len };
	const struct mist_record all = { .owner = record->owner,
	                                 .type = record->type == TYPE_ANY ? 0 : record->type };
	const bool clears = record->class == CLASS_ANY;
	if (is_meta(record->type) && !(clears && record->type == TYPE_ANY))
		return RCODE_FORMERR;
	if (record->class != CLASS_IN && record->ttl != 0)
		return RCODE_FORMERR;
	if (clears)
		return record->packed_len ? RCODE_FORMERR
		                          : rcode_of(edit_remove(update->edit, update->zone, &all));
	if (record->class == CLASS_IN)
		return rcode_of(edit_add(update->edit, update->zone, &change));
	return record->class == CLASS_NONE ? rcode_of(edit_remove(update->edit, update->zone, &change))
	                                   : RCODE_FORMERR;
}

/* ---- the message ---- */

static unsigned read_sections(struct update *update, const struct request *request)
{
	const unsigned prerequisites = wire_get16(request->octets + 6);
	const unsigned changes = wire_get16(request->octets + 8);
	unsigned rcode = RCODE_NOERROR;
	for (unsigned i = 0; i < prerequisites && !rcode; i++)
		rcode = read_prerequisite(update);
	if (!rcode)
		rcode = require_sets(update);
	for (unsigned i = 0; i < changes && !rcode; i++)
		rcode = read_change(update);
	return rcode;
}

unsigned update_read(struct edit **edit, const struct request *request)
{
	const struct question *zone = &request->question;
	if (zone->type != TYPE_SOA || zone->class != CLASS_IN)
		return RCODE_FORMERR;
	struct update *update = malloc(sizeof(*update));
	if (!update)
		return RCODE_SERVFAIL;
	update->edit = NULL;
	update->zone = zone->name;
	update->expected = NULL;
	update->expected_count = 0;
	update->r = reader_on(request->octets, request->len);
	reader_take(&update->r, MESSAGE_HEADER + zone->len + 4u);
	unsigned rcode = rcode_of(edit_new(&update->edit));
	if (!rcode) {
		update->edit->lenient = true;
		rcode = read_sections(update, request);
	}
	if (rcode)
		edit_free(update->edit);
	else
		*edit = update->edit;
	for (size_t i = 0; i < update->expected_count; i++)
		free(update->expected[i]);
	free(update->expected);
	free(update);
	return rcode;
}

unsigned update_rcode(const struct edit *edit)
{
	if (edit->error != MIST_EREQUIRE || edit->failed >= edit->count)
		return rcode_of(edit->error);
	switch (edit->operations[edit->failed]->require) {
	case MIST_REQUIRE_NAME:    return RCODE_NXDOMAIN;
	case MIST_REQUIRE_NO_NAME: return RCODE_YXDOMAIN;
	case MIST_REQUIRE_NO_SET:  return RCODE_YXRRSET;
	default:                   return RCODE_NXRRSET;
	}
}
