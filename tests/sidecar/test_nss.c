/*
 * The NSS module as glibc uses it: loaded, its functions found by name, buffers of every size. It asks a server in this
 * process, and then one that lies.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <nss.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "net/serve.h"
#include "zonetext.h"

#define MANY 100 /* addresses: more than a datagram holds */

static struct {
	void *handle;
	enum nss_status (*by_name)(const char *, struct hostent *, char *, size_t, int *, int *);
	enum nss_status (*by_name2)(const char *, int, struct hostent *, char *, size_t, int *, int *);
	enum nss_status (*by_name3)(const char *, int, struct hostent *, char *, size_t, int *, int *, int32_t *, char **);
	enum nss_status (*by_name4)(const char *, struct gaih_addrtuple **, char *, size_t, int *, int *, int32_t *);
	enum nss_status (*by_address)(const void *, socklen_t, int, struct hostent *, char *, size_t, int *, int *);
} nss;

static struct mist_server *server;

/* ---- the server ---- */

static int add_record(void *zone, const struct mist_record *record)
{
	return mist_zone_add(zone, record);
}

static void add_zone(struct mist_content *content, const char *name, const char *lines)
{
	struct mist_zone_options options = { .size = sizeof(options), .name = name, .records = true,
	                                     .dnssec = MIST_DNSSEC_OFF };
	struct mist_zone *zone;
	char soa[512];
	assert_int_equal(mist_content_zone(content, &options, &zone), MIST_OK);
	snprintf(soa, sizeof(soa), "%s 300 SOA ns.%s host.%s 1 3600 600 86400 60\n%s 300 NS ns.example.\n", name, name,
	         name, name);
	assert_int_equal(zonetext_read(soa, add_record, zone), MIST_OK);
	assert_int_equal(zonetext_read(lines, add_record, zone), MIST_OK);
}

static struct mist_content *describe(void)
{
	static const char *const both[] = { "127.0.0.1", "::1" };
	struct mist_content *content = content_at("127.0.0.9");
	char lines[MANY * 40] = "", *at = lines;
	const struct mist_zone_options dual = { .size = sizeof(dual), .name = "dual.test", .addresses = both,
	                                        .address_count = 2, .dnssec = MIST_DNSSEC_OFF };
	assert_int_equal(mist_content_zone(content, &dual, NULL), MIST_OK);
	for (unsigned i = 1; i <= MANY; i++)
		at += sprintf(at, "many.file.test 300 A 127.1.0.%u\n", i);
	sprintf(at, "%s", "alias.file.test 200 CNAME next.file.test\n"
	                  "next.file.test 100 CNAME web.dual.test\n"
	                  "loop.file.test 100 CNAME pool.file.test\n"
	                  "pool.file.test 100 CNAME loop.file.test\n"
	                  "dangling.file.test 100 CNAME nothing.file.test\n"
	                  "shell.file.test 100 CNAME a;reboot.dual.test\n"
	                  "text.file.test 300 TXT here\n");
	add_zone(content, "file.test", lines);
	add_zone(content, "0.0.127.in-addr.arpa", "6.0.0.127.in-addr.arpa 300 PTR web.file.test\n"
	                                          "6.0.0.127.in-addr.arpa 300 PTR w2.file.test\n"
	                                          "7.0.0.127.in-addr.arpa 300 PTR $(reboot).file.test\n");
	add_zone(content, "8.b.d.0.1.0.0.2.ip6.arpa",
	         "6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa 300 PTR six.file.test\n");
	return content;
}

static void say_port(unsigned port)
{
	char text[32];
	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	assert_int_equal(setenv("MIST_DNS", text, 1), 0);
}

static int set_up(void **state)
{
	(void)state;
	nss.handle = dlopen(NSS_MODULE, RTLD_NOW | RTLD_LOCAL);
	if (!nss.handle)
		fail_msg("%s", dlerror());
	*(void **)&nss.by_name = dlsym(nss.handle, "_nss_mist_gethostbyname_r");
	*(void **)&nss.by_name2 = dlsym(nss.handle, "_nss_mist_gethostbyname2_r");
	*(void **)&nss.by_name3 = dlsym(nss.handle, "_nss_mist_gethostbyname3_r");
	*(void **)&nss.by_name4 = dlsym(nss.handle, "_nss_mist_gethostbyname4_r");
	*(void **)&nss.by_address = dlsym(nss.handle, "_nss_mist_gethostbyaddr_r");
	assert_true(nss.by_name && nss.by_name2 && nss.by_name3 && nss.by_name4 && nss.by_address);
	assert_int_equal(mist_start(&server, NULL, describe()), MIST_OK);
	say_port(mist_port(server));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(mist_stop(server), MIST_OK);
	assert_int_equal(dlclose(nss.handle), 0);
	return 0;
}

/* ---- asking, and what came as text ---- */

struct got {
	enum nss_status status;
	int error, h_error;
	char text[8192];
};

static void add_address(char *text, int family, const void *octets)
{
	char address[INET6_ADDRSTRLEN];
	assert_non_null(inet_ntop(family, octets, address, sizeof(address)));
	strcat(strcat(text, " "), address);
}

/* "name (alias ...) address ..." */
static void say_host(struct got *got, const struct hostent *host)
{
	strcpy(got->text, host->h_name);
	for (char **alias = host->h_aliases; *alias; alias++)
		strcat(strcat(strcat(got->text, " ("), *alias), ")");
	assert_int_equal(host->h_length, host->h_addrtype == AF_INET ? 4 : 16);
	for (char **address = host->h_addr_list; *address; address++)
		add_address(got->text, host->h_addrtype, *address);
}

static struct got by_name(const char *name, int family)
{
	struct got got = { .text = "" };
	struct hostent host;
	char buffer[8192];
	got.status = nss.by_name2(name, family, &host, buffer, sizeof(buffer), &got.error, &got.h_error);
	if (got.status == NSS_STATUS_SUCCESS)
		say_host(&got, &host);
	return got;
}

static struct got both(const char *name, struct gaih_addrtuple *given)
{
	struct got got = { .text = "" };
	struct gaih_addrtuple *list = given;
	char buffer[8192];
	int32_t ttl;
	got.status = nss.by_name4(name, &list, buffer, sizeof(buffer), &got.error, &got.h_error, &ttl);
	if (got.status != NSS_STATUS_SUCCESS)
		return got;
	if (given)
		assert_ptr_equal(list, given);
	strcpy(got.text, list->name);
	for (const struct gaih_addrtuple *tuple = list; tuple; tuple = tuple->next) {
		assert_int_equal(tuple->scopeid, 0);
		add_address(got.text, tuple->family, tuple->addr);
	}
	return got;
}

static struct got by_address(const char *text)
{
	struct got got = { .text = "" };
	struct hostent host;
	char buffer[8192];
	uint8_t octets[16];
	const int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(family, text, octets), 1);
	got.status = nss.by_address(octets, family == AF_INET ? 4 : 16, family, &host, buffer, sizeof(buffer), &got.error,
	                            &got.h_error);
	if (got.status == NSS_STATUS_SUCCESS)
		say_host(&got, &host);
	return got;
}

static void assert_got(struct got got, const char *text)
{
	assert_string_equal(got.text, text);
	assert_int_equal(got.status, NSS_STATUS_SUCCESS);
	assert_int_equal(got.h_error, NETDB_SUCCESS);
}

static void assert_none(struct got got, enum nss_status status, int error, int h_error)
{
	assert_string_equal(got.text, "");
	assert_int_equal(got.status, status);
	assert_int_equal(got.error, error);
	assert_int_equal(got.h_error, h_error);
}

/* ---- what is found ---- */

static void test_names(void **state)
{
	(void)state;
	struct gaih_addrtuple given;
	char many[MANY * 16] = "many.file.test", *at = many + strlen(many);
	for (unsigned i = 1; i <= MANY; i++)
		at += sprintf(at, " 127.1.0.%u", i);
	assert_got(by_name("x.dual.test", AF_INET), "x.dual.test 127.0.0.1");
	assert_got(by_name("x.dual.test.", AF_INET6), "x.dual.test ::1");
	assert_got(by_name("alias.file.test", AF_INET6), "web.dual.test (alias.file.test) ::1");
	assert_got(both("x.dual.test", NULL), "x.dual.test 127.0.0.1 ::1");
	assert_got(both("alias.file.test", &given), "web.dual.test 127.0.0.1 ::1");
	assert_got(both("x.editor.land", &given), "x.editor.land 127.0.0.9");
	assert_got(by_name("many.file.test", AF_INET), many); /* by TCP */
	assert_got(both("many.file.test", NULL), many);
}

static void test_ttl_and_canonical_name(void **state)
{
	(void)state;
	struct hostent host;
	struct gaih_addrtuple *list = NULL;
	char buffer[1024], *canonical = NULL;
	int error, h_error;
	int32_t ttl = -1;
	assert_int_equal(nss.by_name3("alias.file.test", AF_INET, &host, buffer, sizeof(buffer), &error, &h_error, &ttl,
	                              &canonical), NSS_STATUS_SUCCESS);
	assert_int_equal(ttl, 100);
	assert_string_equal(canonical, "web.dual.test");
	assert_int_equal(nss.by_name4("alias.file.test", &list, buffer, sizeof(buffer), &error, &h_error, &ttl),
	                 NSS_STATUS_SUCCESS);
	assert_int_equal(ttl, 100);
	assert_int_equal(nss.by_name("any.editor.land", &host, buffer, sizeof(buffer), &error, &h_error),
	                 NSS_STATUS_SUCCESS);
	assert_int_equal(host.h_addrtype, AF_INET);
}

static void test_addresses(void **state)
{
	(void)state;
	assert_got(by_address("127.0.0.6"), "w2.file.test (web.file.test) 127.0.0.6");
	assert_got(by_address("2001:db8::6"), "six.file.test 2001:db8::6");
	assert_none(by_address("127.0.0.8"), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	assert_none(by_address("127.0.0.7"), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND); /* no host's name */
	assert_none(by_address("192.0.2.1"), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
}

/* Whatever the server does not know, the next service may. */
static void test_not_found(void **state)
{
	(void)state;
	assert_none(by_name("missing.file.test", AF_INET), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	assert_none(by_name("text.file.test", AF_INET), NSS_STATUS_NOTFOUND, ENOENT, NO_DATA);
	assert_none(by_name("x.editor.land", AF_INET6), NSS_STATUS_NOTFOUND, ENOENT, NO_DATA);
	assert_none(by_name("example.com", AF_INET), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND); /* REFUSED */
	assert_none(by_name("dangling.file.test", AF_INET), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	assert_none(both("missing.file.test", NULL), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	assert_none(both("text.file.test", NULL), NSS_STATUS_NOTFOUND, ENOENT, NO_DATA);
	assert_none(both("example.com", NULL), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	assert_none(by_name("loop.file.test", AF_INET), NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN);
	/* what is no host's name, asked for or answered */
	assert_none(by_name("a;b.dual.test", AF_INET), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	assert_none(by_name("shell.file.test", AF_INET), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	assert_none(both("shell.file.test", NULL), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	assert_none(by_name("a..b", AF_INET), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	assert_none(by_name("", AF_INET), NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	assert_none(by_name("x.dual.test", AF_UNIX), NSS_STATUS_UNAVAIL, EAFNOSUPPORT, NO_DATA);
}

/* ---- buffers ---- */

enum { TUPLES, HOST, ADDRESS, KINDS };

static enum nss_status call(unsigned kind, char *buffer, size_t len, struct got *got)
{
	struct hostent host;
	struct gaih_addrtuple *list = NULL;
	int32_t ttl;
	const uint8_t address[4] = { 127, 0, 0, 6 };
	got->text[0] = 0;
	got->status = kind == TUPLES ? nss.by_name4("x.dual.test", &list, buffer, len, &got->error, &got->h_error, &ttl)
	            : kind == HOST ? nss.by_name2("alias.file.test", AF_INET, &host, buffer, len, &got->error, &got->h_error)
	            : nss.by_address(address, 4, AF_INET, &host, buffer, len, &got->error, &got->h_error);
	if (got->status == NSS_STATUS_SUCCESS && kind != TUPLES)
		say_host(got, &host);
	return got->status;
}

/* Each size, wherever the buffer lies: too small is said so, and nothing outside is written. */
static void test_buffers(void **state)
{
	static const char *const wanted[] = { "", "web.dual.test (alias.file.test) 127.0.0.1",
	                                      "w2.file.test (web.file.test) 127.0.0.6" };
	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		unsigned too_small = 0, enough = 0;
		for (size_t len = 0; len < 200; len += 1 + len / 24) {
			const size_t skip = len % 8;
			char *whole = malloc(skip + len); /* ends where the buffer ends, for AddressSanitizer */
			struct got got;
			assert_non_null(whole);
			if (call(kind, whole + skip, len, &got) == NSS_STATUS_SUCCESS) {
				assert_string_equal(got.text, wanted[kind]);
				enough++;
			} else {
				assert_none(got, NSS_STATUS_TRYAGAIN, ERANGE, NETDB_INTERNAL);
				assert_int_equal(enough, 0);
				too_small++;
			}
			free(whole);
		}
		assert_true(too_small > 10 && enough > 3);
	}
}

/* ---- which server ---- */

static void test_which_server(void **state)
{
	static const char *const wrong[] = { "", "0", "65536", "1:", ":53", "[::1]", "::1:53", "localhost:53", "127.0.0.1",
	                                     "127.0.0.1:53x", "127.0.0.1: 53", "[127.0.0.1:53", "999.0.0.1:53",
	                                     "18446744073709551669", "-1" };
	char text[64];
	(void)state;
	snprintf(text, sizeof(text), "%u", mist_port(server));
	setenv("MIST_DNS", text, 1);
	assert_got(by_name("x.dual.test", AF_INET), "x.dual.test 127.0.0.1");
	snprintf(text, sizeof(text), "[127.0.0.1]:%u", mist_port(server));
	setenv("MIST_DNS", text, 1);
	assert_got(by_name("x.dual.test", AF_INET), "x.dual.test 127.0.0.1");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setenv("MIST_DNS", wrong[i], 1);
		assert_none(by_name("x.dual.test", AF_INET), NSS_STATUS_UNAVAIL, EINVAL, NO_RECOVERY);
		assert_none(both("x.dual.test", NULL), NSS_STATUS_UNAVAIL, EINVAL, NO_RECOVERY);
	}
	say_port(mist_port(server));
}

/* ---- servers that are not there, or lie ---- */

static int bound_socket(unsigned *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void test_server_gone(void **state)
{
	unsigned port;
	(void)state;
	close(bound_socket(&port));
	say_port(port);
	assert_none(by_name("x.dual.test", AF_INET), NSS_STATUS_UNAVAIL, ECONNREFUSED, NO_RECOVERY);
	assert_none(both("x.dual.test", NULL), NSS_STATUS_UNAVAIL, ECONNREFUSED, NO_RECOVERY);
	const int silent = bound_socket(&port);
	say_port(port);
	assert_none(both("x.dual.test", NULL), NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN);
	close(silent);
	say_port(mist_port(server));
}

/* A server that sends something before each good reply. */
struct liar {
	int fd;
	unsigned seed;
	void (*lie)(struct liar *liar, uint8_t *octets, size_t *len);
};

static unsigned draw(struct liar *liar, unsigned below)
{
	liar->seed = liar->seed * 1103515245 + 12345;
	return (liar->seed >> 16) % below;
}

/* One alias, one address; the question is in front. */
static size_t good_reply(uint8_t *octets, size_t question)
{
	static const uint8_t records[] = "\xc0\x0c\0\5\0\1\0\0\0\74\0\4\1w\xc0\x0c"    /* name CNAME w.name */
	                                 "\1w\xc0\x0c\0\1\0\1\0\0\0\74\0\4\x7f\0\0\2"; /* w.name A 127.0.0.2 */
	octets[2] |= 0x80;
	octets[7] = 2;
	octets[11] = 0;
	memcpy(octets + question, records, sizeof(records) - 1);
	return question + sizeof(records) - 1;
}

static void *serve_lies(void *user)
{
	struct liar *liar = user;
	uint8_t octets[2048], lie[2048];
	struct sockaddr_in client;
	socklen_t client_len = sizeof(client);
	for (;;) {
		const ssize_t got = recvfrom(liar->fd, octets, 512, 0, (struct sockaddr *)&client, &client_len);
		if (got < 12 + 5)
			return NULL; /* a word from the test */
		size_t len = good_reply(octets, (size_t)got - 11);
		memcpy(lie, octets, len);
		size_t lie_len = len;
		liar->lie(liar, lie, &lie_len);
		sendto(liar->fd, lie, lie_len, 0, (struct sockaddr *)&client, client_len);
		sendto(liar->fd, octets, len, 0, (struct sockaddr *)&client, client_len);
	}
}

/* None of these is a reply to the question. */
static void lie_about_question(struct liar *liar, uint8_t *octets, size_t *len)
{
	static const unsigned bits[] = { 0, 1, 2, 5, 13, 20 }; /* octets of id, flags, QDCOUNT, name */
	const unsigned which = draw(liar, 8);
	if (which < 6)
		octets[bits[which]] ^= bits[which] == 2 ? 0x80 : 0x41;
	else if (which == 6)
		*len = draw(liar, 20);
	else
		memset(octets + *len, 0, 1400), *len = 1400; /* more than we take */
}

/* Anything at all behind the question, and now and then before. */
static void lie_anyhow(struct liar *liar, uint8_t *octets, size_t *len)
{
	for (unsigned i = draw(liar, 6) + 1; i; i--)
		octets[draw(liar, 4) ? 20 + draw(liar, (unsigned)*len - 20) : draw(liar, 20)] = (uint8_t)draw(liar, 256);
	if (draw(liar, 4) == 0)
		*len -= draw(liar, 30);
	octets[2] &= 0xfd; /* not truncated: there is nobody by TCP */
}

static pthread_t start_lying(struct liar *liar, unsigned *port)
{
	pthread_t thread;
	liar->fd = bound_socket(port);
	assert_int_equal(pthread_create(&thread, NULL, serve_lies, liar), 0);
	say_port(*port);
	return thread;
}

static void stop_lying(struct liar *liar, pthread_t thread, unsigned port)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                                     .sin_port = htons((uint16_t)port) };
	assert_int_equal(sendto(liar->fd, "", 1, 0, (const struct sockaddr *)&address, sizeof(address)), 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(liar->fd);
	say_port(mist_port(server));
}

static void test_other_replies_are_not_taken(void **state)
{
	struct liar liar = { .seed = 1, .lie = lie_about_question };
	unsigned port;
	(void)state;
	pthread_t thread = start_lying(&liar, &port);
	for (unsigned i = 0; i < 200; i++)
		assert_got(by_name("some.name.test", AF_INET), "w.some.name.test (some.name.test) 127.0.0.2");
	stop_lying(&liar, thread, port);
}

/* Whatever comes, there is an end, and it is one of those that are documented. */
static void test_broken_replies(void **state)
{
	struct liar liar = { .seed = 2, .lie = lie_anyhow };
	unsigned port, ends[3] = { 0 };
	(void)state;
	pthread_t thread = start_lying(&liar, &port);
	for (unsigned i = 0; i < 5000; i++) {
		const struct got got = by_name("some.name.test", AF_INET);
		assert_in_range(got.status + 2, 0, 3);
		ends[got.status == NSS_STATUS_SUCCESS ? 0 : got.status == NSS_STATUS_NOTFOUND ? 1 : 2]++;
	}
	stop_lying(&liar, thread, port);
	assert_true(ends[0] > 100 && ends[1] > 100 && ends[2] > 100);
}

/* ---- what is no word of a server that is not there ---- */

static void truncate_reply(struct liar *liar, uint8_t *octets, size_t *len)
{
	(void)liar;
	(void)len;
	octets[2] |= 2;
}

static int listener_at(unsigned port)
{
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                                     .sin_port = htons((uint16_t)port) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) || listen(fd, 4)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Takes two connections and hangs up. */
static void *hang_up(void *user)
{
	const int *listener = user;
	for (unsigned i = 0; i < 2; i++)
		close(accept(*listener, NULL, NULL));
	return NULL;
}

/* It has said a part and not all: it is there, and nobody else is to be asked. */
static void test_truncated_and_no_more(void **state)
{
	struct liar liar = { .lie = truncate_reply };
	unsigned port;
	pthread_t liar_thread, thread;
	int listener;
	(void)state;
	liar_thread = start_lying(&liar, &port);
	while ((listener = listener_at(port)) < 0) {
		stop_lying(&liar, liar_thread, port);
		liar_thread = start_lying(&liar, &port);
	}
	assert_int_equal(pthread_create(&thread, NULL, hang_up, &listener), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_none(by_name("some.name.test", AF_INET), NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(listener); /* and now the connection is refused */
	assert_none(by_name("some.name.test", AF_INET), NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN);
	assert_none(both("some.name.test", NULL), NSS_STATUS_TRYAGAIN, EAGAIN, TRY_AGAIN);
	stop_lying(&liar, liar_thread, port);
}

static void test_no_descriptors(void **state)
{
	struct rlimit before;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	const struct got one = by_name("x.dual.test", AF_INET), two = both("x.dual.test", NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_none(one, NSS_STATUS_TRYAGAIN, EMFILE, TRY_AGAIN);
	assert_none(two, NSS_STATUS_TRYAGAIN, EMFILE, TRY_AGAIN);
}

/* ---- threads, and what is left ---- */

static void *ask_often(void *user)
{
	(void)user;
	for (unsigned i = 0; i < 200; i++) {
		const struct got got = both(i % 2 ? "x.dual.test" : "alias.file.test", NULL);
		if (got.status != NSS_STATUS_SUCCESS || !strstr(got.text, ".dual.test 127.0.0.1 ::1"))
			return "wrong";
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[8];
	(void)state;
	const unsigned before = entries("/proc/self/fd");
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
	for (unsigned i = 0; i < 8; i++) {
		void *wrong;
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	assert_int_equal(entries("/proc/self/fd"), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_ttl_and_canonical_name),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_not_found), cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_which_server), cmocka_unit_test(test_server_gone),
		cmocka_unit_test(test_other_replies_are_not_taken), cmocka_unit_test(test_broken_replies),
		cmocka_unit_test(test_truncated_and_no_more), cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests_name("nss", tests, set_up, tear_down);
}
