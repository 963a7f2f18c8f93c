/*
 * Which worker has which of the sockets that a server has adopted (mist_listen_fds()).
 */
#ifndef MIST_NET_LISTEN_H
#define MIST_NET_LISTEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct adoption { int fd; unsigned worker; };

struct adoptions {
	pthread_mutex_t lock;    /* of all, and of who gives orders to workers */
	struct adoption *list;   /* the workers close the descriptors at the end */
	size_t count;
	bool closed;             /* the server ends: the workers go, and nobody may ask them for anything */
};

void adoptions_init(struct adoptions *adoptions);
/* Before the workers go: waits for whoever is at it; after that both calls return MIST_EBUSY. */
void adoptions_close(struct adoptions *adoptions);
void adoptions_free(struct adoptions *adoptions);

#endif
