/*
 * The namespaces of a launch: user, mount, PID, and, unless the host's network is shared, network.
 */
#ifndef MIST_LAUNCH_NAMESPACES_H
#define MIST_LAUNCH_NAMESPACES_H

#include <stdbool.h>
#include <sys/types.h>

#include "launch/problem.h"

/*
 * Clones the process into new namespaces, as fork() does: 0 in the new one, which is PID 1 there; -1: `problem` says why.
 * Whoever may make namespaces without a user namespace, where those are forbidden, does. One thread only.
 * `pidfd` is close-on-exec.
 */
pid_t namespaces_clone(bool network, int *pidfd, struct problem *problem);

/* In the new process: the caller's user and group, alone, are what they were; mounts are private from here on. */
bool namespaces_settle(struct problem *problem);

/* In a new network: its loopback interface is up. */
bool namespaces_loopback_up(struct problem *problem);

/* In new PID and mount namespaces: /proc shows these processes alone. False: it still shows the caller's. */
bool namespaces_proc(void);

/* In a new mount namespace, behind namespaces_proc(): what the kernel lets uid 0 set in /proc without a capability
 * (kernel.core_pattern names a program that it runs outside) is read-only. Nobody else can write there. */
bool namespaces_seal(void);

#endif
