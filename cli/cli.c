/*
 * What all verbs share: the configuration from the command line, messages, exit codes.
 */
#define _GNU_SOURCE /* asprintf */
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "control/client.h"

enum { STDERR_WAIT_MS = 1000 };

/* Set once, before there is a second thread. */
static enum mist_level level_shown = MIST_LEVEL_INFO;

void cli_verbose(void)
{
	level_shown = MIST_LEVEL_DEBUG;
}

void cli_quiet(void)
{
	if (level_shown == MIST_LEVEL_INFO)
		level_shown = MIST_LEVEL_WARNING;
}

/* systemd says in JOURNAL_STREAM which file its journal reads; a stderr that was redirected
 * since is another one. */
static bool to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

/* Writes without waiting: that a pipe was writable a moment ago does not say that it still is, when
 * others write to it too. */
static ssize_t write_now(const struct iovec *text)
{
	const bool is_stream = lseek(STDERR_FILENO, 0, SEEK_CUR) < 0;
	ssize_t written = is_stream ? pwritev2(STDERR_FILENO, text, 1, -1, RWF_NOWAIT) : -1;

	if (written >= 0 || (is_stream && errno == EAGAIN))
		return written;
	return writev(STDERR_FILENO, text, 1); /* files, terminals, and pipes before Linux 6.4 */
}

/* Whoever reads stderr may have stopped to do so, and a write would wait for ever: a server must not
 * hang at its stop, or a reload, for a message. A second is long enough for a busy reader; after one
 * that was too slow the next messages do not wait. */
static void write_soon(const char *octets, size_t len)
{
	static _Atomic(bool) slow;
	const struct iovec text = { .iov_base = (void *)(uintptr_t)octets, .iov_len = len };
	struct pollfd file = { .fd = STDERR_FILENO, .events = POLLOUT };
	bool writable = poll(&file, 1, atomic_load(&slow) ? 0 : STDERR_WAIT_MS) != 0;

	atomic_store(&slow, !writable);
	/* Where stderr is gone there is nobody to tell. */
	if (writable && write_now(&text) < 0)
		errno = 0;
}

void cli_report(void *user, enum mist_level level, const char *file, unsigned line,
                const char *text)
{
	static const struct { const char *name; int priority; } levels[] = {
		[MIST_LEVEL_ERROR] = { "error: ", 3 },
		[MIST_LEVEL_WARNING] = { "warning: ", 4 },
		[MIST_LEVEL_INFO] = { "info: ", 6 },
		[MIST_LEVEL_DEBUG] = { "debug: ", 7 },
	};
	(void)user;
	char place[32] = "", priority[8] = "", *message = NULL;
	if (level > level_shown)
		return;
	if (line)
		snprintf(place, sizeof(place), ":%u", line);
	if (to_journal())
		snprintf(priority, sizeof(priority), "<%d>", levels[level].priority);
	int len = asprintf(&message, "%s%s%s%s%s%s\n", priority, *priority ? "" : levels[level].name,
	                   file ? file : "", place, file ? ": " : "", text);
	if (len > 0)
		write_soon(message, (size_t)len);
	free(len < 0 ? NULL : message);
}

void cli_say(const struct cli *cli, enum mist_level level, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	cli->reporter.report(cli->reporter.user, level, NULL, 0, text);
}

const char *cli_option(const struct cli *cli, const char *name)
{
	for (size_t i = cli->given_count; i-- > 0;)
		if (strcmp(cli->given[i].option->name, name) == 0)
			return cli->given[i].value;
	return NULL;
}

int cli_exit(int error)
{
	switch (error) {
	case MIST_OK:
		return EXIT_DONE;
	case MIST_EINVAL:
	case MIST_ENAME:
	case MIST_ERECORD:
	case MIST_EZONE:
	case MIST_EKEY:
	case MIST_ENOTFOUND:
	case MIST_ECONFLICT:
	case MIST_ELIMIT:
	case MIST_EREQUIRE:
		return EXIT_CONFIGURATION;
	case MIST_ENETWORK:
	case MIST_EADDRESS:
	case MIST_ETIMEOUT:
	case MIST_EREFUSED:
	case MIST_EMISMATCH:
		return EXIT_NETWORK;
	case MIST_EFILE:
		return EXIT_FILES;
	case MIST_ENOMEM:
		return EXIT_MEMORY;
	default:
		return EXIT_OTHER;
	}
}

int cli_fail(const struct cli *cli, int error, const char *what)
{
	cli_say(cli, MIST_LEVEL_ERROR, "%s: %s", what, mist_strerror(error));
	return cli_exit(error);
}

/* A list set by a repeated flag: the values with commas between. NULL: out of memory. */
static char *values_join(const struct cli *cli, size_t first, struct pool *pool)
{
	char *text = pool_text(pool, "", 0);
	for (size_t i = first; i < cli->given_count && text; i++)
		if (cli->given[i].option == cli->given[first].option)
			text = pool_format(pool, "%s%s%s", text, *text ? "," : "", cli->given[i].value);
	return text;
}

static bool is_repeatable(const char *path)
{
	return strcmp(path, "zones") == 0 || strcmp(path, "forward.allow") == 0 ||
	       strcmp(path, "forward.deny") == 0 || strcmp(path, "forward.upstreams") == 0 ||
	       strcmp(path, "listen.address") == 0;
}

static bool given_before(const struct cli *cli, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (cli->given[i].option == cli->given[index].option)
			return true;
	return false;
}

/* The setting that option `i` makes; `flag` NULL: it makes none. */
static int setting_of(const struct cli *cli, size_t i, struct pool *pool,
                      struct config_setting *setting)
{
	const struct option *option = cli->given[i].option;
	const char *value = cli->given[i].value, *equals = strchr(value, '=');
	setting->flag = NULL;
	if (strcmp(option->name, "set") == 0) {
		if (!equals) {
			cli_say(cli, MIST_LEVEL_ERROR, "--set %s: write --set KEY=VALUE", value);
			return MIST_EINVAL;
		}
		setting->path = pool_text(pool, value, (size_t)(equals - value));
		setting->text = equals + 1;
		setting->flag = pool_format(pool, "--set %s", setting->path ? setting->path : "");
	} else if (option->setting && !(is_repeatable(option->setting) && given_before(cli, i))) {
		setting->path = option->setting;
		setting->text = is_repeatable(option->setting) ? values_join(cli, i, pool) : value;
		setting->flag = pool_format(pool, "--%s", option->name);
	} else {
		return MIST_OK;
	}
	return setting->flag && setting->path && setting->text ? MIST_OK : MIST_ENOMEM;
}

int cli_config(const struct cli *cli, struct config **config)
{
	struct config_setting settings[sizeof(cli->given) / sizeof(cli->given[0])];
	struct pool pool = { NULL };
	size_t count = 0;
	int error = MIST_OK;
	for (size_t i = 0; i < cli->given_count && !error; i++) {
		error = setting_of(cli, i, &pool, &settings[count]);
		count += !error && settings[count].flag;
	}
	struct config_source source = { .file = cli_option(cli, "config"), .settings = settings,
	                                .setting_count = count };
	if (!error)
		error = config_load(config, &source, &cli->reporter);
	pool_free(&pool);
	return error;
}

int cli_client(const struct cli *cli, struct client **client)
{
	const char *socket = cli_option(cli, "socket");
	struct config *config = NULL;
	int error = socket ? MIST_OK : cli_config(cli, &config);
	if (!error && !socket)
		socket = config->control.socket;
	if (!error && !socket) {
		cli_say(cli, MIST_LEVEL_ERROR, "`control.socket` is none, so there is no way to the server");
		error = MIST_EINVAL;
	}
	if (!error)
		error = client_open(client, socket, &cli->reporter);
	config_free(config);
	return error;
}

int cli_finish(const struct cli *cli)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	if (errno != EPIPE)
		cli_say(cli, MIST_LEVEL_ERROR, "cannot write to stdout: %s", strerror(errno));
	return EXIT_FILES;
}
