/* The floors: servers that do as little as can be called answering, to tell what the kernel's UDP path
   costs from what a DNS server adds. They append one A record to the question and send it back; a
   question of 51 octets becomes an answer of 67.

       echo.c          arguments, the answer, grouping
       echo_mmsg.c     recvmmsg, sendmmsg
       echo_uring.c    multishot recvmsg, SEND with an address

   One thread, one IPv4 socket. Grouped: answers of a batch to one peer and of one length leave as one
   send with UDP_SEGMENT. */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define ECHO_BATCH 64        /* as mistcore's, so that the floor is that of the same work */
#define ECHO_QUERY 512
#define ECHO_REPLY (ECHO_QUERY + 16)
#define ECHO_GROUP 32
#define ECHO_BUCKETS 256

struct reply {
	struct sockaddr_in peer;
	uint16_t length, count;      /* of each; how many in this group */
	struct iovec pieces[ECHO_GROUP];
	union {
		struct cmsghdr header;
		uint8_t octets[CMSG_SPACE(sizeof(uint16_t))];
	} control;
};

/* Sends of a batch, a group each. */
struct replies {
	bool grouped;
	unsigned octets_used, count;
	uint8_t buckets[ECHO_BUCKETS]; /* group + 1 by peer and length */
	struct reply list[ECHO_BATCH];
	uint8_t octets[ECHO_BATCH][ECHO_REPLY];
};

/* Begins a batch. */
void echo_begin(struct replies *replies);

/* Adds the answer to a query to the batch, at most ECHO_BATCH times. */
void echo_reply(struct replies *replies, const struct sockaddr_in *peer, const uint8_t *query, size_t length);

/* The message that sends a group. */
void echo_message(struct reply *reply, struct msghdr *message);

/* Serve until killed; return only when something failed, with errno. */
void echo_mmsg(int fd, struct replies *replies);
void echo_uring(int fd, struct replies *replies);

#endif
