/*
 * The way out of a command's own network: pasta (Debian's package passt), a program that passes its connections on
 * through sockets of the caller's network, without any privilege.
 */
#ifndef MIST_LAUNCH_WAY_OUT_H
#define MIST_LAUNCH_WAY_OUT_H

#include <stdbool.h>
#include <sys/types.h>

#include "launch/problem.h"

/*
 * Starts pasta for the network of the process `inside`; returns when its interface is configured. Nothing leads in, and
 * nothing to the host's own loopback. It is killed when this thread ends.
 */
bool way_out_open(pid_t *way_out, pid_t inside, struct problem *problem);
void way_out_close(pid_t *way_out); /* -1 is fine */

#endif
