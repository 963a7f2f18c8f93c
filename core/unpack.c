#include "core/unpack.h"

#include "core/type.h"

bool unpack_rdata(struct writer *w, uint16_t type, const uint8_t *message, size_t len, size_t at,
                  size_t rdata_len)
{
	const struct type_info *info = type_info(type);
	struct reader r = reader_on(message, at + rdata_len);
	reader_take(&r, at);
	for (unsigned i = 0; i < sizeof info->steps && info->steps[i] != RDATA_END; i++) {
		const uint8_t step = info->steps[i];
		if (step == RDATA_A6)
			break; /* as it stands: type_check() wants its name uncompressed */
		if (step == RDATA_NAME) {
			uint8_t name[NAME_MAX];
			const size_t taken = name_read(message, len, (size_t)(r.at - r.start), name);
			if (taken == 0 || !reader_take(&r, taken))
				return false;
			writer_put(w, name, name_len(name));
			continue;
		}
		const size_t octets = step != RDATA_STRING ? step - RDATA_FIXED_1 + 1u :
		                      reader_left(&r) > 0 ? 1u + *r.at : 1u;
		const uint8_t *part = reader_take(&r, octets);
		if (!part)
			return false;
		writer_put(w, part, octets);
	}
	const size_t rest = reader_left(&r);
	writer_put(w, reader_take(&r, rest), rest);
	return true;
}

bool unpack_record(struct unpacked *record, struct reader *r, uint8_t *room)
{
	const size_t len = (size_t)(r->end - r->start);
	const size_t taken = r->failed ? 0 : name_read(r->start, len, (size_t)(r->at - r->start), record->owner);
	if (!taken || !reader_take(r, taken))
		return false;
	name_lower(record->owner, record->owner);
	record->type = reader_u16(r);
	record->class = reader_u16(r);
	record->ttl = reader_u32(r);
	record->packed_len = reader_u16(r);
	const size_t at = (size_t)(r->at - r->start);
	if (!reader_take(r, record->packed_len) && record->packed_len)
		return false;
	struct writer w = writer_on(room, UNPACK_RDATA_MAX);
	record->rdata = room;
	/* Without any: UPDATE has records that say only which set is meant (RFC 2136 section 2.4). */
	if (r->failed || (record->packed_len &&
	                  !unpack_rdata(&w, record->type, r->start, len, at, record->packed_len)))
		return false;
	record->rdata_len = (uint16_t)writer_len(&w);
	return !w.failed;
}
