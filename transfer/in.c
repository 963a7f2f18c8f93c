/* See in.h. */
#include "transfer/in.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/message.h"
#include "core/type.h"
#include "core/unpack.h"
#include "dnssec/sign.h"

__attribute__((format(printf, 3, 4)))
static int fail(struct in *in, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(in->why, sizeof(in->why), format, arguments);
	va_end(arguments);
	return error;
}

int in_begin(struct in *in, const struct in_options *options)
{
	*in = (struct in){ .options = *options };
	name_lower(in->name, options->zone);
	in->room = malloc(UNPACK_RDATA_MAX);
	if (options->key)
		tsig_ask(&in->tsig, options->key);
	return in->room ? MIST_OK : MIST_ENOMEM;
}

void in_free(struct in *in)
{
	if (in->whole)
		zone_release(in->whole);
	zone_patch_free(&in->changes);
	tsig_end(&in->tsig);
	free(in->room);
	free(in->soa);
	memset(in, 0, sizeof(*in));
}

size_t in_request(struct in *in, uint16_t id, uint8_t *octets, size_t size, uint64_t now_s)
{
	static const uint8_t soa_fixed[] = { 0, TYPE_SOA, 0, CLASS_IN, 0, 0, 0, 0, 0, 22, 0, 0 };
	static const uint8_t numbers[16] = { 0 };
	struct writer w = writer_on(octets, size);
	in->id = id;
	writer_u16(&w, id);
	writer_u16(&w, 0);
	writer_u16(&w, 1);
	writer_u16(&w, 0);
	writer_u16(&w, in->options.changes);
	writer_u16(&w, 0);
	writer_put(&w, in->name, name_len(in->name));
	writer_u16(&w, in->options.changes ? TYPE_IXFR : TYPE_AXFR);
	writer_u16(&w, CLASS_IN);
	if (in->options.changes) {
		writer_u16(&w, 0xc00c);
		writer_put(&w, soa_fixed, sizeof(soa_fixed)); /* both names the root: only the serial counts */
		writer_u32(&w, in->options.serial);
		writer_put(&w, numbers, sizeof(numbers));
	}
	if (w.failed)
		return 0;
	return in->options.key ? tsig_sign(&in->tsig, octets, writer_len(&w), size, now_s) : writer_len(&w);
}

/* ------------------------------------------------------------------------------------------------
 * Messages
 */

struct sections {
	struct reader r;             /* on the first answer */
	unsigned answers;
	size_t tsig_at;              /* 0: none */
};

/* Goes over the records behind the answers, of which only a TSIG record, the last one, is of interest. */
static int find_tsig(struct in *in, struct sections *sections, unsigned skipped, unsigned additional)
{
	struct reader r = sections->r;
	const size_t len = (size_t)(r.end - r.start);
	uint8_t name[NAME_MAX];
	for (unsigned i = 0; i < skipped + additional; i++) {
		const size_t at = (size_t)(r.at - r.start);
		const size_t taken = name_read(r.start, len, at, name);
		if (!taken)
			return fail(in, MIST_EMISMATCH, "a name that cannot be read");
		reader_take(&r, taken);
		const uint16_t type = reader_u16(&r);
		reader_take(&r, 6);
		reader_take(&r, reader_u16(&r));
		if (r.failed)
			return fail(in, MIST_EMISMATCH, "a message that ends within a record");
		if (type == TYPE_TSIG && (i + 1 < skipped + additional || !additional))
			return fail(in, MIST_EMISMATCH, "a TSIG record that does not end its message");
		if (type == TYPE_TSIG)
			sections->tsig_at = at;
	}
	return reader_left(&r) ? fail(in, MIST_EMISMATCH, "octets behind the last record") : MIST_OK;
}

static bool is_question(struct in *in, struct reader *r)
{
	const size_t len = (size_t)(r->end - r->start);
	uint8_t name[NAME_MAX];
	const size_t taken = name_read(r->start, len, (size_t)(r->at - r->start), name);
	if (!taken || !reader_take(r, taken))
		return false;
	name_lower(name, name);
	return reader_u16(r) == (in->options.changes ? TYPE_IXFR : TYPE_AXFR) && reader_u16(r) == CLASS_IN &&
	       !r->failed && name_equal(name, in->name);
}

static int read_header(struct in *in, struct sections *sections, const uint8_t *octets, size_t len)
{
	sections->r = reader_on(octets, len);
	struct reader *r = &sections->r;
	const uint16_t id = reader_u16(r), flags = reader_u16(r);
	const unsigned questions = reader_u16(r);
	sections->answers = reader_u16(r);
	const unsigned authority = reader_u16(r), additional = reader_u16(r);

	if (r->failed || id != in->id || (flags & 0xf800) != FLAG_QR)
		return fail(in, MIST_EMISMATCH, "a message that answers another question");
	/* The question need not be repeated but in the first message (RFC 5936 section 2.2.1), and some leave
	 * it out there too. */
	if (questions > 1 || (questions && !is_question(in, r)))
		return fail(in, MIST_EMISMATCH, "a message with another question");
	int error = find_tsig(in, sections, sections->answers + authority, additional);
	if (error)
		return error;
	if (flags & FLAG_TC)
		return fail(in, MIST_EMISMATCH, "a truncated message");
	return MIST_OK;
}

static int check_signature(struct in *in, const struct sections *sections, const uint8_t *octets,
                           size_t len, uint64_t now_s)
{
	if (!in->options.key)
		return MIST_OK;
	if (!sections->tsig_at) {
		if (tsig_pass_reply(&in->tsig, octets, len))
			return MIST_OK;
		return fail(in, MIST_EMISMATCH, "a message without the signature that its key asks for");
	}
	if (tsig_check_reply(&in->tsig, octets, len, sections->tsig_at, now_s))
		return MIST_OK;
	return fail(in, MIST_EMISMATCH, in->tsig.error == TSIG_BADSIG || !in->tsig.error
	            ? "a signature that is not right; is the secret of the key the same at both ends, and the time?"
	            : "a signature that is refused");
}

/* ------------------------------------------------------------------------------------------------
 * Records
 */

static uint32_t soa_serial(const struct unpacked *record)
{
	return wire_get32(record->rdata + record->rdata_len - 20);
}

static bool is_apex_soa(const struct in *in, const struct unpacked *record)
{
	return record->type == TYPE_SOA && name_equal(record->owner, in->name);
}

static int fail_record(struct in *in, const struct unpacked *record, const char *what)
{
	char name[NAME_TEXT_MAX], type[16];
	name_to_text(name, record->owner);
	return fail(in, MIST_ERECORD, "%.250s %s: %s", name, type_to_text(record->type, type), what);
}

static int add_whole(struct in *in, const struct unpacked *record)
{
	const struct mist_record add = { .owner = record->owner, .type = record->type, .ttl = record->ttl,
	                                 .rdata = record->rdata, .rdata_len = record->rdata_len };
	int error = zone_add(in->whole, &add, NULL);
	return error == MIST_ERECORD ? fail_record(in, record, "the record does not belong into the zone") : error;
}

static int add_change(struct in *in, bool removed, const struct unpacked *record)
{
	int error = zone_patch_add(&in->changes, in->name, removed, record);
	return error == MIST_ERECORD ? fail_record(in, record, "the record does not belong into the zone") : error;
}

static int read_first(struct in *in, const struct unpacked *record)
{
	if (!is_apex_soa(in, record))
		return fail_record(in, record, "a transfer begins with the SOA of its zone");
	in->serial = soa_serial(record);
	in->soa = malloc(record->rdata_len);
	if (!in->soa)
		return MIST_ENOMEM;
	memcpy(in->soa, record->rdata, record->rdata_len);
	in->soa_len = record->rdata_len;
	in->soa_ttl = record->ttl;
	in->state = IN_SECOND;
	return MIST_OK;
}

static int begin_whole(struct in *in)
{
	struct unpacked first = { .type = TYPE_SOA, .class = CLASS_IN, .ttl = in->soa_ttl, .rdata = in->soa,
	                          .rdata_len = in->soa_len };
	name_copy(first.owner, in->name);
	int error = zone_new(&in->whole, in->name);
	if (error)
		return error;
	in->whole->presigned = in->options.as_it_comes;
	in->state = IN_WHOLE;
	return add_whole(in, &first);
}

static int read_whole(struct in *in, const struct unpacked *record)
{
	if (!is_apex_soa(in, record))
		return add_whole(in, record);
	if (record->rdata_len != in->soa_len || memcmp(record->rdata, in->soa, in->soa_len))
		return fail(in, MIST_EMISMATCH, "another SOA before the end of the zone");
	in->state = IN_DONE;
	return MIST_OK;
}

/* A difference begins with the SOA that it starts from. */
static int begin_removed(struct in *in, const struct unpacked *record, uint32_t from)
{
	if (soa_serial(record) != from)
		return fail(in, MIST_EMISMATCH, "changes that do not continue each other");
	in->old_serial = from;
	in->state = IN_REMOVED;
	return add_change(in, true, record);
}

static int read_second(struct in *in, const struct unpacked *record)
{
	if (in->options.changes && is_apex_soa(in, record) && soa_serial(record) != in->serial) {
		in->has_changes = true;
		return begin_removed(in, record, in->options.serial);
	}
	int error = begin_whole(in);
	return error ? error : read_whole(in, record);
}

static int read_change(struct in *in, const struct unpacked *record)
{
	const bool soa = is_apex_soa(in, record);
	if (!soa)
		return add_change(in, in->state == IN_REMOVED, record);
	if (in->state == IN_REMOVED) {
		in->new_serial = soa_serial(record);
		in->state = IN_ADDED;
		return add_change(in, false, record);
	}
	if (in->new_serial != in->serial)
		return begin_removed(in, record, in->new_serial);
	if (record->rdata_len != in->soa_len || memcmp(record->rdata, in->soa, in->soa_len))
		return fail(in, MIST_EMISMATCH, "another SOA at the end of the changes");
	in->state = IN_DONE;
	return MIST_OK;
}

static int read_record(struct in *in, const struct unpacked *record)
{
	if (record->class != CLASS_IN)
		return fail_record(in, record, "a record of another class");
	if (record->type == TYPE_SOA && !type_check(TYPE_SOA, record->rdata, record->rdata_len))
		return fail_record(in, record, "the data does not fit the type");
	switch (in->state) {
	case IN_BEGIN:   return read_first(in, record);
	case IN_SECOND:  return read_second(in, record);
	case IN_WHOLE:   return read_whole(in, record);
	case IN_REMOVED:
	case IN_ADDED:   return read_change(in, record);
	default:         return fail_record(in, record, "a record behind the end of the transfer");
	}
}

/* ------------------------------------------------------------------------------------------------
 * The whole
 */

static int read_records(struct in *in, struct sections *sections)
{
	struct unpacked record;
	int error = MIST_OK;
	for (unsigned i = 0; i < sections->answers && !error; i++) {
		if (!unpack_record(&record, &sections->r, in->room))
			return fail(in, MIST_EMISMATCH, "a record that cannot be read");
		error = read_record(in, &record);
	}
	return error;
}

int in_message(struct in *in, const uint8_t *octets, size_t len, uint64_t now_s)
{
	struct sections sections = { .tsig_at = 0 };
	char rcode[16];
	in->octets += len;
	if (in->octets > IN_OCTETS_MAX)
		return fail(in, MIST_ELIMIT, "more than %llu octets", (unsigned long long)IN_OCTETS_MAX);
	int error = read_header(in, &sections, octets, len);
	/* Who cannot check us cannot sign: the rcode says more than the signature that is missing. */
	if (!error && octets[3] & 15)
		return fail(in, MIST_EREFUSED, "%s", rcode_to_text(octets[3] & 15, rcode));
	if (!error)
		error = check_signature(in, &sections, octets, len, now_s);
	if (!error && !sections.answers)
		error = fail(in, MIST_EMISMATCH, "a message without records");
	if (!error)
		error = read_records(in, &sections);
	/* One SOA that is not newer: there is no news (RFC 1995 section 2). */
	if (!error && in->state == IN_SECOND && in->options.changes && in->messages == 0 &&
	    (int32_t)(in->serial - in->options.serial) <= 0)
		in->state = IN_DONE;
	in->messages++;
	if (!error && in->state == IN_DONE && in->options.key && in->tsig.open)
		error = fail(in, MIST_EMISMATCH, "a last message without a signature");
	return error;
}

/* The first thing that is said is what counts. */
static void hear(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	struct in *in = user;
	(void)file;
	(void)line;
	if (level == MIST_LEVEL_ERROR && !in->why[0])
		snprintf(in->why, sizeof(in->why), "%s", text);
}

int in_finish(struct in *in)
{
	const struct mist_reporter reporter = { hear, in };
	if (!in->whole || !in->options.as_it_comes)
		return MIST_OK;
	int error = zone_complete(in->whole, &reporter);
	return error ? error : sign_adopt_any(in->whole, &reporter);
}
