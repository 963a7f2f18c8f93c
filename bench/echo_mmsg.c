/* The floor of two system calls a batch: wait and receive in one, send in the other. */
#include "bench/echo.h"

#include <errno.h>

void echo_mmsg(int fd, struct replies *replies)
{
	static uint8_t octets[ECHO_BATCH][ECHO_QUERY];
	static struct sockaddr_in peers[ECHO_BATCH];
	struct mmsghdr in[ECHO_BATCH], out[ECHO_BATCH];
	struct iovec pieces[ECHO_BATCH];
	int count;

	for (unsigned i = 0; i < ECHO_BATCH; i++)
		pieces[i] = (struct iovec){ octets[i], ECHO_QUERY };
	for (;;) {
		for (unsigned i = 0; i < ECHO_BATCH; i++)
			in[i].msg_hdr = (struct msghdr){ .msg_name = &peers[i], .msg_namelen = sizeof peers[i],
			                                 .msg_iov = &pieces[i], .msg_iovlen = 1 };
		count = recvmmsg(fd, in, ECHO_BATCH, MSG_WAITFORONE, NULL);
		if (count < 0 && errno != EINTR)
			return;
		echo_begin(replies);
		for (int i = 0; i < count; i++)
			echo_reply(replies, &peers[i], octets[i], in[i].msg_len);
		for (unsigned i = 0; i < replies->count; i++)
			echo_message(&replies->list[i], &out[i].msg_hdr);
		for (unsigned done = 0; done < replies->count;) {
			int n = sendmmsg(fd, out + done, replies->count - done, MSG_DONTWAIT | MSG_NOSIGNAL);
			done += n > 0 ? (unsigned)n : 1; /* what cannot be sent is dropped */
		}
	}
}
