/*
 * Believing answers (check.h). An index of the message's records is made in one pass; the chain is
 * then followed through the index, and each set it comes by is converted to the form of rrset.h. What
 * has come together is compressed once, here, and not each time it is answered.
 */
#include "forward/check.h"

#include <string.h>

#include "core/type.h"
#include "core/unpack.h"
#include "forward/private.h"

/* ---- may it be an answer at all? ---- */

/* Steps over `count` records. */
static bool skip_records(struct reader *r, unsigned count, uint8_t name[NAME_MAX])
{
	while (count-- > 0 && !r->failed) {
		const size_t owner = name_read(r->start, (size_t)(r->end - r->start),
		                               (size_t)(r->at - r->start),
		                               name);
		if (owner == 0)
			return false;
		reader_take(r, owner + 8);
		reader_take(r, reader_u16(r));
	}
	return !r->failed;
}

/* The question as we sent it, octet for octet: we ask in lower case, and who guesses the rest may
 * not know that. */
static bool same_question(const uint8_t *query, size_t query_len, const uint8_t *octets, size_t len)
{
	const size_t question = name_check(query + MESSAGE_HEADER, query_len - MESSAGE_HEADER) + 4;
	return len >= MESSAGE_HEADER + question && query_len >= MESSAGE_HEADER + question &&
	       wire_get16(octets + 4) == 1 &&
	       memcmp(query + MESSAGE_HEADER, octets + MESSAGE_HEADER, question) == 0;
}

static bool is_answer_to(const uint8_t *query, size_t query_len, const uint8_t *octets, size_t len)
{
	return query_len > MESSAGE_HEADER && len >= MESSAGE_HEADER && memcmp(query, octets, 2) == 0 &&
	       (octets[2] & 0xF8) == 0x80 && /* QR, opcode QUERY */
	       same_question(query, query_len, octets, len);
}

static bool is_detour(const uint8_t *octets, size_t len)
{
	const unsigned rcode = octets[3] & 15;
	return wire_get16(octets + 2) & FLAG_TC || len > MESSAGE_UDP_EDNS ||
	       (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN);
}

enum datagram check_datagram(const uint8_t *query, size_t query_len,
                             const uint8_t *octets, size_t len)
{
	if (!is_answer_to(query, query_len, octets, len))
		return DATAGRAM_JUNK;
	if (is_detour(octets, len))
		return DATAGRAM_DETOUR;
	uint8_t name[NAME_MAX];
	struct reader r = reader_on(octets, len);
	const unsigned records = (unsigned)wire_get16(octets + 6) + wire_get16(octets + 8) +
	                         wire_get16(octets + 10);
	reader_take(&r, MESSAGE_HEADER + name_check(octets + MESSAGE_HEADER, len - MESSAGE_HEADER) + 4);
	return skip_records(&r, records, name) ? DATAGRAM_ANSWER : DATAGRAM_JUNK;
}

bool check_has_opt(const uint8_t *octets, size_t len)
{
	uint8_t name[NAME_MAX];
	struct reader r = reader_on(octets, len);
	reader_take(&r, MESSAGE_HEADER + name_check(octets + MESSAGE_HEADER, len - MESSAGE_HEADER) + 4);
	if (!skip_records(&r, (unsigned)wire_get16(octets + 6) + wire_get16(octets + 8), name))
		return false;
	for (unsigned left = wire_get16(octets + 10); left > 0; left--) {
		const size_t owner = name_read(octets, len, (size_t)(r.at - r.start), name);
		if (owner > 0 && reader_left(&r) >= owner + 2 && wire_get16(r.at + owner) == TYPE_OPT)
			return true;
		if (!skip_records(&r, 1, name))
			return false;
	}
	return false;
}

/* ---- the index ---- */

/* What a call works on. */
struct work {
	struct check *check;
	const struct check_rules *rules;
	const uint8_t *message;
	size_t len;
	struct cache_answer *answer;
	struct writer w;
	enum section section;                /* being written */
	bool damaged, is_private;
	uint16_t signers[CHECK_CHAIN_MAX + 2]; /* offsets of the signer names of what was written */
	unsigned signer_count;
};

static uint32_t hash_name(const uint8_t *name) /* lower case; FNV-1a */
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0, len = name_len(name); i < len; i++)
		hash = (hash ^ name[i]) * 16777619u;
	return hash;
}

static bool index_record(struct work *work, struct reader *r, struct check_record *record)
{
	uint8_t name[NAME_MAX];
	record->owner_at = (uint16_t)(r->at - r->start);
	const size_t owner = name_read(work->message, work->len, record->owner_at, name);
	if (owner == 0)
		return false;
	name_lower(name, name);
	record->owner_hash = hash_name(name);
	reader_take(r, owner);
	record->type = reader_u16(r);
	record->class = reader_u16(r);
	record->ttl = reader_u32(r);
	record->rdata_len = reader_u16(r);
	record->rdata_at = (uint16_t)(r->at - r->start);
	reader_take(r, record->rdata_len);
	return !r->failed;
}

/* Answer and authority section go into the index; of the additional section only the OPT record's
 * upper part of the rcode matters. */
static bool index_message(struct work *work, unsigned *rcode_high)
{
	struct reader r = reader_on(work->message, work->len);
	struct check *check = work->check;
	const size_t question = work->rules->question->len + 4u;
	const unsigned answers = wire_get16(work->message + 6);
	const unsigned authority = wire_get16(work->message + 8);
	*rcode_high = 0;
	check->count = check->answer_count = 0;
	reader_take(&r, MESSAGE_HEADER + question);
	if (answers + authority > CHECK_RECORDS_MAX)
		return false;
	for (unsigned i = 0, dnames = 0; i < answers + authority; i++) {
		if (!index_record(work, &r, &check->records[i]))
			return false;
		dnames += check->records[i].type == TYPE_DNAME;
		if (dnames > CHECK_CHAIN_MAX) /* each is looked at in each step of the chain */
			return false;
	}
	check->answer_count = answers;
	check->count = answers + authority;
	for (unsigned i = wire_get16(work->message + 10); i > 0; i--) {
		struct check_record record;
		if (!index_record(work, &r, &record))
			return false;
		if (record.type == TYPE_OPT)
			*rcode_high = record.ttl >> 24;
	}
	return true;
}

static void read_owner(const struct work *work, const struct check_record *record,
                       uint8_t name[NAME_MAX])
{
	name_read(work->message, work->len, record->owner_at, name);
	name_lower(name, name);
}

static bool owned_by(const struct work *work, const struct check_record *record,
                     const uint8_t *name, uint32_t hash)
{
	uint8_t owner[NAME_MAX];
	if (record->owner_hash != hash || record->class != CLASS_IN)
		return false;
	read_owner(work, record, owner);
	return name_equal(owner, name);
}

/* A name in RDATA, lower case; it must end where the RDATA does or before. */
static bool read_rdata_name(const struct work *work, const struct check_record *record, size_t skip,
                            uint8_t name[NAME_MAX])
{
	const size_t taken = record->rdata_len <= skip ? 0 :
		name_read(work->message, work->len, record->rdata_at + skip, name);
	if (taken == 0 || taken > record->rdata_len - skip)
		return false;
	name_lower(name, name);
	return true;
}

/* The type that an RRSIG covers (RFC 4034 section 3.1). */
static uint16_t covered(const struct work *work, const struct check_record *record)
{
	return record->type == TYPE_RRSIG && record->rdata_len >= 18 ?
		wire_get16(work->message + record->rdata_at) : 0;
}

/* ---- conversion ---- */

/* RFC 2181 section 8: a TTL with the top bit set is 0. */
static uint32_t cap_ttl(const struct work *work, uint32_t ttl)
{
	if (ttl > INT32_MAX)
		return 0;
	return ttl < work->rules->max_ttl_s ? ttl : work->rules->max_ttl_s;
}

static void put_record(struct work *work, const struct check_record *record, uint32_t ttl)
{
	uint8_t owner[NAME_MAX];
	name_read(work->message, work->len, record->owner_at, owner);
	if (name_equal(owner, work->rules->question->name))
		writer_u16(&work->w, RRSET_OWNER);
	else
		writer_put(&work->w, owner, name_len(owner));
	writer_u16(&work->w, record->type);
	writer_u16(&work->w, CLASS_IN);
	writer_u32(&work->w, ttl);
	uint8_t *len_at = writer_take(&work->w, 2);
	const uint8_t *rdata = work->w.at;
	if (!len_at || !unpack_rdata(&work->w, record->type, work->message, work->len, record->rdata_at,
	                             record->rdata_len) || work->w.failed ||
	    !type_check(record->type, rdata, (size_t)(work->w.at - rdata))) {
		work->damaged = true;
		return;
	}
	const size_t len = (size_t)(work->w.at - rdata);
	wire_set16(len_at, (uint16_t)len);
	work->is_private |= private_record(record->type, rdata, len);
	work->answer->counts[work->section]++;
	if (ttl < work->answer->ttl)
		work->answer->ttl = ttl;
}

static bool wanted(const struct work *work, const struct check_record *record, uint16_t type)
{
	if (record->type == type)
		return true;
	if (type == TYPE_ANY)
		return work->rules->dnssec_ok || record->type != TYPE_RRSIG;
	return work->rules->dnssec_ok && covered(work, record) == type;
}

static void note_signer(struct work *work, const struct check_record *record)
{
	if (covered(work, record) && work->signer_count < sizeof work->signers / sizeof *work->signers)
		work->signers[work->signer_count++] = (uint16_t)(record->rdata_at + 18);
}

/* The set of a type at a name, from the answer section: records, then their RRSIGs. Returns how
 * many records of the type itself there were. */
static unsigned put_set(struct work *work, const uint8_t *name, uint16_t type)
{
	const uint32_t hash = hash_name(name);
	unsigned found = 0;
	for (unsigned signatures = 0; signatures < 2; signatures++)
		for (unsigned i = 0; i < work->check->answer_count && !work->damaged; i++) {
			const struct check_record *record = &work->check->records[i];
			const bool signature = record->type == TYPE_RRSIG && type != TYPE_RRSIG;
			if (signature != (signatures == 1) || !wanted(work, record, type) ||
			    !owned_by(work, record, name, hash))
				continue;
			found += !signature;
			if (signature && found == 0)
				continue;
			if (signature)
				note_signer(work, record);
			put_record(work, record, cap_ttl(work, record->ttl));
		}
	return found;
}

/* ---- the chain ---- */

/* The CNAME at a name. Several with different targets (which is no set, RFC 2181 section 10.1)
 * damage the answer. */
static bool find_cname(struct work *work, const uint8_t *name, uint8_t target[NAME_MAX])
{
	const uint32_t hash = hash_name(name);
	bool found = false;
	for (unsigned i = 0; i < work->check->answer_count; i++) {
		const struct check_record *record = &work->check->records[i];
		uint8_t another[NAME_MAX];
		if (record->type != TYPE_CNAME || !owned_by(work, record, name, hash))
			continue;
		if (!read_rdata_name(work, record, 0, another) || (found && !name_equal(another, target)))
			work->damaged = true;
		else
			name_copy(target, another);
		found = true;
	}
	return found && !work->damaged;
}

/* What a DNAME makes of a name below its owner (RFC 6672 section 2.2). */
static bool substitute(const uint8_t *name, const uint8_t *owner, const uint8_t *target,
                       uint8_t result[NAME_MAX])
{
	const size_t prefix = name_len(name) - name_len(owner), len = name_len(target);
	if (prefix + len > NAME_MAX)
		return false;
	memcpy(result, name, prefix);
	memcpy(result + prefix, target, len);
	return true;
}

/* Writes the DNAME that made the CNAME at `name`, if one did. One that covers the name, but leads
 * elsewhere than the CNAME, damages the answer, and so does one without CNAME (section 3.1). */
static void put_dname(struct work *work, const uint8_t *name, bool cname, const uint8_t *target)
{
	for (unsigned i = 0; i < work->check->answer_count; i++) {
		const struct check_record *record = &work->check->records[i];
		uint8_t owner[NAME_MAX], to[NAME_MAX], made[NAME_MAX];
		if (record->type != TYPE_DNAME || record->class != CLASS_IN)
			continue;
		read_owner(work, record, owner);
		if (!name_within(name, owner) || name_equal(name, owner))
			continue;
		if (!cname || !read_rdata_name(work, record, 0, to) || !substitute(name, owner, to, made) ||
		    !name_equal(made, target))
			work->damaged = true;
		else
			put_set(work, owner, TYPE_DNAME);
		return;
	}
}

/* Follows the chain. True: it ends in records that answer; else `name` has none (negative). */
static bool put_chain(struct work *work, uint8_t name[NAME_MAX])
{
	const uint16_t type = work->rules->question->type;
	for (unsigned steps = 0; steps < CHECK_CHAIN_MAX && !work->damaged; steps++) {
		if (put_set(work, name, type) > 0)
			return true;
		uint8_t target[NAME_MAX];
		const bool cname = find_cname(work, name, target);
		put_dname(work, name, cname, target);
		if (!cname)
			return false;
		put_set(work, name, TYPE_CNAME);
		name_copy(name, target);
	}
	work->damaged = true; /* too long, or a loop */
	return false;
}

/* ---- the authority section ---- */

/* RFC 2308 section 5: the TTL of a negative answer is the smaller of the SOA's own
 * and its MINIMUM. */
static uint32_t negative_ttl(const struct work *work, const struct check_record *soa)
{
	const uint32_t minimum = soa->rdata_len < 22 ? 0 : /* two names and five numbers */
		wire_get32(work->message + soa->rdata_at + soa->rdata_len - 4);
	const uint32_t ttl = cap_ttl(work, soa->ttl), other = cap_ttl(work, minimum);
	return ttl < other ? ttl : other;
}

static const struct check_record *find_authority(const struct work *work, uint16_t type,
                                                 const uint8_t *name, uint8_t owner[NAME_MAX])
{
	for (unsigned i = work->check->answer_count; i < work->check->count; i++) {
		const struct check_record *record = &work->check->records[i];
		if (record->type != type || record->class != CLASS_IN)
			continue;
		read_owner(work, record, owner);
		if (name_within(name, owner))
			return record;
	}
	return NULL;
}

/* Is this record of the authority section a proof, or the signature of one? `soa`: a signature of
 * the SOA as well. */
static bool is_proof(const struct work *work, const struct check_record *record, bool soa)
{
	const uint16_t type = record->type == TYPE_RRSIG ? covered(work, record) : record->type;
	return type == TYPE_NSEC || type == TYPE_NSEC3 ||
	       (soa && record->type == TYPE_RRSIG && type == TYPE_SOA);
}

/* Proofs are taken from zones that have to do with the answer: the SOA's, and those that signed a
 * part of the chain. */
static bool proof_belongs(const struct work *work, const uint8_t *owner, const uint8_t *soa)
{
	if (soa && name_within(owner, soa))
		return true;
	for (unsigned i = 0; i < work->signer_count; i++) {
		uint8_t signer[NAME_MAX];
		if (name_read(work->message, work->len, work->signers[i], signer) > 0 &&
		    name_within(owner, signer))
			return true;
	}
	return false;
}

static void put_proofs(struct work *work, const uint8_t *soa)
{
	for (unsigned i = work->check->answer_count; i < work->check->count && !work->damaged; i++) {
		const struct check_record *record = &work->check->records[i];
		uint8_t owner[NAME_MAX];
		if (record->class != CLASS_IN || !is_proof(work, record, soa != NULL))
			continue;
		read_owner(work, record, owner);
		if (proof_belongs(work, owner, soa)) {
			const uint32_t ttl = cap_ttl(work, record->ttl);
			put_record(work, record, ttl < work->answer->ttl ? ttl : work->answer->ttl);
		}
	}
}

/* The SOA of a negative answer at `name`. Without one the answer is not kept (RFC 2308 section 5).
 * False: a referral, from an upstream that does not recurse. */
static bool put_authority(struct work *work, const uint8_t *name)
{
	uint8_t zone[NAME_MAX];
	const struct check_record *soa = NULL;
	work->section = SECTION_AUTHORITY;
	if (work->answer->negative) {
		soa = find_authority(work, TYPE_SOA, name, zone);
		if (soa)
			put_record(work, soa, negative_ttl(work, soa));
		else if (find_authority(work, TYPE_NS, name, zone) && work->answer->rcode == RCODE_NOERROR)
			return false;
		else
			work->answer->ttl = 0;
	}
	if (work->rules->dnssec_ok)
		put_proofs(work, soa ? zone : NULL);
	return true;
}

/* ---- the whole ---- */

static enum checked fail(struct cache_answer *answer, enum checked how, int ede)
{
	*answer = (struct cache_answer){
		.failure = true, .rcode = RCODE_SERVFAIL, .ede = (int16_t)ede, .ttl = 1,
	};
	return how;
}

static enum checked refuse(struct cache_answer *answer)
{
	*answer = (struct cache_answer){
		.rcode = RCODE_REFUSED, .ede = EDE_FILTERED, .ttl = answer->ttl,
	};
	return CHECKED_FILTERED;
}

/* Makes the answer's message from the records that stand in check->octets. */
static bool compress(struct work *work)
{
	struct cache_answer *answer = work->answer;
	struct answer message;
	struct request request = { .octets = work->message };
	request.question.len = work->rules->question->len;
	answer_begin(&message, &request, work->check->message, MESSAGE_MAX, 0);
	answer->message = work->check->message;
	answer->records = message.w.at;
	size_t from = 0;
	for (enum section section = SECTION_ANSWER; section <= SECTION_AUTHORITY; section++) {
		const uint8_t *start = message.w.at;
		if (!answer_put_records(&message, section, MESSAGE_HEADER, work->check->octets, from,
		                        answer->lens[section], answer->counts[section]))
			return false;
		from += answer->lens[section];
		answer->lens[section] = (uint32_t)(message.w.at - start);
	}
	return true;
}

enum checked check_answer(struct check *check, const struct check_rules *rules,
                          const uint8_t *octets, size_t len, struct cache_answer *answer)
{
	struct work work = {
		.check = check, .rules = rules, .message = octets, .len = len, .answer = answer,
		.w = writer_on(check->octets, sizeof check->octets),
	};
	uint8_t name[NAME_MAX];
	unsigned rcode_high;
	const struct question *question = rules->question;
	if (len < MESSAGE_HEADER + question->len + 4u || len > MESSAGE_MAX || !(octets[2] & 0x80) ||
	    wire_get16(octets + 4) != 1 ||
	    memcmp(octets + MESSAGE_HEADER, question->name, question->len) != 0 ||
	    wire_get16(octets + MESSAGE_HEADER + question->len) != question->type ||
	    wire_get16(octets + MESSAGE_HEADER + question->len + 2) != question->class)
		return fail(answer, CHECKED_REJECTED, EDE_INVALID_DATA);
	const uint16_t flags = wire_get16(octets + 2);
	const uint8_t rcode = flags & 15;
	if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN)
		return fail(answer, CHECKED_FAILED, EDE_NO_REACHABLE_AUTHORITY);
	if (flags & FLAG_TC || !index_message(&work, &rcode_high) || rcode_high != 0)
		return fail(answer, CHECKED_REJECTED, EDE_INVALID_DATA);

	*answer = (struct cache_answer){ .rcode = rcode, .authentic = flags & FLAG_AD, .ede = EDE_NONE,
	                                 .ttl = rules->max_ttl_s };
	name_copy(name, question->name);
	answer->negative = !put_chain(&work, name);
	answer->lens[SECTION_ANSWER] = (uint32_t)writer_len(&work.w);
	if (!answer->negative && rcode == RCODE_NXDOMAIN)
		work.damaged = true;
	if (work.damaged || !put_authority(&work, name) || work.damaged || work.w.failed)
		return fail(answer, CHECKED_REJECTED, EDE_INVALID_DATA);
	answer->lens[SECTION_AUTHORITY] = (uint32_t)writer_len(&work.w) - answer->lens[SECTION_ANSWER];
	if (work.is_private && !rules->private_addresses)
		return refuse(answer);
	return compress(&work) ? CHECKED_ANSWER : fail(answer, CHECKED_REJECTED, EDE_INVALID_DATA);
}
