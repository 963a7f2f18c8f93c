/*
 * The background thread of a server: messages from any thread come out of a bounded queue to the
 * caller's reporter, one at a time and in order; between them it does the work that comes with time.
 */
#ifndef MIST_NET_BACKGROUND_H
#define MIST_NET_BACKGROUND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/report.h"
#include "mistcore.h"

#define BACKGROUND_QUEUE 128 /* messages: a start with every problem has a dozen; 200 KiB */
#define BACKGROUND_FILE_MAX 256

struct message {
	enum mist_level level;
	unsigned line;
	bool has_file;
	char file[BACKGROUND_FILE_MAX];
	char text[REPORT_TEXT_MAX];
};

struct background {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	struct mist_reporter reporter;   /* the caller's */
	struct mist_reporter queue;      /* ours: what is reported here goes into the queue */
	/* Does what is due; returns the milliseconds until it wants to be called again. */
	uint32_t (*work)(void *context);
	void *context;
	bool working;                    /* background_soon() was called */
	bool soon;                       /* since then not yet */
	uint64_t lost;                   /* messages that found the queue full */
	unsigned first, count;
	struct message messages[BACKGROUND_QUEUE];
};

int background_start(struct background *background, const struct mist_reporter *reporter,
                     uint32_t (*work)(void *context), void *context);
/* Calls `work` soon, and from then on whenever it wants. */
void background_soon(struct background *background);
/* Delivers what is queued, ends the thread. */
void background_stop(struct background *background);

/* Starts a thread that blocks all signals; `name` has at most 15 characters. 0 or an errno. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);

#endif
