/*
 * The calls of mistcore.h that edit zones, and how edits of many threads become few publications:
 * whoever gets the lock commits for all who wait for it.
 */
#include "net/edit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "content/commit.h"
#include "net/publish.h"
#include "net/server.h"

/* More is no transaction but a zone, and belongs into mist_publish(). */
#define OPERATIONS_MAX 65536
#define OCTETS_MAX (64u << 20)

struct mist_edit {
	struct mist_server *server;
	struct edit *edit;
};

/* ------------------------------------------------------------------------------------------------
 * The queue
 */

void edit_queue_init(struct edit_queue *queue)
{
	pthread_mutex_init(&queue->lock, NULL);
	queue->first = NULL;
	queue->last = &queue->first;
}

void edit_queue_free(struct edit_queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
}

static void wait_in(struct edit_queue *queue, struct edit *edit)
{
	pthread_mutex_lock(&queue->lock);
	edit->next = NULL;
	*queue->last = edit;
	queue->last = &edit->next;
	pthread_mutex_unlock(&queue->lock);
}

static void leave(struct edit_queue *queue, struct edit *edit)
{
	pthread_mutex_lock(&queue->lock);
	struct edit **link = &queue->first;
	while (*link != edit)
		link = &(*link)->next;
	*link = edit->next;
	if (queue->last == &edit->next)
		queue->last = link;
	pthread_mutex_unlock(&queue->lock);
}

/* The first ones, as a list. */
static struct edit *take_group(struct edit_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	struct edit *group = queue->first, **end = &queue->first;
	for (unsigned i = 0; i < EDIT_GROUP_MAX && *end; i++)
		end = &(*end)->next;
	queue->first = *end;
	if (!*end)
		queue->last = &queue->first;
	if (group)
		*end = NULL;
	pthread_mutex_unlock(&queue->lock);
	return group;
}

/* Under the lock of those who publish. */
static void publish_group(struct mist_server *server, struct edit *group, uint32_t now_s)
{
	struct commit commit;
	int error = commit_prepare(&commit, server->content, atomic_load(&server->publisher.current),
	                           group, now_s);

	if (!error && commit.view) {
		error = publish(server, commit.view);
		if (error)
			commit_abandon(&commit, error);
	}
	if (!error) {
		commit_accept(&commit);
		atomic_fetch_add(&server->signatures, commit.signatures);
	}
	uint64_t number = atomic_load(&server->publisher.current)->number;
	for (struct edit *edit = group, *next; edit; edit = next) {
		next = edit->next;
		edit->view = number;
		edit->done = true;
	}
}

int server_commit(struct mist_server *server, struct edit *edit)
{
	wait_in(&server->edits, edit);
	if (pthread_mutex_lock(&server->content_lock)) {
		leave(&server->edits, edit);
		edit->error = MIST_EBUSY;
		return MIST_EBUSY;
	}
	while (!edit->done) {
		const uint32_t now_s = (uint32_t)time(NULL);
		server_catch_up(server, now_s);
		publish_group(server, take_group(&server->edits), now_s);
	}
	pthread_mutex_unlock(&server->content_lock);
	return edit->error;
}

void server_commit_alone(struct mist_server *server, struct edit *edit)
{
	const uint32_t now_s = (uint32_t)time(NULL);
	server_catch_up(server, now_s);
	publish_group(server, edit, now_s);
}

/* ------------------------------------------------------------------------------------------------
 * mistcore.h
 */

int mist_edit_begin(struct mist_server *server, struct mist_edit **edit)
{
	if (!server || !edit)
		return MIST_EINVAL;
	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	struct mist_edit *made = malloc(sizeof(*made));
	int error = made ? edit_new(&made->edit) : MIST_ENOMEM;
	if (error) {
		free(made);
		return error;
	}
	made->server = server;
	*edit = made;
	return MIST_OK;
}

void mist_edit_abort(struct mist_edit *edit)
{
	if (!edit)
		return;
	edit_free(edit->edit);
	free(edit);
}

/* May one more operation be collected? `zone` becomes a wire name in `room`, or stays NULL. */
static int begin(struct mist_edit *edit, const char *zone, uint8_t room[NAME_MAX],
                 const uint8_t **name)
{
	if (!edit)
		return MIST_EINVAL;
	if (guard_forked(&edit->server->guard))
		return MIST_EFORKED;
	if (edit->edit->count >= OPERATIONS_MAX || edit->edit->octets >= OCTETS_MAX)
		return MIST_ELIMIT;
	*name = zone ? room : NULL;
	return zone && !name_from_text(room, zone) ? MIST_ENAME : MIST_OK;
}

int mist_edit_add(struct mist_edit *edit, const char *zone, const struct mist_record *record)
{
	uint8_t room[NAME_MAX];
	const uint8_t *name;
	int error = record ? begin(edit, zone, room, &name) : MIST_EINVAL;
	return error ? error : edit_add(edit->edit, name, record);
}

int mist_edit_remove(struct mist_edit *edit, const char *zone, const struct mist_record *record)
{
	uint8_t room[NAME_MAX];
	const uint8_t *name;
	int error = record ? begin(edit, zone, room, &name) : MIST_EINVAL;
	return error ? error : edit_remove(edit->edit, name, record);
}

int mist_edit_replace(struct mist_edit *edit, const char *zone, const uint8_t *owner, uint16_t type,
                      const struct mist_record *records, size_t count)
{
	uint8_t room[NAME_MAX];
	const uint8_t *name;
	int error = begin(edit, zone, room, &name);
	return error ? error : edit_replace(edit->edit, name, owner, type, records, count);
}

int mist_edit_require(struct mist_edit *edit, const char *zone, enum mist_require what,
                      const uint8_t *owner, uint16_t type, const struct mist_record *records,
                      size_t count)
{
	uint8_t room[NAME_MAX];
	const uint8_t *name;
	int error = begin(edit, zone, room, &name);
	return error ? error : edit_require(edit->edit, name, what, owner, type, records, count);
}

/* `full` has room for all we know; the caller's may be an older, shorter one. */
static void tell(const struct edit *edit, struct mist_edit_result *result)
{
	struct mist_edit_result full = { .size = result->size, .operation = edit->failed,
	                                 .zone_count = edit->zone_count, .view = edit->view };
	size_t size = result->size < sizeof(full) ? result->size : sizeof(full);
	if (size >= offsetof(struct mist_edit_result, zone_count))
		full.reporter = result->reporter;
	for (size_t i = 0; i < edit->zone_count && i < MIST_EDIT_ZONES; i++) {
		name_to_text(full.zones[i].name, edit->zones[i].name);
		full.zones[i].serial = edit->zones[i].serial;
	}
	if (edit->error)
		strncpy(full.text, edit_reason(edit), sizeof(full.text) - 1);
	memcpy(result, &full, size);
	for (unsigned i = 0; i < edit->note_count; i++)
		report(&full.reporter, edit->notes[i].level, NULL, 0, "%s", edit->notes[i].text);
}

int mist_edit_commit(struct mist_edit *edit, struct mist_edit_result *result)
{
	if (!edit)
		return MIST_EINVAL;
	int error = guard_forked(&edit->server->guard) ? MIST_EFORKED
	          : result && result->size < sizeof(result->size) ? MIST_EINVAL : MIST_OK;
	if (!error) {
		error = server_commit(edit->server, edit->edit);
		if (result)
			tell(edit->edit, result);
	}
	mist_edit_abort(edit);
	return error;
}
