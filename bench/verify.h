/* Is this the answer to that question? Every answer of every run is looked at: a server that is fast
   because it answers wrong, or half, must not win. */
#ifndef BENCH_VERIFY_H
#define BENCH_VERIFY_H

#include <stdbool.h>

#include "bench/questions.h"

enum verdict {
	RIGHT,
	WRONG_HEADER,          /* not a response, another opcode */
	WRONG_QUESTION,        /* not the question that was asked */
	WRONG_TRUNCATED,       /* TC */
	WRONG_RCODE,
	WRONG_COUNT,           /* answers or authority records */
	WRONG_FORM,            /* records do not end where the message ends */
	WRONG_MIXED,           /* records that tell different versions of their zone */
	VERDICTS
};

extern const char *const verdict_names[VERDICTS];

/* The id was checked by whoever found the question. */
enum verdict verify(const struct question *question, const uint8_t *message, size_t length);

/* Of a right answer from a zone whose versions are stamped (struct stamp in bench/commits.c): whether its addresses, and
   priority and weight of its SRV records, all tell the same version. */
bool verify_version(const uint8_t *message, size_t length);

/* A DNS cookie (RFC 7873) in the message's OPT record: client and server part, 0 if there is none. */
size_t verify_cookie(const uint8_t *message, size_t length, uint8_t cookie[40]);

#endif
