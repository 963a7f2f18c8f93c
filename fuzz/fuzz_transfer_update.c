/* UPDATE messages, through the whole of what answers them: read, judged and committed on a zone, which is
 * looked at and given up again. Whatever they say, the zone keeps its rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/commit.h"
#include "content/content.h"
#include "core/message.h"
#include "transfer/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

#define NOW 1700000000u
#define SET_RECORDS_MAX 100
#define NAME_TYPES_MAX 100

static struct mist_content *content;
static struct view *view;

static void add(struct mist_zone *zone, const char *owner, uint16_t type, const void *rdata, size_t len)
{
	uint8_t name[NAME_MAX];
	name_from_text(name, owner);
	const struct mist_record record = { .owner = name, .type = type, .ttl = 300, .rdata = rdata,
	                                    .rdata_len = (uint16_t)len };
	if (mist_zone_add(zone, &record))
		abort();
}

#define ADD(owner, type, rdata) add(zone, owner, type, rdata, sizeof(rdata) - 1)
static void begin(void)
{
	struct mist_zone *zone;
	const char *const everybody[] = { "0.0.0.0/0" };
	const struct mist_zone_options options = { .size = sizeof(options), .name = "u", .records = true,
	                                           .dnssec = MIST_DNSSEC_OFF, .update = everybody,
	                                           .update_count = 1 };
	if (mist_content_new(&content, NULL) || mist_content_zone(content, &options, &zone))
		abort();
	ADD("u", TYPE_SOA, "\2ns\1u\0\1h\1u\0\0\0\0\1\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0\1");
	ADD("u", TYPE_NS, "\2ns\1u\0");
	ADD("ns.u", TYPE_A, "\177\0\0\1");
	ADD("a.u", TYPE_A, "\177\0\0\1");
	ADD("c.u", TYPE_CNAME, "\1a\1u\0");
	ADD("d.u", TYPE_DNAME, "\1e\0");
	ADD("*.w.u", TYPE_TXT, "\1t");
	ADD("s.u", TYPE_NS, "\1n\1s\1u\0");
	ADD("n.s.u", TYPE_A, "\177\0\0\2");
	if (mist_content_seal(content) || !(view = content_view(content)))
		abort();
}

/* No rule of RFC 1034 section 3.6.2 and RFC 2181 is broken at a name. */
static int look_at(void *user, const struct node *node)
{
	const struct zone *zone = user;
	const bool alone = node_rrset(node, TYPE_CNAME) && node->rrset_count > 1;
	if (alone || node->rrset_count > NAME_TYPES_MAX || !name_within(node->name, zone->name))
		abort();
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct rrset *set = node->rrsets[i];
		const bool single = type_info(set->type)->flags & TYPE_SINGLE;
		if (set->count == 0 || set->count > (single ? 1 : SET_RECORDS_MAX) ||
		    (set->type == TYPE_SOA && node != zone->apex))
			abort();
		struct record record;
		for (size_t at = 0; rrset_next(set, set->len, &at, &record);)
			if (!type_check(record.type, record.rdata, record.rdata_len))
				abort();
	}
	return 0;
}

static void commit(void *context, struct edit *edit)
{
	struct commit commit;
	(void)context;
	edit->next = NULL;
	if (commit_prepare(&commit, content, view, edit, NOW))
		return;
	if (!commit.view) {
		commit_accept(&commit);
		return;
	}
	const struct zone *zone = commit.view->zones[0];
	if (!zone->soa || !zone->ns || zone->serial == view->zones[0]->serial)
		abort();
	zone_each(zone, look_at, (void *)(uintptr_t)zone);
	commit_abandon(&commit, MIST_EBUSY);
}

static const struct view *pin(void *context, int *number)
{
	(void)context;
	*number = 0;
	return view;
}

static void unpin(void *context, int number)
{
	(void)context, (void)number;
}

static void notified(void *context, const uint8_t *zone)
{
	(void)context;
	(void)zone;
}

static void tell(void *context, const char *text)
{
	(void)context;
	if (strlen(text) > 4096)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	static uint8_t response[MESSAGE_MAX];
	static const uint8_t client[4] = { 127, 0, 0, 1 };
	const struct identity identity = { .nsid = NULL };
	const struct reply_host host = { NULL, &identity, pin, unpin, commit, notified, tell };
	struct request request;
	bool more;

	if (!content)
		begin();
	if (message_parse(&request, octets, len) != PARSED_OK || request.opcode != OPCODE_UPDATE)
		return 0;
	struct zone *zone = name_equal(request.question.name, (const uint8_t *)"\1u") ? view->zones[0] : NULL;
	const struct reply_options options = { .host = &host, .octets = octets, .len = len, .client = client,
	                                       .client_len = 4, .transport = TRANSPORT_TCP, .zone = zone };
	if (zone)
		zone_hold(zone);
	struct reply *reply = reply_new(&options);
	if (!reply)
		abort();
	const size_t response_len = reply_next(reply, response, NOW, &more);
	if (response_len < MESSAGE_HEADER || more || wire_get16(response) != request.id ||
	    (response[2] >> 3 & 15) != OPCODE_UPDATE)
		abort();
	reply_free(reply);
	return 0;
}
