/* forward/resolv.c: name servers, junk lines, and systemd-resolved's stub. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forward/resolv.h"

static char root[64];

static void put(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", root, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int read_it(struct upstream_address *addresses, size_t max, size_t *count)
{
	char path[256];
	snprintf(path, sizeof path, "%s/etc/resolv.conf", root);
	return resolv_read(path, addresses, max, count);
}

static int make_root(void **state)
{
	(void)state;
	static const char *const directories[] = { "etc", "run", "run/systemd", "run/systemd/resolve" };
	strcpy(root, "/tmp/mist-resolv-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
		char path[256];
		snprintf(path, sizeof path, "%s/%s", root, directories[i]);
		if (mkdir(path, 0700) != 0)
			return -1;
	}
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	static const char *const names[] = { "etc/resolv.conf", "run/systemd/resolve/resolv.conf",
	                                     "run/systemd/resolve", "run/systemd", "run", "etc", "" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[256];
		snprintf(path, sizeof path, "%s/%s", root, names[i]);
		remove(path);
	}
	return 0;
}

static void test_servers_in_order(void **state)
{
	(void)state;
	struct upstream_address addresses[4];
	size_t count = 99;
	put("etc/resolv.conf", "# comment\nsearch example.com\n\nnameserver 192.0.2.1\n"
	                       "  nameserver\t2001:db8::53 # main\nnameserver fe80::1%eth0\nnameserver\n"
	                       "nameserverx 192.0.2.9\nnameserver 192.0.2.300\noptions ndots:1\n"
	                       "nameserver 192.0.2.2");
	assert_int_equal(read_it(addresses, 4, &count), MIST_OK);
	assert_int_equal(count, 3);
	assert_int_equal(addresses[0].family, AF_INET);
	assert_int_equal(addresses[0].port, 53);
	assert_memory_equal(addresses[0].octets, "\xc0\x00\x02\x01", 4);
	assert_int_equal(addresses[1].family, AF_INET6);
	assert_int_equal(addresses[1].octets[15], 0x53);
	assert_memory_equal(addresses[2].octets, "\xc0\x00\x02\x02", 4);
	assert_int_equal(read_it(addresses, 1, &count), MIST_OK);
	assert_int_equal(count, 1);
}

static void test_stub_is_replaced(void **state)
{
	(void)state;
	struct upstream_address addresses[4];
	size_t count;
	put("etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0 trust-ad\n");
	put("run/systemd/resolve/resolv.conf", "nameserver 192.0.2.7\nnameserver 192.0.2.8\n");
	assert_int_equal(read_it(addresses, 4, &count), MIST_OK);
	assert_int_equal(count, 2);
	assert_memory_equal(addresses[0].octets, "\xc0\x00\x02\x07", 4);
	put("etc/resolv.conf", "nameserver 127.0.0.54\n");
	assert_int_equal(read_it(addresses, 4, &count), MIST_OK);
	assert_int_equal(count, 2);
	put("run/systemd/resolve/resolv.conf", "# nothing known yet\n");
	assert_int_equal(read_it(addresses, 4, &count), MIST_OK);
	assert_int_equal(count, 1);
	assert_memory_equal(addresses[0].octets, "\x7f\x00\x00\x36", 4);
}

static void test_unreadable(void **state)
{
	(void)state;
	struct upstream_address addresses[4];
	size_t count = 7;
	assert_int_equal(resolv_read("/nonexistent/resolv.conf", addresses, 4, &count), MIST_EFILE);
	assert_int_equal(count, 7);
	assert_int_equal(resolv_read("/tmp", addresses, 4, &count), MIST_EFILE);
	put("etc/resolv.conf", "");
	assert_int_equal(read_it(addresses, 4, &count), MIST_OK);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_servers_in_order, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_stub_is_replaced, make_root, remove_root),
		cmocka_unit_test_setup_teardown(test_unreadable, make_root, remove_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
