/*
 * Who may do more with a zone than ask: transfer it, update it; and who is told when it changes. Closed
 * unless said. Immutable; held by every version of its zone, so that whoever has a version can judge.
 */
#ifndef MIST_CORE_ACCESS_H
#define MIST_CORE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/name.h"
#include "mistcore.h"

#define ACCESS_MAX 256 /* entries of a list: each is compared with each client; larger ones want a key */

/* One line of a list: a network, the name of a TSIG key, or both, and then both have to fit. */
struct access_entry {
	uint8_t len, bits;           /* a network: 4 or 16 octets, of which so many bits count; 0: any */
	uint8_t octets[16];
	uint8_t key[NAME_MAX];       /* lower case; the root: none needed */
};

struct access_list {
	size_t count;
	struct access_entry *entries;
};

/* A secondary that is told of new versions. */
struct access_target {
	struct upstream_address address;
	uint8_t key[NAME_MAX];       /* that signs what it is told, lower case; the root: none */
};

struct access {
	_Atomic(unsigned) references;
	struct access_list transfer, update;
	struct access_target *notify;
	size_t notify_count;
	struct access_target *primary; /* of a secondary zone: where it comes from, and the keys it is asked with */
	size_t primary_count;
};

struct access_texts {
	const char *const *transfer, *const *update, *const *notify, *const *primary;
	size_t transfer_count, update_count, notify_count, primary_count;
	const char *primary_key;     /* of primaries that name none; NULL: none */
};

/* Reads lists of "192.0.2.1", "192.0.2.0/24", "2001:db8::/32", "key-name", "key-name@192.0.2.0/24"; of
 * notify and primary "192.0.2.1:5353", "key-name@192.0.2.1:5353". `zone` and `file` are for messages. MIST_EINVAL (reported), MIST_ENOMEM. */
int access_new(struct access **access, const struct access_texts *texts, const char *zone,
               const char *file, const struct mist_reporter *reporter);
/* Gives one that nobody else holds yet the primaries of another. MIST_ENOMEM. */
int access_same_primaries(struct access *access, const struct access *as);
struct access *access_hold(struct access *access); /* NULL stays NULL */
void access_release(struct access *access);        /* any thread; NULL is fine */

/* Whether a list names this client or the key it has proved to have (NULL: none). */
bool access_allows(const struct access_list *list, const uint8_t *client, size_t client_len,
                   const uint8_t *key);

/* Whether the client is a primary of the zone, by its key or by its address. A word of one is worth no more than
 * that it is asked: what it then says is signed if it has a key. */
bool access_is_primary(const struct access *access, const uint8_t *client, size_t client_len,
                       const uint8_t *key);

/* Calls back with each name of a key, until a result is not 0, which is returned. */
int access_each_key(const struct access *access, int (*visit)(void *user, const uint8_t *key), void *user);

#endif
