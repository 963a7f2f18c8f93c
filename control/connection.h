/*
 * One connection to the control socket, at the server's end: requests come and replies go as JSON
 * objects, one a line.
 *
 *   {"verb":"stats"}                          a request: a verb and what it takes
 *   {"records":["a.test. 300 IN A ..."]}      parts of a reply, of verbs that have much to say
 *   {"level":"error","text":"..."}            messages for people
 *   {"ok":true, ...}                          the reply, always the last line
 *   {"ok":false,"code":-15,"error":"..."}     what went wrong: enum mist_error and words
 *
 * Whoever can connect is the server's own user or root (socket.h). Bounds are there so that a client
 * that has gone mad is told, not so that an enemy is kept out; and yet every octet is checked.
 */
#ifndef MIST_CONTROL_CONNECTION_H
#define MIST_CONTROL_CONNECTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mistcore.h"

/* A record of 65,535 octets, each written \DDD, its backslashes doubled by JSON: 328 kB. */
#define CONNECTION_LINE_MAX (512 * 1024)

struct connection_buffer {
	char *octets;
	size_t len, size;
};

#define CONNECTION_FILES_MAX 2 /* descriptors that come with a request: UDP and TCP of one address */

struct connection {
	int file;
	int files[CONNECTION_FILES_MAX]; /* that came (SCM_RIGHTS), for a verb to take; closed if none does of the
	                                    requests that are there */
	size_t file_count;
	struct connection_buffer in, out;
	bool failed;          /* nothing more can be read or written */
	bool patient;         /* on a thread of its own: sending waits for the client */
	int64_t patient_until_ms;
};

void connection_open(struct connection *connection, int file);
void connection_close(struct connection *connection);

/* Takes in what is there. False: the client has gone, or a line is too long. */
bool connection_read(struct connection *connection);
void connection_drop_files(struct connection *connection);

/* The next whole line, ended by NUL, until the next call of connection_skip(); NULL: not yet there. */
char *connection_line(struct connection *connection, size_t *len);
void connection_unline(struct connection *connection, size_t len); /* as it was: not now */
void connection_skip(struct connection *connection, size_t len);

/* Sends an object as a line, now or as far as the socket takes it; the rest waits in `out`. Takes
 * the reference. */
void connection_send(struct connection *connection, json_t *object);

/* Sends of what waits as much as goes. */
void connection_flush(struct connection *connection);

/* From now on sending waits for the client, with limits: for threads that have nothing else to do. */
void connection_patient(struct connection *connection);

/* A JSON string of any text: octets that are no UTF-8 become question marks. NULL: out of memory. */
json_t *connection_text(const char *text);

/* A reporter whose messages go to the client. */
struct mist_reporter connection_reporter(struct connection *connection);

#endif
