/*
 * See launch.h.
 */
#include "launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/namespaces.h"
#include "launch/way_out.h"

/* What is for the command when it is sent to us. SIGTSTP and SIGCONT are not: a terminal sends them to both. */
static const int passed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };

/* ---- signals and the terminal -------------------------------------------------------------------- */

static bool take_signals(struct launch *launch)
{
	sigset_t taken;

	signal(SIGCHLD, SIG_DFL); /* who ignores it has no children to wait for */
	sigemptyset(&taken);
	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
		sigaddset(&taken, passed_on[i]);
	sigprocmask(SIG_BLOCK, &taken, &launch->signals);
	launch->signals_fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
	return launch->signals_fd >= 0;
}

/* The terminal whose foreground we are; -1: none. */
static int terminal_open(void)
{
	int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (terminal >= 0 && tcgetpgrp(terminal) != getpgrp()) {
		close(terminal);
		terminal = -1;
	}
	return terminal;
}

/* A shell in there made its own group the terminal's, and could not give it back to ours, which it does not see. */
static void terminal_take_back(const struct launch *launch)
{
	sigset_t output, before;
	const pid_t front = launch->terminal < 0 ? -1 : tcgetpgrp(launch->terminal);

	/* A group that is still there has it by right: the shell's, when our job ends in the background. */
	if (front <= 0 || front == getpgrp() || kill(-front, 0) == 0 || errno != ESRCH)
		return;
	sigemptyset(&output);
	sigaddset(&output, SIGTTOU);
	sigprocmask(SIG_BLOCK, &output, &before);
	tcsetpgrp(launch->terminal, getpgrp());
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* ---- before it runs ------------------------------------------------------------------------------ */

static const enum masks_reach reaches[] = {
	[LAUNCH_HOST] = MASKS_NAMES, [LAUNCH_EGRESS] = MASKS_RUN, [LAUNCH_LOOPBACK] = MASKS_SOCKETS,
};

static bool clone_init(struct launch *launch, struct problem *problem)
{
	const struct launch_options *options = &launch->options;
	int ends[2];

	if (!note_pair(ends))
		return problem_say(problem, "no sockets: %s", strerror(errno));
	struct init init = {
		.net = options->net,
		.program = { options->command, options->node_preload, launch->signals },
		.hosts = options->hosts,
		.channel = ends[1],
	};
	masks_survey(&init.masks, reaches[options->net]);
	launch->init = namespaces_clone(options->net != LAUNCH_HOST, &launch->pidfd, problem);
	if (launch->init == 0)
		init_run(&init);
	masks_free(&init.masks);
	close(ends[1]);
	launch->channel = ends[0];
	return launch->init > 0;
}

/* What init says next, which should be of that kind; else it has failed, and says so. */
static bool hear(struct launch *launch, enum note_kind kind, struct note *note, int *fds, struct problem *problem)
{
	if (!note_receive(launch->channel, note, fds))
		return problem_say(problem, "the command's init was killed");
	if (note->kind == kind)
		return true;
	memcpy(problem->text, note->text, sizeof problem->text);
	return false;
}

static bool say(struct launch *launch, const struct note *note, struct problem *problem)
{
	return note_send(launch->channel, note, NULL) || problem_say(problem, "the command's init was killed");
}

bool launch_begin(struct launch *launch, const struct launch_options *options, struct problem *problem)
{
	struct note note = { .code = 0 };

	*launch = (struct launch){ .options = *options, .signals_fd = -1, .channel = -1, .pidfd = -1, .terminal = -1,
	                           .init = -1, .way_out = -1, .fds = { -1, -1 }, .address = "127.0.0.1" };
	if (!take_signals(launch))
		return problem_say(problem, "no descriptors: %s", strerror(errno));
	launch->terminal = terminal_open();
	if (!clone_init(launch, problem) || !hear(launch, NOTE_BOUND, &note, launch->fds, problem))
		return false;
	if (options->net == LAUNCH_EGRESS && !way_out_open(&launch->way_out, launch->init, problem))
		return false;
	if (options->net == LAUNCH_HOST && options->port53 &&
	    !port53_bind_alias(launch->address, launch->fds, &launch->no_port53))
		launch->fds[0] = launch->fds[1] = -1;
	return true;
}

bool launch_dress(struct launch *launch, uint16_t port, struct problem *problem)
{
	const bool ours = launch->fds[0] >= 0;
	struct note note = { .kind = NOTE_DRESS, .code = ours ? 53 : port };

	snprintf(note.text, sizeof note.text, "%s", ours ? launch->address : "127.0.0.1");
	if (!say(launch, &note, problem) || !hear(launch, NOTE_READY, &note, NULL, problem))
		return false;
	launch->facts = (unsigned)note.code;
	return true;
}

/* What a terminal sends, it sends to the command as well, which is in our process group: if it is there already. */
static void pass_on(const struct launch *launch, bool terminals)
{
	struct signalfd_siginfo signal;

	while (read(launch->signals_fd, &signal, sizeof signal) == sizeof signal)
		if (terminals || signal.ssi_code != SI_KERNEL)
			note_send(launch->channel, &(struct note){ .kind = NOTE_SIGNAL, .code = (int)signal.ssi_signo }, NULL);
}

bool launch_run(struct launch *launch, struct problem *problem)
{
	const bool told = say(launch, &(struct note){ .kind = NOTE_RUN }, problem);

	pass_on(launch, true); /* what came before there was a command */
	return told;
}

/* ---- while it runs ------------------------------------------------------------------------------- */

static int exit_code(const struct launch *launch)
{
	siginfo_t info = { 0 };

	while (waitid(P_PID, (id_t)launch->init, &info, WEXITED) < 0 && errno == EINTR)
		;
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

int launch_wait(struct launch *launch, struct problem *problem)
{
	struct pollfd polls[] = { { .fd = launch->pidfd, .events = POLLIN }, { .fd = launch->channel, .events = POLLIN },
	                          { .fd = launch->signals_fd, .events = POLLIN } };
	struct note note = { .code = 0 };

	*problem->text = '\0';
	while (!polls[0].revents) {
		if (poll(polls, 3, -1) < 0)
			continue;
		if (polls[1].revents && !note_receive(launch->channel, &note, NULL))
			polls[1].fd = -1;
		else if (polls[1].revents && note.kind == NOTE_FAILED)
			memcpy(problem->text, note.text, sizeof problem->text);
		if (polls[2].revents)
			pass_on(launch, false);
	}
	int code = exit_code(launch);
	launch->init = -1;
	return code;
}

static void close_file(int *file)
{
	if (*file >= 0)
		close(*file);
	*file = -1;
}

void launch_end(struct launch *launch)
{
	if (launch->init > 0) {
		kill(launch->init, SIGKILL);
		exit_code(launch);
		launch->init = -1;
	}
	way_out_close(&launch->way_out);
	terminal_take_back(launch);
	close_file(&launch->terminal);
	close_file(&launch->channel);
	close_file(&launch->pidfd);
	close_file(&launch->signals_fd);
}
