#include "control/entry.h"

#include <stdlib.h>
#include <string.h>

/* Room for `count` more characters and the NUL behind them. */
static bool reserve(struct entry_reader *reader, size_t count)
{
	size_t size = reader->size ? reader->size : 1024;
	while (size <= reader->len + count)
		size *= 2;
	if (size == reader->size)
		return true;
	char *text = realloc(reader->text, size);
	if (!text)
		return false;
	reader->text = text;
	reader->size = size;
	return true;
}

static bool put(struct entry_reader *reader, char c)
{
	if (!reserve(reader, 1))
		return false;
	reader->text[reader->len++] = c;
	return true;
}

static bool refill(struct entry_reader *reader)
{
	reader->at = 0;
	reader->filled = fread(reader->block, 1, sizeof(reader->block), reader->file);
	return reader->filled > 0;
}

static int take(struct entry_reader *reader)
{
	if (reader->at == reader->filled && !refill(reader))
		return EOF;
	int c = reader->block[reader->at++];
	reader->line += c == '\n';
	return c;
}

static void skip_line(struct entry_reader *reader, int c)
{
	while (c != '\n' && c != EOF)
		c = take(reader);
}

/* The state between characters. */
struct cutter {
	unsigned depth;    /* of parentheses */
	bool quoted, escaped, comment;
	bool any;          /* something but space was seen */
};

/* One character. ENTRY_END: the entry is complete. ENTRY_FOUND: go on. */
static enum entry_result cut(struct entry_reader *reader, struct cutter *cutter, int c)
{
	bool end = c == '\n' || c == EOF;
	if (end && (cutter->quoted || cutter->escaped))
		return ENTRY_QUOTE;
	if (end) {
		cutter->comment = false;
		if (cutter->depth == 0)
			return ENTRY_END;
		if (c == EOF)
			return ENTRY_PARENTHESIS;
		if (reader->len >= ENTRY_LEN_MAX)
			return ENTRY_LONG;
		return put(reader, ' ') ? ENTRY_FOUND : ENTRY_MEMORY;
	}
	if (cutter->comment)
		return ENTRY_FOUND;
	if ((c < ' ' && c != '\t' && c != '\r') || c == 127)
		return ENTRY_CONTROL;
	if (cutter->escaped) {
		cutter->escaped = false;
	} else if (c == '\\') {
		cutter->escaped = true;
	} else if (c == '"') {
		cutter->quoted = !cutter->quoted;
	} else if (!cutter->quoted) {
		if (c == ';') {
			cutter->comment = true;
			return ENTRY_FOUND;
		}
		if (c == ')' && cutter->depth == 0)
			return ENTRY_PARENTHESIS;
		cutter->depth += c == '(';
		cutter->depth -= c == ')';
		if (c == '(' || c == ')' || c == '\t' || c == '\r')
			c = ' ';
	}
	cutter->any = cutter->any || c != ' ';
	if (reader->len >= ENTRY_LEN_MAX)
		return ENTRY_LONG;
	return put(reader, (char)c) ? ENTRY_FOUND : ENTRY_MEMORY;
}

/* Characters that mean nothing but themselves unless something before them says so. */
#define PLAIN(c) ((c) >= ' ' && (c) != 127 && (c) != '"' && (c) != '\\' && (c) != ';' &&              \
                  (c) != '(' && (c) != ')')
#define PLAIN_4(c) PLAIN(c), PLAIN((c) + 1), PLAIN((c) + 2), PLAIN((c) + 3)
#define PLAIN_16(c) PLAIN_4(c), PLAIN_4((c) + 4), PLAIN_4((c) + 8), PLAIN_4((c) + 12)
#define PLAIN_64(c) PLAIN_16(c), PLAIN_16((c) + 16), PLAIN_16((c) + 32), PLAIN_16((c) + 48)
static const bool plain[256] = { PLAIN_64(0), PLAIN_64(64), PLAIN_64(128), PLAIN_64(192) };

/* Takes a run of plain characters at once: a file is made of little else. What ends the run, or the
 * block, is left to cut(). */
static bool run(struct entry_reader *reader, struct cutter *cutter)
{
	const unsigned char *from = reader->block + reader->at;
	size_t max = reader->filled - reader->at, len = 0;
	if (cutter->quoted || cutter->escaped || cutter->comment)
		return true;
	if (max > ENTRY_LEN_MAX - reader->len)
		max = ENTRY_LEN_MAX - reader->len;
	while (len < max && plain[from[len]])
		len++;
	if (!reserve(reader, len))
		return false;
	memcpy(reader->text + reader->len, from, len);
	reader->len += len;
	reader->at += len;
	for (size_t i = 0; i < len && !cutter->any; i++)
		cutter->any = from[i] != ' ';
	return true;
}

static void trim(struct entry_reader *reader)
{
	/* A space that a backslash protects stays: its backslash is one of an odd number. */
	while (reader->len && reader->text[reader->len - 1] == ' ') {
		size_t slashes = 0;
		while (slashes + 1 < reader->len && reader->text[reader->len - 2 - slashes] == '\\')
			slashes++;
		if (slashes % 2)
			break;
		reader->len--;
	}
	reader->text[reader->len] = '\0';
}

enum entry_result entry_next(struct entry_reader *reader)
{
	for (;;) {
		struct cutter cutter = { 0 };
		enum entry_result result;
		int c;
		reader->len = 0;
		reader->begin = reader->line;
		do {
			if (!run(reader, &cutter))
				return ENTRY_MEMORY;
			c = take(reader);
			result = cut(reader, &cutter, c);
			if (!cutter.any && c == '\n' && result == ENTRY_FOUND)
				reader->begin = reader->line; /* "(" alone does not begin it */
		} while (result == ENTRY_FOUND);
		if (c == EOF && ferror(reader->file))
			return ENTRY_UNREADABLE;
		if (result != ENTRY_END) {
			skip_line(reader, c);
			return result;
		}
		if (cutter.any) {
			reader->indented = reader->text[0] == ' ';
			if (!put(reader, '\0'))
				return ENTRY_MEMORY;
			reader->len--;
			trim(reader);
			return ENTRY_FOUND;
		}
		if (c == EOF)
			return ENTRY_END;
	}
}

const char *entry_problem(enum entry_result result)
{
	switch (result) {
	case ENTRY_QUOTE:
		return "a quote (or a backslash) is not closed before the line ends";
	case ENTRY_PARENTHESIS:
		return "parentheses do not match";
	case ENTRY_CONTROL:
		return "a control character; write it as \\DDD";
	case ENTRY_LONG:
		return "longer than any record can be";
	case ENTRY_UNREADABLE:
		return "cannot be read on";
	case ENTRY_MEMORY:
		return "out of memory";
	case ENTRY_FOUND:
	case ENTRY_END:
		break;
	}
	return "fine";
}

/* Where tokens were cut off stands NUL for a space: the text itself holds no NUL. */
const char *entry_excerpt(struct entry_reader *reader)
{
	size_t from = 0, len = 0;
	while (from < reader->len && (reader->text[from] == ' ' || reader->text[from] == '\0'))
		from++;
	for (; len < ENTRY_EXCERPT && from + len < reader->len; len++)
		reader->excerpt[len] = reader->text[from + len] ? reader->text[from + len] : ' ';
	memcpy(reader->excerpt + len, "...", 4);
	if (from + len == reader->len)
		reader->excerpt[len] = '\0';
	return reader->excerpt;
}

char *entry_token(char **at)
{
	char *begin = *at;
	bool quoted = false;
	while (*begin == ' ')
		begin++;
	if (!*begin)
		return NULL;
	char *end = begin;
	for (; *end && (quoted || *end != ' '); end++) {
		if (*end == '\\' && end[1])
			end++;
		else if (*end == '"')
			quoted = !quoted;
	}
	*at = *end ? end + 1 : end;
	*end = '\0';
	return begin;
}
