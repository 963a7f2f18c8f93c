/*
 * See way_out.h.
 */
#include "launch/way_out.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAYS_MAX 300 /* octets of what pasta says that are shown */

/* It writes its process number, when it is ready, to what it is told to be a file: our pipe. */
#define READY_FILE "/proc/self/fd/1"

static void become_pasta(pid_t inside, pid_t caller, int output, int errors)
{
	char number[16], user[32];
	sigset_t none;
	const char *const arguments[] = {
		"pasta", "--foreground", "--quiet", "--config-net", "--pid", READY_FILE,
		"--tcp-ports", "none", "--udp-ports", "none",          /* nothing leads in */
		"--tcp-ns", "none", "--udp-ns", "none", "--no-map-gw", /* nor out to the host's loopback */
		"--runas", user, number, NULL,
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != caller)
		_exit(1);
	setsid(); /* what a terminal sends is not for it */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(number, sizeof number, "%d", (int)inside);
	snprintf(user, sizeof user, "%u:%u", geteuid(), getegid());
	int null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL); /* it ignores that itself, and takes it for an error if it finds it ignored */
	execvp(arguments[0], (char *const *)(uintptr_t)arguments);
	dprintf(STDERR_FILENO, "%s%s", strerror(errno), errno == ENOENT ? "; it comes with Debian's package passt" : "");
	_exit(127);
}

/* What it says of itself, as one line; it complains of a syslog that is not there as well. */
static void read_reason(int errors, char reason[SAYS_MAX + 1])
{
	char says[4096];
	ssize_t len = read(errors, says, sizeof says - 1);
	size_t at = 0;

	says[len > 0 ? len : 0] = '\0';
	for (char *next, *line = says; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (*line && strncmp(line, "Failed to send", 14) != 0 && at < SAYS_MAX)
			at += (size_t)snprintf(reason + at, SAYS_MAX + 1 - at, "%s%s", at ? "; " : "", line);
	}
	if (!at)
		snprintf(reason, SAYS_MAX + 1, "it does not say why");
}

/* Its number comes when all is ready; without it, the pipe ends with the program. */
static bool hear(int output, int errors, struct problem *problem)
{
	char number[32], reason[SAYS_MAX + 1];
	ssize_t len;

	do
		len = read(output, number, sizeof number);
	while (len < 0 && errno == EINTR);
	if (len > 0)
		return true;
	read_reason(errors, reason);
	return problem_say(problem, "pasta, the way out of the command's network, does not run: %s", reason);
}

bool way_out_open(pid_t *way_out, pid_t inside, struct problem *problem)
{
	const pid_t caller = getpid();
	int output[2], errors[2];

	if (pipe2(output, O_CLOEXEC) || pipe2(errors, O_CLOEXEC))
		return problem_say(problem, "no pipe: %s", strerror(errno));
	*way_out = fork();
	if (*way_out == 0)
		become_pasta(inside, caller, output[1], errors[1]);
	close(output[1]);
	close(errors[1]);
	bool ready = *way_out > 0 ? hear(output[0], errors[0], problem)
	                          : problem_say(problem, "no process: %s", strerror(errno));
	close(output[0]);
	close(errors[0]);
	return ready;
}

void way_out_close(pid_t *way_out)
{
	if (*way_out <= 0)
		return;
	kill(*way_out, SIGKILL);
	while (waitpid(*way_out, NULL, 0) < 0 && errno == EINTR)
		;
	*way_out = -1;
}
