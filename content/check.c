/* Whether an edit may do what it does; see check.h. */
#include "content/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/zone_edit.h"

/* ------------------------------------------------------------------------------------------------
 * Places
 */

void edit_blame(struct edit *edit, const uint8_t *owner, uint16_t type, const char *why)
{
	char name[NAME_TEXT_MAX], text[16];
	name_to_text(name, owner);
	edit_note(edit, MIST_LEVEL_ERROR, "%s%s%s: %s", name, type ? " " : "",
	          type ? type_to_text(type, text) : "", why);
}

int edit_conflict(struct edit *edit, const struct edit_operation *operation, const char *why)
{
	edit_blame(edit, edit_owner(operation), operation->type, why);
	return MIST_ECONFLICT;
}

/* The same where a second name belongs into the sentence. */
static int conflict_with(struct edit *edit, const struct edit_operation *operation, const char *why,
                         const uint8_t *other, const char *what_to_do)
{
	char sentence[NAME_TEXT_MAX + 256], name[NAME_TEXT_MAX];
	name_to_text(name, other);
	snprintf(sentence, sizeof(sentence), "%s %s%s", why, name, what_to_do);
	return edit_conflict(edit, operation, sentence);
}

static bool puts_records(const struct edit_operation *operation)
{
	return operation->verb == EDIT_ADD || operation->verb == EDIT_REPLACE;
}

static bool is_made_by_signer(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 || type == TYPE_NSEC3PARAM;
}

/* A local zone below the owner, which a delegation or a rewriting there would hide. */
static const struct mist_zone *zone_below(const struct mist_zone *zone, const uint8_t *owner)
{
	const struct mist_content *content = zone->content;
	for (size_t i = 0; i < content->zone_count; i++) {
		const struct mist_zone *other = content->zones[i];
		if (other->parent == zone && name_within(other->zone->name, owner))
			return other;
	}
	return NULL;
}

/* A cut that was made here, at or above the owner; or, of those that a delegation or a rewriting there would hide, rather
 * one for a forwarded name: somebody wrote that rule. */
static const struct node *cut_in_the_way(const struct mist_zone *zone, const uint8_t *owner, bool cuts)
{
	const struct zone *now = content_newest(zone);
	const struct node *carved = zone_carved(now, owner, cuts);
	for (const struct node *node = carved; node && name_within(node->name, owner);
	     node = trie_after(&now->nodes, node->name)) {
		if (node->flags & NODE_CARVED && !suffix_is_cut(zone->content, node->name))
			return node;
	}
	return carved;
}

static int conflict_with_cut(struct edit *edit, const struct edit_operation *operation, const struct mist_zone *zone,
                             const uint8_t *cut)
{
	uint8_t known[NAME_MAX];
	if (!suffix_is_cut(zone->content, cut))
		return conflict_with(edit, operation, "a rule forwards", cut, "; remove the rule, or leave the name to it");
	if (!name_within(edit_owner(operation), cut))
		return conflict_with(edit, operation, "it would hide", cut,
		                     ", which does not exist so that search lists work; choose another name");
	suffix_front(known, zone, cut);
	return conflict_with(edit, operation, "a client with a search list would ask for it when it means", known,
	                     ", which is answered elsewhere; choose another name");
}

/* Addresses of a registered name come and go with its owners, and others beside them would be taken for those. */
static bool is_of_owners(const struct zone *zone, const struct edit_operation *operation)
{
	const struct node *node = zone_node(zone, edit_owner(operation));
	const bool address = operation->type == TYPE_A || operation->type == TYPE_AAAA;
	for (unsigned i = 0; node && address && i < node->rrset_count; i++) {
		if (node->rrsets[i]->flags & RRSET_REGISTERED &&
		    (node->rrsets[i]->type == operation->type || puts_records(operation)))
			return true;
	}
	return false;
}

int edit_check_place(struct edit *edit, const struct mist_zone *zone,
                     const struct edit_operation *operation)
{
	const uint8_t *owner = edit_owner(operation);
	uint16_t type = operation->type;
	bool apex = name_equal(owner, zone->zone->name);
	bool cuts = puts_records(operation) && (type == TYPE_DNAME || (type == TYPE_NS && !apex));

	if (zone == zone->content->reverse)
		return MIST_OK;
	if (zone->secondary)
		return edit_conflict(edit, operation, "its zone comes from a primary; change it there");
	if (zone->zone->failed)
		return edit_conflict(edit, operation,
		                     "its zone does not load, so it cannot be changed; repair it first");
	if (zone->dnssec == MIST_DNSSEC_PRESIGNED)
		return edit_conflict(edit, operation, "its zone comes signed and is served as it came; "
		                     "change it where it is signed");
	const struct mist_zone *inner = content_zone_around(zone->content, owner, false);
	if (inner != zone)
		return conflict_with(edit, operation, "it belongs to the zone", inner->zone->name,
		                     ", which is served here too; change it there");
	inner = cuts ? zone_below(zone, owner) : NULL;
	if (inner)
		return conflict_with(edit, operation, "it would hide the zone", inner->zone->name,
		                     ", which is served here too");
	const struct node *carved = cut_in_the_way(zone, owner, cuts);
	if (carved)
		return conflict_with_cut(edit, operation, zone, carved->name);
	if (is_made_by_signer(type))
		return edit_conflict(edit, operation,
		                     "such records come from the signer and cannot be edited");
	if (apex && zone->dnssec == MIST_DNSSEC_SIGN && is_of_our_key(type))
		return edit_conflict(edit, operation,
		                     "the zone is signed here, and its keys are published by the server");
	if (!edit->passing && is_of_owners(content_newest(zone), operation))
		return edit_conflict(edit, operation, "its name is registered, and its addresses go with its owners; "
		                     "deregister it");
	return MIST_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Looking at the whole
 */

static int compare_touches(const void *a, const void *b)
{
	const struct touch *x = a, *y = b;
	if (x->zone != y->zone)
		return x->zone < y->zone ? -1 : 1;
	int order = name_compare(x->owner, y->owner);
	return order ? order : x->operation < y->operation ? -1 : 1;
}

/* In canonical order within each zone, and of each name the last one. */
static size_t sort_touches(struct touch *touches, size_t all)
{
	size_t count = 0;
	if (all)
		qsort(touches, all, sizeof(*touches), compare_touches);
	for (size_t i = 0; i < all; i++) {
		const struct touch *last = count ? &touches[count - 1] : NULL;
		bool same = last && last->zone == touches[i].zone && name_equal(last->owner, touches[i].owner);
		touches[same ? count - 1 : count++] = touches[i];
	}
	return count;
}

/* What the edit found. */
static const struct zone *before_edit(const struct touch *touch)
{
	return touch->zone->next ? touch->zone->next : touch->zone->zone;
}

static void hear_all(void *user, enum mist_level level, const char *file, unsigned line,
                     const char *text)
{
	(void)file;
	(void)line;
	edit_note(user, level, "%s", text);
}
static void hear_errors(void *user, enum mist_level level, const char *file, unsigned line,
                        const char *text)
{
	if (level == MIST_LEVEL_ERROR)
		hear_all(user, level, file, line, text);
}

/* What was there before and exceeds a limit may shrink, or stay. */
static int check_limits(struct edit *edit, const struct touch *touch)
{
	const struct mist_content_options *options = &touch->zone->content->options;
	const struct zone *draft = touch->zone->draft;
	const struct zone *before = before_edit(touch);
	const struct node *node = zone_node(draft, touch->owner);
	const struct node *old = zone_node(before, touch->owner);
	char why[128];

	if (!node)
		return MIST_OK;
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct rrset *set = zone_data(draft, node, node->rrsets[i]->type);
		const struct rrset *old_set = set ? zone_data(before, old, set->type) : NULL;
		if (!set || set->count <= options->set_records_max ||
		    (old_set && old_set->count >= set->count))
			continue;
		snprintf(why, sizeof(why), "it would have %u records; the limit is %u", set->count,
		         options->set_records_max);
		edit_blame(edit, touch->owner, set->type, why);
		return MIST_ELIMIT;
	}
	unsigned types = zone_data_count(draft, node);
	if (types <= options->name_types_max || zone_data_count(before, old) >= types)
		return MIST_OK;
	snprintf(why, sizeof(why), "it would have records of %u types; the limit is %u", types,
	         options->name_types_max);
	edit_blame(edit, touch->owner, 0, why);
	return MIST_ELIMIT;
}

/* RFC 4592 section 2.2.1; in a made zone the wildcard survives. */
static void warn_of_wildcard(struct edit *edit, const struct touch *touch)
{
	const struct zone *before = before_edit(touch);
	struct zone_found found;
	struct name_key key;
	char name[NAME_TEXT_MAX], wildcard[NAME_TEXT_MAX];

	if (before->made || !zone_node(touch->zone->draft, touch->owner))
		return;
	name_key(&key, touch->owner, NAME_MAX);
	zone_find(before, &key, &found);
	if (found.node || !found.wildcard)
		return;
	name_to_text(name, touch->owner);
	name_to_text(wildcard, found.wildcard->name);
	edit_note(edit, MIST_LEVEL_WARNING,
	          "%s exists from now on, so %s answers no longer for it and for names below it "
	          "(RFC 4592 section 2.2.1)", name, wildcard);
}

/* Where a delegation ends, what was glue becomes data and is looked at for the first time. */
static size_t check_uncovered(const struct touch *touch, const struct mist_reporter *reporter)
{
	const uint8_t edges = NODE_CUT | NODE_DNAME;
	const struct zone *before = before_edit(touch);
	struct zone *draft = touch->zone->draft;
	const struct node *was = zone_node(before, touch->owner), *is = zone_node(draft, touch->owner);
	size_t errors = 0;

	if (!was || !(was->flags & edges) || (is && is->flags & edges))
		return 0;
	const struct node *node = trie_after(&draft->nodes, touch->owner);
	for (; node && name_within(node->name, touch->owner) && !errors;
	     node = trie_after(&draft->nodes, node->name))
		errors += zone_check_name(draft, node->name, reporter);
	return errors;
}

static int check_touch(struct edit *edit, const struct touch *touch)
{
	const struct mist_reporter reporter = { hear_all, edit };
	size_t errors = zone_check_name(touch->zone->draft, touch->owner, &reporter);
	errors += check_uncovered(touch, &reporter);
	int error = errors ? MIST_ECONFLICT : check_limits(edit, touch);
	if (error)
		edit->failed = touch->operation;
	else
		warn_of_wildcard(edit, touch);
	return error;
}

int edit_check(struct edit *edit, struct touch *touches, size_t count,
               const struct zone_list *drafts)
{
	const struct mist_reporter reporter = { hear_errors, edit };
	int error = MIST_OK;

	count = sort_touches(touches, count);
	for (size_t i = 0; i < count && !error; i++)
		error = zone_settle(touches[i].zone->draft, touches[i].owner);
	for (size_t i = 0; i < count && !error; i++)
		error = check_touch(edit, &touches[i]);
	/* Its name servers need addresses, wherever in the zone those were. */
	for (size_t i = 0; i < drafts->count && !error; i++) {
		struct zone *draft = drafts->zones[i]->draft;
		if (zone_check_name(draft, draft->name, &reporter))
			error = MIST_ECONFLICT;
	}
	return error;
}
