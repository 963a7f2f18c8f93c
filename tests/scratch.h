/*
 * For tests that need a directory of their own, the tools of other people, and the messages that
 * were reported.
 */
#ifndef MIST_TESTS_SCRATCH_H
#define MIST_TESTS_SCRATCH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mistcore.h"

/* Runs a shell command; true when it ended with 0. */
__attribute__((format(printf, 1, 2)))
static inline bool run(const char *format, ...)
{
	char command[8192];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	return system(command) == 0;
}

static inline bool have_tool(const char *name)
{
	return run("command -v %s >/dev/null 2>&1", name);
}

static inline void scratch_make(char path[64])
{
	strcpy(path, "/tmp/mistcore-test-XXXXXX");
	if (!mkdtemp(path))
		abort();
}

static inline void scratch_remove(const char *path)
{
	run("rm -rf '%s'", path);
}

/* The last messages, one behind the other. */
struct heard {
	char text[8192];
	unsigned count[5]; /* by level */
};

static inline void heard_report(void *user, enum mist_level level, const char *file, unsigned line,
                                const char *text)
{
	struct heard *heard = user;
	size_t at = strlen(heard->text);
	heard->count[level]++;
	snprintf(heard->text + at, sizeof(heard->text) - at, "%s:%u: %s\n", file ? file : "", line, text);
}

#endif
