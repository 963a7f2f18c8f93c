/*
 * See udp.h.
 */
#include "net/udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

bool udp_peer_read(struct udp_peer *peer, unsigned socket, const struct sockaddr *address,
                   const struct cmsghdr *control, size_t control_len)
{
	peer->socket = (uint8_t)socket;
	peer->local_len = 0;
	peer->adopted = 0;
	peer->interface = 0;
	if (address->sa_family == AF_INET)
		memcpy(&peer->address.v4, address, sizeof peer->address.v4);
	else
		memcpy(&peer->address.v6, address, sizeof peer->address.v6);
	/* The port stands at the same place in both. */
	if (peer->address.v4.sin_port == 0)
		return false;

	struct msghdr walk = { .msg_control = (void *)(uintptr_t)control, .msg_controllen = control_len };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&walk); c; c = CMSG_NXTHDR(&walk, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			memcpy(peer->local, &info.ipi_spec_dst, peer->local_len = 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			memcpy(peer->local, &info.ipi6_addr, peer->local_len = 16);
			peer->interface = info.ipi6_ifindex;
		}
	}
	return true;
}

size_t udp_segment_size(const struct cmsghdr *control, size_t control_len)
{
	struct msghdr walk = { .msg_control = (void *)(uintptr_t)control, .msg_controllen = control_len };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&walk); c; c = CMSG_NXTHDR(&walk, c)) {
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			int size;
			memcpy(&size, CMSG_DATA(c), sizeof size);
			return size > 0 ? (size_t)size : 0;
		}
	}
	return 0;
}

size_t udp_control_len(const struct udp_socket *socket, bool gro)
{
	size_t len = gro ? CMSG_SPACE(sizeof(int)) : 0;

	if (socket->wildcard)
		len += socket->family == AF_INET ? CMSG_SPACE(sizeof(struct in_pktinfo))
		                                 : CMSG_SPACE(sizeof(struct in6_pktinfo));
	return len;
}

/* Appends control data with the address a reply leaves from; returns its length. */
static size_t put_local(uint8_t *control, const struct udp_peer *peer)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)control;

	if (peer->local_len == 4) {
		struct in_pktinfo info = { .ipi_ifindex = 0 }; /* routing picks the interface */
		memcpy(&info.ipi_spec_dst, peer->local, 4);
		*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP,
		                       .cmsg_type = IP_PKTINFO };
		memcpy(CMSG_DATA(c), &info, sizeof info);
		return CMSG_SPACE(sizeof info);
	}
	struct in6_pktinfo info = { .ipi6_ifindex = peer->interface };
	memcpy(&info.ipi6_addr, peer->local, 16);
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IPV6,
	                       .cmsg_type = IPV6_PKTINFO };
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return CMSG_SPACE(sizeof info);
}

static size_t put_segment(uint8_t *control, uint16_t size)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)control;

	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof size), .cmsg_level = SOL_UDP,
	                       .cmsg_type = UDP_SEGMENT };
	memcpy(CMSG_DATA(c), &size, sizeof size);
	return CMSG_SPACE(sizeof size);
}

static bool same_peer(const struct udp_peer *a, const struct udp_peer *b)
{
	if (a->socket != b->socket || a->local_len != b->local_len ||
	    memcmp(a->local, b->local, a->local_len) != 0)
		return false;
	if (a->address.any.sa_family == AF_INET)
		return a->address.v4.sin_port == b->address.v4.sin_port &&
		       a->address.v4.sin_addr.s_addr == b->address.v4.sin_addr.s_addr;
	return a->address.v6.sin6_port == b->address.v6.sin6_port && a->interface == b->interface &&
	       a->address.v6.sin6_scope_id == b->address.v6.sin6_scope_id &&
	       memcmp(&a->address.v6.sin6_addr, &b->address.v6.sin6_addr, 16) == 0;
}

/* The port tells clients apart; a collision only costs a group of its own. */
static unsigned bucket_of(const struct udp_peer *peer)
{
	uint32_t mix = (uint32_t)peer->address.v4.sin_port << 16 ^ (uint32_t)peer->socket << 11;

	return mix * 2654435761u >> 24; /* Knuth's multiplier; the top eight bits are mixed best */
}

void batch_init(struct batch *batch)
{
	memset(batch->buckets, 0, sizeof batch->buckets);
	batch->reply_count = batch->group_count = batch->peer_count = 0;
	batch->singly = 0;
	batch->at = batch->octets;
}

void batch_begin(struct batch *batch)
{
	for (unsigned i = 0; i < batch->peer_count; i++)
		batch->buckets[batch->peers[i]] = 0;
	batch->reply_count = batch->group_count = batch->peer_count = 0;
	batch->at = batch->octets;
	if (batch->singly)
		batch->singly--;
}

/* A new group, before the one that `link` names. */
static struct udp_group *group_begin(struct batch *batch, uint8_t *link, const struct udp_peer *peer, size_t len)
{
	struct udp_group *group = &batch->groups[batch->group_count++];

	group->peer = *peer;
	group->len = (uint16_t)len;
	group->count = 0;
	group->shorter = *link;
	*link = (uint8_t)batch->group_count;
	return group;
}

/* The peer's group of that length that has room. */
static struct udp_group *group_find(struct batch *batch, const struct udp_peer *peer, size_t len)
{
	unsigned bucket = bucket_of(peer);
	uint8_t *link = &batch->buckets[bucket];

	if (!*link || batch->singly || !same_peer(&batch->groups[*link - 1].peer, peer)) {
		*link = 0;
		batch->peers[batch->peer_count++] = (uint8_t)bucket;
		return group_begin(batch, link, peer, len);
	}
	while (*link && batch->groups[*link - 1].len > len)
		link = &batch->groups[*link - 1].shorter;
	if (*link && batch->groups[*link - 1].len == len && batch->groups[*link - 1].count < UDP_GROUP_MAX)
		return &batch->groups[*link - 1];
	return group_begin(batch, link, peer, len);
}

void batch_add(struct batch *batch, const struct udp_peer *peer, size_t len)
{
	struct udp_group *group = group_find(batch, peer, len);

	group->pieces[group->count++] = (struct iovec){ batch->at, len };
	batch->reply_count++;
	batch->at += (len + 63) & ~(size_t)63;
}

/*
 * Groups from the longest to the shortest: the replies of a small one go each with a longer group that took
 * none yet, if there are enough of those; else it stays and may take one itself. Groups of several take
 * first, since they are cut anyway.
 */
static void join_groups(struct batch *batch, uint8_t first)
{
	uint8_t hosts[2][UDP_REPLIES_MAX]; /* groups of one, and of several */
	unsigned count[2] = { 0, 0 };
	struct udp_group *group;

	for (uint8_t number = first; number; number = group->shorter) {
		group = &batch->groups[number - 1];
		if (group->count <= UDP_JOIN_MAX && group->count <= count[0] + count[1]) {
			while (group->count) {
				unsigned several = count[1] > 0;
				struct udp_group *host = &batch->groups[hosts[several][--count[several]] - 1];
				host->pieces[host->count++] = group->pieces[--group->count];
			}
		} else if (group->count < UDP_GROUP_MAX) {
			unsigned several = group->count > 1;
			hosts[several][count[several]++] = number;
		}
	}
}

static void group_end(struct udp_group *group, const struct udp_socket *sockets)
{
	size_t control_len = 0;

	if (group->peer.local_len)
		control_len += put_local(group->control, &group->peer);
	if (group->count > 1)
		control_len += put_segment(group->control + control_len, group->len);
	group->message = (struct msghdr){
		.msg_name = &group->peer.address,
		.msg_namelen = udp_address_len(sockets[group->peer.socket].family),
		.msg_iov = group->pieces,
		.msg_iovlen = group->count,
		.msg_control = control_len ? group->control : NULL,
		.msg_controllen = control_len,
	};
}

void batch_end(struct batch *batch, const struct udp_socket *sockets)
{
	for (unsigned i = 0; i < batch->peer_count && !batch->singly; i++) {
		uint8_t longest = batch->buckets[batch->peers[i]];
		if (longest && batch->groups[longest - 1].shorter) /* 0: other peers met in the bucket */
			join_groups(batch, longest);
		batch->buckets[batch->peers[i]] = 0;
	}
	for (unsigned i = 0; i < batch->group_count; i++)
		if (batch->groups[i].count)
			group_end(&batch->groups[i], sockets);
}

bool udp_refuses_groups(int error)
{
	return error == EINVAL || error == EMSGSIZE || error == EIO || error == EOPNOTSUPP || error == ENOPROTOOPT;
}

/* False: the send buffer is full. */
static bool send_one(int fd, const struct udp_peer *peer, struct iovec *piece)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct msghdr message = {
		.msg_name = (void *)(uintptr_t)&peer->address,
		.msg_namelen = udp_address_len(peer->address.any.sa_family),
		.msg_iov = piece,
		.msg_iovlen = 1,
	};

	if (peer->local_len) {
		message.msg_controllen = put_local(control, peer);
		message.msg_control = control;
	}
	/* A full send buffer loses the reply, as a full network does: the client asks again. */
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EAGAIN;
}

void udp_send_singly(int fd, const struct udp_group *group)
{
	bool room = true;

	for (unsigned i = 0; i < group->count && room; i++) {
		struct iovec piece = group->pieces[i];
		room = send_one(fd, &group->peer, &piece);
	}
}

void udp_send(int fd, const struct udp_peer *peer, const uint8_t *octets, size_t len)
{
	struct iovec piece = { (void *)(uintptr_t)octets, len };

	(void)send_one(fd, peer, &piece);
}
