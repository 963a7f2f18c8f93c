/*
 * Which serial a version of a zone gets, and the promise that none is ever given out twice: the
 * highest that may have been is kept on disk (serial.h) before a version that has it is published.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "content/content.h"
#include "content/parts.h"
#include "content/serial.h"
#include "core/report.h"

int content_make_directory(const char *path, const struct mist_reporter *reporter)
{
	char partial[4096];
	size_t len = strlen(path);
	int failed = len == 0 || len >= sizeof(partial);
	for (size_t i = 1; i <= len && !failed; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(partial, path, i);
		partial[i] = 0;
		failed = mkdir(partial, 0700) && errno != EEXIST;
	}
	struct stat status;
	if (!failed && !stat(path, &status) && S_ISDIR(status.st_mode))
		return MIST_OK;
	report(reporter, MIST_LEVEL_ERROR, path, 0,
	       "the directory for keys and serials cannot be made: %s; make it, or name another one "
	       "as state_directory", strerror(failed ? errno : ENOTDIR));
	return MIST_EFILE;
}

bool content_chooses_serial(const struct mist_zone *zone)
{
	return zone->dnssec == MIST_DNSSEC_SIGN || !zone->records || zone->edited;
}

uint32_t content_serial(const struct mist_zone *zone, bool known, uint32_t last, uint32_t now_s)
{
	bool kept = zone->content->options.state_directory;
	if (zone->records)
		return kept ? serial_filed(known, last, zone->file_serial)
		            : serial_filed_timed(known, last, zone->file_serial, now_s);
	return kept ? serial_dated(known, last, now_s) : serial_timed(known, last, now_s);
}

uint32_t content_edit_serial(const struct mist_zone *zone, uint32_t last, uint32_t now_s)
{
	if (zone->content->options.state_directory)
		return serial_dated(true, last, now_s);
	return content_serial(zone, true, last, now_s);
}

static bool read_kept(const struct mist_zone *zone, uint32_t *last)
{
	const struct mist_content_options *options = &zone->content->options;
	return options->state_directory &&
	       !serial_read(last, options->state_directory, zone->zone->name, &options->reporter);
}

uint32_t content_first_serial(const struct mist_zone *zone, uint32_t now_s)
{
	uint32_t last = 0;
	bool known = read_kept(zone, &last);
	return content_serial(zone, known, last, now_s);
}

bool content_serial_is_kept(const struct mist_zone *zone)
{
	uint32_t last;
	return read_kept(zone, &last);
}

/* ------------------------------------------------------------------------------------------------
 * Keeping
 */

static void keep(struct mist_zone *zone, uint32_t serial)
{
	const struct mist_content_options *options = &zone->content->options;
	if (!options->state_directory || options->read_only ||
	    content_make_directory(options->state_directory, &options->reporter))
		return;
	/* A failure is reported; the zone is served all the same. */
	zone->serial_kept = !serial_write(serial, options->state_directory, zone->zone->name,
	                                  &options->reporter);
	zone->kept_serial = serial;
}

/* Contents are sealed while another one is served, which may have reserved more meanwhile. */
void content_keep_serial(struct mist_zone *zone)
{
	static const struct mist_reporter silent; /* it was read before */
	const struct mist_content_options *options = &zone->content->options;
	uint32_t kept;
	if (options->state_directory && !options->read_only &&
	    !serial_read(&kept, options->state_directory, zone->zone->name, &silent) &&
	    serial_greater(kept, zone->zone->serial)) {
		zone->serial_kept = true;
		zone->kept_serial = kept;
		return;
	}
	keep(zone, zone->zone->serial);
}

/*
 * A write to disk takes longer than all the rest of an edit. So some serials in advance are called
 * given out: few when edits are rare, so that a date stays readable after a crash; more when they
 * come thick.
 */
#define AHEAD_LEAST 8
#define AHEAD_MOST 4096 /* one write every four seconds at a thousand versions a second */

void content_reserve_serial(struct mist_zone *zone, uint32_t serial, uint32_t now_s)
{
	if (zone == zone->content->reverse || (zone->serial_kept && !serial_greater(serial, zone->kept_serial)))
		return; /* the former goes to nobody as a whole */
	bool thick = zone->reserved_s == now_s || zone->reserved_s + 1 == now_s;
	uint32_t ahead = thick ? 4 * zone->reserve : AHEAD_LEAST;
	zone->reserve = ahead < AHEAD_MOST ? ahead : AHEAD_MOST;
	zone->reserved_s = now_s;
	keep(zone, serial + zone->reserve);
}

void content_keep_serials(struct mist_content *content)
{
	for (size_t i = 0; i < content->zone_count; i++) {
		struct mist_zone *zone = content->zones[i];
		if (zone->serial_kept && !zone->zone->failed && zone->kept_serial != zone->zone->serial)
			keep(zone, zone->zone->serial);
	}
}
