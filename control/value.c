#include "control/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/units.h"

static void *field(const struct schema_key *key, void *base)
{
	return (char *)base + key->offset;
}

static bool word_find(const struct schema_word *words, const char *text, uint32_t *value)
{
	for (; words && words->word; words++)
		if (strcasecmp(words->word, text) == 0) {
			*value = words->value;
			return true;
		}
	return false;
}

/* "auto, uring or epoll"; of words that mean the same only the first. */
static const char *word_list(const struct schema_word *words, char *text, size_t size)
{
	const struct schema_word *kinds[16];
	size_t count = 0, len = 0;
	for (; words && words->word && count < sizeof(kinds) / sizeof(kinds[0]); words++) {
		bool known = false;
		for (size_t i = 0; i < count; i++)
			known = known || kinds[i]->value == words->value;
		if (!known)
			kinds[count++] = words;
	}
	text[0] = '\0';
	for (size_t i = 0; i < count && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s",
		                        i == 0 ? "" : i + 1 == count ? " or " : ", ", kinds[i]->word);
	return text;
}

static bool flag_parse(const char *text, bool *flag)
{
	static const struct schema_word words[] = {
		{ "true", 1 }, { "yes", 1 }, { "on", 1 }, { "1", 1 },
		{ "false", 0 }, { "no", 0 }, { "off", 0 }, { "0", 0 }, { NULL, 0 },
	};
	uint32_t value;
	if (!word_find(words, text, &value))
		return false;
	*flag = value != 0;
	return true;
}

static void refuse(struct schema *schema, const struct value_place *place, const char *text,
                   const char *expected)
{
	schema_problem(schema, &place->where, "`%s`: \"%s\" is not %s", place->path, text, expected);
}

/* Numbers, sizes and durations: text to a number within the key's bounds. */
static bool amount_parse(struct schema *schema, const struct schema_key *key,
                         const struct value_place *place, const char *text, uint64_t *amount)
{
	char expected[160], words[80];
	uint32_t word;
	if (word_find(key->words, text, &word)) {
		*amount = word;
		return true;
	}
	bool good = key->kind == SCHEMA_NUMBER ? units_number(text, amount)
	          : key->kind == SCHEMA_SIZE   ? units_size(text, amount)
	                                       : units_duration(text, amount);
	if (good && key->kind == SCHEMA_SECONDS) {
		good = *amount % 1000 == 0;
		*amount /= 1000;
	}
	if (good && *amount >= key->min && *amount <= key->max)
		return true;
	if (key->kind == SCHEMA_NUMBER)
		snprintf(expected, sizeof(expected), "%s%sa number from %" PRIu64 " to %" PRIu64,
		         word_list(key->words, words, sizeof(words)), key->words ? " or " : "", key->min,
		         key->max);
	else if (key->kind == SCHEMA_SIZE)
		snprintf(expected, sizeof(expected), "a size such as 16MiB, from %" PRIu64 " to %" PRIu64
		         " octets", key->min, key->max);
	else
		snprintf(expected, sizeof(expected), "a duration such as 2s, 5m or 14d, from %" PRIu64
		         " to %" PRIu64 " %s", key->min, key->max,
		         key->kind == SCHEMA_MS ? "milliseconds" : "seconds");
	refuse(schema, place, text, expected);
	return false;
}

static bool text_good(struct schema *schema, const struct schema_key *key,
                      const struct value_place *place, const char *text)
{
	const char *expected = key->wrong ? key->wrong(text) : NULL;
	if (!*text)
		schema_problem(schema, &place->where, "`%s` is empty", place->path);
	else if (expected)
		refuse(schema, place, text, expected);
	return *text && !expected;
}

static const char *keep(struct schema *schema, const char *text)
{
	const char *copy = pool_text(schema->pool, text, strlen(text));
	schema->out_of_memory = schema->out_of_memory || !copy;
	return copy;
}

static const char *keep_path(struct schema *schema, const struct schema_key *key,
                             const struct value_place *place, const char *text)
{
	uint32_t value;
	if (text[0] == '/' || !place->directory || word_find(key->words, text, &value))
		return keep(schema, text);
	const char *copy = pool_format(schema->pool, "%s/%s", place->directory, text);
	schema->out_of_memory = schema->out_of_memory || !copy;
	return copy;
}

void value_scalar(struct schema *schema, const struct schema_key *key, void *base,
                  const struct value_place *place, const char *text)
{
	char words[120], expected[160];
	uint64_t amount;
	switch (key->kind) {
	case SCHEMA_TEXT:
		if (text_good(schema, key, place, text))
			*(const char **)field(key, base) = keep(schema, text);
		break;
	case SCHEMA_PATH:
		if (text_good(schema, key, place, text))
			*(const char **)field(key, base) = keep_path(schema, key, place, text);
		break;
	case SCHEMA_SIZE:
		if (amount_parse(schema, key, place, text, &amount))
			*(size_t *)field(key, base) = (size_t)amount;
		break;
	case SCHEMA_NUMBER:
	case SCHEMA_SECONDS:
	case SCHEMA_MS:
		if (amount_parse(schema, key, place, text, &amount))
			*(uint32_t *)field(key, base) = (uint32_t)amount;
		break;
	case SCHEMA_FLAG:
		if (!flag_parse(text, field(key, base)))
			refuse(schema, place, text, "true or false");
		break;
	case SCHEMA_CHOICE:
		if (!word_find(key->words, text, field(key, base))) {
			snprintf(expected, sizeof(expected), "one of %s",
			         word_list(key->words, words, sizeof(words)));
			refuse(schema, place, text, expected);
		}
		break;
	case SCHEMA_LIST:
	case SCHEMA_ITEMS:
	case SCHEMA_SECTION:
		break; /* not scalars: their callers take them apart first */
	}
}

bool value_resize(struct schema *schema, const struct schema_key *key, void *base,
                  const struct value_place *place, size_t count)
{
	size_t size = key->kind == SCHEMA_LIST ? sizeof(char *) : key->item_size;
	void *entries = pool_take(schema->pool, (count ? count : 1) * size);
	if (!entries) {
		schema->out_of_memory = true;
		return false;
	}
	if (key->kind == SCHEMA_LIST)
		*(struct schema_list *)field(key, base) =
	        (struct schema_list){ entries, count, place->where };
	else
		*(struct schema_items *)field(key, base) = (struct schema_items){ entries, count };
	return true;
}

void value_list_entry(struct schema *schema, const struct schema_key *key, void *base,
                      const struct value_place *place, size_t index, const char *text)
{
	struct schema_list *list = field(key, base);
	/* A refused entry leaves an empty text, so that no entry is NULL. */
	list->items[index] = text_good(schema, key, place, text) ? keep(schema, text) : "";
}

void *value_item(const struct schema_key *key, void *base, size_t index)
{
	const struct schema_items *list = field(key, base);
	return (char *)list->items + index * key->item_size;
}
