/*
 * What a launched command sees instead of the host's ways to resolve names: resolv.conf and nsswitch.conf of ours, and
 * nothing where sockets stand that cross namespaces by their path (nscd, systemd-resolved, D-Bus, Avahi, Docker, ...).
 */
#ifndef MIST_LAUNCH_MASKS_H
#define MIST_LAUNCH_MASKS_H

#include <stdbool.h>

#include "launch/problem.h"

enum masks_reach {
	MASKS_NAMES,     /* the sockets of those that resolve names, and of those that run programs for others */
	MASKS_RUN,       /* and all of /run: an empty one takes its place */
	MASKS_SOCKETS,   /* and each Unix socket that has a path at this moment, wherever it is */
};

struct masks {
	enum masks_reach reach;
	char *sockets;   /* what /proc/net/unix said in the caller's network; NULL: nothing */
	bool resolv_conf, nsswitch, all_sockets; /* what masks_put() has achieved */
	bool failed;     /* a socket could not be masked */
};

/* Looks at the caller's network, before the clone. */
void masks_survey(struct masks *masks, enum masks_reach reach);
void masks_free(struct masks *masks);

/*
 * In new user and mount namespaces: puts them in place. `server` is the address for resolv.conf; "": that stays as it
 * is, since it cannot name a port. `hosts` is what nsswitch.conf says of hosts ("files dns"); NULL: what it says now.
 * /proc is to be mounted anew afterwards. False: nothing can be mounted at all; what else does not work is told in
 * `masks`.
 */
bool masks_put(struct masks *masks, const char *server, const char *hosts, struct problem *problem);

#endif
