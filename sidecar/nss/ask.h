/*
 * Asking one server: by UDP, all questions at once over one socket, and by TCP what comes truncated. Nothing is
 * remembered between calls; any thread.
 */
#ifndef MIST_SIDECAR_NSS_ASK_H
#define MIST_SIDECAR_NSS_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "core/name.h"
#include "sidecar/nss/server.h"

/* Of messages by UDP: what crosses every path unfragmented. Small enough for the stacks of other people's threads. */
#define ASK_UDP_MAX 1232

/* A question about a name, and what came. */
struct ask {
	uint16_t type;               /* in */
	uint16_t id;
	const uint8_t *reply;        /* `room`, or memory that asks_free() frees; NULL: none came */
	size_t len;
	uint8_t room[ASK_UDP_MAX];
};

/*
 * Asks the server of the name (wire form) for the types of all asks, in class IN. A reply that is there has a whole header, and
 * id, question and sender are right (RFC 5452); nothing else is known of it. 0; or why some have none: ECONNREFUSED and
 * others when the server is not there, ETIMEDOUT when it says nothing for five seconds, or a part by UDP and not all of it
 * by TCP, whatever went wrong there: it is there, so nobody else is to be asked; ENOMEM, EMFILE and their like when
 * the process has too little for asking. Call asks_free() in every case.
 */
int asks(const struct server *server, const uint8_t *name, struct ask *all, size_t count);
void asks_free(struct ask *all, size_t count);

#endif
