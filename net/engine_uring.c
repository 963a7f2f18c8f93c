/*
 * The io_uring engine.
 *
 *   receive   Per UDP socket a recvmsg that waits for one datagram, and, when it or its like got one, a
 *             multishot recvmsg before it that takes what there is and does not wait. Both fill a
 *             ring of provided buffers. A buffer goes back as soon as its reply is written, which
 *             happens elsewhere, so receiving never waits for sending.
 *   send      IORING_OP_SEND with an address for one reply, SENDMSG with UDP_SEGMENT for a group; all
 *             with MSG_DONTWAIT and CQE_SKIP_SUCCESS: when the submit returns, every send is over, and
 *             only failures post a completion.
 *   watch     One-shot polls: polls.h.
 *
 * One io_uring_enter sends a batch and waits for the next. A batch's replies are written in one half
 * of two, so that the failures of the batch before, which come with this one, still find theirs.
 *
 * We wait for one completion beyond those that are sure to come at once: the completions of a multishot
 * request come from one piece of task work, and the kernel counts task work, not completions, when it
 * decides whether to wake us.
 */
#include "net/engine.h"

#include <errno.h>
#include <liburing.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/ahead.h"
#include "mistcore.h"
#include "net/polls.h"
#include "net/request.h"

#define SQ_ENTRIES 512       /* a batch's sends (128) and re-armed polls, without a submit in between */
#define CQ_ENTRIES 8192      /* all buffers of a few sockets, polls of 1,024 clients, and failures */
#define BUFFERS_PLAIN 256    /* kernels of the 6.1 era need that many not to run dry in one go */
#define BUFFER_PLAIN 2048    /* beyond the 1232 octets we ask for; longer ones are cut and get FORMERR */
#define BUFFERS_GRO 32       /* of 64 KiB: 2 MiB a socket */
#define BUFFER_GRO (65536 + 256)
#define MULTISHOT_MAX 32     /* datagrams a multishot request takes in one go (the kernel's number; older ones: all) */
#define COMPLETIONS_MAX (UDP_BATCH + 8) /* the datagrams of a batch and the ends of what received them */
#define QUIET_ROUNDS_MAX 128 /* at the end, of COMPLETIONS_MAX: more than a receive buffer of 1 MiB holds */
#define REAP_ROUNDS_MAX 1000 /* at close, each of at most 10 ms; the kernel needs one or two */

/*
 * Why not one multishot recvmsg that waits for ever: it would stand at the socket all the time, and the
 * kernel calls who stands there when a datagram has come *and* when one has left. What waits for one
 * datagram is gone once that has come.
 */
enum receive_kind { RECEIVE_ONE, RECEIVE_ALL };

struct receive {
	struct msghdr all;           /* the layout of each buffer of a RECEIVE_ALL */
	struct msghdr one;
	union { struct sockaddr any; struct sockaddr_in6 v6; } name; /* of a RECEIVE_ONE */
	_Alignas(struct cmsghdr) uint8_t control[UDP_CONTROL_MAX];
	struct io_uring_buf_ring *ring;
	size_t ring_size;
	uint8_t *buffers;
	unsigned armed[2];           /* by kind, how many in flight */
	unsigned came;               /* datagrams in this round: there may be as many in the next */
	int back;                    /* buffers to hand back at the end of this round */
};

struct uring {
	struct engine engine;
	struct engine_options options;
	struct udp_socket sockets[UDP_SOCKETS_MAX];
	struct receive receives[UDP_SOCKETS_MAX];
	struct io_uring ring;
	struct polls polls;
	bool ring_open;
	bool quiet;                  /* receives end and are not armed again */
	bool deaf;                   /* closing: nothing is handed out any more */
	unsigned ends;               /* completions of RECEIVE_ALL to come: these end with one, datagrams or not */
	unsigned buffer_count;
	size_t buffer_size;
	unsigned half;
	uint32_t round;              /* generation of sends */
	struct batch *batches;       /* two halves */
};

/* ---- receive ---- */

static uint8_t *buffer_at(const struct uring *uring, const struct receive *receive, unsigned id)
{
	return receive->buffers + id * uring->buffer_size;
}

static void give_back(struct uring *uring, struct receive *receive, unsigned id)
{
	io_uring_buf_ring_add(receive->ring, buffer_at(uring, receive, id), (unsigned)uring->buffer_size,
	                      (unsigned short)id, io_uring_buf_ring_mask(uring->buffer_count),
	                      receive->back++);
}

static void arm_receive(struct uring *uring, unsigned index, enum receive_kind kind)
{
	struct receive *receive = &uring->receives[index];
	struct io_uring_sqe *sqe = request_new(&uring->ring);

	if (!sqe) /* the next round tries again */
		return;
	if (kind == RECEIVE_ALL) {
		io_uring_prep_recvmsg_multishot(sqe, (int)index, &receive->all, MSG_DONTWAIT);
		uring->ends++;
	} else {
		receive->one = (struct msghdr){
			.msg_name = &receive->name,
			.msg_namelen = receive->all.msg_namelen,
			.msg_control = receive->all.msg_controllen ? receive->control : NULL,
			.msg_controllen = receive->all.msg_controllen,
		};
		io_uring_prep_recvmsg(sqe, (int)index, &receive->one, 0);
	}
	sqe->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
	sqe->buf_group = (uint16_t)index;
	sqe->user_data = tag_encode(REQUEST_RECEIVE, index, kind);
	receive->armed[kind]++;
}

/* Behind the sends, which then find nobody waiting at the socket. */
static void arm_receives(struct uring *uring)
{
	for (unsigned i = 0; i < uring->options.socket_count && !uring->quiet; i++) {
		struct receive *receive = &uring->receives[i];
		unsigned wanted = receive->came < UDP_BATCH ? receive->came : UDP_BATCH;
		for (unsigned n = receive->armed[RECEIVE_ALL] * MULTISHOT_MAX; n < wanted; n += MULTISHOT_MAX)
			arm_receive(uring, i, RECEIVE_ALL);
		if (!receive->armed[RECEIVE_ONE])
			arm_receive(uring, i, RECEIVE_ONE);
		receive->came = 0;
	}
}

/* Only bursts that UDP_GRO put together fill a batch; their replies leave by plain calls. */
static void flush_batch(struct uring *uring)
{
	struct batch *batch = &uring->batches[uring->half];

	batch_end(batch, uring->sockets);
	for (unsigned i = 0; i < batch->group_count; i++) {
		const struct udp_group *group = &batch->groups[i];
		int fd = uring->sockets[group->peer.socket].fd;
		if (group->count && sendmsg(fd, &group->message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && group->count > 1)
			udp_send_singly(fd, group);
	}
	batch_begin(batch);
}

static void hand_out(struct uring *uring, const struct udp_peer *peer, const uint8_t *octets, size_t len)
{
	const struct engine_handler *handler = &uring->options.handler;
	struct batch *batch = &uring->batches[uring->half];

	if (batch_full(batch))
		flush_batch(uring);
	size_t reply = handler->datagram(handler->context, peer, octets, len, batch->at);
	if (reply)
		batch_add(batch, peer, reply);
}

static void hand_out_datagrams(struct uring *uring, unsigned index, const struct sockaddr *name,
                               const struct cmsghdr *control, size_t control_len, const uint8_t *octets,
                               size_t len)
{
	struct udp_peer peer;

	if (!udp_peer_read(&peer, index, name, control, control_len))
		return;
	size_t segment = uring->options.gro ? udp_segment_size(control, control_len) : 0;
	while (segment && len > segment) {
		hand_out(uring, &peer, octets, segment);
		octets += segment;
		len -= segment;
	}
	hand_out(uring, &peer, octets, len);
}

static void hand_out_buffer(struct uring *uring, unsigned index, enum receive_kind kind, uint8_t *buffer,
                            int filled)
{
	struct receive *receive = &uring->receives[index];
	struct msghdr *layout = &receive->all;

	if (kind == RECEIVE_ONE) {
		hand_out_datagrams(uring, index, &receive->name.any, (const void *)receive->control,
		                   receive->one.msg_controllen, buffer, (size_t)filled);
		return;
	}
	struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(buffer, filled, layout);
	if (!out)
		return;
	const uint8_t *octets = io_uring_recvmsg_payload(out, layout);
	const uint8_t *name = io_uring_recvmsg_name(out);
	hand_out_datagrams(uring, index, (const void *)name, (const void *)(name + layout->msg_namelen),
	                   out->controllen, octets, (size_t)filled - (size_t)(octets - buffer));
}

static void complete_receive(struct uring *uring, unsigned index, enum receive_kind kind,
                             const struct io_uring_cqe *cqe)
{
	struct receive *receive = &uring->receives[index];

	if (cqe->flags & IORING_CQE_F_BUFFER) {
		unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
		if (cqe->res >= 0 && !uring->deaf)
			hand_out_buffer(uring, index, kind, buffer_at(uring, receive, id), cqe->res);
		give_back(uring, receive, id);
		receive->came++;
	} else if (kind == RECEIVE_ONE && cqe->res == 0 && !uring->deaf) {
		/* The kernel keeps the buffer of an empty datagram. */
		hand_out_buffer(uring, index, kind, receive->buffers, 0);
		receive->came++;
	}
	/* It ends for many harmless reasons: no datagram, an empty one, no buffer, a full queue. */
	if (!(cqe->flags & IORING_CQE_F_MORE)) {
		receive->armed[kind]--;
		if (kind == RECEIVE_ALL)
			uring->ends--;
	}
}

/* ---- send ---- */

static void send_group(struct uring *uring, struct udp_group *group, uint32_t number)
{
	struct io_uring_sqe *sqe = request_new(&uring->ring);

	if (!sqe)
		return;
	if (group->message.msg_control || group->count > 1 || uring->options.send_plainly) {
		io_uring_prep_sendmsg(sqe, group->peer.socket, &group->message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} else {
		io_uring_prep_send(sqe, group->peer.socket, group->pieces[0].iov_base, group->len,
		                   MSG_DONTWAIT | MSG_NOSIGNAL);
		io_uring_prep_send_set_addr(sqe, &group->peer.address.any,
		                            (uint16_t)group->message.msg_namelen);
	}
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = tag_encode(REQUEST_SEND, number, uring->round);
}

static void send_batch(struct uring *uring)
{
	struct batch *batch = &uring->batches[uring->half];

	batch_end(batch, uring->sockets);
	for (unsigned i = 0; i < batch->group_count; i++)
		if (batch->groups[i].count)
			send_group(uring, &batch->groups[i], i);
}

/* A send of the round before that failed. A group may have failed for being one: its replies go out
 * singly. */
static void complete_send(struct uring *uring, const struct tag *tag, int result)
{
	struct batch *batch = &uring->batches[uring->half ^ 1];
	const struct udp_group *group = &batch->groups[tag->index];

	if (result >= 0 || tag->generation != ((uring->round - 1) & 0x7fffffff) || group->count < 2)
		return;
	if (udp_refuses_groups(-result))
		uring->batches[0].singly = uring->batches[1].singly = UDP_SINGLY;
	udp_send_singly(uring->sockets[group->peer.socket].fd, group);
}

static int uring_watch(struct engine *engine, int fd, unsigned bits, watch_ready *ready, void *argument)
{
	return polls_watch(&((struct uring *)engine)->polls, fd, bits, ready, argument);
}

/* ---- the round ---- */

static void dispatch(struct uring *uring, const struct io_uring_cqe *cqe)
{
	struct tag tag = tag_decode(cqe->user_data);

	switch (tag.kind) {
	case REQUEST_RECEIVE:
		complete_receive(uring, tag.index, (enum receive_kind)tag.generation, cqe);
		break;
	case REQUEST_SEND:
		complete_send(uring, &tag, cqe->res);
		break;
	case REQUEST_POLL:
		polls_complete(&uring->polls, &tag, cqe->res);
		break;
	case REQUEST_NONE:
		break;
	}
}

static void recycle(struct uring *uring)
{
	for (unsigned i = 0; i < uring->options.socket_count; i++) {
		struct receive *receive = &uring->receives[i];
		if (receive->back) {
			io_uring_buf_ring_advance(receive->ring, receive->back);
			receive->back = 0;
		}
	}
}

/* The octets of a datagram that came, NULL if this is none. */
static const uint8_t *datagram_of(struct uring *uring, const struct io_uring_cqe *cqe, size_t *len)
{
	struct tag tag = tag_decode(cqe->user_data);

	if (tag.kind != REQUEST_RECEIVE || !(cqe->flags & IORING_CQE_F_BUFFER) || cqe->res < 0)
		return NULL;
	struct receive *receive = &uring->receives[tag.index];
	uint8_t *buffer = buffer_at(uring, receive, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
	const uint8_t *octets = buffer;
	if (tag.generation == RECEIVE_ALL) {
		struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(buffer, cqe->res, &receive->all);
		if (!out)
			return NULL;
		octets = io_uring_recvmsg_payload(out, &receive->all);
	}
	*len = (size_t)cqe->res - (size_t)(octets - buffer);
	return octets;
}

/* Tells of a completion before its turn; NULL: there are no more. */
static void tell_ahead(struct uring *uring, const struct io_uring_cqe *cqe)
{
	const struct engine_handler *handler = &uring->options.handler;
	size_t len = 0;
	const uint8_t *octets = cqe ? datagram_of(uring, cqe, &len) : NULL;

	handler->ahead(handler->context, octets, len);
}

/* Handles up to COMPLETIONS_MAX completions; returns how many there were. */
static unsigned complete(struct uring *uring, bool ahead)
{
	struct io_uring_cqe *cqes[COMPLETIONS_MAX];
	unsigned n = io_uring_peek_batch_cqe(&uring->ring, cqes, COMPLETIONS_MAX);

	ahead = ahead && n > 1;
	for (unsigned i = 0; ahead && i < AHEAD_DISTANCE; i++)
		tell_ahead(uring, i < n ? cqes[i] : NULL);
	for (unsigned i = 0; i < n; i++) {
		if (ahead)
			tell_ahead(uring, i + AHEAD_DISTANCE < n ? cqes[i + AHEAD_DISTANCE] : NULL);
		dispatch(uring, cqes[i]);
	}
	io_uring_cq_advance(&uring->ring, n);
	recycle(uring);
	return n;
}

static void submit_and_wait(struct uring *uring, uint32_t timeout_ms)
{
	struct io_uring_cqe *cqe;
	struct __kernel_timespec time = { .tv_sec = timeout_ms / 1000,
	                                  .tv_nsec = (long long)(timeout_ms % 1000) * 1000000 };

	io_uring_submit_and_wait_timeout(&uring->ring, &cqe, 1 + uring->ends, timeout_ms == UINT32_MAX ? NULL : &time,
	                                 NULL);
	/* What the kernel left in the queue still names our replies. */
	for (int tries = 0; io_uring_sq_ready(&uring->ring) && tries < 100; tries++)
		io_uring_submit(&uring->ring);
}

/* Returns the number of completions. */
static unsigned run_round(struct uring *uring, uint32_t timeout_ms)
{
	const struct engine_handler *handler = &uring->options.handler;

	handler->park(handler->context);
	submit_and_wait(uring, timeout_ms);
	const bool ahead = handler->batch(handler->context);
	if (io_uring_sq_ready(&uring->ring))
		return 0; /* the kernel is out of memory, and what is queued still names our replies: nothing new */
	uring->half ^= 1;
	uring->round++;
	batch_begin(&uring->batches[uring->half]);
	unsigned n = complete(uring, ahead);
	send_batch(uring);
	arm_receives(uring);
	return n;
}

static void uring_run(struct engine *engine, uint32_t timeout_ms)
{
	run_round((struct uring *)engine, timeout_ms);
}

/* ---- open and close ---- */

/*
 * liburing maps and unmaps rings by system calls of its own, which ThreadSanitizer does not see: a ring
 * looks to it like the one another thread had at that place before. So the end of each ring is made
 * to happen before the beginning of the next.
 */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(const void *);
void __tsan_release(const void *);
static void ring_begins(void) { __tsan_acquire(&engine_uring); }
static void ring_ends(void) { __tsan_release(&engine_uring); }
#else
static void ring_begins(void) { }
static void ring_ends(void) { }
#endif

static void cancel_receives(struct uring *uring)
{
	uring->quiet = true;
	for (unsigned i = 0; i < uring->options.socket_count; i++) {
		struct io_uring_sqe *sqe = uring->receives[i].armed[RECEIVE_ONE] ? request_new(&uring->ring) : NULL;
		if (!sqe)
			continue;
		io_uring_prep_cancel64(sqe, tag_encode(REQUEST_RECEIVE, i, RECEIVE_ONE), 0);
		sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
		sqe->user_data = tag_encode(REQUEST_NONE, 0, 0);
	}
}

static bool receives_armed(const struct uring *uring)
{
	for (unsigned i = 0; i < uring->options.socket_count; i++)
		if (uring->receives[i].armed[RECEIVE_ONE] || uring->receives[i].armed[RECEIVE_ALL])
			return true;
	return false;
}

/* What has come is handed out as ever; the sockets stay usable for replies. A cancellation overtakes
 * the datagrams that wait in the socket, so those are taken first. */
static void uring_quiet(struct engine *engine)
{
	struct uring *uring = (struct uring *)engine;

	for (int i = 0; i < QUIET_ROUNDS_MAX && run_round(uring, 0); i++)
		;
	cancel_receives(uring);
	for (int i = 0; receives_armed(uring) && i < REAP_ROUNDS_MAX; i++)
		run_round(uring, 10);
}

/* Waits for the final completion of everything in flight: until then the ring holds the files. */
static void reap(struct uring *uring)
{
	uring->deaf = true;
	cancel_receives(uring);
	polls_cancel(&uring->polls);
	for (int i = 0; (uring->polls.in_flight || receives_armed(uring) || io_uring_sq_ready(&uring->ring)) &&
	                i < REAP_ROUNDS_MAX; i++) {
		submit_and_wait(uring, 10);
		complete(uring, false);
	}
}

static void uring_close(struct engine *engine)
{
	struct uring *uring = (struct uring *)engine;

	if (uring->ring_open) {
		reap(uring);
		io_uring_unregister_files(&uring->ring);
		for (unsigned i = 0; i < uring->options.socket_count; i++)
			if (uring->receives[i].ring)
				io_uring_unregister_buf_ring(&uring->ring, (int)i);
		ring_ends();
		io_uring_queue_exit(&uring->ring);
	}
	for (unsigned i = 0; i < uring->options.socket_count; i++) {
		struct receive *receive = &uring->receives[i];
		if (receive->ring)
			munmap(receive->ring, receive->ring_size);
		if (receive->buffers)
			munmap(receive->buffers, uring->buffer_count * uring->buffer_size);
	}
	polls_free(&uring->polls);
	free(uring->batches);
	free(uring);
}

/* DEFER_TASKRUN (6.1) runs completions when we ask and not when an interrupt likes to; TASKRUN_FLAG goes
 * with it. Kernels without it still do well with COOP_TASKRUN. */
static int open_ring(struct uring *uring)
{
	static const unsigned flags[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	int result = -EINVAL;

	for (unsigned i = 0; i < sizeof flags / sizeof *flags && result == -EINVAL; i++) {
		struct io_uring_params params = {
			.flags = flags[i] | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
			.cq_entries = CQ_ENTRIES,
		};
		result = io_uring_queue_init_params(SQ_ENTRIES, &uring->ring, &params);
		if (!result && !(params.features & IORING_FEAT_CQE_SKIP && params.features & IORING_FEAT_EXT_ARG &&
		                 params.features & IORING_FEAT_NODROP)) {
			io_uring_queue_exit(&uring->ring);
			result = -EOPNOTSUPP;
		}
	}
	if (result) {
		errno = -result;
		return result == -ENOMEM ? MIST_ENOMEM : MIST_EENGINE;
	}
	ring_begins();
	uring->ring_open = true;
	io_uring_register_ring_fd(&uring->ring); /* saves a look-up a call; fine without */
	return MIST_OK;
}

static int map(void **memory, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return MIST_ENOMEM;
	*memory = p;
	return MIST_OK;
}

static int open_receive(struct uring *uring, unsigned index)
{
	struct receive *receive = &uring->receives[index];
	size_t ring_size = uring->buffer_count * sizeof(struct io_uring_buf);
	void *ring, *buffers;

	receive->all.msg_namelen = udp_address_len(uring->sockets[index].family);
	receive->all.msg_controllen = udp_control_len(&uring->sockets[index], uring->options.gro);
	if (receive->all.msg_controllen) /* it stands behind the name and has to be aligned */
		receive->all.msg_namelen = (receive->all.msg_namelen + 7u) & ~7u;
	if (map(&buffers, uring->buffer_count * uring->buffer_size))
		return MIST_ENOMEM;
	receive->buffers = buffers;
	if (map(&ring, ring_size))
		return MIST_ENOMEM;
	struct io_uring_buf_reg registration = {
		.ring_addr = (uint64_t)(uintptr_t)ring,
		.ring_entries = uring->buffer_count,
		.bgid = (uint16_t)index,
	};
	int result = io_uring_register_buf_ring(&uring->ring, &registration, 0);
	if (result) {
		munmap(ring, ring_size);
		errno = -result;
		return MIST_EENGINE;
	}
	receive->ring = ring;
	receive->ring_size = ring_size;
	io_uring_buf_ring_init(receive->ring);
	for (unsigned id = 0; id < uring->buffer_count; id++)
		give_back(uring, receive, id);
	return MIST_OK;
}

static int register_sockets(struct uring *uring)
{
	int fds[UDP_SOCKETS_MAX];

	for (unsigned i = 0; i < uring->options.socket_count; i++)
		fds[i] = uring->sockets[i].fd;
	int result = uring->options.socket_count
		? io_uring_register_files(&uring->ring, fds, uring->options.socket_count) : 0;
	if (result) {
		errno = -result;
		return MIST_EENGINE;
	}
	return MIST_OK;
}

static int uring_open(struct engine **engine, const struct engine_options *options)
{
	int error = MIST_ENOMEM;
	struct uring *uring = calloc(1, sizeof *uring);
	if (!uring)
		return MIST_ENOMEM;
	uring->engine.type = &engine_uring;
	uring->options = *options;
	memcpy(uring->sockets, options->sockets, options->socket_count * sizeof *options->sockets);
	uring->buffer_count = options->gro ? BUFFERS_GRO : BUFFERS_PLAIN;
	uring->buffer_size = options->gro ? BUFFER_GRO : BUFFER_PLAIN;
	uring->batches = malloc(2 * sizeof *uring->batches);
	if (!uring->batches || polls_init(&uring->polls, &uring->ring))
		goto fail;
	batch_init(&uring->batches[0]);
	batch_init(&uring->batches[1]);
	error = open_ring(uring);
	if (!error)
		error = register_sockets(uring);
	for (unsigned i = 0; i < options->socket_count && !error; i++)
		error = open_receive(uring, i);
	if (error)
		goto fail;
	recycle(uring);
	arm_receives(uring);
	*engine = &uring->engine;
	return MIST_OK;

fail:;
	int why = errno;
	uring_close(&uring->engine);
	errno = why;
	return error;
}

const struct engine_type engine_uring = {
	.name = "uring",
	.open = uring_open,
	.watch = uring_watch,
	.quiet = uring_quiet,
	.run = uring_run,
	.close = uring_close,
};
