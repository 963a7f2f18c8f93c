/*
 * Starts a server, gives a name to a service, runs a command that resolves through the server, stops:
 *   ./launcher COMMAND [ARGUMENT...]        the command finds the server in $MIST_DNS
 */
#include <mistcore.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
extern char **environ;

/* A registry zone: names come and go in it while the server runs. */
static int start(struct mist_server **server)
{
	struct mist_content *content;
	struct mist_zone_options zone = { .size = sizeof zone, .name = "box.test", .registry = true,
	                                  .ephemeral_key = true };
	int error = mist_content_new(&content, NULL);
	if (error)
		return error;
	error = mist_content_zone(content, &zone, NULL);
	if (!error)
		return mist_start(server, NULL, content); /* takes the content, also when it fails */
	mist_content_free(content);
	return error;
}

static int register_web(struct mist_server *server)
{
	const char *address = "127.0.0.7";
	struct mist_registration web = { .size = sizeof web, .name = "web", .owner = "launcher",
	                                 .addresses = &address, .address_count = 1 };
	return mist_register(server, &web); /* the next query sees it */
}

static int run(char **command, unsigned port)
{
	char text[32];
	pid_t child;
	int status;
	snprintf(text, sizeof text, "127.0.0.1:%u", port);
	if (setenv("MIST_DNS", text, 1) || posix_spawnp(&child, command[0], NULL, NULL, command, environ) ||
	    waitpid(child, &status, 0) != child)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int count, char **arguments)
{
	struct mist_server *server = NULL;
	int code = 1, error = count < 2 ? MIST_EINVAL : start(&server);
	if (!error)
		error = register_web(server);
	if (!error)
		code = run(arguments + 1, mist_port(server));
	else
		fprintf(stderr, "launcher: %s\n", mist_strerror(error));
	mist_stop(server); /* the name goes with it */
	return code;
}
