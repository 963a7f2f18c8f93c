/*
 * See addresses.h. Responses are hostile octets: every name is read with bounds, and only records
 * whose owner the chain has reached count.
 */
#include "net/addresses.h"

#include <string.h>

#include "core/message.h"
#include "core/type.h"

#define CHAIN_MAX 16 /* CNAMEs; servers give up sooner */

size_t addresses_query(uint8_t *query, uint16_t id, const uint8_t *name, uint16_t type,
                       uint16_t udp_size)
{
	/* One question, one additional record: OPT (RFC 6891) of version 0 without options. */
	const uint8_t header[MESSAGE_HEADER] = { (uint8_t)(id >> 8), (uint8_t)id, FLAG_RD >> 8, 0, 0, 1, 0, 0, 0, 0, 0, 1 };
	const uint8_t tail[4 + 11] = { (uint8_t)(type >> 8), (uint8_t)type, 0, CLASS_IN, 0, 0, TYPE_OPT,
	                               (uint8_t)(udp_size >> 8), (uint8_t)udp_size };
	size_t len = name_len(name);

	memcpy(query, header, sizeof header);
	memcpy(query + sizeof header, name, len);
	memcpy(query + sizeof header + len, tail, sizeof tail);
	return sizeof header + len + sizeof tail;
}

int addresses_match(const uint8_t *response, size_t len, const uint8_t *query, size_t query_len)
{
	uint8_t asked[NAME_MAX], answered[NAME_MAX];

	if (len < MESSAGE_HEADER || query_len < MESSAGE_HEADER || wire_get16(response) != wire_get16(query) ||
	    !(response[2] & 0x80))
		return MIST_EMISMATCH;
	if (wire_get16(query + 4) != 1)
		return MIST_OK; /* a caller's own message: the id has to do */
	/* Servers that cannot read a query answer it without its question. */
	if (wire_get16(response + 4) == 0 && (response[3] & 15) != RCODE_NOERROR)
		return MIST_OK;
	size_t taken = name_read(query, query_len, MESSAGE_HEADER, asked);
	size_t took = name_read(response, len, MESSAGE_HEADER, answered);
	if (!taken || !took || wire_get16(response + 4) != 1 || !name_equal(asked, answered) ||
	    MESSAGE_HEADER + taken + 4 > query_len || MESSAGE_HEADER + took + 4 > len ||
	    memcmp(query + MESSAGE_HEADER + taken, response + MESSAGE_HEADER + took, 4) != 0)
		return MIST_EMISMATCH;
	return MIST_OK;
}

struct found_record {
	uint8_t owner[NAME_MAX];
	uint16_t type, class;
	uint32_t ttl;
	uint16_t rdata_len;
	size_t rdata_at;
};

static bool read_found(struct reader *r, struct found_record *record)
{
	size_t len = (size_t)(r->end - r->start);

	if (!reader_take(r, name_read(r->start, len, (size_t)(r->at - r->start), record->owner)))
		return false;
	record->type = reader_u16(r);
	record->class = reader_u16(r);
	record->ttl = reader_u32(r);
	record->rdata_len = reader_u16(r);
	record->rdata_at = (size_t)(r->at - r->start);
	reader_take(r, record->rdata_len);
	return !r->failed;
}

static void add(const uint8_t *response, const struct found_record *record, struct mist_address *list, size_t size,
                size_t *found)
{
	if (*found < size) {
		struct mist_address *address = &list[*found];
		*address = (struct mist_address){ .family = record->rdata_len == 4 ? 4 : 6, .ttl = record->ttl };
		memcpy(address->octets, response + record->rdata_at, record->rdata_len);
	}
	++*found;
}

/* One pass over the answer section for one owner: adds addresses; true if a CNAME leads on to `name`. */
static int scan(const uint8_t *response, size_t len, size_t answers_at, uint16_t type, uint8_t *name,
                struct mist_address *list, size_t size, size_t *found, bool *more)
{
	struct reader r = reader_on(response, len);
	struct found_record record;
	size_t wanted = type == TYPE_A ? 4 : 16;
	uint8_t target[NAME_MAX];
	unsigned count = wire_get16(response + 6);

	*more = false;
	reader_take(&r, answers_at);
	for (unsigned i = 0; i < count; i++) {
		if (!read_found(&r, &record))
			return MIST_EMISMATCH;
		if (record.class != CLASS_IN || !name_equal(record.owner, name))
			continue;
		if (record.type == type && record.rdata_len == wanted)
			add(response, &record, list, size, found);
		else if (record.type == TYPE_CNAME && name_read(response, len, record.rdata_at, target))
			*more = true;
	}
	if (*more)
		name_copy(name, target);
	return MIST_OK;
}

int addresses_read(const uint8_t *response, size_t len, const uint8_t *query, size_t query_len,
                   struct mist_address *list, size_t size, size_t *found)
{
	uint8_t name[NAME_MAX];
	int error = addresses_match(response, len, query, query_len);

	if (error)
		return error;
	unsigned rcode = response[3] & 15;
	if (rcode != RCODE_NOERROR)
		return rcode == RCODE_NXDOMAIN ? MIST_ENOTFOUND : MIST_EREFUSED;
	size_t taken = name_read(response, len, MESSAGE_HEADER, name);
	uint16_t type = wire_get16(response + MESSAGE_HEADER + taken);
	bool more = true;
	for (int i = 0; more && i < CHAIN_MAX && !error; i++) {
		size_t before = *found;
		error = scan(response, len, MESSAGE_HEADER + taken + 4, type, name, list, size, found, &more);
		if (*found > before)
			break;
	}
	return error;
}
