/* Secondary zones on disk; see store.h. */
#include "content/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content/durable.h"
#include "core/report.h"
#include "core/siphash.h"
#include "core/wire.h"
#include "core/zone_edit.h"
#include "core/zone_walk.h"
#include "dnssec/key.h"

#define MAGIC "mist-secondary 1"
#define MAGIC_LEN 16
#define HEADER_LEN (MAGIC_LEN + 16)
#define PIECE_HEAD 12
#define PIECE_FILL 65536     /* then it is written: few calls, and a hash that is computed in the CPU's cache */
#define RECORD_MAX (NAME_MAX + 8 + 65535)
#define PIECE_MAX (PIECE_FILL + RECORD_MAX)
#define PATH_SIZE 4096

static const uint8_t hash_key[16];

static bool path_of(char path[PATH_SIZE], const char *directory, const uint8_t *name, const char *suffix)
{
	char text[KEY_ZONE_TEXT_MAX];
	size_t len = key_zone_text(text, name);
	if (len > 1)
		text[len - 1] = 0;
	return (size_t)snprintf(path, PATH_SIZE, "%s/%s.secondary%s", directory, text, suffix) < PATH_SIZE;
}

static void put64(uint8_t *octets, uint64_t value)
{
	wire_set32(octets, (uint32_t)(value >> 32));
	wire_set32(octets + 4, (uint32_t)value);
}
static uint64_t get64(const uint8_t *octets)
{
	return (uint64_t)wire_get32(octets) << 32 | wire_get32(octets + 4);
}

static void put_time(uint8_t octets[16], uint64_t checked_s)
{
	put64(octets, checked_s);
	put64(octets + 8, ~checked_s);
}

/* ------------------------------------------------------------------------------------------------
 * Writing
 */

struct storing {
	const struct zone *zone;
	uint32_t primary_serial;
	int fd;
	uint64_t end;                /* of what is written */
	uint64_t count;
	size_t len;                  /* of the piece, behind its head */
	uint8_t *piece;              /* PIECE_HEAD + PIECE_MAX */
};

static bool append(struct storing *storing, const uint8_t *octets, size_t len)
{
	const bool done = durable_write(storing->fd, octets, len, storing->end);
	storing->end += len;
	return done;
}

static bool write_piece(struct storing *storing)
{
	const size_t len = storing->len;
	wire_set32(storing->piece, (uint32_t)len);
	put64(storing->piece + 4, siphash(hash_key, storing->piece + PIECE_HEAD, len));
	storing->len = 0;
	return append(storing, storing->piece, PIECE_HEAD + len);
}

static bool write_end(struct storing *storing)
{
	uint8_t end[PIECE_HEAD], count[8];
	put64(count, storing->count);
	wire_set32(end, 0);
	put64(end + 4, siphash(hash_key, count, sizeof(count)));
	return append(storing, end, sizeof(end));
}

/* What is made here is no part of what came: signatures, NSEC and keys of a zone signed here, delegations of
 * names that are forwarded. */
static bool is_ours(const struct zone *zone, const uint8_t *owner, uint16_t type)
{
	if (zone->presigned)
		return false;
	return type == TYPE_RRSIG || type == TYPE_NSEC ||
	       ((type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY) &&
	        name_equal(owner, zone->name)) ||
	       zone_carved(zone, owner, false);
}

static bool write_record(struct storing *storing, const uint8_t *owner, const struct record *record)
{
	struct writer w = writer_on(storing->piece + PIECE_HEAD, PIECE_MAX);
	w.at += storing->len;
	writer_put(&w, owner, name_len(owner));
	writer_u16(&w, record->type);
	writer_u32(&w, record->ttl);
	writer_u16(&w, record->rdata_len);
	writer_put(&w, record->rdata, record->rdata_len);
	if (record->type == TYPE_SOA && name_equal(owner, storing->zone->name))
		wire_set32(w.at - 20, storing->primary_serial);
	storing->len = writer_len(&w);
	storing->count++;
	return storing->len < PIECE_FILL || write_piece(storing);
}

static bool write_zone(struct storing *storing, uint64_t checked_s)
{
	uint8_t header[HEADER_LEN] = MAGIC;
	struct zone_walk walk;
	struct record record;
	const uint8_t *owner;
	put_time(header + MAGIC_LEN, checked_s);
	if (!append(storing, header, sizeof(header)))
		return false;
	zone_walk_begin(&walk, storing->zone);
	while (zone_walk_next(&walk, &owner, &record)) {
		if (!is_ours(storing->zone, owner, record.type) && !write_record(storing, owner, &record))
			return false;
	}
	return (!storing->len || write_piece(storing)) && write_end(storing);
}

int store_write(const char *directory, const struct zone *zone, uint32_t primary_serial,
                uint64_t checked_s, const struct mist_reporter *reporter)
{
	char path[PATH_SIZE], draft[PATH_SIZE];
	struct storing storing = { .zone = zone, .primary_serial = primary_serial };
	if (!path_of(path, directory, zone->name, "") || !path_of(draft, directory, zone->name, ".new"))
		return MIST_EFILE;
	storing.piece = malloc(PIECE_HEAD + PIECE_MAX);
	if (!storing.piece)
		return MIST_ENOMEM;
	unlink(draft); /* of a process that died here */
	storing.fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	const bool done = storing.fd >= 0 && write_zone(&storing, checked_s) && !fsync(storing.fd) &&
	                  !rename(draft, path) && durable_directory(directory);
	if (!done)
		report(reporter, MIST_LEVEL_WARNING, path, 0,
		       "the zone cannot be kept (%s): after a restart it is not served before it was transferred "
		       "again", strerror(errno));
	if (storing.fd >= 0)
		close(storing.fd);
	if (storing.fd >= 0 && !done)
		unlink(draft);
	free(storing.piece);
	return done ? MIST_OK : MIST_EFILE;
}

void store_checked(const char *directory, const uint8_t *name, uint64_t checked_s)
{
	char path[PATH_SIZE];
	uint8_t time[16];
	put_time(time, checked_s);
	const int fd = path_of(path, directory, name, "") ? open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	/* Not synced: what a crash takes away makes the zone expire earlier, never later. */
	(void)!pwrite(fd, time, sizeof(time), MAGIC_LEN);
	close(fd);
}

/* Not synced: where a zone is gone for good its catalog is written next, into the same directory. */
void store_remove(const char *directory, const uint8_t *name)
{
	char path[PATH_SIZE];
	if (path_of(path, directory, name, ""))
		unlink(path);
}

/* ------------------------------------------------------------------------------------------------
 * Reading
 */

struct restoring {
	FILE *file;
	uint8_t *piece;
	uint64_t count;
	int (*visit)(void *user, const struct mist_record *record);
	void *user;
};

/* Records of a piece whose hash was right. */
static int read_records(struct restoring *restoring, size_t len)
{
	struct reader r = reader_on(restoring->piece, len);
	int error = MIST_OK;
	while (reader_left(&r) && !error) {
		struct mist_record record = { .owner = r.at };
		if (!name_check(r.at, reader_left(&r)))
			return MIST_EFILE;
		reader_take(&r, name_len(r.at));
		record.type = reader_u16(&r);
		record.ttl = reader_u32(&r);
		record.rdata_len = reader_u16(&r);
		record.rdata = reader_take(&r, record.rdata_len);
		restoring->count++;
		error = r.failed ? MIST_EFILE : restoring->visit(restoring->user, &record);
	}
	return error;
}

static int read_pieces(struct restoring *restoring)
{
	uint8_t head[PIECE_HEAD], count[8];
	int error = MIST_OK;
	while (!error) {
		if (fread(head, sizeof(head), 1, restoring->file) != 1)
			return MIST_EFILE;
		const size_t len = wire_get32(head);
		if (len == 0)
			break;
		if (len > PIECE_MAX || fread(restoring->piece, len, 1, restoring->file) != 1 ||
		    siphash(hash_key, restoring->piece, len) != get64(head + 4))
			return MIST_EFILE;
		error = read_records(restoring, len);
	}
	put64(count, restoring->count);
	if (!error && siphash(hash_key, count, sizeof(count)) != get64(head + 4))
		error = MIST_EFILE;
	return error;
}

static int read_header(FILE *file, uint64_t *checked_s)
{
	uint8_t header[HEADER_LEN];
	struct stat status;
	if (fread(header, sizeof(header), 1, file) != 1 || memcmp(header, MAGIC, MAGIC_LEN))
		return MIST_EFILE;
	*checked_s = get64(header + MAGIC_LEN);
	if (get64(header + MAGIC_LEN + 8) != ~*checked_s)
		*checked_s = fstat(fileno(file), &status) ? 0 : (uint64_t)status.st_mtime;
	return MIST_OK;
}

int store_read(const char *directory, const uint8_t *name, uint64_t *checked_s,
               int (*visit)(void *user, const struct mist_record *record), void *user,
               const struct mist_reporter *reporter)
{
	char path[PATH_SIZE];
	struct restoring restoring = { .visit = visit, .user = user };
	if (!path_of(path, directory, name, ""))
		return MIST_ENOTFOUND;
	restoring.file = fopen(path, "re");
	if (!restoring.file && errno == ENOENT)
		return MIST_ENOTFOUND;
	restoring.piece = malloc(PIECE_MAX);
	int error = !restoring.file ? MIST_EFILE : restoring.piece ? MIST_OK : MIST_ENOMEM;
	if (!error)
		error = read_header(restoring.file, checked_s);
	if (!error)
		error = read_pieces(&restoring);
	if (error == MIST_EFILE)
		report(reporter, MIST_LEVEL_WARNING, path, 0,
		       "the kept zone cannot be read; it is transferred anew");
	if (restoring.file)
		fclose(restoring.file);
	free(restoring.piece);
	return error;
}
