/*
 * What a configuration may say, as tables: each key with its kind and the field it fills. One table
 * serves the YAML file, the environment and the flags, so that none of them knows a key the others
 * do not.
 *
 * The YAML is read with libyaml, which marks every node with its line; the schema is ours, because
 * every message is to name file, line and path, suggest what was meant, and go on to the next
 * problem.
 */
#ifndef MIST_CONTROL_SCHEMA_H
#define MIST_CONTROL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/pool.h"
#include "mistcore.h"

/* Where a value was written. `file` is NULL for environment and flags. */
struct schema_where {
	const char *file;
	unsigned line;
};

struct schema_list {
	const char **items;
	size_t count;
	struct schema_where where;
};

/* Structs in a row; each begins with a struct schema_where. */
struct schema_items {
	void *items;
	size_t count;
};

enum schema_kind {
	SCHEMA_TEXT,     /* const char * */
	SCHEMA_PATH,     /* const char *; relative to the directory of the file; or a word as it is */
	SCHEMA_NUMBER,   /* uint32_t from min to max, or a word */
	SCHEMA_SIZE,     /* size_t, octets */
	SCHEMA_SECONDS,  /* uint32_t */
	SCHEMA_MS,       /* uint32_t */
	SCHEMA_FLAG,     /* bool */
	SCHEMA_CHOICE,   /* uint32_t, one of the words */
	SCHEMA_LIST,     /* struct schema_list; one scalar stands for a list of one */
	SCHEMA_SECTION,  /* a mapping with `keys` */
	SCHEMA_ITEMS,    /* struct schema_items: a list of mappings with `keys`; a scalar stands for a
	                    mapping with the first key only */
};

struct schema_word {
	const char *word;
	uint32_t value;
};

struct schema_key {
	const char *name;                    /* NULL ends a table */
	enum schema_kind kind;
	size_t offset;                       /* of the field, in the struct that the table fills */
	uint64_t min, max;                   /* of a number, size or duration (in its unit) */
	const struct schema_word *words;
	const struct schema_key *keys;
	size_t item_size;
	const char *(*wrong)(const char *text); /* NULL: fine; else what was expected, for a message */
};

struct schema {
	const struct schema_key *keys;
	void *base;                          /* the struct that `keys` fill */
	struct pool *pool;                   /* texts and lists go here */
	const struct mist_reporter *reporter;
	unsigned problems;                   /* reported so far */
	bool out_of_memory;
};

/* Reports one problem; `line` 0 and `file` NULL when there is none. */
void schema_problem(struct schema *schema, const struct schema_where *where, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* The key of that name in a table; NULL: none. */
const struct schema_key *schema_find(const struct schema_key *keys, const char *name, size_t len);

/* Reports a key that is none, with the one that was probably meant or all there are. */
void schema_unknown_key(struct schema *schema, const struct schema_where *where,
                        const struct schema_key *keys, const char *path, const char *name);

/* MIST_ENOMEM, MIST_EINVAL if there are more problems than before, or MIST_OK. */
int schema_outcome(const struct schema *schema, unsigned problems_before);

/*
 * Reads a YAML file into the fields. Every problem is reported and counted; fields with problems
 * keep their value. MIST_EFILE when the file cannot be read, MIST_EINVAL with problems,
 * MIST_ENOMEM.
 */
int schema_read(struct schema *schema, const char *file);

/*
 * Sets one key, "listen.port", from text; lists are separated by commas. `origin` names the flag or
 * variable in messages. MIST_ENOTFOUND for an unknown key, else as schema_read().
 */
int schema_set(struct schema *schema, const char *path, const char *text, const char *origin);

/* Takes every key that has a variable: PREFIX_LISTEN_PORT. An empty variable empties a list and is
 * ignored otherwise. A variable that looks like a misspelt key is warned about. `reserved` names
 * variables with the prefix that are no keys. */
int schema_environment(struct schema *schema, const char *prefix, const char *const *reserved);

/* Calls back for every key with its path ("listen.port"; lists of mappings as "zones[].name"). */
void schema_walk(const struct schema_key *keys,
                 void (*key)(void *user, const char *path, const struct schema_key *key),
                 void *user);

#endif
