/*
 * The hash of a question: by it the memo (memo.h) and the cache of forwarded answers find their places, so that
 * it is made once for both, and may be made before the question's turn (ahead.h).
 *
 * It is keyed with a secret of the server, so that strangers, who choose the names, cannot choose the places. Should
 * somebody learn of questions that collide all the same: a hash never decides, and they cost
 * him a place in a table, and nobody more than a look-up without it.
 */
#ifndef MIST_CORE_QUESTION_HASH_H
#define MIST_CORE_QUESTION_HASH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "core/message.h"

struct question_secret {
	uint64_t words[3];
};

static inline bool question_secret_draw(struct question_secret *secret)
{
	return getrandom(secret, sizeof *secret, 0) == sizeof *secret;
}

static inline uint64_t question_hash_load(const uint8_t *octets)
{
	uint64_t word;
	memcpy(&word, octets, sizeof word);
	return word;
}

/* Both halves of a product: each bit of it depends on all lower ones of both factors, one half on the
 * others. Two factors that nobody knows, for each 16 octets. */
static inline uint64_t question_hash_mix(uint64_t a, uint64_t b)
{
	const unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Of type and name, which is in whole blocks. */
static inline uint64_t question_hash(const struct question_secret *secret, const struct question *question)
{
	const uint8_t *at = question->name, *end = at + question->len;
	uint64_t hash = secret->words[0] ^ ((uint32_t)question->type << 8 | question->len);
	do
		hash = question_hash_mix(question_hash_load(at) ^ secret->words[1], question_hash_load(at + 8) ^ hash);
	while ((at += NAME_BLOCK) < end);
	return question_hash_mix(hash, secret->words[2]);
}

#endif
