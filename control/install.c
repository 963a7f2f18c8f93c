#define _GNU_SOURCE /* renameat2 */
#include "control/install.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEFORE ".before-mist"

enum {
	LINE_MAX_OCTETS = 512, /* of a first line: a path of 255 and our words fit */
	PATH_SIZE = 4096,
	BESIDE_SIZE = PATH_SIZE + 64, /* a path with what is put behind it: a number, or BEFORE */
};

__attribute__((format(printf, 3, 4)))
static int say(const struct install *install, enum mist_level level, const char *format, ...)
{
	char text[2048];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (install->reporter && install->reporter->report)
		install->reporter->report(install->reporter->user, level, NULL, 0, text);
	return level == MIST_LEVEL_ERROR ? MIST_EFILE : MIST_OK;
}

bool install_add(struct install_set *set, const char *path, const char *text)
{
	struct install_file *file = pool_take(&set->pool, sizeof(*file)), **end = &set->first;
	if (!file)
		return false;
	*file = (struct install_file){ pool_text(&set->pool, path, strlen(path)),
	                               pool_text(&set->pool, text, strlen(text)), NULL };
	while (*end)
		end = &(*end)->next;
	*end = file;
	return file->path && file->text;
}

/* ---- whose a file is ------------------------------------------------------------------------- */

enum owner { OWNER_NOBODY, OWNER_US, OWNER_OTHER };

static bool first_line_has(int file, const char *mark)
{
	char line[LINE_MAX_OCTETS + 1];
	ssize_t len = read(file, line, LINE_MAX_OCTETS);
	line[len > 0 ? len : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return strstr(line, mark) != NULL;
}

/* A link, a directory, a file that cannot be read: not ours. */
static enum owner owner_of(const struct install *install, const char *path)
{
	struct stat status;
	if (lstat(path, &status) != 0)
		return errno == ENOENT || errno == ENOTDIR ? OWNER_NOBODY : OWNER_OTHER;
	int file = S_ISREG(status.st_mode) ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	bool ours = file >= 0 && first_line_has(file, install->mark);
	if (file >= 0)
		close(file);
	return ours ? OWNER_US : OWNER_OTHER;
}

static bool in_set(const struct install *install, const struct install_set *set, const char *path)
{
	size_t root = strlen(install->root ? install->root : "");
	for (const struct install_file *file = set ? set->first : NULL; file; file = file->next)
		if (strcmp(file->path, path + root) == 0)
			return true;
	return false;
}

/* ---- one file -------------------------------------------------------------------------------- */

static void directory_sync(const char *path)
{
	char directory[PATH_SIZE];
	snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(path, '/') - path), path);
	int file = open(*directory ? directory : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file >= 0) {
		fsync(file);
		close(file);
	}
}

/* A new file with the text and nothing of what may have been at the path. The errno of a failure stays. */
static bool write_new(const char *path, const char *text)
{
	size_t len = strlen(text), done = 0;
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (file < 0)
		return false;
	ssize_t went = 1;
	while (done < len && went > 0) {
		went = write(file, text + done, len - done);
		done += went > 0 ? (size_t)went : 0;
	}
	/* Others read it, whatever our umask. */
	bool good = done == len && fchmod(file, 0644) == 0 && fsync(file) == 0;
	int why = errno;
	close(file);
	if (!good)
		unlink(path);
	errno = why;
	return good;
}

static int cannot(const struct install *install, const char *path)
{
	const char *hint = errno == EBUSY ? "; it is mounted there (a container's?), so whoever mounts it says what is in it"
	                 : errno == EACCES || errno == EPERM ? "; that takes root"
	                 : errno == ENOENT ? "; is the program installed that reads this directory?" : "";
	return say(install, MIST_LEVEL_ERROR, "cannot write %s: %s%s", path, strerror(errno), hint);
}

/* In place of nothing, or of one of ours. */
static int put_file(const struct install *install, const char *path, const char *text, bool there)
{
	char temporary[BESIDE_SIZE];
	snprintf(temporary, sizeof(temporary), "%s.%ld.new", path, (long)getpid());
	unlink(temporary); /* of a process with our number that died here */
	if (!write_new(temporary, text))
		return cannot(install, path);
	/* Somebody may have made it a moment ago, and then it is not ours: link() replaces nothing. */
	int error = (there ? rename(temporary, path) : link(temporary, path)) != 0 ? cannot(install, path) : MIST_OK;
	unlink(temporary);
	if (error)
		return error;
	directory_sync(path);
	return say(install, MIST_LEVEL_INFO, "written: %s", path);
}

/* In place of another's, which is kept: the two change their names in one step. */
static int put_instead(const struct install *install, const char *path, const char *text)
{
	char before[BESIDE_SIZE];
	snprintf(before, sizeof(before), "%s" BEFORE, path);
	enum owner owner = owner_of(install, before);
	if (owner == OWNER_OTHER)
		return say(install, MIST_LEVEL_ERROR, "%s is there already, from another time; move it away first, then "
		           "%s can be kept under this name", before, path);
	if (owner == OWNER_US)
		unlink(before); /* we were ended between the two steps */
	if (!write_new(before, text))
		return cannot(install, path);
	if (renameat2(AT_FDCWD, before, AT_FDCWD, path, RENAME_EXCHANGE) != 0) {
		int error = cannot(install, path);
		unlink(before);
		return error;
	}
	directory_sync(path);
	return say(install, MIST_LEVEL_INFO, "written: %s; what was there is %s now", path, before);
}

static int remove_file(const struct install *install, const char *path)
{
	char before[BESIDE_SIZE];
	snprintf(before, sizeof(before), "%s" BEFORE, path);
	struct stat status;
	bool back = install->replaces && lstat(before, &status) == 0;
	if ((back ? rename(before, path) : unlink(path)) != 0)
		return say(install, MIST_LEVEL_ERROR, "cannot remove %s: %s", path, strerror(errno));
	directory_sync(path);
	return say(install, MIST_LEVEL_INFO, back ? "as it was before: %s" : "removed: %s", path);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int path_make(const struct install *install, const char *inside, char path[PATH_SIZE])
{
	int len = snprintf(path, PATH_SIZE, "%s%s", install->root ? install->root : "", inside);
	return len > 0 && len < PATH_SIZE ? MIST_OK
	     : say(install, MIST_LEVEL_ERROR, "a path of more than 4,000 octets: %.200s...", inside);
}

static int check_all(const struct install *install, const struct install_set *set)
{
	char path[PATH_SIZE];
	int error = MIST_OK;
	for (const struct install_file *file = set->first; file; file = file->next) {
		if (path_make(install, file->path, path))
			return MIST_EFILE;
		if (!install->replaces && owner_of(install, path) == OWNER_OTHER)
			error = say(install, MIST_LEVEL_ERROR, "%s is there and not ours; move it away first. Nothing was changed",
			            path);
	}
	return error;
}

static int put_all(const struct install *install, const struct install_set *set)
{
	char path[PATH_SIZE];
	int error = MIST_OK;
	if (install->makes && !path_make(install, install->makes, path))
		mkdir(path, 0755); /* what is missing then is told by the file that cannot be written */
	for (const struct install_file *file = set->first; file && !error; file = file->next) {
		if (path_make(install, file->path, path))
			return MIST_EFILE;
		enum owner owner = owner_of(install, path);
		error = owner == OWNER_OTHER && install->replaces ? put_instead(install, path, file->text)
		                                                  : put_file(install, path, file->text, owner == OWNER_US);
	}
	return error;
}

/* Those of ours in one place that are not in the set. Goes on after a problem. */
static int remove_from(const struct install *install, const char *place, const struct install_set *set)
{
	char path[PATH_SIZE];
	size_t len = strlen(place);
	struct dirent *entry;
	int error = path_make(install, place, path);
	if (error || place[len - 1] != '/')
		return error || in_set(install, set, path) || owner_of(install, path) != OWNER_US ? error
		                                                                                  : remove_file(install, path);
	DIR *directory = opendir(path);
	len = strlen(path);
	while (directory && (entry = readdir(directory))) {
		if ((size_t)snprintf(path + len, sizeof(path) - len, "%s", entry->d_name) >= sizeof(path) - len)
			continue;
		if (!in_set(install, set, path) && owner_of(install, path) == OWNER_US &&
		    remove_file(install, path))
			error = MIST_EFILE;
	}
	if (directory)
		closedir(directory);
	return error;
}

int install_put(const struct install *install, const struct install_set *set)
{
	int error = set ? check_all(install, set) : MIST_OK;
	if (!error && set)
		error = put_all(install, set);
	for (const char *const *place = install->places; *place && (!error || !set); place++)
		if (remove_from(install, *place, set))
			error = MIST_EFILE;
	return error;
}
