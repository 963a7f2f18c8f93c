/*
 * See masks.h. Files of ours are written to a tmpfs that stands at /proc for a moment, which every system has, and
 * stay mounted where they are wanted when that has gone.
 */
#include "launch/masks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGE "/proc"
#define FILE_MAX_OCTETS (64 << 10)  /* of resolv.conf, nsswitch.conf: glibc reads less of them */
#define UNIX_MAX_OCTETS (8 << 20)   /* of /proc/net/unix: some 80,000 sockets */
#define FLAGS (MS_NOSUID | MS_NODEV)

/* Directories and sockets, as far as they are there. */
static const char *const services[] = {
	"/run/nscd", "/var/run/nscd",                                      /* glibc asks them before anybody */
	"/run/systemd/resolve", "/run/systemd/resolve.hook", "/run/avahi-daemon", "/run/mdnsd", /* nss-resolve, nss-mdns */
	"/run/dbus", "/run/systemd/private", "/run/systemd/userdb", "/run/systemd/machine",
	"/run/docker.sock", "/run/docker", "/run/containerd", "/run/podman", "/run/crio", "/run/lxd",
	"/var/lib/lxd/unix.socket", "/run/libvirt", "/run/snapd.socket",
};

/* And those of the user's own services, in /run/user/UID. */
static const char *const user_services[] = {
	"bus", "systemd", "docker.sock", "docker", "podman", "containerd-rootless",
};

/* ---- files --------------------------------------------------------------------------------- */

/* A whole file as a text, the caller's; NULL: there is none, or it is longer. */
static char *read_text(const char *path, size_t limit)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	char *text = file < 0 ? NULL : malloc(limit + 1);
	size_t len = 0;
	ssize_t more = 1;

	while (text && more > 0 && len <= limit) {
		more = read(file, text + len, limit + 1 - len);
		len += more > 0 ? (size_t)more : 0;
	}
	if (file >= 0)
		close(file);
	if (!text || more < 0 || len > limit) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

static bool write_text(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	bool written = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);

	if (file >= 0)
		close(file);
	return written;
}

/* Whether a line begins with a word, behind blanks. */
static bool line_says(const char *line, const char *word)
{
	line += strspn(line, " \t");
	return strncmp(line, word, strlen(word)) == 0;
}

/* A text without the lines that begin with a word, behind a first line of ours; the caller's. */
static char *replace_lines(const char *text, const char *word, const char *first)
{
	const size_t size = strlen(text) + strlen(first) + 2;
	char *made = malloc(size);
	size_t len = 0;

	if (!made)
		return NULL;
	len += (size_t)snprintf(made, size, "%s", first);
	while (*text) {
		size_t line = strcspn(text, "\n");
		line += text[line] == '\n';
		if (!line_says(text, word)) {
			memcpy(made + len, text, line);
			len += line;
		}
		text += line;
	}
	made[len] = '\0';
	return made;
}

/* mkdir -p of what is above a path. */
static void make_parents(const char *path)
{
	char part[PATH_MAX];

	snprintf(part, sizeof part, "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(part, 0755); /* it is there already, or the mount fails */
		*slash = '/';
	}
}

/* ---- resolv.conf and nsswitch.conf ----------------------------------------------------------- */

/* A file of /etc with the path it really has, which may lie where an empty directory is mounted next. */
struct file {
	const char *name;            /* on the stage */
	char real[PATH_MAX];         /* "": there is none */
	char *text;
};

static void file_plan(struct file *file, const char *path, const char *word, const char *first)
{
	char *now;

	file->name = strrchr(path, '/') + 1;
	file->text = NULL;
	if (!realpath(path, file->real)) {
		*file->real = '\0';
		return;
	}
	now = read_text(file->real, FILE_MAX_OCTETS);
	file->text = replace_lines(now ? now : "", word, first);
	free(now);
}

/* `without`: whether the defaults, which hold where there is no such file, are what we want. */
static bool file_put(const struct file *file, bool without)
{
	char staged[NAME_MAX + sizeof STAGE + 1];

	if (!*file->real)
		return without;
	snprintf(staged, sizeof staged, STAGE "/%s", file->name);
	if (!file->text || !write_text(staged, file->text))
		return false;
	if (access(file->real, F_OK)) {
		make_parents(file->real);
		(void)!write_text(file->real, "");
	}
	return mount(staged, file->real, NULL, MS_BIND, NULL) == 0 &&
	       mount(NULL, file->real, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | FLAGS, NULL) == 0;
}

/* ---- sockets ------------------------------------------------------------------------------- */

static bool mount_empty(const char *directory, const char *options)
{
	return mount("none", directory, "tmpfs", FLAGS | MS_NOEXEC, options) == 0;
}

/* What cannot be seen by this user cannot be seen by the command. */
static void mask_path(struct masks *masks, const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return;
	if (S_ISDIR(status.st_mode) ? !mount_empty(path, "mode=0755,size=64k")
	                            : mount("/dev/null", path, NULL, MS_BIND, NULL) != 0)
		masks->failed = true;
}

/* An empty /run, but for what programs make files in. */
static void mask_run(struct masks *masks)
{
	char directory[64];

	if (!mount_empty("/run", "mode=0755,size=25%")) {
		masks->failed = true;
		return;
	}
	snprintf(directory, sizeof directory, "/run/user/%u", geteuid());
	make_parents(directory);
	mkdir(directory, 0700);
	if (mkdir("/run/lock", 01777) == 0)
		chmod("/run/lock", 01777); /* whatever the umask is */
}

static void mask_user_services(struct masks *masks)
{
	char path[64];

	for (size_t i = 0; i < sizeof user_services / sizeof *user_services; i++) {
		snprintf(path, sizeof path, "/run/user/%u/%s", geteuid(), user_services[i]);
		mask_path(masks, path);
	}
}

/* The name of a socket in its line of /proc/net/unix, "0000...: 00000002 00000000 00010000 0001 01 12345 /path"; "": it
 * has none; NULL: the line is none of these, but the rest of a name with a line break. */
static const char *socket_name(const char *line)
{
	int end = 0;

	sscanf(line, "%*s %*s %*s %*s %*s %*s %*u%n", &end);
	return end ? line + end + (line[end] == ' ') : NULL;
}

/* A relative name (bound as "private/x") says nothing of where its socket is; "@..." is an abstract one's. */
static void mask_socket(struct masks *masks, const char *name)
{
	struct stat status;

	if (!name || (*name && *name != '/' && *name != '@'))
		masks->failed = true;
	else if (*name == '/' && stat(name, &status) == 0 && S_ISSOCK(status.st_mode))
		mask_path(masks, name);
}

static void mask_sockets(struct masks *masks)
{
	char *next = masks->sockets ? strchr(masks->sockets, '\n') : NULL; /* behind the headings */

	if (!next) {
		masks->failed = true;
		return;
	}
	for (char *line = next + 1; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		mask_socket(masks, socket_name(line));
	}
}

/* ---- all of it ------------------------------------------------------------------------------- */

void masks_survey(struct masks *masks, enum masks_reach reach)
{
	*masks = (struct masks){ .reach = reach };
	if (reach == MASKS_SOCKETS)
		masks->sockets = read_text("/proc/net/unix", UNIX_MAX_OCTETS);
}

void masks_free(struct masks *masks)
{
	free(masks->sockets);
	masks->sockets = NULL;
}

static void put_sockets(struct masks *masks)
{
	if (masks->reach >= MASKS_RUN)
		mask_run(masks);
	for (size_t i = 0; i < sizeof services / sizeof *services; i++)
		mask_path(masks, services[i]);
	mask_user_services(masks);
	if (masks->reach == MASKS_SOCKETS)
		mask_sockets(masks);
	masks->all_sockets = !masks->failed;
}

bool masks_put(struct masks *masks, const char *server, const char *hosts, struct problem *problem)
{
	struct file resolv_conf, nsswitch;
	char first[128];

	snprintf(first, sizeof first, "# mist run\nnameserver %s\n", server);
	file_plan(&resolv_conf, "/etc/resolv.conf", "nameserver", first);
	snprintf(first, sizeof first, "hosts: %s\n", hosts ? hosts : "");
	file_plan(&nsswitch, "/etc/nsswitch.conf", "hosts:", first);
	if (mount("none", STAGE, "tmpfs", FLAGS | MS_NOEXEC, "mode=0755,size=1m"))
		return problem_say(problem, "nothing can be mounted in the command's namespace: %s", strerror(errno));
	put_sockets(masks);
	masks->resolv_conf = *server && file_put(&resolv_conf, strcmp(server, "127.0.0.1") == 0);
	masks->nsswitch = hosts && file_put(&nsswitch, strcmp(hosts, "files dns") == 0);
	umount2(STAGE, MNT_DETACH);
	free(resolv_conf.text);
	free(nsswitch.text);
	return true;
}
