/* Collecting the operations of an edit; see edit.h. */
#include "content/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/type.h"

int edit_new(struct edit **edit)
{
	struct edit *made = calloc(1, sizeof(*made));
	if (!made)
		return MIST_ENOMEM;
	made->failed = SIZE_MAX;
	*edit = made;
	return MIST_OK;
}

void edit_free(struct edit *edit)
{
	if (!edit)
		return;
	for (size_t i = 0; i < edit->count; i++) {
		free(edit->operations[i]->set);
		free(edit->operations[i]);
	}
	free(edit->operations);
	free(edit->notes);
	free(edit->zones);
	free(edit);
}

void edit_note(struct edit *edit, enum mist_level level, const char *format, ...)
{
	if (edit->note_count == EDIT_NOTES_MAX && level != MIST_LEVEL_ERROR)
		return;
	if (edit->note_count == EDIT_NOTES_MAX) /* a reason is worth more than the last of the others */
		edit->note_count--;
	struct edit_note *notes = realloc(edit->notes, (edit->note_count + 1) * sizeof(*notes));
	if (!notes)
		return;
	edit->notes = notes;
	struct edit_note *note = &notes[edit->note_count++];
	note->level = level;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(note->text, sizeof(note->text), format, arguments);
	va_end(arguments);
}

/* ------------------------------------------------------------------------------------------------
 * Operations
 */

static bool reserve(struct edit *edit)
{
	struct edit_operation **operations = array_reserve(edit->operations, edit->count, &edit->room, sizeof(*operations));
	if (operations)
		edit->operations = operations;
	return operations;
}

/* Takes the set, also when it fails. */
static int collect(struct edit *edit, struct edit_operation operation, const uint8_t *zone,
                   const uint8_t *owner, struct rrset *set)
{
	int error = MIST_OK;
	struct edit_operation *made = NULL;
	if (!owner || !name_check(owner, NAME_MAX) || (zone && !name_check(zone, NAME_MAX)))
		error = MIST_ENAME;
	size_t owner_len = error ? 0 : name_len(owner), zone_len = !error && zone ? name_len(zone) : 0;
	if (!error && reserve(edit))
		made = malloc(sizeof(*made) + owner_len + zone_len);
	if (!error && !made)
		error = MIST_ENOMEM;
	if (error) {
		free(set);
		return error;
	}
	*made = operation;
	made->owner_len = (uint8_t)owner_len;
	made->has_zone = zone != NULL;
	made->set = set;
	name_lower(made->names, owner);
	if (zone)
		name_lower(made->names + owner_len, zone);
	edit->operations[edit->count++] = made;
	edit->octets += sizeof(*made) + owner_len + zone_len + (set ? sizeof(*set) + set->len : 0);
	return MIST_OK;
}

const char *edit_reason(const struct edit *edit)
{
	for (unsigned i = 0; i < edit->note_count; i++) {
		if (edit->notes[i].level == MIST_LEVEL_ERROR)
			return edit->notes[i].text;
	}
	return mist_strerror(edit->error);
}

/* One more record, checked and in canonical form, for a set that is being collected; on failure the set
 * is as it was. */
static int extend(struct rrset **set, uint16_t type, const struct mist_record *record)
{
	uint8_t small[512], *rdata = small;
	_Bool too_large = false;
	uint32_t ttl = record->ttl > INT32_MAX ? 0 : record->ttl; /* RFC 2181 section 8 */

	if ((!record->rdata && record->rdata_len) ||
	    !type_check(type, record->rdata ? record->rdata : small, record->rdata_len))
		return MIST_ERECORD;
	if (record->rdata_len > sizeof(small))
		rdata = malloc(record->rdata_len);
	if (!rdata)
		return MIST_ENOMEM;
	if (record->rdata_len)
		memcpy(rdata, record->rdata, record->rdata_len);
	type_fold(type, rdata, record->rdata_len);
	struct rrset *made = rrset_with(*set, type, ttl, rdata, record->rdata_len, &too_large);
	if (rdata != small)
		free(rdata);
	if (!made)
		return too_large ? MIST_ELIMIT : MIST_ENOMEM;
	free(*set);
	*set = made;
	return MIST_OK;
}

static int make_set(struct rrset **set, uint16_t type, const struct mist_record *records, size_t count)
{
	int error = count && !records ? MIST_EINVAL : MIST_OK;
	*set = NULL;
	for (size_t i = 0; i < count && !error; i++)
		error = extend(set, type, &records[i]);
	if (error) {
		free(*set);
		*set = NULL;
	}
	return error;
}

/* A type that a record in a zone can have. */
static bool is_data(uint16_t type)
{
	return !(type_info(type)->flags & TYPE_META);
}

int edit_add(struct edit *edit, const uint8_t *zone, const struct mist_record *record)
{
	struct rrset *set;
	int error = is_data(record->type) ? make_set(&set, record->type, record, 1) : MIST_ERECORD;
	return error ? error : collect(edit, (struct edit_operation){ .verb = EDIT_ADD,
	                               .type = record->type }, zone, record->owner, set);
}

int edit_remove(struct edit *edit, const uint8_t *zone, const struct mist_record *record)
{
	struct rrset *set = NULL;
	int error = record->type == 0 ? (record->rdata ? MIST_EINVAL : MIST_OK)
	          : !is_data(record->type) ? MIST_ERECORD
	          : record->rdata ? make_set(&set, record->type, record, 1) : MIST_OK;
	return error ? error : collect(edit, (struct edit_operation){ .type = record->type,
	                               .verb = set ? EDIT_TAKE : EDIT_CLEAR }, zone, record->owner, set);
}

int edit_replace(struct edit *edit, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                 const struct mist_record *records, size_t count)
{
	struct rrset *set;
	int error = is_data(type) ? make_set(&set, type, records, count) : MIST_ERECORD;
	return error ? error : collect(edit, (struct edit_operation){ .type = type,
	                               .verb = set ? EDIT_REPLACE : EDIT_CLEAR }, zone, owner, set);
}

int edit_replace_set(struct edit *edit, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                     const struct rrset *set)
{
	struct rrset *copy = set ? rrset_signed(set, NULL, 0) : NULL;
	if (set && !copy)
		return MIST_ENOMEM;
	return collect(edit, (struct edit_operation){ .type = type,
	               .verb = copy ? EDIT_REPLACE : EDIT_CLEAR }, zone, owner, copy);
}

int edit_require(struct edit *edit, const uint8_t *zone, enum mist_require what, const uint8_t *owner,
                 uint16_t type, const struct mist_record *records, size_t count)
{
	struct rrset *set = NULL;
	bool of_name = what == MIST_REQUIRE_NAME || what == MIST_REQUIRE_NO_NAME;
	if ((unsigned)what > MIST_REQUIRE_RECORDS || (what == MIST_REQUIRE_RECORDS && count == 0))
		return MIST_EINVAL;
	int error = !of_name && !is_data(type) ? MIST_ERECORD : MIST_OK;
	if (!error && what == MIST_REQUIRE_RECORDS)
		error = make_set(&set, type, records, count);
	return error ? error : collect(edit, (struct edit_operation){ .verb = EDIT_REQUIRE, .require = what,
	                               .type = of_name ? 0 : type }, zone, owner, set);
}
