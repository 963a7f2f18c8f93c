/*
 * See background.h.
 */
#include "net/background.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument)
{
	sigset_t all, before;

	/* The new thread inherits the mask: signals stay the host's own affair. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(thread, NULL, run, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		pthread_setname_np(*thread, name);
	return error;
}

/* The report() of background->queue. Any thread. */
static void enqueue(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	struct background *background = user;

	pthread_mutex_lock(&background->lock);
	if (background->count == BACKGROUND_QUEUE) {
		background->lost++;
	} else {
		unsigned at = (background->first + background->count++) % BACKGROUND_QUEUE;
		struct message *message = &background->messages[at];
		message->level = level;
		message->line = line;
		message->has_file = file != NULL;
		snprintf(message->file, sizeof message->file, "%s", file ? file : "");
		snprintf(message->text, sizeof message->text, "%s", text);
		pthread_cond_signal(&background->wake);
	}
	pthread_mutex_unlock(&background->lock);
}

/* Hands over one message; the lock is not held meanwhile. */
static void deliver(struct background *background)
{
	struct message message = background->messages[background->first];

	background->first = (background->first + 1) % BACKGROUND_QUEUE;
	background->count--;
	uint64_t lost = background->count ? 0 : background->lost;
	if (!background->count)
		background->lost = 0;
	pthread_mutex_unlock(&background->lock);
	background->reporter.report(background->reporter.user, message.level,
	                            message.has_file ? message.file : NULL, message.line, message.text);
	if (lost)
		report(&background->reporter, MIST_LEVEL_WARNING, NULL, 0,
		       "%" PRIu64 " messages were lost, they came faster than they were taken", lost);
	pthread_mutex_lock(&background->lock);
}

static struct timespec later(uint32_t ms)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += ms / 1000;
	time.tv_nsec += (long)(ms % 1000) * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	return time;
}

static bool is_past(const struct timespec *time)
{
	struct timespec now = later(0);

	return now.tv_sec > time->tv_sec || (now.tv_sec == time->tv_sec && now.tv_nsec >= time->tv_nsec);
}

static void *background_run(void *argument)
{
	struct background *background = argument;
	struct timespec due = { 0 };

	pthread_mutex_lock(&background->lock);
	for (;;) {
		if (background->count) {
			deliver(background);
		} else if (background->stop) {
			break;
		} else if (!background->working) {
			pthread_cond_wait(&background->wake, &background->lock);
		} else if (background->soon || is_past(&due)) {
			background->soon = false;
			pthread_mutex_unlock(&background->lock);
			due = later(background->work(background->context));
			pthread_mutex_lock(&background->lock);
		} else {
			pthread_cond_timedwait(&background->wake, &background->lock, &due);
		}
	}
	pthread_mutex_unlock(&background->lock);
	return NULL;
}

int background_start(struct background *background, const struct mist_reporter *reporter,
                     uint32_t (*work)(void *context), void *context)
{
	pthread_condattr_t monotonic;

	memset(background, 0, sizeof *background);
	background->work = work;
	background->context = context;
	if (reporter && reporter->report) {
		background->reporter = *reporter;
		background->queue = (struct mist_reporter){ enqueue, background };
	}
	pthread_mutex_init(&background->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&background->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (thread_start(&background->thread, "mist-background", background_run, background)) {
		pthread_cond_destroy(&background->wake);
		pthread_mutex_destroy(&background->lock);
		return MIST_ENOMEM;
	}
	return MIST_OK;
}

void background_soon(struct background *background)
{
	pthread_mutex_lock(&background->lock);
	background->working = background->soon = true;
	pthread_cond_signal(&background->wake);
	pthread_mutex_unlock(&background->lock);
}

void background_stop(struct background *background)
{
	pthread_mutex_lock(&background->lock);
	background->stop = true;
	pthread_cond_signal(&background->wake);
	pthread_mutex_unlock(&background->lock);
	pthread_join(background->thread, NULL);
	pthread_cond_destroy(&background->wake);
	pthread_mutex_destroy(&background->lock);
}
