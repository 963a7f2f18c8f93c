/*
 * What a client of the control socket has open, between control.c, which listens, and verbs.c, which
 * does what is asked.
 */
#ifndef MIST_CONTROL_SESSION_H
#define MIST_CONTROL_SESSION_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "control/connection.h"
#include "control/control.h"

struct session {
	struct connection connection;
	const struct control_options *options;
	bool apart;             /* a thread works for it; nobody else touches it until `done` */
	atomic_bool done;
	pthread_t thread;
	const struct verb *verb;/* of that thread */
	json_t *request;
	int wake;               /* the eventfd that ends the listener's wait */
};

struct verb {
	const char *name;
	/* Adds to the reply, or returns an error whose words stand in `problem` (or are its text). */
	int (*run)(struct session *session, const json_t *request, json_t *reply, char *problem);
	bool apart;             /* may last: on a thread of its own */
};

#define VERB_PROBLEM_SIZE 2048

/* Gives back what the session holds: an open edit, names that are tied to it (not when the server is
 * stopping: they go with it). */
void session_leave(struct session *session, bool stopping);

const struct verb *verb_find(const char *name); /* NULL: none */

#endif
