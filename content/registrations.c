/* Who registered which names; see registrations.h. */
#include "content/registrations.h"

#include <stdlib.h>
#include <string.h>

#include "mistcore.h"

/* ------------------------------------------------------------------------------------------------
 * Names
 */

static struct trie_name name_of(const void *value)
{
	const struct registered *name = value;
	return (struct trie_name){ name->name, name->name_len };
}

struct registered *registrations_name(const struct registrations *table, const uint8_t *name)
{
	return trie_get(&table->names, name);
}

static struct registered *use_name(struct registrations *table, const uint8_t *text)
{
	struct registered *name = registrations_name(table, text);
	const size_t len = name_len(text);
	if (!name) {
		name = calloc(1, sizeof(*name) + len);
		if (!name)
			return NULL;
		name->name_len = (uint8_t)len;
		memcpy(name->name, text, len);
		if (trie_set(&table->names, name->name, name)) {
			free(name);
			return NULL;
		}
	}
	name->uses++;
	return name;
}

static void free_retired(void *user, void *name)
{
	(void)user;
	free(name);
}

/* The trie has one version only, so what is removed is freed at once. A name that cannot be removed for want
 * of memory says nothing. */
static void leave_name(struct registrations *table, struct registered *name)
{
	if (--name->uses == 0 && trie_remove(&table->names, name->name) == MIST_OK)
		trie_retire(&table->names, free_retired, NULL);
}

/* ------------------------------------------------------------------------------------------------
 * Owners
 */

static uint64_t hash_of(const char *text, size_t len)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a: owners are named by the host, not by strangers */
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)text[i]) * 1099511628211u;
	return hash ^ hash >> 32;
}

/* Where the owner stands, or would. */
static struct owner **place_of(const struct registrations *table, const char *text, size_t len)
{
	const uint64_t hash = hash_of(text, len);
	struct owner **link = &table->buckets[hash & (table->bucket_count - 1)];
	while (*link && ((*link)->hash != hash || (*link)->len != len || memcmp((*link)->text, text, len)))
		link = &(*link)->next;
	return link;
}

struct owner *registrations_owner(const struct registrations *table, const char *text)
{
	return *place_of(table, text, strlen(text));
}

/* Failing is no matter: buckets are longer then. */
static void grow_buckets(struct registrations *table)
{
	const size_t count = 2 * table->bucket_count;
	struct owner **buckets = calloc(count, sizeof(*buckets));
	if (!buckets)
		return;
	for (size_t i = 0; i < table->bucket_count; i++) {
		for (struct owner *owner = table->buckets[i], *next; owner; owner = next) {
			next = owner->next;
			owner->next = buckets[owner->hash & (count - 1)];
			buckets[owner->hash & (count - 1)] = owner;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = count;
}

static struct owner *use_owner(struct registrations *table, const char *text)
{
	const size_t len = strlen(text);
	if (table->owner_count >= table->bucket_count)
		grow_buckets(table);
	struct owner **link = place_of(table, text, len), *owner = *link;
	if (!owner) {
		owner = calloc(1, sizeof(*owner) + len);
		if (!owner)
			return NULL;
		owner->hash = hash_of(text, len);
		owner->len = (uint8_t)len;
		memcpy(owner->text, text, len);
		*link = owner;
		table->owner_count++;
	}
	owner->uses++;
	return owner;
}

static void leave_owner(struct registrations *table, struct owner *owner)
{
	if (--owner->uses > 0)
		return;
	*place_of(table, owner->text, owner->len) = owner->next;
	table->owner_count--;
	free(owner);
}

/* ------------------------------------------------------------------------------------------------
 * Registrations
 */

struct registration *registration_new(size_t addresses, unsigned tier, uint64_t ends_ms)
{
	struct registration *made = calloc(1, sizeof(*made) + addresses * sizeof(made->addresses[0]));
	if (made) {
		made->tier = tier;
		made->lease.at_ms = ends_ms;
	}
	return made;
}

void registration_free(struct registrations *table, struct registration *registration)
{
	if (registration->name) {
		leave_name(table, registration->name);
		leave_owner(table, registration->owner);
	}
	free(registration);
}

int registrations_admit(struct registrations *table, struct registration *registration, const uint8_t *name_text,
                        const char *owner_text)
{
	if (!due_reserve(&table->leases, table->leases.count + 1))
		return MIST_ENOMEM;
	struct registered *name = use_name(table, name_text);
	if (!name)
		return MIST_ENOMEM;
	struct owner *owner = use_owner(table, owner_text);
	if (!owner) {
		leave_name(table, name);
		return MIST_ENOMEM;
	}
	registration->name = name;
	registration->owner = owner;
	return MIST_OK;
}

void registrations_put(struct registrations *table, struct registration *registration)
{
	LIST_INSERT_HEAD(&registration->name->registrations, registration, of_name);
	LIST_INSERT_HEAD(&registration->owner->registrations, registration, of_owner);
	if (registration->lease.at_ms != DUE_NEVER)
		due_put(&table->leases, &registration->lease, registration->lease.at_ms);
}

void registrations_take(struct registrations *table, struct registration *registration)
{
	LIST_REMOVE(registration, of_name);
	LIST_REMOVE(registration, of_owner);
	due_take(&table->leases, &registration->lease);
}

struct registration *registrations_find(const struct registered *name, const struct owner *owner)
{
	struct registration *registration;
	LIST_FOREACH(registration, &name->registrations, of_name) {
		if (registration->owner == owner)
			return registration;
	}
	return NULL;
}

struct registration *registrations_ended(const struct registrations *table, uint64_t now_ms)
{
	struct due *first = due_first(&table->leases);
	return first && first->at_ms <= now_ms
		? (struct registration *)(void *)((char *)first - offsetof(struct registration, lease)) : NULL;
}

/* ------------------------------------------------------------------------------------------------
 * The table
 */

int registrations_init(struct registrations *table)
{
	*table = (struct registrations){ .bucket_count = 64 };
	trie_init(&table->names, name_of, NULL);
	table->buckets = calloc(table->bucket_count, sizeof(*table->buckets));
	return table->buckets ? MIST_OK : MIST_ENOMEM;
}

static void free_name(void *user, void *value)
{
	struct registered *name = value;
	struct registration *registration;
	(void)user;
	while ((registration = LIST_FIRST(&name->registrations))) {
		LIST_REMOVE(registration, of_name);
		free(registration);
	}
	free(name);
}

void registrations_free(struct registrations *table)
{
	trie_free(&table->names, free_name, NULL);
	for (size_t i = 0; i < table->bucket_count; i++) {
		for (struct owner *owner = table->buckets[i], *next; owner; owner = next) {
			next = owner->next;
			free(owner);
		}
	}
	free(table->buckets);
	due_free(&table->leases);
}
