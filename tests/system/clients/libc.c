/*
 * What a C library's getaddrinfo() says: an address per line, or the name of its error. Built once
 * with glibc and once with musl.
 *
 *     libc NAME [4|6]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

static const char *error_name(int error) {
	switch (error) {
	case EAI_NONAME: return "EAI_NONAME";
	case EAI_AGAIN: return "EAI_AGAIN";
	case EAI_FAIL: return "EAI_FAIL";
#ifdef EAI_NODATA
	case EAI_NODATA: return "EAI_NODATA";
#endif
	default: return gai_strerror(error);
	}
}

int main(int argc, char **argv) {
	if (argc < 2)
		return 2;
	int family = argc < 3 ? AF_UNSPEC : argv[2][0] == '6' ? AF_INET6 : AF_INET;
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int error = getaddrinfo(argv[1], NULL, &hints, &list);
	if (error != 0) {
		puts(error_name(error));
		return 0;
	}
	for (struct addrinfo *info = list; info != NULL; info = info->ai_next) {
		char text[INET6_ADDRSTRLEN];
		if (getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof text, NULL, 0,
		                NI_NUMERICHOST) == 0)
			puts(text);
	}
	freeaddrinfo(list);
	return 0;
}
