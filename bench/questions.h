/* What is asked, and what must come back: a file of lines

       name type [rcode [answers [authority]]]

   with the rcode as a number and the counts of records; "-" or nothing means any. "#" begins a comment.
   Questions are turned into octets once; a query is a copy of them with an id of its own. The octets of all lie one
   behind the other: so hundreds of thousands of questions cost who asks hardly more than ten. */
#ifndef BENCH_QUESTIONS_H
#define BENCH_QUESTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Header, a name of full length, type and class. */
#define QUESTION_OCTETS (12 + 255 + 4)

/* Octets that a caller may write behind those of each question. */
#define QUESTION_SPARE 11

#define ANY_VALUE (-1)

struct question {
	uint16_t length;
	int16_t rcode;         /* or ANY_VALUE, as the counts */
	int32_t answer;
	int32_t authority;
	uint8_t *wire;
};

struct questions {
	struct question *list;
	size_t count;
	uint8_t *octets;       /* of all */
};

/* Reads a file, at most a million lines (100 MB). Returns 0, or -1 after telling the reason on stderr. */
int questions_read(struct questions *questions, const char *path);
void questions_free(struct questions *questions);

#endif
