/* SOA serials that only ever rise; see serial.h. */
#include "content/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "content/durable.h"
#include "core/report.h"
#include "dnssec/key.h"

#define YEAR_2026_S 1767225600u /* 2026-01-01 00:00:00 UTC */

bool serial_greater(uint32_t a, uint32_t b)
{
	return a != b && a - b < UINT32_C(1) << 31;
}

static uint32_t later(bool known, uint32_t last, uint32_t candidate)
{
	return !known || serial_greater(candidate, last) ? candidate : last + 1;
}

uint32_t serial_dated(bool known, uint32_t last, uint32_t now_s)
{
	struct tm utc;
	time_t now = (time_t)now_s;
	gmtime_r(&now, &utc);
	uint32_t year = (uint32_t)utc.tm_year + 1900, month = (uint32_t)utc.tm_mon + 1;
	return later(known, last, ((year * 100 + month) * 100 + (uint32_t)utc.tm_mday) * 100 + 1);
}

uint32_t serial_timed(bool known, uint32_t last, uint32_t now_s)
{
	return later(known, last, now_s);
}

uint32_t serial_filed(bool known, uint32_t last, uint32_t file)
{
	return later(known, last, file);
}

uint32_t serial_filed_timed(bool known, uint32_t last, uint32_t file, uint32_t now_s)
{
	return later(known, last, file + (now_s > YEAR_2026_S ? now_s - YEAR_2026_S : 0));
}

/* ------------------------------------------------------------------------------------------------
 * Kept serials
 */

#define PATH_SIZE 4096

static bool path_of(char path[PATH_SIZE], const char *directory, const uint8_t *zone,
                    const char *suffix)
{
	char text[KEY_ZONE_TEXT_MAX];
	size_t len = key_zone_text(text, zone);
	if (len > 1)
		text[len - 1] = 0; /* its final dot: "editor.land.serial"; the root is "..serial" */
	return (size_t)snprintf(path, PATH_SIZE, "%s/%s.%s", directory, text, suffix) < PATH_SIZE;
}

int serial_read(uint32_t *serial, const char *directory, const uint8_t *zone,
                const struct mist_reporter *reporter)
{
	char path[PATH_SIZE], text[32];
	if (!path_of(path, directory, zone, "serial"))
		return MIST_ENOTFOUND;
	FILE *file = fopen(path, "re");
	if (!file && errno == ENOENT)
		return MIST_ENOTFOUND;
	if (!file) {
		report(reporter, MIST_LEVEL_WARNING, path, 0,
		       "the kept serial cannot be read (%s); the zone goes on as if none had been kept",
		       strerror(errno));
		return MIST_EFILE;
	}
	char *end = NULL;
	unsigned long long value = 0;
	if (fgets(text, sizeof(text), file))
		value = strtoull(text, &end, 10);
	fclose(file);
	if (!end || end == text || *end != '\n' || value > UINT32_MAX) {
		report(reporter, MIST_LEVEL_WARNING, path, 0,
		       "the kept serial cannot be read (one line with a number is expected); the zone "
		       "goes on as if none had been kept");
		return MIST_EFILE;
	}
	*serial = (uint32_t)value;
	return MIST_OK;
}

int serial_write(uint32_t serial, const char *directory, const uint8_t *zone,
                 const struct mist_reporter *reporter)
{
	char path[PATH_SIZE], draft[PATH_SIZE], suffix[48], text[16];
	snprintf(suffix, sizeof(suffix), "serial-%ld", (long)getpid());
	if (!path_of(path, directory, zone, "serial") || !path_of(draft, directory, zone, suffix)) {
		report(reporter, MIST_LEVEL_WARNING, directory, 0, "the path of the serial is too long");
		return MIST_EFILE;
	}
	unlink(draft); /* of a process with our number that died here */
	int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int len = snprintf(text, sizeof(text), "%u\n", serial);
	bool failed = fd < 0 || write(fd, text, (size_t)len) != len || fsync(fd) ||
	              rename(draft, path) || !durable_directory(directory);
	if (failed)
		report(reporter, MIST_LEVEL_WARNING, path, 0,
		       "the serial cannot be kept (%s): after a restart secondaries may not see that "
		       "the zone has changed", strerror(errno));
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && failed)
		unlink(draft);
	return failed ? MIST_EFILE : MIST_OK;
}

void serial_remove(const char *directory, const uint8_t *zone)
{
	char path[PATH_SIZE];
	if (path_of(path, directory, zone, "serial"))
		unlink(path);
}
