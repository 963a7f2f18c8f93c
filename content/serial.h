/*
 * SOA serials that only ever rise (RFC 1982), restarts included: the last one that was given out is
 * kept in <state_directory>/<zone>.serial, as a line with the number.
 */
#ifndef MIST_CONTENT_SERIAL_H
#define MIST_CONTENT_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "mistcore.h"

bool serial_greater(uint32_t a, uint32_t b); /* RFC 1982 section 3.2 */

/* The next serial of a zone whose records are made here: YYYYMMDDNN of the day, or one more than
 * `last` (if `known`) where that is already reached, as on days with more than 99 changes. */
uint32_t serial_dated(bool known, uint32_t last, uint32_t now_s);

/* Of a made zone nothing is known of from before: the second. A later start has a later one. */
uint32_t serial_timed(bool known, uint32_t last, uint32_t now_s);

/* Of a zone from a file that is signed here: the file's own serial, or one more than `last`. */
uint32_t serial_filed(bool known, uint32_t last, uint32_t file);

/* The same when nothing is kept: the file's serial moved on by the seconds since 2026 began. It
 * rises with time and with the file's, whether that counts or is a date. */
uint32_t serial_filed_timed(bool known, uint32_t last, uint32_t file, uint32_t now_s);

/* MIST_OK, MIST_ENOTFOUND (none kept yet), MIST_EFILE (reported). */
int serial_read(uint32_t *serial, const char *directory, const uint8_t *zone,
                const struct mist_reporter *reporter);
/* Replaces the file as a whole, on the disk when it returns. MIST_EFILE, reported. */
int serial_write(uint32_t serial, const char *directory, const uint8_t *zone,
                 const struct mist_reporter *reporter);
/* Takes the file away: the zone is gone for good. */
void serial_remove(const char *directory, const uint8_t *zone);

#endif
