/*
 * Zones: their versions, and looking up.
 *
 * Versions that share nodes form a family, oldest to newest. Each knows what it replaced in its
 * elder: nodes and arrays in the `retired` of its tries, sets in its own. When nobody holds the
 * oldest version any more, what the next one replaced in it is all that was its alone.
 */
#include "core/zone.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/history.h"
#include "core/wire.h"
#include "core/zone_build.h"

struct zone_family {
	pthread_mutex_t lock; /* guards references and links of all versions */
	unsigned versions;
	struct heap *heap;    /* of their nodes, sets and arrays */
};

struct zone_retired {
	size_t count, room;
	struct rrset *sets[];
};

int zone_new(struct zone **zone, const uint8_t *apex)
{
	struct zone *made = calloc(1, sizeof(*made));
	struct zone_family *family = calloc(1, sizeof(*family));
	struct zone_build *build = calloc(1, sizeof(*build));

	if (!made || !family || !build)
		goto failed;
	family->heap = heap_new(HEAP_PLAIN);
	if (!family->heap)
		goto failed;
	atomic_init(&made->references, 1);
	made->name_len = (uint8_t)name_lower(made->name, apex);
	made->labels = (uint8_t)name_labels(apex);
	trie_init(&made->nodes, node_name, family->heap);
	trie_init(&made->nsec3_nodes, node_name, family->heap);
	made->apex = node_new(family->heap, made->name, made->nodes.generation);
	if (!made->apex)
		goto failed;
	made->apex->flags = NODE_APEX;
	trie_set(&made->nodes, made->name, made->apex); /* the first value needs no memory */
	pthread_mutex_init(&family->lock, NULL);
	family->versions = 1;
	made->family = family;
	made->build = build;
	*zone = made;
	return MIST_OK;
failed:
	if (family)
		heap_free(family->heap);
	free(build);
	free(family);
	free(made);
	return MIST_ENOMEM;
}

void zone_fail(struct zone *zone, const char *reason)
{
	zone->failed = true;
	strncpy(zone->reason, reason, sizeof(zone->reason) - 1);
}

/* ------------------------------------------------------------------------------------------------
 * Changing nodes
 */

/* Links a new node into a zone that may be complete already. */
static void inherit_flags(struct node *node, struct node *parent)
{
	if (parent->flags & (NODE_OCCLUDED | NODE_CUT | NODE_DNAME))
		node->flags |= NODE_OCCLUDED;
	else if (name_is_wildcard(node->name))
		parent->flags |= NODE_WILDCARD;
}

static struct node *add_node(struct trie *nodes, const uint8_t *name)
{
	struct node *node = node_new(nodes->heap, name, nodes->generation);
	if (node && trie_set(nodes, name, node) != MIST_OK) {
		node_free(nodes->heap, node);
		node = NULL;
	}
	return node;
}

static struct node *own_node(struct zone *zone, struct trie *nodes, struct node *node)
{
	if (node->version == nodes->generation)
		return node;
	struct node *copy = node_copy(nodes->heap, node, nodes->generation);
	if (!copy)
		return NULL;
	if (trie_set(nodes, copy->name, copy) != MIST_OK) {
		node_free(nodes->heap, copy);
		return NULL;
	}
	if (node == zone->apex)
		zone->apex = copy;
	return copy;
}

struct node *zone_writable(struct zone *zone, struct trie *nodes, const uint8_t *name)
{
	struct name_key key;
	struct trie_path path;

	name_key(&key, name, NAME_MAX);
	trie_walk(nodes, &key, &path);
	if (path.exact)
		return own_node(zone, nodes, path.value[path.count - 1]);
	if (nodes == &zone->nsec3_nodes)
		return add_node(nodes, name);

	assert(path.count > 0); /* the apex is there, and the name is within the zone */
	struct node *node = path.value[path.count - 1];
	for (unsigned missing = name_labels(name) - name_labels(node->name); missing-- > 0;) {
		const uint8_t *child_name = name_ancestor(name, missing);
		struct node *child = NULL;
		/* a wildcard is noted at its parent */
		struct node *parent = name_is_wildcard(child_name) ? own_node(zone, nodes, node) : node;
		if (parent)
			child = add_node(nodes, child_name);
		if (!child)
			return NULL;
		inherit_flags(child, parent);
		node = child;
	}
	return node;
}

/* Room for a set that the version before keeps, so that what follows cannot fail half-way. */
static bool retire_room(struct zone *zone)
{
	struct zone_retired *retired = zone->retired;

	if (!zone->older || (retired && retired->count < retired->room))
		return true;
	size_t count = retired ? retired->count : 0, room = 2 * count + 14;
	retired = realloc(retired, sizeof(*retired) + room * sizeof(retired->sets[0]));
	if (!retired)
		return false;
	retired->count = count;
	retired->room = room;
	zone->retired = retired;
	return true;
}

/* Frees a set that was at a node, or leaves it to the version before if that has it too. */
static void drop_set(struct zone *zone, const struct trie *nodes, const struct node *node, struct rrset *set)
{
	const struct zone *from = zone->older;
	const struct node *older = NULL;
	if (from)
		older = trie_get(nodes == &zone->nodes ? &from->nodes : &from->nsec3_nodes, node->name);
	if (older && node_rrset(older, set->type) == set)
		zone->retired->sets[zone->retired->count++] = set;
	else
		node_set_free(nodes->heap, set);
}

/* Takes the set, also when it fails, and when there is no node for want of memory. */
static int put_set(struct zone *zone, struct trie *nodes, struct node *node, struct rrset *set)
{
	struct rrset *old;

	set = node_set_adopt(nodes->heap, set);
	if (!node || !retire_room(zone) || node_put(nodes->heap, node, set, &old) != MIST_OK) {
		node_set_free(nodes->heap, set);
		return MIST_ENOMEM;
	}
	if (old)
		drop_set(zone, nodes, node, old);
	if (node == zone->apex && (set->type == TYPE_SOA || set->type == TYPE_NS))
		zone_remember_apex(zone);
	return MIST_OK;
}

int zone_take(struct zone *zone, struct trie *nodes, struct node *node, uint16_t type)
{
	if (!retire_room(zone))
		return MIST_ENOMEM;
	struct rrset *set = node_take(nodes->heap, node, type);
	if (set)
		drop_set(zone, nodes, node, set);
	if (node == zone->apex)
		zone_remember_apex(zone);
	return MIST_OK;
}

int zone_put(struct zone *zone, const uint8_t *owner, struct rrset *set)
{
	return put_set(zone, &zone->nodes, zone_writable(zone, &zone->nodes, owner), set);
}

int zone_put_at(struct zone *zone, const struct node *node, struct rrset *set)
{
	bool own = node->version == zone->nodes.generation;
	struct node *writable = own ? (struct node *)node
	                            : zone_writable(zone, &zone->nodes, node->name);
	return put_set(zone, &zone->nodes, writable, set);
}

int zone_put_nsec3(struct zone *zone, const uint8_t *owner, struct rrset *set)
{
	return put_set(zone, &zone->nsec3_nodes, zone_writable(zone, &zone->nsec3_nodes, owner), set);
}

void zone_remember_apex(struct zone *zone)
{
	struct record soa;
	size_t at = 0;

	zone->soa = node_rrset(zone->apex, TYPE_SOA);
	zone->ns = node_rrset(zone->apex, TYPE_NS);
	if (!zone->soa || !rrset_next(zone->soa, zone->soa->len, &at, &soa))
		return;
	const uint8_t *numbers = soa.rdata + soa.rdata_len - 20; /* serial ... minimum */
	uint32_t minimum = wire_get32(numbers + 16);
	zone->serial = wire_get32(numbers);
	zone->negative_ttl = minimum < soa.ttl ? minimum : soa.ttl;
}

/* ------------------------------------------------------------------------------------------------
 * Versions
 */

int zone_fork(struct zone **fork, struct zone *zone)
{
	struct zone *made = malloc(sizeof(*made));
	if (!made)
		return MIST_ENOMEM;
	/* Whoever lets an older version go meanwhile frees what `zone` replaced in it, and notes that there. */
	pthread_mutex_lock(&zone->family->lock);
	assert(!zone->newer && !zone->build);
	const size_t counted = offsetof(struct zone, references) + sizeof(zone->references);
	memcpy((char *)made + counted, (const char *)zone + counted, sizeof(*made) - counted);
	atomic_init(&made->references, 1);
	trie_fork(&made->nodes, &zone->nodes);
	trie_fork(&made->nsec3_nodes, &zone->nsec3_nodes);
	access_hold(made->access);
	history_hold(made->history);
	made->retired = NULL;
	made->newer = NULL;
	made->older = zone;
	zone->newer = made;
	zone->family->versions++;
	pthread_mutex_unlock(&zone->family->lock);
	*fork = made;
	return MIST_OK;
}

void zone_hold(struct zone *zone)
{
	atomic_fetch_add_explicit(&zone->references, 1, memory_order_relaxed);
}

/* Frees what `zone` replaced in a version that is no more. */
static void retire(struct zone *zone)
{
	struct heap *heap = zone->nodes.heap;
	trie_retire(&zone->nodes, node_free, heap);
	trie_retire(&zone->nsec3_nodes, node_free, heap);
	for (size_t i = 0; zone->retired && i < zone->retired->count; i++)
		node_set_free(heap, zone->retired->sets[i]);
	free(zone->retired);
	zone->retired = NULL;
}

/* A node that `older` does not hold: its sets go unless they are shared. */
static void discard_node(void *heap, void *value, void *older_value)
{
	struct node *node = value;
	const struct node *older = older_value;
	for (unsigned i = 0; i < node->rrset_count; i++) {
		if (!older || node_rrset(older, node->rrsets[i]->type) != node->rrsets[i])
			node_set_free(heap, node->rrsets[i]);
	}
	node_free(heap, node);
}

static void free_contents(struct zone *zone)
{
	struct heap *heap = zone->nodes.heap;
	if (!zone->older)
		retire(zone); /* what was changed while there was none */
	if (zone->newer) {
		retire(zone->newer);
	} else if (zone->older) {
		trie_discard(&zone->nodes, &zone->older->nodes, discard_node, heap);
		trie_discard(&zone->nsec3_nodes, &zone->older->nsec3_nodes, discard_node, heap);
		free(zone->retired); /* what it lists is the older version's */
	} else {
		trie_free(&zone->nodes, node_free_all, heap);
		trie_free(&zone->nsec3_nodes, node_free_all, heap);
	}
}

/*
 * Frees versions at the ends of the chain that nobody holds. One in the middle waits: its elder
 * still reaches what it replaced.
 */
static void free_versions(struct zone *zone)
{
	while (zone && atomic_load(&zone->references) == 0 && !(zone->older && zone->newer)) {
		struct zone *next = zone->newer ? zone->newer : zone->older;
		free_contents(zone);
		if (zone->newer)
			zone->newer->older = NULL;
		if (zone->older)
			zone->older->newer = NULL;
		zone_build_free(zone);
		access_release(zone->access);
		history_release(zone->history);
		zone->family->versions--;
		free(zone);
		zone = next;
	}
}

void zone_release(struct zone *zone)
{
	struct zone_family *family = zone->family;

	pthread_mutex_lock(&family->lock);
	if (atomic_fetch_sub(&zone->references, 1) == 1)
		free_versions(zone);
	bool last = family->versions == 0;
	pthread_mutex_unlock(&family->lock);
	if (last) {
		heap_free(family->heap);
		pthread_mutex_destroy(&family->lock);
		free(family);
	}
}

/* ------------------------------------------------------------------------------------------------
 * Looking up
 */

void zone_find(const struct zone *zone, const struct name_key *key, struct zone_found *found)
{
	struct trie_path path;

	trie_walk(&zone->nodes, key, &path);
	found->encloser = path.count ? path.value[path.count - 1] : zone->apex;
	found->node = path.exact ? found->encloser : NULL;
	const bool covered = !path.exact && path.count && found->encloser->flags & NODE_WILDCARD;
	found->wildcard = covered ? trie_child(&path, '*') : NULL;
	found->edge = found->encloser->flags & (NODE_CUT | NODE_OCCLUDED | NODE_DNAME);
}

const struct node *zone_node(const struct zone *zone, const uint8_t *name)
{
	return trie_get(&zone->nodes, name);
}

const struct node *zone_cut_of(const struct zone *zone, const struct node *node)
{
	struct name_key key;
	struct trie_path path;

	if (!(node->flags & (NODE_OCCLUDED | NODE_CUT)))
		return NULL;
	name_key(&key, node->name, NAME_MAX);
	trie_walk(&zone->nodes, &key, &path);
	for (unsigned i = 0; i < path.count; i++) {
		const struct node *above = path.value[i];
		if (above->flags & (NODE_CUT | NODE_DNAME))
			return above;
	}
	return NULL;
}

/*
 * Of the nodes without NSEC, those that are occluded lead to their cut, which has one; empty
 * non-terminals that follow each other are ancestors of each other, and so at most as many as a
 * name has labels.
 */
const struct node *zone_nsec_at_or_before(const struct zone *zone, const uint8_t *name)
{
	if (!node_rrset(zone->apex, TYPE_NSEC))
		return NULL;
	bool at;
	const struct node *node = trie_at_or_before(&zone->nodes, name, &at);
	for (unsigned i = 0; node && i <= NAME_LABELS_MAX; i++) {
		if (node->flags & NODE_OCCLUDED)
			node = zone_cut_of(zone, node);
		if (node && node_rrset(node, TYPE_NSEC))
			return node;
		if (node)
			node = trie_before(&zone->nodes, node->name);
	}
	return NULL;
}

const struct node *zone_nsec3_at_or_before(const struct zone *zone, const uint8_t *hashed,
                                           bool *match)
{
	/* 63 octets of 0xff sort behind every hash */
	static const uint8_t last[] = "\x3f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	const struct node *node = trie_at_or_before(&zone->nsec3_nodes, hashed, match);

	if (!node)
		node = trie_before(&zone->nsec3_nodes, last);
	return node;
}

struct visitor {
	int (*visit)(void *user, const struct node *node);
	void *user;
};

static int visit_node(void *user, void *value)
{
	const struct visitor *visitor = user;
	return visitor->visit(visitor->user, value);
}

int zone_each(const struct zone *zone, int (*visit)(void *user, const struct node *node), void *user)
{
	struct visitor visitor = { .visit = visit, .user = user };
	int result = trie_each(&zone->nodes, visit_node, &visitor);
	return result ? result : trie_each(&zone->nsec3_nodes, visit_node, &visitor);
}
