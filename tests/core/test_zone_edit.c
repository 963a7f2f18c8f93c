/*
 * core/zone_edit.c and core/zone_diff.c against a model: a table of which records there are. After each edit the
 * new version is compared with a zone that is built of the same records from the beginning; older versions must stay
 * as they were, and what zone_diff() says must lead from one to the other.
 */
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "chance.h"
#include "core/heap.h"
#include "core/view.h"
#include "core/zone.h"
#include "core/zone_diff.h"
#include "core/zone_edit.h"

/* ---- the model ------------------------------------------------------------------------------- */

#define NAMES 120
#define TYPES 5
#define DATA 3       /* different records of a type, of which a set has any */

static const uint16_t types[TYPES] = { TYPE_A, TYPE_NS, TYPE_TXT, TYPE_DS, TYPE_DNAME };

struct kind {
	const char *apex;
	bool made, with_signatures;
	const char *carved;  /* below it `*.` too */
};

struct model {
	struct kind kind;
	uint8_t apex[NAME_MAX];
	unsigned names;
	uint8_t name[NAMES][NAME_MAX];
	uint8_t sets[NAMES][TYPES];  /* a bit a record */
};

static size_t rdata_of(const struct model *model, uint16_t type, unsigned which, uint8_t *to)
{
	switch (type) {
	case TYPE_A:
		memcpy(to, "\xc0\x00\x02", 3);
		to[3] = (uint8_t)which;
		return 4;
	case TYPE_TXT:
		to[0] = 1;
		to[1] = (uint8_t)('a' + which);
		return 2;
	case TYPE_DS:
		memset(to, 9, 8);
		to[4] = (uint8_t)which;
		return 8;
	default: { /* a name */
		to[0] = 1;
		to[1] = (uint8_t)('p' + which);
		return 2 + name_copy(to + 2, model->apex);
	}
	}
}

static struct rrset *set_of(const struct model *model, unsigned n, unsigned t)
{
	uint8_t rdata[2 + NAME_MAX];
	struct rrset *set = NULL;
	_Bool too_large;
	for (unsigned which = 0; which < DATA; which++) {
		if (!(model->sets[n][t] >> which & 1))
			continue;
		struct rrset *old = set;
		size_t len = rdata_of(model, types[t], which, rdata);
		set = rrset_with(old, types[t], 300, rdata, (uint16_t)len, &too_large);
		assert_non_null(set);
		free(old);
	}
	return set;
}

/* Names that are ancestors and neighbours of each other, wildcards among them. */
static void model_init(struct model *model, const struct kind *kind)
{
	static const char *const labels[] = { "*", "a", "b", "A-" };
	memset(model, 0, sizeof(*model));
	model->kind = *kind;
	name_from_text(model->apex, kind->apex);
	for (unsigned i = 0; i < 1 + 4 + 16 + 64; i++) {
		char text[64] = "";
		unsigned depth = i == 0 ? 0 : i < 5 ? 1 : i < 21 ? 2 : 3;
		for (unsigned d = 0, rest = i; d < depth; d++, rest /= 4)
			sprintf(text + strlen(text), "%s.", labels[rest % 4]);
		strcat(text, strcmp(kind->apex, ".") == 0 && depth ? "" : kind->apex);
		uint8_t *name = model->name[model->names];
		assert_int_not_equal(name_from_text(name, text), 0);
		name_lower(name, name);
		bool known = false;
		for (unsigned n = 0; n < model->names; n++)
			known |= name_equal(model->name[n], name);
		model->names += !known;
	}
}

static void silent(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	(void)user, (void)level, (void)file, (void)line, (void)text;
}
static const struct mist_reporter reporter = { .report = silent };

static void add(struct zone *zone, const uint8_t *owner, uint16_t type, const uint8_t *rdata, size_t len)
{
	struct mist_record record = { .owner = owner, .type = type, .ttl = 300, .rdata = rdata,
	                              .rdata_len = (uint16_t)len };
	assert_int_equal(zone_add(zone, &record, &reporter), MIST_OK);
}

/* What is always there, and carved names. */
static void add_frame(struct zone *zone, const struct model *model)
{
	uint8_t soa[2 * NAME_MAX + 20] = { 0 }, server[3 + NAME_MAX] = { 2, 'n', 's' };
	size_t len = name_copy(soa, model->apex);
	len += name_copy(soa + len, model->apex);
	name_copy(server + 3, model->apex);
	add(zone, model->apex, TYPE_SOA, soa, len + 20);
	add(zone, model->apex, TYPE_NS, server, name_len(server));
	add(zone, server, TYPE_A, (const uint8_t *)"\x7f\0\0\1", 4);
}

static struct zone *from_scratch(const struct model *model)
{
	struct zone *zone;
	uint8_t rdata[2 + NAME_MAX], carved[NAME_MAX];

	assert_int_equal(zone_new(&zone, model->apex), MIST_OK);
	zone->made = model->kind.made;
	add_frame(zone, model);
	for (unsigned n = 0; n < model->names; n++) {
		for (unsigned t = 0; t < TYPES; t++) {
			for (unsigned which = 0; which < DATA; which++) {
				if (model->sets[n][t] >> which & 1)
					add(zone, model->name[n], types[t], rdata, rdata_of(model, types[t], which, rdata));
			}
		}
	}
	if (model->kind.carved) {
		name_from_text(carved, model->kind.carved);
		assert_int_equal(zone_carve(zone, carved, false, &reporter), MIST_OK);
	}
	zone_complete(zone, &reporter); /* its checks are no matter here */
	return zone;
}

/* ---- pretended signatures -------------------------------------------------------------------- */

/* As dnssec/ would: every name with data that is not occluded has NSEC; each set a signature. */
static int sign_node(void *user, const struct node *node)
{
	struct zone *zone = user;
	_Bool too_large;
	const struct record sig = { .ttl = 300, .rdata_len = 18, .rdata = (const uint8_t *)"signed by a model" };

	if (node->flags & NODE_OCCLUDED || node->rrset_count == 0)
		return 0;
	for (unsigned i = 0; i < node->rrset_count; i++) {
		if (node->rrsets[i]->sig_count)
			continue;
		struct rrset *set = rrset_signed(node->rrsets[i], &sig, 1);
		assert_int_equal(zone_put_at(zone, node, set), MIST_OK);
		node = zone_node(zone, node->name);
	}
	if (node_rrset(node, TYPE_NSEC))
		return 0;
	return zone_put_at(zone, node, rrset_with(NULL, TYPE_NSEC, 300, node->name, node->name_len, &too_large));
}

struct nodes { size_t count; const struct node *node[1024]; };

static int collect(void *user, const struct node *node)
{
	struct nodes *nodes = user;
	assert_true(nodes->count < 1024);
	nodes->node[nodes->count++] = node;
	return 0;
}

static int collect_new(void *user, const struct node *older, const struct node *newer)
{
	(void)older;
	return newer ? collect(user, newer) : 0;
}

static void sign(struct zone *zone, const struct zone *older)
{
	struct nodes nodes = { 0 };
	zone->is_signed = true;
	if (older)
		zone_diff_nodes(older, zone, collect_new, &nodes);
	else
		zone_each(zone, collect, &nodes);
	for (size_t i = 0; i < nodes.count; i++)
		assert_int_equal(sign_node(zone, nodes.node[i]), MIST_OK);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void show(const char *text, const struct node *node)
{
	char name[NAME_TEXT_MAX] = "(end)";
	if (node)
		name_to_text(name, node->name);
	print_message("%s %s flags 0x%x sets", text, name, node ? node->flags : 0);
	for (unsigned i = 0; node && i < node->rrset_count; i++)
		print_message(" %u(%u)", node->rrsets[i]->type, node->rrsets[i]->count);
	print_message("\n");
}

static bool same_but_signatures(const struct node *edited, const struct node *built)
{
	unsigned j = 0;
	if (edited->name_len != built->name_len || memcmp(edited->name, built->name, built->name_len) ||
	    edited->flags != built->flags)
		return false;
	for (unsigned i = 0; i < edited->rrset_count; i++) {
		const struct rrset *a = edited->rrsets[i], *b = j < built->rrset_count ? built->rrsets[j] : NULL;
		if (a->type == TYPE_NSEC)
			continue;
		if (!b || a->type != b->type || a->len != b->len || a->ttl != b->ttl || memcmp(a->wire, b->wire, a->len))
			return false;
		j++;
	}
	return j == built->rrset_count;
}

static void expect_same(const struct zone *edited, const struct zone *built)
{
	struct nodes a = { 0 }, b = { 0 };
	zone_each(edited, collect, &a);
	zone_each(built, collect, &b);
	for (size_t i = 0; i < a.count || i < b.count; i++) {
		const struct node *x = i < a.count ? a.node[i] : NULL, *y = i < b.count ? b.node[i] : NULL;
		if (!x || !y || !same_but_signatures(x, y)) {
			show("edited:", x);
			show("built: ", y);
			fail_msg("an edited zone is not what it would be when built anew");
		}
		/* The rules of NSEC: with data, and not occluded. */
		unsigned data = 0;
		for (unsigned s = 0; s < x->rrset_count; s++)
			data += x->rrsets[s]->type != TYPE_NSEC;
		if (edited->is_signed && !node_rrset(x, TYPE_NSEC) != (data == 0 || x->flags & NODE_OCCLUDED)) {
			show("NSEC:", x);
			fail_msg("NSEC where none belongs, or none where one does");
		}
	}
	assert_int_equal(edited->nodes.count, built->nodes.count);
	assert_true(edited->apex == zone_node(edited, edited->name));
	assert_true(edited->soa == node_rrset(edited->apex, TYPE_SOA));
	assert_true(edited->ns == node_rrset(edited->apex, TYPE_NS));
}

static uint64_t digest_octets(uint64_t hash, const void *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const uint8_t *)octets)[i]) * 1099511628211u;
	return hash;
}

static uint64_t digest_set(const struct node *node, const struct rrset *set)
{
	uint64_t hash = digest_octets(14695981039346656037u, node->name, node->name_len);
	hash = digest_octets(hash, &set->type, sizeof(set->type));
	return digest_octets(hash, set->wire, set->full_len);
}

static int digest_node(void *user, const struct node *node)
{
	uint64_t *sum = user;
	*sum += node->flags * digest_octets(7, node->name, node->name_len);
	for (unsigned i = 0; i < node->rrset_count; i++)
		*sum += digest_set(node, node->rrsets[i]);
	return 0;
}

/* Of everything in a version; a sum, so that sets can be taken out and put in. */
static uint64_t digest(const struct zone *zone)
{
	uint64_t sum = 0;
	zone_each(zone, digest_node, &sum);
	return sum;
}

static int digest_only_sets(void *user, const struct node *node)
{
	uint64_t *sum = user;
	for (unsigned i = 0; i < node->rrset_count; i++)
		*sum += digest_set(node, node->rrsets[i]);
	return 0;
}

static int apply_diff(void *user, bool removed, const struct node *node, const struct rrset *set)
{
	uint64_t *sum = user;
	*sum += removed ? -digest_set(node, set) : digest_set(node, set);
	return 0;
}

static void expect_diff(const struct zone *older, const struct zone *newer)
{
	uint64_t sum = 0, wanted = 0;
	zone_each(older, digest_only_sets, &sum);
	zone_each(newer, digest_only_sets, &wanted);
	assert_int_equal(zone_diff(older, newer, apply_diff, &sum), 0);
	assert_true(sum == wanted);
}

/* ---- edits ----------------------------------------------------------------------------------- */

static bool may_edit(const struct zone *zone, const struct model *model, unsigned n, uint16_t type)
{
	/* what the rules of zones forbid, and what is for the caller to refuse */
	bool apex = name_equal(model->name[n], model->apex);
	if (type == TYPE_NS && (apex || name_is_wildcard(model->name[n])))
		return false;
	if (type == TYPE_DNAME && apex && model->kind.carved)
		return false;
	return !zone_carved(zone, model->name[n], type == TYPE_NS || type == TYPE_DNAME);
}

/* One transaction of up to 8 sets. */
static void edit(struct zone *fork, struct model *model)
{
	unsigned touched[8], count = 1 + chance(8);
	for (unsigned i = 0; i < count; i++) {
		unsigned n = touched[i] = chance(model->names), t = chance(3) ? chance(3) : chance(TYPES);
		bool all = chance(12) == 0;
		bool allowed = may_edit(fork, model, n, types[t]);
		if (all && allowed && !name_equal(model->name[n], model->apex)) {
			memset(model->sets[n], 0, sizeof(model->sets[n]));
			assert_int_equal(zone_remove(fork, model->name[n], 0), MIST_OK);
		} else if (allowed) {
			/* mostly gone, so that names come and go */
			model->sets[n][t] = chance(2) ? 0 : (uint8_t)chance(1 << DATA);
			struct rrset *set = set_of(model, n, t);
			assert_int_equal(set ? zone_replace(fork, model->name[n], set)
			                     : zone_remove(fork, model->name[n], types[t]), MIST_OK);
		}
	}
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(zone_settle(fork, model->name[touched[i]]), MIST_OK);
}

#define HELD 5 /* versions that readers hold: as many as may be in use at once */

static void run(const struct kind *kind, unsigned rounds)
{
	static struct model model, trial;
	struct zone *held[HELD] = { 0 };
	uint64_t digests[HELD] = { 0 };

	model_init(&model, kind);
	struct zone *newest = from_scratch(&model);
	if (kind->with_signatures)
		sign(newest, NULL);
	for (unsigned round = 0; round < rounds; round++) {
		struct zone *fork;
		uint64_t before = round % 16 ? 0 : digest(newest);
		trial = model;
		assert_int_equal(zone_fork(&fork, newest), MIST_OK);
		edit(fork, &trial);
		if (kind->with_signatures)
			sign(fork, newest);
		struct zone *built = from_scratch(&trial);
		expect_same(fork, built);
		expect_diff(newest, fork);
		if (round % 16 == 0) {
			assert_true(digest(newest) == before);
			if (!kind->with_signatures) { /* unrelated zones are compared as well, to the same end */
				expect_diff(built, newest);
				expect_diff(fork, built);
				assert_int_equal(zone_diff_nodes(built, fork, collect_new, &(struct nodes){ 0 }), 0);
			}
		}
		zone_release(built);
		if (chance(5) == 0) { /* given up */
			zone_release(fork);
			assert_true(round % 16 || digest(newest) == before);
			continue;
		}
		unsigned slot = chance(HELD);
		if (held[slot]) {
			assert_true(digest(held[slot]) == digests[slot]);
			zone_release(held[slot]);
		}
		held[slot] = newest;
		digests[slot] = digest(newest);
		newest = fork;
		model = trial;
	}
	for (unsigned i = 0; i < HELD; i++) {
		if (held[i]) {
			assert_true(digest(held[i]) == digests[i]);
			zone_release(held[i]);
		}
	}
	zone_release(newest);
}

#define ROUNDS 4000 /* of 4.5 edits on average, for each of six kinds: 100,000 edits */

static void plain(void **state)
{
	(void)state;
	run(&(struct kind){ .apex = "example" }, ROUNDS);
}
static void signed_here(void **state)
{
	(void)state;
	run(&(struct kind){ .apex = "example", .with_signatures = true }, ROUNDS);
}
static void root(void **state)
{
	(void)state;
	run(&(struct kind){ .apex = ".", .with_signatures = true }, ROUNDS);
}
static void made(void **state)
{
	(void)state;
	run(&(struct kind){ .apex = "editor.land", .made = true }, ROUNDS);
}
static void made_signed(void **state)
{
	(void)state;
	run(&(struct kind){ .apex = "editor.land", .made = true, .with_signatures = true }, ROUNDS);
}
static void made_carved(void **state)
{
	(void)state;
	run(&(struct kind){ .apex = "editor.land", .made = true, .with_signatures = true,
	                    .carved = "out.b.editor.land" }, ROUNDS);
}

/* ---- while others read ----------------------------------------------------------------------- */

#define READERS 2

struct sharing {
	struct publisher publisher;
	_Atomic(bool) over;
	_Atomic(unsigned) mixed;     /* views with two versions */
};

/* `a` and `b` are changed together in each version: whoever sees two versions in one view says so. */
static void *read_views(void *user)
{
	struct sharing *sharing = user;
	static _Atomic(unsigned) workers;
	const unsigned worker = atomic_fetch_add(&workers, 1);
	const uint8_t names[2][11] = { "\x01" "a\x07" "example", "\x01" "b\x07" "example" };

	while (!atomic_load(&sharing->over)) {
		const struct view *view = worker_unpark(&sharing->publisher, worker);
		for (unsigned i = 0; i < 50; i++) {
			const struct rrset *sets[2];
			for (unsigned n = 0; n < 2; n++) {
				struct name_key key;
				struct route route;
				struct zone_found found;
				name_key(&key, names[n], sizeof(names[n]));
				route_find(view->routes, &key, TYPE_A, &route);
				zone_find(route.zone, &key, &found);
				sets[n] = found.node ? node_rrset(found.node, TYPE_A) : NULL;
			}
			if (!sets[0] != !sets[1] || (sets[0] && !rrset_same(sets[0], sets[1])))
				atomic_fetch_add(&sharing->mixed, 1);
			view = worker_next(&sharing->publisher, worker);
		}
		worker_park(&sharing->publisher, worker);
	}
	return NULL;
}

static void put_number(struct zone *zone, const char *owner, unsigned number)
{
	uint8_t name[NAME_MAX];
	_Bool too_large;
	const uint8_t address[4] = { 10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number };
	name_from_text(name, owner);
	assert_int_equal(zone_replace(zone, name, rrset_with(NULL, TYPE_A, 300, address, 4, &too_large)), MIST_OK);
	assert_int_equal(zone_settle(zone, name), MIST_OK);
}

static void remove_name(struct zone *zone, const char *owner)
{
	uint8_t name[NAME_MAX];
	name_from_text(name, owner);
	assert_int_equal(zone_remove(zone, name, 0), MIST_OK);
	assert_int_equal(zone_settle(zone, name), MIST_OK);
}

/* A view of one zone. */
static struct view *first_view(struct zone *zone)
{
	struct view *view = calloc(1, sizeof(*view));
	view->zones = calloc(1, sizeof(*view->zones));
	view->zones[view->zone_count++] = zone;
	assert_int_equal(routes_new(&view->routes), MIST_OK);
	assert_int_equal(routes_add_zone(view->routes, zone), MIST_OK);
	return view;
}

static void publish(struct publisher *publisher, struct zone *version)
{
	struct view *next;
	const struct view_change change = { 0, version };
	assert_int_equal(view_next(&next, atomic_load(&publisher->current), &change, 1), MIST_OK);
	assert_int_equal(publisher_swap(publisher, next), MIST_OK);
}

static void readers(void **state)
{
	static struct sharing sharing;
	static struct model model;
	pthread_t threads[READERS];

	(void)state;
	model_init(&model, &(struct kind){ .apex = "example" });
	assert_int_equal(publisher_init(&sharing.publisher, first_view(from_scratch(&model))), MIST_OK);
	for (unsigned i = 0; i < READERS; i++)
		pthread_create(&threads[i], NULL, read_views, &sharing);
	for (unsigned round = 0; round < 2000; round++) {
		struct zone *served = atomic_load(&sharing.publisher.current)->zones[0], *fork;
		char name[64];
		assert_int_equal(zone_fork(&fork, served), MIST_OK);
		sprintf(name, "x%u.b.example", round % 500);
		if (round / 500 % 2)
			remove_name(fork, name);
		else
			put_number(fork, name, round);
		if (round % 3 == 0) {
			remove_name(fork, "a.example");
			remove_name(fork, "b.example");
		} else {
			put_number(fork, "a.example", round);
			put_number(fork, "b.example", round);
		}
		publish(&sharing.publisher, fork);
	}
	atomic_store(&sharing.over, true);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	publisher_free(&sharing.publisher);
	assert_int_equal(atomic_load(&sharing.mixed), 0);
}

/* ---- memory ---------------------------------------------------------------------------------- */

#define MANY 50000
#define COMMITS 100000

#define SLAB ((size_t)2 << 20)

/* What malloc() gave (sanitizers have an allocator of their own, which keeps what is freed), and of the zone's
 * heap what is in pieces and what it took from the system for them. */
struct memory {
	size_t plain, pieces, slabs;
};

static struct memory memory_of(const struct zone *zone)
{
	return (struct memory){ mallinfo2().uordblks, heap_used(zone->nodes.heap), heap_slabs(zone->nodes.heap) };
}

static bool is_same(size_t before, size_t after)
{
	return after <= before + before / 50 && before <= after + before / 50;
}

static void memory_is_given_back(void **state)
{
	static struct publisher publisher;
	static struct model model;
	struct zone *fork;
	char name[64];

	(void)state;
	model_init(&model, &(struct kind){ .apex = "example" });
	struct zone *zone = from_scratch(&model);
	assert_int_equal(zone_fork(&fork, zone), MIST_OK);
	for (unsigned i = 0; i < MANY; i++) {
		sprintf(name, "host-%u.x%u.example", i, i % 300);
		put_number(fork, name, i);
	}
	zone_release(zone);
	assert_int_equal(publisher_init(&publisher, first_view(fork)), MIST_OK);
	const struct memory before = memory_of(fork);
	for (unsigned round = 0; round < COMMITS; round++) {
		struct zone *served = atomic_load(&publisher.current)->zones[0];
		sprintf(name, "host-%u.x%u.example", round / 2 * 7919 % MANY, round / 2 * 7919 % MANY % 300);
		assert_int_equal(zone_fork(&fork, served), MIST_OK);
		if (round % 2)
			put_number(fork, name, round);
		else
			remove_name(fork, name);
		publish(&publisher, fork);
	}
	/* pieces move from malloc() into slabs, where holes may need one more */
	const struct memory after = memory_of(atomic_load(&publisher.current)->zones[0]);
	if (!is_same(before.pieces, after.pieces) || after.plain > before.plain + before.plain / 50 ||
	    after.slabs > before.slabs + SLAB)
		fail_msg("before %d commits that undo each other %zu octets in use, %zu of malloc() and %zu of slabs; "
		         "after them %zu, %zu and %zu", COMMITS, before.pieces, before.plain, before.slabs,
		         after.pieces, after.plain, after.slabs);
	publisher_free(&publisher);
}

/* ---- time ------------------------------------------------------------------------------------ */

#define LEAVING 50000
/* Half a second on a slow machine. If each name walked over those that are still to be settled, at each of the
 * ancestors that it shares with them, that would be five thousand million steps. */
#define LEAVING_MAX_S 30

static void many_leave_at_once(void **state)
{
	static struct model model;
	struct zone *fork;
	uint8_t name[NAME_MAX];
	char text[64];

	(void)state;
	model_init(&model, &(struct kind){ .apex = "example" });
	struct zone *zone = from_scratch(&model);
	const size_t names = zone->nodes.count;
	assert_int_equal(zone_fork(&fork, zone), MIST_OK);
	for (unsigned i = 0; i < LEAVING; i++) {
		sprintf(text, "host-%05u.d.c.x.example", i);
		put_number(fork, text, i);
	}
	zone_release(zone);
	zone = fork;
	assert_int_equal(zone->nodes.count, names + LEAVING + 3);
	assert_int_equal(zone_fork(&fork, zone), MIST_OK);
	const clock_t start = clock();
	for (unsigned settle = 0; settle < 2; settle++) {
		for (unsigned i = 0; i < LEAVING; i++) {
			sprintf(text, "host-%05u.d.c.x.example", i);
			name_from_text(name, text);
			assert_int_equal(settle ? zone_settle(fork, name) : zone_remove(fork, name, 0), MIST_OK);
		}
		assert_true(settle || fork->nodes.count == names + LEAVING + 3);
	}
	assert_int_equal(fork->nodes.count, names);
	assert_in_range((clock() - start) / CLOCKS_PER_SEC, 0, LEAVING_MAX_S);
	zone_release(fork);
	zone_release(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(signed_here),
		cmocka_unit_test(root),
		cmocka_unit_test(made),
		cmocka_unit_test(made_signed),
		cmocka_unit_test(made_carved),
		cmocka_unit_test(readers),
		cmocka_unit_test(memory_is_given_back),
		cmocka_unit_test(many_leave_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
