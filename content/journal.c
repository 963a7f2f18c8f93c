/* See journal.h. */
#include "content/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content/durable.h"
#include "core/name.h"
#include "core/report.h"
#include "core/siphash.h"
#include "core/wire.h"

enum {
	PATH_SIZE = 4096,
	HEAD = 12,                 /* length and hash */
	FRAME_MAX = 256 << 20,     /* what a commit writes: an edit has 64 MiB of data at most, and sets are written as they
	                              were and are; edits that came together and need more are refused together */
	FLUSH = 1 << 20,           /* a renewed file is written in frames of about this size */
	LONG_LEAST = 1 << 20,      /* below, a file costs nobody anything */
};

/* What it says about itself: another version will be another text. */
static const uint8_t magic[8] = "mistedt1";
/* No secret: the hash finds what a crash cut, not forgers, who would need the directory. */
static const uint8_t hash_key[16] = "mist edits";

struct frame {
	uint8_t *octets;             /* HEAD, then entries */
	size_t len, room;
	bool failed;
};

struct journal {
	char path[PATH_SIZE], draft_path[PATH_SIZE];
	struct mist_reporter reporter;
	int file;                    /* -1: not there yet */
	int draft;                   /* of a renewal, or -1 */
	uint64_t len, len_before;    /* of the file; before the last frame */
	uint64_t len_renewed;        /* when it was written anew */
	uint64_t draft_len;
	bool draft_failed;
	bool unsettled;              /* it took the old one's place, and the directory may not say so on the disk */
	struct frame frame;
};

static int fail(const struct journal *journal, const char *what)
{
	report(&journal->reporter, MIST_LEVEL_ERROR, journal->path, 0,
	       "%s: %s; edits that cannot be kept are refused", what, strerror(errno));
	return MIST_EFILE;
}

/* ------------------------------------------------------------------------------------------------
 * The file
 */

static bool write_all(int file, const void *octets, size_t len, uint64_t at)
{
	for (const uint8_t *from = octets; len;) {
		ssize_t went = pwrite(file, from, len, (off_t)at);
		if (went < 0 && errno == EINTR)
			continue;
		if (went <= 0)
			return false;
		from += went;
		at += (uint64_t)went;
		len -= (size_t)went;
	}
	return true;
}

static bool sync_directory(const char *path)
{
	char directory[PATH_SIZE];
	snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(path, '/') - path), path);
	return durable_directory(directory);
}

/* The lock is the file's: who renews it takes that of the new one first. */
static int open_file(struct journal *journal, int flags)
{
	int file = open(journal->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (file < 0)
		return file;
	if (flock(file, LOCK_EX | LOCK_NB) == 0) {
		journal->file = file;
		return 0;
	}
	close(file);
	return -1;
}

/* One that was not there when this journal was opened is another server's, whose edits we do not have. */
static bool make_file(struct journal *journal)
{
	if (journal->file >= 0 && journal->len >= sizeof(magic))
		return true;
	if ((journal->file < 0 && open_file(journal, O_CREAT | O_EXCL) < 0) ||
	    !write_all(journal->file, magic, sizeof(magic), 0) || !sync_directory(journal->path))
		return false;
	journal->len = journal->len_renewed = sizeof(magic);
	return true;
}

/* A frame in a file whose name may be another one's after a crash would be lost. */
static bool settle(struct journal *journal)
{
	if (journal->unsettled && sync_directory(journal->path))
		journal->unsettled = false;
	return !journal->unsettled;
}

int journal_open(struct journal **journal_out, const char *directory,
                 const struct mist_reporter *reporter)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	struct stat status;
	if (!journal)
		return MIST_ENOMEM;
	journal->reporter = *reporter;
	journal->file = journal->draft = -1;
	int len = snprintf(journal->path, PATH_SIZE, "%s/edits.journal", directory);
	snprintf(journal->draft_path, PATH_SIZE, "%.*s-new", PATH_SIZE - 8, journal->path);
	errno = ENAMETOOLONG;
	if (len < PATH_SIZE - 8 && (open_file(journal, 0) == 0 || errno == ENOENT)) {
		*journal_out = journal;
		if (journal->file < 0)
			return MIST_OK;
		if (fstat(journal->file, &status) == 0) {
			journal->len = journal->len_renewed = (uint64_t)status.st_size;
			return MIST_OK;
		}
	}
	bool busy = errno == EWOULDBLOCK;
	report(reporter, busy ? MIST_LEVEL_WARNING : MIST_LEVEL_ERROR, journal->path, 0, busy
	       ? "another server keeps its edits here, so those made now end with this process (%s); give each "
	         "server a `state_directory` of its own"
	       : "the edits that are kept here cannot be read: %s", strerror(errno));
	journal_close(journal);
	return busy ? MIST_EBUSY : MIST_EFILE;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->file >= 0)
		close(journal->file);
	if (journal->draft >= 0)
		close(journal->draft);
	free(journal->frame.octets);
	free(journal);
}

/* ------------------------------------------------------------------------------------------------
 * Writing
 */

static void put(struct frame *frame, const void *octets, size_t len)
{
	size_t start = frame->len ? frame->len : HEAD;
	if (frame->failed)
		return;
	if (len > frame->room || start > frame->room - len) {
		size_t room = 2 * (start + len);
		uint8_t *larger = room <= 2 * (size_t)FRAME_MAX ? realloc(frame->octets, room) : NULL;
		frame->failed = !larger;
		if (!larger)
			return;
		frame->octets = larger;
		frame->room = room;
	}
	memcpy(frame->octets + start, octets, len);
	frame->len = start + len;
}

static void put16(struct frame *frame, uint16_t value)
{
	uint8_t octets[2];
	wire_set16(octets, value);
	put(frame, octets, sizeof(octets));
}

static void put_set(struct frame *frame, const struct rrset *set)
{
	uint8_t octets[5] = { set != NULL };
	struct record record;
	if (set)
		wire_set32(octets + 1, set->ttl);
	put(frame, octets, set ? 5 : 1);
	if (!set)
		return;
	put16(frame, set->count);
	for (size_t at = 0; rrset_next(set, set->len, &at, &record);) {
		put16(frame, record.rdata_len);
		put(frame, record.rdata, record.rdata_len);
	}
}

static void frame_empty(struct frame *frame)
{
	/* One large edit need not be paid for ever after. */
	if (frame->room > FLUSH) {
		free(frame->octets);
		frame->octets = NULL;
		frame->room = 0;
	}
	frame->len = 0;
	frame->failed = false;
}

/* Writes the frame at the end of a file. */
static bool frame_write(struct frame *frame, int file, uint64_t *len)
{
	size_t payload = frame->len - HEAD;
	errno = ENOMEM;
	if (frame->failed || payload > FRAME_MAX)
		return false;
	uint64_t hash = siphash(hash_key, frame->octets + HEAD, payload);
	wire_set32(frame->octets, (uint32_t)payload);
	wire_set32(frame->octets + 4, (uint32_t)(hash >> 32));
	wire_set32(frame->octets + 8, (uint32_t)hash);
	if (!write_all(file, frame->octets, frame->len, *len))
		return false;
	*len += frame->len;
	return true;
}

void journal_put(struct journal *journal, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                 const struct rrset *base, const struct rrset *edited)
{
	struct frame *frame = &journal->frame;
	put(frame, zone, name_len(zone));
	put(frame, owner, name_len(owner));
	put16(frame, type);
	put_set(frame, base);
	put_set(frame, edited);
	if (journal->draft < 0 || (frame->len < FLUSH && !frame->failed))
		return;
	journal->draft_failed |= !frame_write(frame, journal->draft, &journal->draft_len);
	frame_empty(frame);
}

int journal_write(struct journal *journal)
{
	int error = MIST_OK;
	journal->len_before = journal->len; /* nothing to take back yet */
	if (!journal->frame.len && !journal->frame.failed)
		return MIST_OK;
	if (!make_file(journal) || !settle(journal)) {
		error = fail(journal, errno == EEXIST ? "another server has kept its edits here meanwhile; give each server a "
		             "`state_directory` of its own" : "edits cannot be kept");
	} else {
		journal->len_before = journal->len;
		if (!frame_write(&journal->frame, journal->file, &journal->len) || fdatasync(journal->file) != 0) {
			error = fail(journal, "edits cannot be kept");
			journal_undo(journal);
		}
	}
	frame_empty(&journal->frame);
	return error;
}

void journal_undo(struct journal *journal)
{
	if (journal->file < 0)
		return;
	journal->len = journal->len_before;
	/* If even that fails, the next frame overwrites it, and a frame that is left has its hash. */
	if (ftruncate(journal->file, (off_t)journal->len) != 0)
		(void)fail(journal, "a frame cannot be taken back");
}

/* ------------------------------------------------------------------------------------------------
 * Renewing
 */

bool journal_exists(const struct journal *journal)
{
	return journal->file >= 0;
}

bool journal_is_long(const struct journal *journal)
{
	return journal->len > 2 * journal->len_renewed + LONG_LEAST;
}

void journal_renew(struct journal *journal)
{
	frame_empty(&journal->frame);
	unlink(journal->draft_path); /* of one that died here */
	journal->draft = open(journal->draft_path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	journal->draft_len = sizeof(magic);
	journal->draft_failed = journal->draft < 0 || flock(journal->draft, LOCK_EX | LOCK_NB) != 0 ||
	                        !write_all(journal->draft, magic, sizeof(magic), 0);
}

int journal_renewed(struct journal *journal)
{
	struct frame *frame = &journal->frame;
	if (!journal->draft_failed && (frame->len || frame->failed))
		journal->draft_failed = !frame_write(frame, journal->draft, &journal->draft_len);
	frame_empty(frame);
	bool moved = !journal->draft_failed && fsync(journal->draft) == 0 &&
	             rename(journal->draft_path, journal->path) == 0;
	if (moved) {
		if (journal->file >= 0)
			close(journal->file);
		journal->file = journal->draft;
		journal->len = journal->len_renewed = journal->len_before = journal->draft_len;
		journal->unsettled = true;
	} else if (journal->draft >= 0) {
		close(journal->draft);
		unlink(journal->draft_path);
	}
	journal->draft = -1;
	return moved && settle(journal) ? MIST_OK : fail(journal, "the file cannot be written anew");
}

/* ------------------------------------------------------------------------------------------------
 * Reading
 */

/* Octets of ours, and yet nothing is believed. */
static bool read_set(struct reader *reader, uint16_t type, struct rrset **made)
{
	*made = NULL;
	if (reader_u8(reader) == 0)
		return !reader->failed;
	uint32_t ttl = reader_u32(reader);
	uint16_t count = reader_u16(reader);
	for (unsigned i = 0; i < count && !reader->failed; i++) {
		uint16_t len = reader_u16(reader);
		const uint8_t *rdata = reader_take(reader, len);
		_Bool too_large = false;
		struct rrset *larger = rdata ? rrset_with(*made, type, ttl, rdata, len, &too_large) : NULL;
		free(*made);
		*made = larger;
		reader->failed |= !larger;
	}
	return !reader->failed && *made;
}

static bool read_name(struct reader *reader, uint8_t name[NAME_MAX])
{
	size_t len = 0;
	for (uint8_t label = 1; label && !reader->failed;) {
		label = reader_u8(reader);
		const uint8_t *octets = reader_take(reader, label);
		if (label > LABEL_MAX || !octets || len + 1 + label > NAME_MAX)
			return false;
		name[len++] = label;
		memcpy(name + len, octets, label);
		len += label;
	}
	name_lower(name, name);
	return !reader->failed;
}

/* True: it was whole; `*result` is the callback's. */
static bool read_entry(struct reader *reader, journal_entry *entry, void *user, int *result)
{
	uint8_t zone[NAME_MAX], owner[NAME_MAX];
	struct rrset *base = NULL, *edited = NULL;
	bool good = read_name(reader, zone) && read_name(reader, owner);
	uint16_t type = good ? reader_u16(reader) : 0;
	good = good && read_set(reader, type, &base) && read_set(reader, type, &edited);
	if (good)
		*result = entry(user, zone, owner, type, base, edited);
	free(base);
	free(edited);
	return good;
}

/* The octets of whole frames; `*len` is moved to their end. */
static int read_frames(const uint8_t *octets, uint64_t *len, journal_entry *entry, void *user)
{
	uint64_t at = sizeof(magic), end = *len;
	int result = MIST_OK;
	while (end - at > HEAD && !result) {
		uint32_t payload = wire_get32(octets + at);
		const uint8_t *start = octets + at + HEAD;
		uint64_t hash = (uint64_t)wire_get32(octets + at + 4) << 32 | wire_get32(octets + at + 8);
		if (payload > FRAME_MAX || payload > end - at - HEAD ||
		    siphash(hash_key, start, payload) != hash)
			break;
		struct reader reader = reader_on(start, payload);
		while (reader_left(&reader) && !result)
			if (!read_entry(&reader, entry, user, &result))
				return MIST_ENOMEM; /* its hash was right, so it is not the octets */
		at += HEAD + payload;
	}
	*len = at;
	return result;
}

int journal_read(struct journal *journal, journal_entry *entry, void *user)
{
	uint64_t len = journal->len;
	if (len < sizeof(magic)) /* not there, or made a moment before a crash */
		journal->len = 0;
	if (journal->len == 0)
		return MIST_OK;
	const uint8_t *octets = mmap(NULL, len, PROT_READ, MAP_PRIVATE, journal->file, 0);
	if (octets == MAP_FAILED)
		return fail(journal, "edits cannot be read");
	bool ours = memcmp(octets, magic, sizeof(magic)) == 0;
	int result = ours ? read_frames(octets, &len, entry, user) : MIST_OK;
	munmap((void *)(uintptr_t)octets, journal->len);
	if (!ours) {
		errno = EINVAL;
		return fail(journal, "this is no file of edits; move it away");
	}
	if (!result && len < journal->len) {
		report(&journal->reporter, MIST_LEVEL_WARNING, journal->path, 0,
		       "the last %llu octets were not wholly written and are cut off; nobody was told that "
		       "they are kept", (unsigned long long)(journal->len - len));
		journal->len = journal->len_before = len;
		if (ftruncate(journal->file, (off_t)len) != 0)
			return fail(journal, "it cannot be cut");
	}
	return result;
}
