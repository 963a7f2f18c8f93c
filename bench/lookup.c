/* lookup: answers in process, from mist_lookup_message(). Nothing of the kernel is in these figures; they are the
   work of a DNS server alone. One JSON object on stdout.

   The zone is editor.land: made, with its wildcard; or, when a number of names is given, signed with that many names
   of bench/zones.py, and then the questions ask for DNSSEC records.

   Every question is judged once before the clock runs; then the same questions go round, and the length of
   each answer has to stay what it was. */
#include <mistcore.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/questions.h"
#include "bench/verify.h"

#define THREADS_MAX 16
#define ANSWER_OCTETS 1232
#define ZONE "editor.land"

/* An OPT record with DO (RFC 6891 section 6.1.3). */
static const uint8_t opt[] = { 0, 0, 41, ANSWER_OCTETS >> 8, ANSWER_OCTETS & 255, 0, 0, 0x80, 0, 0, 0 };

struct asker {
	pthread_t thread;
	struct mist_lookup *lookup;
	const struct questions *questions;
	size_t extra;                /* octets behind each question: of the OPT record */
	uint64_t rounds, octets;     /* how often each question is asked; octets of one round */
	uint64_t cpu_ns;
	int failed;
};

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The length of the answer, 0 if there is none or a wrong one. */
static size_t ask(struct asker *asker, const struct question *question, int judge)
{
	uint8_t answer[ANSWER_OCTETS];
	size_t length = sizeof answer;

	if (mist_lookup_message(asker->lookup, question->wire, question->length + asker->extra, answer, &length) != MIST_OK)
		return 0;
	return !judge || verify(question, answer, length) == RIGHT ? length : 0;
}

static int judge_all(struct asker *asker)
{
	for (size_t i = 0; i < asker->questions->count; i++) {
		size_t length = ask(asker, &asker->questions->list[i], 1);
		if (length == 0)
			return -1;
		asker->octets += length;
	}
	return 0;
}

static void *go(void *argument)
{
	struct asker *asker = argument;
	uint64_t start = now(CLOCK_THREAD_CPUTIME_ID), octets = 0;

	for (uint64_t round = 0; round < asker->rounds; round++)
		for (size_t i = 0; i < asker->questions->count; i++)
			octets += ask(asker, &asker->questions->list[i], 0);
	asker->cpu_ns = now(CLOCK_THREAD_CPUTIME_ID) - start;
	asker->failed = octets != asker->octets * asker->rounds;
	return NULL;
}

static int add(struct mist_zone *zone, const char *owner, uint16_t type, const void *rdata, uint16_t length)
{
	uint8_t name[MIST_NAME_SIZE];

	if (mist_name_from_text(owner, name) < 0)
		return MIST_ENAME;
	return mist_zone_add(zone, &(struct mist_record){ .owner = name, .type = type, .ttl = 300, .rdata = rdata,
	                                                  .rdata_len = length });
}

static int fill(struct mist_zone *zone, unsigned names)
{
	static const char ns[] = "\2ns\6editor\4land", soa[] = "\2ns\6editor\4land\0\2ns\6editor\4land\0"
		"\0\0\0\1\0\0\x1c\x20\0\0\3\x84\0\x12\x75\0\0\0\1\x2c"; /* 1 7200 900 1209600 300 */
	static const uint8_t address[] = { 127, 0, 0, 1 };
	int error = add(zone, ZONE, 6, soa, sizeof soa - 1);

	if (!error)
		error = add(zone, ZONE, 2, ns, sizeof ns);
	if (!error)
		error = add(zone, "ns." ZONE, 1, address, sizeof address);
	for (unsigned i = 0; i < names && !error; i++) {
		char owner[64];
		snprintf(owner, sizeof owner, "svc-%07u.namespace." ZONE, i);
		error = add(zone, owner, 1, address, sizeof address);
	}
	return error;
}

static struct mist_server *serve(unsigned names)
{
	struct mist_content *content;
	struct mist_server *server;
	struct mist_zone *zone;
	const struct mist_zone_options how = { .size = sizeof how, .name = ZONE, .records = names > 0,
	                                       .ephemeral_key = true };
	/* Nobody asks its sockets. Under valgrind a worker that waits in io_uring_enter() stops all other threads. */
	const struct mist_options options = { .size = sizeof options, .engine = MIST_ENGINE_EPOLL };

	if (mist_content_new(&content, NULL) || mist_content_zone(content, &how, &zone) ||
	    (names > 0 && fill(zone, names)) || mist_start(&server, &options, content))
		return NULL;
	return server;
}

static int measure(struct mist_server *server, struct asker *askers, unsigned count)
{
	uint64_t start, answers = 0, cpu = 0;
	unsigned running = 0;
	int failed = 0;

	for (unsigned i = 0; i < count; i++)
		if (mist_lookup_open(&askers[i].lookup, server) != MIST_OK || judge_all(&askers[i]) != 0) {
			fputs("lookup: a wrong answer\n", stderr);
			return 2;
		}
	start = now(CLOCK_MONOTONIC);
	for (; running < count; running++)
		if (pthread_create(&askers[running].thread, NULL, go, &askers[running]) != 0) {
			failed = 1;
			break;
		}
	for (unsigned i = 0; i < running; i++) {
		pthread_join(askers[i].thread, NULL);
		answers += askers[i].rounds * askers[i].questions->count;
		cpu += askers[i].cpu_ns;
		failed |= askers[i].failed;
	}
	if (failed) {
		fputs("lookup: answers changed, or no thread\n", stderr);
		return 2;
	}
	printf("{\"threads\": %u, \"answers\": %llu, \"cpu_ns\": %.2f, \"rate\": %.0f, \"octets\": %.2f}\n", count,
	       (unsigned long long)answers, (double)cpu / (double)answers,
	       (double)answers * 1e9 / (double)(now(CLOCK_MONOTONIC) - start),
	       (double)askers[0].octets / (double)askers[0].questions->count);
	return 0;
}

_Static_assert(sizeof opt <= QUESTION_SPARE, "an OPT record has room behind a question");

static void ask_dnssec(struct questions *questions)
{
	for (size_t i = 0; i < questions->count; i++) {
		struct question *question = &questions->list[i];
		memcpy(question->wire + question->length, opt, sizeof opt);
		question->wire[11] = 1; /* ARCOUNT */
	}
}

int main(int argc, char **argv)
{
	static struct asker askers[THREADS_MAX];
	struct questions questions;
	struct mist_server *server;
	unsigned count = argc >= 4 ? (unsigned)atoi(argv[2]) : 0, names = argc == 5 ? (unsigned)atoi(argv[4]) : 0;
	uint64_t answers = argc >= 4 ? strtoull(argv[3], NULL, 10) : 0;
	int code = 2;

	if (argc > 5 || names > 1000000 || count < 1 || count > THREADS_MAX || answers < 1 || answers > UINT64_C(1000000000000)) {
		fputs("usage: lookup QUESTIONS THREADS ANSWERS(of each thread) [NAMES]\n", stderr);
		return 2;
	}
	if (questions_read(&questions, argv[1]) != 0)
		return 2;
	if (names > 0)
		ask_dnssec(&questions);
	if ((server = serve(names)) == NULL) {
		fputs("lookup: no server\n", stderr);
	} else {
		for (unsigned i = 0; i < count; i++)
			askers[i] = (struct asker){ .questions = &questions, .extra = names > 0 ? sizeof opt : 0,
			                            .rounds = (answers + questions.count - 1) / questions.count };
		code = measure(server, askers, count);
		for (unsigned i = 0; i < count; i++)
			mist_lookup_close(askers[i].lookup);
		mist_stop(server);
	}
	questions_free(&questions);
	return code;
}
