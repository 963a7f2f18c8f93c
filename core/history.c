/*
 * See history.h. The changes of each version are one piece of memory, a part, that is never changed and
 * goes with its last holder.
 */
#include "core/history.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/type.h"
#include "core/wire.h"
#include "core/zone_diff.h"
#include "core/zone_walk.h"

#define FIXED 10 /* octets of a record between owner and data */

struct history_part {
	_Atomic(unsigned) references;
	uint32_t from, to;
	size_t removed, len;         /* octets of records that are gone, which come first, and of all */
	uint8_t octets[];
};

struct history {
	_Atomic(unsigned) references;
	size_t bytes_max;
	pthread_mutex_t lock;        /* of all below */
	size_t bytes;
	unsigned first, count;
	struct history_part *parts[HISTORY_PARTS_MAX]; /* a ring, the oldest first */
};

/* ---- parts ---- */

static void part_release(struct history_part *part)
{
	if (atomic_fetch_sub(&part->references, 1) == 1)
		free(part);
}

static void drop_oldest(struct history *history)
{
	struct history_part *part = history->parts[history->first];

	history->first = (history->first + 1) % HISTORY_PARTS_MAX;
	history->count--;
	history->bytes -= part->len;
	part_release(part);
}

static struct history_part *part_at(const struct history *history, unsigned index)
{
	return history->parts[(history->first + index) % HISTORY_PARTS_MAX];
}

int history_new(struct history **history, size_t bytes)
{
	struct history *made = calloc(1, sizeof(*made));
	if (!made)
		return MIST_ENOMEM;
	atomic_init(&made->references, 1);
	made->bytes_max = bytes ? bytes : HISTORY_BYTES;
	pthread_mutex_init(&made->lock, NULL);
	*history = made;
	return MIST_OK;
}

struct history *history_hold(struct history *history)
{
	if (history)
		atomic_fetch_add_explicit(&history->references, 1, memory_order_relaxed);
	return history;
}

void history_release(struct history *history)
{
	if (!history || atomic_fetch_sub(&history->references, 1) != 1)
		return;
	while (history->count)
		drop_oldest(history);
	pthread_mutex_destroy(&history->lock);
	free(history);
}

/* ---- noting ---- */

/* Octets that grow up to a limit. */
struct buffer {
	uint8_t *octets;
	size_t len, size, limit;
};

struct noting {
	struct buffer removed, added;
	const struct node *node;     /* whose set `was` is gone; what came in its place is compared with it */
	const struct rrset *was;
};

static int put_record(struct buffer *buffer, const uint8_t *owner, const struct record *record)
{
	const size_t owner_len = name_len(owner), len = owner_len + FIXED + record->rdata_len;
	if (len > buffer->limit - buffer->len)
		return MIST_ESPACE;
	if (buffer->len + len > buffer->size) {
		const size_t size = 2 * (buffer->len + len);
		uint8_t *octets = realloc(buffer->octets, size);
		if (!octets)
			return MIST_ENOMEM;
		buffer->octets = octets;
		buffer->size = size;
	}
	struct writer w = writer_on(buffer->octets + buffer->len, len);
	writer_put(&w, owner, owner_len);
	writer_u16(&w, record->type);
	writer_u16(&w, CLASS_IN);
	writer_u32(&w, record->ttl);
	writer_u16(&w, record->rdata_len);
	writer_put(&w, record->rdata, record->rdata_len);
	buffer->len += len;
	return MIST_OK;
}

static bool set_has(const struct rrset *set, const struct record *record)
{
	struct record other;
	for (size_t at = 0; set && rrset_next(set, set->full_len, &at, &other);)
		if (other.type == record->type && other.ttl == record->ttl &&
		    other.rdata_len == record->rdata_len &&
		    memcmp(other.rdata, record->rdata, record->rdata_len) == 0)
			return true;
	return false;
}

/* The records and signatures of one set that the other has not. The apex SOA goes before all others. */
static int put_set(struct buffer *buffer, const struct node *node, const struct rrset *set,
                   const struct rrset *other)
{
	struct record record;
	int error = MIST_OK;
	for (size_t at = 0; !error && rrset_next(set, set->full_len, &at, &record);)
		if (record.type != TYPE_SOA && !set_has(other, &record))
			error = put_record(buffer, node->name, &record);
	return error;
}

static int flush(struct noting *noting)
{
	const struct rrset *was = noting->was;
	noting->was = NULL;
	return was ? put_set(&noting->removed, noting->node, was, NULL) : MIST_OK;
}

/* Of zone_diff(): a set as it was comes right before the set as it is. */
static int note_set(void *user, bool removed, const struct node *node, const struct rrset *set)
{
	struct noting *noting = user;
	if (!zone_publishes(node, set))
		return MIST_OK;
	const struct rrset *was = noting->was;
	if (!removed && was && was->type == set->type && name_equal(noting->node->name, node->name)) {
		noting->was = NULL;
		const int error = put_set(&noting->removed, noting->node, was, set);
		return error ? error : put_set(&noting->added, node, set, was);
	}
	const int error = flush(noting);
	if (error)
		return error;
	if (!removed)
		return put_set(&noting->added, node, set, NULL);
	noting->node = node;
	noting->was = set;
	return MIST_OK;
}

static int put_soa(struct buffer *buffer, const struct zone *zone)
{
	struct record record;
	size_t at = 0;
	return rrset_next(zone->soa, zone->soa->len, &at, &record) ? put_record(buffer, zone->name, &record)
	                                                           : MIST_EZONE;
}

/* NULL: too large, or no memory. */
static struct history_part *part_new(const struct zone *older, const struct zone *newer, size_t limit)
{
	struct noting noting = { .removed.limit = limit, .added.limit = limit };
	struct history_part *part = NULL;
	int error = put_soa(&noting.removed, older);
	if (!error)
		error = put_soa(&noting.added, newer);
	if (!error)
		error = zone_diff(older, newer, note_set, &noting);
	if (!error)
		error = flush(&noting);
	const size_t len = noting.removed.len + noting.added.len;
	if (!error && len <= limit)
		part = malloc(sizeof(*part) + len);
	if (part) {
		*part = (struct history_part){ .references = 1, .from = older->serial, .to = newer->serial,
		                               .removed = noting.removed.len, .len = len };
		memcpy(part->octets, noting.removed.octets, noting.removed.len);
		memcpy(part->octets + noting.removed.len, noting.added.octets, noting.added.len);
	}
	free(noting.removed.octets);
	free(noting.added.octets);
	return part;
}

void history_note(struct history *history, const struct zone *older, const struct zone *newer)
{
	const bool whole = !older->failed && !newer->failed && (int32_t)(newer->serial - older->serial) > 0;
	struct history_part *part = whole ? part_new(older, newer, history->bytes_max) : NULL;

	pthread_mutex_lock(&history->lock);
	if (!part || (history->count && part_at(history, history->count - 1)->to != part->from)) {
		while (history->count)
			drop_oldest(history);
	}
	if (part) {
		while (history->count == HISTORY_PARTS_MAX || history->bytes + part->len > history->bytes_max)
			drop_oldest(history);
		history->parts[(history->first + history->count++) % HISTORY_PARTS_MAX] = part;
		history->bytes += part->len;
	}
	pthread_mutex_unlock(&history->lock);
}

/* ---- telling ---- */

struct record history_record(const uint8_t *octets, const uint8_t **owner)
{
	const uint8_t *fixed = octets + name_len(octets);
	*owner = octets;
	return (struct record){ .type = wire_get16(fixed), .ttl = wire_get32(fixed + 4),
	                        .rdata_len = wire_get16(fixed + 8), .rdata = fixed + FIXED };
}

static size_t record_len(const uint8_t *octets)
{
	const size_t name = name_len(octets);
	return name + FIXED + wire_get16(octets + name + 8);
}

/* A record that came or went, as often as it did. */
struct change {
	const uint8_t *octets;
	uint32_t len;
	int32_t sum;                 /* +1 came, -1 went */
};

static int compare_changes(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	const size_t common = x->len < y->len ? x->len : y->len;
	const int order = memcmp(x->octets, y->octets, common);
	return order ? order : (x->len > y->len) - (x->len < y->len);
}

static size_t count_records(const struct history_changes *changes)
{
	size_t count = 0;
	for (size_t i = 0; i < changes->part_count; i++)
		for (size_t at = 0; at < changes->parts[i]->len; at += record_len(changes->parts[i]->octets + at))
			count++;
	return count;
}

static void list_changes(const struct history_changes *changes, struct change *list)
{
	for (size_t i = 0; i < changes->part_count; i++) {
		const struct history_part *part = changes->parts[i];
		for (size_t at = 0; at < part->len;) {
			const size_t len = record_len(part->octets + at);
			*list++ = (struct change){ part->octets + at, (uint32_t)len, at < part->removed ? -1 : 1 };
			at += len;
		}
	}
}

/* What came and went again is no change. Returns how many are left. */
static size_t condense(struct change *list, size_t count)
{
	size_t kept = 0;
	qsort(list, count, sizeof(*list), compare_changes);
	for (size_t i = 0; i < count;) {
		struct change sum = list[i++];
		while (i < count && compare_changes(&sum, &list[i]) == 0)
			sum.sum += list[i++].sum;
		if (sum.sum)
			list[kept++] = sum;
	}
	return kept;
}

/* Those with this sum, the SOA first. */
static void collect(struct history_changes *changes, const struct change *list, size_t count, int32_t sum)
{
	const size_t first = changes->count;
	for (size_t i = 0; i < count; i++) {
		if (list[i].sum != sum)
			continue;
		const uint8_t *owner, **place = &changes->records[changes->count++];
		*place = list[i].octets;
		if (history_record(list[i].octets, &owner).type == TYPE_SOA) {
			*place = changes->records[first];
			changes->records[first] = list[i].octets;
		}
	}
}

static int tell(struct history_changes *changes)
{
	const size_t all = count_records(changes);
	struct change *list = malloc((all + 1) * sizeof(*list));
	if (!list)
		return MIST_ENOMEM;
	list_changes(changes, list);
	const size_t count = condense(list, all);
	changes->records = malloc((count + 1) * sizeof(*changes->records));
	if (changes->records) {
		collect(changes, list, count, -1);
		changes->removed = changes->count;
		collect(changes, list, count, 1);
	}
	free(list);
	return changes->records ? MIST_OK : MIST_ENOMEM;
}

/* Holds the parts that lead from one serial to the other. */
static int hold_parts(struct history *history, uint32_t from, uint32_t to, struct history_changes *changes)
{
	unsigned first = 0, last;
	while (first < history->count && part_at(history, first)->from != from)
		first++;
	for (last = first; last < history->count && part_at(history, last)->to != to;)
		last++;
	if (last >= history->count)
		return MIST_ENOTFOUND;
	changes->parts = malloc((last - first + 1) * sizeof(*changes->parts));
	if (!changes->parts)
		return MIST_ENOMEM;
	for (unsigned i = first; i <= last; i++) {
		struct history_part *part = part_at(history, i);
		atomic_fetch_add(&part->references, 1);
		changes->parts[changes->part_count++] = part;
	}
	return MIST_OK;
}

int history_since(struct history *history, uint32_t from, uint32_t to, struct history_changes *changes)
{
	*changes = (struct history_changes){ 0 };
	pthread_mutex_lock(&history->lock);
	int error = hold_parts(history, from, to, changes);
	pthread_mutex_unlock(&history->lock);
	if (!error)
		error = tell(changes);
	if (error)
		history_changes_free(changes);
	return error;
}

void history_changes_free(struct history_changes *changes)
{
	for (size_t i = 0; i < changes->part_count; i++)
		part_release(changes->parts[i]);
	free(changes->parts);
	free(changes->records);
	*changes = (struct history_changes){ 0 };
}
