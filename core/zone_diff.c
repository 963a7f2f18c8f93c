/* What differs between two versions of a zone: the trie finds the nodes, and their sets are compared. */
#include "core/zone_diff.h"

#include <string.h>

static bool same_set(const struct rrset *a, const struct rrset *b)
{
	return a == b || (a->type == b->type && a->len == b->len && a->full_len == b->full_len &&
	                  memcmp(a->wire, b->wire, a->full_len) == 0);
}

/* ------------------------------------------------------------------------------------------------
 * Nodes
 */

struct node_visitor {
	int (*visit)(void *user, const struct node *older, const struct node *newer);
	void *user;
};

static bool same_node(const struct node *a, const struct node *b)
{
	if (a->flags != b->flags || a->rrset_count != b->rrset_count)
		return false;
	for (unsigned i = 0; i < a->rrset_count; i++) {
		if (!same_set(a->rrsets[i], b->rrsets[i]))
			return false;
	}
	return true;
}

static int visit_nodes(void *user, void *older, void *newer)
{
	const struct node_visitor *visitor = user;
	if (older && newer && same_node(older, newer))
		return 0;
	return visitor->visit(visitor->user, older, newer);
}

int zone_diff_nodes(const struct zone *older, const struct zone *newer,
                    int (*visit)(void *user, const struct node *older, const struct node *newer),
                    void *user)
{
	struct node_visitor visitor = { .visit = visit, .user = user };
	int result = trie_compare(&older->nodes, &newer->nodes, visit_nodes, &visitor);
	return result ? result : trie_compare(&older->nsec3_nodes, &newer->nsec3_nodes, visit_nodes, &visitor);
}

/* ------------------------------------------------------------------------------------------------
 * Sets
 */

struct set_visitor {
	int (*visit)(void *user, bool removed, const struct node *node, const struct rrset *set);
	void *user;
};

/* Both have their sets by ascending type. */
static int visit_sets(void *user, const struct node *older, const struct node *newer)
{
	const struct set_visitor *v = user;
	const unsigned old_count = older ? older->rrset_count : 0, new_count = newer ? newer->rrset_count : 0;
	int result = 0;

	for (unsigned i = 0, j = 0; (i < old_count || j < new_count) && !result;) {
		const struct rrset *was = i < old_count ? older->rrsets[i] : NULL;
		const struct rrset *is = j < new_count ? newer->rrsets[j] : NULL;
		if (was && is && was->type != is->type)
			*(was->type < is->type ? &is : &was) = NULL;
		i += was != NULL;
		j += is != NULL;
		if (was && is && same_set(was, is))
			continue;
		if (was)
			result = v->visit(v->user, true, older, was);
		if (is && !result)
			result = v->visit(v->user, false, newer, is);
	}
	return result;
}

int zone_diff(const struct zone *older, const struct zone *newer,
              int (*visit)(void *user, bool removed, const struct node *node,
                           const struct rrset *set), void *user)
{
	struct set_visitor visitor = { .visit = visit, .user = user };
	return zone_diff_nodes(older, newer, visit_sets, &visitor);
}
