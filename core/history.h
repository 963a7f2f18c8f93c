/*
 * What changed between the versions of a zone that were published, for secondaries that have one of them
 * (IXFR, RFC 1995). Shared by all versions of the zone, bounded: the oldest changes are forgotten, and who
 * would need them gets the whole zone.
 */
#ifndef MIST_CORE_HISTORY_H
#define MIST_CORE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rrset.h"

/* Octets of changes kept for a zone, unless said otherwise: a few thousand signed changes. */
#define HISTORY_BYTES 4194304
/* Versions kept: a day of one a minute, and a bound for what is looked through. */
#define HISTORY_PARTS_MAX 2048

struct zone;
struct history;

/* `bytes` 0: HISTORY_BYTES. MIST_ENOMEM. */
int history_new(struct history **history, size_t bytes);
struct history *history_hold(struct history *history); /* NULL stays NULL */
void history_release(struct history *history);         /* any thread; NULL is fine */

/* Notes what leads from one version to the next, before that is published. What does not continue the
 * last note, is too large, or finds no memory, makes it begin anew. One thread at a time. */
void history_note(struct history *history, const struct zone *older, const struct zone *newer);

/*
 * What leads from one serial to another, condensed: records that are gone, the old SOA first, then those
 * that came, the new SOA first. Values of their own, whatever is noted meanwhile.
 */
struct history_changes {
	size_t removed, count;       /* records that are gone, and all */
	const uint8_t **records;     /* wire form: owner, type, class, TTL, length, data; names uncompressed */
	struct history_part **parts; /* where they lie, held */
	size_t part_count;
};

/* MIST_OK, MIST_ENOTFOUND (not known any more), MIST_ENOMEM. Any thread. */
int history_since(struct history *history, uint32_t from, uint32_t to, struct history_changes *changes);
void history_changes_free(struct history_changes *changes);

/* The record at `octets`; `*owner` gets its name. */
struct record history_record(const uint8_t *octets, const uint8_t **owner);

#endif
