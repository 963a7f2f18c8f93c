/* Filling a zone: records as they come, and the memory of where they came from. */
#include "core/zone_build.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/report.h"
#include "core/wire.h"

void zone_build_free(struct zone *zone)
{
	if (zone->build)
		free(zone->build->origins);
	free(zone->build);
	zone->build = NULL;
}

static int remember_line(struct zone_build *build, const struct node *node, uint16_t type,
                         unsigned line)
{
	if (line == 0)
		return MIST_OK;
	struct origin *origins = array_reserve(build->origins, build->origin_count, &build->origin_room, sizeof(*origins));
	if (!origins)
		return MIST_ENOMEM;
	build->origins = origins;
	build->origins[build->origin_count++] = (struct origin){ node, type, line };
	return MIST_OK;
}

/* A search from end to end: it runs once a message, and those are counted. */
unsigned zone_line(const struct zone *zone, const struct node *node, uint16_t type)
{
	const struct zone_build *build = zone->build;
	for (size_t i = build ? build->origin_count : 0; i-- > 0;) {
		if (build->origins[i].node == node && build->origins[i].type == type)
			return build->origins[i].line;
	}
	return 0;
}

void zone_report(struct zone *zone, const struct mist_reporter *reporter, enum mist_level level,
                 unsigned line, const char *format, ...)
{
	char text[REPORT_TEXT_MAX];
	va_list arguments;

	if (zone->build && zone->build->messages > ZONE_MESSAGES_MAX)
		return;
	if (zone->build && zone->build->messages++ == ZONE_MESSAGES_MAX) {
		report(reporter, level, zone->file, 0, "more than %d messages; the rest is left out",
		       ZONE_MESSAGES_MAX);
		return;
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	report(reporter, level, zone->file, line, "%s", text);
}

static int refuse(struct zone *zone, const struct mist_record *record,
                  const struct mist_reporter *reporter, const char *why)
{
	char name[NAME_TEXT_MAX], type[16];
	name_to_text(name, record->owner);
	zone_report(zone, reporter, MIST_LEVEL_ERROR, record->line, "%s %s: %s", name,
	            type_to_text(record->type, type), why);
	return MIST_ERECORD;
}

/* Records of a signer, which only a zone that is served as it came may keep. */
static bool is_signers(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 || type == TYPE_NSEC3PARAM;
}

/* NSEC3 records, and signatures over them, have a name space of their own (RFC 5155 section
 * 7.2.3). */
static bool is_nsec3(uint16_t type, const uint8_t *rdata)
{
	return type == TYPE_NSEC3 || (type == TYPE_RRSIG && wire_get16(rdata) == TYPE_NSEC3);
}

static void leave_out(struct zone *zone, const struct mist_record *record,
                      const struct mist_reporter *reporter)
{
	if (zone->build->dnssec_left_out)
		return;
	zone->build->dnssec_left_out = true;
	zone_report(zone, reporter, MIST_LEVEL_WARNING, record->line,
	            "RRSIG, NSEC and NSEC3 records are left out; to serve the zone as it was signed, "
	            "say `dnssec: presigned`");
}

/* Puts a record that is good in itself, RDATA folded. */
static int add_record(struct zone *zone, const struct mist_record *record, const uint8_t *owner,
                      const uint8_t *rdata, const struct mist_reporter *reporter)
{
	bool nsec3 = is_nsec3(record->type, rdata);
	struct node *node = zone_writable(zone, nsec3 ? &zone->nsec3_nodes : &zone->nodes, owner);
	if (!node)
		return MIST_ENOMEM;

	/* RFC 2181 section 8: a TTL with the upper bit set counts as 0 */
	uint32_t ttl = record->ttl > INT32_MAX ? 0 : record->ttl;
	const struct rrset *set = node_rrset(node, record->type);
	if (set && set->ttl != ttl && record->type != TYPE_RRSIG) {
		char name[NAME_TEXT_MAX], type[16];
		name_to_text(name, owner);
		zone_report(zone, reporter, MIST_LEVEL_WARNING, record->line,
		            "%s %s: TTL %u differs from %u of the records before; the smaller one counts for all"
		            " (RFC 2181 section 5.2)", name, type_to_text(record->type, type),
		            (unsigned)ttl, (unsigned)set->ttl);
	}
	int error = node_add(zone->nodes.heap, node, record->type, ttl, rdata, record->rdata_len);
	if (error == MIST_ERECORD)
		return refuse(zone, record, reporter,
		              "the records of this name and type exceed 65,535 octets; no message holds them");
	return error ? error : remember_line(zone->build, node, record->type, record->line);
}

int zone_add(struct zone *zone, const struct mist_record *record,
             const struct mist_reporter *reporter)
{
	uint8_t owner[NAME_MAX], small[512];
	uint8_t *rdata = small;

	assert(zone->build);
	if (!name_check(record->owner, NAME_MAX)) {
		zone_report(zone, reporter, MIST_LEVEL_ERROR, record->line,
		            "a record's owner is no name: a label above 63 octets, or more than 255 in all");
		return MIST_ERECORD;
	}
	name_lower(owner, record->owner);
	if (!name_within(owner, zone->name))
		return refuse(zone, record, reporter, "the name lies outside the zone; remove the record, or"
		              " end relative names without a dot");
	if (type_info(record->type)->flags & TYPE_META)
		return refuse(zone, record, reporter, "this type cannot be in a zone (RFC 6895 section 3.1)");
	if (!type_check(record->type, record->rdata, record->rdata_len))
		return refuse(zone, record, reporter, "the data does not fit the type");
	if (is_signers(record->type) && !zone->presigned) {
		leave_out(zone, record, reporter);
		return MIST_OK;
	}
	if (record->rdata_len > sizeof(small))
		rdata = malloc(record->rdata_len);
	if (!rdata)
		return MIST_ENOMEM;
	if (record->rdata_len)
		memcpy(rdata, record->rdata, record->rdata_len);
	type_fold(record->type, rdata, record->rdata_len);
	int error = add_record(zone, record, owner, rdata, reporter);
	if (rdata != small)
		free(rdata);
	return error;
}
