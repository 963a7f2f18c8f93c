#include "cli/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/text.h"

int lines_add(struct lines *lines, char *line)
{
	if (line && lines->count == lines->size) {
		size_t size = lines->size ? 2 * lines->size : 64;
		char **items = realloc(lines->items, size * sizeof(*items));
		if (items) {
			lines->items = items;
			lines->size = size;
		}
	}
	if (!line || lines->count == lines->size) {
		free(line);
		return MIST_ENOMEM;
	}
	lines->items[lines->count++] = line;
	return MIST_OK;
}

int lines_record(void *lines, const struct mist_record *record)
{
	return lines_add(lines, text_record(record));
}

void lines_free(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->items[i]);
	free(lines->items);
	*lines = (struct lines){ 0 };
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* The token with this number; spaces in names and strings are escaped or in quotes, but before the data
 * of an SOA there are none. */
static const char *token(const char *line, unsigned number)
{
	while (number-- && *line) {
		line += strcspn(line, " \t");
		line += strspn(line, " \t");
	}
	return *line ? line : NULL;
}

bool lines_is_soa(const char *line)
{
	const char *type = token(line, 3);
	return type && strncmp(type, "SOA", 3) == 0 && strchr(" \t", type[3]);
}

/* "owner ttl IN SOA mname rname serial ...": the serial. */
static const char *serial_of(const char *line)
{
	return lines_is_soa(line) ? token(line, 6) : NULL;
}

static int compare_without_serials(const char *a, const char *b)
{
	const char *a_serial = serial_of(a), *b_serial = serial_of(b);
	if (!a_serial || !b_serial)
		return strcmp(a, b);
	size_t a_len = (size_t)(a_serial - a), b_len = (size_t)(b_serial - b);
	int order = strncmp(a, b, a_len < b_len ? a_len : b_len);
	if (order || a_len != b_len)
		return order ? order : a_len < b_len ? -1 : 1;
	return strcmp(a_serial + strcspn(a_serial, " "), b_serial + strcspn(b_serial, " "));
}

/* "owner ttl IN ...": what is cut is no longer than it was. */
void lines_cut_ttls(struct lines *lines, uint32_t most)
{
	for (size_t i = 0; i < lines->count; i++) {
		char *ttl = lines->items[i] + strcspn(lines->items[i], " \t"), *rest, cut[16];
		ttl += strspn(ttl, " \t");
		if (strtoul(ttl, &rest, 10) <= most || rest == ttl)
			continue;
		const size_t len = (size_t)snprintf(cut, sizeof(cut), "%" PRIu32, most);
		memcpy(ttl, cut, len);
		memmove(ttl + len, rest, strlen(rest) + 1);
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct lines *lines)
{
	if (lines->count)
		qsort(lines->items, lines->count, sizeof(*lines->items), compare);
}

int lines_differ(struct lines *before, struct lines *after, bool serials,
                 int (*line)(void *user, bool added, const char *line), void *user)
{
	size_t i = 0, j = 0;
	int result = 0;
	sort(before);
	sort(after);
	while (!result && (i < before->count || j < after->count)) {
		const char *a = i < before->count ? before->items[i] : NULL;
		const char *b = j < after->count ? after->items[j] : NULL;
		int order = !a ? 1 : !b ? -1 : serials ? strcmp(a, b) : compare_without_serials(a, b);
		if (order < 0)
			result = line(user, false, a);
		else if (order > 0)
			result = line(user, true, b);
		i += order <= 0;
		j += order >= 0;
	}
	return result;
}

bool lines_same_record(const char *a, const char *b)
{
	const char *a_ttl = token(a, 1), *b_ttl = token(b, 1);
	const char *a_rest = token(a, 2), *b_rest = token(b, 2);
	return a_rest && b_rest && a_ttl - a == b_ttl - b && strncmp(a, b, (size_t)(a_ttl - a)) == 0 &&
	       strcmp(a_rest, b_rest) == 0;
}
