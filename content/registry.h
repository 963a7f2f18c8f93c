/*
 * The registry (mistcore.h): who registered which names, and what the zones therefore say. It outlives
 * contents: a new one gets the registered names before it is served.
 *
 * A change is an edit like all others: the calls here, from any thread, describe it; when it is its turn to be
 * judged, under the lock of those who publish, it changes the registry and adds the operations that follow from
 * that; and when the edit fails, now or with the others of its group, the registry is as it was before.
 *
 *   registry.c        the changes, and the lock
 *   registrations.h   the table: names, owners, leases
 *   registered.h      what the zones of a content say of the names in it
 */
#ifndef MIST_CONTENT_REGISTRY_H
#define MIST_CONTENT_REGISTRY_H

#include "content/edit.h"
#include "mistcore.h"

struct registry;

int registry_new(struct registry **registry); /* MIST_OK or MIST_ENOMEM */
void registry_free(struct registry *registry);

struct registry_change;

/* Changes; `content` is where the content of the server stands, which may be replaced before the change's turn.
 * MIST_EINVAL, MIST_ENAME, MIST_ENOMEM. */
int registry_register(struct registry_change **change, struct registry *registry,
                      struct mist_content *const *content, const struct mist_registration *registration);
int registry_deregister(struct registry_change **change, struct registry *registry,
                        struct mist_content *const *content, const char *owner, const char *name);
/* Of leases that have run out: REGISTRY_EXPIRE_MAX at most. */
int registry_expire(struct registry_change **change, struct registry *registry,
                    struct mist_content *const *content);

/* More would make others wait for the edit; those left come with the next one. */
#define REGISTRY_EXPIRE_MAX 4096

/* To be committed; the change's own. */
struct edit *registry_edit(struct registry_change *change);
/* Afterwards, whatever came of it. `*expiry_sooner` (may be NULL): a lease ends before all others. */
void registry_end(struct registry_change *change, bool *expiry_sooner);

/* The name that a registration of `text` would be under in the content, lower case. As mist_registered_name(). */
int registry_name(const struct mist_content *content, const char *text, uint8_t name[NAME_MAX]);

/* Milliseconds until the next lease ends, at most `most`. Any thread. */
uint32_t registry_due(const struct registry *registry, uint32_t most);

/* Under the lock: puts what is registered into a sealed content that is not served yet. What its zones do
 * not take is reported and stays registered. `signatures` is added to. MIST_OK or what commit_prepare() says. */
int registry_restore(struct registry *registry, struct mist_content *content, uint32_t now_s,
                     uint64_t *signatures);

#endif
