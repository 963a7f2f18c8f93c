/*
 * The program's own small frame: a table of verbs with their options and help, where messages
 * go, and what the program exits with.
 */
#ifndef MIST_CLI_CLI_H
#define MIST_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "control/config.h"
#include "mistcore.h"

/* The exit codes of dnsmasq, which scripts may know. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_CONFIGURATION = 1,
	EXIT_NETWORK = 2,
	EXIT_FILES = 3,
	EXIT_MEMORY = 4,
	EXIT_OTHER = 5,
	EXIT_LAUNCH = 125,     /* of `run`, whose other codes are its command's: mist itself has failed */
};

struct option {
	const char *name;      /* "port-file"; NULL ends a table */
	char letter;           /* 'c', or 0 */
	const char *value;     /* what it takes, for the help: "FILE"; NULL: nothing */
	const char *help;
	const char *setting;   /* the key of the configuration that it sets */
};

struct cli;

#define ARGUMENTS_REST ~0u

struct command {
	const char *name;
	int (*run)(struct cli *cli);
	const char *arguments; /* for the help: "NAME [TYPE]" */
	unsigned arguments_min, arguments_max; /* ARGUMENTS_REST: the first one begins somebody else's command line */
	const char *summary;   /* one line of `mist --help` */
	const char *help;      /* of `mist VERB --help`: what it does, then examples */
	const struct option *options;
	bool configured;       /* takes -c and the flags that set keys */
};

/* One run of a verb: what was on the command line. */
struct cli {
	const struct command *command;
	const char *arguments[64];
	size_t argument_count;
	char *const *rest;     /* of verbs with one: NULL behind the last; NULL: there is none */
	struct {
		const struct option *option;
		const char *value;
	} given[64];
	size_t given_count;
	struct mist_reporter reporter;
};

/* The value of an option, "" for one without; NULL: not given. The last one counts. */
const char *cli_option(const struct cli *cli, const char *name);

/* Loads the configuration that the command line asks for. MIST_OK, or an error that was
 * reported. */
int cli_config(const struct cli *cli, struct config **config);

/* Reports an error of the library, when it has not been reported by itself, and gives the exit
 * code. */
int cli_exit(int error);
int cli_fail(const struct cli *cli, int error, const char *what);

/* Prints to stderr as one line, by one write, with its level in front: "error: mist.yaml:3: ...".
 * For systemd's journal (JOURNAL_STREAM) the level becomes "<3>". */
void cli_report(void *user, enum mist_level level, const char *file, unsigned line,
                const char *text);
void cli_say(const struct cli *cli, enum mist_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void cli_verbose(void); /* debug messages as well */
void cli_quiet(void);   /* no information, unless verbose */

/* Connects to the running server: at --socket, else where the configuration says. MIST_OK, or an error
 * that was reported. */
struct client;
int cli_client(const struct cli *cli, struct client **client);

/* Flushes stdout; a full disk or closed pipe is an error and not a success. */
int cli_finish(const struct cli *cli);

int serve_run(struct cli *cli);
int check_run(struct cli *cli);
int dump_run(struct cli *cli);
int query_run(struct cli *cli);
int anchor_run(struct cli *cli);
int why_run(struct cli *cli);
int reload_run(struct cli *cli);
int stats_run(struct cli *cli);
int register_run(struct cli *cli);
int deregister_run(struct cli *cli);
int zone_run(struct cli *cli);
int integrate_run(struct cli *cli);
int run_run(struct cli *cli);

extern const struct command commands[]; /* name NULL ends it */
extern const struct option cli_config_options[];

#endif
