/*
 * The other end of the control socket: what the verbs of the program ask of a running `mist serve`.
 */
#ifndef MIST_CONTROL_CLIENT_H
#define MIST_CONTROL_CLIENT_H

#include <jansson.h>

#include "mistcore.h"

struct client;

/* MIST_ENETWORK (no server is there), MIST_EFILE (not ours to use), MIST_ENOMEM; reported. */
int client_open(struct client **client, const char *socket, const struct mist_reporter *reporter);
void client_close(struct client *client); /* NULL is fine */

/* Sends a request and waits for nothing: for those that are answered by a later one. Takes the
 * reference; NULL is what jansson makes of text that is no UTF-8, so it is reported as that: MIST_EINVAL.
 * MIST_ENETWORK is not reported: a server that has gone may have said why, to whoever reads its replies. */
int client_send(struct client *client, json_t *request);

/* The next request carries two descriptors, which stay the caller's. */
void client_attach(struct client *client, const int files[2]);

/* A part of a reply that comes in parts. A result other than 0 ends the call and is returned. */
typedef int client_part(void *user, const json_t *part);

/*
 * Sends a request (like client_send()) and returns the reply, which the caller owns; `reply` may be
 * NULL. Messages go to the reporter; an error the server returns is reported and returned.
 * MIST_ENETWORK when it went away.
 */
int client_call(struct client *client, json_t *request, client_part *part, void *user,
                json_t **reply);

/* Waits until the server closes the connection. */
void client_wait(struct client *client);

#endif
