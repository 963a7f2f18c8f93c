/*
 * The cache of forwarded answers: a lock-free, set-associative hash table of fixed memory, shared
 * by all workers and look-up handles.
 *
 * Each slot has a sequence counter, odd while a writer is in it. Payload is read and written as
 * atomic 64-bit words (load-acquire, store-release), so that a reader that saw any new word also
 * sees the counter changed, without fences, which ThreadSanitizer would not understand. Readers
 * copy the payload and compare the whole key in their copy. Victims: expired first, then by a clock
 * hand.
 */
#ifndef MIST_FORWARD_CACHE_H
#define MIST_FORWARD_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/message.h"

struct cache;

/* All its memory at once: `bytes`, but at least one set of each slot size (62 KiB). */
int cache_new(struct cache **cache, size_t bytes);
void cache_free(struct cache *cache);

struct cache_key {
	const struct question *question; /* lower case */
	bool dnssec_ok, checking_disabled;
	uint64_t policy;                 /* of the rule that admitted it */
};

/* The largest slot: a larger answer is passed on, but not kept. 6 KiB hold a signed answer that
 * came by TCP, and whoever asks for more asks rarely. */
#define CACHE_SLOT_MAX 6144
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
	uint16_t counts[3];          /* records by section */
	uint32_t lens[3];            /* octets by section */
	uint32_t ttl;                /* seconds it may be served, from `stored_s` */
	uint32_t stored_s;
	uint8_t hits;                /* out: this one included, at most CACHE_HITS_MAX */
	const uint8_t *message;      /* of which only the name at offset 12 and what follows is right */
	const uint8_t *records;      /* in it: the sections one behind the other */
};

/* A message around the largest slot. */
#define CACHE_MESSAGE_MAX (MESSAGE_HEADER + NAME_MAX + 4 + CACHE_SLOT_MAX)

/* Looks up; the answer's message is made in `message`, with TTLs counted down. False: not there,
 * expired, or being written. */
bool cache_get(struct cache *cache, const struct cache_key *key, uint32_t now_s,
               uint8_t message[CACHE_MESSAGE_MAX], struct cache_answer *answer);

/* Stores for answer->ttl seconds, a failure (that never takes the place of a live answer) until the
 * second after. False: dropped, being too large, or of TTL 0, or because another thread writes the
 * slot. *evicted: a live answer of another question went. */
bool cache_put(struct cache *cache, const struct cache_key *key, uint32_t now_s,
               const struct cache_answer *answer, bool *evicted);

#endif
