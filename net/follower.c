/* See follower.h. */
#include "net/follower.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "content/content.h"
#include "core/array.h"
#include "core/due.h"
#include "core/trie.h"
#include "net/server.h"
#include "transfer/secondary.h"

struct followed {
	struct secondary secondary;  /* of the thread that works on it; else under the lock */
	size_t place;                /* in `zones` */
	struct due work;             /* in `work`, but not while it is busy: */
	bool busy;
	bool noticed;                /* a NOTIFY came while it was worked on */
	bool listed;                 /* in the content that is being looked at */
	bool described;              /* while it was worked on: */
	struct secondary_zone description; /* with references of its own */
	/* As it was when work on it ended, for those who ask meanwhile. */
	struct follower_status status;
};

struct follower {
	struct mist_server *server;
	pthread_mutex_t lock;        /* of all below */
	pthread_cond_t wake;
	struct followed **zones;
	size_t count, room;
	struct trie by_name;
	struct due_heap work;        /* whose work is due first */
	pthread_t threads[FOLLOWER_THREADS];
	unsigned thread_count;
	bool stop;
	int stopped;                 /* an eventfd that can be read when all is to end */
	_Atomic(bool) any;           /* there is a zone at all */
	struct secondary_counters counters;
};

static uint64_t clock_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static struct trie_name name_of(const void *value)
{
	const struct followed *followed = value;
	return (struct trie_name){ followed->secondary.name, name_len(followed->secondary.name) };
}

int follower_new(struct follower **follower, struct mist_server *server)
{
	struct follower *made = calloc(1, sizeof *made);
	pthread_condattr_t monotonic;

	if (!made)
		return MIST_ENOMEM;
	made->server = server;
	made->stopped = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (made->stopped < 0) {
		free(made);
		return MIST_ENOMEM;
	}
	trie_init(&made->by_name, name_of, NULL);
	pthread_mutex_init(&made->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&made->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*follower = made;
	return MIST_OK;
}

/* ---- descriptions ---- */

static void drop_description(struct followed *followed)
{
	if (followed->described)
		secondary_zone_release(&followed->description);
	followed->described = false;
}

static void free_followed(struct followed *followed)
{
	drop_description(followed);
	secondary_free(&followed->secondary);
	free(followed);
}

static void note_status(struct followed *followed)
{
	const struct secondary *secondary = &followed->secondary;
	struct follower_status *status = &followed->status;
	const uint64_t now_ms = clock_ms(), due_ms = secondary_due_ms(secondary);

	*status = (struct follower_status){
		.there = secondary->there, .serial = secondary->serial,
		.checked_s = secondary->checked_s,
		.next_s = (uint64_t)time(NULL) + (due_ms > now_ms ? (due_ms - now_ms) / 1000 : 0),
	};
	if (secondary->there)
		status->expires_s = secondary->checked_s + secondary->expire_s;
	if (secondary->from.family) {
		char host[INET6_ADDRSTRLEN] = "?";
		inet_ntop(secondary->from.family, secondary->from.octets, host, sizeof host);
		snprintf(status->primary, sizeof status->primary,
		         secondary->from.family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, secondary->from.port);
	}
	snprintf(status->error, sizeof status->error, "%s", secondary->error);
}

/* ---- work ---- */

/* When its work is due may have changed. It is not busy. */
static void plan(struct follower *follower, struct followed *followed)
{
	due_put(&follower->work, &followed->work, secondary_due_ms(&followed->secondary));
}

static struct followed *first_due(const struct follower *follower)
{
	return (struct followed *)(void *)((char *)due_first(&follower->work) - offsetof(struct followed, work));
}

static void forget(struct follower *follower, struct followed *followed)
{
	struct followed *last = follower->zones[--follower->count];

	last->place = followed->place;
	follower->zones[last->place] = last;
	due_take(&follower->work, &followed->work);
	trie_remove(&follower->by_name, followed->secondary.name);
	trie_retire(&follower->by_name, NULL, NULL);
	free_followed(followed);
}

static void commit(void *context, struct edit *edit)
{
	(void)server_commit(context, edit);
}

enum { PATH_SIZE = 4096 };

/* False: nothing is kept. */
static bool state_directory(struct mist_server *server, char *path, size_t size)
{
	pthread_mutex_lock(&server->content_lock);
	const char *directory = content_state_directory(server->content);
	const bool kept = directory && (size_t)snprintf(path, size, "%s", directory) < size;
	pthread_mutex_unlock(&server->content_lock);
	return kept;
}

static struct secondary_host host_of(struct follower *follower, char directory[PATH_SIZE])
{
	struct mist_server *server = follower->server;

	return (struct secondary_host){
		.context = server, .commit = commit, .reporter = &server->background.queue,
		.directory = state_directory(server, directory, PATH_SIZE) ? directory : NULL,
		.stop = follower->stopped, .counters = &follower->counters,
	};
}

/* The lock is not held meanwhile. */
static void work_on(struct follower *follower, struct followed *followed)
{
	struct mist_server *server = follower->server;
	char directory[PATH_SIZE];
	const struct secondary_host host = host_of(follower, directory);

	secondary_work(&followed->secondary, &host);
	if (!followed->secondary.as_it_comes)
		background_soon(&server->background); /* signatures may come due earlier than it knew */
}

static void work_ended(struct follower *follower, struct followed *followed)
{
	followed->busy = false;
	if (!followed->listed) {
		forget(follower, followed);
		return;
	}
	if (followed->described)
		secondary_describe(&followed->secondary, &followed->description, false, clock_ms(), (uint64_t)time(NULL));
	drop_description(followed);
	if (followed->noticed)
		secondary_notice(&followed->secondary, clock_ms());
	followed->noticed = false;
	plan(follower, followed);
	note_status(followed);
}

static void wait_until(struct follower *follower, uint64_t due_ms)
{
	const struct timespec until = { (time_t)(due_ms / 1000), (long)(due_ms % 1000) * 1000000 };

	if (due_ms == DUE_NEVER)
		pthread_cond_wait(&follower->wake, &follower->lock);
	else
		pthread_cond_timedwait(&follower->wake, &follower->lock, &until);
}

static void *run(void *argument)
{
	struct follower *follower = argument;

	pthread_mutex_lock(&follower->lock);
	while (!follower->stop) {
		const uint64_t due_ms = due_first_ms(&follower->work);
		if (due_ms == DUE_NEVER || due_ms > clock_ms()) {
			wait_until(follower, due_ms);
			continue;
		}
		struct followed *followed = first_due(follower);
		followed->busy = true;
		due_take(&follower->work, &followed->work);
		note_status(followed);
		pthread_mutex_unlock(&follower->lock);
		work_on(follower, followed);
		pthread_mutex_lock(&follower->lock);
		work_ended(follower, followed);
	}
	pthread_mutex_unlock(&follower->lock);
	return NULL;
}

/* As many as there are zones; one that cannot be had now may be had with the next content. */
static void start_threads(struct follower *follower)
{
	while (!follower->stop && follower->thread_count < FOLLOWER_THREADS &&
	       follower->thread_count < follower->count &&
	       !thread_start(&follower->threads[follower->thread_count], "mist-follow", run, follower))
		follower->thread_count++;
}

void follower_stop(struct follower *follower)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&follower->lock);
	follower->stop = true;
	pthread_cond_broadcast(&follower->wake);
	pthread_mutex_unlock(&follower->lock);
	(void)!write(follower->stopped, &one, sizeof one);
	for (unsigned i = 0; i < follower->thread_count; i++)
		pthread_join(follower->threads[i], NULL);
	follower->thread_count = 0;
	char directory[PATH_SIZE];
	const struct secondary_host host = host_of(follower, directory);
	for (size_t i = 0; i < follower->count; i++)
		secondary_save(&follower->zones[i]->secondary, &host);
}

void follower_free(struct follower *follower)
{
	for (size_t i = 0; i < follower->count; i++)
		free_followed(follower->zones[i]);
	trie_retire(&follower->by_name, NULL, NULL);
	trie_free(&follower->by_name, NULL, NULL);
	free(follower->zones);
	due_free(&follower->work);
	close(follower->stopped);
	pthread_cond_destroy(&follower->wake);
	pthread_mutex_destroy(&follower->lock);
	free(follower);
}

/* ---- contents ---- */

static struct followed *new_followed(struct follower *follower, const struct secondary_zone *zone)
{
	struct followed **zones = array_reserve(follower->zones, follower->count, &follower->room, sizeof *zones);
	if (!zones)
		return NULL;
	follower->zones = zones;
	if (!due_reserve(&follower->work, follower->count + 1))
		return NULL;
	struct followed *followed = calloc(1, sizeof *followed);
	if (!followed)
		return NULL;
	secondary_describe(&followed->secondary, zone, true, clock_ms(), (uint64_t)time(NULL));
	if (trie_set(&follower->by_name, followed->secondary.name, followed)) {
		free_followed(followed);
		return NULL;
	}
	followed->place = follower->count;
	follower->zones[follower->count++] = followed;
	plan(follower, followed);
	note_status(followed);
	return followed;
}

static int take_zone(void *user, const struct secondary_zone *zone)
{
	struct follower *follower = user;
	struct followed *followed = trie_get(&follower->by_name, zone->name);

	if (!followed) {
		followed = new_followed(follower, zone);
	} else if (followed->busy) {
		drop_description(followed);
		followed->description = *zone;
		secondary_zone_hold(zone);
		followed->described = true;
	} else {
		secondary_describe(&followed->secondary, zone, false, clock_ms(), (uint64_t)time(NULL));
		plan(follower, followed);
	}
	if (followed)
		followed->listed = true;
	return followed ? MIST_OK : MIST_ENOMEM;
}

int follower_sync(struct follower *follower)
{
	pthread_mutex_lock(&follower->lock);
	for (size_t i = 0; i < follower->count; i++)
		follower->zones[i]->listed = false;
	int error = content_secondaries(follower->server->content, take_zone, follower);
	for (size_t i = follower->count; i-- > 0;) {
		if (!follower->zones[i]->listed && !follower->zones[i]->busy)
			forget(follower, follower->zones[i]);
	}
	atomic_store(&follower->any, follower->count > 0);
	start_threads(follower);
	pthread_cond_broadcast(&follower->wake);
	pthread_mutex_unlock(&follower->lock);
	return error;
}

/* ---- from others ---- */

void follower_notify(struct follower *follower, const uint8_t *zone)
{
	if (!atomic_load(&follower->any))
		return;
	pthread_mutex_lock(&follower->lock);
	struct followed *followed = trie_get(&follower->by_name, zone);
	if (followed && followed->busy) {
		followed->noticed = true;
	} else if (followed) {
		secondary_notice(&followed->secondary, clock_ms());
		plan(follower, followed);
		pthread_cond_signal(&follower->wake);
	}
	pthread_mutex_unlock(&follower->lock);
}

bool follower_tell(struct follower *follower, const uint8_t *zone, struct follower_status *status)
{
	pthread_mutex_lock(&follower->lock);
	const struct followed *followed = trie_get(&follower->by_name, zone);
	if (followed)
		*status = followed->status;
	pthread_mutex_unlock(&follower->lock);
	return followed != NULL;
}

void follower_count(const struct follower *follower, struct mist_counters *counters)
{
	counters->secondary_checks = atomic_load(&follower->counters.checks);
	counters->secondary_failures = atomic_load(&follower->counters.failures);
	counters->secondary_wholes = atomic_load(&follower->counters.wholes);
	counters->secondary_changes = atomic_load(&follower->counters.changes);
}
