/*
 * The registry; see registry.h.
 *
 * A registration stands in the list of its name and in that of its owner, and, if it is leased, in a heap by the
 * end of its lease. Changes put registrations in and take them out; those taken out are kept until
 * the fate of the edit is known.
 */
#include "content/registry.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "content/commit.h"
#include "content/parts.h"
#include "content/reverse.h"
#include "core/address.h"
#include "core/report.h"
#include "core/zone_edit.h"

/* Containers come back with other addresses within seconds. */
#define REGISTERED_TTL 5
#define OWNER_MAX 255
#define NEVER UINT64_MAX

/* Names and owners live as long as a registration, in or taken out, is theirs. */
struct registered {
	LIST_HEAD(, registration) registrations;
	size_t uses;
	uint8_t name_len;
	uint8_t name[];
};

struct owner {
	LIST_HEAD(, registration) registrations;
	size_t uses;
	struct owner *next;              /* in its bucket */
	uint64_t hash;
	uint8_t len;
	char text[];
};

struct registration {
	LIST_ENTRY(registration) of_name, of_owner;
	TAILQ_ENTRY(registration) of_change;
	struct registered *name;
	struct owner *owner;
	uint64_t ends_ms;                /* NEVER: no lease */
	size_t heap_at;
	unsigned tier;
	uint16_t address_count;
	struct zone_address addresses[];
};

struct registry {
	pthread_mutex_t lock;            /* taken under the lock of those who publish, or alone */
	struct trie names;               /* struct registered */
	struct owner **buckets;
	size_t bucket_count, owner_count;
	struct registration **leases;    /* a heap: none ends before the one at (i - 1) / 2 */
	size_t lease_count, lease_room;
	_Atomic(uint64_t) due_ms;        /* when the first lease ends; NEVER */
};

/* ------------------------------------------------------------------------------------------------
 * Time
 */

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void place(struct registry *registry, size_t at, struct registration *lease)
{
	registry->leases[at] = lease;
	lease->heap_at = at;
}

static void rise(struct registry *registry, size_t at, struct registration *lease)
{
	for (; at > 0 && registry->leases[(at - 1) / 2]->ends_ms > lease->ends_ms; at = (at - 1) / 2)
		place(registry, at, registry->leases[(at - 1) / 2]);
	place(registry, at, lease);
}

static void sink(struct registry *registry, size_t at, struct registration *lease)
{
	for (size_t child; (child = 2 * at + 1) < registry->lease_count; at = child) {
		struct registration *const *leases = registry->leases;
		if (child + 1 < registry->lease_count && leases[child + 1]->ends_ms < leases[child]->ends_ms)
			child++;
		if (leases[child]->ends_ms >= lease->ends_ms)
			break;
		place(registry, at, leases[child]);
	}
	place(registry, at, lease);
}

static void note_due(struct registry *registry)
{
	atomic_store(&registry->due_ms, registry->lease_count ? registry->leases[0]->ends_ms : NEVER);
}

static void lease_out(struct registry *registry, struct registration *lease)
{
	if (lease->ends_ms == NEVER)
		return;
	struct registration *last = registry->leases[--registry->lease_count];
	if (last != lease) {
		sink(registry, lease->heap_at, last);
		rise(registry, last->heap_at, last);
	}
	note_due(registry);
}

/* There is room: see reserve_lease(). */
static void lease_in(struct registry *registry, struct registration *lease)
{
	if (lease->ends_ms == NEVER)
		return;
	rise(registry, registry->lease_count++, lease);
	note_due(registry);
}

static bool reserve_lease(struct registry *registry)
{
	if (registry->lease_count < registry->lease_room)
		return true;
	size_t room = registry->lease_room ? 2 * registry->lease_room : 64;
	struct registration **leases = realloc(registry->leases, room * sizeof(struct registration *));
	if (!leases)
		return false;
	registry->leases = leases;
	registry->lease_room = room;
	return true;
}

uint32_t registry_due(const struct registry *registry, uint32_t most)
{
	uint64_t due = atomic_load(&registry->due_ms), now = now_ms();
	return due <= now ? 0 : due - now < most ? (uint32_t)(due - now) : most;
}

/* ------------------------------------------------------------------------------------------------
 * Names and owners
 */

static struct trie_name registered_name(const void *value)
{
	const struct registered *name = value;
	return (struct trie_name){ name->name, name->name_len };
}

static struct registered *name_of(struct registry *registry, const uint8_t *text)
{
	struct registered *name = trie_get(&registry->names, text);
	if (name)
		return name;
	size_t len = name_len(text);
	name = calloc(1, sizeof(*name) + len);
	if (!name)
		return NULL;
	name->name_len = (uint8_t)len;
	memcpy(name->name, text, len);
	if (trie_set(&registry->names, name->name, name) == MIST_OK)
		return name;
	free(name);
	return NULL;
}

static void free_retired(void *user, void *name)
{
	(void)user;
	free(name);
}

/* The trie has one version only, so what is removed is freed at once. A name that cannot be removed for want
 * of memory says nothing. */
static void drop_name(struct registry *registry, struct registered *name)
{
	if (--name->uses == 0 && trie_remove(&registry->names, name->name) == MIST_OK)
		trie_retire(&registry->names, free_retired, NULL);
}

static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a: owners are named by the host, not by strangers */
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)text[i]) * 1099511628211u;
	return hash ^ hash >> 32;
}

static struct owner **find_owner(const struct registry *registry, const char *text, size_t len)
{
	uint64_t hash = hash_of(text, len);
	struct owner **link = &registry->buckets[hash & (registry->bucket_count - 1)];
	while (*link && ((*link)->hash != hash || (*link)->len != len || memcmp((*link)->text, text, len)))
		link = &(*link)->next;
	return link;
}

/* Failing is no matter: buckets are longer then. */
static void grow_buckets(struct registry *registry)
{
	size_t count = 2 * registry->bucket_count;
	struct owner **buckets = calloc(count, sizeof(*buckets));
	if (!buckets)
		return;
	for (size_t i = 0; i < registry->bucket_count; i++) {
		for (struct owner *owner = registry->buckets[i], *next; owner; owner = next) {
			next = owner->next;
			owner->next = buckets[owner->hash & (count - 1)];
			buckets[owner->hash & (count - 1)] = owner;
		}
	}
	free(registry->buckets);
	registry->buckets = buckets;
	registry->bucket_count = count;
}

static struct owner *owner_of(struct registry *registry, const char *text)
{
	size_t len = strlen(text);
	if (registry->owner_count >= registry->bucket_count)
		grow_buckets(registry);
	struct owner **link = find_owner(registry, text, len);
	struct owner *owner = *link;
	if (owner)
		return owner;
	owner = calloc(1, sizeof(*owner) + len);
	if (!owner)
		return NULL;
	owner->hash = hash_of(text, len);
	owner->len = (uint8_t)len;
	memcpy(owner->text, text, len);
	*link = owner;
	registry->owner_count++;
	return owner;
}

static void drop_owner(struct registry *registry, struct owner *owner)
{
	if (--owner->uses > 0)
		return;
	*find_owner(registry, owner->text, owner->len) = owner->next;
	registry->owner_count--;
	free(owner);
}

/* Gives a registration its name and owner. */
static int belong(struct registry *registry, struct registration *registration, const uint8_t *name_text,
                  const char *owner_text)
{
	struct registered *name = name_of(registry, name_text);
	if (!name)
		return MIST_ENOMEM;
	name->uses++;
	struct owner *owner = owner_of(registry, owner_text);
	if (!owner) {
		drop_name(registry, name);
		return MIST_ENOMEM;
	}
	owner->uses++;
	registration->name = name;
	registration->owner = owner;
	return MIST_OK;
}

static void free_registration(struct registry *registry, struct registration *registration)
{
	if (registration->name) {
		drop_name(registry, registration->name);
		drop_owner(registry, registration->owner);
	}
	free(registration);
}

/* The registration of a name by an owner, or NULL. */
static struct registration *find(const struct registered *name, const struct owner *owner)
{
	struct registration *registration;
	LIST_FOREACH(registration, &name->registrations, of_name) {
		if (registration->owner == owner)
			return registration;
	}
	return NULL;
}

static void put_in(struct registry *registry, struct registration *registration)
{
	LIST_INSERT_HEAD(&registration->name->registrations, registration, of_name);
	LIST_INSERT_HEAD(&registration->owner->registrations, registration, of_owner);
	lease_in(registry, registration);
}

/* It may come back. */
static void take_out(struct registry *registry, struct registration *registration)
{
	LIST_REMOVE(registration, of_name);
	LIST_REMOVE(registration, of_owner);
	lease_out(registry, registration);
}

/* ------------------------------------------------------------------------------------------------
 * What zones say
 */

static struct mist_zone *registry_zone(const struct mist_content *content, const uint8_t *name)
{
	struct mist_zone *zone = content_zone_around(content, name, false);
	return zone && zone->registry && !zone->zone->failed ? zone : NULL;
}

/* The addresses of the owners in the lowest tier; NULL in `*set`: none of this kind. */
static int make_set(const struct registered *name, uint16_t type, struct rrset **set)
{
	const unsigned len = type == TYPE_A ? 4 : 16;
	const struct registration *registration;
	unsigned tier = UINT32_MAX;
	_Bool too_large = false;

	*set = NULL;
	LIST_FOREACH(registration, &name->registrations, of_name)
		tier = registration->tier < tier ? registration->tier : tier;
	LIST_FOREACH(registration, &name->registrations, of_name) {
		for (unsigned i = 0; i < registration->address_count && registration->tier == tier; i++) {
			const struct zone_address *address = &registration->addresses[i];
			if (address->len != len)
				continue;
			struct rrset *with = rrset_with(*set, type, REGISTERED_TTL, address->octets, address->len,
			                                &too_large);
			free(*set);
			*set = with;
			if (!with)
				return too_large ? MIST_ELIMIT : MIST_ENOMEM;
		}
	}
	if (*set)
		(*set)->flags = (*set)->count > 1 ? RRSET_REGISTERED : RRSET_REGISTERED | RRSET_PLAIN_COPY;
	return MIST_OK;
}

static bool holds(const struct rrset *set, const struct record *record)
{
	return set && rrset_has(set, record->rdata, record->rdata_len);
}

/* From the addresses that are new back to the name, and from those that are not any more. An address that
 * points already may do so twice. */
static int say_reverse(const struct registered *name, const struct mist_content *content,
                       const struct rrset *old, const struct rrset *set, struct edit *edit)
{
	struct record record;
	int error = MIST_OK;
	for (size_t at = 0; old && !error && rrset_next(old, old->len, &at, &record);) {
		if (!holds(set, &record))
			error = reverse_point(edit, content, record.rdata, record.rdata_len, name->name, false);
	}
	for (size_t at = 0; set && !error && rrset_next(set, set->len, &at, &record);)
		error = reverse_point(edit, content, record.rdata, record.rdata_len, name->name, true);
	return error;
}

/* Addresses that nobody registered. */
static bool is_own(const struct rrset *set)
{
	return set && !(set->flags & RRSET_REGISTERED);
}

/* What follows for a name in this content. What the zone has of its own there stays. */
static int say(const struct registered *name, const struct mist_content *content, struct edit *edit)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	const struct mist_zone *zone = registry_zone(content, name->name);
	int error = MIST_OK;

	edit->points_back = true;
	for (unsigned i = 0; zone && i < 2 && !error; i++) {
		const struct zone *now = content_newest(zone);
		const struct rrset *old = zone_data(now, zone_node(now, name->name), types[i]);
		struct rrset *set;
		if (is_own(old))
			continue;
		error = make_set(name, types[i], &set);
		if (!error)
			error = say_reverse(name, content, old, set, edit);
		if (!error)
			error = edit_replace_set(edit, zone->zone->name, name->name, types[i], set);
		free(set);
	}
	return error;
}

/* Whether something is said of a name. A zone that was described anew may have no room for it. */
static bool is_said(const struct registered *name, const struct mist_content *content)
{
	const struct mist_zone *zone = registry_zone(content, name->name);
	const struct node *node = zone ? zone_node(content_newest(zone), name->name) : NULL;
	for (unsigned i = 0; node && i < node->rrset_count; i++) {
		if (node->rrsets[i]->flags & RRSET_REGISTERED)
			return true;
	}
	return false;
}

static bool has_own_addresses(const struct mist_zone *zone, const uint8_t *name)
{
	const struct zone *now = content_newest(zone);
	const struct node *node = zone_node(now, name);
	return is_own(zone_data(now, node, TYPE_A)) || is_own(zone_data(now, node, TYPE_AAAA));
}

/* Addresses that the zone has of its own would be lost with the last owner. */
static int check_free(const struct mist_zone *zone, const uint8_t *name, struct edit *edit)
{
	char text[NAME_TEXT_MAX];

	if (!has_own_addresses(zone, name))
		return MIST_OK;
	name_to_text(text, name);
	edit_note(edit, MIST_LEVEL_ERROR, "%s: the zone has addresses there that nobody registered; remove them, "
	          "or register another name", text);
	return MIST_ECONFLICT;
}

/* ------------------------------------------------------------------------------------------------
 * Changes
 */

struct registry_change {
	struct registry *registry;
	struct mist_content *const *content;
	struct edit *edit;
	struct registration *added;      /* NULL: none */
	TAILQ_HEAD(, registration) removed;
	bool done;                       /* and not undone */
	bool sooner;
	int (*apply)(struct registry_change *change, struct edit *edit);
	bool has_name, relative;
	uint8_t name[NAME_MAX];          /* lower case */
	char owner[OWNER_MAX + 1];
};

/* The name as it is in the content: completed, if it is a relative one. */
static int complete_name(struct registry_change *change, const struct mist_content *content,
                         struct mist_zone **zone)
{
	uint8_t *name = change->name;
	*zone = registry_zone(content, name);
	if (*zone)
		return MIST_OK;
	struct mist_zone *around = content_zone_around(content, name, false);
	if (!change->relative || (around && around->registry)) {
		edit_note(change->edit, MIST_LEVEL_ERROR, "%s", around && around->registry
		          ? "the registry zone around the name did not load" : "there is no registry zone around the name");
		return around && around->registry ? MIST_ECONFLICT : MIST_ENOTFOUND;
	}
	if (content->registry_count != 1) {
		edit_note(change->edit, MIST_LEVEL_ERROR, content->registry_count ? "there are several registry zones; "
		          "give the name with its zone" : "no zone is a registry; give one `registry: true`");
		return MIST_EINVAL;
	}
	*zone = content->registries[0];
	const struct zone *only = (*zone)->zone;
	size_t len = name_len(name) - 1;
	if (len + only->name_len > NAME_MAX)
		return MIST_ENAME;
	memcpy(name + len, only->name, only->name_len);
	return (*zone)->zone->failed ? MIST_ECONFLICT : MIST_OK;
}

static void remove_one(struct registry_change *change, struct registration *registration)
{
	take_out(change->registry, registration);
	TAILQ_INSERT_TAIL(&change->removed, registration, of_change);
}

static int apply_registration(struct registry_change *change, struct edit *edit)
{
	struct registry *registry = change->registry;
	const struct mist_content *content = *change->content;
	struct registration *added = change->added;
	struct mist_zone *zone;
	int error = complete_name(change, content, &zone);

	if (!error)
		error = check_free(zone, change->name, edit);
	if (error)
		return error;
	if (!reserve_lease(registry) || belong(registry, added, change->name, change->owner))
		return MIST_ENOMEM;
	struct registration *before = find(added->name, added->owner);
	if (before)
		remove_one(change, before);
	uint64_t due = atomic_load(&registry->due_ms);
	put_in(registry, added);
	change->sooner = atomic_load(&registry->due_ms) < due;
	change->done = true;
	return say(added->name, content, edit);
}

static int say_removed(struct registry_change *change, struct edit *edit)
{
	const struct registration *registration;
	int error = MIST_OK;
	TAILQ_FOREACH(registration, &change->removed, of_change) {
		if (!error && is_said(registration->name, *change->content))
			error = say(registration->name, *change->content, edit);
	}
	return error;
}

static int apply_deregistration(struct registry_change *change, struct edit *edit)
{
	struct registry *registry = change->registry;
	struct owner *owner = *find_owner(registry, change->owner, strlen(change->owner));
	struct registration *registration, *next;
	struct mist_zone *zone;

	if (change->has_name && owner) {
		/* Its zone may be gone. */
		if (complete_name(change, *change->content, &zone) == MIST_ENAME)
			return MIST_ENAME;
		const struct registered *name = trie_get(&registry->names, change->name);
		registration = name ? find(name, owner) : NULL;
		if (registration)
			remove_one(change, registration);
	} else if (owner) {
		for (registration = LIST_FIRST(&owner->registrations); registration; registration = next) {
			next = LIST_NEXT(registration, of_owner);
			remove_one(change, registration);
		}
	}
	change->done = true;
	return TAILQ_EMPTY(&change->removed) ? MIST_ENOTFOUND : say_removed(change, edit);
}

static int apply_expiry(struct registry_change *change, struct edit *edit)
{
	struct registry *registry = change->registry;
	const uint64_t now = now_ms();

	for (unsigned i = 0; i < REGISTRY_EXPIRE_MAX && atomic_load(&registry->due_ms) <= now; i++)
		remove_one(change, registry->leases[0]);
	change->done = true;
	return say_removed(change, edit);
}

/* ------------------------------------------------------------------------------------------------
 * Describing changes
 */

static int prepare(struct edit *edit, void *user)
{
	struct registry_change *change = user;
	pthread_mutex_lock(&change->registry->lock);
	int error = change->apply(change, edit);
	pthread_mutex_unlock(&change->registry->lock);
	return error;
}

/* As it was before. */
static void undo(struct edit *edit, void *user)
{
	struct registry_change *change = user;
	struct registration *registration;
	(void)edit;
	if (!change->done)
		return;
	pthread_mutex_lock(&change->registry->lock);
	change->done = false;
	if (change->added)
		take_out(change->registry, change->added);
	TAILQ_FOREACH(registration, &change->removed, of_change)
		put_in(change->registry, registration);
	pthread_mutex_unlock(&change->registry->lock);
}

static int change_new(struct registry_change **made, struct registry *registry,
                      struct mist_content *const *content,
                      int (*apply)(struct registry_change *change, struct edit *edit))
{
	struct registry_change *change = calloc(1, sizeof(*change));
	if (!change)
		return MIST_ENOMEM;
	if (edit_new(&change->edit)) {
		free(change);
		return MIST_ENOMEM;
	}
	change->edit->passing = true; /* owners register anew after a restart */
	TAILQ_INIT(&change->removed);
	change->registry = registry;
	change->content = content;
	change->apply = apply;
	change->edit->prepare = prepare;
	change->edit->undo = undo;
	change->edit->user = change;
	*made = change;
	return MIST_OK;
}

static int take_owner(struct registry_change *change, const char *owner)
{
	if (!owner || !*owner || strlen(owner) > OWNER_MAX)
		return MIST_EINVAL;
	strcpy(change->owner, owner);
	return MIST_OK;
}

/* A wildcard is no name that somebody has. */
static int take_name(struct registry_change *change, const char *name)
{
	size_t len = name ? strlen(name) : 0;
	if (!len || !name_from_text(change->name, name))
		return MIST_ENAME;
	name_lower(change->name, change->name);
	change->has_name = true;
	change->relative = name[len - 1] != '.';
	return change->name[0] == 0 || name_is_wildcard(change->name) ? MIST_ENAME : MIST_OK;
}

static int take_addresses(struct registry_change *change, const struct mist_registration *wanted)
{
	const size_t count = wanted->address_count;
	/* A set takes no more records than options allow, 65,535 octets at most. */
	if (count == 0 || count > UINT16_MAX || !wanted->addresses)
		return MIST_EINVAL;
	struct registration *added = calloc(1, sizeof(*added) + count * sizeof(added->addresses[0]));
	if (!added)
		return MIST_ENOMEM;
	change->added = added;
	added->tier = wanted->tier;
	added->ends_ms = wanted->lease_ms ? now_ms() + wanted->lease_ms : NEVER;
	for (size_t i = 0; i < count; i++) {
		struct zone_address *address = &added->addresses[added->address_count++];
		address->len = wanted->addresses[i]
		             ? (uint8_t)address_from_text(wanted->addresses[i], address->octets) : 0;
		if (!address->len)
			return MIST_EINVAL;
	}
	return MIST_OK;
}

int registry_register(struct registry_change **made, struct registry *registry,
                      struct mist_content *const *content, const struct mist_registration *registration)
{
	struct registry_change *change;
	int error = change_new(&change, registry, content, apply_registration);
	if (error)
		return error;
	error = take_owner(change, registration->owner);
	if (!error)
		error = take_name(change, registration->name);
	if (!error)
		error = take_addresses(change, registration);
	if (error)
		registry_end(change, NULL);
	else
		*made = change;
	return error;
}

int registry_deregister(struct registry_change **made, struct registry *registry,
                        struct mist_content *const *content, const char *owner, const char *name)
{
	struct registry_change *change;
	int error = change_new(&change, registry, content, apply_deregistration);
	if (error)
		return error;
	error = take_owner(change, owner);
	if (!error && name)
		error = take_name(change, name);
	if (error)
		registry_end(change, NULL);
	else
		*made = change;
	return error;
}

int registry_expire(struct registry_change **made, struct registry *registry,
                    struct mist_content *const *content)
{
	return change_new(made, registry, content, apply_expiry);
}

struct edit *registry_edit(struct registry_change *change)
{
	return change->edit;
}

void registry_end(struct registry_change *change, bool *expiry_sooner)
{
	struct registry *registry = change->registry;
	struct registration *registration;

	if (expiry_sooner)
		*expiry_sooner = change->done && change->sooner;
	/* What never came into the registry needs no lock; who calls from a reporter may hold it (registry_restore()). */
	const bool was_in = change->done || (change->added && change->added->name);
	if (was_in)
		pthread_mutex_lock(&registry->lock);
	if (!change->done && change->added)
		free_registration(registry, change->added);
	while (change->done && (registration = TAILQ_FIRST(&change->removed))) {
		TAILQ_REMOVE(&change->removed, registration, of_change);
		free_registration(registry, registration);
	}
	if (was_in)
		pthread_mutex_unlock(&registry->lock);
	edit_free(change->edit);
	free(change);
}

/* ------------------------------------------------------------------------------------------------
 * Another content
 */

struct restoring {
	const struct mist_content *content;
	struct edit *one;                /* all names in one edit, or NULL: */
	struct edit *first, **last;      /* one each */
};

static int restore_name(void *user, void *value)
{
	struct restoring *restoring = user;
	const struct registered *name = value;
	const struct mist_zone *zone = registry_zone(restoring->content, name->name);
	struct edit *edit = restoring->one;
	if (LIST_EMPTY(&name->registrations))
		return MIST_OK;
	if (edit && zone && has_own_addresses(zone, name->name)) {
		char text[NAME_TEXT_MAX];
		name_to_text(text, name->name);
		report(&restoring->content->options.reporter, MIST_LEVEL_WARNING, zone->zone->file, 0,
		       "%s is registered, and now the zone has addresses of its own there, which are answered instead", text);
	}
	if (!edit) {
		int error = edit_new(&edit);
		if (error)
			return error;
		edit->passing = true;
		*restoring->last = edit;
		restoring->last = &edit->next;
	}
	return say(name, restoring->content, edit);
}

static int commit_restored(struct mist_content *content, struct edit *edits, uint32_t now_s,
                           uint64_t *signatures)
{
	struct commit commit;
	int error = commit_prepare(&commit, content, NULL, edits, now_s);
	if (error)
		return error;
	commit_accept(&commit);
	*signatures += commit.signatures;
	return MIST_OK;
}

/* Names that do not go into the zone any more must not keep the others out. */
static int restore_each(const struct registry *registry, struct mist_content *content, uint32_t now_s,
                        uint64_t *signatures)
{
	struct restoring restoring = { .content = content };
	restoring.last = &restoring.first;
	int error = trie_each(&registry->names, restore_name, &restoring);
	if (!error && restoring.first)
		error = commit_restored(content, restoring.first, now_s, signatures);
	for (struct edit *edit = restoring.first, *next; edit; edit = next) {
		next = edit->next;
		if (edit->error && !error)
			report(&content->options.reporter, MIST_LEVEL_ERROR, NULL, 0,
			       "a registered name cannot be answered: %s", edit_reason(edit));
		edit_free(edit);
	}
	return error;
}

int registry_restore(struct registry *registry, struct mist_content *content, uint32_t now_s,
                     uint64_t *signatures)
{
	struct restoring restoring = { .content = content };
	if (content->registry_count == 0)
		return MIST_OK;
	pthread_mutex_lock(&registry->lock);
	int error = edit_new(&restoring.one);
	if (!error)
		error = trie_each(&registry->names, restore_name, &restoring);
	if (!error && restoring.one->count) {
		restoring.one->passing = true;
		error = commit_restored(content, restoring.one, now_s, signatures);
	}
	if (!error && restoring.one->error)
		error = restore_each(registry, content, now_s, signatures);
	edit_free(restoring.one);
	pthread_mutex_unlock(&registry->lock);
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * The whole
 */

int registry_new(struct registry **made)
{
	struct registry *registry = calloc(1, sizeof(*registry));
	if (!registry)
		return MIST_ENOMEM;
	registry->bucket_count = 64;
	registry->buckets = calloc(registry->bucket_count, sizeof(struct owner *));
	if (!registry->buckets) {
		free(registry);
		return MIST_ENOMEM;
	}
	pthread_mutex_init(&registry->lock, NULL);
	trie_init(&registry->names, registered_name, NULL);
	atomic_init(&registry->due_ms, NEVER);
	*made = registry;
	return MIST_OK;
}

static void free_name(void *user, void *value)
{
	(void)user;
	struct registered *name = value;
	struct registration *registration;
	while ((registration = LIST_FIRST(&name->registrations))) {
		LIST_REMOVE(registration, of_name);
		free(registration);
	}
	free(name);
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	trie_free(&registry->names, free_name, NULL);
	for (size_t i = 0; i < registry->bucket_count; i++) {
		for (struct owner *owner = registry->buckets[i], *next; owner; owner = next) {
			next = owner->next;
			free(owner);
		}
	}
	free(registry->buckets);
	free(registry->leases);
	pthread_mutex_destroy(&registry->lock);
	free(registry);
}
