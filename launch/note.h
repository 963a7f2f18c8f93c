/*
 * Notes between the caller and the init of a launch: one datagram each, over a pair of sockets. Whose end is closed
 * is gone, and that is a note as well.
 */
#ifndef MIST_LAUNCH_NOTE_H
#define MIST_LAUNCH_NOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "launch/problem.h"

enum note_kind {
	NOTE_BOUND,      /* init: the network is there; with the sockets of port 53 if it is one of its own */
	NOTE_DRESS,      /* caller: `text` is the name server's address, or "", `code` its port */
	NOTE_READY,      /* init: `code` is what holds, FACT_* bits */
	NOTE_RUN,        /* caller: now */
	NOTE_SIGNAL,     /* caller: `code` is a signal for the command */
	NOTE_FAILED,     /* init: `text` says what could not be done, `code` is the exit code */
};

struct note {
	enum note_kind kind;
	int code;
	char text[PROBLEM_SIZE];
};

#define NOTE_FDS 2 /* UDP, TCP */

bool note_pair(int ends[2]);
/* `fds` are NOTE_FDS descriptors, or NULL. False: the other end is gone. */
bool note_send(int end, const struct note *note, const int *fds);
/* Waits. `fds`, if not NULL, receives descriptors, -1 for those that did not come. False: the other end is gone. */
bool note_receive(int end, struct note *note, int *fds);

#endif
