/*
 * Octets that have to wait: part of a message that has not come whole, replies that a client does not take. Memory
 * grows as octets come, never on a client's word, and goes with the last of them.
 */
#ifndef MIST_NET_BACKLOG_H
#define MIST_NET_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BACKLOG_FIRST 512           /* octets of room at first; doubles */
#define BACKLOG_OUT_MAX (1 << 20)   /* replies that a client does not take: more, and it is broken */

struct backlog {             /* {0}: empty */
	uint8_t *octets;
	uint32_t at, len, size;  /* from `at`, `len` of them */
};

static inline const uint8_t *backlog_octets(const struct backlog *backlog)
{
	return backlog->octets + backlog->at;
}

/* Room for `more` octets behind those that are there; who fills it adds to `len`. NULL: out of memory. */
uint8_t *backlog_room(struct backlog *backlog, size_t more);
bool backlog_add(struct backlog *backlog, const uint8_t *octets, size_t len);
void backlog_drop(struct backlog *backlog, size_t len); /* the first ones */
void backlog_free(struct backlog *backlog);

/*
 * On the way out, through a non-blocking socket. What it does not take now waits here, and goes first: the caller watches the
 * socket, and calls backlog_flush() when it takes more. False: the connection is broken, or too much waits.
 */
bool backlog_send(struct backlog *backlog, int fd, const uint8_t *octets, size_t len);
/* The same with the length in front (RFC 1035 section 4.2.2); fd -1: all of it waits. */
bool backlog_send_message(struct backlog *backlog, int fd, const uint8_t *octets, size_t len);
/* How many octets went, perhaps none; -1: the connection is broken. */
ssize_t backlog_flush(struct backlog *backlog, int fd);

#endif
