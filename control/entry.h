/*
 * The entries of a master file (RFC 1035 section 5.1): one logical line each, without comments,
 * with parentheses taken away and everything in them on the one line. Escapes and quotes stay as
 * they are.
 */
#ifndef MIST_CONTROL_ENTRY_H
#define MIST_CONTROL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* An entry longer than this cannot become a record: 65,535 octets are four characters each at most
 * (\DDD), and spaces between. */
#define ENTRY_LEN_MAX (512 << 10)

#define ENTRY_EXCERPT 80 /* characters of an entry in a message */

struct entry_reader {
	FILE *file;
	unsigned line;     /* of the next character */
	char *text;        /* of the current entry, NUL-terminated; no trailing space */
	size_t len, size;
	size_t at, filled; /* of the block: what is taken, what is there */
	unsigned char block[4096];
	char excerpt[ENTRY_EXCERPT + 4];
	unsigned begin;    /* the line it begins in */
	bool indented;     /* begins with a space: the owner is that of the record before */
};

enum entry_result {
	ENTRY_FOUND,
	ENTRY_END,
	ENTRY_QUOTE,       /* a quote is open at the end of a line */
	ENTRY_PARENTHESIS, /* one too many, or open at the end of the file */
	ENTRY_CONTROL,     /* a control character */
	ENTRY_LONG,
	ENTRY_UNREADABLE,  /* errno says why */
	ENTRY_MEMORY,
};

/* Reads the next entry that is not empty. After a problem the reader stands behind the line at
 * fault. */
enum entry_result entry_next(struct entry_reader *reader);

/* What is wrong, for a message. */
const char *entry_problem(enum entry_result result);

/* The beginning of the current entry, for a message, whatever was cut off it. */
const char *entry_excerpt(struct entry_reader *reader);

/* Cuts the next token off an entry: returns it, NUL-terminated, and moves `at` behind it. NULL
 * at the end. A quoted token keeps its quotes. */
char *entry_token(char **at);

#endif
