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
#include "core/report.h"

enum {
	PATH_SIZE = 4096,
	LONG_LEAST = 1 << 20,      /* below, a file costs nobody anything */
};

/* What it says about itself: another version will be another text. */
static const uint8_t magic[8] = "mistedt1";
struct journal {
	char path[PATH_SIZE], draft_path[PATH_SIZE];
	struct mist_reporter reporter;
	int file;                    /* -1: not there yet */
	int draft;                   /* of a renewal, or -1 */
	uint64_t len, len_before;    /* of the file; before the last commit */
	uint64_t pending;            /* octets behind that: parts of the commit that is being written */
	int failed;                  /* errno of one that could not be; 0: none */
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
	    !durable_write(journal->file, magic, sizeof(magic), 0) || !sync_directory(journal->path))
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

/* Writes what there is of a commit behind what counts. */
static bool write_frame(struct journal *journal, bool more)
{
	if (!make_file(journal) || !settle(journal))
		return false;
	uint64_t end = journal->len + journal->pending;
	if (!frame_write(&journal->frame, journal->file, &end, more))
		return false;
	journal->pending = end - journal->len;
	return true;
}

/* A commit may be longer than what is to be held in memory. Another entry follows. */
static void write_part(struct journal *journal)
{
	if (journal->draft >= 0)
		journal->draft_failed |= !frame_write(&journal->frame, journal->draft, &journal->draft_len, false);
	else if (!journal->failed && !write_frame(journal, true))
		journal->failed = errno;
	frame_empty(&journal->frame);
}

void journal_put(struct journal *journal, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                 const struct rrset *base, const struct rrset *edited)
{
	if (journal->frame.len >= FRAME_LONG)
		write_part(journal);
	frame_put(&journal->frame, zone, owner, type, base, edited);
}

static void cut(struct journal *journal)
{
	/* If even that fails, the next frame overwrites it, and a frame that is left has its hash. */
	if (journal->file >= 0 && ftruncate(journal->file, (off_t)journal->len) != 0)
		(void)fail(journal, "a frame cannot be taken back");
}

int journal_write(struct journal *journal)
{
	int error = MIST_OK;
	journal->len_before = journal->len; /* nothing to take back yet */
	if (!journal->frame.len && !journal->frame.failed && !journal->failed)
		return MIST_OK;
	bool written = !journal->failed && write_frame(journal, false) && fdatasync(journal->file) == 0;
	if (written) {
		journal->len_before = journal->len;
		journal->len += journal->pending;
	} else {
		errno = journal->failed ? journal->failed : errno;
		error = fail(journal, errno == EEXIST ? "another server has kept its edits here meanwhile; give each server a "
		             "`state_directory` of its own" : "edits cannot be kept");
		cut(journal);
	}
	journal->pending = 0;
	journal->failed = 0;
	frame_empty(&journal->frame);
	return error;
}

void journal_undo(struct journal *journal)
{
	if (journal->file < 0)
		return;
	journal->len = journal->len_before;
	cut(journal);
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
	                        !durable_write(journal->draft, magic, sizeof(magic), 0);
}

int journal_renewed(struct journal *journal)
{
	struct frame *frame = &journal->frame;
	if (!journal->draft_failed && (frame->len || frame->failed))
		journal->draft_failed = !frame_write(frame, journal->draft, &journal->draft_len, false);
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
	int result = ours ? frames_read(octets, sizeof(magic), &len, entry, user) : MIST_OK;
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
