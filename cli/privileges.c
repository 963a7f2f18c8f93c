#define _GNU_SOURCE /* setresuid */
#include "cli/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/units.h"

enum { CAPABILITIES_MAX = 64 }; /* the kernel's own sets have as many bits */

static int cannot(const struct cli *cli, int code, const char *what, const char *name)
{
	cli_say(cli, MIST_LEVEL_ERROR, "cannot %s %s: %s", what, name, strerror(errno));
	return code;
}

/* ---- who ------------------------------------------------------------------------------------- */

/* A number below that of (uid_t)-1, which system calls take for "as it is". */
static bool id_read(const char *text, id_t *id)
{
	uint64_t number;
	if (!units_number(text, &number) || number >= UINT32_MAX)
		return false;
	*id = (id_t)number;
	return true;
}

/* "mist", "mist:dns", "65532", "65532:65532"; a number needs no entry in /etc/passwd. */
static int user_find(struct privileges *privileges, const struct cli *cli, const char *text)
{
	char name[64];
	const char *group_name = strchr(text, ':');
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, ":"), text);
	const struct passwd *user = getpwnam(name);
	if (user) {
		privileges->uid = user->pw_uid;
		privileges->gid = user->pw_gid;
	} else if (id_read(name, &privileges->uid)) {
		privileges->gid = privileges->uid;
	} else {
		cli_say(cli, MIST_LEVEL_ERROR, "`user`: there is no user %s; make one with `adduser --system --group %s`, or "
		        "give a number", name, name);
		return EXIT_CONFIGURATION;
	}
	const struct group *group = group_name ? getgrnam(group_name + 1) : NULL;
	if (group) {
		privileges->gid = group->gr_gid;
	} else if (group_name && !id_read(group_name + 1, &privileges->gid)) {
		cli_say(cli, MIST_LEVEL_ERROR, "`user`: there is no group %s", group_name + 1);
		return EXIT_CONFIGURATION;
	}
	if (privileges->uid && privileges->gid)
		return EXIT_DONE;
	cli_say(cli, MIST_LEVEL_ERROR, "`user`: %s is root, or has root's group; name another one", text);
	return EXIT_CONFIGURATION;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* One that is there is somebody's choice already, and links in its path may be anybody's. */
static int directory_give(const struct privileges *privileges, const struct cli *cli, const char *path, mode_t mode)
{
	if (mkdir(path, mode) != 0)
		return errno == EEXIST ? EXIT_DONE : cannot(cli, EXIT_FILES, "make the directory", path);
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool good = directory >= 0 && fchown(directory, privileges->uid, privileges->gid) == 0;
	int code = good ? EXIT_DONE : cannot(cli, EXIT_FILES, "give the user the directory", path);
	if (directory >= 0)
		close(directory);
	return code;
}

/* The defaults of root stay those of the process, reloads included: these variables come first (mist.conf(5)). */
static int directories_give(const struct privileges *privileges, const struct cli *cli, const struct config *config)
{
	char runtime[108] = ""; /* a socket's path has no more */
	int code = directory_give(privileges, cli, config->state_directory, 0700);
	setenv("STATE_DIRECTORY", config->state_directory, 1);
	if (code || !config->control.socket)
		return code;
	const char *slash = strrchr(config->control.socket, '/');
	snprintf(runtime, sizeof(runtime), "%.*s", slash ? (int)(slash - config->control.socket) : 0,
	         config->control.socket);
	if (!*runtime)
		return EXIT_DONE;
	if (!config->control.given)
		setenv("RUNTIME_DIRECTORY", runtime, 1);
	return directory_give(privileges, cli, runtime, 0755);
}

static int check_state(const struct cli *cli, const struct config *config)
{
	if (faccessat(AT_FDCWD, config->state_directory, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
		return EXIT_DONE;
	cli_say(cli, MIST_LEVEL_ERROR, "the state directory %s is not for user %s: %s; `chown -R %s %s` makes it so",
	        config->state_directory, config->user, strerror(errno), config->user, config->state_directory);
	return EXIT_FILES;
}

/* ---- rights ---------------------------------------------------------------------------------- */

static int capabilities_set(unsigned capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = capabilities, .permitted = capabilities } };
	return (int)syscall(SYS_capset, &header, data);
}

/*
 * The saved user id stays 0, so that the kernel keeps the permitted capabilities; they are cut down to the one. When it
 * goes too (privileges_drop()), the kernel takes the rest from every thread. Meanwhile nothing can be got back by
 * executing a program.
 */
static int become(const struct privileges *privileges, const struct cli *cli, const char *name)
{
	const struct passwd *user = getpwuid(privileges->uid);
	const gid_t gid = privileges->gid;
	for (int capability = 0; capability < CAPABILITIES_MAX; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* a container may have taken the right to do so */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    (user ? initgroups(user->pw_name, gid) : setgroups(1, &gid)) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(privileges->uid, privileges->uid, 0) != 0 || capabilities_set(1u << CAP_NET_BIND_SERVICE) != 0)
		return cannot(cli, EXIT_OTHER, "become user", name);
	return EXIT_DONE;
}

int privileges_lower(struct privileges *privileges, const struct cli *cli, const struct config *config)
{
	*privileges = (struct privileges){ .held = false };
	if (!config->user)
		return EXIT_DONE;
	int code = user_find(privileges, cli, config->user);
	if (code)
		return code;
	if (geteuid() != 0) {
		if (geteuid() == privileges->uid)
			return EXIT_DONE;
		cli_say(cli, MIST_LEVEL_ERROR, "`user` is %s, and only root can become another user: start as root, or leave "
		        "`user` out", config->user);
		return EXIT_CONFIGURATION;
	}
	code = directories_give(privileges, cli, config);
	if (!code)
		code = become(privileges, cli, config->user);
	privileges->held = !code;
	return code ? code : check_state(cli, config);
}

int privileges_drop(struct privileges *privileges, const struct cli *cli)
{
	const uid_t uid = privileges->uid;
	if (!privileges->held)
		return EXIT_DONE;
	privileges->held = false;
	/* libc has every thread do it. */
	if (setresuid(uid, uid, uid) != 0)
		return cannot(cli, EXIT_OTHER, "give up", "the rights of the start");
	if (setuid(0) == 0) {
		cli_say(cli, MIST_LEVEL_ERROR, "the rights of root came back after they were given up");
		return EXIT_OTHER;
	}
	return EXIT_DONE;
}
