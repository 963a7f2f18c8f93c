/*
 * What a zone gets that no file says: the records of a zone made from addresses, and cuts, for
 * forwarded names and for local zones within it (docs/ARCHITECTURE.md, Signed zones).
 */
#include <stdlib.h>
#include <string.h>

#include "core/wire.h"
#include "core/zone_build.h"

/* Timers of a zone that no secondary polls often; only the last, for negative answers, is felt. */
#define SOA_REFRESH 3600
#define SOA_RETRY 600
#define SOA_EXPIRE 1209600

/* `label`.`name`; 0 when that is too long. */
static size_t child_name(uint8_t to[NAME_MAX], const char *label, const uint8_t *name)
{
	size_t label_len = strlen(label), len = name_len(name);
	if (label_len + 1 + len > NAME_MAX)
		return 0;
	to[0] = (uint8_t)label_len;
	memcpy(to + 1, label, label_len);
	memcpy(to + 1 + label_len, name, len);
	return label_len + 1 + len;
}

static int put(struct zone *zone, const uint8_t *owner, uint16_t type, uint32_t ttl,
               const uint8_t *rdata, size_t rdata_len)
{
	struct node *node = zone_writable(zone, &zone->nodes, owner);
	if (!node)
		return MIST_ENOMEM;
	return node_add(zone->nodes.heap, node, type, ttl, rdata, (uint16_t)rdata_len);
}

static int put_addresses(struct zone *zone, const uint8_t *owner,
                         const struct zone_address *addresses, size_t count, uint32_t ttl)
{
	int error = MIST_OK;
	for (size_t i = 0; i < count && !error; i++)
		error = put(zone, owner, addresses[i].len == 4 ? TYPE_A : TYPE_AAAA, ttl,
		            addresses[i].octets, addresses[i].len);
	return error;
}

static int put_soa(struct zone *zone, const uint8_t *server, uint32_t ttl, uint32_t serial)
{
	uint8_t rdata[2 * NAME_MAX + 20], mail[NAME_MAX];
	size_t mail_len = child_name(mail, "hostmaster", zone->name);
	struct writer w = writer_on(rdata, sizeof(rdata));

	if (!mail_len)
		return MIST_ENAME;
	writer_put(&w, server, name_len(server));
	writer_put(&w, mail, mail_len);
	writer_u32(&w, serial);
	writer_u32(&w, SOA_REFRESH);
	writer_u32(&w, SOA_RETRY);
	writer_u32(&w, SOA_EXPIRE);
	writer_u32(&w, ttl);
	return put(zone, zone->name, TYPE_SOA, ttl, rdata, writer_len(&w));
}

int zone_make(struct zone *zone, const struct zone_address *addresses, size_t count, uint32_t ttl,
              uint32_t serial)
{
	static const struct zone_address loopback = { 4, { 127, 0, 0, 1 } };
	uint8_t server[NAME_MAX], wildcard[NAME_MAX];
	size_t server_len = child_name(server, "ns", zone->name);

	if (!server_len || !name_wildcard(wildcard, zone->name))
		return MIST_ENAME;
	zone->made = true;
	int error = put_soa(zone, server, ttl, serial);
	if (!error)
		error = put(zone, zone->name, TYPE_NS, ttl, server, server_len);
	if (!error)
		error = put_addresses(zone, zone->name, addresses, count, ttl);
	if (!error) /* which a zone needs, whatever else it has */
		error = put_addresses(zone, server, count ? addresses : &loopback, count ? count : 1, ttl);
	if (!error)
		error = put_addresses(zone, wildcard, addresses, count, ttl);
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * Cuts for forwarded names
 */

static int put_copies(struct zone *zone, struct node *to, const struct node *from)
{
	int error = MIST_OK;
	for (unsigned i = 0; from && i < from->rrset_count && !error; i++) {
		if (!node_rrset(to, from->rrsets[i]->type))
			error = node_put_copy(zone->nodes.heap, to, from->rrsets[i]);
	}
	return error;
}

/* Is there a cut (or a name that is rewritten) above `name`? */
static const struct node *edge_above(const struct zone *zone, const uint8_t *name, uint16_t type)
{
	struct name_key key;
	struct trie_path path;
	name_key(&key, name, NAME_MAX);
	trie_walk(&zone->nodes, &key, &path);
	for (unsigned i = 0; i < path.count - path.exact; i++) {
		const struct node *node = path.value[i];
		if (node_rrset(node, type) && (type == TYPE_DNAME || node != zone->apex))
			return node;
	}
	return NULL;
}

/* The first node below `name` that has data and is neither a cut nor below one. */
static const struct node *data_below(const struct zone *zone, const uint8_t *name)
{
	const struct node *node = trie_after(&zone->nodes, name), *cut = NULL;
	for (; node && name_within(node->name, name); node = trie_after(&zone->nodes, node->name)) {
		if (cut && name_within(node->name, cut->name))
			continue;
		if (node_rrset(node, TYPE_NS))
			cut = node;
		else if (node->rrset_count > 0)
			return node;
	}
	return NULL;
}

static int in_the_way(struct zone *zone, const struct mist_reporter *reporter, const uint8_t *name,
                      const struct node *node, const char *what)
{
	char forwarded[NAME_TEXT_MAX], there[NAME_TEXT_MAX];
	name_to_text(forwarded, name);
	name_to_text(there, node->name);
	unsigned line = node->rrset_count ? zone_line(zone, node, node->rrsets[0]->type) : 0;
	zone_report(zone, reporter, MIST_LEVEL_ERROR, line,
	            "%s is forwarded, but the zone has %s at %s; remove one or the other", forwarded,
	            what, there);
	return MIST_EZONE;
}

/* MIST_OK: `name` may be cut, `*node` is what is there now. MIST_ENOTFOUND: it need not. */
static int check_carve(struct zone *zone, const uint8_t *name, bool only_below,
                       const struct node **node, const struct mist_reporter *reporter)
{
	const struct node *edge;

	*node = zone_node(zone, name);
	if (*node == zone->apex || edge_above(zone, name, TYPE_NS))
		return MIST_ENOTFOUND;
	if ((edge = edge_above(zone, name, TYPE_DNAME)))
		return in_the_way(zone, reporter, name, edge, "a DNAME");
	if (*node && node_rrset(*node, TYPE_DNAME))
		return in_the_way(zone, reporter, name, *node, "a DNAME");
	if (*node && ((*node)->flags & NODE_CARVED)) {
		if (only_below || !((*node)->flags & NODE_SELF))
			return MIST_ENOTFOUND; /* it was for less, or for the same */
		return (*node)->flags & NODE_LENT || (*node)->rrset_count == 1 /* NS */
		     ? MIST_OK : in_the_way(zone, reporter, name, *node, "records");
	}
	if (*node && node_rrset(*node, TYPE_NS))
		return MIST_ENOTFOUND; /* the zone's own delegation serves as well */
	if (*node && (*node)->rrset_count > 0 && !only_below)
		return in_the_way(zone, reporter, name, *node, "records");
	if ((edge = data_below(zone, name)))
		return in_the_way(zone, reporter, name, edge, "records");
	return MIST_OK;
}

/* A name that is not there and will be: what a wildcard has answered for it so far goes with it. */
static int lend(struct zone *zone, struct node *node, const struct node *encloser)
{
	uint8_t name[NAME_MAX];
	const struct node *wildcard = name_wildcard(name, encloser->name) ? zone_node(zone, name) : NULL;
	node->flags |= NODE_LENT;
	return put_copies(zone, node, wildcard);
}

static int carve(struct zone *zone, const uint8_t *name, bool only_below, bool exists)
{
	struct heap *heap = zone->nodes.heap;
	struct name_key key;
	struct zone_found found;
	struct record server;
	size_t at = 0;

	name_key(&key, name, NAME_MAX);
	zone_find(zone, &key, &found);
	const struct node *encloser = zone->made ? zone->apex : found.encloser;
	struct node *node = zone_writable(zone, &zone->nodes, name);
	if (!node)
		return MIST_ENOMEM;
	if (!only_below) {
		while (node->rrset_count > 0)
			node_set_free(heap, node_take(heap, node, node->rrsets[0]->type)); /* lent for `*.x`, and now x too */
		node->flags &= (uint8_t)~(NODE_SELF | NODE_LENT);
	} else {
		node->flags |= NODE_SELF;
		int error = exists && !(zone->made && node->rrset_count == 0) ? MIST_OK
		                                                             : lend(zone, node, encloser);
		if (error)
			return error;
	}
	node->flags |= NODE_CARVED | NODE_CUT;
	const struct rrset *servers = node_rrset(zone->apex, TYPE_NS);
	rrset_next(servers, servers->len, &at, &server);
	return node_add(heap, node, TYPE_NS, servers->ttl, server.rdata, server.rdata_len);
}

int zone_carve(struct zone *zone, const uint8_t *name, bool only_below,
               const struct mist_reporter *reporter)
{
	const struct node *node;
	uint8_t lower[NAME_MAX];

	name_lower(lower, name);
	if (!name_within(lower, zone->name))
		return MIST_EINVAL;
	if (!node_rrset(zone->apex, TYPE_NS))
		return MIST_OK; /* zone_complete() will say that the zone has no name server */
	int error = check_carve(zone, lower, only_below, &node, reporter);
	if (error)
		return error == MIST_ENOTFOUND ? MIST_OK : error;
	return carve(zone, lower, only_below, node != NULL);
}

int zone_carve_suffix(struct zone *zone, const uint8_t *known, bool only_below)
{
	uint8_t name[NAME_MAX];
	const size_t front = name_len(known) - 1; /* without the root */
	if (!zone_lender(zone) || !node_rrset(zone->apex, TYPE_NS) || front + zone->name_len > NAME_MAX)
		return MIST_OK;
	memcpy(name, known, front);
	memcpy(name + front, zone->name, zone->name_len);
	const struct node *below = trie_after(&zone->nodes, name);
	if (zone_node(zone, name) || (below && name_within(below->name, name)) || edge_above(zone, name, TYPE_NS))
		return MIST_OK;
	return carve(zone, name, only_below, false);
}

/* ------------------------------------------------------------------------------------------------
 * Delegations to local zones
 */

static int put_glue(struct zone *zone, const struct zone *child, const uint8_t *server)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	const struct node *from = name_within(server, child->name) ? zone_node(child, server) : NULL;
	int error = MIST_OK;

	for (size_t i = 0; from && i < 2 && !error; i++) {
		const struct rrset *set = node_rrset(from, types[i]);
		struct node *node = set ? zone_writable(zone, &zone->nodes, server) : NULL;
		if (set)
			error = node ? node_put_copy(zone->nodes.heap, node, set) : MIST_ENOMEM;
	}
	return error;
}

int zone_delegate(struct zone *zone, const struct zone *child, const struct rrset *ds)
{
	const struct rrset *servers = child->failed ? node_rrset(zone->apex, TYPE_NS) : child->ns;
	struct record record;
	int error = MIST_OK;

	if (!servers)
		return MIST_OK; /* zone_complete() will say so */
	struct node *node = zone_writable(zone, &zone->nodes, child->name);
	if (!node)
		return MIST_ENOMEM;
	if (!node_rrset(node, TYPE_NS)) {
		error = node_put_copy(zone->nodes.heap, node, servers);
		for (size_t at = 0; !error && rrset_next(servers, servers->len, &at, &record);)
			error = put_glue(zone, child, record.rdata);
	}
	if (!error && ds && !node_rrset(node, TYPE_DS))
		error = node_put_copy(zone->nodes.heap, node, ds);
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * Wildcards everywhere
 */

struct list {
	const struct node **nodes;
	size_t count;
};

/* Names around which RFC 4592 would switch the wildcard off. `*` itself stays without a `*`
 * below. */
static int list_node(void *user, void *value)
{
	struct list *list = user;
	const struct node *node = value;
	const unsigned none = NODE_APEX | NODE_OCCLUDED | NODE_CUT | NODE_DNAME;
	if (!(node->flags & none) && !name_is_wildcard(node->name))
		list->nodes[list->count++] = node;
	return 0;
}

static int lend_to(struct zone *zone, const uint8_t *name, const struct node *wildcard)
{
	struct node *node = zone_writable(zone, &zone->nodes, name);
	if (!node)
		return MIST_ENOMEM;
	if (node->rrset_count > 0)
		return MIST_OK;
	node->flags |= NODE_LENT;
	return put_copies(zone, node, wildcard);
}

static int fill_around(struct zone *zone, const struct node *node, const struct node *wildcard)
{
	uint8_t name[NAME_MAX];
	int error = lend_to(zone, node->name, wildcard);

	if (error || !name_wildcard(name, node->name))
		return error; /* where no label fits below there is nothing to switch off */
	return lend_to(zone, name, wildcard);
}

int zone_fill(struct zone *zone)
{
	const struct node *wildcard = zone_lender(zone);
	struct list list = { 0 };
	int error = MIST_OK;

	if (!wildcard)
		return MIST_OK;
	list.nodes = malloc(zone->nodes.count * sizeof(*list.nodes));
	if (!list.nodes)
		return MIST_ENOMEM;
	trie_each(&zone->nodes, list_node, &list);
	for (size_t i = 0; i < list.count && !error; i++)
		error = fill_around(zone, list.nodes[i], wildcard);
	free(list.nodes);
	return error;
}
