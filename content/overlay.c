/* See overlay.h. */
#include "content/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "core/zone_diff.h"
#include "core/zone_edit.h"
#include "mistcore.h"

static struct trie_name name_of(const void *value)
{
	const struct overlay_name *name = value;
	return (struct trie_name){ name->name, name_len(name->name) };
}

static void free_name(void *user, void *value)
{
	struct overlay_name *name = value;
	(void)user;
	for (size_t i = 0; i < name->count; i++) {
		free(name->sets[i].base);
		free(name->sets[i].edited);
	}
	free(name->sets);
	free(name);
}

void overlay_free(struct overlay *overlay)
{
	if (!overlay->is_made)
		return;
	trie_retire(&overlay->names, NULL, NULL);
	trie_free(&overlay->names, free_name, NULL);
	overlay->is_made = false;
}

/* ------------------------------------------------------------------------------------------------
 * Comparing
 */

/* Where the serial lies in the only record of an SOA set. */
static size_t serial_at(const struct rrset *soa)
{
	return soa->len - 20; /* serial, refresh, retry, expire, minimum */
}

static bool same_soa(const struct rrset *a, const struct rrset *b)
{
	size_t at = serial_at(a);
	return a->len == b->len && memcmp(a->wire, b->wire, at) == 0 &&
	       memcmp(a->wire + at + 4, b->wire + at + 4, 16) == 0;
}

bool overlay_same(const struct rrset *a, const struct rrset *b)
{
	if (!a || !b)
		return a == b;
	if (a->ttl != b->ttl || a->type != b->type)
		return false;
	return a->type == TYPE_SOA ? same_soa(a, b) : rrset_same(a, b);
}

/* ------------------------------------------------------------------------------------------------
 * Noting
 */

static struct overlay_name *name_make(struct overlay *overlay, const uint8_t *owner)
{
	size_t len = name_len(owner);
	struct overlay_name *name = trie_get(&overlay->names, owner);
	if (name)
		return name;
	name = calloc(1, sizeof(*name) + len);
	if (!name)
		return NULL;
	memcpy(name->name, owner, len);
	if (!trie_set(&overlay->names, name->name, name))
		return name;
	free(name);
	return NULL;
}

static struct overlay_set *set_find(struct overlay_name *name, uint16_t type)
{
	for (size_t i = 0; name && i < name->count; i++)
		if (name->sets[i].type == type)
			return &name->sets[i];
	return NULL;
}

static int set_add(struct overlay *overlay, const uint8_t *owner, uint16_t type,
                   const struct rrset *base)
{
	struct overlay_name *name = name_make(overlay, owner);
	struct overlay_set *sets = name ? realloc(name->sets, (name->count + 1) * sizeof(*sets)) : NULL;
	if (!sets)
		return MIST_ENOMEM; /* a name without sets says nothing */
	name->sets = sets;
	struct overlay_set *set = &sets[name->count];
	*set = (struct overlay_set){ .type = type, .base = base ? rrset_signed(base, NULL, 0) : NULL };
	if (base && !set->base)
		return MIST_ENOMEM;
	name->count++;
	return MIST_OK;
}

static void set_forget(struct overlay *overlay, struct overlay_name *name, struct overlay_set *set)
{
	free(set->base);
	free(set->edited);
	*set = name->sets[--name->count];
	if (name->count == 0 && !trie_remove(&overlay->names, name->name))
		trie_retire(&overlay->names, free_name, NULL);
}

struct noting {
	struct overlay *overlay;
	const struct zone *older, *newer;
	bool (*is_theirs)(void *user, const uint8_t *owner);
	void *user;
};

static int note_set(void *user, bool removed, const struct node *node, const struct rrset *changed)
{
	const struct noting *noting = user;
	const struct zone *of = removed ? noting->older : noting->newer;
	uint16_t type = changed->type;
	if (!zone_data(of, node, type))
		return MIST_OK;
	const struct node *older = zone_node(noting->older, node->name);
	const struct node *newer = zone_node(noting->newer, node->name);
	const struct rrset *was = zone_data(noting->older, older, type);
	const struct rrset *is = zone_data(noting->newer, newer, type);
	/* Signed again, or a serial. A set with a successor is noted once, with that. */
	if (overlay_same(was, is) || (removed && is) || noting->is_theirs(noting->user, node->name))
		return MIST_OK;
	struct overlay_name *name = trie_get(&noting->overlay->names, node->name);
	struct overlay_set *set = set_find(name, type);
	if (!set)
		return set_add(noting->overlay, node->name, type, was);
	if (overlay_same(set->base, is))
		set_forget(noting->overlay, name, set);
	return MIST_OK;
}

static void make(struct overlay *overlay)
{
	if (!overlay->is_made)
		trie_init(&overlay->names, name_of, NULL);
	overlay->is_made = true;
}

int overlay_note(struct overlay *overlay, const struct zone *older, const struct zone *newer,
                 bool (*is_theirs)(void *user, const uint8_t *owner), void *user)
{
	struct noting noting = { overlay, older, newer, is_theirs, user };
	make(overlay);
	return zone_diff(older, newer, note_set, &noting);
}

int overlay_put(struct overlay *overlay, const uint8_t *owner, uint16_t type,
                const struct rrset *base, const struct rrset *edited)
{
	make(overlay);
	struct overlay_name *name = trie_get(&overlay->names, owner);
	struct overlay_set *set = set_find(name, type);
	if (set)
		set_forget(overlay, name, set);
	if (overlay_same(base, edited))
		return MIST_OK;
	int error = set_add(overlay, owner, type, base);
	if (error || !edited)
		return error;
	set = set_find(trie_get(&overlay->names, owner), type);
	set->edited = rrset_signed(edited, NULL, 0);
	return set->edited ? MIST_OK : MIST_ENOMEM;
}

bool overlay_base(const struct overlay *overlay, const uint8_t *owner, uint16_t type,
                  const struct rrset **base)
{
	struct overlay_name *name = overlay->is_made ? trie_get(&overlay->names, owner) : NULL;
	const struct overlay_set *set = set_find(name, type);
	if (set)
		*base = set->base;
	return set;
}

struct visiting {
	int (*visit)(void *user, const struct overlay_name *name);
	void *user;
};

static int visit_name(void *user, void *value)
{
	const struct visiting *visiting = user;
	return visiting->visit(visiting->user, value);
}

int overlay_each(const struct overlay *overlay,
                 int (*visit)(void *user, const struct overlay_name *name), void *user)
{
	struct visiting visiting = { visit, user };
	return overlay->is_made ? trie_each(&overlay->names, visit_name, &visiting) : 0;
}
