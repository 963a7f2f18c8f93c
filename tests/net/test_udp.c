/*
 * A batch of replies: every reply leaves once, and every send is one that the kernel can cut: all segments of
 * one length, the last perhaps shorter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "net/udp.h"

static struct batch batch;
static const struct udp_socket sockets[] = { { .family = AF_INET } };

static struct udp_peer peer_of(uint16_t port)
{
	return (struct udp_peer){ .address.v4 = { .sin_family = AF_INET, .sin_port = htons(port) } };
}

static void add(uint16_t port, size_t len)
{
	struct udp_peer peer = peer_of(port);

	memset(batch.at, port & 0xff, len);
	batch_add(&batch, &peer, len);
}

/* Ends the batch, checks it and begins the next; returns the number of sends. */
static unsigned sends(unsigned replies)
{
	const uint8_t *seen[UDP_REPLIES_MAX];
	unsigned count = 0, found = 0;

	batch_end(&batch, sockets);
	for (unsigned i = 0; i < batch.group_count; i++) {
		const struct udp_group *group = &batch.groups[i];
		assert_true(group->count <= UDP_GROUP_MAX);
		count += group->count > 0;
		for (unsigned j = 0; j < group->count; j++) {
			const struct iovec *piece = &group->pieces[j];
			assert_true(piece->iov_len == group->len || (j == group->count - 1u && piece->iov_len < group->len));
			assert_int_equal(*(uint8_t *)piece->iov_base, ntohs(group->peer.address.v4.sin_port) & 0xff);
			for (unsigned k = 0; k < found; k++)
				assert_ptr_not_equal(seen[k], piece->iov_base);
			seen[found++] = piece->iov_base;
		}
		if (group->count) {
			assert_int_equal(group->message.msg_iovlen, group->count);
			assert_int_equal(group->message.msg_control != NULL, group->count > 1);
		}
	}
	assert_int_equal(found, replies);
	batch_begin(&batch);
	return count;
}

static void groups(void **state)
{
	(void)state;
	batch_init(&batch);
	for (uint16_t port = 1; port <= 64; port++) /* stubs: nothing to group */
		add(port, 60);
	assert_int_equal(sends(64), 64);
	for (unsigned i = 0; i < 40; i++) /* one length: as many as a group holds */
		add(7, 60);
	assert_int_equal(sends(40), 2);
	for (size_t len = 40; len < 48; len++) /* eight lengths: pairs */
		add(7, len);
	assert_int_equal(sends(8), 4);
	add(7, 60), add(7, 60), add(7, 50), add(7, 50), add(7, 40), add(7, 40); /* the last two are parted */
	assert_int_equal(sends(6), 2);
	add(7, 60), add(8, 50), add(7, 40), add(8, 30); /* nobody gets another's reply */
	assert_int_equal(sends(4), 2);
	batch.singly = 2; /* refused: two batches without groups, then again with */
	for (int left = 2; left >= 0; left--) {
		add(7, 60), add(7, 60), add(7, 40);
		assert_int_equal(sends(3), left ? 3 : 1);
	}
}

static void any(void **state)
{
	(void)state;
	batch_init(&batch);
	srandom(1);
	for (int i = 0; i < 20000; i++) {
		unsigned count = 1 + (unsigned)random() % UDP_REPLIES_MAX, ports = 1 + (unsigned)random() % 300;
		unsigned lengths = 1 + (unsigned)random() % 12;
		for (unsigned j = 0; j < count; j++)
			add((uint16_t)(1 + (unsigned)random() % ports), 20 + (unsigned)random() % lengths);
		assert_true(sends(count) <= count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups),
		cmocka_unit_test(any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
