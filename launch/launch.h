/*
 * A command in namespaces of its own, whose questions a server of the caller's answers.
 *
 *   caller                               init (PID 1)                        command
 *   launch_begin()   ---- clone ------>  network, port 53
 *                    <--- sockets -----
 *   its server takes them
 *   launch_dress()   ---- address ---->  masks, resolv.conf, privileges
 *                    <--- what holds --
 *   launch_run()     ---- go --------->  fork, exec ---------------------->  runs
 *   launch_wait()    ---- signals ---->  passes them on ------------------>
 *                    <--- exit code ---  reaps  <--------------------------  ends
 *
 * If the caller ends at any moment, in any way, so does all the rest. One thread makes these calls; before
 * launch_begin() there is no other. Problems are told in words; what was begun is ended by launch_end().
 */
#ifndef MIST_LAUNCH_LAUNCH_H
#define MIST_LAUNCH_LAUNCH_H

#include <signal.h>
#include <stdint.h>

#include "launch/guarantees.h"
#include "launch/init.h"
#include "launch/port53.h"
#include "launch/problem.h"

enum { LAUNCH_FAILED = 125 }; /* exit code: we have, not the command; as of env(1) and docker run */

struct launch_options {
	enum launch_net net;
	char *const *command;        /* NULL behind its last argument */
	const char *node_preload;    /* a file that Node.js is told to load; NULL: none */
	const char *hosts;           /* of nsswitch.conf if the server has no port 53: "files mist"; NULL: left as it is */
	bool port53;                 /* with LAUNCH_HOST: try to have it at an alias of loopback */
};

struct launch {
	struct launch_options options;
	sigset_t signals;            /* that were blocked before */
	int signals_fd, channel, pidfd, terminal;
	pid_t init, way_out;
	int fds[NOTE_FDS];           /* port 53: UDP, TCP; -1: there is none, and `no_port53` says why */
	char address[PORT53_ADDRESS_SIZE];
	struct problem no_port53;
	unsigned facts;              /* FACT_* bits, once it is dressed */
};

/* Makes the namespaces. Signals that the command is to get are blocked from here on. `fds` are then the caller's. */
bool launch_begin(struct launch *launch, const struct launch_options *options, struct problem *problem);

/* Tells where the server is asked: at port 53 of `address`, or, without that, at 127.0.0.1 and this port. */
bool launch_dress(struct launch *launch, uint16_t port, struct problem *problem);

bool launch_run(struct launch *launch, struct problem *problem);

/* Until the command has ended, and everything that it has left behind: its exit code, 128 + n if signal n ended it; 126
 * and 127 if it could not be executed; then, and with LAUNCH_FAILED, `problem` says why. */
int launch_wait(struct launch *launch, struct problem *problem);

/* After any of them. */
void launch_end(struct launch *launch);

#endif
