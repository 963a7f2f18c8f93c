/*
 * UDP: who sent a datagram, and the batch of replies that goes back. Sending a batch is the engine's; only
 * single replies leave from here.
 *
 * Replies of one batch to the same peer and of the same length form a group, which leaves as one send
 * with UDP_SEGMENT; the kernel cuts it into datagrams on the far side of the expensive path (1.3 to
 * 1.4 times less CPU for clients that pipeline, nothing lost for stubs). The last segment of a send may
 * be shorter than the others, so that a group also takes one shorter reply to its peer.
 *
 * What a datagram costs to send alone, and in groups of 2, 4, 8 and 32: 780, 660, 450, 340, 250 ns; so
 * there is no group too small to be worth it. A group of 2 whose second is shorter: 665 ns.
 */
#ifndef MIST_NET_UDP_H
#define MIST_NET_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define UDP_REPLY_MAX 1232   /* MESSAGE_UDP_EDNS: crosses every path unfragmented */
/* Datagrams answered before the first reply leaves. CPU time per answer at 32, 64, 128 (epoll, of gdnsd's): 8 sockets
 * with 16 in flight 0.90, 0.89, 0.94; 64 stubs 1.03, 1.03, 1.05; with io_uring 64 is 2 % better than 32 in both. */
#define UDP_BATCH 64
#define UDP_REPLIES_MAX 128  /* replies a batch can hold: one GRO buffer is up to 128 datagrams (UDP_MAX_SEGMENTS) */
#define UDP_GROUP_MAX 32     /* replies a group: a longer burst overruns the peer's receive buffer */
#define UDP_JOIN_MAX 2       /* a group of more replies is not parted among longer ones: three sends of two cost as
                                much as three of one and one of three */
#define UDP_SOCKETS_MAX 16   /* one per listening address and worker */

struct udp_socket {
	int fd;
	sa_family_t family;
	bool wildcard;           /* replies must name the address that was asked */
};

/* Where a datagram came from, which is where its reply goes. Values only: it may be kept. */
struct udp_peer {
	uint8_t socket;          /* index of the worker's UDP socket; */
	uint8_t local_len;       /* wildcard binds: the address asked, 4 or 16 octets; else 0 */
	uint8_t local[16];
	uint32_t adopted;        /* or the number of one that it has adopted (adopted.h), from 1 */
	uint32_t interface;      /* of IPv6: link-local addresses need it */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
};

static inline socklen_t udp_address_len(sa_family_t family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* Fills a peer from what recvmsg gave. False: source port 0, to which nothing can be sent. */
bool udp_peer_read(struct udp_peer *peer, unsigned socket, const struct sockaddr *address,
                   const struct cmsghdr *control, size_t control_len);

/* The UDP_GRO segment size in control data, or 0. */
size_t udp_segment_size(const struct cmsghdr *control, size_t control_len);

/* Control data that udp_socket needs on receiving. */
#define UDP_CONTROL_MAX (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)))
size_t udp_control_len(const struct udp_socket *socket, bool gro);

/* One send: replies to one peer, all of one length but perhaps the last. */
struct udp_group {
	struct udp_peer peer;
	uint16_t len, count;         /* count 0: its replies go with other groups */
	uint8_t shorter;             /* the peer's group with the next shorter length: its number + 1, or 0 */
	struct msghdr message;       /* whole, for sendmsg, once the batch is closed */
	struct iovec pieces[UDP_GROUP_MAX];
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

/* Batches without groups after the kernel refused UDP_SEGMENT; then it is tried again, for it may have been
 * the path to one peer. */
#define UDP_SINGLY 1024

#define UDP_BUCKETS 256      /* twice the replies of a batch */

struct batch {
	uint8_t *at;                 /* where the next reply goes */
	uint16_t reply_count, group_count, peer_count;
	uint16_t singly;             /* so many batches more without groups */
	uint8_t buckets[UDP_BUCKETS];/* by peer: the number + 1 of its group with the longest replies, 0: none */
	uint8_t peers[UDP_REPLIES_MAX]; /* the buckets in use */
	struct udp_group groups[UDP_REPLIES_MAX];
	uint8_t octets[UDP_REPLIES_MAX * 1280]; /* replies begin at cache lines */
};

void batch_init(struct batch *batch);
void batch_begin(struct batch *batch);
static inline bool batch_full(const struct batch *batch) { return batch->reply_count == UDP_REPLIES_MAX; }
/* The reply that was written at batch->at. */
void batch_add(struct batch *batch, const struct udp_peer *peer, size_t len);
/* Makes the groups' messages. Groups that are left with no reply are not to be sent. */
void batch_end(struct batch *batch, const struct udp_socket *sockets);

/* A send of a group failed with `error` (errno): whether that is for being one. */
bool udp_refuses_groups(int error);

/* Sends the replies of a group one by one: what is done when the kernel refused them together. */
void udp_send_singly(int fd, const struct udp_group *group);

/* Sends one datagram now, to a peer of that socket. */
void udp_send(int fd, const struct udp_peer *peer, const uint8_t *octets, size_t len);

#endif
