/* Delegations of local zones follow them; see delegate.h. */
#include "content/delegate.h"

#include "content/parts.h"
#include "core/zone_edit.h"
#include "dnssec/sign.h"

static const uint16_t glue_types[] = { TYPE_A, TYPE_AAAA };

static bool same_set(const struct rrset *a, const struct rrset *b)
{
	return a == b || (a && b && a->ttl == b->ttl && rrset_same(a, b));
}

static const struct rrset *set_at(const struct zone *zone, const uint8_t *owner, uint16_t type)
{
	const struct node *node = zone_node(zone, owner);
	return node ? node_rrset(node, type) : NULL;
}

/* The next name server of a set that lies in the zone. */
static const uint8_t *next_inside(const struct rrset *servers, const struct zone *zone, size_t *at)
{
	struct record record;
	while (servers && rrset_next(servers, servers->len, at, &record)) {
		if (name_within(record.rdata, zone->name))
			return record.rdata;
	}
	return NULL;
}

static bool delegation_changes(const struct zone *was, const struct zone *is)
{
	const uint8_t *server;
	if (!same_set(was->ns, is->ns))
		return true;
	for (size_t at = 0; (server = next_inside(is->ns, is, &at));) {
		for (unsigned i = 0; i < 2; i++) {
			if (!same_set(set_at(was, server, glue_types[i]), set_at(is, server, glue_types[i])))
				return true;
		}
	}
	return false;
}

/* Puts a copy of a set, or takes out what was there when there is none. */
static int copy_set(struct zone *to, const uint8_t *owner, uint16_t type, const struct rrset *set)
{
	struct rrset *copy = set ? rrset_signed(set, NULL, 0) : NULL;
	if (set && !copy)
		return MIST_ENOMEM;
	/* Addresses of the child's registered names are glue like any other: nobody registered them here. */
	if (copy && copy->flags & RRSET_REGISTERED)
		copy->flags = RRSET_PLAIN_COPY;
	return copy ? zone_replace(to, owner, copy) : zone_remove(to, owner, type);
}

/* The addresses of the name servers in `servers`, as `from` has them; NULL: none any more. */
static int copy_glue(struct zone *to, const struct zone *child, const struct rrset *servers,
                     const struct zone *from)
{
	const uint8_t *server;
	int error = MIST_OK;
	for (size_t at = 0; !error && (server = next_inside(servers, child, &at));) {
		for (unsigned i = 0; i < 2 && !error; i++) {
			const struct rrset *set = from ? set_at(from, server, glue_types[i]) : NULL;
			/* At the top of the child stands its delegation, and beside it glue as well. */
			error = copy_set(to, server, glue_types[i], set);
		}
		if (!error)
			error = zone_settle(to, server);
	}
	return error;
}

static int follow(struct zone *around, const struct zone *was, const struct zone *is)
{
	int error = copy_set(around, is->name, TYPE_NS, is->ns);
	if (!error)
		error = copy_glue(around, was, was->ns, NULL);
	if (!error)
		error = copy_glue(around, is, is->ns, is);
	return error ? error : zone_settle(around, is->name);
}

/* The DS of a zone that came just now. */
static int follow_key(struct zone *around, const struct mist_zone *zone)
{
	struct rrset *ds = NULL;
	int error = sign_ds(&ds, zone->next, zone->content->crypto, zone->next->ns->ttl);
	if (!error && ds)
		error = zone_replace(around, zone->next->name, ds);
	if (error == MIST_EZONE) /* too many keys: no DS then */
		error = MIST_OK;
	return error ? error : zone_settle(around, zone->next->name);
}

/* The version that the commit makes of a zone: one that may be written. */
static int open_next(struct zone_list *changed, struct mist_zone *zone)
{
	struct zone *fork;
	int error = zone_fork(&fork, content_newest(zone));
	if (error)
		return error;
	error = zone->next ? MIST_OK : zone_list_add(changed, zone);
	if (error) {
		zone_release(fork);
		return error;
	}
	if (zone->next)
		zone_release(zone->next);
	zone->next = fork;
	return MIST_OK;
}

/* What the zone around says of the zone, if somebody may change it here; NULL: nobody, or it says nothing. */
static const struct rrset *said_around(const struct mist_zone *zone)
{
	const struct mist_zone *around = zone->parent;
	return set_at(content_newest(around), zone->zone->name, TYPE_NS);
}

/* Is there a zone around it that delegations are made in? */
static bool is_inside(const struct mist_zone *zone)
{
	const struct mist_zone *around = zone->parent;
	return around && !around->leaving && !around->zone->failed && around->dnssec != MIST_DNSSEC_PRESIGNED;
}

int delegation_begin(struct zone_list *changed, const struct mist_zone *zone)
{
	const uint8_t *name = zone->zone->name;
	if (!is_inside(zone) || said_around(zone) || set_at(content_newest(zone->parent), name, TYPE_CNAME))
		return MIST_OK;
	int error = open_next(changed, zone->parent);
	if (!error)
		error = copy_set(zone->parent->next, name, TYPE_NS, zone->parent->next->ns);
	return error ? error : zone_settle(zone->parent->next, name);
}

int delegation_end(struct zone_list *changed, const struct mist_zone *zone)
{
	const uint8_t *name = zone->zone->name;
	const struct rrset *says = is_inside(zone) ? said_around(zone) : NULL;
	const struct rrset *said = zone->zone->ns ? zone->zone->ns
	                         : zone->kept ? zone->kept->ns : says ? content_newest(zone->parent)->ns : NULL;
	if (!says || !said || !rrset_same(says, said))
		return MIST_OK;
	int error = open_next(changed, zone->parent);
	struct zone *around = zone->parent->next;
	if (!error)
		error = copy_set(around, name, TYPE_NS, NULL);
	if (!error)
		error = copy_set(around, name, TYPE_DS, NULL);
	if (!error && zone->zone->ns)
		error = copy_glue(around, zone->zone, zone->zone->ns, NULL);
	return error ? error : zone_settle(around, name);
}

int delegations_follow(struct zone_list *changed)
{
	int error = MIST_OK;
	for (size_t i = 0; i < changed->count && !error; i++) {
		const struct mist_zone *zone = changed->zones[i];
		struct mist_zone *around = zone->parent;
		if (!zone->next->ns)
			continue; /* it expired: as good as any other that answers SERVFAIL */
		if (!around || around->zone->failed || around->dnssec == MIST_DNSSEC_PRESIGNED ||
		    !delegation_changes(zone->zone, zone->next))
			continue;
		if (around->finished)
			continue; /* it came as a whole just now, and cannot be changed before it is published */
		const struct rrset *says = set_at(content_newest(around), zone->zone->name, TYPE_NS);
		/* Before it came, it was delegated to the servers of the zone around it (zone_delegate()). */
		const struct rrset *said = zone->zone->ns ? zone->zone->ns : content_newest(around)->ns;
		if (!says || !rrset_same(says, said))
			continue;
		error = open_next(changed, around);
		if (!error)
			error = follow(around->next, zone->zone, zone->next);
		if (!error && !zone->zone->ns)
			error = follow_key(around->next, zone);
	}
	return error;
}
