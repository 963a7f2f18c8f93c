/* UDP: as many queries and answers per system call as the window allows. */
#include "bench/load.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ANSWER_OCTETS 4096   /* as much as any query here says it takes */
#define GRO_BUFFERS 8
#define GRO_OCTETS 65536
#define SEND_TRIES 100

/* Room for every answer of the largest window, or what the kernel allows of it. */
#define RECEIVE_BUFFER (4 << 20)

union control {
	struct cmsghdr header;
	uint8_t octets[CMSG_SPACE(sizeof(int))];
};

int datagram_open(struct load *load, struct client *client)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };

	if ((client->fd = client_socket(load, SOCK_DGRAM)) < 0)
		return -1;
	setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &(int){ RECEIVE_BUFFER }, sizeof(int));
	if (load->options.gro && setsockopt(client->fd, IPPROTO_UDP, UDP_GRO, &(int){ 1 }, sizeof(int)) != 0)
		return -1;
	return epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event);
}

/* Sends them all. What cannot be sent, because nobody listens, is found lost after the timeout. */
static void send_all(const struct client *client, struct mmsghdr *messages, unsigned count)
{
	struct pollfd writable = { .fd = client->fd, .events = POLLOUT };
	unsigned done = 0;

	for (int tries = 0; done < count && tries < SEND_TRIES; tries++) {
		int n = sendmmsg(client->fd, messages + done, count - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			done += (unsigned)n;
		else if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
			poll(&writable, 1, 10);
	}
}

/* Makes messages of `count` queries that lie one behind the other: one of each, or, for UDP_SEGMENT, one
   of each run of equal length, which the last one of a run may fall short of. */
static unsigned make_messages(const struct load *load, uint8_t *octets, const size_t *lengths,
                              unsigned count, struct mmsghdr *messages, struct iovec *pieces,
                              union control *controls)
{
	unsigned made = 0;

	for (unsigned i = 0; i < count; made++) {
		size_t first = lengths[i], total = 0;
		struct msghdr *header = &messages[made].msg_hdr;
		do
			total += lengths[i++];
		while (load->options.segment && i < count && lengths[i - 1] == first && lengths[i] <= first);
		pieces[made] = (struct iovec){ octets, total };
		*header = (struct msghdr){ .msg_iov = &pieces[made], .msg_iovlen = 1 };
		if (total > first) {
			union control *control = &controls[made];
			control->header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(uint16_t)),
			                                    .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT };
			memcpy(CMSG_DATA(&control->header), &(uint16_t){ (uint16_t)first }, sizeof(uint16_t));
			header->msg_control = control;
			header->msg_controllen = CMSG_SPACE(sizeof(uint16_t));
		}
		octets += total;
	}
	return made;
}

void datagram_send(struct load *load, struct client *client, unsigned count)
{
	uint8_t octets[BURST_MAX * QUERY_OCTETS];
	struct mmsghdr messages[BURST_MAX];
	struct iovec pieces[BURST_MAX];
	union control controls[BURST_MAX];
	size_t lengths[BURST_MAX], length;
	uint64_t now = clock_now();
	unsigned asked;

	for (; count > 0; count -= asked) {
		asked = count < BURST_MAX ? count : BURST_MAX;
		length = 0;
		for (unsigned i = 0; i < asked; i++) {
			lengths[i] = client_ask(load, client, client_due(load, now), octets + length);
			length += lengths[i];
		}
		send_all(client, messages, make_messages(load, octets, lengths, asked, messages, pieces, controls));
	}
}

static void receive_plain(struct load *load, struct client *client)
{
	static uint8_t octets[BURST_MAX][ANSWER_OCTETS];
	struct mmsghdr messages[BURST_MAX];
	struct iovec pieces[BURST_MAX];
	unsigned room = load->options.window < BURST_MAX ? load->options.window : BURST_MAX;
	uint64_t now;
	int count;

	for (unsigned i = 0; i < room; i++) {
		pieces[i] = (struct iovec){ octets[i], ANSWER_OCTETS };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1 };
	}
	count = recvmmsg(client->fd, messages, room, MSG_DONTWAIT, NULL);
	now = clock_now();
	for (int i = 0; i < count; i++)
		client_answer(load, client, octets[i], messages[i].msg_len, now);
}

/* What the kernel joined is cut again; the control data says where. */
static void receive_joined(struct load *load, struct client *client)
{
	static uint8_t octets[GRO_BUFFERS][GRO_OCTETS];
	struct mmsghdr messages[GRO_BUFFERS];
	struct iovec pieces[GRO_BUFFERS];
	union control controls[GRO_BUFFERS];
	uint64_t now;
	int count;

	for (unsigned i = 0; i < GRO_BUFFERS; i++) {
		pieces[i] = (struct iovec){ octets[i], GRO_OCTETS };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1,
		                                       .msg_control = &controls[i],
		                                       .msg_controllen = sizeof controls[i] };
	}
	count = recvmmsg(client->fd, messages, GRO_BUFFERS, MSG_DONTWAIT, NULL);
	now = clock_now();
	for (int i = 0; i < count; i++) {
		size_t left = messages[i].msg_len;
		const struct cmsghdr *control = CMSG_FIRSTHDR(&messages[i].msg_hdr);
		const uint8_t *at = octets[i];
		int size = 0;
		if (control != NULL && control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO)
			memcpy(&size, CMSG_DATA(control), sizeof size);
		while (size > 0 && left > (size_t)size) {
			client_answer(load, client, at, (size_t)size, now);
			at += size;
			left -= (size_t)size;
		}
		client_answer(load, client, at, left, now);
	}
}

void datagram_receive(struct load *load, struct client *client)
{
	if (load->options.gro)
		receive_joined(load, client);
	else
		receive_plain(load, client);
}

/* Computes until then, as a program does that got its answer. */
static uint64_t think(uint64_t until)
{
	uint64_t now;

	do
		now = clock_now();
	while (now < until);
	return now;
}

void datagram_ping(struct load *load, struct client *client)
{
	uint8_t query[QUERY_OCTETS], answer[ANSWER_OCTETS];
	uint64_t now = load->start;

	while (client_room(load, client, now) > 0) {
		size_t length = client_ask(load, client, now, query);
		if (send(client->fd, query, length, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
			send(client->fd, query, length, MSG_NOSIGNAL); /* that was the fate of the one before */
		while (client->free_count == 0) {
			ssize_t n = recv(client->fd, answer, sizeof answer, 0);
			now = clock_now();
			if (n < 0)
				client_expire(load, client, now, true);
			else
				client_answer(load, client, answer, (size_t)n, now);
		}
		if (load->options.think > 0)
			now = think(now + load->options.think);
	}
}
