/*
 * PID 1 of a launch: makes the namespaces ready, starts the command, reaps what nobody waits for, and is gone with the
 * caller or the command, whichever goes first; the kernel then ends everything inside.
 */
#ifndef MIST_LAUNCH_INIT_H
#define MIST_LAUNCH_INIT_H

#include <stdnoreturn.h>

#include "launch/program.h"
#include "launch/guarantees.h"
#include "launch/masks.h"

struct init {
	enum launch_net net;
	struct program program;
	struct masks masks;
	const char *hosts;           /* of nsswitch.conf, when port 53 is not ours: "files mist"; NULL: it stays */
	int channel;                 /* to the caller */
};

/* What the process that namespaces_clone() has made does from then on. */
noreturn void init_run(struct init *init);

#endif
