/* See follower.h. */
#include "net/follower.h"

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
#include "net/catalog.h"
#include "net/followed.h"
#include "net/server.h"

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
	_Atomic(size_t) members;     /* of catalogs */
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
	followed_free(followed);
}

static void commit(void *context, struct edit *edit)
{
	(void)server_commit(context, edit);
}

static bool list(void *context, const uint8_t *catalog, char why[SECONDARY_WHY_MAX])
{
	return catalog_follow(context, catalog, why, SECONDARY_WHY_MAX);
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
		.context = server, .commit = commit, .list = list, .reporter = &server->background.queue,
		.directory = state_directory(server, directory, PATH_SIZE) ? directory : NULL,
		.stop = follower->stopped, .counters = &follower->counters,
	};
}

/* The lock is not held meanwhile. */
static void work_on(struct follower *follower, struct followed *followed, const struct secondary_host *host)
{
	struct mist_server *server = follower->server;

	secondary_work(&followed->secondary, host);
	if (!followed->secondary.as_it_comes)
		background_soon(&server->background); /* signatures may come due earlier than it knew */
}

static void work_ended(struct follower *follower, struct followed *followed, const char *directory)
{
	followed_ended(followed, directory);
	if (!followed->listed)
		forget(follower, followed);
	else
		plan(follower, followed);
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
	char directory[PATH_SIZE];

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
		followed_note(followed);
		pthread_mutex_unlock(&follower->lock);
		const struct secondary_host host = host_of(follower, directory);
		work_on(follower, followed, &host);
		pthread_mutex_lock(&follower->lock);
		work_ended(follower, followed, host.directory);
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
		followed_free(follower->zones[i]);
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
	struct followed *followed = followed_new(zone);
	if (!followed)
		return NULL;
	if (trie_set(&follower->by_name, followed->secondary.name, followed)) {
		followed_free(followed);
		return NULL;
	}
	followed->place = follower->count;
	follower->zones[follower->count++] = followed;
	return followed;
}

struct syncing {
	struct follower *follower;
	bool members;                /* only they may differ */
	const char *directory;       /* where zones are kept; NULL: nowhere */
	size_t member_count;
	int error;                   /* of zones that are not followed; the others are */
};

static int take_zone(void *user, const struct secondary_zone *zone)
{
	struct syncing *syncing = user;
	struct follower *follower = syncing->follower;
	struct followed *followed = trie_get(&follower->by_name, zone->name);

	if (!followed)
		followed = new_followed(follower, zone);
	else if (syncing->members && followed_is_another(followed, zone))
		followed_begin_anew(followed, zone, syncing->directory);
	else if (!syncing->members || !followed_is_described(followed, zone))
		followed_describe(followed, zone);
	if (followed && !followed->busy)
		plan(follower, followed);
	syncing->member_count += zone->member != 0;
	if (followed)
		followed->listed = true;
	else
		syncing->error = MIST_ENOMEM;
	return MIST_OK;
}

/* Those that are worked on go when that ends. */
static void forget_unlisted(const struct syncing *syncing)
{
	struct follower *follower = syncing->follower;

	for (size_t i = follower->count; i-- > 0;) {
		struct followed *followed = follower->zones[i];
		if (followed->listed)
			continue;
		if (syncing->members)
			followed_drop(followed, syncing->directory);
		if (!followed->busy)
			forget(follower, followed);
	}
}

/* Under the content's lock. */
static int sync_zones(struct follower *follower, bool members)
{
	const struct mist_content *content = follower->server->content;
	struct syncing syncing = { .follower = follower, .members = members, .directory = content_state_directory(content) };

	pthread_mutex_lock(&follower->lock);
	for (size_t i = 0; i < follower->count; i++)
		follower->zones[i]->listed = false;
	(void)content_secondaries(content, take_zone, &syncing);
	forget_unlisted(&syncing);
	atomic_store(&follower->any, follower->count > 0);
	atomic_store(&follower->members, syncing.member_count);
	start_threads(follower);
	pthread_cond_broadcast(&follower->wake);
	pthread_mutex_unlock(&follower->lock);
	return syncing.error;
}

int follower_sync(struct follower *follower)
{
	return sync_zones(follower, false);
}

int follower_sync_members(struct follower *follower)
{
	return sync_zones(follower, true);
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
	counters->catalog_members = atomic_load(&follower->members);
}
