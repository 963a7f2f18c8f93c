/* core/heap.c against a list of pieces: each keeps its octets, none touches another, and all memory comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>

#include "chance.h"
#include "core/heap.h"

#define SLAB ((size_t)2 << 20)
#define PIECES 60000

/* AddressSanitizer sees to pieces itself: they are all malloc()'s then. */
#if defined(__SANITIZE_ADDRESS__)
#define SLABS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLABS 0
#endif
#endif
#ifndef SLABS
#define SLABS 1
#endif

struct piece {
	uint8_t *octets;
	size_t size;
	uint8_t value;
};

/* Mostly small, sometimes too large for a slab. */
static size_t any_size(struct chance *random)
{
	return chance_of(random, 50) == 0 ? 1000 + chance_of(random, 4000) : 1 + chance_of(random, 400);
}

static void fill(struct piece *piece, uint8_t value)
{
	piece->value = value;
	memset(piece->octets, value, piece->size);
}

/* Not by assertions of cmocka's, which belong to one thread. */
static int holds(const struct piece *piece, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (piece->octets[i] != piece->value)
			return 0;
	return (uintptr_t)piece->octets % 16 == 0;
}

/* One of the things that can happen to a piece. Returns 0 if it lost its octets. */
static int change(struct heap *heap, struct piece *piece, struct chance *random)
{
	const unsigned what = chance_of(random, 4);
	const size_t size = any_size(random);

	if (!piece->octets) {
		piece->octets = what == 0 ? malloc(size) : heap_get(heap, size);
		piece->size = size;
		if (!piece->octets)
			return 0;
		fill(piece, (uint8_t)chance_of(random, 256));
		if (what == 0)
			piece->octets = heap_adopt(heap, piece->octets, size);
		return holds(piece, size);
	}
	if (!holds(piece, piece->size))
		return 0;
	if (what == 0) {
		const size_t before = piece->size;
		uint8_t *moved = heap_resize(heap, piece->octets, before, size);
		if (!moved)
			return 0;
		piece->octets = moved;
		piece->size = size;
		if (!holds(piece, before < size ? before : size))
			return 0;
		fill(piece, (uint8_t)chance_of(random, 256));
		return 1;
	}
	heap_give(heap, piece->octets, piece->size);
	piece->octets = NULL;
	return 1;
}

static void give_all(struct heap *heap, struct piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_true(!pieces[i].octets || holds(&pieces[i], pieces[i].size));
		heap_give(heap, pieces[i].octets, pieces[i].size);
	}
}

static void random_pieces(void **state)
{
	struct piece *pieces = calloc(PIECES, sizeof(*pieces));
	struct chance random = { 88172645463325252u };
	struct heap *heap = heap_new(0);
	(void)state;

	for (unsigned i = 0; i < 10 * PIECES; i++)
		assert_true(change(heap, &pieces[chance_of(&random, PIECES)], &random));
	assert_true(!SLABS || heap_slabs(heap) > SLAB);
	size_t octets = 0;
	for (size_t i = 0; i < PIECES; i++)
		octets += pieces[i].octets ? pieces[i].size : 0;
	assert_int_equal(heap_used(heap), octets);
	give_all(heap, pieces, PIECES);
	assert_int_equal(heap_used(heap), 0);
	assert_true(heap_slabs(heap) <= SLAB);
	heap_free(heap);
	free(pieces);
}

/* A zone of a few thousand names costs no slab, and what it costs goes back to malloc(). */
static void small_heap(void **state)
{
	struct heap *heap = heap_new(HEAP_PLAIN);
	void *pieces[HEAP_PLAIN / 1024];
	(void)state;

	for (size_t i = 0; i < HEAP_PLAIN / 1024; i++)
		assert_non_null(pieces[i] = heap_get(heap, 1024));
	assert_int_equal(heap_slabs(heap), 0);
	void *more = heap_get(heap, 16);
	assert_int_equal(heap_slabs(heap), SLABS * SLAB);
	heap_give(heap, more, 16);
	for (size_t i = 0; i < HEAP_PLAIN / 1024; i++)
		heap_give(heap, pieces[i], 1024);
	heap_free(heap);
}

/* Pieces that stay while all others around them go do not keep the slabs of those: new ones fill the first slabs. */
static void slabs_run_empty(void **state)
{
	static void *pieces[100000];
	struct heap *heap = heap_new(0);
	const size_t count = sizeof(pieces) / sizeof(*pieces);
	(void)state;

	for (size_t i = 0; i < count; i++)
		assert_non_null(pieces[i] = heap_get(heap, 160));
	const size_t full = heap_slabs(heap);
	assert_true(!SLABS || (full >= count * 160 && full <= count * 160 * 102 / 100 + SLAB));
	for (size_t i = 0; i < count; i++) {
		heap_give(heap, pieces[i], 160);
		pieces[i] = NULL;
		if (i % 1000 == 0) /* one that stays */
			assert_non_null(pieces[i] = heap_get(heap, 100));
	}
	assert_true(heap_slabs(heap) <= 2 * SLAB);
	for (size_t i = 0; i < count; i++)
		heap_give(heap, pieces[i], 100);
	heap_free(heap);
}

/* The same pieces again and again need no more memory than once: holes grow together. */
static void holes_grow_together(void **state)
{
	static void *pieces[20000];
	struct heap *heap = heap_new(0);
	const size_t count = sizeof(pieces) / sizeof(*pieces);
	size_t once = 0;
	(void)state;

	for (unsigned round = 0; round < 30; round++) {
		const size_t size = 16 * (1 + round % 30);
		for (size_t i = 0; i < count * 16 / size; i++)
			assert_non_null(pieces[i] = heap_get(heap, size));
		once = once ? once : heap_slabs(heap);
		assert_int_equal(heap_slabs(heap), once);
		for (size_t i = 0; i < count * 16 / size; i++) /* odd ones first */
			heap_give(heap, pieces[(2 * i + 1) % (count * 16 / size | 1)], size);
	}
	heap_free(heap);
}

static void in_place(void **state)
{
	struct heap *heap = heap_new(0);
	(void)state;

	uint8_t *piece = heap_get(heap, 100);
	for (size_t size = 100; size < 1000; size += 10) {
		uint8_t *larger = heap_resize(heap, piece, size, size + 10);
		assert_true(!SLABS || larger == piece);
		piece = larger;
	}
	piece = heap_resize(heap, piece, 1000, 20);
	void *next = heap_get(heap, 30);
	assert_true(!SLABS || (uint8_t *)next == piece + 32);
	heap_give(heap, piece, 20);
	heap_give(heap, next, 30);
	heap_free(heap);
}

static struct heap *common;

static void *work(void *seed)
{
	struct piece *pieces = calloc(2000, sizeof(*pieces));
	struct chance random = { (uintptr_t)seed };
	int good = pieces != NULL;

	for (unsigned i = 0; good && i < 50000; i++)
		good = change(common, &pieces[chance_of(&random, 2000)], &random);
	for (size_t i = 0; pieces && i < 2000; i++)
		heap_give(common, pieces[i].octets, pieces[i].size);
	free(pieces);
	return good ? &common : NULL;
}

static void many_threads(void **state)
{
	pthread_t threads[4];
	(void)state;

	common = heap_new(10000);
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)(7 * i + 1)), 0);
	for (unsigned i = 0; i < 4; i++) {
		void *result;
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_non_null(result);
	}
	assert_int_equal(heap_used(common), 0);
	assert_true(heap_slabs(common) <= SLAB);
	heap_free(common);
}

/* No heap at all is malloc(). */
static void none(void **state)
{
	(void)state;
	char *piece = heap_get(NULL, 10);
	memcpy(piece, "octets", 7);
	piece = heap_resize(NULL, piece, 10, 5000);
	assert_string_equal(piece, "octets");
	assert_ptr_equal(heap_adopt(NULL, piece, 5000), piece);
	heap_give(NULL, piece, 5000);
	heap_give(NULL, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_pieces), cmocka_unit_test(small_heap),   cmocka_unit_test(slabs_run_empty),
		cmocka_unit_test(in_place),      cmocka_unit_test(many_threads), cmocka_unit_test(holes_grow_together),
		cmocka_unit_test(none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
