/*
 * See program.h.
 */
#include "launch/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Quoted as Node.js reads it: in double quotes, with backslashes before those and before backslashes. */
static bool quote(char *text, size_t size, const char *path)
{
	size_t len = 0;

	text[len++] = '"';
	for (; *path && len + 3 < size; path++) {
		if (*path == '"' || *path == '\\')
			text[len++] = '\\';
		text[len++] = *path;
	}
	text[len++] = '"';
	text[len] = '\0';
	return !*path;
}

/* In front of what is there, so that it is loaded first. */
static bool load_in_node(const char *preload)
{
	char path[4096];
	const char *now = getenv("NODE_OPTIONS");
	char *options = NULL;

	bool set = quote(path, sizeof path, preload) &&
	           asprintf(&options, "--require=%s%s%s", path, now && *now ? " " : "", now ? now : "") > 0 &&
	           setenv("NODE_OPTIONS", options, 1) == 0;
	free(options);
	return set;
}

static bool tell(const struct program *program, const char *server, int port)
{
	char address[64];

	snprintf(address, sizeof address, "%s:%d", server, port);
	return setenv("MIST_DNS", address, 1) == 0 && (!program->node_preload || load_in_node(program->node_preload));
}

static void become(const struct program *program, const char *server, int port, int channel)
{
	struct note note = { .kind = NOTE_FAILED, .code = PROGRAM_NOT_EXECUTABLE };
	const char *name = program->arguments[0];

	if (tell(program, server, port)) {
		signal(SIGPIPE, SIG_DFL); /* mist ignores it, for itself */
		sigprocmask(SIG_SETMASK, &program->signals, NULL);
		execvp(name, program->arguments);
	}
	if (errno == ENOENT || errno == ENOTDIR) {
		note.code = PROGRAM_NOT_FOUND;
		snprintf(note.text, sizeof note.text, "%.300s: no such command%s", name,
		         strchr(name, '/') ? ", or the interpreter that it names is not there" : " in $PATH");
	} else {
		snprintf(note.text, sizeof note.text, "%.300s cannot be executed: %s", name, strerror(errno));
	}
	note_send(channel, &note, NULL);
	_exit(note.code);
}

pid_t program_start(const struct program *program, const char *server, int port, int channel)
{
	pid_t pid = fork();

	if (pid == 0)
		become(program, server, port, channel);
	return pid;
}
