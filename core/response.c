/*
 * Writing a response (the second half of message.h): header, question, RRsets with compressed
 * names, the OPT record.
 *
 * Nearly every answer is one set whose owner is the question and whose RDATA holds no names: that
 * is one memcpy() in answer_put(). All else goes through put_record(), record by record.
 *
 * Compression: the labels of every name written are remembered, at most ANSWER_LABELS_MAX, each with
 * the one that follows it; a new name is looked for label by label from its end, and what was found
 * becomes a pointer. The question is entered when the first name asks for it, so that the plain
 * case pays nothing. Pointers go backwards only, because only what is written is remembered.
 */
#include <assert.h>

#include "core/message.h"
#include "core/type.h"

#define OPT_FIXED 11        /* root, type, size, extended flags, RDLENGTH */
#define POINTER_LIMIT 0x4000 /* offsets take 14 bits (RFC 1035 section 4.1.4) */

/* ---- names ---- */

static inline uint8_t lower(uint8_t c) { return (uint8_t)(c >= 'A' && c <= 'Z' ? c | 0x20 : c); }

static bool same_label(const uint8_t *a, const uint8_t *b)
{
	for (unsigned i = 0; i <= a[0]; i++) /* their lengths first */
		if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

/* The remembered label before `next` that is this one; 0 if there is none. */
static unsigned find_label(const struct answer *answer, unsigned next, const uint8_t *label)
{
	for (unsigned i = 0; i < answer->label_count; i++)
		if (answer->labels[i].next == next && same_label(answer->w.start + answer->labels[i].at, label))
			return i + 1;
	return 0;
}

/* Remembers the first `count` labels of a name that stands at `at`; `next` follows them. */
static void remember(struct answer *answer, size_t at, const uint8_t *starts, unsigned count, unsigned next)
{
	while (count-- > 0) {
		if (answer->label_count == ANSWER_LABELS_MAX || at + starts[count] >= POINTER_LIMIT)
			return;
		answer->labels[answer->label_count].at = (uint16_t)(at + starts[count]);
		answer->labels[answer->label_count++].next = (uint8_t)next;
		next = answer->label_count;
	}
}

/* Writes a name, its longest known suffix as a pointer. Returns where the name stands: the
 * pointer's goal when nothing but a pointer was written. 0: no room. */
static uint16_t put_name(struct answer *answer, const uint8_t *name)
{
	struct name_key key;
	if (answer->label_count == 0 && answer->question_len) {
		name_key(&key, answer->w.start + MESSAGE_HEADER, NAME_MAX);
		remember(answer, MESSAGE_HEADER, key.start, key.labels, 0);
	}

	const size_t at = writer_len(&answer->w);
	name_key(&key, name, NAME_MAX);
	unsigned left = key.labels, known = 0;
	for (unsigned found; left > 0 && (found = find_label(answer, known, name + key.start[left - 1])); left--)
		known = found;
	writer_put(&answer->w, name, key.start[left]);
	if (!known)
		writer_u8(&answer->w, 0);
	else
		writer_u16(&answer->w, (uint16_t)(0xC000 | answer->labels[known - 1].at));
	if (answer->w.failed)
		return 0;
	remember(answer, at, key.start, left, known);
	return left == 0 && known ? answer->labels[known - 1].at : (uint16_t)at;
}

/* Follows pointers of our own message to the label they mean. */
static const uint8_t *resolve(const struct answer *answer, const uint8_t *label)
{
	while (label[0] >= 0xC0)
		label = answer->w.start + (wire_get16(label) & (POINTER_LIMIT - 1));
	return label;
}

size_t answer_name(const struct answer *answer, uint16_t at, uint8_t name[NAME_MAX])
{
	size_t len = 0;
	for (const uint8_t *label = answer->w.start + at;; label += label[0] + 1) {
		label = resolve(answer, label);
		for (unsigned i = 0; i <= label[0]; i++)
			name[len++] = lower(label[i]);
		if (!label[0])
			return len;
	}
}

uint16_t answer_ancestor(const struct answer *answer, uint16_t at, unsigned labels)
{
	const uint8_t *label = resolve(answer, answer->w.start + at);
	for (; labels > 0; labels--)
		label = resolve(answer, label + label[0] + 1);
	return (uint16_t)(label - answer->w.start);
}

/* ---- where we were, in case a set does not fit ---- */

struct mark {
	uint8_t *at;
	uint16_t count;
	uint8_t label_count;
};

static struct mark mark_set(const struct answer *answer, enum section section)
{
	return (struct mark){ answer->w.at, answer->counts[section], answer->label_count };
}

static bool give_up(struct answer *answer, enum section section, const struct mark *mark)
{
	answer->w.at = mark->at;
	answer->w.failed = false;
	answer->counts[section] = mark->count;
	answer->label_count = mark->label_count;
	if (section != SECTION_ADDITIONAL)
		answer->truncated = true;
	return false;
}

/* Once a set was left out of answer or authority, later ones would only mislead. */
static bool closed(const struct answer *answer, enum section section)
{
	(void)section; /* asked by assertions only */
	assert(section == SECTION_ADDITIONAL || answer->counts[SECTION_ADDITIONAL] == 0);
	assert(section != SECTION_ANSWER || answer->counts[SECTION_AUTHORITY] == 0);
	return answer->truncated;
}

/* ---- records ---- */

/* Who owns the records of a set: an offset, once the name is in the message. */
struct owner {
	uint16_t at;
	const uint8_t *name;
	uint8_t scratch[NAME_MAX];
};

static void owner_init(struct owner *owner, const struct answer *answer, uint16_t at,
                       const uint8_t *name)
{
	owner->at = at;
	owner->name = name;
	if (at >= POINTER_LIMIT) { /* beyond the reach of pointers: written again */
		answer_name(answer, at, owner->scratch);
		owner->at = 0;
		owner->name = owner->scratch;
	}
}

static void put_owner(struct answer *answer, struct owner *owner)
{
	if (owner->at) {
		writer_u16(&answer->w, (uint16_t)(0xC000 | owner->at));
		return;
	}
	const uint16_t at = put_name(answer, owner->name);
	if (at < POINTER_LIMIT)
		owner->at = at;
}

/* A name that may be compressed in the message that `r` reads: where it stands, or in `scratch`. */
static const uint8_t *take_name(struct reader *r, uint8_t scratch[NAME_MAX])
{
	const size_t whole = name_check(r->at, reader_left(r));
	if (whole > 0)
		return reader_take(r, whole);
	const size_t end = (size_t)(r->end - r->start), at = (size_t)(r->at - r->start);
	const size_t taken = name_read(r->start, end, at, scratch);
	assert(taken > 0 && "names were checked when they came in");
	reader_take(r, taken);
	return scratch;
}

/* RDATA of a type whose names may be compressed (RFC 3597 section 4): what is left of `r`. */
static void put_compressed(struct answer *answer, const struct type_info *info, struct reader r)
{
	for (unsigned i = 0; i < sizeof(info->steps) && info->steps[i] != RDATA_END; i++) {
		const uint8_t step = info->steps[i];
		if (step == RDATA_NAME) {
			uint8_t name[NAME_MAX];
			answer->last_name_at = put_name(answer, take_name(&r, name));
			continue;
		}
		const size_t octets = step == RDATA_STRING ? 1u + *r.at : step - RDATA_FIXED_1 + 1u;
		writer_put(&answer->w, reader_take(&r, octets), octets);
		assert(!r.failed && "RDATA was checked when it came in (type_check)");
	}
	const size_t rest = reader_left(&r);
	writer_put(&answer->w, reader_take(&r, rest), rest);
}

/* `rdata` stands on the RDATA, in the message in which its names are compressed, if they are. */
static void put_record(struct answer *answer, enum section section, struct owner *owner,
                       uint16_t type, uint32_t ttl, struct reader rdata)
{
	const struct type_info *info = type_info(type);
	put_owner(answer, owner);
	uint8_t *fixed = writer_take(&answer->w, 10);
	if (!fixed)
		return;
	const uint8_t *start = answer->w.at;
	wire_set16(fixed, type);
	wire_set16(fixed + 2, CLASS_IN);
	wire_set32(fixed + 4, ttl);
	if (info->flags & TYPE_COMPRESS)
		put_compressed(answer, info, rdata);
	else
		writer_put(&answer->w, rdata.at, reader_left(&rdata));
	wire_set16(fixed + 8, (uint16_t)(answer->w.at - start));
	answer->counts[section]++;
}

/* Clients take the first address: it is another one each time, by the id of the message, which they choose
 * at random, so that nothing has to be counted. */
static size_t first_in_turn(const struct answer *answer, const struct rrset *set)
{
	if (!(set->flags & RRSET_REGISTERED) || set->count < 2)
		return 0;
	return wire_get16(answer->w.start) % set->count * (size_t)(set->len / set->count);
}

static void put_records(struct answer *answer, enum section section, struct owner *owner,
                        const struct rrset *set, size_t at, size_t end, uint32_t ttl)
{
	for (struct record record; rrset_next(set, end, &at, &record) && !answer->w.failed;)
		put_record(answer, section, owner, record.type, ttl,
		           reader_on(record.rdata, record.rdata_len));
}

bool answer_put_part(struct answer *answer, enum section section, uint16_t owner_at,
                     const uint8_t *owner_name, const struct rrset *set, unsigned parts,
                     uint32_t ttl)
{
	if (closed(answer, section))
		return false;
	const struct mark mark = mark_set(answer, section);
	struct owner owner;
	owner_init(&owner, answer, owner_at, owner_name);
	const size_t turn = parts & PART_RECORDS ? first_in_turn(answer, set) : 0;
	const size_t end = parts & PART_SIGNATURES ? set->full_len : set->len;
	if (turn)
		put_records(answer, section, &owner, set, turn, set->len, ttl);
	if (parts & PART_RECORDS)
		put_records(answer, section, &owner, set, 0, turn ? turn : set->len, ttl);
	put_records(answer, section, &owner, set, set->len, end, ttl);
	return answer->w.failed ? give_up(answer, section, &mark) : true;
}

bool answer_put(struct answer *answer, enum section section, uint16_t owner_at,
                const uint8_t *owner, const struct rrset *set)
{
	if (owner_at == MESSAGE_HEADER && set->flags & RRSET_PLAIN_COPY && !closed(answer, section)) {
		const size_t len = answer->dnssec ? set->full_len : set->len;
		if (writer_room(&answer->w) < len) {
			const struct mark here = mark_set(answer, section);
			return give_up(answer, section, &here);
		}
		memcpy(answer->w.at, set->wire, len);
		answer->w.at += len;
		const unsigned count = answer->dnssec ? set->count + set->sig_count : set->count;
		answer->counts[section] = (uint16_t)(answer->counts[section] + count);
		return true;
	}
	const unsigned parts = answer->dnssec ? PART_RECORDS | PART_SIGNATURES : PART_RECORDS;
	return answer_put_part(answer, section, owner_at, owner, set, parts, set->ttl);
}

bool answer_put_records(struct answer *answer, enum section section, uint16_t owner_at,
                        const uint8_t *message, size_t at, size_t len, uint16_t count)
{
	if (closed(answer, section))
		return false;
	const struct mark mark = mark_set(answer, section);
	struct reader r = reader_on(message, at + len);
	reader_take(&r, at);
	for (; count > 0 && !r.failed && !answer->w.failed; count--) {
		struct owner owner;
		uint8_t name[NAME_MAX];
		if (reader_left(&r) >= 2 && wire_get16(r.at) == RRSET_OWNER) {
			owner_init(&owner, answer, owner_at, NULL);
			r.at += 2;
		} else {
			owner_init(&owner, answer, 0, take_name(&r, name));
		}
		const uint16_t type = reader_u16(&r);
		reader_take(&r, 2); /* class, IN */
		const uint32_t ttl = reader_u32(&r);
		const uint16_t rdata_len = reader_u16(&r);
		struct reader rdata = r;
		reader_take(&r, rdata_len);
		assert(!r.failed && "records that we made ourselves");
		rdata.end = r.at;
		put_record(answer, section, &owner, type, ttl, rdata);
	}
	return answer->w.failed ? give_up(answer, section, &mark) : true;
}

bool answer_put_record(struct answer *answer, enum section section, uint16_t *owner_at,
                       const uint8_t *name, const struct record *record)
{
	const struct mark mark = mark_set(answer, section);
	struct owner owner;
	owner_init(&owner, answer, *owner_at, name);
	put_record(answer, section, &owner, record->type, record->ttl,
	           reader_on(record->rdata, record->rdata_len));
	if (answer->w.failed)
		return give_up(answer, section, &mark);
	*owner_at = owner.at;
	return true;
}

uint16_t answer_put_cname(struct answer *answer, uint16_t owner_at, uint32_t ttl,
                          const uint8_t *target)
{
	if (closed(answer, SECTION_ANSWER))
		return 0;
	const struct mark mark = mark_set(answer, SECTION_ANSWER);
	struct owner owner;
	owner_init(&owner, answer, owner_at, NULL);
	put_record(answer, SECTION_ANSWER, &owner, TYPE_CNAME, ttl, reader_on(target, name_len(target)));
	if (!answer->w.failed)
		return answer->last_name_at;
	give_up(answer, SECTION_ANSWER, &mark);
	return 0;
}

/* ---- the message around them ---- */

void answer_begin(struct answer *answer, const struct request *request, uint8_t *octets,
                  size_t limit, size_t reserve)
{
	const size_t question = request->question.len ? request->question.len + 4u : 0;
	assert(limit >= MESSAGE_UDP_PLAIN && limit <= MESSAGE_MAX);
	assert(MESSAGE_HEADER + question + reserve <= limit);
	memcpy(octets, request->octets, MESSAGE_HEADER + question);
	answer->w = writer_on(octets, limit - reserve);
	answer->w.at += MESSAGE_HEADER + question;
	answer->reserve = (uint16_t)reserve;
	answer->question_len = request->question.len;
	answer->dnssec = request->edns.dnssec_ok;
	answer->counts[0] = answer->counts[1] = answer->counts[2] = 0;
	answer->truncated = false;
	answer->last_name_at = 0;
	answer->label_count = 0;
}

void answer_reset(struct answer *answer)
{
	answer->w.at = answer->w.start + MESSAGE_HEADER +
	               (answer->question_len ? answer->question_len + 4u : 0);
	answer->w.failed = false;
	answer->counts[0] = answer->counts[1] = answer->counts[2] = 0;
	answer->truncated = false;
	answer->label_count = 0;
}

static void put_option(struct writer *w, uint16_t code, const void *data, size_t len)
{
	writer_u16(w, code);
	writer_u16(w, (uint16_t)len);
	writer_put(w, data, len);
}

static void put_ede(struct writer *w, int code, const char *text)
{
	size_t text_len = text ? strlen(text) : 0;
	if (writer_room(w) < 6)
		return;
	if (writer_room(w) < 6 + text_len)
		text_len = 0;
	writer_u16(w, OPTION_EDE);
	writer_u16(w, (uint16_t)(2 + text_len));
	writer_u16(w, (uint16_t)code);
	writer_put(w, text, text_len);
}

static void put_opt(struct writer *w, const struct edns_reply *edns)
{
	static const uint8_t plain[OPT_FIXED] = { [2] = TYPE_OPT, [3] = MESSAGE_UDP_EDNS >> 8,
		                                      [4] = MESSAGE_UDP_EDNS & 255 };
	uint8_t *opt = writer_take(w, OPT_FIXED);
	if (!opt)
		return;
	memcpy(opt, plain, OPT_FIXED);
	opt[5] = (uint8_t)edns->rcode_high;
	opt[7] = edns->dnssec_ok ? 0x80 : 0;
	if (edns->cookie)
		put_option(w, OPTION_COOKIE, edns->cookie, 24);
	if (edns->keepalive_ds >= 0) {
		uint8_t timeout[2];
		wire_set16(timeout, (uint16_t)edns->keepalive_ds);
		put_option(w, OPTION_KEEPALIVE, timeout, sizeof(timeout));
	}
	if (edns->nsid && writer_room(w) >= 4 + strlen(edns->nsid))
		put_option(w, OPTION_NSID, edns->nsid, strlen(edns->nsid));
	if (edns->ede != EDE_NONE)
		put_ede(w, edns->ede, edns->ede_text);
	wire_set16(opt + OPT_FIXED - 2, (uint16_t)(w->at - opt - OPT_FIXED));
}

size_t answer_finish(struct answer *answer, uint16_t flags, unsigned rcode,
                     const struct edns_reply *edns)
{
	uint8_t *header = answer->w.start;
	answer->w.end += answer->reserve;
	if (edns->present) {
		put_opt(&answer->w, edns);
		answer->counts[SECTION_ADDITIONAL]++;
	}
	assert(!answer->w.failed && "the OPT record fits into what was reserved");
	wire_set16(header + 2, (uint16_t)(flags | (answer->truncated ? FLAG_TC : 0) | (rcode & 15)));
	wire_set16(header + 4, answer->question_len ? 1 : 0);
	for (unsigned i = 0; i < 3; i++)
		wire_set16(header + 6 + 2 * i, answer->counts[i]);
	return writer_len(&answer->w);
}
