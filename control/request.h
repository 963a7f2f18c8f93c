/*
 * One request of a client of the control socket: from a line to a verb, and from what the verb did to the reply.
 */
#ifndef MIST_CONTROL_REQUEST_H
#define MIST_CONTROL_REQUEST_H

#include "control/session.h"

/* The request on a line, the caller's, and its verb. NULL: it is none that this server knows, which the client was told. */
json_t *request_read(struct session *session, const char *line, size_t len, const struct verb **verb);

/* Does what it asks for and replies, unless the verb is a silent one. */
void request_answer(struct session *session, const struct verb *verb, const json_t *request);

/* A reply that something went wrong; `problem` "": the error says what. */
void request_refuse(struct session *session, int error, const char *problem);

#endif
