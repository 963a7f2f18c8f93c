#include "control/entry.h"

#include <stdlib.h>
#include <string.h>

static bool put(struct entry_reader *reader, char c)
{
	if (reader->len + 1 >= reader->size) {
		size_t size = reader->size ? reader->size * 2 : 1024;
		char *text = realloc(reader->text, size);
		if (!text)
			return false;
		reader->text = text;
		reader->size = size;
	}
	reader->text[reader->len++] = c;
	return true;
}

static int take(struct entry_reader *reader)
{
	int c = getc_unlocked(reader->file);
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
		return c == EOF ? ENTRY_PARENTHESIS : put(reader, ' ') ? ENTRY_FOUND : ENTRY_MEMORY;
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

char *entry_token(char **at)
{
	char *begin = *at + strspn(*at, " ");
	bool quoted = false;
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
