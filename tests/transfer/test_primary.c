/*
 * transfer/primary.c over sockets: a transfer that is cut after any of its octets, by a connection that is closed or
 * reset, is none; and no descriptor is left behind. After each thirteenth, but with MIST_LONG=1.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dnssec/key.h"
#include "dnssec/tsig.h"
#include "messages.h"
#include "transfer/primary.h"

#define STREAM_LEAST 20000
#define STREAM_MAX 65536
#define MESSAGE_FILL 1000    /* many ends of messages to be cut at */

/* What a primary sends, but for ids and signatures. */
static struct {
	uint8_t octets[STREAM_MAX];
	size_t ends[64];
	unsigned count;
	size_t len;
} stream;

static size_t step;          /* octets from cut to cut */
static int listener;
static struct keyring *keyring;
static bool with_key;

/* ---- the stream ---- */

static void end_message(void)
{
	memcpy(stream.octets + stream.len, sent.octets, end());
	stream.len += sent.len;
	stream.ends[stream.count++] = stream.len;
}

static void put_texts(unsigned count, char version)
{
	for (unsigned i = 0; i < count; i++) {
		char name[16];
		uint8_t text[65] = { 64 };
		memset(text + 1, version, 64);
		snprintf(name, sizeof(name), "n%u.t", i);
		put(name, TYPE_TXT, text, sizeof(text));
		if (writer_len(&w) > MESSAGE_FILL) {
			end_message();
			begin(0, FLAG_QR | FLAG_AA, 0);
		}
	}
}

static void write_whole(void)
{
	begin(0, FLAG_QR | FLAG_AA, TYPE_AXFR);
	soa(2);
	ns();
	put_texts(250, 'b');
	soa(2);
	end_message();
}

static void write_changes(void)
{
	begin(0, FLAG_QR | FLAG_AA, TYPE_IXFR);
	soa(2);
	soa(1);
	put_texts(125, 'a');
	soa(2);
	put_texts(125, 'b');
	soa(2);
	end_message();
}

/* ---- the primary ---- */

static void read_all(int fd, uint8_t *octets, size_t len)
{
	while (len) {
		const ssize_t got = recv(fd, octets, len, 0);
		if (got <= 0)
			abort();
		octets += got;
		len -= (size_t)got;
	}
}

/* The whole stream as an answer to this request; returns its length. */
static size_t answer(uint8_t *octets, const uint8_t *request, size_t len)
{
	struct tsig tsig = { 0 };
	struct request parsed;
	uint8_t *to = octets;
	size_t from = 0;
	if (with_key && (message_parse(&parsed, request, len) != PARSED_OK ||
	                 tsig_check(&tsig, keyring, request, len, parsed.tsig_at, (uint64_t)time(NULL))))
		abort();
	for (unsigned i = 0; i < stream.count; i++) {
		size_t size = stream.ends[i] - from;
		memcpy(to + 2, stream.octets + from, size);
		memcpy(to + 2, request, 2);
		if (with_key)
			size = tsig_sign(&tsig, to + 2, size, size + 512, (uint64_t)time(NULL));
		wire_set16(to, (uint16_t)size);
		to += 2 + size;
		from = stream.ends[i];
	}
	tsig_end(&tsig);
	return (size_t)(to - octets);
}

/* Serves a connection for each octet, cut there, and at last the whole; returns how many octets that were. */
static void *serve(void *unused)
{
	static uint8_t octets[2 * STREAM_MAX];
	static const struct linger reset = { .l_onoff = 1 };
	uint8_t request[2 + MESSAGE_UDP_EDNS];
	size_t len = 1;
	(void)unused;
	for (size_t cut = 0; cut < len + step; cut += step) {
		const int fd = accept(listener, NULL, NULL);
		read_all(fd, request, 2);
		read_all(fd, request + 2, wire_get16(request));
		len = answer(octets, request + 2, wire_get16(request));
		if (cut % 2 && cut < len) /* it may take away what was sent before */
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		for (size_t at = 0; at < cut && at < len;) {
			const ssize_t gone = send(fd, octets + at, (cut < len ? cut : len) - at, MSG_NOSIGNAL);
			if (gone <= 0)
				break;
			at += (size_t)gone;
		}
		close(fd);
	}
	return (void *)len;
}

static struct upstream_address listen_somewhere(void)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(own);
	struct upstream_address address = { .family = AF_INET, .octets = { 127, 0, 0, 1 } };
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&own, len), 0);
	assert_int_equal(listen(listener, 8), 0);
	getsockname(listener, (struct sockaddr *)&own, &len);
	address.port = ntohs(own.sin_port);
	return address;
}

/* ---- the secondary ---- */

/* The number of a new descriptor: the same again, when none was left behind. */
static int next_descriptor(void)
{
	const int fd = dup(0);
	close(fd);
	return fd;
}

static int transfer(struct primary *primary, bool changes, struct in *in)
{
	const struct in_options options = { .zone = APEX, .changes = changes, .serial = 1, .as_it_comes = true,
	                                    .key = with_key ? keyring_find(keyring, (const uint8_t *)"\1k") : NULL };
	assert_int_equal(in_begin(in, &options), MIST_OK);
	return primary_transfer(primary, in);
}

static void cut_everywhere(void (*write_stream)(void), bool changes, bool key)
{
	const int stop = eventfd(0, EFD_CLOEXEC);
	struct primary primary = { .address = listen_somewhere(), .zone = APEX, .stop = stop, .until_ms = UINT64_MAX };
	struct in in;
	pthread_t thread;
	void *len;
	size_t cut = 0;
	int error;

	step = getenv("MIST_LONG") ? 1 : 13;
	memset(&stream, 0, sizeof(stream));
	with_key = key;
	write_stream();
	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
	while ((error = transfer(&primary, changes, &in))) {
		assert_int_equal(error, MIST_ENETWORK);
		assert_int_not_equal(in.state, IN_DONE);
		in_free(&in);
		cut += step;
	}
	pthread_join(thread, &len);
	assert_int_equal(in.state, IN_DONE);
	assert_int_equal(in_finish(&in), MIST_OK);
	assert_int_equal(changes, in.has_changes);
	assert_int_equal(changes, !in.whole);
	in_free(&in);
	assert_true(cut >= (size_t)len && cut < (size_t)len + step);
	assert_true(cut > STREAM_LEAST);
	close(listener);
	close(stop);
}

static void test_whole(void **state)
{
	const int fd = next_descriptor();
	(void)state;
	cut_everywhere(write_whole, false, false);
	assert_int_equal(next_descriptor(), fd);
}

static void test_changes(void **state)
{
	(void)state;
	cut_everywhere(write_changes, true, false);
}

static void test_signed(void **state)
{
	(void)state;
	cut_everywhere(write_whole, false, true);
}

static int make_keys(void **state)
{
	static const uint8_t secret[32] = "a secret of both";
	struct crypto *crypto;
	(void)state;
	assert_int_equal(crypto_new(&crypto), MIST_OK);
	assert_int_equal(keyring_new(&keyring, crypto), MIST_OK);
	assert_int_equal(keyring_add(keyring, (const uint8_t *)"\1k", "hmac-sha256", secret, 32), MIST_OK);
	crypto_free(crypto);
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	keyring_release(keyring);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_signed),
	};
	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
