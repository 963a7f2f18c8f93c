/*
 * Edits on disk: what edits have made of the zones since these were described (overlay.h), so that a
 * restart makes it of them again. A file of frames, each written and on the disk before its edits are
 * acknowledged; a frame that was cut by a crash is none. What counts for a set is its last entry.
 *
 *   frame   length (4 octets), SipHash (8) of what follows: any number of entries
 *   entry   zone, owner (wire names), type (2), the set as described, the set as edited
 *   set     0, or 1, TTL (4), number of records (2), each with its length (2)
 *
 * Numbers in network order. When the file has grown far beyond what it says, it is written anew beside
 * the old one and takes its place.
 */
#ifndef MIST_CONTENT_JOURNAL_H
#define MIST_CONTENT_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rrset.h"
#include "mistcore.h"

struct journal;

/* Opens what there is in the directory; nothing is made before the first edit. MIST_EFILE, MIST_EBUSY
 * (another process has it), reported; MIST_ENOMEM. */
int journal_open(struct journal **journal, const char *directory, const struct mist_reporter *reporter);
void journal_close(struct journal *journal); /* NULL is fine */

/* An entry; the sets, NULL for none, live for the call. */
typedef int journal_entry(void *user, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                          const struct rrset *base, const struct rrset *edited);

/* Calls back for each entry, in their order. A result other than 0 ends it and is returned. MIST_ENOMEM,
 * MIST_EFILE. What is behind the last whole frame is cut off, with a warning. */
int journal_read(struct journal *journal, journal_entry *entry, void *user);

/* Adds an entry to the next frame. What finds no memory lets the write fail. */
void journal_put(struct journal *journal, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                 const struct rrset *base, const struct rrset *edited);
/* Writes the frame, to the disk. MIST_EFILE, reported; then the file is as before. */
int journal_write(struct journal *journal);
void journal_undo(struct journal *journal); /* takes the last frame that was written back */

bool journal_exists(const struct journal *journal); /* something was written once */
/* Whether it has grown so far that writing it anew is worth it. */
bool journal_is_long(const struct journal *journal);
/* Between the two journal_put() goes to the new file. MIST_EFILE, reported; then the old one is kept, or the new one
 * is not safely there yet, and the next write is refused unless it is then. */
void journal_renew(struct journal *journal);
int journal_renewed(struct journal *journal);

#endif
