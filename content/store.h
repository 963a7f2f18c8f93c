/*
 * A secondary zone on disk, as its primary sent it, so that a restart serves it at once. One file a zone in
 * the state directory, NAME.secondary, written beside and renamed: it is there whole, or as it was before.
 *
 *   "mist-secondary 1"   16 octets
 *   seconds since 1970   when the zone was last known to be good, twice: 8 octets, then their complement.
 *                        Written over in place; torn by a crash, the two do not fit, and the file's own
 *                        time counts
 *   pieces               length (4), SipHash-2-4 with a key of zeros (8), and as many octets of records:
 *                        owner, type (2), TTL (4), length (2), data; names whole
 *   the end              a piece of no octets, whose hash is that of the number of records (8)
 */
#ifndef MIST_CONTENT_STORE_H
#define MIST_CONTENT_STORE_H

#include "core/zone.h"
#include "mistcore.h"

/* Writes what the primary sent of a version, its SOA with the primary's serial. MIST_EFILE, reported;
 * MIST_ENOMEM. Any thread, one at a time for a zone. */
int store_write(const char *directory, const struct zone *zone, uint32_t primary_serial,
                uint64_t checked_s, const struct mist_reporter *reporter);

/* Notes that the zone was good at that time. */
void store_checked(const char *directory, const uint8_t *name, uint64_t checked_s);

/* Takes the file away: the zone is gone for good. */
void store_remove(const char *directory, const uint8_t *name);

/* Calls back with each record; when the whole could not be read, what came of it is of no use: MIST_ENOTFOUND
 * (no file), MIST_EFILE (reported), what the callback returned. */
int store_read(const char *directory, const uint8_t *name, uint64_t *checked_s,
               int (*visit)(void *user, const struct mist_record *record), void *user,
               const struct mist_reporter *reporter);

#endif
