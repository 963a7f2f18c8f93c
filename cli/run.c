/*
 * `mist run`: a server of our own, and a command that asks it alone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "control/client.h"
#include "control/setup.h"
#include "launch/launch.h"

/* One run of a command. */
struct run {
	struct cli *cli;
	struct config *config;
	struct mist_server *server;  /* our own, or */
	struct client *client;       /* the way to one that runs */
	uint16_t port;               /* where it listens on 127.0.0.1 */
	struct launch launch;
	unsigned required;           /* guarantees */
	char node_preload[4096];
};

static int fail(const struct run *run, const struct problem *problem)
{
	cli_say(run->cli, MIST_LEVEL_ERROR, "%s", problem->text);
	return EXIT_LAUNCH;
}

/* What our server does is not what the caller wants to read about. */
static void report(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	cli_report(user, level == MIST_LEVEL_INFO ? MIST_LEVEL_DEBUG : level, file, line, text);
}

/* ---- what is asked for ------------------------------------------------------------------------- */

static const char *const nets[] = { [LAUNCH_HOST] = "host", [LAUNCH_EGRESS] = "egress", [LAUNCH_LOOPBACK] = "loopback" };

static int read_net(const struct run *run, enum launch_net *net)
{
	const char *text = cli_option(run->cli, "net");

	if (!text)
		text = nets[LAUNCH_HOST];
	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
		if (strcmp(text, nets[i]) == 0) {
			*net = (enum launch_net)i;
			return EXIT_DONE;
		}
	cli_say(run->cli, MIST_LEVEL_ERROR, "--net %s: there is host, egress and loopback", text);
	return EXIT_LAUNCH;
}

static int read_required(struct run *run)
{
	const struct cli *cli = run->cli;
	char words[GUARANTEES_TEXT_SIZE];
	const char *unknown;

	for (size_t i = 0; i < cli->given_count; i++)
		if (strcmp(cli->given[i].option->name, "require") == 0 &&
		    !guarantees_read(cli->given[i].value, &run->required, &unknown)) {
			guarantees_print(words, (1u << GUARANTEE_COUNT) - 1);
			cli_say(cli, MIST_LEVEL_ERROR, "--require: \"%.*s\" is no guarantee; these are: %s, and all",
			        (int)strcspn(unknown, ","), unknown, words);
			return EXIT_LAUNCH;
		}
	return EXIT_DONE;
}

/* Where it is installed, seen from PREFIX/bin/mist; and in the source, seen from build/mist. */
static const char *find_node_preload(struct run *run)
{
	static const char *const places[] = { "share/mistcore/node/index.js", "sidecar/node/index.js" };
	const char *given = cli_option(run->cli, "node-preload");
	char own[sizeof run->node_preload - 64];
	ssize_t len = readlink("/proc/self/exe", own, sizeof own - 1);

	if (given)
		return realpath(given, run->node_preload);
	own[len > 0 ? len : 0] = '\0';
	for (int up = 0; up < 2 && strchr(own, '/'); up++)
		*strrchr(own, '/') = '\0';
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(run->node_preload, sizeof run->node_preload, "%s/%s", own, places[i]);
		if (access(run->node_preload, R_OK) == 0)
			return run->node_preload;
	}
	return NULL;
}

/* Whether glibc finds our module, which asks whom $MIST_DNS names, on any port. */
static bool has_nss_module(void)
{
	void *module = dlopen("libnss_mist.so.2", RTLD_LAZY | RTLD_LOCAL);

	return module && dlclose(module) == 0;
}

static int read_options(struct run *run, struct launch_options *options)
{
	*options = (struct launch_options){ .command = run->cli->rest, .port53 = true };
	int code = read_net(run, &options->net);
	if (!code)
		code = read_required(run);
	if (!code && !options->command) {
		cli_say(run->cli, MIST_LEVEL_ERROR, "mist run needs a command; see `mist run --help`");
		code = EXIT_LAUNCH;
	}
	if (code)
		return code;
	options->hosts = has_nss_module() ? "files mist [!SUCCESS=return]" : NULL;
	options->node_preload = find_node_preload(run);
	if (!options->node_preload && cli_option(run->cli, "node-preload")) {
		cli_say(run->cli, MIST_LEVEL_ERROR, "--node-preload %s: %s", cli_option(run->cli, "node-preload"),
		        strerror(errno));
		code = EXIT_LAUNCH;
	}
	return code;
}

/* ---- the server --------------------------------------------------------------------------------- */

/* Beside a server that may run from the same configuration: its keys are ours, its serials are its own, and so
 * are its port and its control socket. */
static int start_server(struct run *run)
{
	const struct cli *cli = run->cli;
	const struct mist_reporter reporter = { report, NULL };
	struct mist_content *content;
	int error = setup_directories(run->config, &reporter);

	if (!error)
		error = setup_content(run->config, SETUP_KEYS, &reporter, &content);
	if (error == MIST_EZONE || error == MIST_EKEY) {
		cli_say(cli, MIST_LEVEL_WARNING, "zones with errors answer SERVFAIL, the others serve");
		error = MIST_OK;
	}
	if (!error) {
		struct mist_options options = setup_options(run->config, &reporter);
		options.address_count = 0;
		options.port = 0;
		error = mist_start(&run->server, &options, content);
	}
	if (!error && run->launch.fds[0] >= 0)
		error = mist_listen_fds(run->server, run->launch.fds, NOTE_FDS);
	if (error)
		return cli_fail(cli, error, "cannot start a server for the command");
	run->port = mist_port(run->server);
	return EXIT_DONE;
}

/* The sockets are that server's for as long as we are connected. */
static int find_server(struct run *run)
{
	json_t *reply = NULL;
	int error = cli_client(run->cli, &run->client);

	if (!error && run->launch.fds[0] >= 0)
		client_attach(run->client, run->launch.fds);
	if (!error)
		error = client_call(run->client, json_pack("{s:s}", "verb", "listen"), NULL, NULL, &reply);
	run->port = (uint16_t)json_integer_value(json_object_get(reply, "port"));
	json_decref(reply);
	for (int i = 0; i < NOTE_FDS && run->launch.fds[i] >= 0; i++)
		close(run->launch.fds[i]);
	return error ? EXIT_LAUNCH : EXIT_DONE;
}

/* ---- what holds --------------------------------------------------------------------------------- */

static void say_guarantees(const struct run *run, unsigned held)
{
	const unsigned all = (1u << GUARANTEE_COUNT) - 1;
	char holds[GUARANTEES_TEXT_SIZE], fails[GUARANTEES_TEXT_SIZE];

	guarantees_print(holds, held);
	guarantees_print(fails, all & ~held);
	cli_say(run->cli, MIST_LEVEL_INFO, "--net %s: holds: %s; does not hold: %s", nets[run->launch.options.net],
	        holds, fails);
	if (run->launch.options.net == LAUNCH_HOST && run->launch.fds[0] < 0)
		cli_say(run->cli, MIST_LEVEL_WARNING, "%s. So resolv.conf stays as it is, and this server is asked only by "
		        "programs that look at $MIST_DNS: getaddrinfo() of glibc (libnss_mist.so.2 is %sinstalled), Node.js (the "
		        "preload is %sinstalled). --net loopback and --net egress need no such right",
		        run->launch.no_port53.text, run->launch.facts & FACT_NSS_MODULE ? "" : "not ",
		        run->launch.options.node_preload ? "" : "not ");
}

static int check_guarantees(const struct run *run)
{
	const unsigned held = guarantees_held(run->launch.options.net, run->launch.facts);
	const unsigned missing = run->required & ~held;

	say_guarantees(run, held);
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++)
		if (missing & 1u << i)
			cli_say(run->cli, MIST_LEVEL_ERROR, "--require %s: with --net %s it does not hold here that %s",
			        guarantee_word((enum guarantee)i), nets[run->launch.options.net],
			        guarantee_text((enum guarantee)i));
	return missing ? EXIT_LAUNCH : EXIT_DONE;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static int run_command(struct run *run)
{
	struct problem problem = { "" };

	if (cli_option(run->cli, "socket") ? find_server(run) : start_server(run))
		return EXIT_LAUNCH;
	if (!launch_dress(&run->launch, run->port, &problem))
		return fail(run, &problem);
	if (check_guarantees(run))
		return EXIT_LAUNCH;
	if (!launch_run(&run->launch, &problem))
		return fail(run, &problem);
	int code = launch_wait(&run->launch, &problem);
	if (*problem.text)
		fail(run, &problem);
	return code;
}

int run_run(struct cli *cli)
{
	struct run run = { .cli = cli };
	struct launch_options options;
	struct problem problem = { "" };

	if (cli_option(cli, "quiet"))
		cli_quiet();
	int code = read_options(&run, &options);
	if (!code && cli_config(cli, &run.config))
		code = EXIT_LAUNCH;
	if (!code) {
		code = launch_begin(&run.launch, &options, &problem) ? run_command(&run) : fail(&run, &problem);
		launch_end(&run.launch);
		client_close(run.client);
		mist_stop(run.server);
	}
	config_free(run.config);
	return code;
}
