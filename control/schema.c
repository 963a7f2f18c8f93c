#define _GNU_SOURCE /* environ */
#include "control/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/units.h"
#include "control/value.h"

enum {
	PATH_SIZE = 256, /* the longest path of the tables has 40 letters; user keys are cut */
};

void schema_problem(struct schema *schema, const struct schema_where *where, const char *format,
                    ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = ' ';
	schema->problems++;
	if (schema->reporter && schema->reporter->report)
		schema->reporter->report(schema->reporter->user, MIST_LEVEL_ERROR,
		                         where ? where->file : NULL, where ? where->line : 0, text);
}

const struct schema_key *schema_find(const struct schema_key *keys, const char *name, size_t len)
{
	for (; keys->name; keys++)
		if (strlen(keys->name) == len && memcmp(keys->name, name, len) == 0)
			return keys;
	return NULL;
}

static const char *key_nearest(const struct schema_key *keys, const char *name)
{
	const char *nearest = NULL;
	uint32_t best = UINT32_MAX, distance;
	for (; keys->name; keys++)
		if (units_near(name, keys->name, &distance) && distance < best) {
			best = distance;
			nearest = keys->name;
		}
	return nearest;
}

void schema_unknown_key(struct schema *schema, const struct schema_where *where,
                        const struct schema_key *keys, const char *path, const char *name)
{
	const char *nearest = key_nearest(keys, name);
	char list[400] = "";
	size_t len = 0;
	if (nearest) {
		schema_problem(schema, where, "`%s` is not a key; did you mean `%s`?", path, nearest);
		return;
	}
	for (const struct schema_key *key = keys; key->name && len < sizeof(list); key++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "", key->name);
	schema_problem(schema, where, "`%s` is not a key; there are: %s", path, list);
}

int schema_outcome(const struct schema *schema, unsigned problems_before)
{
	return schema->out_of_memory                  ? MIST_ENOMEM
	     : schema->problems > problems_before ? MIST_EINVAL
	                                          : MIST_OK;
}

/* ---- environment and flags ------------------------------------------------------------------- */

static void set_list(struct schema *schema, const struct schema_key *key, void *base,
                     const struct value_place *place, const char *text)
{
	size_t count = *text ? 1 : 0;
	for (const char *c = text; *c; c++)
		count += *c == ',';
	if (!value_resize(schema, key, base, place, count))
		return;
	for (size_t i = 0; i < count; i++) {
		size_t len = strcspn(text, ",");
		const char *next = text[len] ? text + len + 1 : text + len;
		while (len && *text == ' ')
			text++, len--;
		while (len && text[len - 1] == ' ')
			len--;
		const char *entry = pool_text(schema->pool, text, len);
		if (!entry) {
			schema->out_of_memory = true;
			return;
		}
		if (key->kind == SCHEMA_ITEMS) {
			void *item = value_item(key, base, i);
			*(struct schema_where *)item = place->where;
			value_scalar(schema, key->keys, item, place, entry);
		} else {
			value_list_entry(schema, key, base, place, i, entry);
		}
		text = next;
	}
}

static void set_key(struct schema *schema, const struct schema_key *key, const char *origin,
                    const char *text)
{
	struct value_place place = { { NULL, 0 }, origin, NULL };
	if (key->kind == SCHEMA_LIST || key->kind == SCHEMA_ITEMS)
		set_list(schema, key, schema->base, &place, text);
	else
		value_scalar(schema, key, schema->base, &place, text);
}

/* The key at a path, "listen.port"; NULL, reported, if there is none with a value. */
static const struct schema_key *key_at(struct schema *schema, const char *path)
{
	const struct schema_key *keys = schema->keys;
	for (const char *at = path; keys;) {
		size_t len = strcspn(at, ".");
		const struct schema_key *key = schema_find(keys, at, len);
		if (!key) {
			char name[64];
			snprintf(name, sizeof(name), "%.*s", (int)len, at);
			schema_unknown_key(schema, NULL, keys, path, name);
			return NULL;
		}
		if (!at[len] && key->kind != SCHEMA_SECTION)
			return key;
		keys = at[len] && key->kind == SCHEMA_SECTION ? key->keys : NULL;
		at += len + 1;
	}
	schema_problem(schema, NULL, "`%s` is not a key with a value", path);
	return NULL;
}

int schema_set(struct schema *schema, const char *path, const char *text, const char *origin)
{
	unsigned before = schema->problems;
	const struct schema_key *key = key_at(schema, path);
	if (!key)
		return MIST_ENOTFOUND;
	set_key(schema, key, origin, text);
	return schema_outcome(schema, before);
}

/* A walk over the environment: finds the variable of each key, or the key nearest to a variable. */
struct environment {
	struct schema *schema;
	const char *prefix;
	const char *variable;     /* to find; NULL: set all keys */
	uint32_t best;
	char nearest[PATH_SIZE];
};

static bool variable_name(const char *prefix, const char *path, char name[PATH_SIZE])
{
	if (strchr(path, '['))
		return false; /* inside a list of mappings: no variable */
	snprintf(name, PATH_SIZE, "%s%s", prefix, path);
	for (char *c = name; *c; c++)
		*c = (char)(*c == '.' ? '_' : *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
	return true;
}

static void environment_key(void *user, const char *path, const struct schema_key *key)
{
	struct environment *environment = user;
	char name[PATH_SIZE];
	if (!variable_name(environment->prefix, path, name))
		return;
	if (environment->variable) {
		uint32_t distance;
		size_t prefix = strlen(environment->prefix);
		/* Short words are near to too many others. */
		if (strlen(name + prefix) > 4 &&
		    units_near(environment->variable + prefix, name + prefix, &distance) &&
		    distance < environment->best) {
			environment->best = distance;
			snprintf(environment->nearest, sizeof(environment->nearest), "%s", name);
		}
		return;
	}
	const char *text = getenv(name);
	bool list = key->kind == SCHEMA_LIST || key->kind == SCHEMA_ITEMS;
	/* Containers are often started with variables that are set and empty; only for a list can that
	 * have a meaning. */
	if (text && (*text || list)) {
		const char *origin = pool_text(environment->schema->pool, name, strlen(name));
		environment->schema->out_of_memory = environment->schema->out_of_memory || !origin;
		if (origin)
			set_key(environment->schema, key, origin, text);
	}
}

/* A variable with the prefix that is no key: worth a word only when it looks like one, because
 * others use the prefix as well (Kubernetes makes MIST_SERVICE_HOST for a service named "mist"). */
static void warn_misspelt(struct schema *schema, const char *prefix, const char *const *reserved)
{
	for (char **entry = environ; entry && *entry; entry++) {
		char name[PATH_SIZE];
		size_t len = strcspn(*entry, "=");
		if (strncmp(*entry, prefix, strlen(prefix)) != 0 || len >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len, *entry);
		bool known = false;
		for (const char *const *word = reserved; word && *word; word++)
			known = known || strcmp(*word, name) == 0;
		struct environment near = { schema, prefix, name, UINT32_MAX, "" };
		schema_walk(schema->keys, environment_key, &near);
		if (!known && near.nearest[0] && near.best > 0 && schema->reporter &&
		    schema->reporter->report) {
			char text[2 * PATH_SIZE + 64];
			snprintf(text, sizeof(text), "the variable %s is ignored; did you mean %s?", name,
			         near.nearest);
			schema->reporter->report(schema->reporter->user, MIST_LEVEL_WARNING, NULL, 0, text);
		}
	}
}

int schema_environment(struct schema *schema, const char *prefix, const char *const *reserved)
{
	unsigned before = schema->problems;
	struct environment environment = { .schema = schema, .prefix = prefix };
	schema_walk(schema->keys, environment_key, &environment);
	warn_misspelt(schema, prefix, reserved);
	return schema_outcome(schema, before);
}

struct walk {
	void (*key)(void *user, const char *path, const struct schema_key *key);
	void *user;
};

static void walk_keys(const struct schema_key *keys, const char *prefix, const struct walk *walk)
{
	for (; keys->name; keys++) {
		char path[PATH_SIZE], inner[PATH_SIZE + 4];
		snprintf(path, sizeof(path), "%s%s", prefix, keys->name);
		if (keys->kind != SCHEMA_SECTION)
			walk->key(walk->user, path, keys);
		if (keys->keys) { /* one level of sections and one of items: the depth of the tables */
			snprintf(inner, sizeof(inner), "%s%s.", path, keys->kind == SCHEMA_ITEMS ? "[]" : "");
			walk_keys(keys->keys, inner, walk);
		}
	}
}

void schema_walk(const struct schema_key *keys,
                 void (*key)(void *user, const char *path, const struct schema_key *key),
                 void *user)
{
	struct walk walk = { key, user };
	walk_keys(keys, "", &walk);
}
