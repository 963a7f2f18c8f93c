#include "control/owners.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STRIPES = 16,          /* of locks: registrations of different owners meet in one commit */
	KEPT_MAX = 100000,     /* names in all: some hundred octets each */
	KEY_SIZE = 258 + MIST_NAME_TEXT_SIZE,
};

/*
 * A name and who keeps it are one thing: what is registered and noted, or looked at and taken back, is under
 * the lock of its stripe. Else a keeper that goes could take away what another one has just registered.
 */
struct owners {
	struct mist_server *server;
	atomic_bool stopped;
	pthread_mutex_t stripes[STRIPES];
	pthread_mutex_t lock;  /* of the next two */
	json_t *keepers;       /* "owner\nname.": keeper */
	json_t *kept;          /* "keeper": { "owner\nname.": null } */
};

struct owners *owners_new(struct mist_server *server)
{
	struct owners *owners = calloc(1, sizeof(*owners));
	if (!owners)
		return NULL;
	owners->server = server;
	for (unsigned i = 0; i < STRIPES; i++)
		pthread_mutex_init(&owners->stripes[i], NULL);
	pthread_mutex_init(&owners->lock, NULL);
	owners->keepers = json_object();
	owners->kept = json_object();
	if (owners->keepers && owners->kept)
		return owners;
	owners_free(owners);
	return NULL;
}

void owners_free(struct owners *owners)
{
	if (!owners)
		return;
	json_decref(owners->keepers);
	json_decref(owners->kept);
	for (unsigned i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&owners->stripes[i]);
	pthread_mutex_destroy(&owners->lock);
	free(owners);
}

/* As it is registered, or would be; where nobody knows any more (its zone is gone), as it is spelled. */
static void name_make(struct owners *owners, const char *name, char whole[MIST_NAME_TEXT_SIZE])
{
	uint8_t wire[MIST_NAME_SIZE];
	if (mist_registered_name(owners->server, name, whole) == MIST_OK)
		return;
	int len = mist_name_from_text(name, wire);
	if (len < 0 || mist_name_to_text(wire, (size_t)len, whole) < 0)
		whole[0] = '\0'; /* no name: nothing is registered under it */
	for (char *c = whole; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
}

/* Owners have no control characters here, so that the two can be told apart. False: this one has. `name` NULL: none. */
static bool key_make(struct owners *owners, char key[KEY_SIZE], const char *owner, const char *name)
{
	char whole[MIST_NAME_TEXT_SIZE] = "";
	for (const char *c = owner; *c; c++)
		if ((unsigned char)*c < ' ')
			return false;
	if (name)
		name_make(owners, name, whole);
	int size = snprintf(key, KEY_SIZE, "%s\n%s.", owner, whole); /* whole: it is deregistered as this name alone */
	return size > 0 && size < KEY_SIZE;
}

static pthread_mutex_t *stripe_of(struct owners *owners, const char *owner)
{
	unsigned hash = 5381;
	for (; *owner; owner++)
		hash = hash * 33 + (unsigned char)*owner;
	return &owners->stripes[hash % STRIPES];
}

/* ---- who keeps what -------------------------------------------------------------------------- */

static void forget(struct owners *owners, const char *key)
{
	char keeper[24];
	json_t *found = json_object_get(owners->keepers, key);
	if (!found)
		return;
	snprintf(keeper, sizeof(keeper), "%lld", (long long)json_integer_value(found));
	json_t *names = json_object_get(owners->kept, keeper);
	json_object_del(names, key);
	if (names && json_object_size(names) == 0)
		json_object_del(owners->kept, keeper);
	json_object_del(owners->keepers, key);
}

static int note(struct owners *owners, const char *key, uint64_t keeper)
{
	char text[24];
	forget(owners, key);
	if (!keeper)
		return MIST_OK;
	if (json_object_size(owners->keepers) == KEPT_MAX)
		return MIST_ELIMIT;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)keeper);
	json_t *known = json_object_get(owners->kept, text);
	json_t *names = known ? json_incref(known) : json_object();
	bool noted = names && json_object_set_new(names, key, json_null()) == 0 &&
	             json_object_set_new(owners->keepers, key, json_integer((json_int_t)keeper)) == 0 &&
	             (known || json_object_set(owners->kept, text, names) == 0);
	if (!noted) { /* both or neither: a keeper without names would never be done with leaving */
		json_object_del(owners->keepers, key);
		json_object_del(names, key);
	}
	json_decref(names);
	return noted ? MIST_OK : MIST_ENOMEM;
}

int owners_register(struct owners *owners, const struct mist_registration *registration,
                    uint64_t keeper)
{
	char key[KEY_SIZE];
	if (!key_make(owners, key, registration->owner, registration->name))
		return MIST_EINVAL;
	pthread_mutex_t *stripe = stripe_of(owners, registration->owner);
	pthread_mutex_lock(stripe);
	int error = mist_register(owners->server, registration);
	if (!error) {
		pthread_mutex_lock(&owners->lock);
		error = note(owners, key, keeper);
		pthread_mutex_unlock(&owners->lock);
		if (error)
			mist_deregister(owners->server, registration->owner, registration->name);
	}
	pthread_mutex_unlock(stripe);
	return error;
}

/* The keys of an owner, all or those of a name. */
static void forget_owner(struct owners *owners, const char *owner)
{
	size_t len = strlen(owner);
	const char *key;
	json_t *value;
	void *next;
	json_object_foreach_safe(owners->keepers, next, key, value)
		if (strncmp(key, owner, len) == 0 && key[len] == '\n')
			forget(owners, key);
}

int owners_deregister(struct owners *owners, const char *owner, const char *name)
{
	char key[KEY_SIZE];
	if (!key_make(owners, key, owner, name))
		return MIST_EINVAL;
	pthread_mutex_t *stripe = stripe_of(owners, owner);
	pthread_mutex_lock(stripe);
	int error = mist_deregister(owners->server, owner, name);
	pthread_mutex_lock(&owners->lock);
	if (!error && name)
		forget(owners, key);
	else if (!error)
		forget_owner(owners, owner);
	pthread_mutex_unlock(&owners->lock);
	pthread_mutex_unlock(stripe);
	return error;
}

/* ---- ends ------------------------------------------------------------------------------------ */

static json_t *names_of(struct owners *owners, uint64_t keeper)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)keeper);
	return json_object_get(owners->kept, text);
}

bool owners_keeps(struct owners *owners, uint64_t keeper)
{
	pthread_mutex_lock(&owners->lock);
	bool keeps = names_of(owners, keeper) != NULL;
	pthread_mutex_unlock(&owners->lock);
	return keeps;
}

/* The key of the next name that the keeper keeps. */
static bool next_kept(struct owners *owners, uint64_t keeper, char key[KEY_SIZE])
{
	pthread_mutex_lock(&owners->lock);
	json_t *names = names_of(owners, keeper);
	void *first = names ? json_object_iter(names) : NULL;
	if (first)
		snprintf(key, KEY_SIZE, "%s", json_object_iter_key(first));
	pthread_mutex_unlock(&owners->lock);
	return first;
}

static void take_back(struct owners *owners, uint64_t keeper, const char key[KEY_SIZE])
{
	char owner[KEY_SIZE];
	snprintf(owner, sizeof(owner), "%s", key);
	char *name = strchr(owner, '\n');
	*name++ = '\0';
	pthread_mutex_t *stripe = stripe_of(owners, owner);
	pthread_mutex_lock(stripe);
	pthread_mutex_lock(&owners->lock);
	bool still = (uint64_t)json_integer_value(json_object_get(owners->keepers, key)) == keeper;
	if (still)
		forget(owners, key);
	pthread_mutex_unlock(&owners->lock);
	/* It may have gone by its lease; what else goes wrong has been reported by the server. */
	if (still)
		(void)mist_deregister(owners->server, owner, name);
	pthread_mutex_unlock(stripe);
}

void owners_leave(struct owners *owners, uint64_t keeper)
{
	char key[KEY_SIZE];
	while (!atomic_load(&owners->stopped) && next_kept(owners, keeper, key))
		take_back(owners, keeper, key);
}

void owners_stop(struct owners *owners)
{
	atomic_store(&owners->stopped, true);
}
