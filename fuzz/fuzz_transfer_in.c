/* Transfers from a primary that lies: messages, each behind its length as over TCP, through what reads them, into a
 * whole zone, or as changes into a fork of one that is there. What comes out keeps the rules of zones, and what is
 * refused leaves the zone as it was. */
#include <stdlib.h>
#include <string.h>

#include "core/message.h"
#include "core/type.h"
#include "core/zone_diff.h"
#include "transfer/in.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

#define NOW 1700000000u
#define ID 0x1234
#define SERIAL 1

static void add(struct zone *zone, const char *owner, uint16_t type, const void *rdata, size_t len)
{
	uint8_t name[NAME_MAX];
	name_from_text(name, owner);
	const struct mist_record record = { .owner = name, .type = type, .ttl = 300, .rdata = rdata,
	                                    .rdata_len = (uint16_t)len };
	if (zone_add(zone, &record, NULL))
		abort();
}

#define ADD(owner, type, rdata) add(zone, owner, type, rdata, sizeof(rdata) - 1)
static struct zone *zone_there(void)
{
	struct zone *zone;
	if (zone_new(&zone, (const uint8_t *)"\1u"))
		abort();
	zone->presigned = true;
	ADD("u", TYPE_SOA, "\2ns\1u\0\1h\1u\0\0\0\0\1\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0\1");
	ADD("u", TYPE_NS, "\2ns\1u\0");
	ADD("ns.u", TYPE_A, "\177\0\0\1");
	ADD("a.u", TYPE_A, "\177\0\0\1");
	ADD("*.w.u", TYPE_TXT, "\1t");
	ADD("s.u", TYPE_NS, "\1n\1s\1u\0");
	ADD("n.s.u", TYPE_A, "\177\0\0\2");
	if (zone_complete(zone, NULL))
		abort();
	return zone;
}

static int look_at(void *user, const struct node *node)
{
	const struct zone *zone = user;
	if (!name_within(node->name, zone->name))
		abort();
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct rrset *set = node->rrsets[i];
		const bool single = type_info(set->type)->flags & TYPE_SINGLE;
		struct record record;
		const bool alone = !single || set->count == 1 || node->flags & NODE_OCCLUDED;
		if (set->count == 0 || !alone)
			abort();
		for (size_t at = 0; rrset_next(set, set->len, &at, &record);)
			if (!type_check(record.type, record.rdata, record.rdata_len))
				abort();
	}
	return 0;
}

static int differs(void *user, const struct node *older, const struct node *newer)
{
	(void)user, (void)older, (void)newer;
	return 1;
}

static void take_changes(const struct in *in, struct zone *there)
{
	struct zone *fork, *same = zone_there();
	if (zone_fork(&fork, there))
		abort();
	if (zone_patch_apply(&in->changes, fork, NULL) == MIST_OK) {
		if (!fork->soa || !fork->ns || fork->serial != in->serial)
			abort();
		zone_each(fork, look_at, fork);
	}
	zone_release(fork);
	if (zone_diff_nodes(same, there, differs, NULL))
		abort();
	zone_release(same);
}

static void finish(struct in *in)
{
	if (in->whole && in_finish(in) == MIST_OK) {
		if (!in->whole->soa || !in->whole->ns || in->whole->serial != in->serial)
			abort();
		zone_each(in->whole, look_at, in->whole);
	}
	if (in->has_changes) {
		struct zone *there = zone_there();
		take_changes(in, there);
		zone_release(there);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	uint8_t message[MESSAGE_MAX], request[512];
	struct in in;
	if (len < 1)
		return 0;
	const struct in_options options = { .zone = (const uint8_t *)"\1u", .changes = octets[0] & 1,
	                                    .serial = SERIAL, .as_it_comes = true };
	struct reader r = reader_on(octets + 1, len - 1);
	if (in_begin(&in, &options) || !in_request(&in, ID, request, sizeof(request), NOW))
		abort();
	int error = MIST_OK;
	while (!error && in.state != IN_DONE && reader_left(&r) > 2) {
		const size_t rest = reader_left(&r) - 2, said = reader_u16(&r), part = said < rest ? said : rest;
		memcpy(message, reader_take(&r, part), part);
		if (part >= 2)
			wire_set16(message, ID); /* no fuzzer guesses it, and a test shows that it counts */
		error = in_message(&in, message, part, NOW);
	}
	if (!error && in.state == IN_DONE)
		finish(&in);
	in_free(&in);
	return 0;
}
