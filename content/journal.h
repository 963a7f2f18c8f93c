/*
 * Edits on disk: what edits have made of the zones since these were described (overlay.h), so that a
 * restart makes it of them again. A file of frames (frame.h), written and on the disk before their edits
 * are acknowledged; what a crash cut is nothing. What counts for a set is its last entry. When the file has grown far beyond
 * what it says, it is written anew beside the old one and takes its place.
 */
#ifndef MIST_CONTENT_JOURNAL_H
#define MIST_CONTENT_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "content/frame.h"
#include "mistcore.h"

struct journal;

/* Opens what there is in the directory; nothing is made before the first edit. MIST_EFILE, MIST_EBUSY
 * (another process has it), reported; MIST_ENOMEM. */
int journal_open(struct journal **journal, const char *directory, const struct mist_reporter *reporter);
void journal_close(struct journal *journal); /* NULL is fine */

/* Calls back for each entry, in their order. A result other than 0 ends it and is returned. MIST_ENOMEM,
 * MIST_EFILE. What is behind the last whole commit is cut off, with a warning. */
int journal_read(struct journal *journal, journal_entry *entry, void *user);

/* Adds an entry to what is written next; long commits go to the file in parts. What cannot be lets the write fail. */
void journal_put(struct journal *journal, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                 const struct rrset *base, const struct rrset *edited);
/* Ends what is written: it is on the disk. MIST_EFILE, reported; then the file is as before. */
int journal_write(struct journal *journal);
void journal_undo(struct journal *journal); /* takes back what was written last */

bool journal_exists(const struct journal *journal); /* something was written once */
/* Whether it has grown so far that writing it anew is worth it. */
bool journal_is_long(const struct journal *journal);
/* Between the two journal_put() goes to the new file. MIST_EFILE, reported; then the old one is kept, or the new one
 * is not safely there yet, and the next write is refused unless it is then. */
void journal_renew(struct journal *journal);
int journal_renewed(struct journal *journal);

#endif
