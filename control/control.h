/*
 * The control socket of a running `mist serve`: one thread that takes requests of the other verbs
 * (connection.h has their form, verbs.c what they do) and never keeps a client waiting for another.
 * What takes its time, a reload or the print of a zone, gets a thread for as long as it lasts.
 */
#ifndef MIST_CONTROL_CONTROL_H
#define MIST_CONTROL_CONTROL_H

#include <stddef.h>

#include "mistcore.h"

struct control;

struct control_options {
	const char *socket;
	struct mist_server *server; /* outlives the control */
	const char *const *addresses; /* that it listens on; 0: 127.0.0.1 */
	size_t address_count;
	/* Reads the configuration anew; messages go to the reporter as well. May come from any thread, one
	 * at a time is its own affair. */
	int (*reload)(void *user, const struct mist_reporter *reporter);
	void *user;
};

/* MIST_EBUSY (a live server has the socket), MIST_EFILE, MIST_ENOMEM; reported as `level`. */
int control_start(struct control **control, const struct control_options *options,
                  enum mist_level level, const struct mist_reporter *reporter);

/* Ends every request, gives back what connections held, and removes the socket. NULL is fine. */
void control_stop(struct control *control);

#endif
