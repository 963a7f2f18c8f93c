/* Leases of registered names, for the background thread. */
#ifndef MIST_NET_REGISTRY_H
#define MIST_NET_REGISTRY_H

#include <stdint.h>

struct mist_server;

#define EXPIRE_AGAIN_MS 1000u

/* Takes back the names whose leases have ended; returns the milliseconds until the next one ends, at most
 * `most`. Not under the lock of those who publish. */
uint32_t server_expire(struct mist_server *server, uint32_t most);

#endif
