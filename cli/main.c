/*
 * mist: the program. Finds the verb, reads its options, runs it.
 */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "control/units.h"

static void print_options(const struct option *options)
{
	for (; options && options->name; options++) {
		char left[48], letter[4] = "  ";
		if (options->letter)
			snprintf(letter, sizeof(letter), "-%c", options->letter);
		snprintf(left, sizeof(left), "%s%s --%s%s%s", letter, options->letter ? "," : " ",
		         options->name, options->value ? " " : "", options->value ? options->value : "");
		printf("  %-28s %s\n", left, options->help);
	}
}

static int print_command_help(const struct command *command)
{
	printf("usage: mist %s [options]%s%s\n\n%s\n", command->name, *command->arguments ? " " : "",
	       command->arguments, command->help);
	printf("Options:\n");
	print_options(command->options);
	print_options(cli_config_options);
	return EXIT_DONE;
}

static int print_help(void)
{
	printf("mist isolates names: zones of your own are answered here, signed; a short list\n"
	       "of outside names is forwarded; everything else is refused, and not a packet of\n"
	       "it leaves.\n\n"
	       "usage: mist VERB [options] [arguments]\n\n");
	for (const struct command *command = commands; command->name; command++)
		printf("  %-14s %s\n", command->name, command->summary);
	printf("\n"
	       "  mist VERB --help    how to use a verb, with examples\n"
	       "  mist --version      versions of mist, its engines and libraries\n"
	       "\n"
	       "First steps:\n"
	       "  mist serve &\n"
	       "  mist query anything.editor.land\n"
	       "  mist why example.com\n"
	       "\n"
	       "Settings come from %s (see mist.conf(5)), from variables such as\n"
	       "MIST_LISTEN_PORT, and from options, the later ones over the earlier.\n"
	       "Exit codes: 1 configuration, 2 network, 3 file system, 4 memory, 5 other.\n",
	       CONFIG_FILE_DEFAULT);
	return EXIT_DONE;
}

static int print_version(void)
{
	printf("mist %s\n%s\n", mist_version(), mist_version_libraries());
	return EXIT_DONE;
}

/* ---- the command line ------------------------------------------------------------------------ */

static const struct option *option_find(const struct option *options, const char *name, size_t len,
                                        char letter)
{
	for (; options && options->name; options++)
		if (letter ? options->letter == letter
		           : strlen(options->name) == len && strncmp(options->name, name, len) == 0)
			return options;
	return NULL;
}

static void nearest_option(const struct option *options, const char *name, const char **nearest,
                           uint32_t *best)
{
	uint32_t distance;
	for (; options && options->name; options++)
		if (units_near(name, options->name, &distance) && distance < *best) {
			*best = distance;
			*nearest = options->name;
		}
}

static int unknown_option(const struct cli *cli, const char *text)
{
	const char *nearest = NULL;
	uint32_t best = UINT32_MAX;
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text + strspn(text, "-"), "="),
	         text + strspn(text, "-"));
	nearest_option(cli->command->options, name, &nearest, &best);
	nearest_option(cli_config_options, name, &nearest, &best);
	cli_say(cli, MIST_LEVEL_ERROR, "mist %s has no option %s%s%s; see `mist %s --help`",
	        cli->command->name, text, nearest ? "; did you mean --" : "", nearest ? nearest : "",
	        cli->command->name);
	return EXIT_CONFIGURATION;
}

/* Takes the option at arguments[*i], and the value that follows. */
static int take_option(struct cli *cli, char **arguments, int count, int *i)
{
	const char *text = arguments[*i], *value = NULL;
	bool is_long = text[1] == '-';
	size_t len = is_long ? strcspn(text + 2, "=") : 1;
	const struct option *option =
		option_find(cli->command->options, text + 2, len, is_long ? '\0' : text[1]);
	if (!option)
		option = option_find(cli_config_options, text + 2, len, is_long ? '\0' : text[1]);
	if (!option)
		return unknown_option(cli, text);
	if (is_long && text[2 + len] == '=')
		value = text + 3 + len;
	else if (!is_long && text[2])
		value = text + 2;
	if (!option->value && value) {
		cli_say(cli, MIST_LEVEL_ERROR, "--%s takes no value", option->name);
		return EXIT_CONFIGURATION;
	}
	if (option->value && !value) {
		if (*i + 1 >= count) {
			cli_say(cli, MIST_LEVEL_ERROR, "--%s needs a value: --%s %s", option->name,
			        option->name, option->value);
			return EXIT_CONFIGURATION;
		}
		value = arguments[++*i];
	}
	if (cli->given_count == sizeof(cli->given) / sizeof(cli->given[0])) {
		cli_say(cli, MIST_LEVEL_ERROR, "too many options; use a configuration file");
		return EXIT_CONFIGURATION;
	}
	cli->given[cli->given_count].option = option;
	cli->given[cli->given_count++].value = value ? value : "";
	return EXIT_DONE;
}

static int take_arguments(struct cli *cli, char **arguments, int count)
{
	const struct command *command = cli->command;
	bool only_arguments = false;
	for (int i = 0; i < count; i++) {
		const char *text = arguments[i];
		if (!only_arguments && strcmp(text, "--") == 0) {
			only_arguments = true;
		} else if (!only_arguments && text[0] == '-' && text[1]) {
			int code = take_option(cli, arguments, count, &i);
			if (code)
				return code;
		} else if (command->arguments_max == ARGUMENTS_REST) {
			cli->rest = arguments + i;
			break;
		} else if (cli->argument_count == command->arguments_max) {
			cli_say(cli, MIST_LEVEL_ERROR, "mist %s takes %s%s; \"%s\" is too much", command->name,
			        *command->arguments ? command->arguments : "no arguments", "", text);
			return EXIT_CONFIGURATION;
		} else {
			cli->arguments[cli->argument_count++] = text;
		}
	}
	if (!cli_option(cli, "help") && cli->argument_count < command->arguments_min) {
		cli_say(cli, MIST_LEVEL_ERROR, "mist %s needs %s; see `mist %s --help`", command->name,
		        command->arguments, command->name);
		return EXIT_CONFIGURATION;
	}
	return EXIT_DONE;
}

static int unknown_verb(const struct cli *cli, const char *name)
{
	const char *nearest = NULL;
	uint32_t best = UINT32_MAX, distance;
	for (const struct command *command = commands; command->name; command++)
		if (units_near(name, command->name, &distance) && distance < best) {
			best = distance;
			nearest = command->name;
		}
	cli_say(cli, MIST_LEVEL_ERROR, "\"%s\" is not a verb of mist%s%s; see `mist --help`", name,
	        nearest ? "; did you mean " : "", nearest ? nearest : "");
	return EXIT_CONFIGURATION;
}

static const struct command *command_find(const char *name)
{
	for (const struct command *command = commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

/* A program may be started with 0, 1 or 2 closed. The next socket would take the number, and what is
 * printed would go to it. */
static bool fill_standard_files(void)
{
	int file;
	do
		file = open("/dev/null", O_RDWR); /* not CLOEXEC: they are for children too */
	while (file >= 0 && file <= STDERR_FILENO);
	if (file >= 0)
		close(file);
	return file >= 0;
}

int main(int count, char **arguments)
{
	struct cli cli = { .reporter = { cli_report, NULL } };
	const char *verb = count > 1 ? arguments[1] : NULL;
	if (!fill_standard_files())
		return EXIT_OTHER;
#ifdef __GLIBC__
	/* ldns takes and gives back a quarter of a MiB for each record; it need not go to the kernel
	 * and come again each time. */
	mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
	/* A reader of stdout that went away is an error of a write, not a reason to die. */
	signal(SIGPIPE, SIG_IGN);
	if (!verb) {
		print_help();
		return EXIT_CONFIGURATION;
	}
	if (strcmp(verb, "help") == 0 && count > 2 && command_find(arguments[2]))
		return print_command_help(command_find(arguments[2]));
	if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0 || strcmp(verb, "help") == 0)
		return print_help();
	if (strcmp(verb, "--version") == 0 || strcmp(verb, "-V") == 0)
		return print_version();
	cli.command = command_find(verb);
	if (!cli.command)
		return unknown_verb(&cli, verb);
	int code = take_arguments(&cli, arguments + 2, count - 2);
	if (code)
		return cli.command->arguments_max == ARGUMENTS_REST ? EXIT_LAUNCH : code;
	if (cli_option(&cli, "help"))
		return print_command_help(cli.command);
	if (cli_option(&cli, "verbose"))
		cli_verbose();
	return cli.command->run(&cli);
}
