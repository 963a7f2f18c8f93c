/* See frame.h. */
#include "content/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "content/durable.h"
#include "core/name.h"
#include "core/siphash.h"
#include "core/wire.h"
#include "mistcore.h"

enum {
	HEAD = 12,                 /* length and hash */
	FRAME_MAX = 256 << 20,     /* that a file may have: commits were written as a whole once */
};

/* In a frame's length: the commit goes on. */
#define MORE 0x80000000u
/* No secret: the hash finds what a crash cut, not forgers, who would need the directory. With another frame to follow
 * it is another hash, so that the bit is what was written. */
static const uint8_t hash_keys[2][16] = { "mist edits", "mist edits more" };

/* ------------------------------------------------------------------------------------------------
 * Writing
 */

static void put(struct frame *frame, const void *octets, size_t len)
{
	size_t start = frame->len ? frame->len : HEAD;
	if (frame->failed)
		return;
	if (len > frame->room || start > frame->room - len) {
		size_t room = 2 * (start + len);
		uint8_t *larger = realloc(frame->octets, room);
		frame->failed = !larger;
		if (!larger)
			return;
		frame->octets = larger;
		frame->room = room;
	}
	memcpy(frame->octets + start, octets, len);
	frame->len = start + len;
}

static void put16(struct frame *frame, uint16_t value)
{
	uint8_t octets[2];
	wire_set16(octets, value);
	put(frame, octets, sizeof(octets));
}

static void put_set(struct frame *frame, const struct rrset *set)
{
	uint8_t octets[5] = { set != NULL };
	struct record record;
	if (set)
		wire_set32(octets + 1, set->ttl);
	put(frame, octets, set ? 5 : 1);
	if (!set)
		return;
	put16(frame, set->count);
	for (size_t at = 0; rrset_next(set, set->len, &at, &record);) {
		put16(frame, record.rdata_len);
		put(frame, record.rdata, record.rdata_len);
	}
}

void frame_put(struct frame *frame, const uint8_t *zone, const uint8_t *owner, uint16_t type,
               const struct rrset *base, const struct rrset *edited)
{
	put(frame, zone, name_len(zone));
	put(frame, owner, name_len(owner));
	put16(frame, type);
	put_set(frame, base);
	put_set(frame, edited);
}

void frame_empty(struct frame *frame)
{
	/* One long commit need not be paid for ever after. */
	if (frame->room > FRAME_LONG) {
		free(frame->octets);
		frame->octets = NULL;
		frame->room = 0;
	}
	frame->len = 0;
	frame->failed = false;
}

bool frame_write(struct frame *frame, int file, uint64_t *len, bool more)
{
	size_t payload = frame->len - HEAD;
	errno = ENOMEM;
	if (frame->failed)
		return false;
	uint64_t hash = siphash(hash_keys[more], frame->octets + HEAD, payload);
	wire_set32(frame->octets, (uint32_t)payload | (more ? MORE : 0));
	wire_set32(frame->octets + 4, (uint32_t)(hash >> 32));
	wire_set32(frame->octets + 8, (uint32_t)hash);
	if (!durable_write(file, frame->octets, frame->len, *len))
		return false;
	*len += frame->len;
	return true;
}

/* ------------------------------------------------------------------------------------------------
 * Reading
 */

/* Octets of ours, and yet nothing is believed. */
static bool read_set(struct reader *reader, uint16_t type, struct rrset **made)
{
	*made = NULL;
	if (reader_u8(reader) == 0)
		return !reader->failed;
	uint32_t ttl = reader_u32(reader);
	uint16_t count = reader_u16(reader);
	for (unsigned i = 0; i < count && !reader->failed; i++) {
		uint16_t len = reader_u16(reader);
		const uint8_t *rdata = reader_take(reader, len);
		_Bool too_large = false;
		struct rrset *larger = rdata ? rrset_with(*made, type, ttl, rdata, len, &too_large) : NULL;
		free(*made);
		*made = larger;
		reader->failed |= !larger;
	}
	return !reader->failed && *made;
}

static bool read_name(struct reader *reader, uint8_t name[NAME_MAX])
{
	size_t len = 0;
	for (uint8_t label = 1; label && !reader->failed;) {
		label = reader_u8(reader);
		const uint8_t *octets = reader_take(reader, label);
		if (label > LABEL_MAX || !octets || len + 1 + label > NAME_MAX)
			return false;
		name[len++] = label;
		memcpy(name + len, octets, label);
		len += label;
	}
	name_lower(name, name);
	return !reader->failed;
}

/* True: it was whole; `*result` is the callback's. */
static bool read_entry(struct reader *reader, journal_entry *entry, void *user, int *result)
{
	uint8_t zone[NAME_MAX], owner[NAME_MAX];
	struct rrset *base = NULL, *edited = NULL;
	bool good = read_name(reader, zone) && read_name(reader, owner);
	uint16_t type = good ? reader_u16(reader) : 0;
	good = good && read_set(reader, type, &base) && read_set(reader, type, &edited);
	if (good)
		*result = entry(user, zone, owner, type, base, edited);
	free(base);
	free(edited);
	return good;
}

/* Where the commit that begins at `at` ends; 0: it is not whole. */
static uint64_t commit_end(const uint8_t *octets, uint64_t at, uint64_t end)
{
	for (uint32_t length = MORE; length & MORE;) {
		if (end - at <= HEAD)
			return 0;
		length = wire_get32(octets + at);
		const uint32_t payload = length & ~MORE;
		const uint64_t hash = (uint64_t)wire_get32(octets + at + 4) << 32 | wire_get32(octets + at + 8);
		at += HEAD;
		if (payload > FRAME_MAX || payload > end - at ||
		    siphash(hash_keys[(length & MORE) != 0], octets + at, payload) != hash)
			return 0;
		at += payload;
	}
	return at;
}

int frames_read(const uint8_t *octets, uint64_t from, uint64_t *len, journal_entry *entry, void *user)
{
	uint64_t at = from, end;
	int result = MIST_OK;
	while (!result && (end = commit_end(octets, at, *len))) {
		while (at < end && !result) {
			const uint32_t payload = wire_get32(octets + at) & ~MORE;
			struct reader reader = reader_on(octets + at + HEAD, payload);
			while (reader_left(&reader) && !result)
				if (!read_entry(&reader, entry, user, &result))
					return MIST_ENOMEM; /* its hash was right, so it is not the octets */
			at += HEAD + payload;
		}
	}
	*len = at;
	return result;
}
