/*
 * Records as lines of text, and what differs between two lots of them.
 */
#ifndef MIST_CLI_LINES_H
#define MIST_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mistcore.h"

struct lines {
	char **items;
	size_t count, size;
};

/* Keeps a line; takes it, also on failure. MIST_ENOMEM. */
int lines_add(struct lines *lines, char *line);
int lines_record(void *lines, const struct mist_record *record); /* as text_record() writes it */
void lines_free(struct lines *lines);

/* Lets TTLs above `most` be that. */
void lines_cut_ttls(struct lines *lines, uint32_t most);

/*
 * Sorts both and calls back with each line that only one of them holds. A result other than 0 ends it.
 * With `serials` false the serial of an SOA does not count.
 */
int lines_differ(struct lines *before, struct lines *after, bool serials,
                 int (*line)(void *user, bool added, const char *line), void *user);

bool lines_is_soa(const char *line);

/* Whether two lines are the same record, apart from its TTL. */
bool lines_same_record(const char *a, const char *b);

#endif
