/*
 * Whether the server answers, found out as anybody would: by asking it.
 */
#ifndef MIST_CLI_ALIVE_H
#define MIST_CLI_ALIVE_H

#include "control/config.h"
#include "mistcore.h"

/* Asks over its own socket, where it has one on loopback, for a name that is answered whatever the
 * configuration says; else whether it takes calls. Waits at most `timeout_ms`. */
bool alive(struct mist_server *server, const struct config *config, uint32_t timeout_ms);

#endif
