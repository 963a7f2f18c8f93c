/*
 * See notify.h. For each zone there is one `told` with the newest SOA, and a notice for each secondary.
 * A notice is either sent and waits in a slot, or in the queue of its next step; all that enter a queue
 * wait there equally long, so that a queue is ordered by time without more ado.
 */
#include "transfer/notify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/message.h"
#include "core/trie.h"
#include "core/type.h"
#include "dnssec/tsig.h"

/* The queues: to be sent now; told a moment ago; not answered once, twice, ... */
enum step { STEP_NOW, STEP_PAUSE, STEP_RETRY, STEPS = STEP_RETRY + 4 };
static const uint32_t step_ms[STEPS] = { 0, NOTIFY_PAUSE_MS, 2000, 8000, 30000, 120000 };

struct notice {
	struct told *told;
	struct notice *next;         /* in its queue */
	uint64_t due_ms;
	uint8_t step;                /* the queue it is in, or was in before it was sent */
	bool idle;                   /* in no queue and no slot: told, while others of the zone are not */
	bool news;                   /* there is something the secondary was not told yet */
	uint16_t id;
	struct tsig tsig;
};

struct told {
	struct access *access;       /* its `notify` has the secondaries, */
	struct keyring *keyring;     /* and this their keys */
	uint8_t name_len, name[NAME_MAX];
	uint8_t *soa;                /* the record, its owner as in struct rrset */
	size_t soa_len;
	size_t busy;                 /* notices that are not idle */
	struct notice notices[];
};

struct slot {
	struct notice *notice;       /* NULL: free */
	int fd;
	uint64_t due_ms;
};

struct notify {
	struct notify_options options;
	struct trie told;            /* struct told by zone */
	struct { struct notice *first, *last; } queues[STEPS];
	struct slot slots[NOTIFY_SENT_MAX];
	uint64_t now_ms, now_s;      /* of the round */
};

static struct trie_name told_name(const void *value)
{
	const struct told *told = value;
	return (struct trie_name){ told->name, told->name_len };
}

int notify_new(struct notify **notify, const struct notify_options *options)
{
	struct notify *made = calloc(1, sizeof(*made));
	if (!made)
		return MIST_ENOMEM;
	made->options = *options;
	trie_init(&made->told, told_name, NULL);
	*notify = made;
	return MIST_OK;
}

static void told_free(struct told *told)
{
	access_release(told->access);
	keyring_release(told->keyring);
	free(told->soa);
	free(told);
}

static void free_value(void *user, void *value)
{
	(void)user;
	told_free(value);
}

void notify_free(struct notify *notify)
{
	for (unsigned i = 0; i < NOTIFY_SENT_MAX; i++)
		if (notify->slots[i].notice)
			close(notify->slots[i].fd);
	trie_retire(&notify->told, NULL, NULL);
	trie_free(&notify->told, free_value, NULL);
	free(notify);
}

/* ---- queues ---- */

static void enqueue(struct notify *notify, struct notice *notice, unsigned step)
{
	notice->step = (uint8_t)step;
	notice->due_ms = notify->now_ms + step_ms[step];
	notice->next = NULL;
	if (notify->queues[step].last)
		notify->queues[step].last->next = notice;
	else
		notify->queues[step].first = notice;
	notify->queues[step].last = notice;
}

static struct notice *dequeue(struct notify *notify, unsigned step)
{
	struct notice *notice = notify->queues[step].first;
	notify->queues[step].first = notice->next;
	if (!notice->next)
		notify->queues[step].last = NULL;
	return notice;
}

/* The notice is done with; its zone's last one takes the zone along. */
static void forget(struct notify *notify, struct notice *notice)
{
	struct told *told = notice->told;
	notice->idle = told->busy > 1;
	if (notice->idle)
		told->busy--;
	else if (trie_remove(&notify->told, told->name))
		enqueue(notify, notice, STEP_PAUSE); /* no memory, to forget even */
	else
		told_free(told);
	trie_retire(&notify->told, NULL, NULL);
}

static void say(const struct notify *notify, const struct notice *notice, const char *what)
{
	const struct told *told = notice->told;
	const struct upstream_address *address = &told->access->notify[notice - told->notices].address;
	char zone[NAME_TEXT_MAX], text[INET6_ADDRSTRLEN];
	name_to_text(zone, told->name);
	inet_ntop(address->family, address->octets, text, sizeof(text));
	report(notify->options.reporter, MIST_LEVEL_WARNING, NULL, 0,
	       "zone %s: its secondary at %s port %u %s", zone, text, address->port, what);
}

/* ---- what is to be told ---- */

static struct told *told_new(struct notify *notify, const struct zone *zone, const struct view *view)
{
	const size_t count = zone->access->notify_count;
	struct told *told = calloc(1, sizeof(*told) + count * sizeof(told->notices[0]));
	if (!told)
		return NULL;
	memcpy(told->name, zone->name, told->name_len = zone->name_len);
	told->access = access_hold(zone->access);
	told->keyring = keyring_hold(view->keyring);
	told->busy = count;
	if (trie_set(&notify->told, told->name, told)) {
		told_free(told);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		told->notices[i].told = told;
		enqueue(notify, &told->notices[i], STEP_NOW);
	}
	return told;
}

/* Out of the slots and queues. */
static void withdraw(struct notify *notify, const struct told *told)
{
	for (unsigned i = 0; i < NOTIFY_SENT_MAX; i++) {
		struct slot *slot = &notify->slots[i];
		if (slot->notice && slot->notice->told == told) {
			close(slot->fd);
			slot->notice = NULL;
		}
	}
	for (unsigned step = 0; step < STEPS; step++) {
		struct notice *notice = notify->queues[step].first;
		notify->queues[step].first = notify->queues[step].last = NULL;
		for (struct notice *next; notice; notice = next) {
			next = notice->next;
			const uint64_t due_ms = notice->due_ms;
			if (notice->told != told) {
				enqueue(notify, notice, step);
				notice->due_ms = due_ms;
			}
		}
	}
}

/* What is known of the zone, in which nothing is told yet of this version. NULL: no memory. */
static struct told *told_of(struct notify *notify, const struct zone *zone, const struct view *view)
{
	struct told *told = trie_get(&notify->told, zone->name);
	if (told && told->access == zone->access && told->keyring == view->keyring)
		return told;
	if (told) { /* other secondaries, or other keys: it begins anew */
		if (trie_remove(&notify->told, told->name))
			return NULL;
		trie_retire(&notify->told, NULL, NULL);
		withdraw(notify, told);
		told_free(told);
	}
	return told_new(notify, zone, view);
}

bool notify_tell(struct notify *notify, const struct zone *zone, const struct view *view)
{
	if (!zone->access || !zone->access->notify_count || zone->failed)
		return false;
	uint8_t *soa = malloc(zone->soa->len);
	struct told *told = soa ? told_of(notify, zone, view) : NULL;
	if (!told) { /* no memory: their refresh timers are there for that */
		free(soa);
		return false;
	}
	memcpy(soa, zone->soa->wire, zone->soa->len);
	free(told->soa);
	told->soa = soa;
	told->soa_len = zone->soa->len;
	for (size_t i = 0; i < told->access->notify_count; i++) {
		struct notice *notice = &told->notices[i];
		notice->news = true;
		if (!notice->idle)
			continue;
		notice->idle = false;
		told->busy++;
		enqueue(notify, notice, STEP_NOW);
	}
	return true;
}

/* ---- messages ---- */

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

/* A socket from where we listen to the secondary: it may take news from nobody else. -1: none. */
static int open_socket(const struct notify *notify, const struct upstream_address *address)
{
	struct sockaddr_storage to;
	const socklen_t len = upstream_to_socket(address, &to);
	const int fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	for (size_t i = 0; fd >= 0 && i < notify->options.source_count; i++) {
		struct sockaddr_storage source = notify->options.sources[i];
		if (source.ss_family != to.ss_family ||
		    is_loopback((struct sockaddr *)&source) != is_loopback((struct sockaddr *)&to))
			continue;
		((struct sockaddr_in *)(void *)&source)->sin_port = 0; /* at the same place in both families */
		(void)!bind(fd, (struct sockaddr *)&source, len);
		break;
	}
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, len)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The message: the zone, and its SOA as a hint (RFC 1996 section 3.7). 0: it cannot be signed. */
static size_t write_message(struct notice *notice, uint8_t message[MESSAGE_UDP_EDNS], uint64_t now_s)
{
	struct told *told = notice->told;
	const uint8_t *key_name = told->access->notify[notice - told->notices].key;
	const struct tsig_key *key = *key_name && told->keyring ? keyring_find(told->keyring, key_name) : NULL;
	struct writer w = writer_on(message, MESSAGE_UDP_EDNS);

	if (*key_name && !key)
		return 0;
	writer_u16(&w, notice->id);
	writer_u16(&w, OPCODE_NOTIFY << 11 | FLAG_AA);
	writer_u16(&w, 1);
	writer_u16(&w, 1);
	writer_u32(&w, 0);
	writer_put(&w, told->name, told->name_len);
	writer_u16(&w, TYPE_SOA);
	writer_u16(&w, CLASS_IN);
	writer_put(&w, told->soa, told->soa_len);
	if (w.failed)
		return 0;
	notice->tsig = (struct tsig){ 0 };
	if (!key)
		return writer_len(&w);
	tsig_ask(&notice->tsig, key);
	return tsig_sign(&notice->tsig, message, writer_len(&w), MESSAGE_UDP_EDNS, now_s);
}

/* Whether this is the answer. */
static bool is_answer(struct notice *notice, const uint8_t *message, size_t len, uint64_t now_s)
{
	const struct told *told = notice->told;
	uint8_t name[NAME_MAX];
	if (len < MESSAGE_HEADER || wire_get16(message) != notice->id ||
	    (wire_get16(message + 2) & 0xf800) != (FLAG_QR | OPCODE_NOTIFY << 11))
		return false;
	if (wire_get16(message + 4) == 1 &&
	    (!name_read(message, len, MESSAGE_HEADER, name) || !name_equal(name, told->name)))
		return false;
	if (!notice->tsig.signer)
		return true;
	/* message_parse() reads requests; where its TSIG stands is all that is wanted. */
	uint8_t copy[MESSAGE_UDP_EDNS];
	struct request request;
	memcpy(copy, message, len);
	copy[2] &= 0x7f;
	const enum parsed parsed = message_parse(&request, copy, len);
	return (parsed == PARSED_OK || parsed == PARSED_NO_QUESTION) &&
	       tsig_check_reply(&notice->tsig, message, len, request.tsig_at, now_s);
}

/* ---- the round ---- */

/* No answer came: once more, later; or never again. */
static void retry(struct notify *notify, struct notice *notice)
{
	const unsigned step = notice->step < STEP_RETRY ? STEP_RETRY : notice->step + 1u;
	notice->news = true;
	if (step < STEPS) {
		enqueue(notify, notice, step);
		return;
	}
	say(notify, notice, "does not answer NOTIFY; its refresh timer has to do");
	forget(notify, notice);
}

static void send_notice(struct notify *notify, struct slot *slot, struct notice *notice)
{
	struct told *told = notice->told;
	uint8_t message[MESSAGE_UDP_EDNS];
	if (getrandom(&notice->id, sizeof(notice->id), 0) != sizeof(notice->id))
		notice->id = (uint16_t)notify->now_ms;
	const size_t len = write_message(notice, message, notify->now_s);
	const int fd = len ? open_socket(notify, &told->access->notify[notice - told->notices].address) : -1;
	if (fd < 0 || send(fd, message, len, MSG_NOSIGNAL) < 0) {
		if (fd >= 0)
			close(fd);
		retry(notify, notice);
		return;
	}
	notice->news = false;
	*slot = (struct slot){ notice, fd, notify->now_ms + NOTIFY_WAIT_MS };
}

/* Looks at a slot: an answer ends the wait, and so does time. */
static void look_at(struct notify *notify, struct slot *slot)
{
	struct notice *notice = slot->notice;
	uint8_t message[MESSAGE_UDP_EDNS];
	ssize_t len;
	while ((len = recv(slot->fd, message, sizeof(message), 0)) >= 0) {
		if (!is_answer(notice, message, (size_t)len, notify->now_s))
			continue;
		close(slot->fd);
		slot->notice = NULL;
		if (message[3] & 15)
			say(notify, notice, "answers NOTIFY with an error; is it configured as one?");
		enqueue(notify, notice, STEP_PAUSE);
		return;
	}
	if (notify->now_ms < slot->due_ms && (errno == EAGAIN || errno == EINTR))
		return;
	close(slot->fd); /* silence, or nobody there (ECONNREFUSED) */
	slot->notice = NULL;
	retry(notify, notice);
}

static void work_queue(struct notify *notify, unsigned step)
{
	struct slot *slot = notify->slots, *end = slot + NOTIFY_SENT_MAX;
	for (struct notice *notice; (notice = notify->queues[step].first) && notice->due_ms <= notify->now_ms;) {
		if (!notice->news) {
			forget(notify, dequeue(notify, step));
			continue;
		}
		while (slot < end && slot->notice)
			slot++;
		if (slot == end)
			return;
		send_notice(notify, slot, dequeue(notify, step));
	}
}

int notify_round(struct notify *notify, uint64_t now_ms, uint64_t now_s, struct pollfd fds[NOTIFY_SENT_MAX],
                 unsigned *count)
{
	uint64_t due_ms = UINT64_MAX;
	notify->now_ms = now_ms;
	notify->now_s = now_s;
	for (unsigned i = 0; i < NOTIFY_SENT_MAX; i++)
		if (notify->slots[i].notice)
			look_at(notify, &notify->slots[i]);
	for (unsigned step = 0; step < STEPS; step++)
		work_queue(notify, step);

	*count = 0;
	for (unsigned i = 0; i < NOTIFY_SENT_MAX; i++) {
		const struct slot *slot = &notify->slots[i];
		if (!slot->notice)
			continue;
		fds[(*count)++] = (struct pollfd){ .fd = slot->fd, .events = POLLIN };
		due_ms = slot->due_ms < due_ms ? slot->due_ms : due_ms;
	}
	const bool full = *count == NOTIFY_SENT_MAX; /* then a slot has to come free first */
	for (unsigned step = 0; step < STEPS && !full; step++) {
		const struct notice *first = notify->queues[step].first;
		if (first && first->due_ms < due_ms)
			due_ms = first->due_ms;
	}
	if (due_ms == UINT64_MAX)
		return -1;
	return due_ms <= now_ms ? 0 : (int)(due_ms - now_ms);
}
