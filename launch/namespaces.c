/*
 * See namespaces.h.
 */
#include "launch/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Noted before the clone: the new process is nobody until it has written its maps. */
static uid_t user;
static gid_t group;
static bool mapped;

static pid_t clone_into(uint64_t namespaces, int *pidfd)
{
	struct clone_args arguments = {
		.flags = namespaces | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};

	return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

static bool explain(struct problem *problem, int why)
{
	const char *hint = "";

	if (why == EPERM || why == EACCES)
		hint = ": user namespaces are forbidden here; look at sysctl kernel.unprivileged_userns_clone=1, "
		       "kernel.apparmor_restrict_unprivileged_userns=0 and, in a container, at its seccomp profile";
	else if (why == ENOSPC || why == EUSERS)
		hint = ": there may be no more of them; raise sysctl user.max_user_namespaces, user.max_pid_namespaces, "
		       "user.max_mnt_namespaces or user.max_net_namespaces";
	else if (why == ENOSYS)
		hint = ": the kernel is older than 5.3, or a seccomp profile hides clone3";
	else if (why == EINVAL)
		hint = ": the kernel is built without user, PID or network namespaces";
	return problem_say(problem, "no namespaces for the command (%s)%s. Without them, run `mist serve` and tell the "
	                   "program where it listens", strerror(why), hint);
}

pid_t namespaces_clone(bool network, int *pidfd, struct problem *problem)
{
	const uint64_t others = CLONE_NEWNS | CLONE_NEWPID | (network ? CLONE_NEWNET : 0);

	user = geteuid();
	group = getegid();
	mapped = true;
	pid_t pid = clone_into(CLONE_NEWUSER | others, pidfd);
	const int why = errno;
	if (pid < 0 && user == 0) {
		mapped = false;
		pid = clone_into(others, pidfd);
	}
	if (pid < 0)
		explain(problem, why);
	return pid;
}

static bool write_text(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	if (file < 0)
		return false;
	bool written = write(file, text, strlen(text)) == (ssize_t)strlen(text);
	int why = errno;
	close(file);
	errno = why;
	return written;
}

static bool map(const char *path, unsigned id)
{
	char text[32];

	snprintf(text, sizeof text, "%u %u 1\n", id, id);
	return write_text(path, text);
}

bool namespaces_settle(struct problem *problem)
{
	/* Without privileges a group map wants setgroups() to be given up first. */
	if (mapped && ((!write_text("/proc/self/setgroups", "deny") && errno != ENOENT) ||
	               !map("/proc/self/gid_map", group) || !map("/proc/self/uid_map", user)))
		return problem_say(problem, "user %u cannot be mapped into a user namespace: %s", user, strerror(errno));
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return problem_say(problem, "mounts cannot be made private: %s", strerror(errno));
	return true;
}

/* glibc does not count 127.0.0.1 when programs want addresses of those families only that are configured
 * (AI_ADDRCONFIG), and would find none. Others of 127.0.0.0/8 it counts. */
static bool count_as_configured(int any)
{
	struct ifreq second = { .ifr_name = "lo:1" };
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };

	memcpy(&second.ifr_addr, &address, sizeof address);
	return ioctl(any, SIOCSIFADDR, &second) == 0;
}

bool namespaces_loopback_up(struct problem *problem)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up = any >= 0 && ioctl(any, SIOCSIFFLAGS, &lo) == 0 && count_as_configured(any);

	if (!up)
		problem_say(problem, "the loopback interface of a new network does not come up: %s", strerror(errno));
	if (any >= 0)
		close(any);
	return up;
}

bool namespaces_proc(void)
{
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

/* A mount has flags of its own: what is mounted below /proc/sys, where /proc is the caller's, is another. */
static bool seal(const char *path)
{
	const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	return (access(path, F_OK) && errno == ENOENT) ||
	       (mount(path, path, NULL, MS_BIND | MS_REC, NULL) == 0 &&
	        mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL) == 0);
}

bool namespaces_seal(void)
{
	/* Not for others: a mount there forbids /proc to namespaces that the command makes. */
	return user != 0 || (seal("/proc/sys") && seal("/proc/sys/fs/binfmt_misc") && seal("/proc/sysrq-trigger"));
}
