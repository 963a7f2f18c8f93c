/* The check of an answer: header, question, counts, and the frame of every record. */
#include "bench/verify.h"

#include <string.h>

const char *const verdict_names[VERDICTS] = {
	"right", "header", "question", "truncated", "rcode", "count", "form", "mixed",
};

static unsigned read16(const uint8_t *at) { return (unsigned)(at[0] << 8 | at[1]); }

/* Returns the offset behind the name, 0 when it does not end. Pointers end a name; where they lead is
   not followed. */
static size_t skip_name(const uint8_t *message, size_t length, size_t at)
{
	while (at < length) {
		unsigned label = message[at];
		if (label == 0)
			return at + 1;
		if (label >= 0xc0)
			return at + 2 <= length ? at + 2 : 0;
		at += 1 + label;
	}
	return 0;
}

/* Returns the offset behind the record, 0 when it does not fit; its type and data. */
static size_t skip_record(const uint8_t *message, size_t length, size_t at, unsigned *type, size_t *data)
{
	at = skip_name(message, length, at);
	if (at == 0 || at + 10 > length)
		return 0;
	*type = read16(message + at);
	*data = at + 10;
	at += 10 + read16(message + at + 8);
	return at <= length ? at : 0;
}

enum verdict verify(const struct question *question, const uint8_t *message, size_t length)
{
	size_t at = question->length, data;
	unsigned records, type;

	if (length < 12 || (message[2] & 0xf8) != 0x80)
		return WRONG_HEADER;
	if (length < at || read16(message + 4) != 1 || memcmp(message + 12, question->wire + 12, at - 12) != 0)
		return WRONG_QUESTION;
	if (message[2] & 0x02)
		return WRONG_TRUNCATED;
	if (question->rcode != ANY_VALUE && question->rcode != (message[3] & 15))
		return WRONG_RCODE;
	if ((question->answer != ANY_VALUE && (unsigned)question->answer != read16(message + 6)) ||
	    (question->authority != ANY_VALUE && (unsigned)question->authority != read16(message + 8)))
		return WRONG_COUNT;
	records = read16(message + 6) + read16(message + 8) + read16(message + 10);
	while (records-- > 0)
		if ((at = skip_record(message, length, at, &type, &data)) == 0)
			return WRONG_FORM;
	return at == length ? RIGHT : WRONG_FORM;
}

bool verify_version(const uint8_t *message, size_t length)
{
	size_t at = skip_name(message, length, 12) + 4, data;
	unsigned records = read16(message + 6) + read16(message + 8) + read16(message + 10), type, told = 0;
	uint32_t version, first = 0;

	while (records-- > 0 && (at = skip_record(message, length, at, &type, &data)) != 0) {
		if ((type != 1 && type != 33) || data + 4 > at)
			continue;
		version = (uint32_t)read16(message + data) << 16 | read16(message + data + 2);
		if (type == 1)
			version &= 0xffffff; /* 10.x.x.x */
		if (told++ == 0)
			first = version;
		else if (version != first)
			return false;
	}
	return true;
}

size_t verify_cookie(const uint8_t *message, size_t length, uint8_t cookie[40])
{
	size_t at = skip_name(message, length, 12) + 4, data;
	unsigned records = read16(message + 6) + read16(message + 8) + read16(message + 10), type;

	while (records-- > 0) {
		if ((at = skip_record(message, length, at, &type, &data)) == 0)
			return 0;
		if (type != 41)
			continue;
		while (data + 4 <= at) {
			size_t size = read16(message + data + 2);
			if (data + 4 + size > at)
				return 0;
			if (read16(message + data) == 10 && size >= 16 && size <= 40) {
				memcpy(cookie, message + data + 4, size);
				return size;
			}
			data += 4 + size;
		}
	}
	return 0;
}
