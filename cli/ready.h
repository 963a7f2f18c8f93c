/*
 * How a server tells others that it answers: a line of JSON, its port in a file or through a descriptor.
 */
#ifndef MIST_CLI_READY_H
#define MIST_CLI_READY_H

#include "cli/cli.h"
#include "cli/systemd.h"

/* The ready line on stdout. The keys are a promise to scripts. */
int ready_print(const struct cli *cli, const struct config *config, struct mist_server *server,
                const struct inherited *inherited);

/* Writes "5380\n" by rename, so that a reader sees nothing or all of it. */
int ready_port_file(const struct cli *cli, const char *path, unsigned port);

/* Writes "5380\n" to a descriptor that was inherited, and closes it. */
int ready_port_fd(const struct cli *cli, int file, unsigned port);

#endif
