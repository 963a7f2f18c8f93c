/*
 * Requests to the control socket: hostile lines through the connection, the reader of requests and the verbs of a
 * running server. Each line has one reply unless its verb is a silent one, and what is replied is JSON.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

#define LINES_MAX 64     /* of one input: each may be a commit */
#define SERVER_TIMES 500 /* inputs that meet what others have left behind */

static struct mist_server *server;
static struct control_options options;

static int reload(void *user, const struct mist_reporter *reporter)
{
	(void)user;
	reporter->report(reporter->user, MIST_LEVEL_WARNING, "file \377", 7, "text");
	return MIST_EFILE;
}

static void add_zone(struct mist_content *content, const char *name, bool registry)
{
	const struct mist_zone_options zone = { .size = sizeof(zone), .name = name, .registry = registry,
	                                        .dnssec = MIST_DNSSEC_OFF };
	if (mist_content_zone(content, &zone, NULL))
		abort();
}

static void begin(void)
{
	static unsigned times;
	const struct mist_options alone = { .size = sizeof(alone), .workers = 1 };
	struct mist_content *content;
	if (times++ % SERVER_TIMES)
		return;
	if (mist_stop(server) || mist_content_new(&content, NULL))
		abort();
	add_zone(content, "a.test", false);
	add_zone(content, "r.test", true);
	if (mist_start(&server, &alone, content))
		abort();
	options = (struct control_options){ .server = server, .reload = reload };
}

/* The lines that are there. Returns how many replies they have. */
static unsigned answer_lines(struct session *session, unsigned *lines)
{
	struct connection *connection = &session->connection;
	unsigned replies = 0;
	char *line;
	for (size_t len; *lines < LINES_MAX && (line = connection_line(connection, &len)); ++*lines) {
		const struct verb *verb;
		if (*lines % 4 == 3) { /* as when there is no thread for it yet */
			connection_unline(connection, len);
			line = connection_line(connection, &len);
		}
		json_t *request = request_read(session, line, len, &verb);
		replies += !request || !verb->silent;
		if (request)
			request_answer(session, verb, request);
		json_decref(request);
		connection_skip(connection, len);
	}
	return replies;
}

/* What the client has got and not looked at: part of a line. */
static char got[1 << 24];
static size_t got_len;

/* How many whole lines have come that end a reply. */
static unsigned read_replies(int client)
{
	unsigned replies = 0;
	char *line = got;
	for (ssize_t len; (len = recv(client, got + got_len, sizeof(got) - got_len, MSG_DONTWAIT)) > 0;)
		got_len += (size_t)len;
	for (char *end; (end = memchr(line, '\n', (size_t)(got + got_len - line))); line = end + 1) {
		json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);
		if (!json_is_object(object))
			abort();
		replies += json_object_get(object, "ok") != NULL;
		json_decref(object);
	}
	got_len -= (size_t)(line - got);
	memmove(got, line, got_len);
	return replies;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	struct session session = { .options = &options, .keeper = 1 };
	unsigned lines = 0, due = 0, replies = 0;
	int pair[2];

	begin();
	session.owners = owners_new(server);
	if (!session.owners || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) ||
	    send(pair[0], octets, len, MSG_NOSIGNAL) != (ssize_t)len)
		abort();
	shutdown(pair[0], SHUT_WR);
	connection_open(&session.connection, pair[1]);
	for (bool more = true; more && lines < LINES_MAX;) {
		more = connection_read(&session.connection);
		due += answer_lines(&session, &lines);
		do {
			replies += read_replies(pair[0]);
			connection_flush(&session.connection);
		} while (session.connection.out.len && !session.connection.failed);
	}
	replies += read_replies(pair[0]);
	if (session.connection.failed || replies != due || got_len)
		abort();
	edit_forget(&session);
	listen_forget(&session);
	owners_leave(session.owners, session.keeper);
	if (owners_keeps(session.owners, session.keeper))
		abort();
	owners_free(session.owners);
	connection_close(&session.connection);
	close(pair[0]);
	return 0;
}
