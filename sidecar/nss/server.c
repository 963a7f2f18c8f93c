/* Which server is asked; see server.h. */
#include "sidecar/nss/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file with more before the line that counts is none of ours. */
#define FILE_OCTETS_MAX 4096

static bool parse_port(const char *text, in_port_t *port)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	const unsigned long number = strtoul(text, &end, 10);
	*port = htons((uint16_t)number);
	return *end == 0 && number > 0 && number <= UINT16_MAX;
}

/* What stands before the last colon, without its brackets; false: it does not fit or is ambiguous. */
static bool copy_host(char host[INET6_ADDRSTRLEN], const char *text, const char *colon)
{
	const bool bracketed = text[0] == '[' && colon - text > 2 && colon[-1] == ']';
	const size_t len = (size_t)(colon - text) - (bracketed ? 2 : 0);
	if (len == 0 || len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(host, text + bracketed, len);
	host[len] = 0;
	return bracketed || !strchr(host, ':');
}

int server_parse(struct server *server, const char *text)
{
	char host[INET6_ADDRSTRLEN] = "127.0.0.1";
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const char *colon = strrchr(text, ':');

	if ((colon && !copy_host(host, text, colon)) || !parse_port(colon ? colon + 1 : text, &v4.sin_port))
		return EINVAL;
	memset(server, 0, sizeof(*server));
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		server->len = sizeof(v4);
		memcpy(&server->address, &v4, sizeof(v4));
	} else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
		v6.sin6_port = v4.sin_port;
		server->len = sizeof(v6);
		memcpy(&server->address, &v6, sizeof(v6));
	}
	return server->len ? 0 : EINVAL;
}

/* The first line that says something; NULL: none. */
static const char *first_line(char *text)
{
	for (char *line; (line = strsep(&text, "\n")) != NULL;) {
		line += strspn(line, " \t\r");
		line[strcspn(line, " \t\r#")] = 0;
		if (*line)
			return line;
	}
	return NULL;
}

static int read_file(char text[FILE_OCTETS_MAX + 1], const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return errno;
	const ssize_t len = read(fd, text, FILE_OCTETS_MAX);
	const int error = len < 0 ? errno : 0;
	close(fd);
	text[len < 0 ? 0 : len] = 0;
	return error;
}

static int find_in(struct server *server, const char *path)
{
	char text[FILE_OCTETS_MAX + 1];
	const int error = read_file(text, path);
	const char *line = error ? NULL : first_line(text);
	if (error)
		return error == ENOTDIR ? ENOENT : error;
	return line ? server_parse(server, line) : EINVAL;
}

int server_find(struct server *server)
{
	const char *text = secure_getenv("MIST_DNS");
	if (text)
		return server_parse(server, text);
	const int error = find_in(server, "/etc/mist/nss.conf");
	return error == ENOENT ? find_in(server, "/run/mist/port") : error;
}
