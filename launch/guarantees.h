/*
 * What a launch promises about its command, each with a word for `--require`; and whether it holds on this host.
 */
#ifndef MIST_LAUNCH_GUARANTEES_H
#define MIST_LAUNCH_GUARANTEES_H

#include <stdbool.h>
#include <stddef.h>

/* The network that the command sees. */
enum launch_net {
	LAUNCH_HOST,      /* the caller's */
	LAUNCH_EGRESS,    /* one of its own with a way out, whose port 53 is ours */
	LAUNCH_LOOPBACK,  /* one of its own with nothing but loopback */
};

/* What was achieved when the command was made ready. */
enum {
	FACT_PORT53 = 1 << 0,      /* the server has port 53 of an address that the command reaches */
	FACT_RESOLV_CONF = 1 << 1, /* which resolv.conf names, and no other */
	FACT_NSSWITCH = 1 << 2,    /* nsswitch.conf names no other way to hosts than files and ours */
	FACT_NSS_MODULE = 1 << 3,  /* ours is libnss_mist: for glibc alone, and not what reads resolv.conf */
	FACT_SOCKETS = 1 << 4,     /* what could be masked of sockets is */
	FACT_PRIVILEGES = 1 << 5,
	FACT_PROC = 1 << 6,        /* /proc shows the command's own processes alone */
	FACT_NODE = 1 << 7,        /* Node.js is told to load our preload */
	FACT_PORTS_SHUT = 1 << 8,  /* ports 53 and 853 of everybody else are shut */
};

enum guarantee {
	GUARANTEE_LIBC,
	GUARANTEE_NODE,
	GUARANTEE_SOCKETS,
	GUARANTEE_PORT53,
	GUARANTEE_OUTSIDE,
	GUARANTEE_PRIVILEGES,
	GUARANTEE_PROCESSES,
	GUARANTEE_COUNT,
};

/* A set of guarantees: bit n is enum guarantee n. */
unsigned guarantees_held(enum launch_net net, unsigned facts);

const char *guarantee_word(enum guarantee guarantee);
const char *guarantee_text(enum guarantee guarantee); /* a sentence without its end: what it says */

/* The words of a set, "libc node", into `text`; "none" if it is empty. */
#define GUARANTEES_TEXT_SIZE 128
void guarantees_print(char text[GUARANTEES_TEXT_SIZE], unsigned set);

/* Adds the words of a list, "libc,port53" or "all"; false: `*unknown` begins the word that is none. */
bool guarantees_read(const char *list, unsigned *set, const char **unknown);

#endif
