/*
 * What c-ares says, by itself and from /etc/resolv.conf: an address per line, or its error. With a
 * type: the size of the answer that ares_query() gets.
 *
 *     cares NAME [4|6|TYPE-NUMBER]
 */
#include <ares.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>

static void print_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *result) {
	(void)arg, (void)timeouts;
	if (status != ARES_SUCCESS) {
		puts(ares_strerror(status));
		return;
	}
	for (struct ares_addrinfo_node *node = result->nodes; node != NULL; node = node->ai_next) {
		char text[64];
		if (getnameinfo(node->ai_addr, node->ai_addrlen, text, sizeof text, NULL, 0,
		                NI_NUMERICHOST) == 0)
			puts(text);
	}
	ares_freeaddrinfo(result);
}

static void print_size(void *arg, int status, int timeouts, unsigned char *data, int size) {
	(void)arg, (void)timeouts, (void)data;
	if (status == ARES_SUCCESS)
		printf("%d\n", size);
	else
		puts(ares_strerror(status));
}

static void run(ares_channel channel) {
	for (;;) {
		fd_set readable, writable;
		struct timeval time;
		FD_ZERO(&readable);
		FD_ZERO(&writable);
		int count = ares_fds(channel, &readable, &writable);
		if (count == 0)
			return;
		select(count, &readable, &writable, NULL, ares_timeout(channel, NULL, &time));
		ares_process(channel, &readable, &writable);
	}
}

int main(int argc, char **argv) {
	ares_channel channel;
	if (argc < 2 || ares_library_init(ARES_LIB_INIT_ALL) != 0 || ares_init(&channel) != 0)
		return 2;
	int what = argc < 3 ? 0 : atoi(argv[2]);
	if (what == 0 || what == 4 || what == 6) {
		struct ares_addrinfo_hints hints = {.ai_socktype = SOCK_STREAM};
		hints.ai_family = what == 0 ? AF_UNSPEC : what == 6 ? AF_INET6 : AF_INET;
		ares_getaddrinfo(channel, argv[1], NULL, &hints, print_addresses, NULL);
	} else {
		ares_query(channel, argv[1], 1, what, print_size, NULL);
	}
	run(channel);
	ares_destroy(channel);
	ares_library_cleanup();
	return 0;
}
