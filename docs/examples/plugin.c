/*
 * A shared object that has a name server inside, for a host that loads it by dlopen(): host.c, or anything
 * that has plugins. The host sees two functions and none of ours.
 */
#include <mistcore.h>
#include <stddef.h>

#define PLUGIN __attribute__((visibility("default")))

PLUGIN int plugin_start(void);
PLUGIN int plugin_stop(void);

static struct mist_server *server;

/* The port that is answered on, or a negative error. */
PLUGIN int plugin_start(void)
{
	struct mist_content *content;
	struct mist_zone_options zone = { .size = sizeof zone, .name = "editor.land", .ephemeral_key = true };
	int error = mist_content_new(&content, NULL);

	if (error)
		return error;
	error = mist_content_zone(content, &zone, NULL);
	if (error)
		mist_content_free(content);
	else
		error = mist_start(&server, NULL, content);
	return error ? error : mist_port(server);
}

/* When it returns no thread of the plugin is left, so that it can be unloaded. */
PLUGIN int plugin_stop(void)
{
	return mist_stop(server);
}
