/* See reload.h. */
#include "content/reload.h"

#include <stdlib.h>
#include <string.h>

#include "content/apply.h"
#include "content/commit.h"
#include "content/content.h"
#include "content/members.h"
#include "content/parts.h"
#include "content/replay.h"
#include "content/serial.h"
#include "core/array.h"
#include "core/history.h"
#include "core/wire.h"
#include "core/zone_edit.h"

/* ------------------------------------------------------------------------------------------------
 * Before the seal
 */

/* Zones of one kind: the same records mean the same on the wire. */
static bool same_kind(const struct mist_zone *a, const struct mist_zone *b)
{
	return a->dnssec == b->dnssec && a->dnssec != MIST_DNSSEC_PRESIGNED && a->records == b->records &&
	       a->cds == b->cds && !a->zone->failed && !b->zone->failed;
}

/* A zone that is transferred is what was transferred, however it is described. */
static bool same_secondary(const struct mist_zone *a, const struct mist_zone *b)
{
	return a->secondary && b->secondary && a->dnssec == b->dnssec && a->cds == b->cds;
}

int reload_expect(struct mist_content *content, const struct mist_content *served)
{
	int error = members_adopt(content, served);
	if (error)
		return error;
	for (size_t i = 0; i < content->zone_count; i++) {
		struct mist_zone *zone = content->zones[i];
		const struct mist_zone *before = content_zone(served, zone->zone->name);
		const bool takes = before && same_secondary(zone, before);
		if (takes && !zone->zone->failed)
			zone_fail(zone->zone, before->zone->failed ? before->zone->reason : "it is being taken over");
		if (before && !zone->before &&
		    (takes ? !before->zone->failed : !zone->secondary && same_kind(zone, before))) {
			zone_hold(before->zone);
			zone->before = before->zone;
		}
	}
	return MIST_OK;
}

/* ------------------------------------------------------------------------------------------------
 * What differs
 */

struct compare {
	struct mist_zone *zone;
	const struct zone *served, *wanted;
	struct zone *fork;           /* of the served one */
	uint32_t cap;
	const uint8_t **touched;     /* names of nodes */
	size_t count, room;
	bool apart;                  /* they differ in what an edit cannot change */
};

static int touch(struct compare *compare, const uint8_t *owner)
{
	if (compare->count && compare->touched[compare->count - 1] == owner)
		return MIST_OK;
	const uint8_t **touched = array_reserve(compare->touched, compare->count, &compare->room, sizeof(*touched));
	if (!touched)
		return MIST_ENOMEM;
	compare->touched = touched;
	compare->touched[compare->count++] = owner;
	return MIST_OK;
}

/* The signer's own, at the apex. */
static bool is_of_key(const struct compare *compare, const struct node *node, uint16_t type)
{
	return compare->zone->dnssec == MIST_DNSSEC_SIGN && node->flags & NODE_APEX &&
	       (type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY);
}

/* A file's serial counts when it is higher; else it is ours to choose. */
static bool serial_counts(const struct compare *compare, uint16_t type)
{
	return type == TYPE_SOA && compare->zone->records &&
	       serial_greater(compare->wanted->serial, compare->served->serial);
}

static int put(struct compare *compare, const struct node *node, const struct rrset *set)
{
	struct rrset *copy = replay_as_served(set, compare->cap);
	if (!copy)
		return MIST_ENOMEM;
	if (set->type == TYPE_SOA && !serial_counts(compare, TYPE_SOA))
		wire_set32(copy->wire + copy->len - 20, compare->served->serial);
	int error = touch(compare, node->name);
	if (!error)
		return zone_replace(compare->fork, node->name, copy);
	free(copy);
	return error;
}

static int remove_set(struct compare *compare, const struct node *node, uint16_t type)
{
	int error = touch(compare, node->name);
	return error ? error : zone_remove(compare->fork, node->name, type);
}

/* The same records, and the TTL that they would be signed with. */
static bool same_set(const struct compare *compare, const struct rrset *was, const struct rrset *is)
{
	uint32_t ttl = is->ttl < compare->cap ? is->ttl : compare->cap;
	if (!was || was->ttl != ttl || serial_counts(compare, is->type))
		return false;
	if (is->type != TYPE_SOA)
		return rrset_same(was, is);
	struct rrset *copy = replay_as_served(is, compare->cap);
	bool same = copy && overlay_same(was, copy);
	free(copy);
	return same;
}

static bool is_made_cut(const struct node *node)
{
	return node && node->flags & NODE_CARVED;
}

static bool same_cut(const struct compare *compare, const struct node *was, const struct node *is)
{
	if (!was || !is || (was->flags & NODE_MADE_CUT) != (is->flags & NODE_MADE_CUT) ||
	    zone_data_count(compare->served, was) != zone_data_count(compare->wanted, is))
		return false;
	for (unsigned i = 0; i < is->rrset_count; i++) {
		const struct rrset *set = zone_data(compare->wanted, is, is->rrsets[i]->type);
		if (set && !same_set(compare, zone_data(compare->served, was, set->type), set))
			return false;
	}
	return true;
}

/* A name that is a cut for forwarding or search lists in one of them (core/zone.h). */
static int recut(struct compare *compare, const struct node *was, const struct node *is)
{
	const uint8_t *name = is ? is->name : was->name;
	if (same_cut(compare, was, is))
		return MIST_OK;
	int error = touch(compare, name);
	if (!error)
		error = zone_recut(compare->fork, name, is_made_cut(is) ? is->flags & NODE_MADE_CUT : 0);
	for (unsigned i = 0; is && i < is->rrset_count && !error; i++) {
		const struct rrset *set = zone_data(compare->wanted, is, is->rrsets[i]->type);
		error = set ? put(compare, is, set) : MIST_OK;
	}
	return error;
}

/* Sets of the served node that are not described. */
static int drop_sets(struct compare *compare, const struct node *was, const struct node *is)
{
	int error = MIST_OK;
	for (unsigned i = 0; was && i < was->rrset_count && !error; i++) {
		uint16_t type = was->rrsets[i]->type;
		if (!zone_data(compare->served, was, type) || zone_data(compare->wanted, is, type) ||
		    is_of_key(compare, was, type))
			continue;
		error = remove_set(compare, was, type);
	}
	return error;
}

static int visit_wanted(void *user, const struct node *node)
{
	struct compare *compare = user;
	const struct node *was = zone_node(compare->served, node->name);
	int error = MIST_OK;
	if (is_made_cut(node) || is_made_cut(was))
		return recut(compare, was, node);
	for (unsigned i = 0; i < node->rrset_count && !error && !compare->apart; i++) {
		const struct rrset *set = zone_data(compare->wanted, node, node->rrsets[i]->type);
		if (!set || same_set(compare, zone_data(compare->served, was, set->type), set))
			continue;
		compare->apart |= is_of_key(compare, node, set->type); /* described beside ours */
		error = compare->apart ? MIST_OK : put(compare, node, set);
	}
	if (!error && !compare->apart)
		error = drop_sets(compare, was, node);
	return error ? error : compare->apart;
}

static int visit_served(void *user, const struct node *node)
{
	struct compare *compare = user;
	if (zone_node(compare->wanted, node->name))
		return 0;
	return is_made_cut(node) ? recut(compare, node, NULL) : drop_sets(compare, node, NULL);
}

static bool has_one_key(const struct zone *served)
{
	const struct rrset *keys = node_rrset(served->apex, TYPE_DNSKEY);
	return keys && keys->count == 1;
}

/* Makes `fork` what is wanted. MIST_OK, with `apart` when that cannot be. */
static int compare_zones(struct compare *compare)
{
	compare->apart = compare->zone->dnssec == MIST_DNSSEC_SIGN && !has_one_key(compare->served);
	int error = compare->apart ? MIST_OK : zone_each(compare->wanted, visit_wanted, compare);
	if (!compare->apart && !error)
		error = zone_each(compare->served, visit_served, compare);
	for (size_t i = 0; i < compare->count && !error && !compare->apart; i++)
		error = zone_settle(compare->fork, compare->touched[i]);
	return compare->apart ? MIST_OK : error;
}

/* ------------------------------------------------------------------------------------------------
 * Going on from the version that is served
 */

static void go_on(struct mist_zone *zone, struct mist_zone *before, bool changed)
{
	zone_release(zone->zone);
	zone->zone = before->next;
	before->next = NULL;
	zone->signed_s = before->signed_s;
	zone->due_s = changed ? before->next_due_s : before->due_s;
	/* A reload may have raised the serial as an edit would: the file's is behind from then on. */
	zone->edited |= before->edited ||
	                (zone->records && !zone->secondary && zone->zone->serial != zone->file_serial);
	zone->serial_kept = before->serial_kept;
	zone->kept_serial = before->kept_serial;
	zone->reserve = before->reserve;
	zone->reserved_s = before->reserved_s;
	zone->pending = false;
}

int reload_compare(struct mist_zone *zone, struct zone *served, const struct zone *wanted,
                   struct zone **fork, bool *apart)
{
	struct compare compare = { .zone = zone, .served = served, .wanted = wanted, .cap = replay_ttl_cap(zone) };
	int error = zone_fork(&compare.fork, served);
	if (error)
		return error;
	error = compare_zones(&compare);
	free(compare.touched);
	*apart = compare.apart;
	if (error || compare.apart)
		zone_release(compare.fork);
	else
		*fork = compare.fork;
	return error;
}

static int advance(struct mist_zone *zone, struct mist_zone *before, uint32_t now_s,
                   uint64_t *signatures)
{
	struct commit commit = { .content = before->content, .now_s = now_s };
	struct compare compare = { .zone = zone, .served = before->zone, .wanted = zone->zone,
	                           .cap = replay_ttl_cap(before) };
	int error = zone_fork(&compare.fork, before->zone);
	if (error)
		return error;
	before->next = compare.fork;
	error = compare_zones(&compare);
	bool changed = compare.count > 0;
	if (!error && !compare.apart && changed)
		error = commit_version(&commit, before);
	*signatures += commit.signatures;
	if (!error && !compare.apart) {
		content_describe(compare.fork, zone->zone);
		go_on(zone, before, changed);
		if (changed && zone->signed_s < now_s)
			zone->signed_s = now_s;
	} else {
		zone_release(before->next);
		before->next = NULL;
	}
	free(compare.touched);
	return error;
}

/* The key was found to be the same; but what was served has gone on since. */
static bool has_key(const struct mist_zone *zone, const struct zone *served)
{
	uint8_t rdata[DNSKEY_LEN_MAX];
	if (zone->dnssec != MIST_DNSSEC_SIGN)
		return true;
	const struct rrset *keys = node_rrset(served->apex, TYPE_DNSKEY);
	size_t len = zone->key ? key_dnskey(zone->key, rdata) : 0;
	return len && keys && rrset_has(keys, rdata, (uint16_t)len);
}

/* The version that is served, with who may have it described anew. */
static int take_secondary(struct mist_zone *zone, struct mist_zone *before)
{
	struct zone *good = before->zone->failed ? before->kept : before->zone, *fork = NULL;
	int error = good && zone->dnssec == MIST_DNSSEC_SIGN && !zone->key
	          ? content_find_key(zone, &zone->content->options.reporter) : MIST_OK;
	if (error || !good || !has_key(zone, good))
		return error == MIST_ENOMEM ? error : MIST_OK; /* it is transferred anew */
	error = zone_fork(&fork, good);
	if (error)
		return error;
	zone->file_serial = before->file_serial;
	zone->checked_s = before->checked_s;
	content_describe(fork, zone->zone);
	if (before->zone->failed) {
		zone->kept = fork;
		return MIST_OK;
	}
	before->next = fork;
	go_on(zone, before, false);
	return MIST_OK;
}

static int reload_zone(struct mist_zone *zone, struct mist_zone *before, bool keep_edits,
                       uint32_t now_s, uint64_t *signatures)
{
	static const struct overlay none;
	int error = MIST_OK;
	if (before && same_secondary(zone, before))
		return take_secondary(zone, before);
	if (zone->zone->failed)
		return MIST_OK;
	if (zone->dnssec != MIST_DNSSEC_PRESIGNED) {
		const bool edited = before && keep_edits;
		error = replay_edits(zone, edited ? &before->overlay : &none,
		                     edited && !before->zone->failed ? before->zone : NULL, now_s, signatures);
	}
	if (!error && zone->pending && before && same_kind(zone, before) && has_key(zone, before->zone))
		error = advance(zone, before, now_s, signatures);
	if (!error && zone->pending) {
		zone->pending = false;
		error = content_finish_zone(zone, now_s, &zone->content->options.reporter);
	}
	if (!error && before && !before->zone->failed && zone->zone->family != before->zone->family)
		error = content_follow_zone(zone, before, now_s, signatures);
	return error;
}

int reload_prepare(struct mist_content *content, struct mist_content *served, bool keep_edits,
                   uint32_t now_s, uint64_t *signatures)
{
	/* Members of catalogs that have come since it was sealed. */
	int error = members_adopt(content, served);
	if (error)
		return error;
	content_find_parents(content);
	struct mist_zone **order = content_inwards_out(content);
	if (!order)
		return MIST_ENOMEM;
	content->journal = served->journal;
	for (size_t i = 0; i < content->zone_count && !error; i++)
		error = reload_zone(order[i], content_zone(served, order[i]->zone->name), keep_edits, now_s,
		                    signatures);
	/* A version that is held keeps all that those after it replace. */
	for (size_t i = 0; i < content->zone_count; i++) {
		if (content->zones[i]->before)
			zone_release(content->zones[i]->before);
		content->zones[i]->before = NULL;
	}
	free(order);
	/* Held any longer, what it shares with versions to come would never be freed (core/zone.c). */
	for (size_t i = 0; i < content->zone_count; i++) {
		if (content->zones[i]->before)
			zone_release(content->zones[i]->before);
		content->zones[i]->before = NULL;
	}
	return error;
}
