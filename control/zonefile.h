/*
 * Master files (RFC 1035 section 5), read record by record into wire form.
 *
 * Two halves. entry.h cuts a file into entries: comments, quotes, parentheses, and the line each
 * entry begins in, which ldns would lose. This one gives the directives and the owner, TTL,
 * class and type of an entry their meaning, and has ldns read the record data of all types.
 */
#ifndef MIST_CONTROL_ZONEFILE_H
#define MIST_CONTROL_ZONEFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "mistcore.h"

/* Gets each record. A result other than 0 is a problem that has been reported. `file` is the one
 * that holds the record, which $INCLUDE may have named. */
typedef int zonefile_record(void *user, const char *file, const struct mist_record *record);

/*
 * Reads the master file of the zone `origin`. Problems are reported with file, line and the text
 * at fault, twenty at most. MIST_OK, MIST_EZONE (with problems, among them files that cannot be
 * read), MIST_ENOMEM.
 */
int zonefile_read(const char *file, const char *origin, zonefile_record *record, void *user,
                  const struct mist_reporter *reporter);

/*
 * The same with lines of text instead of a file, which name no other files. A record without TTL has
 * `ttl`. With `partial` type and data may be missing, for what is to be removed: type 0 then, rdata NULL.
 */
int zonefile_text(const char *text, const char *origin, uint32_t ttl, bool partial,
                  zonefile_record *record, void *user, const struct mist_reporter *reporter);

#endif
