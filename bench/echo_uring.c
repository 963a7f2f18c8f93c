/* The floor of one system call a batch: io_uring_enter sends the last batch and waits for the next. */
#include "bench/echo.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#define BUFFERS 256
#define BUFFER_OCTETS 1024   /* header, address and query */
#define SQ_ENTRIES 256
#define CQ_ENTRIES 4096
#define TAG_RECEIVE 1

static struct msghdr layout = { .msg_namelen = sizeof(struct sockaddr_in) };

static void arm(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_recvmsg_multishot(sqe, 0, &layout, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
	sqe->user_data = TAG_RECEIVE;
}

/* Successful sends post no completion and are over when the submit returns. */
static void queue_sends(struct io_uring *ring, struct replies *replies, struct msghdr *messages)
{
	for (unsigned i = 0; i < replies->count; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
		struct reply *reply = &replies->list[i];
		if (reply->count > 1) {
			echo_message(reply, &messages[i]);
			io_uring_prep_sendmsg(sqe, 0, &messages[i], MSG_DONTWAIT | MSG_NOSIGNAL);
		} else {
			io_uring_prep_send(sqe, 0, reply->pieces[0].iov_base, reply->length,
			                   MSG_DONTWAIT | MSG_NOSIGNAL);
			io_uring_prep_send_set_addr(sqe, (struct sockaddr *)&reply->peer, sizeof reply->peer);
		}
		sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
		sqe->user_data = 0;
	}
}

static int open_ring(struct io_uring *ring, int fd, struct io_uring_buf_ring **buffers, size_t size)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
		         IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
		.cq_entries = CQ_ENTRIES,
	};
	struct io_uring_buf_reg registration = { .ring_entries = BUFFERS };
	int error = io_uring_queue_init_params(SQ_ENTRIES, ring, &params);

	if (error)
		return error;
	io_uring_register_ring_fd(ring);
	*buffers = aligned_alloc(4096, size);
	if (*buffers == NULL)
		return -ENOMEM;
	memset(*buffers, 0, size);
	registration.ring_addr = (uint64_t)(uintptr_t)*buffers;
	error = io_uring_register_files(ring, &fd, 1);
	return error ? error : io_uring_register_buf_ring(ring, &registration, 0);
}

static void take(const struct io_uring_cqe *cqe, uint8_t *buffer, struct replies *replies)
{
	struct io_uring_recvmsg_out *out =
		cqe->res >= 0 ? io_uring_recvmsg_validate(buffer, cqe->res, &layout) : NULL;

	if (out != NULL)
		echo_reply(replies, io_uring_recvmsg_name(out), io_uring_recvmsg_payload(out, &layout),
		           io_uring_recvmsg_payload_length(out, cqe->res, &layout));
}

void echo_uring(int fd, struct replies *replies)
{
	static _Alignas(64) uint8_t octets[BUFFERS][BUFFER_OCTETS];
	struct msghdr messages[ECHO_BATCH];
	struct io_uring_cqe *cqes[ECHO_BATCH];
	struct io_uring_buf_ring *buffers;
	struct io_uring ring;
	int error = open_ring(&ring, fd, &buffers, BUFFERS * sizeof(struct io_uring_buf)), back = 0;

	if (error) {
		errno = -error;
		return;
	}
	io_uring_buf_ring_init(buffers);
	for (unsigned short i = 0; i < BUFFERS; i++)
		io_uring_buf_ring_add(buffers, octets[i], BUFFER_OCTETS, i, io_uring_buf_ring_mask(BUFFERS), i);
	io_uring_buf_ring_advance(buffers, BUFFERS);
	arm(&ring);
	for (;;) {
		bool ended = false;
		io_uring_submit_and_wait(&ring, 1);
		unsigned count = io_uring_peek_batch_cqe(&ring, cqes, ECHO_BATCH);
		echo_begin(replies);
		for (unsigned i = 0; i < count; i++) {
			unsigned id = cqes[i]->flags >> IORING_CQE_BUFFER_SHIFT;
			if (cqes[i]->flags & IORING_CQE_F_BUFFER) {
				take(cqes[i], octets[id], replies);
				io_uring_buf_ring_add(buffers, octets[id], BUFFER_OCTETS, (unsigned short)id,
				                      io_uring_buf_ring_mask(BUFFERS), back++);
			}
			ended |= cqes[i]->user_data == TAG_RECEIVE && !(cqes[i]->flags & IORING_CQE_F_MORE);
		}
		io_uring_cq_advance(&ring, count);
		io_uring_buf_ring_advance(buffers, back);
		back = 0;
		if (ended)
			arm(&ring);
		queue_sends(&ring, replies, messages);
	}
}
