/*
 * A program that knows nothing of DNS and loads a plugin that does.
 *
 *   ./host ./plugin.so COMMAND [ARGUMENT...]     the command finds the server in $MIST_DNS
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int plugin_call(void);

/* POSIX lets a function be looked up, ISO C does not let its address be cast. */
static plugin_call *find(void *plugin, const char *name)
{
	plugin_call *call = NULL;
	void *address = dlsym(plugin, name);
	memcpy(&call, &address, sizeof call);
	return call;
}

static int run(char **command)
{
	int status = 1;
	pid_t child = fork();
	if (child == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int count, char **arguments)
{
	void *plugin = count > 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!plugin) {
		fprintf(stderr, "host: %s\n", count > 2 ? dlerror() : "PLUGIN COMMAND [ARGUMENT...]");
		return 1;
	}
	plugin_call *start = find(plugin, "plugin_start"), *stop = find(plugin, "plugin_stop");
	int port = start && stop ? start() : -1, code = 1;
	char text[32];
	snprintf(text, sizeof text, "127.0.0.1:%d", port);
	if (port > 0 && setenv("MIST_DNS", text, 1) == 0) {
		code = run(arguments + 2);
		stop();
	}
	return dlclose(plugin) ? 1 : code;
}
