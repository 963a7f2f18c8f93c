/*
 * A running server seen through mistcore.h: publishing while it is asked, forwarding, stopping with
 * questions in flight, manners as a guest of its process.
 */
#include "serve.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

static const enum mist_engine engines[] = { MIST_ENGINE_URING, MIST_ENGINE_EPOLL };
static bool have_uring;

static struct mist_server *start(enum mist_engine engine, unsigned workers, const char *address)
{
	struct mist_server *server;
	struct mist_options options = options_of(engine, workers);

	assert_int_equal(mist_start(&server, &options, content_at(address)), MIST_OK);
	return server;
}

static void each(void (*test)(enum mist_engine))
{
	for (unsigned i = have_uring ? 0 : 1; i < 2; i++)
		test(engines[i]);
}

/* ---- publishing ---- */

struct asker {
	struct mist_server *server;
	_Atomic(bool) *stop;
	int how;                 /* 0 UDP, 1 look-up */
	unsigned asked, wrong;
};

static void *ask(void *argument)
{
	struct asker *asker = argument;
	struct mist_resolver *resolver = resolver_of(asker->server);
	struct mist_lookup *lookup;

	assert_int_equal(mist_lookup_open(&lookup, asker->server), MIST_OK);
	while (!atomic_load(asker->stop)) {
		struct mist_address address = { 0 };
		size_t count = 1;
		int last = asker->how ? mist_lookup_addresses(lookup, "a.editor.land", &address, &count) == MIST_OK
		                        ? address.octets[3] : -1
		                      : resolve(resolver, "a.editor.land");
		asker->asked++;
		asker->wrong += last != 1 && last != 2;
	}
	mist_lookup_close(lookup);
	mist_resolver_close(resolver);
	return NULL;
}

static void test_publish(enum mist_engine engine)
{
	struct mist_server *server = start(engine, 2, "127.0.0.1");
	_Atomic(bool) stop = false;
	struct asker askers[3];
	pthread_t threads[3];

	for (int i = 0; i < 3; i++) {
		askers[i] = (struct asker){ .server = server, .stop = &stop, .how = i == 2 };
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	}
	struct mist_resolver *resolver = resolver_of(server);
	for (unsigned i = 0; i < 200; i++) {
		unsigned last = i % 2 + 1;
		assert_int_equal(mist_publish(server, content_at(last == 1 ? "127.0.0.1" : "127.0.0.2")), MIST_OK);
		/* Whatever is asked from now on is answered from the new content. */
		assert_int_equal(resolve(resolver, "b.editor.land"), last);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_true(askers[i].asked > 0);
		assert_int_equal(askers[i].wrong, 0);
	}
	struct mist_status status;
	assert_int_equal(mist_status(server, &status), MIST_OK);
	assert_true(status.view >= 201 && status.workers == 2 && status.engine == engine);
	mist_resolver_close(resolver);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* ---- messages ---- */

/* A query for `name` of `type` with an opcode; returns its length. */
static size_t make_query(uint8_t query[300], unsigned opcode, const char *name, unsigned type)
{
	memset(query, 0, 300);
	query[0] = 0xab;
	query[1] = 0xcd;
	query[2] = (uint8_t)(opcode << 3 | 1);
	query[5] = 1;
	int len = mist_name_from_text(name, query + 12);
	assert_true(len > 0);
	query[12 + len + 1] = (uint8_t)type;
	query[12 + len + 3] = 1;
	return 16 + (size_t)len;
}

static int rcode_of(struct mist_resolver *resolver, bool tcp, unsigned opcode, const char *name, unsigned type)
{
	uint8_t query[300], response[65535];
	size_t len = sizeof response;

	if (mist_resolver_message(resolver, tcp, query, make_query(query, opcode, name, type), response, &len))
		return -1;
	return response[3] & 15;
}

static void test_messages(enum mist_engine engine)
{
	struct mist_server *server = start(engine, 1, "127.0.0.1");
	struct mist_resolver *resolver = resolver_of(server);
	struct mist_counters counters;

	for (int tcp = 0; tcp < 2; tcp++) {
		assert_int_equal(rcode_of(resolver, tcp, 0, "x.editor.land", 1), 0);
		assert_int_equal(rcode_of(resolver, tcp, 0, "example.com", 1), 5);
		assert_int_equal(rcode_of(resolver, tcp, 0, "localhost", 1), 0);
		assert_int_equal(rcode_of(resolver, tcp, 0, "editor.land", 252), 5); /* AXFR */
		assert_int_equal(rcode_of(resolver, tcp, 4, "editor.land", 6), 0);   /* NOTIFY */
		assert_int_equal(rcode_of(resolver, tcp, 4, "example.com", 6), 9);
		assert_int_equal(rcode_of(resolver, tcp, 5, "editor.land", 6), 5);   /* UPDATE */
		assert_int_equal(rcode_of(resolver, tcp, 5, "example.com", 6), 9);
	}
	assert_int_equal(mist_counters(server, &counters, sizeof counters), MIST_OK);
	assert_int_equal(counters.udp_queries, 8);
	assert_int_equal(counters.udp_replies, 8);
	assert_int_equal(counters.tcp_queries, 8);
	assert_int_equal(counters.tcp_replies, 8);
	assert_int_equal(counters.local, 2);
	assert_int_equal(counters.denied, 2);
	assert_int_equal(counters.special, 2);
	assert_int_equal(counters.rcode[5], 6);
	assert_int_equal(counters.rcode[9], 4);
	assert_int_equal(counters.tcp_accepted, 8);
	uint64_t first = 0;
	assert_int_equal(mist_counters(server, (struct mist_counters *)(void *)&first, sizeof first), MIST_OK);
	assert_int_equal(first, 8); /* an older header: a shorter struct */
	mist_resolver_close(resolver);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* ---- forwarding ---- */

/* An upstream of one socket: answers every question with one address, but names beginning with 's' never. */
struct upstream {
	int fd;
	char text[32];
	pthread_t thread;
	_Atomic(unsigned) asked;
};

static void *serve_upstream(void *argument)
{
	struct upstream *upstream = argument;
	uint8_t message[2048];
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	ssize_t n;

	while ((n = recvfrom(upstream->fd, message, 512, 0, (struct sockaddr *)&from, &from_len)) > 12) {
		size_t end = 12;
		upstream->asked++;
		if ((message[13] | 32) == 's')
			continue;
		while (message[end])
			end += message[end] + 1u;
		end += 5;
		message[2] |= 0x80;
		message[3] = 0x80;
		memcpy(message + 6, (uint8_t[]){ 0, 1, 0, 0, 0, 0 }, 6);
		bool v6 = message[end - 3] == 28;
		/* An address, or for AAAA a SOA that says for how long there is none. */
		const uint8_t record[34] = { 0xc0, 12, 0, v6 ? 6 : 1, 0, 1, 0, 0, 0, 60, 0, v6 ? 22 : 4, 192, 0, 2, 77 };
		const uint8_t soa[22] = { [21] = 60 };
		memcpy(message + end, record, 16);
		if (v6) {
			memcpy(message + end + 12, soa, sizeof soa);
			memcpy(message + 6, (uint8_t[]){ 0, 0, 0, 1, 0, 0 }, 6);
		}
		sendto(upstream->fd, message, end + (v6 ? 34 : 16), MSG_NOSIGNAL, (struct sockaddr *)&from, from_len);
	}
	return NULL;
}

static void start_upstream(struct upstream *upstream)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;

	upstream->asked = 0;
	upstream->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(upstream->fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(upstream->fd, (struct sockaddr *)&address, &len), 0);
	snprintf(upstream->text, sizeof upstream->text, "127.0.0.1:%u", ntohs(address.sin_port));
	assert_int_equal(pthread_create(&upstream->thread, NULL, serve_upstream, upstream), 0);
}

static void stop_upstream(struct upstream *upstream)
{
	shutdown(upstream->fd, SHUT_RDWR);
	pthread_join(upstream->thread, NULL);
	close(upstream->fd);
}

static struct mist_server *start_forwarding(enum mist_engine engine, const struct upstream *upstream)
{
	struct mist_server *server;
	struct mist_options options = options_of(engine, 1);
	struct mist_content *content = content_at("127.0.0.1");
	const char *const upstreams[] = { upstream->text };
	const struct mist_rule rule = { .size = sizeof rule, .name = ".example.com", .upstreams = upstreams,
	                                .upstream_count = 1 };

	assert_int_equal(mist_content_rule(content, &rule), MIST_OK);
	assert_int_equal(mist_start(&server, &options, content), MIST_OK);
	return server;
}

static void test_forward(enum mist_engine engine)
{
	struct upstream upstream;
	start_upstream(&upstream);
	struct mist_server *server = start_forwarding(engine, &upstream);
	struct mist_resolver *resolver = resolver_of(server);
	struct mist_lookup *lookup;
	struct mist_address address;
	size_t count = 1;

	assert_int_equal(mist_lookup_open(&lookup, server), MIST_OK);
	assert_int_equal(mist_lookup_addresses(lookup, "a.example.com", &address, &count), MIST_EFORWARD);
	assert_int_equal(resolve(resolver, "a.example.com"), 77);
	assert_int_equal(resolve(resolver, "A.example.com"), 77); /* from the cache */
	assert_int_equal(mist_lookup_addresses(lookup, "a.example.com", &address, &count), MIST_OK);
	assert_int_equal(address.octets[3], 77);
	assert_int_equal(rcode_of(resolver, true, 0, "b.example.com", 1), 0);
	assert_int_equal(rcode_of(resolver, false, 0, "example.org", 1), 5);
	struct mist_counters counters;
	assert_int_equal(mist_counters(server, &counters, sizeof counters), MIST_OK);
	assert_int_equal(counters.upstream_queries, upstream.asked);
	assert_int_equal(upstream.asked, 3); /* A and AAAA of one name, A of the other */
	mist_lookup_close(lookup);
	mist_resolver_close(resolver);
	assert_int_equal(mist_stop(server), MIST_OK);
	stop_upstream(&upstream);
}

static double seconds(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Questions whose upstream is silent: local ones are answered meanwhile, and a stop ends them in time. */
static void test_stop_in_flight(enum mist_engine engine)
{
	struct upstream upstream;
	start_upstream(&upstream);
	struct mist_server *server = start_forwarding(engine, &upstream);
	struct mist_resolver *resolver = resolver_of(server);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                          .sin_port = htons(mist_port(server)) };
	uint8_t query[300], response[512];
	size_t len = make_query(query, 0, "silent.example.com", 1);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(connect(stream, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(send(fd, query, len, 0), len);
	const uint8_t prefix[2] = { 0, (uint8_t)len };
	assert_int_equal(send(stream, prefix, 2, MSG_MORE), 2);
	assert_int_equal(send(stream, query, len, 0), len);
	while (!upstream.asked)
		usleep(1000);
	double begin = seconds();
	for (int i = 0; i < 20; i++)
		assert_int_equal(resolve(resolver, "x.editor.land"), 1);
	assert_true(seconds() - begin < 1);
	begin = seconds();
	assert_int_equal(mist_stop(server), MIST_OK);
	assert_true(seconds() - begin < 3);
	assert_true(recv(fd, response, sizeof response, MSG_DONTWAIT) >= 12);
	assert_int_equal(response[3] & 15, 2);
	assert_true(recv(stream, response, sizeof response, MSG_DONTWAIT) >= 14);
	assert_int_equal(response[5] & 15, 2);
	close(fd);
	close(stream);
	mist_resolver_close(resolver);
	stop_upstream(&upstream);
}

/* ---- a good guest ---- */

static void test_guest(enum mist_engine engine)
{
	bool before[100];
	for (int fd = 0; fd < 100; fd++)
		before[fd] = fcntl(fd, F_GETFD) >= 0;
	struct mist_server *server = start(engine, 2, "127.0.0.1");
	char path[300], line[256];
	unsigned threads = 0, descriptors = 0;
	struct dirent *entry;

	/* Its threads block every signal (but the two that cannot be). */
	DIR *dir = opendir("/proc/self/task");
	while ((entry = readdir(dir))) {
		unsigned long long blocked = 0;
		if (*entry->d_name == '.' || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
		FILE *file = fopen(path, "re");
		bool ours = false;
		while (file && fgets(line, sizeof line, file)) {
			ours |= strncmp(line, "Name:\tmist-", 11) == 0;
			sscanf(line, "SigBlk: %llx", &blocked);
		}
		fclose(file);
		if (!ours)
			continue; /* of a sanitizer */
		threads++;
		for (int sig = 1; sig < 32; sig++)
			assert_true(sig == SIGKILL || sig == SIGSTOP || blocked >> (sig - 1) & 1);
	}
	closedir(dir);
	assert_int_equal(threads, 3);
	/* Its descriptors do not outlive exec(). */
	for (int fd = 3; fd < 100; fd++) {
		int flags = fcntl(fd, F_GETFD);
		if (flags >= 0 && !before[fd]) {
			descriptors++;
			assert_true(flags & FD_CLOEXEC);
		}
	}
	assert_true(descriptors >= 6);
	/* The child of a fork cannot use it, and does it no harm. */
	struct mist_lookup *lookup;
	struct mist_counters counters;
	uint8_t query[300], response[512];
	size_t len = make_query(query, 0, "x.editor.land", 1), response_len = sizeof response;
	struct mist_resolver *resolver = resolver_of(server);
	assert_int_equal(mist_lookup_open(&lookup, server), MIST_OK);
	assert_int_equal(mist_lookup_message(lookup, query, len, response, &response_len), MIST_OK);
	pid_t child = fork();
	if (child == 0) {
		struct mist_lookup *other;
		struct mist_status status;
		int wrong = 0;
		size_t count = 1;
		struct mist_address address;
		wrong |= mist_lookup_message(lookup, query, len, response, &response_len) != MIST_EFORKED;
		wrong |= mist_lookup_open(&other, server) != MIST_EFORKED;
		wrong |= mist_status(server, &status) != MIST_EFORKED;
		wrong |= mist_counters(server, &counters, sizeof counters) != MIST_EFORKED;
		wrong |= mist_resolver_addresses(resolver, "x.editor.land", &address, &count) != MIST_EFORKED;
		wrong |= mist_stop(server) != MIST_EFORKED;
		_exit(wrong);
	}
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(resolve(resolver, "x.editor.land"), 1);
	mist_lookup_close(lookup);
	mist_resolver_close(resolver);
	assert_int_equal(mist_stop(server), MIST_OK);
}

static void test_steering(enum mist_engine engine)
{
	for (enum mist_steer steer = MIST_STEER_AUTO; steer <= MIST_STEER_RANDOM; steer++) {
		struct mist_server *server;
		struct mist_options options = options_of(engine, 2);
		options.steer = steer;
		options.pin = steer == MIST_STEER_CPU;
		options.gro = steer == MIST_STEER_RANDOM;
		assert_int_equal(mist_start(&server, &options, content_at("127.0.0.1")), MIST_OK);
		struct mist_resolver *resolver = resolver_of(server);
		for (int i = 0; i < 50; i++) {
			assert_int_equal(resolve(resolver, "x.editor.land"), 1);
			assert_int_equal(rcode_of(resolver, true, 0, "x.editor.land", 1), 0);
		}
		mist_resolver_close(resolver);
		assert_int_equal(mist_stop(server), MIST_OK);
	}
}

static void mistakes(void **state)
{
	struct mist_server *server;
	struct mist_options options = options_of(MIST_ENGINE_AUTO, 17);
	static const char *const outside[] = { "0.0.0.0" };

	(void)state;
	assert_int_equal(mist_start(&server, &options, content_at("127.0.0.1")), MIST_EINVAL);
	assert_int_equal(mist_start(&server, NULL, NULL), MIST_EINVAL);
	options = options_of(MIST_ENGINE_AUTO, 1);
	options.size = 0;
	assert_int_equal(mist_start(&server, &options, content_at("127.0.0.1")), MIST_EINVAL);
	options = options_of(MIST_ENGINE_AUTO, 1);
	options.addresses = outside;
	options.address_count = 1;
	assert_int_equal(mist_start(&server, &options, content_at("127.0.0.1")), MIST_EADDRESS);
	assert_int_equal(mist_stop(NULL), MIST_OK);
}

static void publish(void **state) { (void)state; each(test_publish); }
static void messages(void **state) { (void)state; each(test_messages); }
static void forward(void **state) { (void)state; each(test_forward); }
static void stop_in_flight(void **state) { (void)state; each(test_stop_in_flight); }
static void guest(void **state) { (void)state; each(test_guest); }
static void steering(void **state) { (void)state; each(test_steering); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(publish),
		cmocka_unit_test(forward),
		cmocka_unit_test(stop_in_flight),
		cmocka_unit_test(guest),
		cmocka_unit_test(steering),
		cmocka_unit_test(mistakes),
	};

	have_uring = uring_runs();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
