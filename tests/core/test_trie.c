/* core/trie.c against a sorted array: order, ancestors, neighbours, and generations that stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "chance.h"
#include "core/name.h"
#include "core/trie.h"
#include "mistcore.h"

struct value {
	unsigned number;
	uint8_t name[NAME_MAX];
};

static unsigned living;
static struct heap *heap; /* of slabs from the first piece on */

static struct trie_name name_of(const void *value)
{
	const uint8_t *name = ((const struct value *)value)->name;
	return (struct trie_name){ name, name_len(name) };
}

static struct value *value_new(const uint8_t *name)
{
	static unsigned number;
	struct value *value = malloc(sizeof(*value));
	value->number = number++;
	name_copy(value->name, name);
	living++;
	return value;
}

static void value_free(void *user, void *value)
{
	(void)user;
	living--;
	free(value);
}

static void value_discard(void *user, void *value, void *older_value)
{
	(void)user;
	assert_ptr_not_equal(value, older_value);
	value_free(NULL, value);
}

/* Few labels, often the same, so that names have ancestors, prefixes and doubles; now and then all
 * octet values, long labels, and many labels. */
static void random_name(uint8_t name[NAME_MAX])
{
	static const char few[] = "ab-_0*z`{/";
	unsigned labels = chance(20) == 0 ? chance(100) : chance(5), at = 0;
	for (unsigned label = 0; label < labels; label++) {
		unsigned kind = chance(8), len = 1 + (kind == 0 ? chance(63) : chance(3));
		if (at + len + 2 > NAME_MAX)
			break;
		name[at++] = (uint8_t)len;
		for (unsigned i = 0; i < len; i++)
			name[at++] = kind <= 1 ? (uint8_t)chance(256) : (uint8_t)few[chance(sizeof(few) - 1)];
	}
	name[at] = 0;
	name_lower(name, name);
}

/* The model: pointers to values in canonical order. */
struct model {
	size_t count;
	struct value *values[4096];
};

static size_t model_place(const struct model *model, const uint8_t *name, bool *found)
{
	size_t low = 0, high = model->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (name_compare(model->values[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < model->count && name_compare(model->values[low]->name, name) == 0;
	return low;
}

static void model_set(struct model *model, struct value *value)
{
	bool found;
	size_t place = model_place(model, value->name, &found);
	if (!found) {
		memmove(model->values + place + 1, model->values + place,
		        (model->count - place) * sizeof(model->values[0]));
		model->count++;
	}
	model->values[place] = value;
}

static bool model_remove(struct model *model, const uint8_t *name)
{
	bool found;
	size_t place = model_place(model, name, &found);
	if (found) {
		model->count--;
		memmove(model->values + place, model->values + place + 1,
		        (model->count - place) * sizeof(model->values[0]));
	}
	return found;
}

static int visit(void *user, void *value)
{
	struct value ***at = user;
	assert_ptr_equal(value, **at);
	(*at)++;
	return 0;
}

static void compare(const struct trie *trie, struct model *model)
{
	struct value **at = model->values;
	assert_int_equal(trie->count, model->count);
	assert_int_equal(trie_each(trie, visit, &at), 0);
	assert_int_equal(at - model->values, model->count);
}

/* Children with a label of one octet, found from where a walk to somewhere below has ended. */
static void ask_children(const struct trie_path *path, const struct model *model)
{
	static const uint8_t octets[] = "ab-_0*z`{/\0\xff";
	const struct value *above = path->value[path->count - 1];
	for (unsigned i = 0; i < sizeof(octets); i++) {
		const size_t len = name_len(above->name);
		uint8_t name[NAME_MAX] = { 1, octets[i] };
		bool found;
		if (len + 2 > NAME_MAX)
			return;
		memcpy(name + 2, above->name, len);
		size_t place = model_place(model, name, &found);
		if (found)
			assert_ptr_equal(trie_child(path, octets[i]), model->values[place]);
	}
}

static void ask(const struct trie *trie, const struct model *model, const uint8_t *name)
{
	struct name_key key;
	struct trie_path path;
	bool found, above;
	size_t place = model_place(model, name, &found);
	struct value *before = place > 0 ? model->values[place - 1] : NULL;
	size_t next = place + found;
	struct value *after = next < model->count ? model->values[next] : NULL;

	assert_ptr_equal(trie_get(trie, name), found ? model->values[place] : NULL);
	assert_ptr_equal(trie_before(trie, name), before);
	assert_ptr_equal(trie_at_or_before(trie, name, &above), found ? model->values[place] : before);
	assert_int_equal(above, found);
	assert_ptr_equal(trie_after(trie, name), after);
	name_key(&key, name, NAME_MAX);
	trie_walk(trie, &key, &path);
	assert_int_equal(path.exact, found);
	unsigned count = 0;
	for (unsigned labels = name_labels(name) + 1; labels-- > 0;) {
		size_t at = model_place(model, name_ancestor(name, labels), &above);
		if (above) {
			assert_true(count < path.count);
			assert_ptr_equal(path.value[count++], model->values[at]);
		}
	}
	assert_int_equal(count, path.count);
	if (count > 0 && !path.exact)
		ask_children(&path, model);
}

/* A name near one that is there: an ancestor, a descendant, or one octet off. */
static void near_name(const struct model *model, uint8_t name[NAME_MAX])
{
	if (model->count == 0 || chance(3) == 0) {
		random_name(name);
		return;
	}
	const uint8_t *base = model->values[chance((unsigned)model->count)]->name;
	size_t len = name_copy(name, base);
	switch (chance(4)) {
	case 0:
		memmove(name, name_ancestor(base, 1), name_len(name_ancestor(base, 1)));
		break;
	case 1:
		if (len + 2 <= NAME_MAX) {
			memmove(name + 2, name, len);
			name[0] = 1;
			name[1] = (uint8_t)chance(256);
		}
		break;
	case 2:
		if (name[0])
			name[1 + chance(name[0])] = (uint8_t)chance(256);
		break;
	default:
		break;
	}
	name_lower(name, name);
}

static void small(void **state)
{
	struct trie trie;
	struct name_key key;
	struct trie_path path;
	uint8_t name[NAME_MAX];
	(void)state;
	trie_init(&trie, name_of, heap);
	name_from_text(name, "a.b");
	assert_null(trie_get(&trie, name));
	assert_null(trie_before(&trie, name));
	name_key(&key, name, NAME_MAX);
	trie_walk(&trie, &key, &path);
	assert_int_equal(path.count, 0);
	assert_int_equal(trie_remove(&trie, name), MIST_ENOTFOUND);
	struct value *value = value_new(name);
	assert_int_equal(trie_set(&trie, name, value), MIST_OK);
	assert_ptr_equal(trie_get(&trie, name), value);
	name_from_text(name, "x.a.b");
	name_key(&key, name, NAME_MAX);
	trie_walk(&trie, &key, &path);
	assert_int_equal(path.count, 1);
	assert_false(path.exact);
	assert_ptr_equal(trie_before(&trie, name), value);
	assert_null(trie_after(&trie, name));
	/* octets that look like the name, but are no labels of it */
	name_from_text(name, "x\\001a.b");
	name_key(&key, name, NAME_MAX);
	trie_walk(&trie, &key, &path);
	assert_int_equal(path.count, 0);
	assert_int_equal(trie_remove(&trie, value->name), MIST_OK);
	assert_int_equal(trie.count, 0);
	trie_free(&trie, value_free, NULL);
	assert_int_equal(living, 0);
}

static void random_edits(struct trie *trie, struct model *model, unsigned edits)
{
	uint8_t name[NAME_MAX];
	for (unsigned i = 0; i < edits; i++) {
		near_name(model, name);
		if (chance(3) == 0) {
			bool found = model_remove(model, name);
			assert_int_equal(trie_remove(trie, name), found ? MIST_OK : MIST_ENOTFOUND);
		} else if (model->count < 4000) {
			struct value *value = value_new(name);
			assert_int_equal(trie_set(trie, name, value), MIST_OK);
			model_set(model, value);
		}
	}
}

static void one_generation(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	struct trie trie;
	uint8_t name[NAME_MAX];
	(void)state;
	trie_init(&trie, name_of, heap);
	for (unsigned round = 0; round < 40; round++) {
		random_edits(&trie, model, 100);
		compare(&trie, model);
		for (unsigned i = 0; i < 500; i++) {
			near_name(model, name);
			ask(&trie, model, name);
		}
	}
	trie_retire(&trie, value_free, NULL);
	trie_free(&trie, value_free, NULL);
	assert_int_equal(living, 0);
	free(model);
}

/* Up to eight generations are read while newer ones are edited; oldest go first; some forks fail. */
static void generations(void **state)
{
	enum { KEPT = 8 };
	struct model *models = calloc(KEPT, sizeof(*models));
	struct trie tries[KEPT];
	size_t oldest = 0, newest = 0;
	uint8_t name[NAME_MAX];
	(void)state;
	trie_init(&tries[0], name_of, heap);
	random_edits(&tries[0], &models[0], 300);
	trie_retire(&tries[0], value_free, NULL);
	for (unsigned round = 0; round < 400; round++) {
		if (newest - oldest + 1 == KEPT || (newest > oldest && chance(3) == 0)) {
			trie_retire(&tries[(oldest + 1) % KEPT], value_free, NULL);
			oldest++;
		}
		if (newest - oldest + 1 == KEPT)
			continue;
		struct trie *fork = &tries[(newest + 1) % KEPT];
		struct model *model = &models[(newest + 1) % KEPT];
		trie_fork(fork, &tries[newest % KEPT]);
		*model = models[newest % KEPT];
		for (unsigned i = 0; i < 5; i++) {
			random_edits(fork, model, chance(12));
			size_t any = oldest + chance((unsigned)(newest - oldest + 1));
			for (unsigned j = 0; j < 20; j++) {
				near_name(&models[any % KEPT], name);
				ask(&tries[any % KEPT], &models[any % KEPT], name);
				ask(fork, model, name);
			}
		}
		compare(fork, model);
		if (chance(5) == 0)
			trie_discard(fork, &tries[newest % KEPT], value_discard, NULL);
		else
			newest++;
		for (size_t i = oldest; i <= newest; i++)
			compare(&tries[i % KEPT], &models[i % KEPT]);
	}
	while (oldest < newest)
		trie_retire(&tries[++oldest % KEPT], value_free, NULL);
	trie_free(&tries[newest % KEPT], value_free, NULL);
	assert_int_equal(living, 0);
	free(models);
}

/* Each octet value at each place of a pair, in order. */
static void all_octets(void **state)
{
	struct trie trie;
	(void)state;
	trie_init(&trie, name_of, heap);
	for (unsigned i = 0; i < 256 * 256; i += 7) {
		uint8_t name[NAME_MAX] = { 2, (uint8_t)(i >> 8), (uint8_t)i, 0 };
		if (name_lower(name, name) && !trie_get(&trie, name))
			assert_int_equal(trie_set(&trie, name, value_new(name)), MIST_OK);
	}
	const uint8_t *before = (const uint8_t *)"";
	size_t count = 0;
	for (struct value *value; (value = trie_after(&trie, before)); before = value->name, count++)
		assert_true(name_compare(before, value->name) < 0);
	assert_int_equal(count, trie.count);
	trie_free(&trie, value_free, NULL);
	assert_int_equal(living, 0);
}

static int begin(void **state)
{
	(void)state;
	heap = heap_new(0);
	return heap ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	heap_free(heap);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small),       cmocka_unit_test(one_generation),
		cmocka_unit_test(generations), cmocka_unit_test(all_octets),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
