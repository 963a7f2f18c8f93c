/*
 * Starting and stopping whole servers: again and again on one port, two at once, and two that want the
 * same port. MIST_LONG=1 runs the full counts.
 */
#include "serve.h"

#include <pthread.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEAP_IS_OURS false /* the sanitizer's allocator looks for leaks by itself */
#else
#define HEAP_IS_OURS true
#endif

static unsigned times(unsigned few, unsigned many)
{
	return getenv("MIST_LONG") ? many : few;
}

static void cycle(enum mist_engine engine, uint16_t *port)
{
	struct mist_server *server;
	struct mist_options options = options_of(engine, 2);

	options.port = *port;
	options.port_only = true;
	assert_int_equal(mist_start(&server, &options, content_at("127.0.0.7")), MIST_OK);
	assert_true(!*port || mist_port(server) == *port);
	*port = mist_port(server);
	struct mist_resolver *resolver = resolver_of(server);
	assert_int_equal(resolve(resolver, "a.editor.land"), 7);
	mist_resolver_close(resolver);
	assert_int_equal(mist_stop(server), MIST_OK);
}

static void cycles(enum mist_engine engine)
{
	uint16_t port = 0;

	for (unsigned i = 0; i < times(5, 500); i++) /* what libraries and the allocator keep for good */
		cycle(engine, &port);
	unsigned fds = entries("/proc/self/fd"), threads = entries("/proc/self/task");
	size_t heap = mallinfo2().uordblks;
	for (unsigned i = 0; i < times(60, 1000); i++)
		cycle(engine, &port);
	assert_int_equal(entries("/proc/self/fd"), fds);
	assert_true(threads_are(threads));
	/* The allocator's own caches fill up to some 100 KiB and stay there; a leak of one structure a cycle
	 * shows in the long run, and one of an octet to the leak checker of sanitized builds. */
	if (HEAP_IS_OURS)
		assert_true(mallinfo2().uordblks < heap + (128 << 10));
}

static void cycles_uring(void **state)
{
	(void)state;
	if (uring_runs())
		cycles(MIST_ENGINE_URING);
}

static void cycles_epoll(void **state)
{
	(void)state;
	cycles(MIST_ENGINE_EPOLL);
}

static void two_servers(void **state)
{
	struct mist_server *a, *b;
	struct mist_options first = options_of(MIST_ENGINE_AUTO, 1), second = options_of(MIST_ENGINE_EPOLL, 2);

	(void)state;
	assert_int_equal(mist_start(&a, &first, content_at("127.0.0.1")), MIST_OK);
	assert_int_equal(mist_start(&b, &second, content_at("127.0.0.2")), MIST_OK);
	assert_int_not_equal(mist_port(a), mist_port(b));
	struct mist_resolver *ask_a = resolver_of(a), *ask_b = resolver_of(b);
	assert_int_equal(resolve(ask_a, "x.editor.land"), 1);
	assert_int_equal(resolve(ask_b, "x.editor.land"), 2);
	assert_int_equal(mist_stop(a), MIST_OK);
	assert_int_equal(resolve(ask_b, "y.editor.land"), 2);
	assert_int_equal(mist_stop(b), MIST_OK);
	mist_resolver_close(ask_a);
	mist_resolver_close(ask_b);
}

struct heard { _Atomic(unsigned) errors, all; char text[256]; };

static void hear(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	struct heard *heard = user;

	(void)file, (void)line;
	heard->all++;
	if (level == MIST_LEVEL_ERROR) {
		snprintf(heard->text, sizeof heard->text, "%s", text);
		heard->errors++;
	}
}

static void taken_port(void **state)
{
	struct mist_server *first, *second;
	struct heard heard = { 0 };
	struct mist_options options = options_of(MIST_ENGINE_EPOLL, 2);
	char number[16];

	(void)state;
	assert_int_equal(mist_start(&first, &options, content_at("127.0.0.1")), MIST_OK);
	options.port = mist_port(first);
	options.port_only = true;
	options.reporter = (struct mist_reporter){ hear, &heard };
	second = (struct mist_server *)&heard;
	assert_int_equal(mist_start(&second, &options, content_at("127.0.0.1")), MIST_ENETWORK);
	assert_ptr_equal(second, &heard); /* as it was */
	assert_int_equal(heard.errors, 1); /* before mist_start() returned */
	snprintf(number, sizeof number, ":%u", options.port);
	assert_non_null(strstr(heard.text, number));
	options.port_only = false;
	assert_int_equal(mist_start(&second, &options, content_at("127.0.0.2")), MIST_OK);
	assert_int_not_equal(mist_port(second), mist_port(first));
	assert_int_equal(mist_stop(second), MIST_OK);
	assert_int_equal(mist_stop(first), MIST_OK);
}

struct racer {
	pthread_barrier_t *barrier;
	_Atomic(int) *running;
	uint16_t port;
	unsigned wins, doubles;
};

static void *race(void *argument)
{
	struct racer *racer = argument;

	for (unsigned i = 0; i < times(30, 300); i++) {
		struct mist_server *server = NULL;
		struct mist_options options = options_of(i & 1 ? MIST_ENGINE_EPOLL : MIST_ENGINE_AUTO, 2);
		options.port = racer->port;
		options.port_only = true;
		struct mist_content *content = content_at("127.0.0.1");
		pthread_barrier_wait(racer->barrier);
		bool won = mist_start(&server, &options, content) == MIST_OK;
		if (won && atomic_fetch_add(racer->running, 1))
			racer->doubles++;
		pthread_barrier_wait(racer->barrier);
		if (won) {
			racer->wins++;
			atomic_fetch_sub(racer->running, 1);
			mist_stop(server);
		}
	}
	return NULL;
}

static void racing(void **state)
{
	pthread_barrier_t barrier;
	_Atomic(int) running = 0;
	pthread_t threads[2];
	uint16_t port = 0;

	(void)state;
	cycle(MIST_ENGINE_EPOLL, &port);
	struct racer racers[2] = { { &barrier, &running, port, 0, 0 }, { &barrier, &running, port, 0, 0 } };
	pthread_barrier_init(&barrier, NULL, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	assert_int_equal(racers[0].doubles + racers[1].doubles, 0);
	assert_true(racers[0].wins + racers[1].wins > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cycles_uring),
		cmocka_unit_test(cycles_epoll),
		cmocka_unit_test(two_servers),
		cmocka_unit_test(taken_port),
		cmocka_unit_test(racing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
