/*
 * Names that live as long as a connection: whoever registers one with "hold" is its keeper, until the
 * connection ends, another one registers the same name for the same owner, or somebody deregisters it.
 */
#ifndef MIST_CONTROL_OWNERS_H
#define MIST_CONTROL_OWNERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "mistcore.h"

struct owners;

struct owners *owners_new(struct mist_server *server); /* NULL: out of memory */
void owners_free(struct owners *owners);               /* the names stay as they are; NULL is fine */

/* Registers; with `keeper` other than 0 the name is that keeper's. Any thread. Errors of
 * mist_register(), and MIST_ELIMIT: too many names are kept. */
int owners_register(struct owners *owners, const struct mist_registration *registration,
                    uint64_t keeper);
int owners_deregister(struct owners *owners, const char *owner, const char *name);

/* Whether the keeper keeps any; and takes all that it keeps back. Any thread. */
bool owners_keeps(struct owners *owners, uint64_t keeper);
void owners_leave(struct owners *owners, uint64_t keeper);

/* The server stops: from now on, and where it is under way, owners_leave() leaves the names as they are. Each is a
 * commit, and a keeper may have many. */
void owners_stop(struct owners *owners);

#endif
