/*
 * Who registered which names: the table of the registry (registry.h). A registration stands in the list of its
 * name and in that of its owner, and, if it is leased, in a heap by the end of its lease. It can be taken out
 * and come back: whoever changes the table keeps what was taken out until the fate of its edit is known.
 *
 * One thread at a time: the caller holds the registry's lock.
 */
#ifndef MIST_CONTENT_REGISTRATIONS_H
#define MIST_CONTENT_REGISTRATIONS_H

#include <sys/queue.h>

#include "core/due.h"
#include "core/trie.h"
#include "core/zone.h"

#define OWNER_MAX 255 /* octets of an owner's text */

/* Names and owners live as long as a registration, in or taken out, is theirs. */
struct registered {
	LIST_HEAD(, registration) registrations;
	size_t uses;
	uint8_t name_len;
	uint8_t name[];              /* lower case */
};

struct owner {
	LIST_HEAD(, registration) registrations;
	size_t uses;
	struct owner *next;          /* in its bucket */
	uint64_t hash;
	uint8_t len;
	char text[];
};

struct registration {
	LIST_ENTRY(registration) of_name, of_owner;
	TAILQ_ENTRY(registration) of_change; /* of whoever has taken it out */
	struct registered *name;     /* NULL: it was never in the table */
	struct owner *owner;
	struct due lease;            /* at_ms: its end; DUE_NEVER: no lease */
	unsigned tier;
	uint16_t address_count;
	struct zone_address addresses[];
};

struct registrations {
	struct trie names;           /* struct registered */
	struct owner **buckets;      /* by hash; their count is a power of two */
	size_t bucket_count, owner_count;
	struct due_heap leases;
};

int registrations_init(struct registrations *table); /* MIST_OK or MIST_ENOMEM */
void registrations_free(struct registrations *table); /* with all that is in it */

/* A registration that has no name yet, with room for addresses; the caller's. NULL: out of memory. */
struct registration *registration_new(size_t addresses, unsigned tier, uint64_t ends_ms);
/* One that is not in the table; its name and owner go with their last one. */
void registration_free(struct registrations *table, struct registration *registration);

/* Gives it a name (lower case) and an owner, and reserves what it takes to put it in. MIST_OK or MIST_ENOMEM. */
int registrations_admit(struct registrations *table, struct registration *registration, const uint8_t *name,
                        const char *owner);
void registrations_put(struct registrations *table, struct registration *registration);
void registrations_take(struct registrations *table, struct registration *registration);

/* NULL: none. */
struct registered *registrations_name(const struct registrations *table, const uint8_t *name);
struct owner *registrations_owner(const struct registrations *table, const char *text);
struct registration *registrations_find(const struct registered *name, const struct owner *owner);
/* The one whose lease ends first, if it has ended by then. */
struct registration *registrations_ended(const struct registrations *table, uint64_t now_ms);

#endif
