/*
 * Targets: the servers of an upstream set as one worker knows them, with their health. A server
 * that has been silent for a while is asked after the others, and tried again now and then.
 */
#ifndef MIST_FORWARD_TARGET_H
#define MIST_FORWARD_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/view.h"
#include "forward/forward.h"

#define TARGETS_MAX 64        /* upstream sets in use at a time; a configuration has a handful */
#define TARGET_SERVERS_MAX 8  /* of a set; resolv.conf allows 3 */
#define TARGET_TRIES 3        /* servers one question is sent to, and datagrams it may cost */

struct server {
	struct upstream_address address;
	uint64_t asked_ms;            /* the first question since its last answer; 0: none open */
	uint64_t probe_ms;            /* when it may be asked first again although it is silent */
	uint32_t probe_after_ms;
};

struct target {
	uint64_t policy;              /* the upstream set */
	uint64_t used_ms;
	unsigned users;               /* exchanges that know it: it must stay */
	unsigned in_flight;
	bool only_self;               /* every server of it is this server itself */
	unsigned count;
	struct server servers[TARGET_SERVERS_MAX];
};

/* Where this server listens. */
struct home {
	unsigned count;
	struct upstream_address addresses[FORWARD_OWN_MAX];
};

struct targets {
	struct home home;
	struct target entries[TARGETS_MAX];
};

/* The target of a set; NULL when all are in use. */
struct target *target_get(struct targets *targets, const struct upstream_set *set, uint64_t now_ms);

/* The servers one question goes to, best first, as c-ares reads them: "192.0.2.1:53,[::1]:5353". */
#define TARGET_TEXT_MAX (TARGET_TRIES * 56)
void target_order(struct target *target, uint64_t now_ms, char text[TARGET_TEXT_MAX]);

/* No server has answered for so long that most questions need not wait for it. */
bool target_silent(const struct target *target, uint64_t now_ms);

/* What happened to a server. NULL is fine. */
struct server *target_server(struct target *target, const struct upstream_address *address);
void server_asked(struct server *server, uint64_t now_ms);
void server_answered(struct server *server);
void server_refused(struct server *server, uint64_t now_ms);

/* Is this server itself at an address? `uncertain`: it listens at every address of this machine,
 * and whether this is one of them shows when a socket is connected to it. */
bool home_is(const struct home *home, const struct upstream_address *address, bool *uncertain);

#endif
