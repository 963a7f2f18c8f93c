/*
 * See init.h. init_run() tells the story.
 */
#include "launch/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/namespaces.h"
#include "launch/port53.h"
#include "launch/rights.h"
#include "launch/ports.h"

#define NAME_SERVER "127.0.0.1" /* in a network of its own: what every resolver takes without a resolv.conf too */

enum { EXIT_SETUP = 125, EXIT_GONE = 137 }; /* 128 + SIGKILL, what ends us when the caller has gone */

static noreturn void fail(const struct init *init, const struct problem *problem)
{
	struct note note = { .kind = NOTE_FAILED, .code = EXIT_SETUP };

	memcpy(note.text, problem->text, sizeof note.text);
	note_send(init->channel, &note, NULL);
	_exit(EXIT_SETUP);
}

static void tell(const struct init *init, enum note_kind kind, int code, const int *fds)
{
	const struct note note = { .kind = kind, .code = code };

	if (!note_send(init->channel, &note, fds))
		_exit(EXIT_GONE);
}

/* The caller's next note, which must be of that kind. */
static void await(const struct init *init, enum note_kind kind, struct note *note)
{
	if (!note_receive(init->channel, note, NULL) || note->kind != kind)
		_exit(EXIT_GONE);
}

/* ---- before the command ------------------------------------------------------------------------ */

/* Port 53 of a new network goes to the caller, whose server has it from then on. */
static void hand_over(const struct init *init, struct problem *problem)
{
	int fds[NOTE_FDS];

	if (init->net == LAUNCH_HOST) {
		tell(init, NOTE_BOUND, 0, NULL);
		return;
	}
	if (!namespaces_loopback_up(problem))
		fail(init, problem);
	if (!port53_bind(NAME_SERVER, fds)) {
		problem_say(problem, "port 53 cannot be bound in the command's own network: %s", strerror(errno));
		fail(init, problem);
	}
	tell(init, NOTE_BOUND, 0, fds);
	close(fds[0]);
	close(fds[1]);
}

/* A directory is a way below what is mounted over it, and so is a descriptor of a path. */
static bool standard_files_lead_nowhere(struct problem *problem)
{
	struct stat status;

	for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++)
		if (fstat(file, &status) == 0 && (S_ISDIR(status.st_mode) || fcntl(file, F_GETFL) & O_PATH))
			return problem_say(problem, "standard file %d is a directory or a path, by which the command would reach "
			                   "what is masked: give it another, as with </dev/null", file);
	return true;
}

/* The working directory by its path, since ours still is below the masks; the root, where it has gone with them. */
static bool enter_again(const char *directory, struct problem *problem)
{
	return (*directory == '/' && chdir(directory) == 0) || chdir("/") == 0 ||
	       problem_say(problem, "no working directory: %s", strerror(errno));
}

/* Everything that needs the rights that are given up at its end; returns FACT_* bits. */
static unsigned dress(struct init *init, const struct note *server, struct problem *problem)
{
	unsigned facts = 0;
	const bool ours = server->code == 53;
	char directory[PATH_MAX];

	if (!standard_files_lead_nowhere(problem))
		fail(init, problem);
	if (!getcwd(directory, sizeof directory))
		*directory = '\0'; /* it is removed, or too deep */
	if (init->net == LAUNCH_EGRESS) {
		if (!ports_shut(problem))
			fail(init, problem);
		facts |= FACT_PORTS_SHUT;
	}
	if (!masks_put(&init->masks, ours ? server->text : "", ours ? "files dns" : init->hosts, problem))
		fail(init, problem);
	facts |= ours ? FACT_PORT53 : 0;
	facts |= init->masks.resolv_conf ? FACT_RESOLV_CONF : 0;
	facts |= init->masks.nsswitch ? FACT_NSSWITCH : 0;
	facts |= init->masks.nsswitch && !ours && init->hosts ? FACT_NSS_MODULE : 0;
	facts |= init->masks.all_sockets ? FACT_SOCKETS : 0;
	facts |= init->program.node_preload ? FACT_NODE : 0;
	facts |= namespaces_proc() ? FACT_PROC : 0;
	facts |= namespaces_seal() ? FACT_PRIVILEGES : 0;
	if (!enter_again(directory, problem) || !rights_give_up(init->net == LAUNCH_LOOPBACK, problem))
		fail(init, problem);
	return facts;
}

/* ---- while it runs ----------------------------------------------------------------------------- */

/* What the command has open it has alone: a reader waits for its end, not for ours. */
static void let_go_of_standard_files(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int file = STDIN_FILENO; null >= 0 && file <= STDERR_FILENO; file++)
		dup2(null, file);
}

/* Buries who has died; ends with the command. */
static void reap(pid_t command)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == command && WIFEXITED(status))
			_exit(WEXITSTATUS(status));
		else if (pid == command && WIFSIGNALED(status))
			_exit(128 + WTERMSIG(status));
}

static noreturn void stand_by(const struct init *init, pid_t command, int children)
{
	struct pollfd polls[] = { { .fd = init->channel, .events = POLLIN }, { .fd = children, .events = POLLIN } };
	struct signalfd_siginfo died;
	struct note note = { .code = 0 };

	for (;;) {
		if (poll(polls, 2, -1) < 0)
			continue;
		if (polls[1].revents && read(children, &died, sizeof died) > 0)
			reap(command);
		if (!polls[0].revents)
			continue;
		if (!note_receive(init->channel, &note, NULL))
			_exit(EXIT_GONE);
		if (note.kind == NOTE_SIGNAL)
			kill(command, note.code);
	}
}

static int watch_children(void)
{
	sigset_t all, child;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	return signalfd(-1, &child, SFD_CLOEXEC);
}

noreturn void init_run(struct init *init)
{
	struct problem problem = { "" };
	struct note note = { .code = 0 };

	prctl(PR_SET_NAME, "mist-init");
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* and if the caller has gone already, the first note is not sent */
	if (!descriptors_close(init->channel, &problem) || !namespaces_settle(&problem))
		fail(init, &problem);
	hand_over(init, &problem);
	await(init, NOTE_DRESS, &note);
	const unsigned facts = dress(init, &note, &problem);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* changes of credentials may have cleared it */
	const struct note server = note;
	const int children = watch_children();
	tell(init, NOTE_READY, (int)facts, NULL);
	await(init, NOTE_RUN, &note);
	pid_t command = program_start(&init->program, server.text, server.code, init->channel);
	if (command < 0 || children < 0) {
		problem_say(&problem, "no process for the command: %s", strerror(errno));
		fail(init, &problem);
	}
	let_go_of_standard_files();
	stand_by(init, command, children);
}
