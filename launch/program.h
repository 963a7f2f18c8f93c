/*
 * The command of a launch: how its environment tells of the server, and how it is started.
 */
#ifndef MIST_LAUNCH_PROGRAM_H
#define MIST_LAUNCH_PROGRAM_H

#include <signal.h>
#include <sys/types.h>

#include "launch/note.h"

enum { PROGRAM_NOT_EXECUTABLE = 126, PROGRAM_NOT_FOUND = 127 }; /* exit codes, as POSIX has them for shells */

struct program {
	char *const *arguments;      /* NULL behind the last */
	const char *node_preload;    /* a file for NODE_OPTIONS; NULL: none */
	sigset_t signals;            /* that are blocked in it */
};

/* Starts it, in the caller's process group, so that a terminal treats it as the caller's job. If it cannot be executed it
 * says so on `channel` and exits. -1: there is no process for it. */
pid_t program_start(const struct program *program, const char *server, int port, int channel);

#endif
