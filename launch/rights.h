/*
 * What a launched command must not have: capabilities, ways to gain some, and open descriptors.
 */
#ifndef MIST_LAUNCH_RIGHTS_H
#define MIST_LAUNCH_RIGHTS_H

#include <stdbool.h>

#include "launch/problem.h"

/*
 * For good, and for all children: every capability, no_new_privs, and typing into the terminal (TIOCSTI, by which
 * a command would have the caller's shell do what it may not). `stay`: and AF_VSOCK, which leaves every network; io_uring
 * with it. Nobody else looks into this process (PR_SET_DUMPABLE).
 */
bool rights_give_up(bool stay, struct problem *problem);

/* Closes every descriptor from 3 on but `kept`. */
bool descriptors_close(int kept, struct problem *problem);

#endif
