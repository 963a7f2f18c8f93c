/*
 * The resolver against a scripted server that answers well, badly, late or not at all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "mistcore.h"

static struct {
	int udp, tcp;
	uint16_t port;
	pthread_t thread;
	_Atomic(bool) stop;
	_Atomic(unsigned) datagrams, streams;
} server;

/* The first label of the question says what to do; the answer is one A record. Returns its length. */
static size_t respond(uint8_t *message, size_t len, bool stream)
{
	char label = (char)message[13];
	size_t end = 12;

	while (message[end])
		end += message[end] + 1u;
	end += 5;
	(void)len;
	uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1 };
	bool v6 = message[end - 3] == 28;
	message[2] |= 0x80;
	message[3] = 0;
	memset(message + 6, 0, 6);
	if (label == 'x')
		message[3] = 3;
	if (label == 'r')
		message[3] = 5;
	if (label == 'o')
		memcpy(record + 12, (uint8_t[]){ 192, 0, 2, 1 }, 4); /* outside */
	if (label == 't' && !stream)
		message[2] |= 2;
	if (v6 || message[3] || message[2] & 2)
		return end;
	message[7] = 1;
	memcpy(message + end, record, sizeof record);
	return end + sizeof record;
}

static void serve_udp(void)
{
	uint8_t message[2048], copy[2048];
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	ssize_t n = recvfrom(server.udp, message, 512, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

	if (n < 13)
		return;
	server.datagrams++;
	char label = (char)message[13];
	size_t len = respond(message, (size_t)n, false);
	if (label == 's' || (label == 'l' && server.datagrams % 2)) /* silent; loses every other */
		return;
	if (label == 'w') { /* wrong answers before the right one: id, question, not a response, nothing */
		memcpy(copy, message, len);
		copy[0] ^= 1;
		sendto(server.udp, copy, len, 0, (struct sockaddr *)&from, from_len);
		memcpy(copy, message, len);
		copy[14] ^= 1;
		sendto(server.udp, copy, len, 0, (struct sockaddr *)&from, from_len);
		memcpy(copy, message, len);
		copy[2] &= 0x7f;
		sendto(server.udp, copy, len, 0, (struct sockaddr *)&from, from_len);
		sendto(server.udp, copy, 0, 0, (struct sockaddr *)&from, from_len);
	}
	sendto(server.udp, message, len, 0, (struct sockaddr *)&from, from_len);
}

static void serve_tcp(void)
{
	uint8_t message[2048];
	int fd = accept(server.tcp, NULL, NULL);

	if (fd < 0)
		return;
	server.streams++;
	if (recv(fd, message, 2, MSG_WAITALL) == 2) {
		size_t n = (size_t)(message[0] << 8 | message[1]);
		if (n < 512 && recv(fd, message + 2, n, MSG_WAITALL) == (ssize_t)n) {
			size_t len = respond(message + 2, n, true);
			message[0] = (uint8_t)(len >> 8);
			message[1] = (uint8_t)len;
			send(fd, message, 2 + len, MSG_NOSIGNAL);
		}
	}
	close(fd);
}

static void *serve(void *argument)
{
	(void)argument;
	while (!server.stop) {
		struct pollfd fds[2] = { { server.udp, POLLIN, 0 }, { server.tcp, POLLIN, 0 } };
		if (poll(fds, 2, 20) <= 0)
			continue;
		if (fds[0].revents)
			serve_udp();
		if (fds[1].revents)
			serve_tcp();
	}
	return NULL;
}

/* One port number of both protocols. What the kernel gives for UDP may be somebody's for TCP. */
static bool open_pair(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;

	server.udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	server.tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.udp, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(server.udp, (struct sockaddr *)&address, &len), 0);
	server.port = ntohs(address.sin_port);
	if (bind(server.tcp, (struct sockaddr *)&address, len) == 0 && listen(server.tcp, 8) == 0)
		return true;
	close(server.udp);
	close(server.tcp);
	return false;
}

static int setup(void **state)
{
	int tries = 100;

	(void)state;
	while (!open_pair())
		assert_true(--tries > 0);
	return pthread_create(&server.thread, NULL, serve, NULL);
}

static int teardown(void **state)
{
	(void)state;
	server.stop = true;
	pthread_join(server.thread, NULL);
	close(server.udp);
	close(server.tcp);
	return 0;
}

static void answers(void **state)
{
	static const struct { const char *name; int error; unsigned datagrams, streams; } cases[] = {
		{ "good.editor.land", MIST_OK, 2, 0 },
		{ "truncated.editor.land", MIST_OK, 2, 2 },
		{ "wrong.editor.land", MIST_OK, 2, 0 },
		{ "lossy.editor.land", MIST_OK, 4, 0 },
		{ "outside.editor.land", MIST_EMISMATCH, 2, 0 },
		{ "outside.example.com", MIST_OK, 2, 0 },
		{ "xnone.editor.land", MIST_ENOTFOUND, 1, 0 },
		{ "refused.editor.land", MIST_EREFUSED, 1, 0 },
		{ "silent.editor.land", MIST_ETIMEOUT, 3, 0 },
	};
	struct mist_resolver *resolver;
	const struct mist_resolver_options options = { .size = sizeof options, .port = server.port, .timeout_ms = 600 };

	(void)state;
	assert_int_equal(mist_resolver_open(&resolver, &options), MIST_OK);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mist_address list[4];
		size_t count = 4;
		server.datagrams = server.streams = 0;
		assert_int_equal(mist_resolver_addresses(resolver, cases[i].name, list, &count), cases[i].error);
		assert_int_equal(count, cases[i].error ? 4 : 1);
		assert_int_equal(server.datagrams, cases[i].datagrams);
		assert_int_equal(server.streams, cases[i].streams);
	}
	mist_resolver_close(resolver);
}

static void options(void **state)
{
	struct mist_resolver *resolver;
	struct mist_resolver_options options = { .size = sizeof options, .address = "192.0.2.1" };
	struct mist_address address;
	size_t count = 1;

	(void)state;
	assert_int_equal(mist_resolver_open(&resolver, &options), MIST_EADDRESS);
	options.address = "nonsense";
	assert_int_equal(mist_resolver_open(&resolver, &options), MIST_EADDRESS);
	static const char *const zones[] = { "not..a.name" };
	options = (struct mist_resolver_options){ .size = sizeof options, .local_zones = zones, .local_zone_count = 1 };
	assert_int_equal(mist_resolver_open(&resolver, &options), MIST_ENAME);
	/* Nobody listens: said at once. */
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in taken = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof taken;
	assert_int_equal(bind(fd, (struct sockaddr *)&taken, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&taken, &len), 0);
	close(fd);
	options = (struct mist_resolver_options){ .size = sizeof options, .port = ntohs(taken.sin_port) };
	assert_int_equal(mist_resolver_open(&resolver, &options), MIST_OK);
	assert_int_equal(mist_resolver_addresses(resolver, "x.editor.land", &address, &count), MIST_ENETWORK);
	assert_int_equal(mist_resolver_addresses(resolver, "..", &address, &count), MIST_ENAME);
	mist_resolver_close(resolver);
	mist_resolver_close(NULL);
}

static void messages(void **state)
{
	struct mist_resolver *resolver;
	const struct mist_resolver_options options = { .size = sizeof options, .port = server.port };
	uint8_t query[] = { 7, 8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'g', 0, 0, 1, 0, 1 }, response[512];

	(void)state;
	assert_int_equal(mist_resolver_open(&resolver, &options), MIST_OK);
	for (int tcp = 0; tcp < 2; tcp++) {
		size_t len = sizeof response;
		assert_int_equal(mist_resolver_message(resolver, tcp, query, sizeof query, response, &len), MIST_OK);
		assert_int_equal(len, sizeof query + 16);
		assert_memory_equal(response, query, 2);
		len = 20;
		assert_int_equal(mist_resolver_message(resolver, tcp, query, sizeof query, response, &len), MIST_ESPACE);
	}
	size_t len = sizeof response;
	assert_int_equal(mist_resolver_message(resolver, false, query, 3, response, &len), MIST_EINVAL);
	mist_resolver_close(resolver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(options),
		cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
