/*
 * Frames of the journal: entries on their way to its file and back.
 *
 *   frame   length (4 octets), SipHash (8) of what follows: any number of entries. The highest bit of the length:
 *           what was committed goes on in the next frame, and without its last frame it is nothing
 *   entry   zone, owner (wire names), type (2), the set as described, the set as edited
 *   set     0, or 1, TTL (4), number of records (2), each with its length (2)
 *
 * Numbers in network order.
 */
#ifndef MIST_CONTENT_FRAME_H
#define MIST_CONTENT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rrset.h"

#define FRAME_LONG (1 << 20) /* a frame of about this size is written, and another one begun */

/* Entries that are to be written; {0}: none. */
struct frame {
	uint8_t *octets;             /* room for length and hash, then entries */
	size_t len, room;            /* 0: no entries */
	bool failed;                 /* out of memory for one: it cannot be written */
};

/* Adds an entry; the sets may be NULL, for none. */
void frame_put(struct frame *frame, const uint8_t *zone, const uint8_t *owner, uint16_t type,
               const struct rrset *base, const struct rrset *edited);
void frame_empty(struct frame *frame);

/* Writes it at `*len` of a file and moves that on; `more`: another frame of the commit follows. False: errno says why
 * not. */
bool frame_write(struct frame *frame, int file, uint64_t *len, bool more);

/* An entry; the sets, NULL for none, live for the call. */
typedef int journal_entry(void *user, const uint8_t *zone, const uint8_t *owner, uint16_t type,
                          const struct rrset *base, const struct rrset *edited);

/* Calls back for each entry of the commits that are whole, from `from`; `*len` is where the octets end, and becomes where
 * those do. A result other than 0 ends it and is returned. MIST_ENOMEM. */
int frames_read(const uint8_t *octets, uint64_t from, uint64_t *len, journal_entry *entry, void *user);

#endif
