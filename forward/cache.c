/*
 * The cache (cache.h): a log and an index.
 *
 * Answers stand one behind the other in the log, as long as they are, the newest at its head. When
 * the log is full, the head overwrites the tail: an answer that was asked for since it was written is
 * written again at the head, any other is gone. The log is a ring, but positions in it count on for
 * ever, so that a position says whether what it means is still there.
 *
 * The index leads from a hash to a position: sets of eight, a cache line each. It is a hint only. Nothing
 * is ever taken out of it: what leads behind the tail leads nowhere.
 *
 * So a look-up that finds nothing touches one line, and one that finds something the answer's lines
 * besides; what is in use lies close together, in as few pages as it needs.
 */
#include "forward/cache.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "core/wire.h"
#include "mistcore.h"

#define WAYS 8
/* Octets of log for each set: an answer to a question of usual length takes 90 to 250, so sets are
 * rarely full. */
#define LOG_EACH 512
#define CACHE_MIN 65536
#define CHANCES_MAX 16 /* answers that are written again to make room for one */
#define TRIES_MAX 1000 /* to become the writer: about as long as writing takes */

typedef _Atomic(uint64_t) word;

/* A way of a set: 12 bits of the hash, hits, a position. 0 leads nowhere. */
struct set {
	_Alignas(64) word ways[WAYS];
};
#define POSITION_BITS 50 /* in words of 8 octets: 28 years of 10 MB a second */
#define POSITION_MASK ((UINT64_C(1) << POSITION_BITS) - 1)
#define ONE_HIT (UINT64_C(1) << POSITION_BITS)
#define HITS_MASK (CACHE_HITS_MAX * ONE_HIT)
#define TAG_SHIFT (POSITION_BITS + 2)
static_assert(CACHE_HITS_MAX == 3, "two bits");

struct cache {
	struct set *sets;
	word *log;
	size_t set_count, log_words, mapped;
	struct question_secret secret; /* of the server */
	_Alignas(64)
	word reserved;          /* the head, once what is written there is whole; set before it is */
	_Alignas(64)
	_Atomic(bool) writing;  /* whoever set it owns what follows; not in the line that readers look at */
	uint64_t head, tail;
};

/* In the log: this, the name padded to words, the records. */
struct head {
	uint64_t hash, policy;
	uint32_t stored_s, ttl;
	uint16_t lens[2], counts[2];
	uint16_t type, class;
	int8_t ede;
	uint8_t rcode, flags, name_len;
};
static_assert(sizeof(struct head) == 40, "whole words");
enum { KEY_DNSSEC_OK = 1, KEY_CHECKING_DISABLED = 2, IS_AUTHENTIC = 4, IS_FAILURE = 8,
       IS_NEGATIVE = 16 };

static size_t words_of(size_t octets) { return (octets + 7) / 8; }
static size_t records_len(const struct head *head) { return (size_t)head->lens[0] + head->lens[1]; }
static size_t entry_words(const struct head *head)
{
	return words_of(sizeof *head) + words_of(head->name_len) + words_of(records_len(head));
}

static uint8_t key_flags(const struct cache_key *key)
{
	return (uint8_t)((key->dnssec_ok ? KEY_DNSSEC_OK : 0) |
	                 (key->checking_disabled ? KEY_CHECKING_DISABLED : 0));
}

/* ---- set-up ---- */

int cache_new(struct cache **result, size_t bytes, const struct question_secret *secret)
{
	const size_t sets = (bytes < CACHE_MIN ? CACHE_MIN : bytes) / (sizeof(struct set) + LOG_EACH);
	const size_t mapped = sizeof(struct cache) + sets * (sizeof(struct set) + LOG_EACH);
	struct cache *cache = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                           -1, 0);
	if (cache == MAP_FAILED)
		return MIST_ENOMEM;
	cache->secret = *secret;
	cache->mapped = mapped;
	cache->set_count = sets;
	cache->sets = (struct set *)(void *)(cache + 1);
	cache->log = (word *)(void *)(cache->sets + sets);
	cache->log_words = sets * LOG_EACH / 8;
	cache->head = cache->tail = 2 * cache->log_words; /* 0 is long gone */
	atomic_init(&cache->reserved, cache->head);
	*result = cache;
	return MIST_OK;
}

void cache_free(struct cache *cache)
{
	if (cache)
		munmap(cache, cache->mapped);
}

/* ---- the index ---- */

/* Of the question alone, so that it is known before its turn. What else is in the key tells apart a few
 * answers to one question, which share a set. */
static uint64_t hash_key(const struct cache *cache, const struct cache_key *key)
{
	return key->hash ? key->hash : question_hash(&cache->secret, key->question);
}

/* The upper half of the hash chooses the set, the lower 12 bits are the tag. */
static struct set *set_of(const struct cache *cache, uint64_t hash)
{
	return &cache->sets[(hash >> 32) * cache->set_count >> 32];
}

static uint64_t way_to(uint64_t hash, uint64_t position) { return hash << TAG_SHIFT | position; }
static bool has_tag(uint64_t way, uint64_t hash)
{
	return ((way ^ way_to(hash, 0)) >> TAG_SHIFT) == 0;
}
static uint64_t position_of(uint64_t way) { return way & POSITION_MASK; }
static unsigned hits_of(uint64_t way) { return (unsigned)((way & HITS_MASK) / ONE_HIT); }

/* ---- reading the log ---- */

/* Where the words of a position are. */
struct cursor {
	word *at, *end, *start;
};

static struct cursor cursor_at(const struct cache *cache, uint64_t position)
{
	return (struct cursor){ cache->log + position % cache->log_words,
	                        cache->log + cache->log_words, cache->log };
}

static inline word *next(struct cursor *cursor)
{
	word *here = cursor->at++;
	if (cursor->at == cursor->end)
		cursor->at = cursor->start;
	return here;
}

/* Copies what a writer may be changing; it is right only if it is still there afterwards: whoever read
 * one new word sees what was reserved for it. */
static inline void copy_out(struct cursor *from, void *to, size_t len)
{
	uint8_t *octets = to;
	for (; len >= 8; len -= 8, octets += 8) {
		const uint64_t value = atomic_load_explicit(next(from), memory_order_acquire);
		memcpy(octets, &value, 8);
	}
	if (len > 0) {
		const uint64_t value = atomic_load_explicit(next(from), memory_order_acquire);
		memcpy(octets, &value, len);
	}
}

static bool still_there(const struct cache *cache, uint64_t position)
{
	return position + cache->log_words >=
	       atomic_load_explicit(&cache->reserved, memory_order_relaxed);
}

static uint8_t *records_in(uint8_t *message, size_t name_len)
{
	return message + MESSAGE_HEADER + name_len + 4;
}

/* Passes over a name, which is in whole words there as in a question. */
static inline bool is_name(struct cursor *from, const struct question *question)
{
	uint64_t difference = 0;
	for (size_t at = 0; at < question->len; at += 8) {
		uint64_t wanted;
		memcpy(&wanted, question->name + at, 8);
		difference |= wanted ^ atomic_load_explicit(next(from), memory_order_acquire);
	}
	return difference == 0;
}

/* Reads what stands at a position, if that is the answer to the key. Its message goes to `message`,
 * unless that is NULL. */
static bool read_entry(const struct cache *cache, uint64_t position, const struct cache_key *key,
                       struct head *head, uint8_t *message)
{
	if (!still_there(cache, position))
		return false;
	struct cursor cursor = cursor_at(cache, position);
	copy_out(&cursor, head, sizeof *head);
	const struct question *question = key->question;
	if (head->policy != key->policy || head->type != question->type ||
	    head->class != question->class || head->name_len != question->len ||
	    (head->flags & (KEY_DNSSEC_OK | KEY_CHECKING_DISABLED)) != key_flags(key))
		return false;
	if (records_len(head) > CACHE_RECORDS_MAX) /* half of two */
		return false;
	if (!is_name(&cursor, question))
		return false;
	if (message) {
		memcpy(message + MESSAGE_HEADER, question->name, question->len);
		copy_out(&cursor, records_in(message, question->len), records_len(head));
	}
	return still_there(cache, position);
}

/* The way that leads to the answer to a key, and what it was when it did; or NULL. */
static word *find(const struct cache *cache, uint64_t hash, const struct cache_key *key,
                  uint64_t *seen, struct head *head, uint8_t *message)
{
	struct set *set = set_of(cache, hash);
	for (unsigned i = 0; i < WAYS; i++) {
		*seen = atomic_load_explicit(&set->ways[i], memory_order_acquire);
		while (has_tag(*seen, hash)) {
			if (read_entry(cache, position_of(*seen), key, head, message))
				return &set->ways[i];
			const uint64_t failed = *seen;
			*seen = atomic_load_explicit(&set->ways[i], memory_order_acquire);
			if (position_of(*seen) == position_of(failed))
				break; /* another's, or gone; else it was moved meanwhile, and positions only grow */
		}
	}
	return NULL;
}

/* Time comes in whole seconds: one more, so that a failure is remembered for at least its TTL. An answer from
 * the future says that the clock was set back, and its age nothing; a second is what two threads may differ. */
static bool is_live(const struct head *head, uint32_t now_s)
{
	return head->stored_s <= now_s + 1 && head->stored_s + head->ttl + (head->flags & IS_FAILURE ? 1 : 0) > now_s;
}

/* TTLs as they are `age` seconds later. The records are our own private copy. */
static void count_down(uint8_t *records, size_t len, uint32_t age)
{
	uint8_t *at = records, *const end = records + len;
	while (at < end) {
		at += wire_get16(at) == RRSET_OWNER ? 2 : name_skip(at);
		const uint32_t ttl = wire_get32(at + 4);
		wire_set32(at + 4, ttl > age ? ttl - age : 0);
		at += 10 + wire_get16(at + 8);
	}
	assert(at == end && "records that we made ourselves");
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
		.counts = { head->counts[0], head->counts[1] },
		.lens = { head->lens[0], head->lens[1] },
		.ttl = head->ttl,
		.stored_s = head->stored_s,
		.message = message,
		.records = records,
	};
}

/* A hit is written only while it still changes something: lines that all workers read stay shared.
 * A way that leads elsewhere by now stays as it is. */
static uint8_t note_hit(word *way, uint64_t seen)
{
	const unsigned hits = hits_of(seen);
	if (hits == CACHE_HITS_MAX)
		return CACHE_HITS_MAX;
	atomic_compare_exchange_strong_explicit(way, &seen, seen + ONE_HIT, memory_order_relaxed,
	                                        memory_order_relaxed);
	return (uint8_t)(hits + 1);
}

bool cache_get(struct cache *cache, const struct cache_key *key, uint32_t now_s,
               uint8_t message[CACHE_MESSAGE_MAX], struct cache_answer *answer)
{
	struct head head;
	uint64_t seen;
	word *way = find(cache, hash_key(cache, key), key, &seen, &head, message);
	if (!way || !is_live(&head, now_s))
		return false;
	uint8_t *records = records_in(message, head.name_len);
	if (now_s > head.stored_s)
		count_down(records, records_len(&head), now_s - head.stored_s);
	fill_answer(answer, &head, message, records);
	answer->hits = note_hit(way, seen);
	return true;
}

/* ---- reading ahead ---- */

/* Most answers end within so many octets of where they begin, which need not be where a line does. */
#define USUAL_LEN 192

void cache_ahead_index(const struct cache *cache, uint64_t hash) { __builtin_prefetch(set_of(cache, hash)); }

void cache_ahead_answer(const struct cache *cache, uint64_t hash)
{
	const struct set *set = set_of(cache, hash);
	for (unsigned i = 0; i < WAYS; i++) {
		const uint64_t way = atomic_load_explicit(&set->ways[i], memory_order_relaxed);
		if (!has_tag(way, hash))
			continue;
		const char *at = (const char *)cursor_at(cache, position_of(way)).at;
		for (unsigned offset = 0; offset <= USUAL_LEN; offset += 64)
			__builtin_prefetch(at + offset);
		return;
	}
}

/* ---- writing: one at a time ---- */

static bool begin_writing(struct cache *cache)
{
	for (unsigned i = 0; i < TRIES_MAX; i++)
		if (!atomic_load_explicit(&cache->writing, memory_order_relaxed) &&
		    !atomic_exchange_explicit(&cache->writing, true, memory_order_acquire))
			return true;
	return false;
}

static void end_writing(struct cache *cache)
{
	atomic_store_explicit(&cache->writing, false, memory_order_release);
}

/* Takes words at the head. Readers of what they held see it before they see a word of the new. */
static struct cursor reserve(struct cache *cache, size_t words)
{
	const struct cursor cursor = cursor_at(cache, cache->head);
	cache->head += words;
	atomic_store_explicit(&cache->reserved, cache->head, memory_order_relaxed);
	return cursor;
}

static void put_word(struct cursor *to, uint64_t value)
{
	atomic_store_explicit(next(to), value, memory_order_release);
}

static void copy_in(struct cursor *to, const void *from, size_t len)
{
	const uint8_t *octets = from;
	for (size_t part; len > 0; len -= part, octets += part) {
		uint64_t value = 0;
		part = len < 8 ? len : 8;
		memcpy(&value, octets, part);
		put_word(to, value);
	}
}

static struct head read_head(const struct cache *cache, uint64_t position)
{
	struct head head;
	struct cursor cursor = cursor_at(cache, position);
	copy_out(&cursor, &head, sizeof head);
	return head;
}

/* The way that leads to a position, or NULL: the answer there was replaced. */
static word *way_there(const struct cache *cache, uint64_t hash, uint64_t position, uint64_t *seen)
{
	struct set *set = set_of(cache, hash);
	for (unsigned i = 0; i < WAYS; i++) {
		*seen = atomic_load_explicit(&set->ways[i], memory_order_relaxed);
		if (position_of(*seen) == position)
			return &set->ways[i];
	}
	return NULL;
}

/* The head comes round to the tail: the words there are copied forwards, perhaps over their own end. */
static void move(struct cache *cache, uint64_t from, size_t words, uint64_t hash, word *way)
{
	const uint64_t to = cache->head;
	struct cursor source = cursor_at(cache, from), target = reserve(cache, words);
	for (size_t i = 0; i < words; i++)
		put_word(&target, atomic_load_explicit(next(&source), memory_order_relaxed));
	atomic_store_explicit(way, way_to(hash, to), memory_order_release);
}

/* Gives up the words of the answer at the tail. The one that `replaced` leads to is no loss. */
static void reclaim(struct cache *cache, const word *replaced, uint32_t now_s, unsigned *chances, unsigned *evicted)
{
	const uint64_t tail = cache->tail;
	const struct head head = read_head(cache, tail);
	uint64_t seen;
	word *way = way_there(cache, head.hash, tail, &seen);
	cache->tail += entry_words(&head);
	if (!way || way == replaced || !is_live(&head, now_s))
		return;
	if (hits_of(seen) > 0 && *chances > 0) {
		--*chances;
		move(cache, tail, entry_words(&head), head.hash, way);
	} else {
		++*evicted;
	}
}

/* A way for a new answer: one that leads nowhere or to a dead answer, else that to the oldest, those without
 * hits first. */
static word *choose_way(const struct cache *cache, struct set *set, uint32_t now_s, unsigned *evicted)
{
	word *chosen = NULL;
	uint64_t least = UINT64_MAX;
	for (unsigned i = 0; i < WAYS; i++) {
		const uint64_t way = atomic_load_explicit(&set->ways[i], memory_order_relaxed);
		if (position_of(way) < cache->tail)
			return &set->ways[i];
		const struct head head = read_head(cache, position_of(way));
		const uint64_t rank = !is_live(&head, now_s) ? 0
			: (hits_of(way) > 0 ? ONE_HIT : 0) | position_of(way);
		if (rank < least) {
			least = rank;
			chosen = &set->ways[i];
		}
	}
	*evicted += least > 0;
	return chosen;
}

static struct head make_head(uint64_t hash, const struct cache_key *key, uint32_t now_s,
                             const struct cache_answer *answer)
{
	return (struct head){
		.hash = hash,
		.policy = key->policy,
		.stored_s = now_s,
		.ttl = answer->ttl,
		.lens = { (uint16_t)answer->lens[0], (uint16_t)answer->lens[1] },
		.counts = { answer->counts[0], answer->counts[1] },
		.type = key->question->type,
		.class = key->question->class,
		.ede = (int8_t)answer->ede,
		.rcode = answer->rcode,
		.flags = (uint8_t)(key_flags(key) | (answer->authentic ? IS_AUTHENTIC : 0) |
		                   (answer->failure ? IS_FAILURE : 0) |
		                   (answer->negative ? IS_NEGATIVE : 0)),
		.name_len = key->question->len,
	};
}

static bool put(struct cache *cache, const struct cache_key *key, uint32_t now_s,
                const struct cache_answer *answer, unsigned *evicted)
{
	const uint64_t hash = hash_key(cache, key);
	const struct head head = make_head(hash, key, now_s, answer);
	const size_t words = entry_words(&head);
	struct head old;
	uint64_t seen;
	word *way = find(cache, hash, key, &seen, &old, NULL);
	if (way && answer->failure && is_live(&old, now_s) && !(old.flags & IS_FAILURE))
		return false;
	unsigned chances = CHANCES_MAX;
	while (cache->head + words - cache->tail > cache->log_words)
		reclaim(cache, way, now_s, &chances, evicted);
	if (!way)
		way = choose_way(cache, set_of(cache, hash), now_s, evicted);
	const uint64_t position = cache->head;
	struct cursor cursor = reserve(cache, words);
	copy_in(&cursor, &head, sizeof head);
	copy_in(&cursor, key->question->name, head.name_len);
	copy_in(&cursor, answer->records, records_len(&head));
	atomic_store_explicit(way, way_to(hash, position), memory_order_release);
	return true;
}

bool cache_put(struct cache *cache, const struct cache_key *key, uint32_t now_s,
               const struct cache_answer *answer, unsigned *evicted)
{
	*evicted = 0;
	if (answer->ttl == 0 || answer->lens[0] > CACHE_RECORDS_MAX ||
	    answer->lens[0] + answer->lens[1] > CACHE_RECORDS_MAX || !begin_writing(cache))
		return false;
	const bool kept = put(cache, key, now_s, answer, evicted);
	end_writing(cache);
	return kept;
}
