/*
 * Reading a request (message.h). Every octet here comes from a stranger: nothing is read that was
 * not bounded first, no count is believed, and the work is linear in the length.
 *
 * What is FORMERR beyond the plainly unreadable: trailing octets, more than one OPT, an OPT
 * elsewhere than at the root in the additional section (RFC 6891 section 6.1.1), a TSIG that is not
 * the last record (RFC 8945 section 5.1), options that overrun their record, a COOKIE of a length
 * that cannot be (RFC 7873 section 5.2.2).
 */
#include "core/message.h"

#include "core/type.h"

/* The question. Its name cannot be compressed: there is nothing before it but the header. */
static inline bool read_question(struct question *question, struct name_key *key, const uint8_t *octets, size_t len)
{
	const size_t name_len = name_key(key, octets, len);
	if (!name_len || len - name_len < 4)
		return false;
	name_clear_last(question->name, name_len);
	name_fold(question->name, octets, name_len);
	key->name = question->name;
	question->len = (uint8_t)name_len;
	question->type = wire_get16(octets + name_len);
	question->class = wire_get16(octets + name_len + 2);
	return true;
}

bool message_ahead(struct glimpse *glimpse, const uint8_t *octets, size_t len)
{
	glimpse->octets = octets;
	return len >= MESSAGE_HEADER && wire_get16(octets + 4) == 1 &&
	       read_question(&glimpse->question, &glimpse->key, octets + MESSAGE_HEADER, len - MESSAGE_HEADER);
}

static void copy_question(struct request *request, const struct glimpse *glimpse)
{
	const struct question *from = &glimpse->question;
	struct question *to = &request->question;
	to->type = from->type;
	to->class = from->class;
	to->len = from->len;
	for (unsigned at = 0; at < from->len; at += NAME_BLOCK)
		memcpy(to->name + at, from->name + at, NAME_BLOCK);
	request->key.name = to->name;
	request->key.labels = glimpse->key.labels;
	for (unsigned at = 0; at <= glimpse->key.labels; at += NAME_BLOCK)
		memcpy(request->key.start + at, glimpse->key.start + at, NAME_BLOCK);
	request->hash = glimpse->hash;
}

/* The question, read here or before. */
static bool take_question(struct request *request, const struct glimpse *glimpse, struct reader *r)
{
	if (glimpse && glimpse->question.len + 4u <= reader_left(r))
		copy_question(request, glimpse);
	else if (!read_question(&request->question, &request->key, r->at, reader_left(r)))
		return false;
	r->at += request->question.len + 4;
	return true;
}

static bool read_cookie(struct edns *edns, const uint8_t *data, size_t len)
{
	if (edns->cookie_len) /* the first counts (RFC 7873 section 5.2) */
		return true;
	if (len != 8 && (len < 16 || len > 40))
		return false;
	edns->cookie_len = (uint8_t)len;
	memcpy(edns->cookie, data, len);
	return true;
}

static bool read_options(struct edns *edns, const uint8_t *octets, size_t len)
{
	struct reader r = reader_on(octets, len);
	while (reader_left(&r) > 0) {
		const uint16_t code = reader_u16(&r), option_len = reader_u16(&r);
		const uint8_t *data = reader_take(&r, option_len);
		if (r.failed)
			return false;
		if (code == OPTION_COOKIE && !read_cookie(edns, data, option_len))
			return false;
		if (code == OPTION_NSID)
			edns->nsid = true;
		if (code == OPTION_KEEPALIVE) /* a client offers no timeout (RFC 7828 section 3.2.1) */
			edns->keepalive = option_len == 0;
	}
	return true;
}

/* The OPT record behind its owner and type: size, version and flags where others have class and
 * TTL. */
static bool read_opt(struct edns *edns, struct reader *r)
{
	const uint8_t *fixed = reader_take(r, 8);
	if (!fixed)
		return false;
	const uint16_t udp_size = wire_get16(fixed), len = wire_get16(fixed + 6);
	const uint8_t *options = reader_take(r, len);
	if (!options)
		return false;
	edns->present = true;
	/* RFC 6891 section 6.2.3 */
	edns->udp_size = udp_size < MESSAGE_UDP_PLAIN ? MESSAGE_UDP_PLAIN : udp_size;
	edns->version = fixed[3];
	edns->dnssec_ok = fixed[4] & 0x80;
	/* What the options of another version look like is not for us to judge. */
	return edns->version > 0 || len == 0 || read_options(edns, options, len);
}

/*
 * Passes over a record's owner; `*root`: it is the root, written as such. A pointer has to go
 * backwards but is not followed: nobody asks for these names, and thousands of pointers to one long
 * name would make a small message a lot of work (RFC 9267 section 2).
 */
static bool skip_owner(struct reader *r, bool *root)
{
	const uint8_t *start = r->at;
	*root = false;
	for (;;) {
		const uint8_t *label = reader_take(r, 1);
		if (!label)
			return false;
		if (*label == 0) {
			*root = label == start;
			return label - start < NAME_MAX;
		}
		if (*label >= 0xC0) {
			const uint8_t *low = reader_take(r, 1);
			return low && wire_get16(label) - 0xC000 < start - r->start;
		}
		if (*label > 63 || !reader_take(r, *label))
			return false;
	}
}

/* Records up to the end; only OPT and TSIG are of interest. */
static bool read_records(struct request *request, struct reader *r, unsigned before_additional,
                         unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const size_t at = (size_t)(r->at - r->start);
		const bool additional = i >= before_additional;
		bool root;
		if (!skip_owner(r, &root))
			return false;
		const uint16_t type = reader_u16(r);
		if (type == TYPE_OPT) {
			if (!additional || !root || request->edns.present || !read_opt(&request->edns, r))
				return false;
			continue;
		}
		reader_take(r, 6); /* class, TTL */
		reader_take(r, reader_u16(r));
		if (r->failed)
			return false;
		if (type == TYPE_TSIG) {
			if (!additional || i + 1 != count)
				return false;
			request->tsig_at = (uint16_t)at;
		}
	}
	return true;
}

enum parsed message_parse(struct request *request, const uint8_t *octets, size_t len)
{
	return message_parse_glimpsed(request, NULL, octets, len);
}

enum parsed message_parse_glimpsed(struct request *request, const struct glimpse *glimpse, const uint8_t *octets,
                                size_t len)
{
	if (len < MESSAGE_HEADER || len > MESSAGE_MAX || octets[2] & FLAG_QR >> 8)
		return PARSED_DROP;

	request->octets = octets;
	request->len = len;
	request->id = wire_get16(octets);
	request->flags = wire_get16(octets + 2);
	request->opcode = octets[2] >> 3 & 15;
	request->question.len = 0;
	request->hash = 0;
	request->edns = (struct edns){ .present = false };
	request->tsig_at = 0;

	if (request->opcode != OPCODE_QUERY && request->opcode != OPCODE_NOTIFY &&
	    request->opcode != OPCODE_UPDATE)
		return PARSED_NOTIMP;

	const unsigned questions = wire_get16(octets + 4);
	const unsigned before_additional = (unsigned)wire_get16(octets + 6) + wire_get16(octets + 8);
	struct reader r = reader_on(octets, len);
	r.at += MESSAGE_HEADER;
	if (questions > 1 || (questions == 1 && !take_question(request, glimpse, &r)))
		return PARSED_FORMERR;
	if (!read_records(request, &r, before_additional, before_additional + wire_get16(octets + 10)))
		return PARSED_FORMERR;
	/* Another version's OPT comes first: that client is told ours before its message is judged. */
	if (request->edns.version > 0)
		return PARSED_BADVERS;
	if (reader_left(&r) > 0)
		return PARSED_FORMERR;
	return questions ? PARSED_OK : PARSED_NO_QUESTION;
}
