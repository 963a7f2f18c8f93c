/* See out.h. */
#include "transfer/out.h"

#define OPT_LEN 11 /* without options */

static void take_soa(struct out *out)
{
	size_t at = 0;

	out->owner = out->zone->name;
	rrset_next(out->zone->soa, out->zone->soa->len, &at, &out->record);
}

/* The next record of what the form is about. False: there is none. */
static bool next_record(struct out *out)
{
	const size_t at = out->at++;

	if (out->form == OUT_WHOLE)
		return zone_walk_next(&out->walk, &out->owner, &out->record);
	if (at == 0)
		take_soa(out);
	else if (at <= out->changes.count)
		out->record = history_record(out->changes.records[at - 1], &out->owner);
	return at <= out->changes.count;
}

/* Finds the next record to send; behind the last one stands the SOA again, alone (RFC 5936 section 2.2,
 * RFC 1995 section 4). */
static void step(struct out *out)
{
	if (!out->last && next_record(out))
		return;
	out->over = out->last || out->form == OUT_SOA;
	out->last = true;
	take_soa(out);
}

void out_begin(struct out *out, const struct zone *zone, enum out_form form,
               const struct history_changes *changes)
{
	*out = (struct out){ .zone = zone, .form = form };
	if (form == OUT_WHOLE)
		zone_walk_begin(&out->walk, zone);
	if (form == OUT_CHANGES)
		out->changes = *changes;
	step(out);
}

void out_free(struct out *out)
{
	history_changes_free(&out->changes);
}

/* Fills a message that has its header and question. */
static void fill(struct out *out, struct answer *answer)
{
	const uint8_t *owner = NULL;
	uint16_t owner_at = 0;

	do {
		if (out->owner != owner)
			owner_at = 0;
		owner = out->owner;
		if (!answer_put_record(answer, SECTION_ANSWER, &owner_at, owner, &out->record))
			return;
		step(out);
	} while (!out->over && writer_len(&answer->w) + RRSET_FIXED + out->record.rdata_len <= OUT_FILL);
}

size_t out_next(struct out *out, const struct request *request, uint8_t *octets, size_t limit,
                size_t reserve, bool *more)
{
	/* The question and EDNS stand in the first message only (RFC 5936 section 2.2). */
	const struct request bare = { .octets = request->octets };
	const struct edns_reply edns = { .present = request->edns.present && !out->begun,
	                                 .dnssec_ok = request->edns.dnssec_ok,
	                                 .ede = EDE_NONE, .keepalive_ds = -1 };
	struct answer answer;

	answer_begin(&answer, out->begun ? &bare : request, octets, limit - reserve, edns.present ? OPT_LEN : 0);
	fill(out, &answer);
	*more = !out->over;
	if (!answer.counts[SECTION_ANSWER])
		return 0;
	answer.truncated = false; /* a record that did not fit begins the next message */
	out->begun = true;
	return answer_finish(&answer, FLAG_QR | FLAG_AA | (request->flags & FLAG_RD), RCODE_NOERROR, &edns);
}

bool out_client_serial(const struct request *request, uint32_t *serial)
{
	struct reader r = reader_on(request->octets, request->len);
	uint8_t name[NAME_MAX];

	reader_take(&r, MESSAGE_HEADER + request->question.len + 4u);
	if (r.failed || wire_get16(request->octets + 6) || !wire_get16(request->octets + 8))
		return false;
	const size_t taken = name_read(request->octets, request->len, (size_t)(r.at - r.start), name);
	if (!taken || !name_equal(name, request->question.name))
		return false;
	reader_take(&r, taken);
	const uint16_t type = reader_u16(&r);
	reader_take(&r, 6);
	const uint16_t len = reader_u16(&r);
	const uint8_t *rdata = reader_take(&r, len);
	if (!rdata || type != TYPE_SOA || len < 22) /* two names and five numbers */
		return false;
	*serial = wire_get32(rdata + len - 20);
	return true;
}
