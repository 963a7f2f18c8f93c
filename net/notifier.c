/* See notifier.h. */
#include "net/notifier.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "net/background.h"
#include "transfer/notify.h"

struct notifier {
	pthread_mutex_t lock;        /* of all below */
	struct notify *notify;
	struct sockaddr_storage sources[LISTEN_ADDRESSES_MAX];
	pthread_t thread;
	bool started, stop;
	int wake;                    /* an eventfd */
};

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void *run(void *argument)
{
	struct notifier *notifier = argument;
	struct pollfd fds[NOTIFY_SENT_MAX + 1];
	uint64_t times;
	unsigned count;

	pthread_mutex_lock(&notifier->lock);
	while (!notifier->stop) {
		const int timeout = notify_round(notifier->notify, clock_ms(CLOCK_MONOTONIC),
		                                 clock_ms(CLOCK_REALTIME) / 1000, fds, &count);
		fds[count] = (struct pollfd){ .fd = notifier->wake, .events = POLLIN };
		pthread_mutex_unlock(&notifier->lock);
		poll(fds, count + 1, timeout);
		(void)!read(notifier->wake, &times, sizeof times);
		pthread_mutex_lock(&notifier->lock);
	}
	pthread_mutex_unlock(&notifier->lock);
	return NULL;
}

int notifier_new(struct notifier **notifier, const struct listeners *listeners,
                 const struct mist_reporter *reporter)
{
	struct notifier *made = calloc(1, sizeof *made);
	struct notify_options options = { .reporter = reporter };

	if (!made)
		return MIST_ENOMEM;
	for (unsigned i = 0; i < listeners->count; i++)
		if (!listeners->at[i].wildcard)
			memcpy(&made->sources[options.source_count++], &listeners->at[i].address,
			       sizeof listeners->at[i].address);
	options.sources = made->sources;
	made->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (made->wake < 0 || notify_new(&made->notify, &options)) {
		if (made->wake >= 0)
			close(made->wake);
		free(made);
		return MIST_ENOMEM;
	}
	pthread_mutex_init(&made->lock, NULL);
	*notifier = made;
	return MIST_OK;
}

static void wake(struct notifier *notifier)
{
	const uint64_t one = 1;

	(void)!write(notifier->wake, &one, sizeof one);
}

void notifier_stop(struct notifier *notifier)
{
	pthread_mutex_lock(&notifier->lock);
	notifier->stop = true;
	pthread_mutex_unlock(&notifier->lock);
	wake(notifier);
	if (notifier->started)
		pthread_join(notifier->thread, NULL);
}

void notifier_free(struct notifier *notifier)
{
	notify_free(notifier->notify);
	close(notifier->wake);
	pthread_mutex_destroy(&notifier->lock);
	free(notifier);
}

void notifier_tell(struct notifier *notifier, const struct zone *zone, const struct view *view)
{
	if (!zone->access || !zone->access->notify_count)
		return;
	pthread_mutex_lock(&notifier->lock);
	if (!notifier->stop && notify_tell(notifier->notify, zone, view)) {
		/* A thread that cannot be had now may be had with the next version. */
		if (!notifier->started)
			notifier->started = !thread_start(&notifier->thread, "mist-notify", run, notifier);
		wake(notifier);
	}
	pthread_mutex_unlock(&notifier->lock);
}
