/* lookup: answers in process, from mist_lookup_message(). Nothing of the kernel is in these figures; they are the
   work of a DNS server alone. One JSON object on stdout.

   Every question is judged once before the clock runs; then the same questions go round, and the length of
   each answer has to stay what it was. */
#include <mistcore.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/questions.h"
#include "bench/verify.h"

#define THREADS_MAX 16
#define ANSWER_OCTETS 1232

struct asker {
	pthread_t thread;
	struct mist_lookup *lookup;
	const struct questions *questions;
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
static size_t ask(struct mist_lookup *lookup, const struct question *question, int judge)
{
	uint8_t answer[ANSWER_OCTETS];
	size_t length = sizeof answer;

	if (mist_lookup_message(lookup, question->wire, question->length, answer, &length) != MIST_OK)
		return 0;
	return !judge || verify(question, answer, length) == RIGHT ? length : 0;
}

static int judge_all(struct asker *asker)
{
	for (size_t i = 0; i < asker->questions->count; i++) {
		size_t length = ask(asker->lookup, &asker->questions->list[i], 1);
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
			octets += ask(asker->lookup, &asker->questions->list[i], 0);
	asker->cpu_ns = now(CLOCK_THREAD_CPUTIME_ID) - start;
	asker->failed = octets != asker->octets * asker->rounds;
	return NULL;
}

static struct mist_server *serve(void)
{
	struct mist_content *content;
	struct mist_server *server;
	const struct mist_zone_options zone = { .size = sizeof zone, .name = "editor.land", .ephemeral_key = true };

	if (mist_content_new(&content, NULL) || mist_content_zone(content, &zone, NULL) ||
	    mist_start(&server, NULL, content))
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

int main(int argc, char **argv)
{
	static struct asker askers[THREADS_MAX];
	struct questions questions;
	struct mist_server *server;
	unsigned count = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	uint64_t answers = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	int code = 2;

	if (count < 1 || count > THREADS_MAX || answers < 1 || answers > UINT64_C(1000000000000)) {
		fputs("usage: lookup QUESTIONS THREADS ANSWERS (of each thread)\n", stderr);
		return 2;
	}
	if (questions_read(&questions, argv[1]) != 0)
		return 2;
	if ((server = serve()) == NULL) {
		fputs("lookup: no server\n", stderr);
	} else {
		for (unsigned i = 0; i < count; i++)
			askers[i] = (struct asker){ .questions = &questions,
			                            .rounds = (answers + questions.count - 1) / questions.count };
		code = measure(server, askers, count);
		for (unsigned i = 0; i < count; i++)
			mist_lookup_close(askers[i].lookup);
		mist_stop(server);
	}
	questions_free(&questions);
	return code;
}
