/* Asking one server; see ask.h. */
#include "sidecar/nss/ask.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "core/message.h"
#include "core/type.h"
#include "core/wire.h"

/* As long as resolvers of C libraries wait for a server: it may have to ask others in turn. */
#define WAIT_MS 5000
/* Datagrams get lost where a queue is full. Asked again, it is still one question upstream. */
#define AGAIN_MS 1500

#define QUESTION_MAX (MESSAGE_HEADER + NAME_MAX + 4 + 11) /* header, question, OPT */

/* ---- time ---- */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the descriptor is ready or the time has come. 0, ETIMEDOUT or another error. */
static int wait_for(int fd, short events, int64_t until_ms)
{
	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = events };
		const int64_t left = until_ms - now_ms();
		const int ready = left > 0 ? poll(&poll_fd, 1, (int)left) : 0;
		if (ready > 0)
			return 0;
		if (ready == 0)
			return ETIMEDOUT;
		if (errno != EINTR)
			return errno;
	}
}

/* ---- messages ---- */

static size_t write_question(uint8_t octets[QUESTION_MAX], const struct ask *ask, const uint8_t *name)
{
	struct writer w = writer_on(octets, QUESTION_MAX);
	writer_u16(&w, ask->id);
	writer_u16(&w, FLAG_RD);
	writer_u16(&w, 1);
	writer_u32(&w, 0);
	writer_u16(&w, 1);
	writer_put(&w, name, name_len(name));
	writer_u16(&w, ask->type);
	writer_u16(&w, CLASS_IN);
	writer_u8(&w, 0); /* the OPT record (RFC 6891 section 6.1.2) */
	writer_u16(&w, TYPE_OPT);
	writer_u16(&w, ASK_UDP_MAX);
	writer_u32(&w, 0);
	writer_u16(&w, 0);
	return writer_len(&w);
}

static bool is_reply(const uint8_t *octets, size_t len, const struct ask *ask, const uint8_t *name)
{
	uint8_t asked[NAME_MAX];
	if (len < MESSAGE_HEADER || wire_get16(octets) != ask->id || wire_get16(octets + 4) != 1)
		return false;
	const unsigned flags = wire_get16(octets + 2);
	const size_t taken = name_read(octets, len, MESSAGE_HEADER, asked);
	if (!(flags & FLAG_QR) || flags >> 11 & 15 || !taken || len - MESSAGE_HEADER - taken < 4)
		return false;
	const uint8_t *rest = octets + MESSAGE_HEADER + taken;
	return name_equal(asked, name) && wire_get16(rest) == ask->type && wire_get16(rest + 2) == CLASS_IN;
}

static bool is_truncated(const struct ask *ask)
{
	return ask->reply && wire_get16(ask->reply + 2) & FLAG_TC;
}

/* ---- UDP ---- */

static int open_socket(const struct server *server, int kind)
{
	const int fd = socket(server->address.ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&server->address, server->len) && errno != EINPROGRESS) {
		const int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static bool all_came(const struct ask *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!all[i].reply)
			return false;
	}
	return true;
}

/* Those that have no reply yet. What does not go out now does with the next round. */
static int send_questions(int fd, const uint8_t *name, const struct ask *all, size_t count)
{
	uint8_t octets[QUESTION_MAX];
	for (size_t i = 0; i < count; i++) {
		const size_t len = all[i].reply ? 0 : write_question(octets, &all[i], name);
		if (len && send(fd, octets, len, MSG_NOSIGNAL) < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			return errno;
	}
	return 0;
}

/* One datagram, if it is a reply; others are somebody's noise. 0, also when there is none; or why there will be none. */
static int take_reply(int fd, const uint8_t *name, struct ask *all, size_t count)
{
	uint8_t octets[ASK_UDP_MAX];
	const ssize_t len = recv(fd, octets, sizeof(octets), MSG_TRUNC);
	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : errno;
	for (size_t i = 0; i < count && len <= (ssize_t)sizeof(octets); i++) {
		if (all[i].reply || !is_reply(octets, (size_t)len, &all[i], name))
			continue;
		memcpy(all[i].room, octets, (size_t)len);
		all[i].len = (size_t)len;
		all[i].reply = all[i].room;
		return 0;
	}
	return 0;
}

static int ask_by_udp(int fd, const uint8_t *name, struct ask *all, size_t count, int64_t until_ms)
{
	int64_t again_ms = now_ms();
	int error = 0;
	while (!error && !all_came(all, count)) {
		if (now_ms() >= again_ms) {
			again_ms = now_ms() + AGAIN_MS;
			error = send_questions(fd, name, all, count);
		}
		if (!error)
			error = wait_for(fd, POLLIN, again_ms < until_ms ? again_ms : until_ms);
		if (!error)
			error = take_reply(fd, name, all, count);
		else if (error == ETIMEDOUT && now_ms() < until_ms)
			error = 0;
	}
	return error;
}

/* ---- TCP ---- */

static int send_all(int fd, const uint8_t *octets, size_t len, int64_t until_ms)
{
	while (len) {
		int error = wait_for(fd, POLLOUT, until_ms);
		const ssize_t sent = error ? 0 : send(fd, octets, len, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			error = errno;
		if (error)
			return error;
		octets += sent > 0 ? sent : 0;
		len -= sent > 0 ? (size_t)sent : 0;
	}
	return 0;
}

static int receive_all(int fd, uint8_t *octets, size_t len, int64_t until_ms)
{
	while (len) {
		int error = wait_for(fd, POLLIN, until_ms);
		const ssize_t got = error ? 0 : recv(fd, octets, len, 0);
		if (!error && got == 0)
			error = ECONNRESET;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			error = errno;
		if (error)
			return error;
		octets += got > 0 ? got : 0;
		len -= got > 0 ? (size_t)got : 0;
	}
	return 0;
}

static int receive_message(int fd, const uint8_t *name, struct ask *ask, int64_t until_ms)
{
	uint8_t head[2];
	int error = receive_all(fd, head, sizeof(head), until_ms);
	if (error)
		return error;
	const size_t len = wire_get16(head);
	uint8_t *message = malloc(len + 1);
	if (!message)
		return ENOMEM;
	error = receive_all(fd, message, len, until_ms);
	if (!error && !is_reply(message, len, ask, name))
		error = EBADMSG;
	if (error) {
		free(message);
		return error;
	}
	ask->reply = message;
	ask->len = len;
	return 0;
}

static int ask_by_tcp(const struct server *server, const uint8_t *name, struct ask *ask, int64_t until_ms)
{
	uint8_t octets[2 + QUESTION_MAX];
	const size_t len = write_question(octets + 2, ask, name);
	const int fd = open_socket(server, SOCK_STREAM);
	ask->reply = NULL;
	if (fd < 0)
		return errno;
	wire_set16(octets, (uint16_t)len);
	int error = send_all(fd, octets, 2 + len, until_ms);
	if (!error)
		error = receive_message(fd, name, ask, until_ms);
	close(fd);
	return error;
}

/* ---- both ---- */

/* Different ones, so that a reply is that of one question. */
static int choose_ids(struct ask *all, size_t count)
{
	uint16_t first;
	if (getrandom(&first, sizeof(first), 0) != sizeof(first))
		return errno;
	for (size_t i = 0; i < count; i++)
		all[i].id = (uint16_t)(first + i * 0x5555);
	return 0;
}

/* Whoever has said a part is there, whatever becomes of the connection. */
static int ask_for_all(const struct server *server, const uint8_t *name, struct ask *ask, int64_t until_ms)
{
	const int error = ask_by_tcp(server, name, ask, until_ms);
	return error && error != ENOMEM ? ETIMEDOUT : error;
}

int asks(const struct server *server, const uint8_t *name, struct ask *all, size_t count)
{
	const int64_t until_ms = now_ms() + WAIT_MS;
	for (size_t i = 0; i < count; i++)
		all[i].reply = NULL;
	int error = choose_ids(all, count);
	const int fd = error ? -1 : open_socket(server, SOCK_DGRAM);
	if (fd < 0)
		return error ? error : errno;
	error = ask_by_udp(fd, name, all, count, until_ms);
	close(fd);
	for (size_t i = 0; i < count; i++) {
		const int failed = is_truncated(&all[i]) ? ask_for_all(server, name, &all[i], until_ms) : 0;
		error = error ? error : failed;
	}
	return error;
}

void asks_free(struct ask *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].reply && all[i].reply != all[i].room)
			free((uint8_t *)all[i].reply);
		all[i].reply = NULL;
	}
}
