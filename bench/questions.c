/* The reader of query files. */
#include "bench/questions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_QUESTIONS 1000000u

static const struct { const char *name; uint16_t number; } types[] = {
	{ "A", 1 }, { "NS", 2 }, { "CNAME", 5 }, { "SOA", 6 }, { "PTR", 12 }, { "MX", 15 },
	{ "TXT", 16 }, { "AAAA", 28 }, { "SRV", 33 }, { "DS", 43 }, { "NSEC", 47 }, { "DNSKEY", 48 },
	{ "SVCB", 64 }, { "HTTPS", 65 }, { "ANY", 255 }, { "CAA", 257 },
};

static int type_of(const char *text)
{
	char *end;
	unsigned long number;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcasecmp(types[i].name, text) == 0)
			return types[i].number;
	if (strncasecmp(text, "TYPE", 4) != 0 || text[4] == 0)
		return -1;
	number = strtoul(text + 4, &end, 10);
	return *end == 0 && number <= 65535 ? (int)number : -1;
}

/* A name without escapes, absolute with or without its last dot. Returns its octets, 0 if it is none. */
static size_t name_to_wire(const char *text, uint8_t wire[255])
{
	size_t length = 0;

	if (strcmp(text, ".") == 0)
		text = "";
	while (*text) {
		size_t label = strcspn(text, ".");
		if (label == 0 || label > 63 || length + label + 2 > 255)
			return 0;
		wire[length++] = (uint8_t)label;
		memcpy(wire + length, text, label);
		length += label;
		text += label + (text[label] == '.');
	}
	wire[length++] = 0;
	return length;
}

/* "-" and nothing at all are any value. */
static int expectation(const char *text, int32_t *value)
{
	char *end;
	long number;

	*value = ANY_VALUE;
	if (text == NULL || strcmp(text, "-") == 0)
		return 0;
	number = strtol(text, &end, 10);
	if (*end || number < 0 || number > 65535)
		return -1;
	*value = (int32_t)number;
	return 0;
}

/* Returns what is wrong with the line, or NULL. An empty line leaves the length 0. */
static const char *read_line(char *line, struct question *question, uint8_t wire[QUESTION_OCTETS])
{
	char *rest = line, *words[6] = { NULL };
	size_t count = 0, length;
	int32_t rcode;
	int type;

	line[strcspn(line, "#\n")] = 0;
	for (char *word; (word = strtok_r(rest, " \t\r", &rest)) != NULL; words[count++] = word)
		if (count == 5)
			return "too many words";
	memset(question, 0, sizeof *question);
	memset(wire, 0, QUESTION_OCTETS);
	if (count == 0)
		return NULL;
	if (count == 1)
		return "no type";
	length = name_to_wire(words[0], wire + 12);
	if (length == 0)
		return "not a name";
	if ((type = type_of(words[1])) < 0)
		return "not a type";
	if (expectation(words[2], &rcode) != 0 || expectation(words[3], &question->answer) != 0 ||
	    expectation(words[4], &question->authority) != 0)
		return "not a number";
	question->rcode = (int16_t)rcode;
	wire[2] = 1; /* RD, as stubs set it */
	wire[5] = 1;
	wire[12 + length] = (uint8_t)(type >> 8);
	wire[12 + length + 1] = (uint8_t)type;
	wire[12 + length + 3] = 1; /* IN */
	question->length = (uint16_t)(12 + length + 4);
	return NULL;
}

/* What is read so far; the octets move while they grow. */
struct reading {
	struct questions *questions;
	size_t room, used, octets_room;
};

/* Room for `wanted` elements more. */
static int reserve(void **list, size_t *room, size_t used, size_t wanted, size_t size)
{
	if (*room - used >= wanted)
		return 0;
	size_t more = 2 * *room + wanted + 1024;
	void *grown = reallocarray(*list, more, size);
	if (grown == NULL)
		return -1;
	*list = grown;
	*room = more;
	return 0;
}

static int append(struct reading *reading, const struct question *question, const uint8_t *wire)
{
	struct questions *questions = reading->questions;
	const size_t length = question->length + (size_t)QUESTION_SPARE;
	void *list = questions->list, *octets = questions->octets;
	int failed = reserve(&list, &reading->room, questions->count, 1, sizeof *question) |
	             reserve(&octets, &reading->octets_room, reading->used, length, 1);

	questions->list = list;
	questions->octets = octets;
	if (failed)
		return -1;
	questions->list[questions->count++] = *question;
	memset(questions->octets + reading->used, 0, length);
	memcpy(questions->octets + reading->used, wire, question->length);
	reading->used += length;
	return 0;
}

int questions_read(struct questions *questions, const char *path)
{
	FILE *file = fopen(path, "re");
	const char *wrong = NULL;
	struct reading reading = { .questions = questions };
	uint8_t wire[QUESTION_OCTETS], *octets;
	size_t number = 0;
	char line[1024];

	*questions = (struct questions){ 0 };
	if (file == NULL) {
		fprintf(stderr, "load: %s: %s\n", path, strerror(errno));
		return -1;
	}
	while (wrong == NULL && fgets(line, sizeof line, file)) {
		struct question question;
		number++;
		wrong = read_line(line, &question, wire);
		if (wrong == NULL && question.length > 0) {
			if (questions->count == MAX_QUESTIONS)
				wrong = "more than a million questions";
			else if (append(&reading, &question, wire) != 0)
				wrong = "no memory";
		}
	}
	fclose(file);
	if (wrong == NULL && questions->count == 0)
		wrong = "no questions";
	octets = questions->octets;
	for (size_t i = 0; i < questions->count; octets += questions->list[i++].length + QUESTION_SPARE)
		questions->list[i].wire = octets;
	if (wrong == NULL)
		return 0;
	fprintf(stderr, "load: %s:%zu: %s\n", path, number, wrong);
	questions_free(questions);
	return -1;
}

void questions_free(struct questions *questions)
{
	free(questions->list);
	free(questions->octets);
	*questions = (struct questions){ 0 };
}
