/* See backlog.h. */
#include "net/backlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/wire.h"

void backlog_free(struct backlog *backlog)
{
	free(backlog->octets);
	*backlog = (struct backlog){ 0 };
}

uint8_t *backlog_room(struct backlog *backlog, size_t more)
{
	if (backlog->at && backlog->at + backlog->len + more > backlog->size) {
		memmove(backlog->octets, backlog->octets + backlog->at, backlog->len);
		backlog->at = 0;
	}
	if (backlog->len + more > backlog->size) {
		size_t size = backlog->size ? backlog->size : BACKLOG_FIRST;
		while (size < backlog->len + more)
			size *= 2;
		uint8_t *octets = realloc(backlog->octets, size);
		if (!octets)
			return NULL;
		backlog->octets = octets;
		backlog->size = (uint32_t)size;
	}
	return backlog->octets + backlog->at + backlog->len;
}

bool backlog_add(struct backlog *backlog, const uint8_t *octets, size_t len)
{
	uint8_t *room = backlog_room(backlog, len);

	if (!room)
		return false;
	memcpy(room, octets, len);
	backlog->len += (uint32_t)len;
	return true;
}

void backlog_drop(struct backlog *backlog, size_t len)
{
	backlog->at += (uint32_t)len;
	backlog->len -= (uint32_t)len;
	if (!backlog->len)
		backlog_free(backlog);
}

/* ---- out ---- */

static bool is_full(void)
{
	return errno == EAGAIN || errno == EINTR;
}

bool backlog_send(struct backlog *backlog, int fd, const uint8_t *octets, size_t len)
{
	size_t sent = 0;

	if (!backlog->len) {
		ssize_t n = send(fd, octets, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && !is_full())
			return false;
		sent = n > 0 ? (size_t)n : 0;
	}
	if (sent == len)
		return true;
	return backlog->len + (len - sent) <= BACKLOG_OUT_MAX && backlog_add(backlog, octets + sent, len - sent);
}

/* Prefix and message in one segment: some clients read them with one call. */
bool backlog_send_message(struct backlog *backlog, int fd, const uint8_t *octets, size_t len)
{
	uint8_t prefix[2];
	struct iovec pieces[2] = { { prefix, 2 }, { (void *)(uintptr_t)octets, len } };
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
	size_t sent = 0;

	wire_set16(prefix, (uint16_t)len);
	if (!backlog->len && fd >= 0) {
		ssize_t n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && !is_full())
			return false;
		sent = n > 0 ? (size_t)n : 0;
	}
	if (backlog->len + 2 + len - sent > BACKLOG_OUT_MAX)
		return false;
	if (sent < 2 && !backlog_add(backlog, prefix + sent, 2 - sent))
		return false;
	size_t from = sent < 2 ? 0 : sent - 2;
	return from == len || backlog_add(backlog, octets + from, len - from);
}

ssize_t backlog_flush(struct backlog *backlog, int fd)
{
	ssize_t n = send(fd, backlog_octets(backlog), backlog->len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return is_full() ? 0 : -1;
	backlog_drop(backlog, (size_t)n);
	return n;
}
