/* What a reply says; see reply.h. */
#include "sidecar/nss/reply.h"

#include <string.h>

#include "core/message.h"
#include "core/type.h"
#include "core/wire.h"

/* Aliases followed: more than any good chain has, as the server itself bounds them. */
#define CHAIN_MAX 16

struct reply_record {
	uint8_t owner[NAME_MAX];
	uint16_t type;
	uint32_t ttl;
	size_t data, data_len;
	size_t end;
};

/* False: it does not fit into the message. */
static bool read_record(struct reply_record *record, const uint8_t *message, size_t len, size_t at)
{
	const size_t taken = name_read(message, len, at, record->owner);
	struct reader r = reader_on(message, len);
	reader_take(&r, at + taken);
	record->type = reader_u16(&r);
	if (reader_u16(&r) != CLASS_IN)
		record->type = 0;
	record->ttl = reader_u32(&r);
	record->data_len = reader_u16(&r);
	record->data = (size_t)(r.at - r.start);
	reader_take(&r, record->data_len);
	record->end = record->data + record->data_len;
	return taken && !r.failed;
}

/* The record of the type that the name has, if any; the first one. False: the section is malformed. */
static bool find(const struct reply *reply, uint16_t type, struct reply_record *found, bool *is_there)
{
	struct reply_record record;
	size_t at = reply->first;
	*is_there = false;
	for (unsigned i = 0; i < reply->records; i++, at = record.end) {
		if (!read_record(&record, reply->message, reply->len, at))
			return false;
		if (!*is_there && record.type == type && name_equal(record.owner, reply->name)) {
			*found = record;
			*is_there = true;
		}
	}
	return true;
}

static void lower_ttl(struct reply *reply, uint32_t ttl)
{
	if (ttl > INT32_MAX)
		ttl = 0; /* RFC 2181 section 8 */
	if (ttl < reply->ttl)
		reply->ttl = ttl;
}

/* To the end of the chain. `*ends`: the type is there. False: it makes no sense. */
static bool follow(struct reply *reply, bool *ends)
{
	struct reply_record record;
	for (unsigned i = 0; i < CHAIN_MAX; i++) {
		if (!find(reply, reply->type, &record, ends))
			return false;
		if (*ends) {
			lower_ttl(reply, record.ttl);
			return true;
		}
		bool alias;
		if (!find(reply, TYPE_CNAME, &record, &alias))
			return false;
		if (!alias)
			return true;
		lower_ttl(reply, record.ttl);
		if (!name_read(reply->message, record.end, record.data, reply->name))
			return false;
	}
	return false;
}

enum answered reply_read(struct reply *reply, const struct ask *ask)
{
	const unsigned rcode = wire_get16(ask->reply + 2) & 15;
	const size_t taken = name_read(ask->reply, ask->len, MESSAGE_HEADER, reply->name);
	bool found;

	reply->message = ask->reply;
	reply->len = ask->len;
	reply->type = ask->type;
	reply->first = MESSAGE_HEADER + taken + 4;
	reply->records = wire_get16(ask->reply + 6);
	reply->ttl = INT32_MAX;
	if (rcode == RCODE_NXDOMAIN || rcode == RCODE_REFUSED)
		return ANSWER_NO_NAME;
	if (rcode != RCODE_NOERROR || !follow(reply, &found))
		return ANSWER_FAILED;
	return found ? ANSWER_FOUND : ANSWER_NO_DATA;
}

const uint8_t *reply_next(const struct reply *reply, struct reply_place *place, size_t *len)
{
	struct reply_record record;
	if (place->seen == 0)
		place->at = reply->first;
	while (place->seen < reply->records && read_record(&record, reply->message, reply->len, place->at)) {
		place->seen++;
		place->at = record.end;
		if (record.type == reply->type && name_equal(record.owner, reply->name)) {
			*len = record.data_len;
			return reply->message + record.data;
		}
	}
	return NULL;
}

static bool is_host_octet(uint8_t octet)
{
	const uint8_t lower = octet | 0x20;
	return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' || octet == '_';
}

bool reply_host(char text[NAME_MAX + 1], const uint8_t *name)
{
	size_t at = 0;
	for (; *name; name += *name + 1) {
		for (unsigned i = 1; i <= *name; i++) {
			if (!is_host_octet(name[i]))
				return false;
			text[at++] = (char)name[i];
		}
		text[at++] = '.';
	}
	text[at ? at - 1 : 0] = 0;
	return at > 0;
}
