/*
 * Catalogs of the zones that a server has (content/members.h): when one has a new version, its members are published
 * and followed, or are no more.
 */
#ifndef MIST_NET_CATALOG_H
#define MIST_NET_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mist_server;

/* What the version of a catalog that is served lists is done. False: it is broken, `why` says how, and nothing has
 * changed. What single members cannot be is reported. Then the other catalogs are looked at once more, for what this one has let go.
 * Not under the lock of those who publish. */
bool catalog_follow(struct mist_server *server, const uint8_t *catalog, char *why, size_t size);

/* All catalogs of a content that has taken another's place, for they may be described otherwise. Under the lock. */
void catalogs_follow(struct mist_server *server);

#endif
