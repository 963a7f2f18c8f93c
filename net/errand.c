/*
 * See errand.h. One lock for everything: all of it is cold.
 */
#include "net/errand.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/address.h"
#include "core/type.h"
#include "net/background.h"

struct queue {
	struct errand *first, *last;
};

struct errands {
	const struct reply_host *host;
	pthread_mutex_t lock;        /* of all below */
	pthread_cond_t wake;
	pthread_t threads[ERRAND_THREADS];
	unsigned thread_count;       /* most servers have none */
	unsigned idle, transferring; /* of the threads */
	bool stop;
	unsigned count, transfers;
	struct errand *live;
	struct queue ready;          /* to be worked on, or freed */
	struct queue outbox[VIEW_WORKERS_MAX];
	int wake_fds[VIEW_WORKERS_MAX];
};

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* ---- queues; under the lock ---- */

static void push(struct queue *queue, struct errand *errand)
{
	errand->next = NULL;
	if (queue->last)
		queue->last->next = errand;
	else
		queue->first = errand;
	queue->last = errand;
}

static struct errand *pop(struct queue *queue)
{
	struct errand *errand = queue->first;

	if (errand)
		queue->first = errand->next;
	if (!queue->first)
		queue->last = NULL;
	return errand;
}

/* The first that may be worked on now: transfers wait while as many as may are made. NULL: none. */
static struct errand *pop_next(struct errands *errands)
{
	struct queue *ready = &errands->ready;
	struct errand *before = NULL, *errand = ready->first;

	while (errand && errand->transfer && !errand->ended && errands->transferring == ERRAND_TRANSFERRING) {
		before = errand;
		errand = errand->next;
	}
	if (!before || !errand)
		return errand ? pop(ready) : NULL;
	before->next = errand->next;
	if (!errand->next)
		ready->last = before;
	return errand;
}

static void post(struct errands *errands, struct errand *errand)
{
	const uint64_t one = 1;

	push(&errands->outbox[errand->worker], errand);
	(void)!write(errands->wake_fds[errand->worker], &one, sizeof one);
}

static void post_cut(struct errands *errands, struct errand *errand)
{
	errand->more = false;
	errand->len = 0;
	post(errands, errand);
}

static void forget(struct errands *errands, struct errand *errand)
{
	if (errand->previous_live)
		errand->previous_live->next_live = errand->next_live;
	else
		errands->live = errand->next_live;
	if (errand->next_live)
		errand->next_live->previous_live = errand->previous_live;
	errands->count--;
	errands->transfers -= errand->transfer;
}

/* ---- threads ---- */

static void errand_free(struct errand *errand)
{
	reply_free(errand->reply);
	free(errand->message);
	free(errand);
}

/* The next message. The lock is not held. */
static void work(struct errand *errand)
{
	errand->len = 0;
	errand->more = false;
	if (!errand->message)
		errand->message = malloc(MESSAGE_MAX);
	if (errand->message && now_ms() - errand->begun_ms < ERRAND_TOTAL_MS)
		errand->len = reply_next(errand->reply, errand->message, (uint32_t)time(NULL), &errand->more);
}

static void free_ended(struct errands *errands, struct errand *errand)
{
	pthread_mutex_unlock(&errands->lock);
	errand_free(errand);
	pthread_mutex_lock(&errands->lock);
}

static void work_on(struct errands *errands, struct errand *errand)
{
	errands->transferring += errand->transfer;
	pthread_mutex_unlock(&errands->lock);
	work(errand);
	pthread_mutex_lock(&errands->lock);
	errands->transferring -= errand->transfer;
	post(errands, errand);
}

static void *run(void *argument)
{
	struct errands *errands = argument;

	pthread_mutex_lock(&errands->lock);
	while (!errands->stop) {
		struct errand *errand = pop_next(errands);
		if (!errand) {
			errands->idle++;
			pthread_cond_wait(&errands->wake, &errands->lock);
			errands->idle--;
		} else if (errand->ended) {
			free_ended(errands, errand);
		} else {
			work_on(errands, errand);
		}
	}
	pthread_mutex_unlock(&errands->lock);
	return NULL;
}

/* One more, where those that are idle have work already. Under the lock. False: there is none at all. */
static bool start_thread(struct errands *errands)
{
	unsigned ready = 0;

	for (const struct errand *errand = errands->ready.first; errand; errand = errand->next)
		ready++;
	if (errands->idle <= ready && errands->thread_count < ERRAND_THREADS &&
	    !thread_start(&errands->threads[errands->thread_count], "mist-errands", run, errands))
		errands->thread_count++;
	return errands->thread_count > 0;
}

int errands_new(struct errands **errands, const struct reply_host *host)
{
	struct errands *made = calloc(1, sizeof *made);

	if (!made)
		return MIST_ENOMEM;
	made->host = host;
	pthread_mutex_init(&made->lock, NULL);
	pthread_cond_init(&made->wake, NULL);
	*errands = made;
	return MIST_OK;
}

void errands_wake(struct errands *errands, unsigned worker, int wake_fd)
{
	errands->wake_fds[worker] = wake_fd;
}

void errands_stop(struct errands *errands)
{
	pthread_mutex_lock(&errands->lock);
	errands->stop = true;
	pthread_cond_broadcast(&errands->wake);
	pthread_mutex_unlock(&errands->lock);
	for (unsigned i = 0; i < errands->thread_count; i++)
		pthread_join(errands->threads[i], NULL);

	struct queue over = { NULL, NULL };
	pthread_mutex_lock(&errands->lock);
	for (struct errand *errand; (errand = pop(&errands->ready));) {
		if (errand->ended)
			push(&over, errand);
		else
			post_cut(errands, errand);
	}
	errands->ready = over;
	pthread_mutex_unlock(&errands->lock);
}

void errands_free(struct errands *errands)
{
	for (struct errand *errand; (errand = pop(&errands->ready));)
		errand_free(errand); /* those that had ended */
	while (errands->live) {
		struct errand *errand = errands->live;
		forget(errands, errand);
		errand_free(errand);
	}
	pthread_cond_destroy(&errands->wake);
	pthread_mutex_destroy(&errands->lock);
	free(errands);
}

/* ---- from workers ---- */

static bool same_client(const struct errand *a, const struct errand *b)
{
	return a->transport == b->transport &&
	       (a->transport == TRANSPORT_UDP ||
	        address_same_client(a->address, a->address_len, b->address, b->address_len));
}

static bool has_place(const struct errands *errands, const struct errand *errand)
{
	unsigned same = 0;

	if (errands->stop || errands->count == ERRANDS_MAX)
		return false;
	if (errand->transfer)
		return errands->transfers < ERRAND_TRANSFERS_MAX;
	for (const struct errand *other = errands->live; other; other = other->next_live)
		same += !other->transfer && same_client(other, errand);
	return same < ERRAND_CLIENT_MAX;
}

/* Counts it in. False: there is no place. */
static bool admit(struct errands *errands, struct errand *errand)
{
	pthread_mutex_lock(&errands->lock);
	bool place = has_place(errands, errand) && start_thread(errands);
	if (place) {
		errand->next_live = errands->live;
		if (errands->live)
			errands->live->previous_live = errand;
		errands->live = errand;
		errands->count++;
		errands->transfers += errand->transfer;
		push(&errands->ready, errand);
		pthread_cond_signal(&errands->wake);
	}
	pthread_mutex_unlock(&errands->lock);
	return place;
}

static bool is_transfer(uint16_t type)
{
	return type == TYPE_AXFR || type == TYPE_IXFR;
}

bool errand_new(struct errands *errands, unsigned worker, const struct query *query,
                const struct client *client, const struct zone *zone)
{
	struct errand *errand = calloc(1, sizeof *errand);
	const struct reply_options options = {
		.host = errands->host,
		.octets = query->octets,
		.len = query->len,
		.client = query->client,
		.client_len = query->client_len,
		.transport = query->transport,
		.zone = (struct zone *)(uintptr_t)zone,
	};

	if (!errand)
		return false;
	errand->errands = errands;
	errand->worker = worker;
	errand->transport = query->transport;
	errand->client = *client;
	errand->address_len = (uint8_t)query->client_len;
	memcpy(errand->address, query->client, query->client_len);
	errand->transfer = query->request.opcode == OPCODE_QUERY && is_transfer(query->request.question.type);
	errand->begun_ms = now_ms();
	errand->reply = reply_new(&options);
	if (errand->reply && zone)
		zone_hold(options.zone);
	if (errand->reply && admit(errands, errand))
		return true;
	errand_free(errand);
	return false;
}

struct errand *errand_collect(struct errands *errands, unsigned worker)
{
	pthread_mutex_lock(&errands->lock);
	struct errand *first = errands->outbox[worker].first;
	errands->outbox[worker] = (struct queue){ NULL, NULL };
	pthread_mutex_unlock(&errands->lock);
	return first;
}

static void hand_back(struct errand *errand)
{
	struct errands *errands = errand->errands;

	pthread_mutex_lock(&errands->lock);
	if (errand->ended) /* whose place is free at once; what it holds is freed by a thread of ours */
		forget(errands, errand);
	if (!errands->stop && !errand->ended)
		(void)start_thread(errands); /* all there are may be busy with others */
	if (errands->stop && !errand->ended)
		post_cut(errands, errand);
	else
		push(&errands->ready, errand);
	pthread_cond_signal(&errands->wake);
	pthread_mutex_unlock(&errands->lock);
}

void errand_left(struct errand *errand)
{
	hand_back(errand);
}

void errand_end(struct errand *errand)
{
	errand->ended = true;
	hand_back(errand);
}

void errands_notified(struct errands *errands, const uint8_t *zone)
{
	errands->host->notified(errands->host->context, zone);
}
