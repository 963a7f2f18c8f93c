/*
 * schema_read(): the YAML file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "control/schema.h"
#include "control/value.h"

enum {
	PATH_SIZE = 256,           /* of paths in messages; longer ones are cut */
	FILE_SIZE_MAX = 256 << 20, /* a million rules of 200 octets, and a bound for /dev/zero */
};

/* The reading of one file. */
struct reader {
	struct schema *schema;
	const char *file;
	const char *directory;
	yaml_document_t document;
	bool *seen;                /* nodes read already: to meet one twice is an alias */
};

static void read_value(struct reader *reader, const struct schema_key *key, void *base,
                       const char *path, int id);

static struct schema_where where_of(const struct reader *reader, const yaml_node_t *node)
{
	return (struct schema_where){ reader->file, (unsigned)node->start_mark.line + 1 };
}

static struct value_place place_of(const struct reader *reader, const yaml_node_t *node,
                                   const char *path)
{
	return (struct value_place){ where_of(reader, node), path, reader->directory };
}

/* Each node once: an alias would be met twice, and could make a loop or a bomb. */
static yaml_node_t *node_take(struct reader *reader, const char *path, int id)
{
	yaml_node_t *node = yaml_document_get_node(&reader->document, id);
	if (!reader->seen[id]) {
		reader->seen[id] = true;
		return node;
	}
	struct schema_where where = where_of(reader, node);
	schema_problem(reader->schema, &where,
	               "`%s` repeats this by an alias (*name); write the value out", path);
	return NULL;
}

/* The text of a scalar; NULL (reported) for anything else, and for text with NUL inside. */
static const char *scalar_text(struct reader *reader, const yaml_node_t *node, const char *path)
{
	struct schema_where where = where_of(reader, node);
	if (node->type != YAML_SCALAR_NODE) {
		schema_problem(reader->schema, &where, "`%s` must be a single value, not a %s", path,
		               node->type == YAML_SEQUENCE_NODE ? "list" : "mapping");
		return NULL;
	}
	const char *text = (const char *)node->data.scalar.value;
	if (strlen(text) != node->data.scalar.length) {
		schema_problem(reader->schema, &where, "`%s` contains a NUL character", path);
		return NULL;
	}
	return text;
}

/* `key:` with nothing behind it, ~ or null. */
static bool is_nothing(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	const char *text = (const char *)node->data.scalar.value;
	return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static void read_mapping(struct reader *reader, const struct schema_key *keys, void *base,
                         const char *path, const yaml_node_t *node)
{
	struct schema *schema = reader->schema;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		char inner[PATH_SIZE];
		yaml_node_t *name_node = node_take(reader, path, pair->key);
		const char *name = name_node ? scalar_text(reader, name_node, path) : NULL;
		if (!name)
			continue;
		snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "", name);
		struct schema_where where = where_of(reader, name_node);
		const struct schema_key *key = schema_find(keys, name, strlen(name));
		if (!key) {
			schema_unknown_key(schema, &where, keys, inner, name);
			continue;
		}
		bool twice = false;
		for (yaml_node_pair_t *other = node->data.mapping.pairs.start; other < pair; other++) {
			yaml_node_t *other_name = yaml_document_get_node(&reader->document, other->key);
			twice = twice || (other_name->type == YAML_SCALAR_NODE &&
			                  strcmp((char *)other_name->data.scalar.value, name) == 0);
		}
		if (twice)
			schema_problem(schema, &where, "`%s` is given twice", inner);
		else
			read_value(reader, key, base, inner, pair->value);
	}
}

static void read_item(struct reader *reader, const struct schema_key *key, void *item,
                      const char *path, int id)
{
	yaml_node_t *node = node_take(reader, path, id);
	if (!node)
		return;
	struct value_place place = place_of(reader, node, path);
	*(struct schema_where *)item = place.where;
	if (node->type == YAML_MAPPING_NODE) {
		read_mapping(reader, key->keys, item, path, node);
		return;
	}
	const char *text = scalar_text(reader, node, path);
	if (text)
		value_scalar(reader->schema, key->keys, item, &place, text);
}

static void read_list(struct reader *reader, const struct schema_key *key, void *base,
                      const char *path, int id, const yaml_node_t *node)
{
	bool sequence = node->type == YAML_SEQUENCE_NODE;
	const yaml_node_item_t *ids = node->data.sequence.items.start;
	size_t count = sequence ? (size_t)(node->data.sequence.items.top - ids) : !is_nothing(node);
	struct value_place place = place_of(reader, node, path);
	if (!value_resize(reader->schema, key, base, &place, count))
		return;
	reader->seen[id] = sequence; /* a value that stands for a list of one is taken again below */
	for (size_t i = 0; i < count; i++) {
		char inner[PATH_SIZE];
		int entry = sequence ? ids[i] : id;
		snprintf(inner, sizeof(inner), "%.*s[%zu]", PATH_SIZE - 24, path, i);
		if (key->kind == SCHEMA_ITEMS) {
			read_item(reader, key, value_item(key, base, i), inner, entry);
			continue;
		}
		yaml_node_t *entry_node = node_take(reader, inner, entry);
		const char *text = entry_node ? scalar_text(reader, entry_node, inner) : NULL;
		struct value_place entry_place = entry_node ? place_of(reader, entry_node, inner) : place;
		((struct schema_list *)(void *)((char *)base + key->offset))->items[i] = "";
		if (text)
			value_list_entry(reader->schema, key, base, &entry_place, i, text);
	}
}

static void read_value(struct reader *reader, const struct schema_key *key, void *base,
                       const char *path, int id)
{
	yaml_node_t *node = node_take(reader, path, id);
	if (!node)
		return;
	struct value_place place = place_of(reader, node, path);
	if (key->kind == SCHEMA_LIST || key->kind == SCHEMA_ITEMS) {
		read_list(reader, key, base, path, id, node);
	} else if (key->kind == SCHEMA_SECTION) {
		if (node->type == YAML_MAPPING_NODE)
			read_mapping(reader, key->keys, base, path, node);
		else if (!is_nothing(node))
			schema_problem(reader->schema, &place.where,
			               "`%s` must be a mapping with keys of its own, such as `%s:`", path,
			               key->keys->name);
	} else if (is_nothing(node)) {
		schema_problem(reader->schema, &place.where, "`%s` has no value", path);
	} else {
		const char *text = scalar_text(reader, node, path);
		if (text)
			value_scalar(reader->schema, key, base, &place, text);
	}
}

static void yaml_problem(struct reader *reader, const yaml_parser_t *parser)
{
	struct schema_where where = { reader->file, (unsigned)parser->problem_mark.line + 1 };
	const char *hint = "";
	if (parser->context && strstr(parser->context, "alias"))
		hint = "; a name that begins with * must stand in quotes: \"*.example.com\"";
	else if (parser->problem && strstr(parser->problem, "cannot start any token"))
		hint = "; indent with spaces, not tabs";
	else if (parser->problem && strstr(parser->problem, "expected node content"))
		hint = "; text that begins with a special sign must stand in quotes: \"::1\"";
	if (parser->error == YAML_MEMORY_ERROR)
		reader->schema->out_of_memory = true;
	else
		schema_problem(reader->schema, &where, "not YAML: %s%s%s%s",
		               parser->problem ? parser->problem : "unreadable",
		               parser->context ? ", " : "", parser->context ? parser->context : "", hint);
}

static void read_document(struct reader *reader)
{
	yaml_node_t *root = yaml_document_get_root_node(&reader->document);
	size_t count = (size_t)(reader->document.nodes.top - reader->document.nodes.start);
	if (!root)
		return; /* an empty file is a configuration without settings */
	reader->seen = calloc(count + 1, sizeof(bool)); /* nodes are numbered from 1 */
	if (!reader->seen) {
		reader->schema->out_of_memory = true;
		return;
	}
	struct schema_where where = where_of(reader, root);
	if (root->type == YAML_MAPPING_NODE)
		read_mapping(reader, reader->schema->keys, reader->schema->base, "", root);
	else if (!is_nothing(root))
		schema_problem(reader->schema, &where, "the file must be a mapping of keys, such as `%s:`",
		               reader->schema->keys->name);
	free(reader->seen);
}

static void read_text(struct reader *reader, const char *text, size_t len)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser)) {
		reader->schema->out_of_memory = true;
		return;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (yaml_parser_load(&parser, &reader->document)) {
		yaml_document_t more;
		read_document(reader);
		yaml_document_delete(&reader->document);
		if (!yaml_parser_load(&parser, &more)) {
			yaml_problem(reader, &parser);
		} else {
			yaml_node_t *root = yaml_document_get_root_node(&more);
			if (root) {
				struct schema_where where = where_of(reader, root);
				schema_problem(reader->schema, &where, "a second document (---) begins here; only "
				               "one is read");
			}
			yaml_document_delete(&more);
		}
	} else {
		yaml_problem(reader, &parser);
	}
	yaml_parser_delete(&parser);
}

/* The whole file; NULL with errno. */
static char *file_read(const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0, used = 0;
	if (!file)
		return NULL;
	do {
		if (used == size) {
			size = size ? size * 2 : 16384;
			char *more = size > FILE_SIZE_MAX ? NULL : realloc(text, size);
			if (!more) {
				errno = size > FILE_SIZE_MAX ? EFBIG : ENOMEM;
				goto failed;
			}
			text = more;
		}
		used += fread(text + used, 1, size - used, file);
	} while (!feof(file) && !ferror(file));
	if (ferror(file))
		goto failed;
	fclose(file);
	*len = used;
	return text;
failed:;
	int error = errno;
	free(text);
	fclose(file);
	errno = error;
	return NULL;
}

int schema_read(struct schema *schema, const char *file)
{
	unsigned before = schema->problems;
	size_t len;
	char *text = file_read(file, &len);
	struct schema_where where = { pool_text(schema->pool, file, strlen(file)), 0 };
	if (!where.file)
		schema->out_of_memory = true;
	else if (!text)
		schema_problem(schema, NULL, "cannot read %s: %s", file, strerror(errno));
	if (!where.file || !text) {
		free(text);
		return schema->out_of_memory ? MIST_ENOMEM : MIST_EFILE;
	}
	struct reader reader = { .schema = schema, .file = where.file };
	const char *slash = strrchr(file, '/');
	if (slash) {
		reader.directory =
			pool_text(schema->pool, file, slash == file ? 1 : (size_t)(slash - file));
		schema->out_of_memory = schema->out_of_memory || !reader.directory;
	}
	if (!schema->out_of_memory)
		read_text(&reader, text, len);
	free(text);
	return schema_outcome(schema, before);
}
