#include "control/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/connection.h"
#include "control/socket.h"

struct client {
	int file;
	FILE *input;
	const int *files;     /* that go with the next request; NULL: none */
	char *line;
	size_t line_size;
	struct mist_reporter reporter;
};

static void say(const struct client *client, enum mist_level level, const char *file, unsigned line,
                const char *text)
{
	if (client->reporter.report)
		client->reporter.report(client->reporter.user, level, file, line, text);
}

int client_open(struct client **client_out, const char *socket, const struct mist_reporter *reporter)
{
	char problem[SOCKET_PROBLEM_SIZE];
	struct client *client = calloc(1, sizeof(*client));
	if (!client)
		return MIST_ENOMEM;
	if (reporter)
		client->reporter = *reporter;
	client->file = socket_connect(socket, problem);
	if (client->file < 0) {
		int error = client->file;
		say(client, MIST_LEVEL_ERROR, NULL, 0, problem);
		free(client);
		return error;
	}
	client->input = fdopen(client->file, "r");
	if (!client->input) {
		close(client->file);
		free(client);
		return MIST_ENOMEM;
	}
	*client_out = client;
	return MIST_OK;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	fclose(client->input);
	free(client->line);
	free(client);
}

void client_attach(struct client *client, const int files[2])
{
	client->files = files;
}

static ssize_t send_some(struct client *client, char *text, size_t len)
{
	union { struct cmsghdr header; char octets[CMSG_SPACE(2 * sizeof(int))]; } control = {
		.header = { .cmsg_len = CMSG_LEN(2 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS },
	};
	struct iovec piece = { text, len };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	if (client->files) {
		memcpy(CMSG_DATA(&control.header), client->files, 2 * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	ssize_t went = sendmsg(client->file, &message, MSG_NOSIGNAL);
	if (went > 0)
		client->files = NULL;
	return went;
}

int client_send(struct client *client, json_t *request)
{
	if (!request) {
		say(client, MIST_LEVEL_ERROR, NULL, 0, "text is UTF-8; in names and records write other octets as \\DDD");
		return MIST_EINVAL;
	}
	char *text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (!text)
		return MIST_ENOMEM;
	size_t len = strlen(text), sent = 0;
	text[len++] = '\n'; /* in place of the NUL */
	while (sent < len) {
		ssize_t went = send_some(client, text + sent, len - sent);
		if (went < 0 && errno != EINTR)
			break;
		sent += went > 0 ? (size_t)went : 0;
	}
	free(text);
	/* A server that went away may have said why before: that is read by whoever waits for a reply. */
	return sent == len ? MIST_OK : MIST_ENETWORK;
}

static json_t *line_read(struct client *client)
{
	ssize_t len = getline(&client->line, &client->line_size, client->input);
	return len > 0 ? json_loadb(client->line, (size_t)len, 0, NULL) : NULL;
}

static void message_show(const struct client *client, const json_t *message, const char *level)
{
	enum mist_level number = strcmp(level, "error") == 0 ? MIST_LEVEL_ERROR
	                       : strcmp(level, "warning") == 0 ? MIST_LEVEL_WARNING
	                       : strcmp(level, "info") == 0 ? MIST_LEVEL_INFO : MIST_LEVEL_DEBUG;
	const char *text = json_string_value(json_object_get(message, "text"));
	say(client, number, json_string_value(json_object_get(message, "file")),
	    (unsigned)json_integer_value(json_object_get(message, "line")), text ? text : "");
}

/* The outcome that a last line tells. */
static int outcome(const struct client *client, const json_t *line)
{
	if (json_is_true(json_object_get(line, "ok")))
		return MIST_OK;
	int code = (int)json_integer_value(json_object_get(line, "code"));
	const char *text = json_string_value(json_object_get(line, "error"));
	say(client, MIST_LEVEL_ERROR, NULL, 0, text ? text : mist_strerror(code));
	return code < 0 ? code : MIST_EINTERNAL;
}

int client_call(struct client *client, json_t *request, client_part *part, void *user,
                json_t **reply)
{
	int error = client_send(client, request);
	if (error && error != MIST_ENETWORK)
		return error;
	for (json_t *line; (line = line_read(client)); json_decref(line)) {
		const char *level = json_string_value(json_object_get(line, "level"));
		if (level) {
			message_show(client, line, level);
		} else if (json_object_get(line, "ok")) {
			error = outcome(client, line);
			if (!error && reply)
				*reply = json_incref(line);
			json_decref(line);
			return error;
		} else if (part && (error = part(user, line))) {
			json_decref(line);
			return error;
		}
	}
	say(client, MIST_LEVEL_ERROR, NULL, 0, "the server went away before it had answered");
	return MIST_ENETWORK;
}

void client_wait(struct client *client)
{
	json_t *line;
	while ((line = line_read(client)))
		json_decref(line);
}
