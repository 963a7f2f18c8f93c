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

static void become_pasta(pid_t inside, pid_t caller, int output)
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
	dup2(output, STDERR_FILENO);
	/* SIGPIPE stays ignored, as it is in mist: nobody reads what it says later. */
	execvp(arguments[0], (char *const *)(uintptr_t)arguments);
	dprintf(STDERR_FILENO, "%s%s", strerror(errno), errno == ENOENT ? "; it comes with Debian's package passt" : "");
	_exit(127);
}

/* Its number, or why there is none. */
static bool hear(int pipe, struct problem *problem)
{
	char says[SAYS_MAX + 1];
	size_t len = 0;
	ssize_t more;

	while (len < SAYS_MAX && ((more = read(pipe, says + len, SAYS_MAX - len)) > 0 || (more < 0 && errno == EINTR))) {
		len += more > 0 ? (size_t)more : 0;
		says[len] = '\0';
		char *last = strrchr(says, '\n');
		while (last && last > says && last[-1] != '\n')
			last--;
		if (last && atol(last) > 0)
			return true;
	}
	says[len] = '\0';
	for (char *at = says; *at; at++)
		if (*at < ' ')
			*at = ' ';
	return problem_say(problem, "pasta, the way out of the command's network, does not run: %s", says);
}

bool way_out_open(pid_t *way_out, pid_t inside, struct problem *problem)
{
	const pid_t caller = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return problem_say(problem, "no pipe: %s", strerror(errno));
	*way_out = fork();
	if (*way_out == 0)
		become_pasta(inside, caller, ends[1]);
	close(ends[1]);
	bool ready = *way_out > 0 ? hear(ends[0], problem) : problem_say(problem, "no process: %s", strerror(errno));
	close(ends[0]);
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
