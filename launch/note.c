/*
 * See note.h.
 */
#include "launch/note.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr header;
	uint8_t octets[CMSG_SPACE(NOTE_FDS * sizeof(int))];
};

bool note_pair(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

bool note_send(int end, const struct note *note, const int *fds)
{
	union control control = { .header = { .cmsg_len = CMSG_LEN(NOTE_FDS * sizeof(int)), .cmsg_level = SOL_SOCKET,
	                                      .cmsg_type = SCM_RIGHTS } };
	struct iovec piece = { (void *)(uintptr_t)note, sizeof *note };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	ssize_t sent;

	if (fds) {
		memcpy(CMSG_DATA(&control.header), fds, NOTE_FDS * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
	}
	do
		sent = sendmsg(end, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == sizeof *note;
}

bool note_receive(int end, struct note *note, int *fds)
{
	union control control;
	struct iovec piece = { note, sizeof *note };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control,
	                          .msg_controllen = fds ? sizeof control : 0 };
	ssize_t len;

	do
		len = recvmsg(end, &message, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	for (int i = 0; fds && i < NOTE_FDS; i++)
		fds[i] = -1;
	if (len != sizeof *note)
		return false;
	note->text[PROBLEM_SIZE - 1] = '\0';
	const struct cmsghdr *header = fds ? CMSG_FIRSTHDR(&message) : NULL;
	if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(NOTE_FDS * sizeof(int)))
		memcpy(fds, CMSG_DATA(header), NOTE_FDS * sizeof(int));
	return true;
}
