/*
 * What a client of the control socket has open, between control.c, which listens, request.c, which reads and
 * replies, and the files that do what is asked: verbs.c, edits.c.
 */
#ifndef MIST_CONTROL_SESSION_H
#define MIST_CONTROL_SESSION_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "control/connection.h"
#include "control/control.h"
#include "control/owners.h"

/* Who does it: the thread that listens; a thread of its own, because it waits for a commit, as others
 * do which then share it; a thread of its own, because it lasts. */
enum verb_pace { PACE_AT_ONCE, PACE_COMMIT, PACE_LASTING, PACE_COUNT };

struct session {
	struct connection connection;
	const struct control_options *options;
	bool apart;             /* a thread works for it; nobody else touches it until `done` */
	bool waiting;           /* for a thread */
	atomic_bool done;
	pthread_t thread;
	const struct verb *verb;/* of that thread */
	json_t *request;
	int wake;               /* the eventfd that ends the listener's wait */
	struct owners *owners;
	uint64_t keeper;        /* its number, for names that it keeps */
	int listens[CONNECTION_FILES_MAX]; /* sockets of its own that the server has adopted */
	size_t listen_count;
	struct mist_edit *edit; /* that the next edit.commit commits */
	int edit_error;         /* the first of its operations that could not be */
	char *edit_problem;
};

struct verb {
	const char *name;
	/* Adds to the reply, or returns an error whose words stand in `problem` (or are its text). NULL: no
	 * reply at all. */
	int (*run)(struct session *session, const json_t *request, json_t *reply, char *problem);
	enum verb_pace pace;
	bool silent;            /* no reply; a later verb tells what went wrong */
};

#define VERB_PROBLEM_SIZE 2048

const struct verb *verb_find(const char *name); /* NULL: none */

/* A member that must be a text; NULL: it is not, and `problem` says so. */
const char *verb_text(const json_t *request, const char *member, char *problem);

/* edits.c */
int run_edit_add(struct session *session, const json_t *request, json_t *reply, char *problem);
int run_edit_remove(struct session *session, const json_t *request, json_t *reply, char *problem);
int run_edit_commit(struct session *session, const json_t *request, json_t *reply, char *problem);
int run_edit_abort(struct session *session, const json_t *request, json_t *reply, char *problem);
void edit_forget(struct session *session);

/* listen.c */
int run_listen(struct session *session, const json_t *request, json_t *reply, char *problem);
void listen_forget(struct session *session);

#endif
