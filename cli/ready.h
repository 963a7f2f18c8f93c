/*
 * How a server tells others that it answers: a line of JSON, a file with the port, systemd.
 */
#ifndef MIST_CLI_READY_H
#define MIST_CLI_READY_H

#include "cli/cli.h"

/* The ready line on stdout. The keys are a promise to scripts. */
int ready_print(const struct cli *cli, const struct config *config, struct mist_server *server);

/* Writes "5380\n" by rename, so that a reader sees nothing or all of it. */
int ready_port_file(const struct cli *cli, const char *path, unsigned port);

/* sd_notify(3): a datagram to $NOTIFY_SOCKET, if there is one. */
void ready_notify(const char *state);

#endif
