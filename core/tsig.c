#include "core/tsig.h"

#include "core/type.h"

enum { FIXED = 10 /* type, class, TTL, RDLENGTH */ };

bool tsig_read(struct tsig_record *record, const uint8_t *message, size_t len, size_t at)
{
	uint8_t name[NAME_MAX];
	struct reader r = reader_on(message, len);
	reader_take(&r, at);
	size_t taken = r.failed ? 0 : name_read(message, len, at, name);
	if (!taken)
		return false;
	name_lower(record->key, name);
	reader_take(&r, taken);
	const uint16_t type = reader_u16(&r), class = reader_u16(&r);
	const uint32_t ttl = reader_u32(&r);
	const uint16_t data_len = reader_u16(&r);
	if (r.failed || type != TYPE_TSIG || class != CLASS_ANY || ttl != 0 ||
	    reader_left(&r) != data_len)
		return false;

	taken = name_read(message, len, (size_t)(r.at - r.start), name);
	if (!taken)
		return false;
	name_lower(record->algorithm, name);
	reader_take(&r, taken);
	record->time_s = (uint64_t)reader_u16(&r) << 32;
	record->time_s |= reader_u32(&r);
	record->fudge_s = reader_u16(&r);
	record->mac_len = reader_u16(&r);
	record->mac = reader_take(&r, record->mac_len);
	record->id = reader_u16(&r);
	record->error = reader_u16(&r);
	record->other_len = reader_u16(&r);
	record->other = reader_take(&r, record->other_len);
	return !r.failed && reader_left(&r) == 0;
}

static size_t data_size(const struct tsig_record *record)
{
	return name_len(record->algorithm) + TSIG_TIME_LEN + 2 + 2 + record->mac_len + 2 + 2 + 2 +
	       record->other_len;
}

size_t tsig_size(const struct tsig_record *record)
{
	return name_len(record->key) + FIXED + data_size(record);
}

void tsig_write(struct writer *w, const struct tsig_record *record)
{
	uint8_t time[TSIG_TIME_LEN];
	tsig_time_write(time, record->time_s);
	writer_put(w, record->key, name_len(record->key));
	writer_u16(w, TYPE_TSIG);
	writer_u16(w, CLASS_ANY);
	writer_u32(w, 0);
	writer_u16(w, (uint16_t)data_size(record));
	writer_put(w, record->algorithm, name_len(record->algorithm));
	writer_put(w, time, sizeof(time));
	writer_u16(w, record->fudge_s);
	writer_u16(w, record->mac_len);
	writer_put(w, record->mac, record->mac_len);
	writer_u16(w, record->id);
	writer_u16(w, record->error);
	writer_u16(w, record->other_len);
	writer_put(w, record->other, record->other_len);
}
