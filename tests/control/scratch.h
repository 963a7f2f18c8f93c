/*
 * A directory for the files of one test, and a reporter that remembers.
 */
#ifndef MIST_TESTS_CONTROL_SCRATCH_H
#define MIST_TESTS_CONTROL_SCRATCH_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mistcore.h"

static char scratch_directory[64];
static char scratch_log[1 << 16]; /* "file:line: text\n" of each message, without the directory */

static inline int scratch_open(void **state)
{
	(void)state;
	strcpy(scratch_directory, "/tmp/mist-control-XXXXXX");
	scratch_log[0] = '\0';
	return mkdtemp(scratch_directory) ? 0 : -1;
}

static inline int scratch_close(void **state)
{
	char command[128];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", scratch_directory);
	return system(command);
}

static inline const char *scratch_path(const char *name)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", scratch_directory, name);
	return path;
}

static inline const char *scratch_write(const char *name, const char *text)
{
	const char *path = scratch_path(name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static inline void scratch_report(void *user, enum mist_level level, const char *file, unsigned line,
                                  const char *text)
{
	size_t len = strlen(scratch_log), prefix = strlen(scratch_directory) + 1;
	(void)user;
	(void)level;
	if (file && strncmp(file, scratch_directory, prefix - 1) == 0)
		file += prefix;
	snprintf(scratch_log + len, sizeof(scratch_log) - len, "%s:%u: %s\n", file ? file : "-", line, text);
}

static const struct mist_reporter scratch_reporter = { scratch_report, NULL };

static inline void scratch_said(const char *text)
{
	if (!strstr(scratch_log, text))
		fail_msg("\"%s\" is not in:\n%s", text, scratch_log);
}

#endif
