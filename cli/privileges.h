/*
 * Started as root, answering as somebody else (`user` of mist.conf(5)): what only root can do is done at the
 * start, and nothing of it is left to the threads that answer.
 */
#ifndef MIST_CLI_PRIVILEGES_H
#define MIST_CLI_PRIVILEGES_H

#include <sys/types.h>

#include "cli/cli.h"

struct privileges {
	bool held;      /* something is to be dropped */
	uid_t uid;
	gid_t gid;
};

/*
 * Before there is a second thread, and before a file is made: becomes the user, in all but that ports below 1,024
 * can be bound. Directories for state and control socket that are missing are made for the user; those that are
 * there stay as they are. Nothing to do without `user`. An exit code; errors are reported.
 */
int privileges_lower(struct privileges *privileges, const struct cli *cli, const struct config *config);

/* When the sockets are open: gives that up too, in all threads, for good. */
int privileges_drop(struct privileges *privileges, const struct cli *cli);

#endif
