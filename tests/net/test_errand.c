/*
 * Zone transfers over TCP, from the request to the last SOA: what arrives is the zone, clients that do not
 * read cost nothing but a place, and places are bounded. On both engines.
 */
#include "net/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "core/message.h"
#include "core/type.h"
#include "net/server.h"

#define HOSTS 20000
#define STAMPED 50    /* of them change together, in one test */
#define FILLERS 200 /* of 60,000 octets each: together more than the sockets between us take */

static int engine_here;

static size_t put_name(uint8_t *to, const char *text)
{
	uint8_t name[MIST_NAME_SIZE];
	int len = mist_name_from_text(text, name);

	assert_true(len > 0);
	memcpy(to, name, (size_t)len);
	return (size_t)len;
}

static void add(struct mist_zone *zone, const char *owner, uint16_t type, const uint8_t *rdata, size_t len)
{
	uint8_t name[MIST_NAME_SIZE];

	put_name(name, owner);
	assert_int_equal(mist_zone_add(zone, &(struct mist_record){ .owner = name, .type = type, .ttl = 300,
	                                                            .rdata = rdata, .rdata_len = (uint16_t)len }),
	                 MIST_OK);
}

/* Zone big.test, unsigned, of HOSTS addresses; the loopback may transfer it. */
static struct mist_content *content_big(uint8_t serial)
{
	static const char *const allowed[] = { "127.0.0.1" }, *const updaters[] = { "127.0.0.0/8" };
	struct mist_content *content;
	struct mist_zone *zone;
	uint8_t rdata[256];
	char owner[64];
	const struct mist_zone_options options = {
		.size = sizeof options, .name = "big.test", .records = true, .dnssec = MIST_DNSSEC_OFF,
		.transfer = allowed, .transfer_count = 1, .update = updaters, .update_count = 1,
	};

	assert_int_equal(mist_content_new(&content, NULL), MIST_OK);
	assert_int_equal(mist_content_zone(content, &options, &zone), MIST_OK);
	size_t len = put_name(rdata, "ns.big.test");
	add(zone, "big.test", TYPE_NS, rdata, len);
	len += put_name(rdata + len, "hostmaster.big.test");
	memset(rdata + len, 0, 20);
	rdata[len + 3] = serial;
	rdata[len + 6] = rdata[len + 10] = rdata[len + 13] = rdata[len + 18] = 8;
	add(zone, "big.test", TYPE_SOA, rdata, len + 20);
	for (unsigned i = 0; i < HOSTS; i++) {
		snprintf(owner, sizeof owner, i ? "host%u.big.test" : "ns.big.test", i);
		wire_set32(rdata, 0x0a000000 + i);
		add(zone, owner, TYPE_A, rdata, 4);
	}
	for (unsigned i = 0; i < FILLERS; i++) {
		static uint8_t text[60000];
		memset(text, 249, sizeof text); /* 240 strings of 249 octets */
		snprintf(owner, sizeof owner, "filler%u.big.test", i);
		add(zone, owner, TYPE_TXT, text, sizeof text);
	}
	return content;
}

static struct mist_server *serve_big(uint32_t idle_ms)
{
	struct mist_server *server;
	struct mist_options options = options_of((enum mist_engine)engine_here, 1);

	options.tcp_idle_ms = idle_ms;
	assert_int_equal(mist_start(&server, &options, content_big(1)), MIST_OK);
	return server;
}

/* A connection that has asked for the zone; IXFR: for what has changed since `serial`. */
static int ask_since(const struct mist_server *server, const char *zone, uint16_t type, uint32_t serial)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(mist_port(server)),
	                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 20 };
	uint8_t query[300] = { [2 + 1] = 7, [2 + 5] = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t len = 2 + MESSAGE_HEADER;

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	len += put_name(query + len, zone);
	wire_set16(query + len, type);
	wire_set16(query + len + 2, CLASS_IN);
	len += 4;
	if (type == TYPE_IXFR) {
		memcpy(query + len, "\xc0\x0c\0\6\0\1\0\0\0\0\0\26\0\0", 14); /* an SOA of roots and numbers */
		wire_set32(query + len + 14, serial);
		len += 14 + 20;
		query[2 + 9] = 1;
	}
	wire_set16(query, (uint16_t)(len - 2));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(send(fd, query, len, MSG_NOSIGNAL), len);
	return fd;
}

static int ask(const struct mist_server *server, const char *zone, uint16_t type)
{
	return ask_since(server, zone, type, 0);
}

static bool read_all(int fd, uint8_t *to, size_t len)
{
	while (len) {
		ssize_t n = recv(fd, to, len, 0);
		if (n == 0 || (n < 0 && errno != EINTR)) /* a ring of this process interrupts its threads */
			return false;
		to += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* The length of the next message; 0: the connection is over. */
static size_t read_message(int fd, uint8_t *message)
{
	uint8_t prefix[2];

	return read_all(fd, prefix, 2) && read_all(fd, message, wire_get16(prefix)) ? wire_get16(prefix) : 0;
}

/* What arrived of a transfer. */
struct arrived {
	unsigned messages, records, soas, rcode;
	unsigned soas_due;          /* 2, or 4 when it is changes */
	unsigned stamps;            /* since the last SOA: how many, and the one that they all are */
	uint32_t stamp;
	uint32_t serial, addresses; /* of the last SOA; the sum of all hosts' numbers */
	bool whole;
};

static void take_address(struct arrived *arrived, uint32_t address)
{
	if (address >> 24 == 10) {
		arrived->addresses += address & 0xffffff;
		return;
	}
	assert_int_equal(address, arrived->stamps ? arrived->stamp : address);
	arrived->stamp = address;
	arrived->stamps++;
}

static void take_soa(struct arrived *arrived, uint32_t serial)
{
	assert_int_equal(arrived->stamps % STAMPED, 0);
	arrived->stamps = 0;
	arrived->serial = serial;
	arrived->soas++;
	arrived->soas_due = arrived->records == 1 ? 4 : arrived->soas_due;
	arrived->whole = arrived->soas == arrived->soas_due;
}

static void take_records(struct arrived *arrived, const uint8_t *message, size_t len)
{
	struct reader r = reader_on(message, len);
	uint8_t name[NAME_MAX];

	reader_take(&r, MESSAGE_HEADER);
	for (unsigned i = wire_get16(message + 4); i--;) {
		reader_take(&r, name_read(message, len, (size_t)(r.at - message), name));
		reader_take(&r, 4);
	}
	for (unsigned i = wire_get16(message + 6); i--; arrived->records++) {
		size_t taken = name_read(message, len, (size_t)(r.at - message), name);
		assert_true(taken > 0);
		reader_take(&r, taken);
		unsigned type = reader_u16(&r);
		reader_take(&r, 6);
		unsigned rdata_len = reader_u16(&r);
		const uint8_t *rdata = reader_take(&r, rdata_len);
		assert_non_null(rdata);
		assert_false(arrived->whole);
		if (type == TYPE_A)
			take_address(arrived, wire_get32(rdata));
		if (type == TYPE_SOA)
			take_soa(arrived, wire_get32(rdata + rdata_len - 20));
	}
	assert_int_equal(r.at - message, len);
}

static bool over(const struct arrived *arrived)
{
	return arrived->whole || arrived->rcode || (arrived->messages == 1 && arrived->records == 1);
}

static struct arrived take_zone(int fd)
{
	static uint8_t message[MESSAGE_MAX];
	struct arrived arrived = { .soas_due = 2 };

	for (size_t len; !over(&arrived) && (len = read_message(fd, message)) > 0;) {
		arrived.messages++;
		arrived.rcode = message[3] & 15;
		assert_int_equal(wire_get16(message), 7);
		take_records(&arrived, message, len);
	}
	close(fd);
	return arrived;
}

static void assert_big(const struct arrived *arrived, uint32_t serial)
{
	assert_true(arrived->whole);
	assert_int_equal(arrived->rcode, 0);
	assert_int_equal(arrived->records, HOSTS + FILLERS + 3);
	assert_int_equal(arrived->addresses, (uint32_t)((uint64_t)HOSTS * (HOSTS - 1) / 2));
	assert_int_equal(arrived->serial, serial);
	assert_true(arrived->messages > FILLERS);
}

static void test_whole(void **state)
{
	struct mist_server *server = serve_big(60000);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct arrived arrived = take_zone(ask(server, "big.test", TYPE_AXFR));
		assert_big(&arrived, 1);
	}
	assert_int_equal(mist_stop(server), MIST_OK);
}

static void test_not_ours(void **state)
{
	struct mist_server *server = serve_big(60000);

	(void)state;
	assert_int_equal(take_zone(ask(server, "host1.big.test", TYPE_AXFR)).rcode, RCODE_REFUSED);
	assert_int_equal(take_zone(ask(server, "test", TYPE_AXFR)).rcode, RCODE_REFUSED);
	assert_int_equal(take_zone(ask(server, "sub.big.test", TYPE_IXFR)).rcode, RCODE_REFUSED);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* What was begun before is sent as it was. */
static void test_published_meanwhile(void **state)
{
	struct mist_server *server = serve_big(60000);
	int slow = ask(server, "big.test", TYPE_AXFR);
	struct pollfd readable = { .fd = slow, .events = POLLIN };

	(void)state;
	assert_int_equal(poll(&readable, 1, 20000), 1); /* it has begun */
	assert_int_equal(mist_publish(server, content_big(2)), MIST_OK);
	struct arrived arrived = take_zone(ask(server, "big.test", TYPE_AXFR));
	assert_big(&arrived, 2);
	arrived = take_zone(slow);
	assert_big(&arrived, 1);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* All places taken by clients that do not read: the next is told so; they are cut off, and there is place again. */
static void test_who_does_not_read(void **state)
{
	struct mist_server *server = serve_big(1000);
	int silent[ERRAND_TRANSFERS_MAX];
	struct arrived arrived;
	time_t end = time(NULL) + 30;

	(void)state;
	for (unsigned i = 0; i < ERRAND_TRANSFERS_MAX; i++) {
		silent[i] = ask(server, "big.test", TYPE_AXFR);
		struct pollfd readable = { .fd = silent[i], .events = POLLIN };
		assert_int_equal(poll(&readable, 1, 20000), 1);
	}
	arrived = take_zone(ask(server, "big.test", TYPE_AXFR));
	assert_int_equal(arrived.rcode, RCODE_SERVFAIL);
	do {
		poll(NULL, 0, 50);
		arrived = take_zone(ask(server, "big.test", TYPE_AXFR));
	} while (arrived.rcode == RCODE_SERVFAIL && time(NULL) < end);
	assert_big(&arrived, 1);
	assert_false(take_zone(silent[0]).whole);
	for (unsigned i = 1; i < ERRAND_TRANSFERS_MAX; i++)
		close(silent[i]);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* ---- one client and the others ---- */

/* A connection from an address of ours. */
static int connect_from(const struct mist_server *server, uint32_t address)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(mist_port(server)),
	                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

/* An UPDATE of big.test that adds a name. */
static void send_update(int fd, unsigned number)
{
	uint8_t message[300] = { [2 + 2] = OPCODE_UPDATE << 3, [2 + 5] = 1, [2 + 9] = 1 };
	size_t len = 2 + MESSAGE_HEADER;
	char name[32];

	len += put_name(message + len, "big.test");
	memcpy(message + len, "\0\6\0\1", 4);
	len += 4;
	snprintf(name, sizeof name, "new%u.big.test", number);
	len += put_name(message + len, name);
	memcpy(message + len, "\0\1\0\1\0\0\0\74\0\4\12\0\0\1", 14);
	len += 14;
	wire_set16(message, (uint16_t)(len - 2));
	assert_int_equal(send(fd, message, len, MSG_NOSIGNAL), len);
}

static unsigned read_rcode(int fd)
{
	static uint8_t message[MESSAGE_MAX];

	assert_in_range(read_message(fd, message), MESSAGE_HEADER, MESSAGE_MAX);
	return message[3] & 15;
}

/* While nothing can be committed, one client asks for more than its share: it is told so, and others have place. */
static void test_one_client(void **state)
{
	struct mist_server *server = serve_big(60000);
	int one = connect_from(server, INADDR_LOOPBACK + 1), other = connect_from(server, INADDR_LOOPBACK + 2);
	struct pollfd readable = { .fd = other, .events = POLLIN };

	(void)state;
	pthread_mutex_lock(&server->content_lock);
	for (unsigned i = 0; i < ERRAND_CLIENT_MAX + 3; i++)
		send_update(one, i);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(read_rcode(one), RCODE_SERVFAIL);
	send_update(other, 200);
	assert_int_equal(poll(&readable, 1, 200), 0); /* it is not told so */
	pthread_mutex_unlock(&server->content_lock);
	assert_int_equal(read_rcode(other), RCODE_NOERROR);
	for (unsigned i = 0; i < ERRAND_CLIENT_MAX; i++)
		assert_int_equal(read_rcode(one), RCODE_NOERROR);
	send_update(one, 201);
	assert_int_equal(read_rcode(one), RCODE_NOERROR);
	close(one);
	close(other);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* Updates that wait for the same lock share a commit, so there are fewer versions than updates. */
static void test_updates_share(void **state)
{
	struct mist_server *server = serve_big(60000);
	int fd = connect_from(server, INADDR_LOOPBACK + 1);

	(void)state;
	const uint64_t before = atomic_load(&server->publisher.current)->number;
	pthread_mutex_lock(&server->content_lock);
	for (unsigned i = 0; i < ERRAND_CLIENT_MAX; i++)
		send_update(fd, i);
	poll(NULL, 0, 300); /* how many are waiting is not for certain, and no matter below */
	pthread_mutex_unlock(&server->content_lock);
	for (unsigned i = 0; i < ERRAND_CLIENT_MAX; i++)
		assert_int_equal(read_rcode(fd), RCODE_NOERROR);
	assert_in_range(atomic_load(&server->publisher.current)->number - before, 1, ERRAND_CLIENT_MAX - 1);
	close(fd);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* Who is answered has its place again at once: nearly as many clients as there are places ask again and again. */
static void test_places_come_back(void **state)
{
	struct mist_server *server = serve_big(60000);
	struct pollfd fds[ERRAND_CLIENT_MAX - 2];
	const unsigned clients = ERRAND_CLIENT_MAX - 2, each = 40;
	unsigned asked[ERRAND_CLIENT_MAX - 2] = { 0 }, answered = 0;

	(void)state;
	for (unsigned i = 0; i < clients; i++) {
		fds[i] = (struct pollfd){ .fd = connect_from(server, INADDR_LOOPBACK + 1), .events = POLLIN };
		send_update(fds[i].fd, i);
	}
	while (answered < clients * each) {
		assert_true(poll(fds, clients, 20000) > 0);
		for (unsigned i = 0; i < clients; i++) {
			if (!fds[i].revents)
				continue;
			assert_int_equal(read_rcode(fds[i].fd), RCODE_NOERROR);
			answered++;
			if (++asked[i] < each)
				send_update(fds[i].fd, asked[i] * clients + i);
		}
	}
	for (unsigned i = 0; i < clients; i++)
		close(fds[i].fd);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* ---- while it changes ---- */

/* One edit: every stamped name has the address 11.0.0.0 + n. */
static void stamp(struct mist_server *server, uint32_t n)
{
	struct mist_edit *edit;
	uint8_t owner[MIST_NAME_SIZE], address[4];
	char text[64];

	wire_set32(address, 0x0b000000 + n);
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	for (unsigned i = 0; i < STAMPED; i++) {
		snprintf(text, sizeof text, "stamped%u.big.test", i * 400); /* here and there in the zone */
		put_name(owner, text);
		const struct mist_record record = { .owner = owner, .type = TYPE_A, .ttl = 60, .rdata = address,
		                                    .rdata_len = 4 };
		assert_int_equal(mist_edit_replace(edit, NULL, owner, TYPE_A, &record, 1), MIST_OK);
	}
	assert_int_equal(mist_edit_commit(edit, NULL), MIST_OK);
}

struct edits {
	struct mist_server *server;
	_Atomic(bool) stop;
	unsigned count;
};

static void *keep_editing(void *argument)
{
	struct edits *edits = argument;

	while (!atomic_load(&edits->stop)) {
		stamp(edits->server, ++edits->count);
		poll(NULL, 0, 1); /* or the history would forget what a slow client asks for */
	}
	return NULL;
}

/* What is sent is one version, whole, however often it changes meanwhile: all stamps are the same. */
static void test_one_version(void **state)
{
	struct mist_server *server = serve_big(60000);
	struct edits edits = { .server = server };
	pthread_t thread;

	(void)state;
	stamp(server, 0);
	struct arrived arrived = take_zone(ask(server, "big.test", TYPE_AXFR));
	const uint32_t first = arrived.serial;
	assert_int_equal(pthread_create(&thread, NULL, keep_editing, &edits), 0);
	for (unsigned i = 0; i < 40; i++) {
		const uint16_t type = i % 8 ? TYPE_IXFR : TYPE_AXFR;
		const uint32_t before = arrived.serial;
		arrived = take_zone(ask_since(server, "big.test", type, before));
		assert_true(arrived.whole || arrived.records == 1); /* one SOA: there is no news yet */
		assert_int_equal(arrived.soas_due, type == TYPE_IXFR && arrived.whole ? 4 : 2);
		assert_true((int32_t)(arrived.serial - before) >= 0);
		poll(NULL, 0, 3);
	}
	assert_true((int32_t)(arrived.serial - first) > 10);
	atomic_store(&edits.stop, true);
	pthread_join(thread, NULL);
	assert_true(edits.count > 10);
	assert_int_equal(mist_stop(server), MIST_OK);
}

/* Clients that go away, and a server that stops, in the middle. */
static void test_cut(void **state)
{
	unsigned before = entries("/proc/self/fd");
	struct mist_server *server = serve_big(60000);

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		close(ask(server, "big.test", TYPE_AXFR));
	int open = ask(server, "big.test", TYPE_AXFR);
	struct pollfd readable = { .fd = open, .events = POLLIN };
	assert_int_equal(poll(&readable, 1, 20000), 1);
	assert_int_equal(mist_stop(server), MIST_OK);
	assert_false(take_zone(open).whole);
	assert_int_equal(entries("/proc/self/fd"), before);
}

static int on_epoll(void **state) { (void)state; engine_here = MIST_ENGINE_EPOLL; return 0; }
static int on_uring(void **state) { (void)state; engine_here = MIST_ENGINE_URING; return 0; }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_published_meanwhile),
		cmocka_unit_test(test_who_does_not_read),
		cmocka_unit_test(test_one_client),
		cmocka_unit_test(test_updates_share),
		cmocka_unit_test(test_places_come_back),
		cmocka_unit_test(test_one_version),
		cmocka_unit_test(test_cut),
	};
	int failed = cmocka_run_group_tests_name("epoll", tests, on_epoll, NULL);

	return uring_runs() ? failed + cmocka_run_group_tests_name("uring", tests, on_uring, NULL) : failed;
}
