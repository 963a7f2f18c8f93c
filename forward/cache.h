/*
 * The cache of forwarded answers, in memory of fixed size, shared by all workers and look-up handles.
 *
 * Readers never wait. Payload is read and written as atomic 64-bit words (load-acquire,
 * store-release), so that a reader that saw any new word also sees that the old ones are gone, without
 * fences, which ThreadSanitizer would not understand. Readers compare the whole key and copy the
 * payload, and only then ask if it is still there. One writes at a time; who cannot soon become the
 * writer drops the answer. The oldest answers go first, unless they were asked for meanwhile.
 */
#ifndef MIST_FORWARD_CACHE_H
#define MIST_FORWARD_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/message.h"
#include "core/question_hash.h"

struct cache;

/* `bytes`, but at least 64 KiB; the kernel gives pages as answers fill them. */
int cache_new(struct cache **cache, size_t bytes, const struct question_secret *secret);
void cache_free(struct cache *cache);

struct cache_key {
	const struct question *question; /* lower case */
	uint64_t hash;                   /* of it, by the cache's secret; 0: nobody has made it */
	bool dnssec_ok, checking_disabled;
	uint64_t policy;                 /* of the rule that admitted it */
};

/* Octets of records: a larger answer is passed on, but not kept. 6 KiB hold a signed answer that came
 * by TCP, and whoever asks for more asks rarely. */
#define CACHE_RECORDS_MAX 6144
/* `hits` stops here: enough to call an answer popular, and few writes to shared lines. */
#define CACHE_HITS_MAX 3

/* The answer to a question, kept as it goes out: behind the question of a message, names compressed
 * in that message. */
struct cache_answer {
	uint8_t rcode;
	bool authentic;              /* AD of a validating upstream */
	bool negative;               /* NXDOMAIN, or no data at the end of the chain */
	bool failure;                /* remembered failure (RFC 9520), no answer */
	int16_t ede;
	uint16_t counts[2];          /* records of answer and authority section */
	uint32_t lens[2];            /* their octets */
	uint32_t ttl;                /* seconds it may be served, from `stored_s` */
	uint32_t stored_s;
	uint8_t hits;                /* out: this one included, at most CACHE_HITS_MAX */
	const uint8_t *message;      /* of which only the name at offset 12 and what follows is right */
	const uint8_t *records;      /* in it: the sections one behind the other */
};

/* The largest message kept. */
#define CACHE_MESSAGE_MAX (MESSAGE_HEADER + NAME_MAX + 4 + CACHE_RECORDS_MAX)

/* Looks up; the answer's message is made in `message`, with TTLs counted down. False: not there,
 * expired, or being written. */
bool cache_get(struct cache *cache, const struct cache_key *key, uint32_t now_s,
               uint8_t message[CACHE_MESSAGE_MAX], struct cache_answer *answer);

/* For those who read ahead (core/ahead.h): asks (prefetch) for where the index would have a question
 * with that hash; and then for the answer that may be its. */
void cache_ahead_index(const struct cache *cache, uint64_t hash);
void cache_ahead_answer(const struct cache *cache, uint64_t hash);

/* Stores for answer->ttl seconds, a failure (that never takes the place of a live answer) until the
 * second after. False: dropped, being too large, or of TTL 0, or because another thread writes.
 * *evicted: live answers of other questions that went. */
bool cache_put(struct cache *cache, const struct cache_key *key, uint32_t now_s,
               const struct cache_answer *answer, unsigned *evicted);

#endif
