/* See out.h. */
#include "transfer/out.h"

#define OPT_LEN 11 /* without options */

void out_begin(struct out *out, const struct zone *zone)
{
	*out = (struct out){ .zone = zone, .state = OUT_SOA };
	zone_walk_begin(&out->walk, zone);
}

/* Finds the next record to send. False: all are sent. */
static bool step(struct out *out)
{
	size_t at = 0;

	if (zone_walk_next(&out->walk, &out->owner, &out->record)) {
		out->state = OUT_RECORDS;
		return true;
	}
	/* The SOA again, alone: that was all (RFC 5936 section 2.2). */
	if (out->state == OUT_LAST_SOA)
		return false;
	out->state = OUT_LAST_SOA;
	out->owner = out->zone->name;
	return rrset_next(out->zone->soa, out->zone->soa->len, &at, &out->record);
}

/* Fills a message that has its header and question; true when all records are sent. */
static bool fill(struct out *out, struct answer *answer)
{
	const uint8_t *owner = NULL;
	uint16_t owner_at = 0;

	for (;;) {
		if (out->owner != owner) {
			owner = out->owner;
			owner_at = 0;
		}
		if (!answer_put_record(answer, SECTION_ANSWER, &owner_at, owner, &out->record))
			return false;
		if (!step(out)) {
			out->state = OUT_END;
			return true;
		}
		if (writer_len(&answer->w) + RRSET_FIXED + out->record.rdata_len > OUT_FILL)
			return false;
	}
}

size_t out_next(struct out *out, const struct request *request, uint8_t *octets, size_t limit,
                size_t reserve, bool *more)
{
	/* The question and EDNS stand in the first message only (RFC 5936 section 2.2). */
	struct request bare = { .octets = request->octets };
	const struct edns_reply edns = { .present = request->edns.present && !out->begun,
	                                 .dnssec_ok = request->edns.dnssec_ok,
	                                 .ede = EDE_NONE, .keepalive_ds = -1 };
	struct answer answer;

	if (out->state == OUT_SOA && !step(out))
		return 0;
	answer_begin(&answer, out->begun ? &bare : request, octets, limit - reserve, edns.present ? OPT_LEN : 0);
	*more = !fill(out, &answer);
	if (!answer.counts[SECTION_ANSWER])
		return 0;
	answer.truncated = false; /* a record that did not fit begins the next message */
	out->begun = true;
	return answer_finish(&answer, FLAG_QR | FLAG_AA | (request->flags & FLAG_RD), RCODE_NOERROR, &edns);
}
