/*
 * Edits on their way to what is served: those that come while another is published wait in a queue,
 * and whoever is next takes all of them along, so that publishing never falls behind.
 */
#ifndef MIST_NET_EDIT_H
#define MIST_NET_EDIT_H

#include <pthread.h>

#include "content/edit.h"

struct mist_server;

/* Edits of one publication: the first of a thousand does not wait long for the last. */
#define EDIT_GROUP_MAX 1024

struct edit_queue {
	pthread_mutex_t lock;
	struct edit *first, **last;
};
void edit_queue_init(struct edit_queue *queue);
void edit_queue_free(struct edit_queue *queue);

/*
 * Judges an edit and publishes what it makes, together with all that wait. Returns edit->error, the
 * rest of its outcome being set; the edit is still the caller's. Never on a worker's thread, which
 * publishing waits for. MIST_EBUSY: the caller holds the lock of those who publish.
 */
int server_commit(struct mist_server *server, struct edit *edit);
/* The same under the lock, and with no other edit beside it. */
void server_commit_alone(struct mist_server *server, struct edit *edit);

#endif
