/*
 * Sockets that a running server adopts and gives back: mist_listen_fds(), mist_unlisten(). Every test runs on
 * both engines.
 */
#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PATIENCE_MS 20000 /* for what takes a moment */
#define SILENCE_MS 100    /* for what must not come; if it came it would be there already */

static const enum mist_engine engines[] = { MIST_ENGINE_URING, MIST_ENGINE_EPOLL };
static bool have_uring;

static void each(void (*test)(enum mist_engine))
{
	for (unsigned i = have_uring ? 0 : 1; i < 2; i++)
		test(engines[i]);
}

static struct mist_server *start_with(struct mist_content *content, enum mist_engine engine, unsigned workers)
{
	struct mist_server *server;
	struct mist_options options = options_of(engine, workers);

	assert_int_equal(mist_start(&server, &options, content), MIST_OK);
	return server;
}

static struct mist_server *start(enum mist_engine engine, unsigned workers)
{
	return start_with(content_at("127.0.0.7"), engine, workers);
}

/* ---- sockets ---- */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
	                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof address;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

/* A socket on loopback; -1: the port is taken. */
static int bound(int type, uint16_t port)
{
	const struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, type, 0), on = 1;

	assert_true(fd >= 0);
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) || (type == SOCK_STREAM && listen(fd, 8))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* UDP and TCP on one port, any or that one. */
static void pair(int fds[2], uint16_t port)
{
	for (int i = 0; i < PATIENCE_MS; i++) {
		fds[0] = bound(SOCK_DGRAM, port);
		fds[1] = fds[0] < 0 ? -1 : bound(SOCK_STREAM, port_of(fds[0]));
		if (fds[1] >= 0)
			return;
		if (fds[0] >= 0)
			close(fds[0]);
		usleep(1000);
	}
	fail_msg("no port for UDP and TCP");
}

static int dial(int type, uint16_t port)
{
	const struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, type, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static bool readable(int fd, int ms)
{
	struct pollfd poll_one = { .fd = fd, .events = POLLIN };

	return poll(&poll_one, 1, ms) == 1;
}

/* A query for an A record; TCP with its length in front. */
static size_t query_for(uint8_t query[300], const char *name, bool tcp)
{
	uint8_t *at = query + (tcp ? 2 : 0);

	memset(query, 0, 300);
	at[0] = 0x12;
	at[2] = 1; /* RD */
	at[5] = 1;
	int len = mist_name_from_text(name, at + 12);
	assert_true(len > 0);
	at[12 + len + 1] = 1;
	at[12 + len + 3] = 1;
	if (tcp)
		query[1] = (uint8_t)(16 + len);
	return (tcp ? 18 : 16) + (size_t)len;
}

static void ask(int fd, const char *name, bool tcp)
{
	uint8_t query[300];
	const size_t len = query_for(query, name, tcp);

	assert_int_equal(send(fd, query, len, MSG_NOSIGNAL), len);
}

/* The last octet of an answer with one address: that stands at its end. -1: none in time. */
static int heard(int fd, int ms)
{
	uint8_t answer[1500];

	if (!readable(fd, ms))
		return -1;
	ssize_t len = recv(fd, answer, sizeof answer, 0);
	return len > 12 ? answer[len - 1] : -1;
}

static int answer_from(uint16_t port)
{
	int fd = dial(SOCK_DGRAM, port);

	ask(fd, "a.editor.land", false);
	int last = heard(fd, PATIENCE_MS);
	close(fd);
	return last;
}

/* ---- tests ---- */

static void test_adopt_and_give_back(enum mist_engine engine)
{
	struct mist_server *server = start(engine, 2);
	int fds[2];

	pair(fds, 0);
	const uint16_t port = port_of(fds[0]);
	assert_int_equal(mist_listen_fds(server, fds, 2), MIST_OK);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	assert_int_equal(answer_from(port), 7);
	int kept = dial(SOCK_STREAM, port);
	ask(kept, "b.editor.land", true);
	assert_int_equal(heard(kept, PATIENCE_MS), 7);

	assert_int_equal(mist_unlisten(server, fds, 2), MIST_OK);
	/* The connection ends, and nobody answers any more; the descriptors are ours. */
	uint8_t octet;
	assert_true(readable(kept, PATIENCE_MS));
	assert_int_equal(recv(kept, &octet, 1, 0), 0);
	close(kept);
	int silent = dial(SOCK_DGRAM, port);
	ask(silent, "c.editor.land", false);
	assert_true(readable(fds[0], PATIENCE_MS));
	assert_int_equal(heard(silent, SILENCE_MS), -1);
	close(silent);
	close(fds[0]);
	close(fds[1]);

	/* The port is free, and serves again when it is adopted again. */
	pair(fds, port);
	assert_int_equal(mist_listen_fds(server, fds, 2), MIST_OK);
	assert_int_equal(answer_from(port), 7);
	assert_int_equal(mist_stop(server), MIST_OK);
	/* The end has closed them. */
	assert_int_equal(fcntl(fds[0], F_GETFD), -1);
	assert_int_equal(fcntl(fds[1], F_GETFD), -1);
	pair(fds, port);
	close(fds[0]);
	close(fds[1]);
}

static void test_what_is_no_socket_for_us(enum mist_engine engine)
{
	struct mist_server *server = start(engine, 1);
	const int unbound = socket(AF_INET, SOCK_DGRAM, 0), plain = socket(AF_INET, SOCK_STREAM, 0);
	int pipes[2], good[2], wide = socket(AF_INET, SOCK_DGRAM, 0);
	const struct sockaddr_in anywhere = { .sin_family = AF_INET };
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(bind(wide, (const struct sockaddr *)&anywhere, sizeof anywhere), 0);
	pair(good, 0);
	const int connected = dial(SOCK_DGRAM, port_of(good[0]));
	const struct { int fd, error; } bad[] = {
		{ -1, MIST_EINVAL }, { pipes[0], MIST_EINVAL }, { unbound, MIST_EINVAL }, { plain, MIST_EINVAL },
		{ connected, MIST_EINVAL }, { wide, MIST_EADDRESS },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const int both[2] = { good[0], bad[i].fd };
		assert_int_equal(mist_listen_fds(server, both, 2), bad[i].error);
		/* All or nothing. */
		assert_int_equal(mist_unlisten(server, good, 1), MIST_ENOTFOUND);
	}
	const int twice[2] = { good[0], good[0] };
	assert_int_equal(mist_listen_fds(server, twice, 2), MIST_EINVAL);
	assert_int_equal(mist_listen_fds(server, good, 0), MIST_EINVAL);
	assert_int_equal(mist_listen_fds(server, good, 2), MIST_OK);
	assert_int_equal(mist_listen_fds(server, good, 1), MIST_EINVAL);
	assert_int_equal(mist_unlisten(server, &unbound, 1), MIST_ENOTFOUND);
	assert_int_equal(answer_from(port_of(good[0])), 7);
	assert_int_equal(mist_stop(server), MIST_OK);
	close(unbound);
	close(plain);
	close(connected);
	close(wide);
	close(pipes[0]);
	close(pipes[1]);
}

/* A content that forwards x.example.test to a socket of the test. */
static struct mist_content *forwarding(uint16_t upstream_port)
{
	char upstream[32];
	const char *upstreams = upstream;
	struct mist_content *content = content_at("127.0.0.7");
	const struct mist_rule rule = { .size = sizeof rule, .name = "*.example.test", .upstreams = &upstreams,
	                                .upstream_count = 1, .private_addresses = true };

	snprintf(upstream, sizeof upstream, "127.0.0.1:%u", upstream_port);
	assert_int_equal(mist_content_rule(content, &rule), MIST_OK);
	return content;
}

/* Answers the question that comes to an upstream's socket with 127.0.0.9. */
static void reply_as_upstream(int upstream)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 9 };
	uint8_t message[1500], reply[1500];
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;

	assert_true(readable(upstream, PATIENCE_MS));
	ssize_t len = recvfrom(upstream, message, sizeof message, 0, (struct sockaddr *)&from, &from_len);
	assert_true(len > 12);
	size_t question = 12;
	while (message[question])
		question += 1u + message[question];
	question += 5;
	memcpy(reply, message, question);
	reply[2] |= 0x80;
	reply[3] = 0x80;
	reply[7] = 1;
	reply[9] = reply[11] = 0;
	memcpy(reply + question, record, sizeof record);
	assert_true(sendto(upstream, reply, question + sizeof record, 0, (struct sockaddr *)&from, from_len) > 0);
}

/* Replies that had to wait go to the socket that was asked, or nowhere if that has been given back. */
static void test_late_replies(enum mist_engine engine)
{
	const int upstream = bound(SOCK_DGRAM, 0);
	struct mist_server *server = start_with(forwarding(port_of(upstream)), engine, 1);
	int first[2], second[2];

	pair(first, 0);
	assert_int_equal(mist_listen_fds(server, first, 2), MIST_OK);
	int client = dial(SOCK_DGRAM, port_of(first[0]));
	ask(client, "a.example.test", false);
	reply_as_upstream(upstream);
	assert_int_equal(heard(client, PATIENCE_MS), 9);
	int stream = dial(SOCK_STREAM, port_of(first[0]));
	ask(stream, "b.example.test", true);
	reply_as_upstream(upstream);
	assert_int_equal(heard(stream, PATIENCE_MS), 9);

	ask(client, "c.example.test", false);
	ask(stream, "c.example.test", true);
	assert_true(readable(upstream, PATIENCE_MS));
	assert_int_equal(mist_unlisten(server, first, 2), MIST_OK);
	pair(second, 0); /* takes the place of the first one */
	assert_int_equal(mist_listen_fds(server, second, 2), MIST_OK);
	reply_as_upstream(upstream);
	assert_int_equal(heard(client, SILENCE_MS), -1);
	assert_int_equal(answer_from(port_of(second[0])), 7);
	close(client);
	close(stream);
	close(first[0]);
	close(first[1]);
	assert_int_equal(mist_stop(server), MIST_OK);
	close(upstream);
}

/* ---- another network ---- */

static void pass(int channel, const int fds[2])
{
	union { struct cmsghdr header; uint8_t octets[CMSG_SPACE(2 * sizeof(int))]; } control = { 0 };
	char octet = 0;
	struct iovec piece = { &octet, 1 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control,
	                          .msg_controllen = sizeof control };

	control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(2 * sizeof(int)), .cmsg_level = SOL_SOCKET,
	                                   .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), fds, 2 * sizeof(int));
	assert_int_equal(sendmsg(channel, &message, 0), 1);
}

static bool receive_pair(int channel, int fds[2])
{
	union { struct cmsghdr header; uint8_t octets[CMSG_SPACE(2 * sizeof(int))]; } control = { 0 };
	char octet = 0;
	struct iovec piece = { &octet, 1 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control,
	                          .msg_controllen = sizeof control };

	if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1 || octet || message.msg_controllen == 0)
		return false;
	memcpy(fds, CMSG_DATA(&control.header), 2 * sizeof(int));
	return true;
}

/* The child: a network of its own, whose port 53 it hands over and then asks. Exits with the answer's last octet. */
static void live_elsewhere(int channel)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	char octet = 1;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) ||
	    ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &lo)) {
		(void)!write(channel, &octet, 1);
		_exit(0);
	}
	const int fds[2] = { bound(SOCK_DGRAM, 53), bound(SOCK_STREAM, 53) };
	pass(channel, fds);
	close(fds[0]);
	close(fds[1]);
	if (read(channel, &octet, 1) != 1)
		_exit(1);
	int stream = dial(SOCK_STREAM, 53);
	ask(stream, "b.editor.land", true);
	_exit(heard(stream, PATIENCE_MS) == 7 ? answer_from(53) : 2);
}

static void test_another_network(enum mist_engine engine)
{
	int channel[2], fds[2], status;
	char octet = 0;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		live_elsewhere(channel[1]);
	close(channel[1]);
	if (receive_pair(channel[0], fds)) {
		struct mist_server *server = start(engine, 1);
		assert_int_equal(mist_listen_fds(server, fds, 2), MIST_OK);
		assert_int_equal(write(channel[0], &octet, 1), 1);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 7);
		assert_int_equal(mist_stop(server), MIST_OK);
	} else {
		print_message("no user and network namespaces here\n");
		assert_int_equal(waitpid(child, &status, 0), child);
	}
	close(channel[0]);
}

/* ---- coming and going while it is asked ---- */

#define ROUNDS 60

static void *come_and_go(void *argument)
{
	struct mist_server *server = argument;

	for (unsigned i = 0; i < ROUNDS; i++) {
		int fds[2];
		pair(fds, 0);
		assert_int_equal(mist_listen_fds(server, fds, 2), MIST_OK);
		assert_int_equal(answer_from(port_of(fds[0])), 7);
		assert_int_equal(mist_unlisten(server, fds, 2), MIST_OK);
		close(fds[0]);
		close(fds[1]);
	}
	return NULL;
}

static void test_many_at_once(enum mist_engine engine)
{
	const unsigned before = entries("/proc/self/fd");
	struct mist_server *server = start(engine, 3);
	pthread_t threads[4];
	int stay[20][2];

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, server), 0);
	for (unsigned i = 0; i < 20; i++) {
		pair(stay[i], 0);
		assert_int_equal(mist_listen_fds(server, stay[i], 2), MIST_OK);
	}
	for (unsigned round = 0; round < 10; round++)
		for (unsigned i = 0; i < 20; i++)
			assert_int_equal(answer_from(port_of(stay[i][0])), 7);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(answer_from(mist_port(server)), 7);
	assert_int_equal(mist_stop(server), MIST_OK);
	assert_int_equal(entries("/proc/self/fd"), before);
}

/* ---- while it stops ---- */

struct late {
	_Atomic(struct mist_server *) server;
	int adopted[2], others[2], adopting, giving;
	bool called;
};

/* The first message waits for the end of the workers: then there is nobody who could take a socket or give it back. */
static void adopt_late(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	struct late *late = user;
	struct mist_server *server = NULL;

	(void)level;
	(void)file;
	(void)line;
	(void)text;
	if (late->called)
		return;
	late->called = true;
	for (int i = 0; i < PATIENCE_MS && !(server = atomic_load(&late->server)); i++)
		usleep(1000);
	for (int i = 0; i < PATIENCE_MS && fcntl(late->adopted[0], F_GETFD) >= 0; i++)
		usleep(1000);
	if (!server || fcntl(late->adopted[0], F_GETFD) >= 0)
		return;
	late->adopting = mist_listen_fds(server, late->others, 2);
	late->giving = mist_unlisten(server, late->adopted, 2);
}

static void test_callback_while_it_stops(enum mist_engine engine)
{
	struct late late = { .adopting = 1, .giving = 1 };
	struct mist_options options = options_of(engine, 2);
	struct mist_server *server;

	pair(late.adopted, 0);
	pair(late.others, 0);
	options.reporter = (struct mist_reporter){ adopt_late, &late };
	assert_int_equal(mist_start(&server, &options, content_at("127.0.0.7")), MIST_OK);
	assert_int_equal(mist_listen_fds(server, late.adopted, 2), MIST_OK);
	atomic_store(&late.server, server);
	assert_int_equal(mist_stop(server), MIST_OK);
	assert_int_equal(late.adopting, MIST_EBUSY);
	assert_int_equal(late.giving, MIST_EBUSY);
	/* Still the caller's. */
	close(late.others[1]);
	assert_int_equal(close(late.others[0]), 0);
}

static void adopt_and_give_back(void **state) { (void)state; each(test_adopt_and_give_back); }
static void what_is_no_socket_for_us(void **state) { (void)state; each(test_what_is_no_socket_for_us); }
static void late_replies(void **state) { (void)state; each(test_late_replies); }
static void another_network(void **state) { (void)state; each(test_another_network); }
static void many_at_once(void **state) { (void)state; each(test_many_at_once); }
static void callback_while_it_stops(void **state) { (void)state; each(test_callback_while_it_stops); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adopt_and_give_back),
		cmocka_unit_test(what_is_no_socket_for_us),
		cmocka_unit_test(late_replies),
		cmocka_unit_test(another_network),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(callback_while_it_stops),
	};

	have_uring = uring_runs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
