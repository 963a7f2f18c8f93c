#include "cli/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A JSON string (RFC 8259 section 7). Octets that are not ASCII become \u00XX: names are octets,
 * and a reader of JSON wants UTF-8. */
static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ' || c >= 127)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_member(const char *name, const char *text)
{
	printf(",\"%s\":", name);
	print_string(text);
}

static void print_addresses(const struct config *config)
{
	const struct schema_list *list = &config->listen.address;
	print_member("address", list->count ? list->items[0] : "127.0.0.1");
	printf(",\"addresses\":[");
	for (size_t i = 0; i < list->count; i++) {
		printf("%s", i ? "," : "");
		print_string(list->items[i]);
	}
	printf("%s]", list->count ? "" : "\"127.0.0.1\"");
}

/* Zones with the DS that trusts them; for a key that dies with the process it is the only place. */
static void print_zones(const struct config *config, struct mist_server *server)
{
	const struct config_zone *zones = config_zones(config);
	printf(",\"zones\":[");
	for (size_t i = 0; i < config->zones.count; i++) {
		char anchor[4096];
		printf("%s{\"name\":", i ? "," : "");
		print_string(zones[i].name);
		if (mist_anchor(server, zones[i].name, MIST_ANCHOR_DS, anchor, sizeof(anchor)) == MIST_OK) {
			anchor[strcspn(anchor, "\n")] = '\0';
			print_member("ds", anchor);
		}
		printf("}");
	}
	printf("]");
}

static void print_inherited(const struct inherited *inherited)
{
	printf(",\"inherited\":[");
	for (size_t i = 0; i < inherited->count; i++) {
		char text[SYSTEMD_SOCKET_TEXT];
		systemd_socket_text(inherited->fds[i], text);
		printf("%s", i ? "," : "");
		print_string(text);
	}
	printf("]");
}

int ready_print(const struct cli *cli, const struct config *config, struct mist_server *server,
                const struct inherited *inherited)
{
	struct mist_status status;
	int error = mist_status(server, &status);
	if (error)
		return cli_fail(cli, error, "status");
	printf("{\"event\":\"ready\"");
	print_addresses(config);
	printf(",\"port\":%u", status.port);
	if (inherited->count)
		print_inherited(inherited);
	print_member("engine", status.engine == MIST_ENGINE_URING ? "uring" : "epoll");
	print_member("engine_reason", status.engine_reason);
	printf(",\"workers\":%u", status.workers);
	print_zones(config, server);
	print_member("version", mist_version());
	printf(",\"pid\":%ld}\n", (long)getpid());
	return cli_finish(cli);
}

int ready_port_file(const struct cli *cli, const char *path, unsigned port)
{
	char temporary[4096], text[16];
	int len = snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
	int text_len = snprintf(text, sizeof(text), "%u\n", port);
	errno = ENAMETOOLONG;
	if (len < 0 || (size_t)len >= sizeof(temporary))
		goto failed;
	unlink(temporary); /* of a process with our number that died here */
	/* In a directory such as /tmp somebody may have left a link there that leads elsewhere. */
	int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (file < 0)
		goto failed;
	ssize_t written = write(file, text, (size_t)text_len);
	bool good = written == text_len && fchmod(file, 0644) == 0; /* for all who look names up, whatever the umask */
	if (close(file) == 0 && good && rename(temporary, path) == 0)
		return EXIT_DONE;
	int error = errno;
	unlink(temporary);
	errno = error;
failed:
	cli_say(cli, MIST_LEVEL_ERROR, "cannot write the port file %s: %s", path, strerror(errno));
	return EXIT_FILES;
}

int ready_port_fd(const struct cli *cli, int file, unsigned port)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u\n", port);
	bool good = write(file, text, (size_t)len) == len;
	int error = errno;
	close(file);
	if (good)
		return EXIT_DONE;
	cli_say(cli, MIST_LEVEL_ERROR, "cannot write the port to descriptor %d: %s", file, strerror(error));
	return EXIT_FILES;
}
