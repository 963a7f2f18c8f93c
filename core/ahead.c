/* Reading ahead; see ahead.h. */
#include "core/ahead.h"

#include "core/message.h"
#include "core/wire.h"

/* Names from which a zone counts as large: about 200 octets each, more than half of a second-level cache. */
#define LARGE 8192

/* Names that part on the way to a place that is often used: so many lines stay in the caches
 * (docs/PERFORMANCE.md has what was tried). */
#define NEAR 512

bool ahead_begin(struct ahead *ahead, const struct view *view)
{
	if (ahead->view != view->number) {
		ahead->view = view->number;
		ahead->zone_count = 0;
		for (unsigned i = 0; i < view->zone_count && ahead->zone_count < AHEAD_ZONES; i++)
			if (view->zones[i]->nodes.count >= LARGE)
				ahead->zones[ahead->zone_count++] = view->zones[i];
	}
	ahead->told = 0;
	for (unsigned i = 0; i < AHEAD_DISTANCE && ahead->zone_count; i++) {
		ahead->messages[i].at = NULL;
		ahead->messages[i].node = NULL;
	}
	return ahead->zone_count > 0;
}

/* The zone that a name is in, if it is a large one. Zones within zones are not looked at: at worst the wrong
 * places are read. */
static const struct zone *zone_of(const struct ahead *ahead, const struct name_key *key)
{
	for (unsigned i = 0; i < ahead->zone_count; i++) {
		const struct zone *zone = ahead->zones[i];
		if (name_key_within(key, zone->name, zone->name_len))
			return zone;
	}
	return NULL;
}

/* The first step: the question, and the walk as far as it stays among places that are often used. */
static void begin(const struct ahead *ahead, struct ahead_message *message, const uint8_t *octets,
                  size_t len)
{
	message->at = NULL;
	message->node = NULL;
	if (len < MESSAGE_HEADER || wire_get16(octets + 4) != 1)
		return;
	const size_t name_len = name_key(&message->key, octets + MESSAGE_HEADER, len - MESSAGE_HEADER);
	if (!name_len)
		return;
	name_fold(message->name, octets + MESSAGE_HEADER, name_len);
	message->key.name = message->name;
	const struct zone *zone = zone_of(ahead, &message->key);
	if (zone)
		message->at = trie_ahead(&zone->nodes.root, &message->key, NEAR);
}

/* The next step: one more branch, the node at the end of the walk, or its sets. */
static void go_on(struct ahead_message *message)
{
	const struct node *node = message->node;
	if (message->at) {
		message->node = trie_value(message->at);
		message->at = message->node ? NULL : trie_ahead(message->at, &message->key, 1);
		if (message->node) { /* its name may reach into the next line */
			__builtin_prefetch(message->node);
			__builtin_prefetch((const char *)message->node + 64);
		}
	} else if (node) {
		message->node = NULL;
		for (unsigned i = 0; i < node->rrset_count && i < NODE_INSIDE; i++) {
			__builtin_prefetch(node->rrsets[i]);
			__builtin_prefetch((const char *)node->rrsets[i] + 64);
		}
	}
}

void ahead_tell(struct ahead *ahead, const uint8_t *octets, size_t len)
{
	for (unsigned i = 0; i < AHEAD_DISTANCE; i++)
		go_on(&ahead->messages[i]);
	begin(ahead, &ahead->messages[ahead->told++ % AHEAD_DISTANCE], octets, len);
}
