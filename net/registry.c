/* The calls of mistcore.h that register names, and what happens when a lease ends; the rest is content/registry.h. */
#include "net/registry.h"

#include <stddef.h>
#include <string.h>

#include "content/registry.h"
#include "net/server.h"

/* Commits a change; `*sooner`: see registry_end(). */
static int commit(struct mist_server *server, struct registry_change *change, bool *sooner)
{
	struct edit *edit = registry_edit(change);
	int error = server_commit(server, edit);
	for (unsigned i = 0; i < edit->note_count; i++)
		report(&server->background.queue, edit->notes[i].level, NULL, 0, "%s", edit->notes[i].text);
	registry_end(change, sooner);
	return error;
}

int mist_register(struct mist_server *server, const struct mist_registration *registration)
{
	struct mist_registration full = { 0 };
	struct registry_change *change;
	bool sooner;

	if (!server || !registration || registration->size < offsetof(struct mist_registration, lease_ms))
		return MIST_EINVAL;
	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	memcpy(&full, registration, registration->size < sizeof(full) ? registration->size : sizeof(full));
	int error = registry_register(&change, server->registry, &server->content, &full);
	if (error)
		return error;
	error = commit(server, change, &sooner);
	if (sooner)
		background_soon(&server->background);
	return error;
}

int mist_deregister(struct mist_server *server, const char *owner, const char *name)
{
	struct registry_change *change;

	if (!server)
		return MIST_EINVAL;
	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	int error = registry_deregister(&change, server->registry, &server->content, owner, name);
	return error ? error : commit(server, change, NULL);
}

int mist_registered_name(struct mist_server *server, const char *name, char text[1025])
{
	uint8_t whole[NAME_MAX];

	if (!server || !text)
		return MIST_EINVAL;
	if (guard_forked(&server->guard))
		return MIST_EFORKED;
	if (pthread_mutex_lock(&server->content_lock))
		return MIST_EBUSY;
	int error = registry_name(server->content, name, whole);
	pthread_mutex_unlock(&server->content_lock);
	if (!error)
		name_to_text(text, whole);
	return error;
}

uint32_t server_expire(struct mist_server *server, uint32_t most)
{
	struct registry_change *change;
	int error = MIST_OK;

	while (!error && registry_due(server->registry, most) == 0) {
		error = registry_expire(&change, server->registry, &server->content);
		if (!error)
			error = commit(server, change, NULL);
	}
	/* What cannot be taken back now is tried again: it is memory, or a zone that does not load. */
	uint32_t due = registry_due(server->registry, most);
	return error && due < EXPIRE_AGAIN_MS ? EXPIRE_AGAIN_MS : due;
}
