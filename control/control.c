#include "control/control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/request.h"
#include "control/session.h"
#include "control/socket.h"

enum {
	SESSIONS_MAX = 4096, /* each a descriptor: a launcher may hold one for every container it runs */
	RETRY_MS = 100,      /* after a failed accept: descriptors that are missing come back */
};

/* Threads at once; requests beyond wait for one. Those that commit meet in the server and share what a
 * commit costs. */
static const unsigned apart_max[PACE_COUNT] = { [PACE_COMMIT] = 16, [PACE_LASTING] = 4 };

struct control {
	struct control_options options;
	struct socket_listener listener;
	struct owners *owners;
	uint64_t last_keeper;
	pthread_t thread;
	atomic_bool stop;
	int wake;            /* eventfd: stop, or a thread is done */
	struct session **sessions;
	struct pollfd *polls;/* [0] wake, [1] listener, then the sessions */
	size_t count;
	unsigned apart[PACE_COUNT];
};

/* ---- threads ---------------------------------------------------------------------------------- */

static void *work_apart(void *argument)
{
	struct session *session = argument;
	const uint64_t one = 1;
	connection_patient(&session->connection);
	request_answer(session, session->verb, session->request);
	connection_flush(&session->connection);
	session->connection.patient = false;
	json_decref(session->request);
	int wake = session->wake;
	atomic_store(&session->done, true);
	return (void *)(uintptr_t)(write(wake, &one, sizeof(one)) < 0);
}

/* Takes the request. False: there is no thread for it yet. */
static bool start_apart(struct control *control, struct session *session, const struct verb *verb,
                        json_t *request)
{
	sigset_t all, before;
	if (control->apart[verb->pace] == apart_max[verb->pace])
		return false;
	session->verb = verb;
	session->request = request;
	atomic_store(&session->done, false);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	session->apart = pthread_create(&session->thread, NULL, work_apart, session) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (session->apart) {
		control->apart[verb->pace]++;
	} else {
		request_refuse(session, MIST_ENOMEM, "no thread for this request");
		json_decref(request);
	}
	return true;
}

/* False: later. */
static bool take_line(struct control *control, struct session *session, const char *line,
                      size_t len)
{
	const struct verb *verb;
	json_t *request = request_read(session, line, len, &verb);
	if (!request)
		return true;
	bool taken = true;
	if (verb->pace != PACE_AT_ONCE) {
		taken = start_apart(control, session, verb, request);
		request = taken ? NULL : request; /* the thread's own: counts of references are for one */
	} else {
		request_answer(session, verb, request);
	}
	json_decref(request);
	return taken;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void session_end(struct session *session)
{
	edit_forget(session);
	listen_forget(session);
	connection_close(&session->connection);
	free(session);
}

/* Requests that have come whole; stops where a thread begins, or where the client does not take what
 * it asked for. */
static void take_lines(struct control *control, struct session *session)
{
	struct connection *connection = &session->connection;
	size_t len;
	char *line;
	session->waiting = false;
	while (!session->apart && !connection->failed && !connection->out.len &&
	       (line = connection_line(connection, &len))) {
		if (!take_line(control, session, line, len)) {
			connection_unline(connection, len);
			session->waiting = true;
			return;
		}
		connection_skip(connection, len);
	}
	/* Not after each line: descriptors that come with a later one are here when the first is answered. */
	if (!session->apart && !connection->in.len)
		connection_drop_files(connection);
	if (!session->apart && connection->in.len > CONNECTION_LINE_MAX && !connection->out.len) {
		request_refuse(session, MIST_ELIMIT, "a line of more than 512 KiB");
		connection->failed = true;
	}
}

/* All of them before anybody is tended: who waits for a thread may come first in the list, and nothing wakes
 * it a second time. */
static void collect_done(struct control *control)
{
	for (size_t i = 0; i < control->count; i++) {
		struct session *session = control->sessions[i];
		if (!session->apart || !atomic_load(&session->done))
			continue;
		pthread_join(session->thread, NULL);
		session->apart = false;
		session->waiting = true; /* to be tended: its next request may be there already */
		control->apart[session->verb->pace]--;
	}
}

static void tend_session(struct control *control, struct session *session, short events)
{
	struct connection *connection = &session->connection;
	if (session->apart)
		return;
	if (events & POLLOUT) {
		connection_flush(connection);
	} else if (events && !connection_read(connection)) {
		connection->failed = true;
	}
	take_lines(control, session);
}

static void take_clients(struct control *control)
{
	int file;
	while ((file = socket_accept(&control->listener)) >= 0) {
		struct session *session = control->count < SESSIONS_MAX ? calloc(1, sizeof(*session)) : NULL;
		if (!session) {
			struct session refused = { 0 };
			connection_open(&refused.connection, file);
			request_refuse(&refused, MIST_EBUSY, "too many connections to the control socket; try again");
			connection_close(&refused.connection);
			continue;
		}
		connection_open(&session->connection, file);
		session->options = &control->options;
		session->owners = control->owners;
		session->keeper = ++control->last_keeper;
		session->wake = control->wake;
		control->sessions[control->count++] = session;
	}
	if (errno != EAGAIN) /* no descriptors: the one who waits stays readable, so do not spin */
		poll(NULL, 0, RETRY_MS);
}

static int run_leave(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	(void)request;
	(void)reply;
	(void)problem;
	owners_leave(session->owners, session->keeper);
	return MIST_OK;
}

/* Takes back the names that the session keeps; they are commits. False: it is not over yet. */
static bool session_left(struct control *control, struct session *session)
{
	static const struct verb leave = { "leave", run_leave, PACE_COMMIT, true };
	if (!owners_keeps(control->owners, session->keeper))
		return true;
	session->waiting = !start_apart(control, session, &leave, NULL);
	if (session->waiting || session->apart)
		return false;
	owners_leave(control->owners, session->keeper); /* without a thread, everybody waits */
	return true;
}

static void forget_failed(struct control *control)
{
	size_t kept = 0;
	for (size_t i = 0; i < control->count; i++) {
		struct session *session = control->sessions[i];
		if (!session->apart && session->connection.failed && session_left(control, session))
			session_end(session);
		else
			control->sessions[kept++] = session;
	}
	control->count = kept;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static size_t fill_polls(struct control *control)
{
	control->polls[0] = (struct pollfd){ .fd = control->wake, .events = POLLIN };
	control->polls[1] = (struct pollfd){ .fd = control->listener.file, .events = POLLIN };
	for (size_t i = 0; i < control->count; i++) {
		const struct session *session = control->sessions[i];
		control->polls[2 + i] = (struct pollfd){
			.fd = session->apart || session->waiting ? -1 : session->connection.file,
			.events = session->apart || !session->connection.out.len ? POLLIN : POLLOUT,
		};
	}
	return 2 + control->count;
}

static void *control_run(void *argument)
{
	struct control *control = argument;
	uint64_t wakes;
	while (!atomic_load(&control->stop)) {
		size_t count = fill_polls(control), sessions = control->count;
		if (poll(control->polls, count, -1) < 0)
			continue;
		if (control->polls[0].revents && read(control->wake, &wakes, sizeof(wakes)) < 0)
			continue; /* nonblocking: somebody else's wake-up is none for us */
		collect_done(control);
		for (size_t i = 0; i < sessions; i++)
			if (control->sessions[i]->waiting || control->polls[2 + i].revents)
				tend_session(control, control->sessions[i], control->polls[2 + i].revents);
		if (control->polls[1].revents)
			take_clients(control);
		forget_failed(control);
	}
	return NULL;
}

static void control_free(struct control *control)
{
	if (control->wake >= 0)
		close(control->wake);
	owners_free(control->owners);
	free(control->sessions);
	free(control->polls);
	free(control);
}

static int thread_start(struct control *control)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&control->thread, NULL, control_run, control);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error ? MIST_ENOMEM : MIST_OK;
}

int control_start(struct control **control_out, const struct control_options *options,
                  enum mist_level level, const struct mist_reporter *reporter)
{
	char problem[SOCKET_PROBLEM_SIZE] = "no memory for the control socket";
	struct control *control = calloc(1, sizeof(*control));
	if (!control)
		return MIST_ENOMEM;
	control->options = *options;
	control->sessions = calloc(SESSIONS_MAX, sizeof(*control->sessions));
	control->polls = calloc(SESSIONS_MAX + 2, sizeof(*control->polls));
	control->owners = owners_new(options->server);
	control->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int error = MIST_ENOMEM;
	if (control->sessions && control->polls && control->owners && control->wake >= 0)
		error = socket_listen(&control->listener, options->socket, problem);
	if (!error) {
		error = thread_start(control);
		if (error)
			socket_close(&control->listener);
	}
	if (error) {
		if (reporter && reporter->report)
			reporter->report(reporter->user, level, NULL, 0, problem);
		control_free(control);
		return error;
	}
	*control_out = control;
	return MIST_OK;
}

void control_stop(struct control *control)
{
	const uint64_t one = 1;
	if (!control)
		return;
	atomic_store(&control->stop, true);
	owners_stop(control->owners); /* names go with the server */
	while (write(control->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(control->thread, NULL);
	/* First nobody new, then those whose threads wait for a client. */
	socket_close(&control->listener);
	for (size_t i = 0; i < control->count; i++)
		shutdown(control->sessions[i]->connection.file, SHUT_RDWR);
	for (size_t i = 0; i < control->count; i++) {
		if (control->sessions[i]->apart)
			pthread_join(control->sessions[i]->thread, NULL);
		session_end(control->sessions[i]);
	}
	control_free(control);
}
