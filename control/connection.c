#include "control/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	READ_SIZE = 16 * 1024,         /* room made for one read */
	OUT_KEPT_MAX = 64 * 1024,      /* a patient connection sends when more than this waits */
	IDLE_MS = 10 * 1000,           /* a client that takes nothing for so long holds a zone no longer */
	TOTAL_MS = 10 * 60 * 1000,     /* a zone of a million names takes seconds */
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void connection_open(struct connection *connection, int file)
{
	*connection = (struct connection){ .file = file };
}

void connection_close(struct connection *connection)
{
	connection_drop_files(connection);
	close(connection->file);
	free(connection->in.octets);
	free(connection->out.octets);
}

static bool reserve(struct connection_buffer *buffer, size_t more)
{
	size_t size = buffer->size ? buffer->size : READ_SIZE;
	while (size - buffer->len < more)
		size *= 2;
	if (size == buffer->size)
		return true;
	char *octets = realloc(buffer->octets, size);
	if (!octets)
		return false;
	buffer->octets = octets;
	buffer->size = size;
	return true;
}

/* A client that waits costs no memory but its struct. */
static void release_empty(struct connection_buffer *buffer)
{
	if (buffer->len)
		return;
	free(buffer->octets);
	*buffer = (struct connection_buffer){ 0 };
}

void connection_drop_files(struct connection *connection)
{
	while (connection->file_count > 0)
		close(connection->files[--connection->file_count]);
}

/* Those beyond the few that a request may have are closed. */
static void keep_files(struct connection *connection, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
			int file;
			memcpy(&file, (const char *)c + at, sizeof(file));
			if (connection->file_count < CONNECTION_FILES_MAX)
				connection->files[connection->file_count++] = file;
			else
				close(file);
		}
	}
}

bool connection_read(struct connection *connection)
{
	struct connection_buffer *in = &connection->in;
	if (in->len > CONNECTION_LINE_MAX || !reserve(in, READ_SIZE))
		return false;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(CONNECTION_FILES_MAX * sizeof(int))];
	struct iovec piece = { in->octets + in->len, in->size - in->len };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control,
	                          .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(connection->file, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got >= 0)
		keep_files(connection, &message);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0)
		return false;
	in->len += (size_t)got;
	return true;
}

char *connection_line(struct connection *connection, size_t *len)
{
	struct connection_buffer *in = &connection->in;
	char *end = in->len ? memchr(in->octets, '\n', in->len) : NULL;
	if (!end)
		return NULL;
	*end = '\0';
	*len = (size_t)(end - in->octets);
	return in->octets;
}

void connection_unline(struct connection *connection, size_t len)
{
	connection->in.octets[len] = '\n';
}

void connection_skip(struct connection *connection, size_t len)
{
	struct connection_buffer *in = &connection->in;
	in->len -= len + 1;
	memmove(in->octets, in->octets + len + 1, in->len);
	release_empty(in);
}

/* False: nothing went, and the client is to be waited for no longer. */
static bool wait_writable(struct connection *connection)
{
	struct pollfd file = { .fd = connection->file, .events = POLLOUT };
	return now_ms() < connection->patient_until_ms && poll(&file, 1, IDLE_MS) > 0;
}

void connection_flush(struct connection *connection)
{
	struct connection_buffer *out = &connection->out;
	size_t sent = 0;
	while (sent < out->len && !connection->failed) {
		ssize_t went = send(connection->file, out->octets + sent, out->len - sent,
		                    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (went >= 0) {
			sent += (size_t)went;
		} else if (errno == EAGAIN) {
			if (!connection->patient)
				break;
			connection->failed = !wait_writable(connection);
		} else {
			connection->failed = errno != EINTR;
		}
	}
	out->len -= sent;
	if (sent && out->len)
		memmove(out->octets, out->octets + sent, out->len);
	release_empty(out);
}

void connection_send(struct connection *connection, json_t *object)
{
	struct connection_buffer *out = &connection->out;
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;
	json_decref(object);
	/* Without memory for a reply the client must not wait for it. */
	connection->failed = connection->failed || !text || !reserve(out, len + 1);
	if (!connection->failed) {
		memcpy(out->octets + out->len, text, len);
		out->octets[out->len + len] = '\n';
		out->len += len + 1;
	}
	free(text);
	if (!connection->patient || out->len > OUT_KEPT_MAX)
		connection_flush(connection);
}

void connection_patient(struct connection *connection)
{
	connection->patient = true;
	connection->patient_until_ms = now_ms() + TOTAL_MS;
}

json_t *connection_text(const char *text)
{
	json_t *string = json_string(text);
	if (string)
		return string;
	char *copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *c = copy; *c; c++)
		*c = (unsigned char)*c < 128 ? *c : '?';
	string = json_string(copy);
	free(copy);
	return string;
}

static void send_message(void *user, enum mist_level level, const char *file, unsigned line,
                         const char *text)
{
	static const char *const levels[] = {
		[MIST_LEVEL_ERROR] = "error", [MIST_LEVEL_WARNING] = "warning",
		[MIST_LEVEL_INFO] = "info",   [MIST_LEVEL_DEBUG] = "debug",
	};
	json_t *message = json_pack("{s:s,s:o}", "level", levels[level], "text", connection_text(text));
	if (message && file)
		json_object_set_new(message, "file", connection_text(file));
	if (message && line)
		json_object_set_new(message, "line", json_integer(line));
	connection_send(user, message);
}

struct mist_reporter connection_reporter(struct connection *connection)
{
	return (struct mist_reporter){ send_message, connection };
}
