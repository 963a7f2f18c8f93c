/* echo: the floors' arguments, and the answer they give. Prints a line of JSON when it serves. */
#include "bench/echo.h"

#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>

#define RECEIVE_BUFFER (1 << 20) /* as mistcore's */

/* The owner is the name in the question; A, IN, 300 s, 127.0.0.1. */
static const uint8_t record[16] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 127, 0, 0, 1 };

/* The offset behind the question, 0 if it does not fit. */
static size_t question_end(const uint8_t *query, size_t length)
{
	size_t at = 12;

	while (at < length && query[at] != 0 && query[at] < 64)
		at += 1 + query[at];
	return at + 5 <= length && query[at] == 0 ? at + 5 : 0;
}

/* Header and question as they came, the record, and what stood behind the question: the OPT record. */
static size_t write_answer(const uint8_t *query, size_t length, uint8_t *answer)
{
	size_t end = question_end(query, length);

	if (end == 0 || length > ECHO_QUERY)
		return 0;
	memcpy(answer, query, end);
	memcpy(answer + end, record, sizeof record);
	memcpy(answer + end + sizeof record, query + end, length - end);
	answer[2] |= 0x84; /* QR, AA */
	answer[7] = 1;
	return length + sizeof record;
}

void echo_begin(struct replies *replies)
{
	replies->octets_used = replies->count = 0;
	if (replies->grouped)
		memset(replies->buckets, 0, sizeof replies->buckets);
}

/* The open group of that peer and length, else a new one. */
static struct reply *group_of(struct replies *replies, const struct sockaddr_in *peer, uint16_t length)
{
	uint8_t *bucket = &replies->buckets[(peer->sin_port ^ peer->sin_port >> 8 ^ length * 31) % ECHO_BUCKETS];
	struct reply *reply = *bucket ? &replies->list[*bucket - 1] : NULL;

	if (replies->grouped && reply != NULL && reply->count < ECHO_GROUP && reply->length == length &&
	    reply->peer.sin_port == peer->sin_port && reply->peer.sin_addr.s_addr == peer->sin_addr.s_addr)
		return reply;
	reply = &replies->list[replies->count++];
	reply->peer = *peer;
	reply->length = length;
	reply->count = 0;
	*bucket = (uint8_t)(replies->grouped ? replies->count : 0);
	return reply;
}

void echo_reply(struct replies *replies, const struct sockaddr_in *peer, const uint8_t *query, size_t length)
{
	uint8_t *octets = replies->octets[replies->octets_used];
	struct reply *reply;

	length = write_answer(query, length, octets);
	if (length == 0)
		return;
	replies->octets_used++;
	reply = group_of(replies, peer, (uint16_t)length);
	reply->pieces[reply->count++] = (struct iovec){ octets, length };
}

void echo_message(struct reply *reply, struct msghdr *message)
{
	*message = (struct msghdr){ .msg_name = &reply->peer, .msg_namelen = sizeof reply->peer,
	                            .msg_iov = reply->pieces, .msg_iovlen = reply->count };
	if (reply->count < 2)
		return;
	reply->control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(uint16_t)),
	                                          .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT };
	memcpy(CMSG_DATA(&reply->control.header), &reply->length, sizeof reply->length);
	message->msg_control = &reply->control;
	message->msg_controllen = sizeof reply->control;
}

static int open_socket(struct sockaddr_in *address)
{
	socklen_t length = sizeof *address;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)address, length) != 0 ||
	    getsockname(fd, (struct sockaddr *)address, &length) != 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ RECEIVE_BUFFER }, sizeof(int)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ RECEIVE_BUFFER }, sizeof(int));
	return fd;
}

int main(int argc, char **argv)
{
	static struct replies replies;
	struct sockaddr_in address;
	bool uring = argc > 1 && strcmp(argv[1], "uring") == 0;
	int fd = open_socket(&address);

	if (argc < 2 || argc > 3 || (!uring && strcmp(argv[1], "mmsg") != 0) ||
	    (argc == 3 && strcmp(argv[2], "grouped") != 0)) {
		fputs("usage: echo mmsg|uring [grouped]\n", stderr);
		return 2;
	}
	if (fd < 0) {
		perror("echo");
		return 2;
	}
	replies.grouped = argc == 3;
	printf("{\"event\": \"ready\", \"address\": \"127.0.0.1\", \"port\": %u}\n", ntohs(address.sin_port));
	fflush(stdout);
	if (uring)
		echo_uring(fd, &replies);
	else
		echo_mmsg(fd, &replies);
	perror("echo");
	return 2;
}
