/*
 * `mist serve`: start, tell, wait for signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/alive.h"
#include "cli/cli.h"
#include "cli/privileges.h"
#include "cli/ready.h"
#include "cli/systemd.h"
#include "control/control.h"
#include "control/setup.h"
#include "control/units.h"

/* What serves, and from which configuration. */
struct service {
	struct cli *cli;
	struct config *config;    /* as started: what a reload cannot change is as it says */
	struct mist_server *server;
	struct control *control;
	struct inherited inherited;    /* sockets that were passed to us */
	struct privileges privileges;
	const char *port_file;
	int port_fd;                   /* -1: none */
	pthread_mutex_t reloading;     /* by a signal or by a client of the control socket */
};

/* Who asked for the reload that this thread is at: messages of other threads are not about it. */
static _Thread_local const struct mist_reporter *asker;

static void service_report(void *user, enum mist_level level, const char *file, unsigned line,
                           const char *text)
{
	cli_report(user, level, file, line, text);
	if (asker)
		asker->report(asker->user, level, file, line, text);
}

/* Blocked before there is a second thread, so that only the wait below takes them. */
static sigset_t signals_block(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signals;
}

/* Every question on its way to an upstream and every TCP client takes a descriptor, and the usual soft
 * limit of 1,024 is there for programs that use select(2). */
static void raise_descriptor_limit(void)
{
	const rlim_t enough = 65536; /* 16 workers with 1,024 TCP clients and 256 questions each: 20,480 */
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= enough)
		return;
	limit.rlim_cur = limit.rlim_max < enough ? limit.rlim_max : enough;
	setrlimit(RLIMIT_NOFILE, &limit); /* fewer questions at once if that fails */
}

static void say_zone_failures(const struct cli *cli, int error)
{
	if (error == MIST_EZONE || error == MIST_EKEY)
		cli_say(cli, MIST_LEVEL_WARNING,
	            "zones with errors answer SERVFAIL, the others serve; mend "
	            "them and send SIGHUP");
}

/* Beside those that we listen on ourselves. */
static int adopt(struct service *service)
{
	const struct inherited *inherited = &service->inherited;
	int error = inherited->count ? mist_listen_fds(service->server, inherited->fds, inherited->count) : MIST_OK;
	return error ? cli_fail(service->cli, error, "cannot take the sockets that were passed (LISTEN_FDS)") : EXIT_DONE;
}

static int start(struct service *service)
{
	const struct mist_reporter *reporter = &service->cli->reporter;
	struct config *config = service->config;
	struct mist_content *content;
	int error = setup_directories(config, reporter);
	if (error)
		return cli_exit(error);
	error = setup_content(config, SETUP_SERVE, reporter, &content);
	say_zone_failures(service->cli, error);
	if (error && error != MIST_EZONE && error != MIST_EKEY)
		return cli_fail(service->cli, error, "cannot build what is to be served");
	struct mist_options options = setup_options(config, reporter);
	error = mist_start(&service->server, &options, content);
	if (error == MIST_ENETWORK && options.port_only)
		cli_say(service->cli, MIST_LEVEL_ERROR,
	            "port %u is taken, and `listen.fallback: fail` wants "
	            "no other",
	            config->listen.port);
	if (error)
		return cli_fail(service->cli, error, "cannot start");
	int code = adopt(service);
	return code ? code : privileges_drop(&service->privileges, service->cli);
}

/* All or nothing: whatever is wrong with the new configuration, the old one serves on. */
static int reload(struct service *service)
{
	struct cli *cli = service->cli;
	struct config *config = NULL;
	struct mist_content *content;
	const char *restart;
	systemd_reloading();
	int error = cli_config(cli, &config);
	if (!error)
		error = setup_directories(config, &cli->reporter);
	if (!error) {
		error = setup_content(config, SETUP_RELOAD, &cli->reporter, &content);
		if (error == MIST_EZONE || error == MIST_EKEY)
			mist_content_free(content);
	}
	if (!error)
		error = mist_reload(service->server, content);
	if (error) {
		cli_say(cli, MIST_LEVEL_ERROR, "not reloaded (%s); what was served before is served on",
		        mist_strerror(error));
	} else {
		restart = setup_needs_restart(service->config, config);
		if (restart)
			cli_say(cli, MIST_LEVEL_WARNING, "`%s` has changed; that takes a restart", restart);
		cli_say(cli, MIST_LEVEL_INFO, "reloaded: zones %zu, rules %zu", config->zones.count,
		        config->forward.allow.count + config->forward.deny.count);
	}
	config_free(config);
	systemd_notify("READY=1\nSTATUS=%s", error ? "not reloaded; what was served before is served on"
	                                           : "reloaded, and answering");
	return error;
}

/* One at a time, and whoever asked for it hears what stderr hears. */
static int reload_for(void *user, const struct mist_reporter *reporter)
{
	struct service *service = user;
	pthread_mutex_lock(&service->reloading);
	asker = reporter;
	int error = reload(service);
	asker = NULL;
	pthread_mutex_unlock(&service->reloading);
	return error;
}

/* A socket that was asked for by name must be there; the usual one may be another server's. */
static int listen_for_verbs(struct service *service)
{
	const struct config *config = service->config;
	const struct control_options options = {
		.socket = config->control.socket,
		.server = service->server,
		.addresses = config->listen.address.items,
		.address_count = config->listen.address.count,
		.reload = reload_for,
		.user = service,
	};
	if (!options.socket)
		return EXIT_DONE;
	enum mist_level level = config->control.given ? MIST_LEVEL_ERROR : MIST_LEVEL_WARNING;
	int error = control_start(&service->control, &options, level, &service->cli->reporter);
	return error && config->control.given ? cli_exit(error) : EXIT_DONE;
}

/* Until a signal says so. A supervisor that wants to hear of us in between hears what our clients see; after a reload
 * too, for reloads that come one after another leave no time in between. */
static void serve_until_told(struct service *service, const sigset_t *signals)
{
	const uint64_t half_ms = systemd_watchdog_ms() / 2;
	const struct timespec half = { .tv_sec = (time_t)(half_ms / 1000), .tv_nsec = (long)(half_ms % 1000) * 1000000 };
	for (;;) {
		siginfo_t info;
		int number = half_ms ? sigtimedwait(signals, &info, &half) : sigwaitinfo(signals, &info);
		bool due = number < 0 && errno == EAGAIN;
		if (number == SIGINT || number == SIGTERM)
			return;
		if (number == SIGHUP)
			reload_for(service, NULL);
		if (half_ms && (due || number == SIGHUP) && alive(service->server, service->config, (uint32_t)half_ms / 2))
			systemd_notify("WATCHDOG=1");
	}
}

/* ---- telling --------------------------------------------------------------------------------- */

/* What shall receive the port later must be there now. */
static int find_port_fd(struct service *service)
{
	const char *text = cli_option(service->cli, "port-fd");
	uint64_t number;
	service->port_fd = -1;
	if (!text)
		return EXIT_DONE;
	if (!units_number(text, &number) || number > INT32_MAX || fcntl((int)number, F_SETFD, FD_CLOEXEC) != 0) {
		cli_say(service->cli, MIST_LEVEL_ERROR, "--port-fd: \"%s\" is no open descriptor", text);
		return EXIT_CONFIGURATION;
	}
	service->port_fd = (int)number;
	return EXIT_DONE;
}

/* The ready line last: who reads it may look for the port file at once. */
static int tell(struct service *service)
{
	const struct cli *cli = service->cli;
	unsigned port = mist_port(service->server);
	int code = service->port_file ? ready_port_file(cli, service->port_file, port) : EXIT_DONE;
	if (code)
		return code;
	if (service->port_fd >= 0)
		code = ready_port_fd(cli, service->port_fd, port);
	if (!code)
		code = ready_print(cli, service->config, service->server, &service->inherited);
	if (code && service->port_file)
		unlink(service->port_file);
	if (code)
		return code;
	cli_say(cli, MIST_LEVEL_INFO, "answering on port %u, UDP and TCP; SIGTERM stops", port);
	systemd_notify("READY=1\nSTATUS=answering on port %u", port);
	return EXIT_DONE;
}

static void say_configuration(const struct service *service)
{
	if (service->config->file)
		cli_say(service->cli, MIST_LEVEL_INFO, "configuration: %s", service->config->file);
	else
		cli_say(service->cli, MIST_LEVEL_INFO, "no configuration file; defaults");
}

int serve_run(struct cli *cli)
{
	struct service service = { .cli = cli, .port_file = cli_option(cli, "port-file"),
	                           .reloading = PTHREAD_MUTEX_INITIALIZER };
	sigset_t signals = signals_block();
	cli->reporter = (struct mist_reporter){ service_report, NULL };
	raise_descriptor_limit();
	systemd_sockets(cli, &service.inherited);
	int code = find_port_fd(&service);
	int error = code ? MIST_OK : cli_config(cli, &service.config);
	if (code || error)
		return code ? code : cli_exit(error);
	say_configuration(&service);
	code = privileges_lower(&service.privileges, cli, service.config);
	if (!code)
		code = start(&service);
	if (!code)
		code = listen_for_verbs(&service);
	if (!code)
		code = tell(&service);
	if (!code) {
		serve_until_told(&service, &signals);
		systemd_notify("STOPPING=1\nSTATUS=finishing what is in flight");
		if (service.port_file)
			unlink(service.port_file);
	}
	control_stop(service.control);
	mist_stop(service.server);
	config_free(service.config);
	return code;
}
