/* forward/cache.c: what goes in comes out, counted down, and never torn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/type.h"
#include "forward/cache.h"
#include "mistcore.h"

#define NOW 1000000u

static const struct question_secret secret = { { 0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0 } };

/* "<number>.test", so that tests can have as many questions as they like. */
static struct question question_of(unsigned number)
{
	struct question question = { .type = TYPE_A, .class = CLASS_IN };
	char label[16];
	const int len = snprintf(label, sizeof label, "%u", number);
	question.name[0] = (uint8_t)len;
	memcpy(question.name + 1, label, (size_t)len);
	memcpy(question.name + 1 + len, "\4test", 6);
	question.len = (uint8_t)(len + 7);
	return question;
}

/* One record of `len` octets in all, filled with `fill`. */
static struct cache_answer answer_of(uint8_t *buffer, size_t len, uint8_t fill, uint32_t ttl)
{
	struct writer w = writer_on(buffer, len);
	writer_u16(&w, 0xC00C);
	writer_u16(&w, TYPE_NULL);
	writer_u16(&w, CLASS_IN);
	writer_u32(&w, ttl);
	writer_u16(&w, (uint16_t)(len - 12));
	memset(w.at, fill, len - 12);
	return (struct cache_answer){ .ede = EDE_NONE, .counts = { 1 }, .lens = { (uint32_t)len },
	                              .ttl = ttl, .records = buffer };
}

static bool get(struct cache *cache, const struct cache_key *key, uint32_t now_s,
                struct cache_answer *answer)
{
	static _Thread_local uint8_t message[CACHE_MESSAGE_MAX];
	return cache_get(cache, key, now_s, message, answer);
}

static void test_put_and_get(void **state)
{
	(void)state;
	struct cache *cache;
	struct cache_answer in, out;
	uint8_t buffer[CACHE_RECORDS_MAX];
	unsigned evicted;
	assert_int_equal(cache_new(&cache, 1 << 20, &secret), MIST_OK);
	struct question question = question_of(1);
	struct cache_key key = { .question = &question, .policy = 7 };
	assert_false(get(cache, &key, NOW, &out));
	static const size_t sizes[] = { 28, 700, 5000, 100 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		in = answer_of(buffer, sizes[i], (uint8_t)(i + 1), 60);
		in.rcode = RCODE_NXDOMAIN;
		in.authentic = true;
		in.ede = EDE_FILTERED;
		assert_true(cache_put(cache, &key, NOW, &in, &evicted));
		assert_int_equal(evicted, 0);
		assert_true(get(cache, &key, NOW + 20, &out));
		assert_int_equal(out.rcode, RCODE_NXDOMAIN);
		assert_memory_equal(out.message + MESSAGE_HEADER, question.name, question.len);
		assert_true(out.authentic);
		assert_false(out.failure);
		assert_int_equal(out.ede, EDE_FILTERED);
		assert_int_equal(out.lens[0], sizes[i]);
		assert_int_equal(out.counts[0], 1);
		assert_int_equal(wire_get32(out.records + 6), 40);
		assert_int_equal(out.records[sizes[i] - 1], i + 1);
	}
	assert_true(get(cache, &key, NOW + 59, &out));
	assert_int_equal(wire_get32(out.records + 6), 1);
	assert_false(get(cache, &key, NOW + 60, &out));
	/* A clock set back: what is there says nothing, and does not stand in the way of a failure. */
	assert_false(get(cache, &key, NOW - 1000, &out));
	struct cache_answer failure = { .rcode = RCODE_SERVFAIL, .failure = true, .ttl = 5 };
	failure.message = failure.records = buffer;
	cache_put(cache, &key, NOW - 1000, &failure, &evicted);
	assert_true(get(cache, &key, NOW - 1000, &out));
	assert_true(out.failure);
	cache_free(cache);
}

static void test_key_is_everything(void **state)
{
	(void)state;
	struct cache *cache;
	struct cache_answer in, out;
	uint8_t buffer[64];
	unsigned evicted;
	assert_int_equal(cache_new(&cache, 1 << 20, &secret), MIST_OK);
	struct question question = question_of(1), other = question_of(2);
	struct cache_key key = { .question = &question, .policy = 7 };
	in = answer_of(buffer, 28, 1, 60);
	assert_true(cache_put(cache, &key, NOW, &in, &evicted));
	struct cache_key k = key;
	k.question = &other;
	assert_false(get(cache, &k, NOW, &out));
	k = key, k.dnssec_ok = true;
	assert_false(get(cache, &k, NOW, &out));
	k = key, k.checking_disabled = true;
	assert_false(get(cache, &k, NOW, &out));
	k = key, k.policy = 8;
	assert_false(get(cache, &k, NOW, &out));
	question.type = TYPE_AAAA;
	assert_false(get(cache, &key, NOW, &out));
	question.type = TYPE_A;
	question.class = CLASS_CH;
	assert_false(get(cache, &key, NOW, &out));
	question.class = CLASS_IN;
	assert_true(get(cache, &key, NOW, &out));
	cache_free(cache);
}

/* Answers to one question share a set, and so do those to all questions if the secret is a bad one. */
static void test_one_set(void **state)
{
	static const struct question_secret bad;
	(void)state;
	for (unsigned questions = 1; questions <= 2; questions++) {
		struct cache *cache;
		struct cache_answer in, out;
		uint8_t buffer[64];
		unsigned evicted;
		assert_int_equal(cache_new(&cache, 1 << 20, questions == 1 ? &secret : &bad), MIST_OK);
		for (unsigned i = 0; i < 8; i++) {
			struct question question = question_of(questions == 1 ? 1 : i);
			const struct cache_key key = { .question = &question, .dnssec_ok = i & 1, .checking_disabled = i & 2,
			                               .policy = i / 4 };
			in = answer_of(buffer, 28, (uint8_t)i, 60);
			assert_true(cache_put(cache, &key, NOW, &in, &evicted));
			assert_int_equal(evicted, 0);
		}
		for (unsigned i = 0; i < 8; i++) {
			struct question question = question_of(questions == 1 ? 1 : i);
			const struct cache_key key = { .question = &question, .dnssec_ok = i & 1, .checking_disabled = i & 2,
			                               .policy = i / 4 };
			assert_true(get(cache, &key, NOW, &out));
			assert_int_equal(out.records[12], i);
		}
		cache_free(cache);
	}
}

/* A hash made before the question's turn leads where one made by the cache does. */
static void test_hash_made_before(void **state)
{
	(void)state;
	struct cache *cache;
	struct cache_answer in, out;
	uint8_t buffer[64];
	unsigned evicted;
	assert_int_equal(cache_new(&cache, 1 << 20, &secret), MIST_OK);
	for (unsigned i = 0; i < 100; i++) {
		struct question question = question_of(i);
		struct cache_key key = { .question = &question };
		in = answer_of(buffer, 28, (uint8_t)i, 60);
		assert_true(cache_put(cache, &key, NOW, &in, &evicted));
		key.hash = question_hash(&secret, &question);
		cache_ahead_index(cache, key.hash);
		cache_ahead_answer(cache, key.hash);
		assert_true(get(cache, &key, NOW, &out));
		assert_int_equal(out.records[12], i);
	}
	cache_free(cache);
}

static void test_what_is_not_kept(void **state)
{
	(void)state;
	struct cache *cache;
	struct cache_answer in, out;
	static uint8_t buffer[65535];
	unsigned evicted;
	assert_int_equal(cache_new(&cache, 0, &secret), MIST_OK); /* the smallest there is */
	struct question question = question_of(1);
	struct cache_key key = { .question = &question };
	in = answer_of(buffer, sizeof buffer, 1, 60);
	assert_false(cache_put(cache, &key, NOW, &in, &evicted));
	in = answer_of(buffer, 28, 1, 0);
	assert_false(cache_put(cache, &key, NOW, &in, &evicted));
	assert_false(get(cache, &key, NOW, &out));

	struct cache_answer failure = { .failure = true, .rcode = RCODE_SERVFAIL, .ttl = 1,
	                                .ede = EDE_NONE };
	assert_true(cache_put(cache, &key, NOW, &failure, &evicted));
	assert_true(get(cache, &key, NOW + 1, &out));
	assert_true(out.failure);
	assert_false(get(cache, &key, NOW + 2, &out));
	in = answer_of(buffer, 28, 1, 60);
	assert_true(cache_put(cache, &key, NOW, &in, &evicted));
	assert_false(cache_put(cache, &key, NOW, &failure, &evicted)); /* a good answer stays */
	assert_true(get(cache, &key, NOW, &out));
	assert_false(out.failure);
	assert_true(cache_put(cache, &key, NOW + 60, &failure, &evicted)); /* until it is over */
	cache_free(cache);
}

/* What a cache of the smallest size still knows after `count` questions were answered, `len` octets
 * of records each. Popular: the first ten, asked for all the time. */
static void fill(size_t len, unsigned count, unsigned *live, unsigned *popular, unsigned *evictions)
{
	struct cache *cache;
	struct cache_answer out;
	static uint8_t buffer[CACHE_RECORDS_MAX];
	const struct cache_answer in = answer_of(buffer, len, 1, 60);
	unsigned evicted;
	*live = *popular = *evictions = 0;
	assert_int_equal(cache_new(&cache, 0, &secret), MIST_OK);
	for (unsigned i = 0; i < count; i++) {
		struct question question = question_of(i);
		const struct cache_key key = { .question = &question };
		assert_true(cache_put(cache, &key, NOW, &in, &evicted));
		*evictions += evicted;
		for (unsigned j = 0; j < 10 && j < i; j++) {
			struct question other = question_of(j);
			get(cache, &(struct cache_key){ .question = &other }, NOW, &out);
		}
	}
	for (unsigned i = 0; i < count; i++) {
		struct question question = question_of(i);
		const bool there = get(cache, &(struct cache_key){ .question = &question }, NOW, &out);
		*live += there;
		*popular += there && i < 10;
	}
	/* expired ones go without a word */
	for (unsigned i = 0; i < count; i++) {
		struct question question = question_of(i);
		const struct cache_key key = { .question = &question };
		assert_true(cache_put(cache, &key, NOW + 60 + i * 60, &in, &evicted));
		assert_int_equal(evicted, 0);
	}
	cache_free(cache);
}

/* All memory is used, whatever the lengths are: an answer takes its records, its name (16) and 40. */
static void test_room(void **state)
{
	(void)state;
	unsigned live, popular, evictions;
	fill(32, 300, &live, &popular, &evictions);
	assert_true(live >= 295 && evictions + live >= 300);
	fill(200, 1000, &live, &popular, &evictions);
	assert_in_range(live, 200, 65536 / 256);
	fill(6000, 100, &live, &popular, &evictions);
	assert_in_range(live, 8, 9);
}

static void test_popular_stay(void **state)
{
	(void)state;
	unsigned live, popular, evictions;
	fill(200, 5000, &live, &popular, &evictions);
	assert_int_equal(popular, 10);
	assert_true(evictions >= 5000 - live); /* what leaves a full log behind is no more counted twice */
}

/* Threads write answers whose octets all follow from the question and a version, and read the
 * others'. */
#define HAMMER_KEYS 64
#define HAMMER_ROUNDS 40000
struct hammer { struct cache *cache; unsigned seed; unsigned long found; bool torn; };

static void *hammer(void *argument)
{
	struct hammer *hammer = argument;
	uint8_t buffer[CACHE_RECORDS_MAX], message[CACHE_MESSAGE_MAX];
	uint32_t random = hammer->seed;
	for (unsigned i = 0; i < HAMMER_ROUNDS; i++) {
		random = random * 1664525u + 1013904223u;
		const unsigned number = random >> 8 & (HAMMER_KEYS - 1), fill = random >> 16 & 255;
		struct question question = question_of(number);
		const struct cache_key key = { .question = &question };
		struct cache_answer answer;
		unsigned evicted;
		if (random >> 30 == 0) {
			/* length follows from the fill, and the name from the number */
			answer = answer_of(buffer, 40 + number + (fill & 1 ? 800 : 0) + fill, (uint8_t)fill,
			                   60);
			cache_put(hammer->cache, &key, NOW, &answer, &evicted);
			continue;
		}
		if (!cache_get(hammer->cache, &key, NOW, message, &answer))
			continue;
		hammer->found++;
		const uint8_t there = answer.records[12];
		if (answer.lens[0] != 40u + number + (there & 1 ? 800 : 0) + there)
			hammer->torn = true;
		for (size_t at = 12; at < answer.lens[0]; at++)
			if (answer.records[at] != there)
				hammer->torn = true;
	}
	return NULL;
}

static void test_hammer(void **state)
{
	(void)state;
	struct cache *cache;
	pthread_t threads[4];
	struct hammer hammers[4];
	assert_int_equal(cache_new(&cache, 0, &secret), MIST_OK);
	for (unsigned i = 0; i < 4; i++) {
		hammers[i] = (struct hammer){ .cache = cache, .seed = i * 77 + 1 };
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, &hammers[i]), 0);
	}
	unsigned long found = 0;
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_false(hammers[i].torn);
		found += hammers[i].found;
	}
	assert_true(found > 1000);
	cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_get),      cmocka_unit_test(test_key_is_everything),
		cmocka_unit_test(test_one_set),          cmocka_unit_test(test_hash_made_before),
		cmocka_unit_test(test_what_is_not_kept), cmocka_unit_test(test_room),
		cmocka_unit_test(test_popular_stay),     cmocka_unit_test(test_hammer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
