/*
 * What is served where: addresses, port, and the zones with what makes others trust them. Told by a
 * running server over its control socket, or by a configuration.
 */
#ifndef MIST_CONTROL_SERVED_H
#define MIST_CONTROL_SERVED_H

#include <jansson.h>

#include "control/client.h"
#include "control/config.h"
#include "control/pool.h"
#include "mistcore.h"

struct served_zone {
	const char *name;    /* no final dot */
	const char *anchor;  /* lines "editor.land. IN DS ..." (MIST_ANCHOR_RESOLVED); NULL: there is none */
	bool insecure;       /* it is not signed: who validates must be told that it need not be */
};

struct served {
	struct pool pool;
	const char **addresses;
	size_t address_count;
	uint16_t port;
	struct served_zone *zones;
	size_t zone_count;
};

/* Each fills an empty struct served, to be freed in any case. Errors are reported. */
int served_by_server(struct served *served, struct client *client, const struct mist_reporter *reporter);

/* Zones that have no key yet get theirs, as with `mist trust-anchor`. MIST_EINVAL: `listen.port` is 0, or a
 * key lives in the server alone. */
int served_by_config(struct served *served, const struct config *config,
                     const struct mist_reporter *reporter);

void served_free(struct served *served);

/* The server's end: adds all that to a reply. */
int served_tell(struct mist_server *server, const char *const *addresses, size_t address_count,
                json_t *reply);

/* Whether `zone` (NULL: any) has a key that only the running server knows; reported. */
bool served_ephemeral(const struct config *config, const char *zone, const struct mist_reporter *reporter);

#endif
