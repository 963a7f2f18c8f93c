/*
 * The cache (cache.h): three tables of equal build, for small, middling and large answers, because
 * slots are of fixed size and answers are not. A table is an array of sets; a set is eight slots
 * and one cache line of facts about them (struct set), so that a look-up that finds nothing touches
 * three lines, and one that finds something touches the slot besides.
 */
#include "forward/cache.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "core/siphash.h"
#include "core/wire.h"
#include "mistcore.h"

#define WAYS 8
#define TABLES 3

/*
 * Slot sizes and their shares of the memory. 384 octets hold a name of usual length with a few
 * addresses or a short CNAME chain, which most answers are; 1,536 what fits one UDP answer.
 */
static const size_t slot_size[TABLES] = { 384, 1536, CACHE_SLOT_MAX };
static const unsigned share_percent[TABLES] = { 50, 25, 25 };

typedef _Atomic(uint64_t) word;

/* What is known of the slots of a set without touching them. A hint only: the slot decides. */
struct set {
	_Alignas(64) _Atomic(uint16_t) tag[WAYS]; /* of the hash; 0: empty */
	_Atomic(uint32_t) expiry[WAYS];           /* second at which the answer is over */
	_Atomic(uint8_t) hits[WAYS];
	_Atomic(uint8_t) hand;
};
static_assert(sizeof(struct set) == 64, "a set is one cache line");

struct table {
	size_t set_count, slot_words;
	struct set *sets;
	word *slots; /* WAYS of them for each set; word 0 of a slot is its sequence counter */
};

struct cache {
	struct table tables[TABLES];
	uint8_t secret[16]; /* strangers choose the names: they must not choose the set */
	size_t mapped;
	void *memory;
};

/* A slot's payload: this, the name padded to words, the records. */
struct head {
	uint64_t policy;
	uint32_t stored_s, ttl;
	uint32_t lens[3];
	uint16_t counts[3];
	uint16_t type, class;
	int16_t ede;
	uint8_t rcode, flags, name_len, unused;
	uint32_t unused_too;
};
static_assert(sizeof(struct head) == 48, "whole words");
#define HEAD_WORDS (sizeof(struct head) / 8)
enum { KEY_DNSSEC_OK = 1, KEY_CHECKING_DISABLED = 2, IS_AUTHENTIC = 4, IS_FAILURE = 8,
       IS_NEGATIVE = 16 };

static size_t words_of(size_t octets) { return (octets + 7) / 8; }
static size_t records_len(const uint32_t lens[3]) { return (size_t)lens[0] + lens[1] + lens[2]; }

static uint8_t key_flags(const struct cache_key *key)
{
	return (uint8_t)((key->dnssec_ok ? KEY_DNSSEC_OK : 0) |
	                 (key->checking_disabled ? KEY_CHECKING_DISABLED : 0));
}

/* ---- set-up ---- */

int cache_new(struct cache **result, size_t bytes)
{
	struct cache *cache = calloc(1, sizeof *cache);
	if (!cache)
		return MIST_ENOMEM;
	for (unsigned i = 0; i < TABLES; i++) {
		struct table *table = &cache->tables[i];
		const size_t set_size = sizeof(struct set) + WAYS * slot_size[i];
		table->set_count = bytes / 100 * share_percent[i] / set_size;
		if (table->set_count == 0)
			table->set_count = 1;
		table->slot_words = slot_size[i] / 8;
		cache->mapped += table->set_count * set_size;
	}
	cache->memory = mmap(NULL, cache->mapped, PROT_READ | PROT_WRITE,
	                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (cache->memory == MAP_FAILED ||
	    getrandom(cache->secret, sizeof cache->secret, 0) != sizeof cache->secret)
		goto failed;
	uint8_t *at = cache->memory; /* sets first: they need the alignment */
	for (unsigned i = 0; i < TABLES; i++) {
		cache->tables[i].sets = (struct set *)(void *)at;
		at += cache->tables[i].set_count * sizeof(struct set);
	}
	for (unsigned i = 0; i < TABLES; i++) {
		cache->tables[i].slots = (word *)(void *)at;
		at += cache->tables[i].set_count * WAYS * slot_size[i];
	}
	*result = cache;
	return MIST_OK;

failed:
	if (cache->memory != MAP_FAILED)
		munmap(cache->memory, cache->mapped);
	free(cache);
	return MIST_ENOMEM;
}

void cache_free(struct cache *cache)
{
	if (!cache)
		return;
	munmap(cache->memory, cache->mapped);
	free(cache);
}

/* ---- finding a place ---- */

static_assert(offsetof(struct question, name) == 5, "a question is its octets, without gaps");

/* Strangers choose the question; the rest need only lead elsewhere. */
static uint64_t hash_key(const struct cache *cache, const struct cache_key *key)
{
	const size_t len = offsetof(struct question, name) + key->question->len;
	return siphash_table(cache->secret, key->question, len) ^
	       (key->policy + key_flags(key)) * 0x9e3779b97f4a7c15u; /* odd, and both halves mixed */
}

/* The upper half of the hash chooses the set, the lower 16 bits are the tag. */
static size_t set_of(const struct table *table, uint64_t hash)
{
	return (size_t)((hash >> 32) * table->set_count >> 32);
}

static uint16_t tag_of(uint64_t hash)
{
	const uint16_t tag = (uint16_t)hash;
	return tag ? tag : 1;
}

static word *slot_at(const struct table *table, size_t set, unsigned way)
{
	return table->slots + (set * WAYS + way) * table->slot_words;
}

/* ---- reading ---- */

/* Copies words that a writer may be changing; what comes out is right only if the
 * counter says so. */
static void copy_out(uint8_t *to, const word *from, size_t len)
{
	for (; len >= 8; len -= 8, to += 8) {
		const uint64_t value = atomic_load_explicit(from++, memory_order_acquire);
		memcpy(to, &value, 8);
	}
	if (len > 0) {
		const uint64_t value = atomic_load_explicit(from, memory_order_acquire);
		memcpy(to, &value, len);
	}
}

static uint8_t *records_in(uint8_t *message, size_t name_len)
{
	return message + MESSAGE_HEADER + name_len + 4;
}

/* Reads a slot if it holds the key. Its message goes to `message`, unless that is NULL. */
static bool slot_read(const struct table *table, const word *slot, const struct cache_key *key,
                      struct head *head, uint8_t *message)
{
	const uint64_t before = atomic_load_explicit(&slot[0], memory_order_acquire);
	if (before & 1)
		return false;
	copy_out((uint8_t *)head, slot + 1, sizeof *head);
	const struct question *question = key->question;
	if (head->policy != key->policy || head->type != question->type ||
	    head->class != question->class || head->name_len != question->len ||
	    (head->flags & (KEY_DNSSEC_OK | KEY_CHECKING_DISABLED)) != key_flags(key))
		return false;
	const word *name_at = slot + 1 + HEAD_WORDS;
	const word *records_at = name_at + words_of(head->name_len);
	const size_t len = records_len(head->lens);
	/* The head may be half of two: nothing may be believed that leads out of the slot. */
	if (words_of(len) > table->slot_words - (size_t)(records_at - slot))
		return false;
	uint8_t scratch[NAME_MAX], *name = message ? message + MESSAGE_HEADER : scratch;
	copy_out(name, name_at, head->name_len);
	if (message)
		copy_out(records_in(message, head->name_len), records_at, len);
	const uint64_t after = atomic_load_explicit(&slot[0], memory_order_relaxed);
	return before == after && memcmp(name, question->name, question->len) == 0;
}

/* TTLs as they are `age` seconds later. The records are our own private copy. */
static void count_down(uint8_t *records, size_t len, uint32_t age)
{
	struct reader r = reader_on(records, len);
	while (reader_left(&r) > 0 && !r.failed) {
		const uint8_t *fixed = (reader_take(&r, name_skip(r.at)), reader_take(&r, 10));
		if (!fixed)
			break;
		uint8_t *ttl_at = records + (fixed - records) + 4;
		const uint32_t ttl = wire_get32(ttl_at);
		wire_set32(ttl_at, ttl > age ? ttl - age : 0);
		reader_take(&r, wire_get16(fixed + 8));
	}
	assert(!r.failed && "records that we made ourselves");
}

static void fill_answer(struct cache_answer *answer, const struct head *head,
                        const uint8_t *message, const uint8_t *records)
{
	*answer = (struct cache_answer){
		.rcode = head->rcode,
		.authentic = head->flags & IS_AUTHENTIC,
		.failure = head->flags & IS_FAILURE,
		.negative = head->flags & IS_NEGATIVE,
		.ede = head->ede,
		.ttl = head->ttl,
		.stored_s = head->stored_s,
		.message = message,
		.records = records,
	};
	memcpy(answer->counts, head->counts, sizeof answer->counts);
	memcpy(answer->lens, head->lens, sizeof answer->lens);
}

/* A hit is written only while it still changes something: lines that all workers
 * read stay shared. */
static uint8_t note_hit(struct set *set, unsigned way)
{
	uint8_t hits = atomic_load_explicit(&set->hits[way], memory_order_relaxed);
	if (hits < CACHE_HITS_MAX)
		atomic_store_explicit(&set->hits[way], ++hits, memory_order_relaxed);
	return hits;
}

static bool set_live(const struct set *set, unsigned way, uint32_t now_s)
{
	return atomic_load_explicit(&set->tag[way], memory_order_relaxed) != 0 &&
	       atomic_load_explicit(&set->expiry[way], memory_order_relaxed) > now_s;
}

bool cache_get(struct cache *cache, const struct cache_key *key, uint32_t now_s,
               uint8_t message[CACHE_MESSAGE_MAX], struct cache_answer *answer)
{
	const uint64_t hash = hash_key(cache, key);
	uint8_t *records = records_in(message, key->question->len);
	for (unsigned t = 0; t < TABLES; t++) {
		const struct table *table = &cache->tables[t];
		const size_t index = set_of(table, hash);
		struct set *set = &table->sets[index];
		for (unsigned way = 0; way < WAYS; way++) {
			struct head head;
			if (atomic_load_explicit(&set->tag[way], memory_order_relaxed) != tag_of(hash) ||
			    !set_live(set, way, now_s) ||
			    !slot_read(table, slot_at(table, index, way), key, &head, message))
				continue;
			/* Stored in the future: the clock was set back, and ages mean nothing any more. One
			 * second is the difference two threads may have. */
			if (head.stored_s > now_s + 1)
				return false;
			const uint32_t age = now_s > head.stored_s ? now_s - head.stored_s : 0;
			if (age > 0)
				count_down(records, records_len(head.lens), age);
			fill_answer(answer, &head, message, records);
			answer->hits = note_hit(set, way);
			return true;
		}
	}
	return false;
}

/* ---- writing ---- */

static void copy_in(word *to, const uint8_t *from, size_t len)
{
	for (; len > 0; from += 8) {
		uint64_t value = 0;
		const size_t part = len < 8 ? len : 8;
		memcpy(&value, from, part);
		atomic_store_explicit(to++, value, memory_order_release);
		len -= part;
	}
}

/* The way that holds the key, or WAYS. */
static unsigned find_way(const struct table *table, size_t index, uint64_t hash,
                         const struct cache_key *key, struct head *head)
{
	const struct set *set = &table->sets[index];
	for (unsigned way = 0; way < WAYS; way++)
		if (atomic_load_explicit(&set->tag[way], memory_order_relaxed) == tag_of(hash) &&
		    slot_read(table, slot_at(table, index, way), key, head, NULL))
			return way;
	return WAYS;
}

/* Whom the new answer replaces: an expired one, else the first the hand finds without hits; answers
 * that have some lose them as it passes (two rounds at most). */
static unsigned choose_way(struct set *set, uint32_t now_s, bool *evicted)
{
	*evicted = false;
	for (unsigned way = 0; way < WAYS; way++)
		if (!set_live(set, way, now_s))
			return way;
	*evicted = true;
	unsigned hand = atomic_load_explicit(&set->hand, memory_order_relaxed);
	for (unsigned i = 0; i < 2 * WAYS; i++) {
		const unsigned way = hand++ % WAYS;
		if (atomic_load_explicit(&set->hits[way], memory_order_relaxed) == 0) {
			atomic_store_explicit(&set->hand, (uint8_t)(hand % WAYS), memory_order_relaxed);
			return way;
		}
		atomic_store_explicit(&set->hits[way], 0, memory_order_relaxed);
	}
	return hand % WAYS; /* others keep hitting: whoever is next */
}

/* Writes one slot, unless another thread does. The facts in the set change while the
 * slot is ours. */
static bool slot_write(const struct table *table, size_t index, unsigned way, uint64_t hash,
                       const struct cache_key *key, const struct head *head, uint32_t expiry,
                       const uint8_t *records)
{
	struct set *set = &table->sets[index];
	word *slot = slot_at(table, index, way);
	uint64_t sequence = atomic_load_explicit(&slot[0], memory_order_relaxed);
	if (sequence & 1 ||
	    !atomic_compare_exchange_strong_explicit(&slot[0], &sequence, sequence + 1,
	                                             memory_order_acq_rel, memory_order_relaxed))
		return false;
	word *name_at = slot + 1 + HEAD_WORDS;
	copy_in(slot + 1, (const uint8_t *)head, sizeof *head);
	copy_in(name_at, key->question->name, head->name_len);
	copy_in(name_at + words_of(head->name_len), records, records_len(head->lens));
	atomic_store_explicit(&set->expiry[way], expiry, memory_order_relaxed);
	atomic_store_explicit(&set->hits[way], 0, memory_order_relaxed);
	atomic_store_explicit(&set->tag[way], tag_of(hash), memory_order_relaxed);
	atomic_store_explicit(&slot[0], sequence + 2, memory_order_release);
	return true;
}

static struct head make_head(const struct cache_key *key, uint32_t now_s,
                             const struct cache_answer *answer)
{
	struct head head = {
		.policy = key->policy,
		.stored_s = now_s,
		.ttl = answer->ttl,
		.type = key->question->type,
		.class = key->question->class,
		.ede = answer->ede,
		.rcode = answer->rcode,
		.flags = (uint8_t)(key_flags(key) | (answer->authentic ? IS_AUTHENTIC : 0) |
		                   (answer->failure ? IS_FAILURE : 0) |
		                   (answer->negative ? IS_NEGATIVE : 0)),
		.name_len = key->question->len,
	};
	memcpy(head.counts, answer->counts, sizeof head.counts);
	memcpy(head.lens, answer->lens, sizeof head.lens);
	return head;
}

bool cache_put(struct cache *cache, const struct cache_key *key, uint32_t now_s,
               const struct cache_answer *answer, bool *evicted)
{
	*evicted = false;
	if (answer->ttl == 0)
		return false;
	const uint64_t hash = hash_key(cache, key);
	const size_t words = 1 + HEAD_WORDS + words_of(key->question->len) +
	                     words_of(records_len(answer->lens));
	const struct table *home = NULL;
	size_t index = 0;
	unsigned way = WAYS;
	for (unsigned t = 0; t < TABLES; t++) {
		const struct table *table = &cache->tables[t];
		const size_t here = set_of(table, hash);
		struct head old;
		const unsigned found = find_way(table, here, hash, key, &old);
		const bool holds = found < WAYS && set_live(&table->sets[here], found, now_s);
		if (holds && answer->failure && !(old.flags & IS_FAILURE))
			return false;
		if (!home && words <= table->slot_words) {
			home = table;
			index = here;
			way = found;
		} else if (holds) { /* the answer has changed its size */
			atomic_store_explicit(&table->sets[here].tag[found], 0, memory_order_relaxed);
		}
	}
	if (!home)
		return false;
	bool another = false;
	if (way == WAYS)
		way = choose_way(&home->sets[index], now_s, &another);
	const struct head head = make_head(key, now_s, answer);
	/* Time comes in whole seconds: one more, so that a failure is remembered for at
	 * least its TTL. */
	const uint32_t expiry = now_s + answer->ttl + (answer->failure ? 1 : 0);
	if (!slot_write(home, index, way, hash, key, &head, expiry, answer->records))
		return false;
	*evicted = another;
	return true;
}
