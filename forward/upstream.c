/* The pool of channels, the queue before it, and the query (upstream.h). */
#include "forward/upstream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "core/type.h"

/*
 * Channels of a worker: questions on their way at once. 256 at 50 ms each are 5,000 a second; a
 * channel of c-ares 1.18.1 takes 75 KiB, so this is 19 MiB at worst. Each needs a descriptor or
 * two, and the whole process may have as few as 1,024: an eighth of them is what one worker takes.
 */
#define CHANNELS_MAX 256
#define CHANNELS_MIN 16
#define CHANNELS_KEPT 16     /* idle ones beyond these are freed after a second without need */
#define SHRINK_MS 1000
#define SILENT_SHARE 8       /* a silent target gets this part of the channels: 32 */
#define TARGET_SHARE_MAX(max) ((max) - (max) / 4) /* and nobody gets all */
#define QUEUE_MAX 1024       /* as many questions again as can be answered within their time */
#define RETRY_MIN_MS 50
#define TICK_MS 10

struct upstream {
	struct upstream_options options;
	struct channel_host host;
	struct targets targets;
	unsigned max, count, idle_count, busy_count, queue_count;
	unsigned idle_low;           /* fewest idle ones since the last shrink() */
	uint64_t shrink_ms;
	struct { struct channel *channel; struct exchange *exchange; } channels[CHANNELS_MAX];
	struct channel *idle[CHANNELS_MAX];
	struct exchange *first, *last;
	unsigned random_left;
	uint8_t random[256]; /* one system call for 128 ids */
};

static uint64_t now_of(const struct upstream *upstream)
{
	return upstream->options.now_ms(upstream->options.context);
}

/* ---- the query ---- */

static bool random_id(struct upstream *upstream, uint8_t id[2])
{
	if (upstream->random_left < 2) {
		/* 256 octets never come in part (getrandom(2)) */
		if (getrandom(upstream->random, sizeof upstream->random, 0) != sizeof upstream->random)
			return false;
		upstream->random_left = sizeof upstream->random;
	}
	upstream->random_left -= 2;
	memcpy(id, upstream->random + upstream->random_left, 2);
	return true;
}

/* Our own: nothing of the client's but question, DO and CD. AD asks for AD (RFC 6840 section 5.7).
 * The OPT is bare, 11 octets, and last: c-ares may have to cut it off (channel.c). */
static bool write_query(struct upstream *upstream, struct exchange *exchange,
                        const struct question *question, bool dnssec_ok, bool checking_disabled)
{
	struct writer w = writer_on(exchange->query, sizeof exchange->query);
	uint8_t id[2];
	if (!random_id(upstream, id))
		return false;
	writer_put(&w, id, 2);
	writer_u16(&w, (uint16_t)(FLAG_RD | FLAG_AD | (checking_disabled ? FLAG_CD : 0)));
	writer_u16(&w, 1);
	writer_u32(&w, 0);
	writer_u16(&w, 1);
	writer_put(&w, question->name, question->len);
	writer_u16(&w, question->type);
	writer_u16(&w, question->class);
	writer_u8(&w, 0);
	writer_u16(&w, TYPE_OPT);
	writer_u16(&w, MESSAGE_UDP_EDNS);
	writer_u32(&w, dnssec_ok ? 0x8000 : 0);
	writer_u16(&w, 0);
	assert(!w.failed);
	exchange->len = writer_len(&w);
	return true;
}

/* ---- the queue ---- */

static void enqueue(struct upstream *upstream, struct exchange *exchange)
{
	exchange->queued = true;
	exchange->next = NULL;
	exchange->previous = upstream->last;
	*(upstream->last ? &upstream->last->next : &upstream->first) = exchange;
	upstream->last = exchange;
	upstream->queue_count++;
}

static void dequeue(struct upstream *upstream, struct exchange *exchange)
{
	*(exchange->previous ? &exchange->previous->next : &upstream->first) = exchange->next;
	*(exchange->next ? &exchange->next->previous : &upstream->last) = exchange->previous;
	exchange->queued = false;
	upstream->queue_count--;
}

/* ---- channels ---- */

static unsigned slot_of(const struct upstream *upstream, const struct channel *channel)
{
	unsigned slot = 0;
	while (slot < upstream->max && upstream->channels[slot].channel != channel)
		slot++;
	assert(slot < upstream->max);
	return slot;
}

static void drop_channel(struct upstream *upstream, struct channel *channel)
{
	upstream->channels[slot_of(upstream, channel)].channel = NULL;
	upstream->count--;
	channel_free(channel);
}

/* An idle channel with the right timing, or a new one. NULL: all are busy, or memory is out. */
static struct channel *take_channel(struct upstream *upstream, uint32_t retry_ms)
{
	while (upstream->idle_count > 0) {
		struct channel *channel = upstream->idle[--upstream->idle_count];
		if (upstream->idle_count < upstream->idle_low)
			upstream->idle_low = upstream->idle_count;
		if (channel_retry_ms(channel) == retry_ms)
			return channel;
		drop_channel(upstream, channel); /* the timeout was changed */
	}
	struct channel *channel;
	if (upstream->count == upstream->max ||
	    channel_new(&channel, &upstream->host, retry_ms) != MIST_OK)
		return NULL;
	upstream->channels[slot_of(upstream, NULL)].channel = channel;
	upstream->count++;
	return channel;
}

static unsigned share_of(const struct upstream *upstream, const struct target *target)
{
	return target_silent(target, now_of(upstream)) ? upstream->max / SILENT_SHARE :
	                                                 TARGET_SHARE_MAX(upstream->max);
}

static bool start(struct upstream *upstream, struct exchange *exchange)
{
	if (exchange->target->in_flight >= share_of(upstream, exchange->target))
		return false;
	struct channel *channel = take_channel(upstream, exchange->retry_ms);
	if (!channel)
		return false;
	upstream->channels[slot_of(upstream, channel)].exchange = exchange;
	upstream->busy_count++;
	exchange->channel = channel;
	exchange->target->in_flight++;
	channel_ask(channel, exchange->target, exchange->query, exchange->len);
	return true;
}

/* Takes an exchange off its channel; the channel is settled by its own call. */
static void detach(struct upstream *upstream, struct exchange *exchange)
{
	upstream->channels[slot_of(upstream, exchange->channel)].exchange = NULL;
	upstream->busy_count--;
	exchange->channel = NULL;
	exchange->target->in_flight--;
	exchange->target->users--;
}

static void channel_ended(void *owner, struct channel *channel, enum outcome outcome,
                          const uint8_t *octets, size_t len)
{
	struct upstream *upstream = owner;
	struct exchange *exchange = upstream->channels[slot_of(upstream, channel)].exchange;
	assert(exchange);
	detach(upstream, exchange);
	upstream->options.ended(upstream->options.owner, exchange, outcome, octets, len);
}

static void channel_settled(void *owner, struct channel *channel)
{
	struct upstream *upstream = owner;
	if (channel_spoiled(channel))
		drop_channel(upstream, channel);
	else
		upstream->idle[upstream->idle_count++] = channel;
	for (struct exchange *exchange = upstream->first, *next; exchange; exchange = next) {
		next = exchange->next;
		if (upstream->idle_count == 0 && upstream->count == upstream->max)
			break;
		if (exchange->target->in_flight >= share_of(upstream, exchange->target))
			continue; /* others behind it may go on */
		dequeue(upstream, exchange);
		if (!start(upstream, exchange)) { /* memory is out: time will end it */
			enqueue(upstream, exchange);
			break;
		}
	}
}

/* ---- asking ---- */

bool upstream_ask(struct upstream *upstream, struct exchange *exchange,
                  const struct upstream_set *set, const struct question *question, bool dnssec_ok,
                  bool checking_disabled, uint32_t timeout_ms, enum outcome *outcome)
{
	struct target *target = target_get(&upstream->targets, set, now_of(upstream));
	exchange->channel = NULL;
	exchange->queued = false;
	exchange->target = target;
	/* Datagrams after 1/6 and 3/6 of the time, and half of it left for the last one's answer. */
	exchange->retry_ms = timeout_ms / 6 > RETRY_MIN_MS ? timeout_ms / 6 : RETRY_MIN_MS;
	*outcome = OUTCOME_BUSY;
	if (target && target->count == 0) {
		*outcome = target->only_self ? OUTCOME_SELF : OUTCOME_NETWORK;
		return false;
	}
	if (!target || !write_query(upstream, exchange, question, dnssec_ok, checking_disabled))
		return false;
	target->users++;
	if (start(upstream, exchange))
		return true;
	if (upstream->queue_count < QUEUE_MAX && !target_silent(target, now_of(upstream))) {
		enqueue(upstream, exchange);
		return true;
	}
	target->users--;
	*outcome = target_silent(target, now_of(upstream)) ? OUTCOME_TIMEOUT : OUTCOME_BUSY;
	return false;
}

void upstream_cancel(struct upstream *upstream, struct exchange *exchange)
{
	if (exchange->queued) {
		dequeue(upstream, exchange);
		exchange->target->users--;
	} else if (exchange->channel) {
		struct channel *channel = exchange->channel;
		detach(upstream, exchange);
		channel_cancel(channel);
	}
}

/* Making a channel is dear (memory to clear, and c-ares opens /dev/urandom for ids we do not use),
 * so only those go that nobody needed for a while. */
static void shrink(struct upstream *upstream, uint64_t now_ms)
{
	if (now_ms < upstream->shrink_ms)
		return;
	for (unsigned spare = upstream->idle_low; spare > CHANNELS_KEPT; spare--)
		drop_channel(upstream, upstream->idle[--upstream->idle_count]);
	upstream->idle_low = upstream->idle_count;
	upstream->shrink_ms = now_ms + SHRINK_MS;
}

void upstream_tick(struct upstream *upstream)
{
	const uint64_t now_ms = now_of(upstream);
	shrink(upstream, now_ms);
	for (unsigned i = 0; i < upstream->max && upstream->busy_count > 0; i++)
		if (upstream->channels[i].channel && upstream->channels[i].exchange)
			channel_tick(upstream->channels[i].channel, now_ms);
}

uint32_t upstream_next_ms(const struct upstream *upstream)
{
	if (upstream->busy_count > 0)
		return TICK_MS;
	return upstream->idle_count > CHANNELS_KEPT ? SHRINK_MS : UINT32_MAX;
}

/* ---- set-up ---- */

static unsigned channel_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return CHANNELS_MIN;
	const rlim_t share = limit.rlim_cur / 8;
	if (share > CHANNELS_MAX)
		return CHANNELS_MAX;
	return share < CHANNELS_MIN ? CHANNELS_MIN : (unsigned)share;
}

int upstream_new(struct upstream **result, const struct upstream_options *options)
{
	struct upstream *upstream = calloc(1, sizeof *upstream);
	if (!upstream)
		return MIST_ENOMEM;
	const int error = channel_library_hold();
	if (error != MIST_OK) {
		free(upstream);
		return error;
	}
	upstream->options = *options;
	for (size_t i = 0; i < options->own_count && i < FORWARD_OWN_MAX; i++)
		upstream->targets.home.addresses[upstream->targets.home.count++] = options->own[i];
	upstream->max = channel_limit();
	upstream->host = (struct channel_host){
		.loop = options->loop, .counters = options->counters, .now_ms = options->now_ms,
		.context = options->context, .home = &upstream->targets.home,
		.ended = channel_ended, .settled = channel_settled, .owner = upstream,
	};
	*result = upstream;
	return MIST_OK;
}

void upstream_free(struct upstream *upstream)
{
	if (!upstream)
		return;
	for (unsigned i = 0; i < upstream->max; i++)
		channel_free(upstream->channels[i].channel);
	channel_library_release();
	free(upstream);
}
