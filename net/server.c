/*
 * Starting and stopping servers, and the calls of mistcore.h that take one. mist_start() tells what
 * a server consists of, in the order in which it is built; end() takes it apart the other way round.
 */
#include "net/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#include "content/content.h"
#include "content/kept.h"
#include "content/registry.h"
#include "core/report.h"
#include "net/engine.h"
#include "net/publish.h"
#include "net/registry.h"

#define CACHE_USUAL (16u << 20)
#define TCP_IDLE_USUAL_MS 10000
#define TCP_CLIENTS_USUAL 1024
#define TCP_CLIENTS_LEAST 16
#define TCP_CLIENTS_EACH_USUAL 128
#define RESOLV_CONF_MS 2000      /* a changed /etc/resolv.conf is noticed within; costs one stat() */
#define CLOCK_BACK_S 1800        /* of the hour that signatures reach back */
#define TEND_MAX_MS 10000        /* clocks jump and machines wake from sleep: signatures may be due at once */

static uint32_t wall_clock(void)
{
	return (uint32_t)time(NULL);
}

/* ---- options ---- */

/* Idle clients must not take the descriptors that forwarded questions need: all workers' together get
 * half of what the process may have. */
static unsigned tcp_clients_usual(unsigned workers)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur / 2 / workers >= TCP_CLIENTS_USUAL)
		return TCP_CLIENTS_USUAL;
	unsigned share = (unsigned)limit.rlim_cur / 2 / workers;
	return share > TCP_CLIENTS_LEAST ? share : TCP_CLIENTS_LEAST;
}

/* The caller's options, which may come from an older or newer header, with our defaults filled in. */
static int read_options(struct mist_options *options, const struct mist_options *given)
{
	*options = (struct mist_options){ .size = sizeof *options };
	if (given && given->size < sizeof given->size)
		return MIST_EINVAL;
	if (given)
		memcpy(options, given, given->size < sizeof *options ? given->size : sizeof *options);
	if (options->address_count && !options->addresses)
		return MIST_EINVAL;
	if (!options->workers)
		options->workers = 1;
	if (!options->cache_bytes)
		options->cache_bytes = CACHE_USUAL;
	if (!options->tcp_idle_ms)
		options->tcp_idle_ms = TCP_IDLE_USUAL_MS;
	if (!options->tcp_clients)
		options->tcp_clients = tcp_clients_usual(options->workers);
	if (!options->tcp_clients_each)
		options->tcp_clients_each = options->allow_non_loopback ? TCP_CLIENTS_EACH_USUAL
		                                                        : (options->tcp_clients + 1) / 2;
	return MIST_OK;
}

static int check_options(const struct mist_options *options, const struct mist_reporter *reporter)
{
	const char *problem = NULL;

	if (options->workers > VIEW_WORKERS_MAX)
		problem = "more than 16 workers";
	else if ((unsigned)options->engine > MIST_ENGINE_EPOLL)
		problem = "an engine that is none";
	else if ((unsigned)options->steer > MIST_STEER_RANDOM)
		problem = "a steering that is none";
	else if (options->nsid && strlen(options->nsid) > NSID_MAX)
		problem = "an NSID of more than 128 octets";
	else if (options->tcp_clients > 1u << 20)
		problem = "more than 1,048,576 TCP clients";
	if (problem)
		report(reporter, MIST_LEVEL_ERROR, NULL, 0, "mist_start: %s", problem);
	return problem ? MIST_EINVAL : MIST_OK;
}

static int make_identity(struct mist_server *server, const struct mist_options *options)
{
	struct identity *identity = &server->identity;

	if (options->nsid) {
		snprintf(server->nsid, sizeof server->nsid, "%s", options->nsid);
		identity->nsid = server->nsid;
	}
	identity->tcp_idle_ms = options->tcp_idle_ms;
	if (!question_secret_draw(&identity->question_secret))
		return MIST_EINTERNAL;
	if (options->cookie_secret)
		memcpy(identity->cookie_secret, options->cookie_secret, sizeof identity->cookie_secret);
	else if (getrandom(identity->cookie_secret, sizeof identity->cookie_secret, 0) !=
	         sizeof identity->cookie_secret)
		return MIST_EINTERNAL;
	return MIST_OK;
}

/* ---- the engine ---- */

static int choose_engine(struct mist_server *server, enum mist_engine wanted,
                         const struct mist_reporter *reporter)
{
	char why[256];

	/* Where both run, epoll is the faster one (docs/PERFORMANCE.md), so nothing has to be tried. */
	server->engine = MIST_ENGINE_EPOLL;
	snprintf(server->engine_reason, sizeof server->engine_reason, "%s",
	         wanted == MIST_ENGINE_AUTO ? "the one that measures best" : "asked for");
	if (wanted != MIST_ENGINE_URING)
		return MIST_OK;
	server->engine = MIST_ENGINE_URING;
	if (engine_try_uring(&server->send_plainly, why, sizeof why) == MIST_OK)
		return MIST_OK;
	report(reporter, MIST_LEVEL_ERROR, NULL, 0,
	       "engine uring was asked for, but %s; allow io_uring (seccomp profile of the container, sysctl "
	       "kernel.io_uring_disabled=0) or use engine auto or epoll", why);
	return MIST_EENGINE;
}

/* ---- workers ---- */

static void stop_workers(struct mist_server *server)
{
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_stop(server->workers[i]);
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_join(server->workers[i]);
	server->worker_count = 0;
}

static int start_workers(struct mist_server *server, const struct mist_options *options)
{
	struct worker_options worker = {
		.workers = options->workers,
		.steer = server->steer,
		.engine = server->engine == MIST_ENGINE_URING ? &engine_uring : &engine_epoll,
		.send_plainly = server->send_plainly,
		.gro = options->gro,
		.pin = options->pin,
		.listeners = &server->listeners,
		.publisher = &server->publisher,
		.cache = server->cache,
		.errands = server->errands,
		.identity = &server->identity,
		.reporter = &server->background.queue,
		.tcp_clients = options->tcp_clients,
		.tcp_clients_each = options->tcp_clients_each,
	};

	for (unsigned i = 0; i < options->workers; i++) {
		worker.index = i;
		int error = worker_start(&server->workers[i], &worker);
		if (error) {
			int why = errno;
			stop_workers(server);
			errno = why;
			return error;
		}
		server->worker_count++;
	}
	return MIST_OK;
}

static int start_all_workers(struct mist_server *server, const struct mist_options *options,
                             const struct mist_reporter *reporter)
{
	int error = start_workers(server, options);

	if (error)
		report(reporter, MIST_LEVEL_ERROR, NULL, 0, "worker threads could not be started: %s", mist_strerror(error));
	return error;
}

/* ---- content ---- */

/* Zones that fail do not stop the others. */
static bool is_serious(int error)
{
	return error && error != MIST_EZONE && error != MIST_EKEY;
}

static int seal(struct mist_content *content)
{
	if (content_sealed(content))
		return MIST_OK;
	int error = mist_content_seal(content);
	return is_serious(error) ? error : MIST_OK;
}

static int publish_first(struct mist_server *server)
{
	struct view *view = content_view(server->content);

	if (!view)
		return MIST_ENOMEM;
	int error = publisher_init(&server->publisher, view);
	if (error)
		view_free(view);
	return error;
}

static bool follows_resolv_conf(const struct view *view)
{
	for (unsigned i = 0; i < view->upstream_set_count; i++)
		if (view->upstream_sets[i].from_resolv_conf)
			return true;
	return false;
}

static int renew(struct mist_server *server, uint32_t now_s)
{
	struct view *view = NULL;
	uint64_t signatures = 0;
	int error = content_refresh(server->content, now_s, &view, &signatures);

	atomic_fetch_add(&server->signatures, signatures);
	if (view && !error)
		error = publish(server, view);
	if (view && error) {
		view_free(view);
		content_owe_view(server->content);
	}
	server->due_s = content_due(server->content);
	server->renewed_s = now_s;
	return error;
}

void server_catch_up(struct mist_server *server, uint32_t now_s)
{
	/* Half of what signatures reach back is a step that harms none. */
	bool back = now_s < server->renewed_s && server->renewed_s - now_s > CLOCK_BACK_S;

	if (server->renewed_s && (now_s >= server->due_s || back))
		renew(server, now_s); /* what fails is tried again and reported by the background */
}

/* The background's work: renewals, and a changed resolv.conf. */
static uint32_t tend(void *context)
{
	struct mist_server *server = context;
	uint32_t now_s = wall_clock();

	pthread_mutex_lock(&server->content_lock);
	int error = renew(server, now_s);
	uint32_t due_s = server->due_s;
	bool follows = follows_resolv_conf(atomic_load(&server->publisher.current));
	pthread_mutex_unlock(&server->content_lock);

	if (error)
		report(&server->background.queue, MIST_LEVEL_ERROR, NULL, 0,
		       "renewing what is served failed, it stays as it is: %s", mist_strerror(error));
	/* A second at least: after a failure the due time still lies behind us. */
	uint32_t wait_s = due_s > now_s ? due_s - now_s : error ? 60 : 1;
	uint32_t wait_ms = wait_s < TEND_MAX_MS / 1000 ? wait_s * 1000 : TEND_MAX_MS;
	return server_expire(server, follows ? RESOLV_CONF_MS : wait_ms);
}

/* ---- start and stop ---- */

static void end(struct mist_server *server)
{
	adoptions_close(&server->adoptions); /* callbacks go on for a while */
	if (server->follower)
		follower_stop(server->follower);
	if (server->errands)
		errands_stop(server->errands);
	stop_workers(server);
	if (server->errands)
		errands_free(server->errands);
	if (server->notifier)
		notifier_stop(server->notifier);
	if (server->background.work)
		background_stop(&server->background);
	if (server->notifier)
		notifier_free(server->notifier);
	if (server->follower)
		follower_free(server->follower);
	listeners_close(&server->listeners);
	if (atomic_load(&server->publisher.current)) {
		content_keep_serials(server->content);
		publisher_free(&server->publisher);
	}
	if (server->cache)
		cache_free(server->cache);
	mist_content_free(server->content);
	journal_close(server->journal);
	pthread_mutex_destroy(&server->content_lock);
	edit_queue_free(&server->edits);
	adoptions_free(&server->adoptions);
	registry_free(server->registry);
	guard_free(&server->guard);
	free(server);
}

static int create(struct mist_server **server, struct mist_content *content)
{
	pthread_mutexattr_t checked;
	struct mist_server *made = aligned_alloc(64, (sizeof *made + 63) & ~(size_t)63);

	if (!made)
		return MIST_ENOMEM;
	memset(made, 0, sizeof *made);
	if (registry_new(&made->registry) || guard_init(&made->guard)) {
		registry_free(made->registry);
		free(made);
		return MIST_ENOMEM;
	}
	/* A content's reporter runs under the lock; calling back from there is an error, not a deadlock. */
	pthread_mutexattr_init(&checked);
	pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&made->content_lock, &checked);
	pthread_mutexattr_destroy(&checked);
	edit_queue_init(&made->edits);
	adoptions_init(&made->adoptions);
	made->content = content;
	*server = made;
	return MIST_OK;
}

static int open_listeners(struct mist_server *server, const struct mist_options *options,
                          const struct mist_reporter *reporter)
{
	char message[LISTEN_MESSAGE_SIZE];
	const struct listen_options listen = {
		.addresses = options->addresses,
		.address_count = options->address_count,
		.port = options->port,
		.port_only = options->port_only,
		.allow_non_loopback = options->allow_non_loopback,
		.gro = options->gro,
		.workers = options->workers,
		.steer = options->steer,
		.pin = options->pin,
	};
	int error = listeners_open(&server->listeners, &listen, message);

	server->steer = server->listeners.steer;
	server->allow_non_loopback = options->allow_non_loopback;
	if (*message)
		report(reporter, error ? MIST_LEVEL_ERROR : MIST_LEVEL_WARNING, NULL, 0, "%s", message);
	return error;
}

static const struct view *pin(void *context, int *number)
{
	const struct view *view;

	*number = pin_take(&((struct mist_server *)context)->publisher, &view);
	return *number < 0 ? NULL : view;
}

static void unpin(void *context, int number)
{
	pin_give(&((struct mist_server *)context)->publisher, number);
}

static void commit(void *context, struct edit *edit)
{
	(void)server_commit(context, edit); /* the edit says how it went */
}

/* Once a second: whoever sends thousands of bad messages shall not fill a disk. */
static void tell(void *context, const char *text)
{
	struct mist_server *server = context;
	const uint64_t now_s = (uint64_t)time(NULL);

	if (atomic_exchange(&server->told_s, now_s) != now_s)
		report(&server->background.queue, MIST_LEVEL_WARNING, NULL, 0, "%s", text);
}

static void notified(void *context, const uint8_t *zone)
{
	follower_notify(((struct mist_server *)context)->follower, zone);
}

static int open_errands(struct mist_server *server)
{
	server->reply_host = (struct reply_host){ server, &server->identity, pin, unpin, commit, notified, tell };
	return errands_new(&server->errands, &server->reply_host);
}

static int follow(struct mist_server *server)
{
	pthread_mutex_lock(&server->content_lock);
	int error = follower_sync(server->follower);
	pthread_mutex_unlock(&server->content_lock);
	return error;
}

static int build(struct mist_server *server, const struct mist_options *options)
{
	const struct mist_reporter *reporter = &server->background.queue;
	uint64_t signatures = 0;
	int error = background_start(&server->background, &options->reporter, tend, server);

	if (error) {
		server->background.work = NULL;
		return error;
	}
	error = check_options(options, reporter);
	if (!error)
		error = make_identity(server, options);
	if (!error)
		error = seal(server->content);
	if (!error)
		error = kept_open(&server->journal, server->content, wall_clock(), &signatures);
	if (!error)
		error = choose_engine(server, options->engine, reporter);
	if (!error)
		error = cache_new(&server->cache, options->cache_bytes, &server->identity.question_secret);
	if (!error)
		error = follower_new(&server->follower, server);
	if (!error)
		error = open_errands(server);
	if (!error)
		error = publish_first(server);
	if (!error)
		error = open_listeners(server, options, reporter);
	if (!error)
		error = notifier_new(&server->notifier, &server->listeners, reporter);
	if (!error)
		error = start_all_workers(server, options, reporter);
	if (!error)
		error = follow(server);
	if (error)
		return error;
	atomic_store(&server->signatures, signatures + content_signatures(server->content));
	report(reporter, MIST_LEVEL_INFO, NULL, 0, "engine %s: %s",
	       server->engine == MIST_ENGINE_URING ? "uring" : "epoll", server->engine_reason);
	publish_begin(server);
	background_soon(&server->background);
	return MIST_OK;
}

int mist_start(struct mist_server **server, const struct mist_options *given, struct mist_content *content)
{
	struct mist_options options;
	struct mist_server *made;
	int error = server && content ? read_options(&options, given) : MIST_EINVAL;

	if (!error)
		error = create(&made, content);
	if (error) {
		mist_content_free(content);
		return error;
	}
	error = build(made, &options);
	if (error) {
		end(made);
		return error;
	}
	*server = made;
	return MIST_OK;
}

int mist_stop(struct mist_server *server)
{
	if (!server)
		return MIST_OK;
	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	if (pthread_equal(pthread_self(), server->background.thread))
		return MIST_EBUSY; /* a callback: it would wait for itself */
	end(server);
	return MIST_OK;
}

/* ---- the rest of mistcore.h's server ---- */

uint16_t mist_port(const struct mist_server *server)
{
	return server->listeners.port;
}

static struct mist_server *writable(const struct mist_server *server)
{
	return (struct mist_server *)(uintptr_t)server; /* for its lock */
}

int mist_status(const struct mist_server *server, struct mist_status *status)
{
	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	if (pthread_mutex_lock(&writable(server)->content_lock))
		return MIST_EBUSY;
	uint64_t number = atomic_load(&server->publisher.current)->number;
	pthread_mutex_unlock(&writable(server)->content_lock);
	*status = (struct mist_status){
		.port = server->listeners.port,
		.workers = server->worker_count,
		.engine = server->engine,
		.steer = server->steer,
		.view = number,
	};
	memcpy(status->engine_reason, server->engine_reason, sizeof status->engine_reason);
	return MIST_OK;
}

int mist_counters(const struct mist_server *server, struct mist_counters *counters, size_t size)
{
	struct mist_counters sum = { 0 };

	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	for (unsigned i = 0; i < server->worker_count; i++)
		worker_count(server->workers[i], &sum);
	sum.signatures = atomic_load(&server->signatures);
	follower_count(server->follower, &sum);
	memset(counters, 0, size);
	memcpy(counters, &sum, size < sizeof sum ? size : sizeof sum);
	return MIST_OK;
}
