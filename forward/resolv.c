/* resolv.conf(5): only its name servers matter here; search lists are the client's business. */
#include "forward/resolv.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_OCTETS 1024
#define LINES_MAX 1000      /* a resolv.conf has ten; a file without end must not hold us up */
#define PATH_MAX_OCTETS 4096

static const char conf_end[] = "/etc/resolv.conf";
static const char uplink_end[] = "/run/systemd/resolve/resolv.conf";

static bool parse_address(const char *text, struct upstream_address *address)
{
	memset(address, 0, sizeof *address);
	address->port = 53;
	if (inet_pton(AF_INET, text, address->octets) == 1)
		address->family = AF_INET;
	else if (inet_pton(AF_INET6, text, address->octets) == 1)
		address->family = AF_INET6;
	return address->family != 0;
}

/* "nameserver ADDRESS", blanks as they come; anything behind the address is a comment. */
static bool parse_line(char *line, struct upstream_address *address)
{
	static const char blanks[] = " \t\r\n", keyword[] = "nameserver";
	char *rest = line;
	char *word = strtok_r(line, blanks, &rest);
	if (!word || strcmp(word, keyword) != 0)
		return false;
	char *text = strtok_r(NULL, blanks, &rest);
	return text && parse_address(text, address);
}

static bool is_stub(const struct upstream_address *address)
{
	static const uint8_t stub[3] = { 127, 0, 0 };
	return address->family == AF_INET && memcmp(address->octets, stub, 3) == 0 &&
	       (address->octets[3] == 53 || address->octets[3] == 54);
}

/* `names_stub`: one of the servers is systemd-resolved's stub. */
static int read_file(const char *path, struct upstream_address *addresses, size_t max,
                     size_t *count, bool *names_stub)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return MIST_EFILE;
	char line[LINE_MAX_OCTETS];
	size_t found = 0;
	*names_stub = false;
	for (unsigned lines = 0; lines < LINES_MAX && found < max && fgets(line, sizeof line, file);
	     lines++) {
		if (!parse_line(line, &addresses[found]))
			continue;
		*names_stub |= is_stub(&addresses[found]);
		found++;
	}
	int result = ferror(file) ? MIST_EFILE : MIST_OK; /* a directory opens, but does not read */
	fclose(file);
	if (result == MIST_OK)
		*count = found;
	return result;
}

/* Where systemd-resolved says which servers are behind its stub. */
static bool uplink_path(char to[PATH_MAX_OCTETS], const char *path)
{
	size_t len = strlen(path), end = strlen(conf_end), root = 0;
	if (len >= end && strcmp(path + len - end, conf_end) == 0)
		root = len - end;
	int written = snprintf(to, PATH_MAX_OCTETS, "%.*s%s", (int)root, path, uplink_end);
	return written > 0 && written < PATH_MAX_OCTETS;
}

int resolv_read(const char *path, struct upstream_address *addresses, size_t max, size_t *count)
{
	bool names_stub;
	size_t found;
	int result = read_file(path, addresses, max, &found, &names_stub);
	if (result != MIST_OK)
		return result;
	*count = found;
	char uplink[PATH_MAX_OCTETS];
	if (!names_stub || !uplink_path(uplink, path))
		return MIST_OK;
	if (read_file(uplink, addresses, max, &found, &names_stub) == MIST_OK && found > 0) {
		*count = found;
		return MIST_OK;
	}
	return read_file(path, addresses, max, count, &names_stub);
}
