/*
 * The registry; see registry.h. Changes put registrations into the table (registrations.h) and take them out, and
 * what zones say of their names follows (registered.h); those taken out are kept until the fate of the edit is
 * known.
 */
#include "content/registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "content/parts.h"
#include "content/registered.h"
#include "core/address.h"

struct registry {
	pthread_mutex_t lock;            /* taken under the lock of those who publish, or alone */
	struct registrations table;
	_Atomic(uint64_t) due_ms;        /* when the first lease ends; DUE_NEVER */
};

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint32_t registry_due(const struct registry *registry, uint32_t most)
{
	uint64_t due = atomic_load(&registry->due_ms), now = now_ms();
	return due <= now ? 0 : due - now < most ? (uint32_t)(due - now) : most;
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
	bool sooner;                     /* a lease ends before all others */
	int (*apply)(struct registry_change *change, struct edit *edit);
	bool has_name, relative;
	uint8_t name[NAME_MAX];          /* lower case */
	char owner[OWNER_MAX + 1];
};

/* The name as it is in the content. */
static int complete_name(struct registry_change *change, struct mist_zone **zone)
{
	const char *why;
	const int error = registered_complete(change->name, change->relative, *change->content, zone, &why);
	if (why)
		edit_note(change->edit, MIST_LEVEL_ERROR, "%s", why);
	return error;
}

static void remove_one(struct registry_change *change, struct registration *registration)
{
	registrations_take(&change->registry->table, registration);
	TAILQ_INSERT_TAIL(&change->removed, registration, of_change);
}

static int apply_registration(struct registry_change *change, struct edit *edit)
{
	struct registrations *table = &change->registry->table;
	struct registration *added = change->added;
	struct mist_zone *zone;
	int error = complete_name(change, &zone);

	if (!error)
		error = registered_check(zone, change->name, edit);
	if (!error)
		error = registrations_admit(table, added, change->name, change->owner);
	if (error)
		return error;
	struct registration *before = registrations_find(added->name, added->owner);
	if (before)
		remove_one(change, before);
	change->sooner = added->lease.at_ms < due_first_ms(&table->leases);
	registrations_put(table, added);
	change->done = true;
	return registered_say(added->name, *change->content, edit);
}

static int say_removed(struct registry_change *change, struct edit *edit)
{
	const struct registration *registration;
	int error = MIST_OK;
	TAILQ_FOREACH(registration, &change->removed, of_change) {
		if (!error && registered_is_said(registration->name, *change->content))
			error = registered_say(registration->name, *change->content, edit);
	}
	return error;
}

static int apply_deregistration(struct registry_change *change, struct edit *edit)
{
	const struct registrations *table = &change->registry->table;
	const struct owner *owner = registrations_owner(table, change->owner);
	struct registration *registration, *next;
	struct mist_zone *zone;

	if (change->has_name && owner) {
		/* Its zone may be gone. */
		if (complete_name(change, &zone) == MIST_ENAME)
			return MIST_ENAME;
		const struct registered *name = registrations_name(table, change->name);
		registration = name ? registrations_find(name, owner) : NULL;
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
	const uint64_t now = now_ms();
	struct registration *ended;

	for (unsigned i = 0; i < REGISTRY_EXPIRE_MAX && (ended = registrations_ended(&change->registry->table, now)); i++)
		remove_one(change, ended);
	change->done = true;
	return say_removed(change, edit);
}

/* ------------------------------------------------------------------------------------------------
 * Describing changes
 */

static void note_due(struct registry *registry)
{
	atomic_store(&registry->due_ms, due_first_ms(&registry->table.leases));
}

static int prepare(struct edit *edit, void *user)
{
	struct registry_change *change = user;
	pthread_mutex_lock(&change->registry->lock);
	int error = change->apply(change, edit);
	note_due(change->registry);
	pthread_mutex_unlock(&change->registry->lock);
	return error;
}

/* As it was before. */
static void undo(struct edit *edit, void *user)
{
	struct registry_change *change = user;
	struct registrations *table = &change->registry->table;
	struct registration *registration;
	(void)edit;
	if (!change->done)
		return;
	pthread_mutex_lock(&change->registry->lock);
	change->done = false;
	if (change->added)
		registrations_take(table, change->added);
	TAILQ_FOREACH(registration, &change->removed, of_change)
		registrations_put(table, registration);
	note_due(change->registry);
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
static int read_name(uint8_t name[NAME_MAX], bool *relative, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	if (!len || !name_from_text(name, text))
		return MIST_ENAME;
	name_lower(name, name);
	*relative = text[len - 1] != '.';
	return name[0] == 0 || name_is_wildcard(name) ? MIST_ENAME : MIST_OK;
}

static int take_name(struct registry_change *change, const char *name)
{
	change->has_name = true;
	return read_name(change->name, &change->relative, name);
}

static int take_addresses(struct registry_change *change, const struct mist_registration *wanted)
{
	const size_t count = wanted->address_count;
	/* A set takes no more records than options allow, 65,535 octets at most. */
	if (count == 0 || count > UINT16_MAX || !wanted->addresses)
		return MIST_EINVAL;
	struct registration *added = registration_new(count, wanted->tier,
	                                              wanted->lease_ms ? now_ms() + wanted->lease_ms : DUE_NEVER);
	if (!added)
		return MIST_ENOMEM;
	change->added = added;
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

int registry_name(const struct mist_content *content, const char *text, uint8_t name[NAME_MAX])
{
	struct mist_zone *zone;
	const char *why;
	bool relative;
	int error = read_name(name, &relative, text);
	return error ? error : registered_complete(name, relative, content, &zone, &why);
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
		registration_free(&registry->table, change->added);
	while (change->done && (registration = TAILQ_FIRST(&change->removed))) {
		TAILQ_REMOVE(&change->removed, registration, of_change);
		registration_free(&registry->table, registration);
	}
	if (was_in)
		pthread_mutex_unlock(&registry->lock);
	edit_free(change->edit);
	free(change);
}

/* ------------------------------------------------------------------------------------------------
 * The whole
 */

int registry_restore(struct registry *registry, struct mist_content *content, uint32_t now_s,
                     uint64_t *signatures)
{
	if (content->registry_count == 0)
		return MIST_OK;
	pthread_mutex_lock(&registry->lock);
	int error = registered_restore(&registry->table, content, now_s, signatures);
	pthread_mutex_unlock(&registry->lock);
	return error;
}

int registry_new(struct registry **made)
{
	struct registry *registry = calloc(1, sizeof(*registry));
	if (!registry)
		return MIST_ENOMEM;
	if (registrations_init(&registry->table)) {
		free(registry);
		return MIST_ENOMEM;
	}
	pthread_mutex_init(&registry->lock, NULL);
	atomic_init(&registry->due_ms, DUE_NEVER);
	*made = registry;
	return MIST_OK;
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	registrations_free(&registry->table);
	pthread_mutex_destroy(&registry->lock);
	free(registry);
}
