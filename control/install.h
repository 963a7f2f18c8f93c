/*
 * Files of ours in directories of others. Each says in its first line whose it is; what does not say so is
 * never changed or removed. Each appears, changes and goes as a whole, by rename.
 */
#ifndef MIST_CONTROL_INSTALL_H
#define MIST_CONTROL_INSTALL_H

#include <stdbool.h>
#include <stddef.h>

#include "control/pool.h"
#include "mistcore.h"

struct install_file {
	const char *path, *text;
	struct install_file *next;
};

struct install_set {
	struct pool pool;             /* the files and their texts live here */
	struct install_file *first;
};

struct install {
	const char *root;             /* a directory that stands for /; NULL: / itself */
	const char *mark;             /* what the first line of a file of ours holds */
	const char *const *places;    /* where files of ours may lie: "/etc/a/" or "/etc/a.conf"; NULL ends */
	const char *makes;            /* a directory that is made if it is missing; NULL: none */
	bool replaces;                /* a file that is not ours is kept as PATH.before-mist, and comes back */
	const struct mist_reporter *reporter;
};

/*
 * Makes the files in the places those of the set: writes these, removes others of ours. NULL: none. If one
 * path is taken by a file that is not ours, nothing is done at all. What is done is reported as
 * information, problems as errors: MIST_EFILE. MIST_ENOMEM.
 */
int install_put(const struct install *install, const struct install_set *set);

/* Adds a file to a set. False: out of memory. */
bool install_add(struct install_set *set, const char *path, const char *text);

#endif
