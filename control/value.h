/*
 * One value of a configuration: its text checked against a key's kind and put into its field.
 */
#ifndef MIST_CONTROL_VALUE_H
#define MIST_CONTROL_VALUE_H

#include "control/schema.h"

/* What is being set, for messages and for relative paths. */
struct value_place {
	struct schema_where where;
	const char *path;         /* "forward.allow[3].name", or the flag or variable */
	const char *directory;    /* that relative paths start from; NULL: the working directory */
};

/* Sets a scalar key of the struct at `base`. Problems are reported. */
void value_scalar(struct schema *schema, const struct schema_key *key, void *base,
                  const struct value_place *place, const char *text);

/* Makes room for `count` entries of a SCHEMA_LIST or SCHEMA_ITEMS field; earlier ones are
 * forgotten. */
bool value_resize(struct schema *schema, const struct schema_key *key, void *base,
                  const struct value_place *place, size_t count);

/* Sets entry `index` of a SCHEMA_LIST. */
void value_list_entry(struct schema *schema, const struct schema_key *key, void *base,
                      const struct value_place *place, size_t index, const char *text);

/* The struct of entry `index` of a SCHEMA_ITEMS. */
void *value_item(const struct schema_key *key, void *base, size_t index);

#endif
