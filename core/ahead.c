/* Reading ahead; see ahead.h. */
#include "core/ahead.h"

#include "core/message.h"
#include "core/wire.h"

/* Names from which a zone counts as large: about 200 octets each, more than half of a second-level cache. */
#define LARGE 8192

/* Names that part on the way to a place that is often used. The arrays above it are a few hundred KiB and stay in
 * a second-level cache, and of a million names the steps that are left, two branches, the node and its sets, end
 * before the turn. With 512 the sets of 200,000 names were never asked for. */
#define NEAR 32768

/* When a message is told of, the one before it is looked for in the memo, and of the one this many before
 * the set is asked for: a lead takes as long to come as an answer takes. */
#define SET_AFTER 3

static void forget(struct ahead_message *message)
{
	message->glimpse.octets = NULL;
	message->lead = NULL;
	message->at = NULL;
	message->node = NULL;
}

void ahead_begin(struct ahead *ahead, struct memo *memo, const struct view *view)
{
	if (ahead->view != view->number) {
		ahead->view = view->number;
		ahead->zone_count = 0;
		for (unsigned i = 0; i < view->zone_count && ahead->zone_count < AHEAD_ZONES; i++)
			if (view->zones[i]->nodes.count >= LARGE)
				ahead->zones[ahead->zone_count++] = view->zones[i];
	}
	ahead->memo = memo;
	ahead->forwards = view->forwards && ahead->elsewhere.index;
	ahead->told = 0;
	for (unsigned i = 0; i < AHEAD_SLOTS; i++)
		forget(&ahead->messages[i]);
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

/* The first step: the question, and where the memo would have it. */
static void begin(const struct ahead *ahead, struct ahead_message *message, const uint8_t *octets,
                  size_t len)
{
	forget(message);
	if (octets && message_ahead(&message->glimpse, octets, len))
		message->glimpse.hash = memo_hash(ahead->memo, &message->glimpse.question);
	else
		message->glimpse.octets = NULL;
}

/* The second: what is remembered, or the walk as far as it stays among places that are often used. */
static void recall(const struct ahead *ahead, struct ahead_message *message)
{
	const struct glimpse *glimpse = &message->glimpse;
	if (!glimpse->octets)
		return;
	if (ahead->forwards)
		ahead->elsewhere.index(ahead->elsewhere.store, glimpse->hash);
	message->lead = memo_likely(ahead->memo, glimpse->hash);
	const struct zone *zone = message->lead ? NULL : zone_of(ahead, &glimpse->key);
	if (zone)
		message->at = trie_ahead(&zone->nodes.root, &glimpse->key, NEAR);
}

static void read_set(const struct rrset *set)
{
	__builtin_prefetch(set);
	__builtin_prefetch((const char *)set + 64);
}

/* Behind the lead that was recalled: the set, or the answer that is kept elsewhere. */
static void read_answer(const struct ahead *ahead, const struct ahead_message *message)
{
	const struct lead *lead = message->lead;
	if (lead && lead->set)
		read_set(lead->set);
	else if (ahead->forwards && message->glimpse.octets)
		ahead->elsewhere.answer(ahead->elsewhere.store, message->glimpse.hash);
}

/* Each step of a walk: one more branch, the node at its end, or the node's sets. */
static void walk_on(struct ahead_message *message)
{
	const struct node *node = message->node;
	if (message->at) {
		message->node = trie_value(message->at);
		message->at = message->node ? NULL : trie_ahead(message->at, &message->glimpse.key, 1);
		if (message->node) { /* its name may reach into the next line */
			__builtin_prefetch(message->node);
			__builtin_prefetch((const char *)message->node + 64);
		}
	} else if (node) {
		message->node = NULL;
		for (unsigned i = 0; i < node->rrset_count && i < NODE_INSIDE; i++)
			read_set(node->rrsets[i]);
	}
}

static struct ahead_message *slot(struct ahead *ahead, unsigned before)
{
	return &ahead->messages[(ahead->told - before) % AHEAD_SLOTS];
}

void ahead_tell(struct ahead *ahead, const uint8_t *octets, size_t len)
{
	read_answer(ahead, slot(ahead, SET_AFTER));
	for (unsigned i = 0; i < AHEAD_SLOTS && ahead->zone_count > 0; i++)
		walk_on(&ahead->messages[i]);
	recall(ahead, slot(ahead, 1));
	begin(ahead, slot(ahead, 0), octets, len);
	ahead->told++;
}

const struct glimpse *ahead_glimpse(const struct ahead *ahead, const uint8_t *octets)
{
	const struct glimpse *glimpse = &ahead->messages[(ahead->told - 1 - AHEAD_DISTANCE) % AHEAD_SLOTS].glimpse;
	return glimpse->octets == octets ? glimpse : NULL;
}
