#include "control/units.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Reads digits; moves `text` behind them. */
static bool digits(const char **text, uint64_t *number)
{
	uint64_t value = 0;
	const char *at = *text;
	if (!isdigit((unsigned char)*at))
		return false;
	for (; isdigit((unsigned char)*at); at++)
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return false;
	*text = at;
	*number = value;
	return true;
}

/* Reads the letters of a unit; moves `text` behind them. */
static const struct unit *unit_find(const struct unit *units, const char **text)
{
	size_t len = 0;
	while (isalpha((unsigned char)(*text)[len]))
		len++;
	for (; units->name; units++)
		if (strlen(units->name) == len && strncasecmp(units->name, *text, len) == 0) {
			*text += len;
			return units;
		}
	return NULL;
}

bool units_number(const char *text, uint64_t *number)
{
	uint64_t value;
	if (!digits(&text, &value) || *text)
		return false;
	*number = value;
	return true;
}

bool units_size(const char *text, uint64_t *octets)
{
	static const struct unit units[] = {
		{ "", 1 },                { "B", 1 },
		{ "KB", 1000 },           { "MB", 1000 * 1000 },   { "GB", 1000 * 1000 * 1000 },
		{ "KiB", UINT64_C(1) << 10 }, { "MiB", UINT64_C(1) << 20 }, { "GiB", UINT64_C(1) << 30 },
		{ NULL, 0 },
	};
	uint64_t value;
	if (!digits(&text, &value))
		return false;
	while (*text == ' ')
		text++;
	const struct unit *unit = unit_find(units, &text);
	return unit && !*text && !__builtin_mul_overflow(value, unit->factor, octets);
}

bool units_duration(const char *text, uint64_t *milliseconds)
{
	static const struct unit units[] = {
		{ "ms", 1 },        { "s", 1000 },       { "m", 60000 },      { "h", 3600000 },
		{ "d", 86400000 },  { "w", 604800000 },  { NULL, 0 },
	};
	uint64_t sum = 0, value;
	if (units_number(text, &value))
		return !__builtin_mul_overflow(value, 1000U, milliseconds);
	if (!*text)
		return false;
	while (*text) {
		const struct unit *unit;
		if (!digits(&text, &value) || !(unit = unit_find(units, &text)) ||
		    __builtin_mul_overflow(value, unit->factor, &value) ||
		    __builtin_add_overflow(sum, value, &sum))
			return false;
	}
	*milliseconds = sum;
	return true;
}

static uint32_t smallest(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t least = a < b ? a : b;
	return least < c ? least : c;
}

uint32_t units_distance(const char *a, const char *b)
{
	enum { LETTERS_MAX = 63 }; /* of any word worth a suggestion */
	size_t a_len = strlen(a), b_len = strlen(b);
	if (a_len > LETTERS_MAX || b_len > LETTERS_MAX)
		return UINT32_MAX;
	/* Optimal string alignment: three rows of the usual table are enough. */
	uint32_t rows[3][LETTERS_MAX + 1];
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (uint32_t)j;
	for (size_t i = 1; i <= a_len; i++) {
		uint32_t *row = rows[i % 3], *above = rows[(i - 1) % 3];
		row[0] = (uint32_t)i;
		for (size_t j = 1; j <= b_len; j++) {
			int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
			row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]) && rows[(i - 2) % 3][j - 2] + 1 < row[j])
				row[j] = rows[(i - 2) % 3][j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

bool units_near(const char *word, const char *candidate, uint32_t *distance)
{
	*distance = units_distance(word, candidate);
	/* One slip in three letters, two at most in a longer word: more would suggest anything. */
	size_t len = strlen(candidate);
	return *distance <= (len < 3 ? 0U : len < 6 ? 1U : len < 9 ? 2U : 3U);
}
