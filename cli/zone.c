/*
 * `mist zone list|show|export|diff|edit`: the zones of a running server.
 */
#define _GNU_SOURCE /* asprintf, mkostemp */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/lines.h"
#include "control/client.h"
#include "control/setup.h"
#include "control/zonefile.h"

/* ---- list, show, export ---------------------------------------------------------------------- */

static void print_time(const char *what, const json_t *time)
{
	const time_t seconds = (time_t)json_integer_value(time);
	char text[32];
	struct tm utc;
	if (seconds && gmtime_r(&seconds, &utc) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc))
		printf(" %s %s", what, text);
}

/* How a zone that is transferred is doing; NULL: it is none. */
static void print_secondary(const json_t *secondary, const json_t *zone)
{
	const char *primary = json_string_value(json_object_get(secondary, "primary"));
	const char *error = json_string_value(json_object_get(secondary, "error"));
	const char *member_of = json_string_value(json_object_get(zone, "member_of"));
	const json_int_t serial = json_integer_value(json_object_get(secondary, "serial"));
	if (!secondary)
		return;
	fputs(json_object_get(zone, "catalog") ? " catalog" : " secondary", stdout);
	if (primary && *primary)
		printf(" of %s", primary);
	if (serial)
		printf(" serial %" JSON_INTEGER_FORMAT, serial);
	print_time("checked", json_object_get(secondary, "checked"));
	print_time("next", json_object_get(secondary, "next"));
	print_time("expires", json_object_get(secondary, "expires"));
	if (member_of)
		printf(" member of %s", member_of);
	if (error && *error)
		printf("; %s", error);
}

static int print_zones(struct cli *cli, struct client *client)
{
	json_t *reply = NULL, *zone;
	size_t i;
	int error = client_call(client, json_pack("{s:s}", "verb", "zones"), NULL, NULL, &reply);
	if (error)
		return cli_exit(error);
	json_array_foreach(json_object_get(reply, "zones"), i, zone) {
		printf("%s %s ", json_string_value(json_object_get(zone, "name")),
		       json_string_value(json_object_get(zone, "dnssec")));
		if (json_object_get(zone, "failed"))
			printf("failed");
		else
			printf("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(zone, "serial")));
		print_secondary(json_object_get(zone, "secondary"), zone);
		putchar('\n');
	}
	json_decref(reply);
	return cli_finish(cli);
}

/* What to do with each record of a zone as a line. */
struct reading {
	int (*line)(void *user, const char *line);
	void *user;
};

static int read_part(void *user, const json_t *part)
{
	const struct reading *reading = user;
	json_t *record;
	size_t i;
	int error = MIST_OK;
	json_array_foreach(json_object_get(part, "records"), i, record)
		if (!error && json_is_string(record))
			error = reading->line(reading->user, json_string_value(record));
	return error;
}

static int read_zone(struct client *client, const char *zone, bool data, struct reading reading)
{
	json_t *request = json_pack("{s:s,s:s,s:b}", "verb", "walk", "zone", zone, "data", (int)data);
	return client_call(client, request, read_part, &reading, NULL);
}

static int print_line(void *user, const char *line)
{
	(void)user;
	return puts(line) < 0 ? MIST_EFILE : MIST_OK;
}

static int print_zone(struct cli *cli, struct client *client, bool data)
{
	struct reading reading = { print_line, NULL };
	int error = read_zone(client, cli->arguments[1], data, reading);
	return error && error != MIST_EFILE ? cli_exit(error) : cli_finish(cli);
}

static int keep_line(void *user, const char *line)
{
	return lines_add(user, strdup(line));
}

static int keep_served(struct client *client, const char *zone, struct lines *lines)
{
	return read_zone(client, zone, true, (struct reading){ keep_line, lines });
}

/* ---- diff ------------------------------------------------------------------------------------ */

static void report_errors(void *user, enum mist_level level, const char *file, unsigned line,
                          const char *text)
{
	if (level == MIST_LEVEL_ERROR)
		cli_report(user, level, file, line, text);
}

/* The zone as the configuration and its file say, unsigned. */
static int keep_configured(const struct cli *cli, const char *name, struct lines *lines)
{
	struct config *config = NULL;
	struct mist_content *content = NULL;
	const struct mist_reporter reporter = { report_errors, NULL };
	int error = cli_config(cli, &config);
	if (error)
		return error;
	/* Signatures are not compared, and take their time. */
	struct config_zone *zones = config->zones.items;
	for (size_t i = 0; i < config->zones.count; i++)
		if (zones[i].dnssec == MIST_DNSSEC_SIGN)
			zones[i].dnssec = zones[i].primary.count ? MIST_DNSSEC_PRESIGNED : MIST_DNSSEC_OFF;
	error = setup_content(config, SETUP_READ_ONLY, &reporter, &content);
	if (!error || error == MIST_EZONE || error == MIST_EKEY)
		error = mist_content_walk(content, name, MIST_WALK_DATA, lines_record, lines);
	mist_content_free(content);
	config_free(config);
	return error;
}

/* Whether a name as somebody wrote it is the one that the server tells. */
static bool is_named(const char *told, const char *written)
{
	uint8_t wire[MIST_NAME_SIZE];
	char text[MIST_NAME_TEXT_SIZE];
	const int len = mist_name_from_text(written, wire);
	return told && len > 0 && mist_name_to_text(wire, (size_t)len, text) > 0 && strcasecmp(text, told) == 0;
}

/* What TTLs of the zone are cut to; UINT32_MAX: they are not. */
static int find_ttl_max(struct client *client, const char *name, uint32_t *ttl_max)
{
	json_t *reply = NULL, *zone;
	size_t i;
	int error = client_call(client, json_pack("{s:s}", "verb", "zones"), NULL, NULL, &reply);
	*ttl_max = UINT32_MAX;
	json_array_foreach(json_object_get(reply, "zones"), i, zone) {
		const json_t *most = json_object_get(zone, "ttl_max");
		if (most && is_named(json_string_value(json_object_get(zone, "name")), name))
			*ttl_max = (uint32_t)json_integer_value(most);
	}
	json_decref(reply);
	return error;
}

static int print_difference(void *user, bool added, const char *line)
{
	(void)user;
	return printf("%c%s\n", added ? '+' : '-', line) < 0 ? MIST_EFILE : MIST_OK;
}

static int diff(struct cli *cli, struct client *client)
{
	struct lines configured = { 0 }, served = { 0 };
	uint32_t ttl_max;
	int error = keep_served(client, cli->arguments[1], &served);
	if (!error)
		error = find_ttl_max(client, cli->arguments[1], &ttl_max);
	int code = cli_exit(error);
	if (!error) {
		error = keep_configured(cli, cli->arguments[1], &configured);
		code = error ? cli_fail(cli, error, cli->arguments[1]) : EXIT_DONE;
	}
	if (!error) {
		lines_cut_ttls(&configured, ttl_max);
		lines_cut_ttls(&served, ttl_max); /* of what is not signed, glue, TTLs are as they were filed */
		lines_differ(&configured, &served, false, print_difference, NULL);
		code = cli_finish(cli);
	}
	lines_free(&configured);
	lines_free(&served);
	return code;
}

/* ---- edit ------------------------------------------------------------------------------------ */

static int operate(struct client *client, const char *verb, const char *zone, const char *text)
{
	return client_send(client, json_pack("{s:s,s:s,s:s}", "verb", verb, "zone", zone, "text", text));
}

/* All or nothing, and what came of it; `error` is what came of the operations. Where the server has gone, nothing
 * has said so yet. */
static int commit(struct cli *cli, struct client *client, int error)
{
	json_t *reply = NULL, *zone;
	size_t i;
	if (error && error != MIST_ENETWORK)
		return error;
	error = client_call(client, json_pack("{s:s}", "verb", "edit.commit"), NULL, NULL, &reply);
	if (error)
		return error;
	const json_t *zones = json_object_get(reply, "zones");
	if (json_array_size(zones) == 0)
		cli_say(cli, MIST_LEVEL_INFO, "nothing changed");
	json_array_foreach(zones, i, zone)
		cli_say(cli, MIST_LEVEL_INFO, "%s has serial %" JSON_INTEGER_FORMAT,
		        json_string_value(json_object_get(zone, "name")),
		        json_integer_value(json_object_get(zone, "serial")));
	json_decref(reply);
	return MIST_OK;
}

/* --add and --remove, in the order they stand in. */
static int operate_options(struct cli *cli, struct client *client, const char *zone, size_t *count)
{
	int error = MIST_OK;
	for (size_t i = 0; i < cli->given_count && !error; i++) {
		const char *name = cli->given[i].option->name;
		bool add = strcmp(name, "add") == 0;
		if (!add && strcmp(name, "remove") != 0)
			continue;
		error = operate(client, add ? "edit.add" : "edit.remove", zone, cli->given[i].value);
		if (error == MIST_EINVAL)
			cli_say(cli, MIST_LEVEL_ERROR, "operation %zu, --%s: nothing was changed", *count + 1, name);
		++*count;
	}
	return error;
}

/* "add www A 127.0.0.1", "remove www". */
static int operate_input(struct cli *cli, struct client *client, const char *zone)
{
	char *line = NULL;
	size_t size = 0;
	int error = MIST_OK;
	for (unsigned number = 1; !error && getline(&line, &size, stdin) > 0; number++) {
		size_t word = strcspn(line, " \t\n"), gap = strspn(line + word, " \t");
		char *text = line + word + gap;
		text[strcspn(text, "\n")] = '\0';
		if (word == 0 || line[0] == '#' || line[0] == ';')
			continue;
		bool add = word == 3 && strncmp(line, "add", 3) == 0;
		bool taken = word == 6 && strncmp(line, "remove", 6) == 0;
		error = (add || taken) && *text ? operate(client, add ? "edit.add" : "edit.remove", zone, text)
		                                : MIST_EINVAL;
		if (error == MIST_EINVAL)
			cli_say(cli, MIST_LEVEL_ERROR, "line %u: nothing was changed; write `add RECORD` or "
			        "`remove NAME [TYPE [DATA]]`", number);
	}
	free(line);
	return error;
}

struct edited {
	struct client *client;
	const char *zone;
	struct lines added, removed;
};

static int sort_difference(void *user, bool added, const char *line)
{
	struct edited *edited = user;
	return lines_add(added ? &edited->added : &edited->removed, strdup(line));
}

/* Of a record with another TTL, and of the SOA, only the new one is told: it takes the old one's place. */
static bool is_replaced(const struct edited *edited, const char *removed)
{
	if (lines_is_soa(removed))
		return true;
	for (size_t i = 0; i < edited->added.count; i++)
		if (lines_same_record(edited->added.items[i], removed))
			return true;
	return false;
}

/* First what goes: a line that differs in case alone is the same record to the server, and is to stay. */
static int operate_differences(struct edited *edited)
{
	int error = MIST_OK;
	for (size_t i = 0; i < edited->removed.count && !error; i++)
		if (!is_replaced(edited, edited->removed.items[i]))
			error = operate(edited->client, "edit.remove", edited->zone, edited->removed.items[i]);
	for (size_t i = 0; i < edited->added.count && !error; i++)
		error = operate(edited->client, "edit.add", edited->zone, edited->added.items[i]);
	return error;
}

static int write_lines(FILE *file, const struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		if (fprintf(file, "%s\n", lines->items[i]) < 0)
			return MIST_EFILE;
	return fflush(file) ? MIST_EFILE : MIST_OK;
}

/* The user's editor on the file: a line for the shell, as crontab(1) and git(1) have it. */
static int run_editor(const struct cli *cli, const char *path)
{
	const char *editor = getenv("VISUAL");
	char *command;
	if (!editor || !*editor)
		editor = getenv("EDITOR");
	if (asprintf(&command, "%s '%s'", editor && *editor ? editor : "vi", path) < 0)
		return MIST_ENOMEM;
	int status = system(command);
	free(command);
	if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return MIST_OK;
	cli_say(cli, MIST_LEVEL_ERROR, "the editor failed, so nothing was changed; $EDITOR says which one");
	return MIST_EINVAL;
}

static int keep_filed(void *user, const char *file, const struct mist_record *record)
{
	(void)file;
	return lines_record(user, record);
}

static int edit_file(struct cli *cli, struct client *client, const char *zone, const char *path,
                     struct lines *before)
{
	struct lines after = { 0 };
	struct edited edited = { .client = client, .zone = zone };
	int error = run_editor(cli, path);
	if (!error)
		error = zonefile_read(path, zone, keep_filed, &after, &cli->reporter);
	if (!error)
		error = lines_differ(before, &after, true, sort_difference, &edited);
	if (!error)
		error = operate_differences(&edited);
	error = commit(cli, client, error);
	lines_free(&after);
	lines_free(&edited.added);
	lines_free(&edited.removed);
	return error;
}

static int edit_with_editor(struct cli *cli, struct client *client, const char *zone)
{
	const char *directory = getenv("TMPDIR");
	struct lines before = { 0 };
	char *path = NULL;
	int error = keep_served(client, zone, &before);
	if (!error && asprintf(&path, "%s/mist-zone-XXXXXX", directory && *directory ? directory : "/tmp") < 0)
		error = MIST_ENOMEM;
	int number = error ? -1 : mkostemp(path, O_CLOEXEC); /* mode 0600 */
	FILE *file = number < 0 ? NULL : fdopen(number, "w");
	if (!error && (!file || write_lines(file, &before))) {
		cli_say(cli, MIST_LEVEL_ERROR, "cannot write %s: %s", path, strerror(errno));
		error = MIST_EFILE;
	}
	if (file)
		fclose(file);
	if (!error) {
		error = edit_file(cli, client, zone, path, &before);
		if (error)
			cli_say(cli, MIST_LEVEL_INFO, "what you wrote is kept in %s", path);
		else
			unlink(path);
	}
	lines_free(&before);
	free(path);
	return cli_exit(error);
}

static int edit(struct cli *cli, struct client *client)
{
	const char *zone = cli->arguments[1];
	bool input = cli->argument_count > 2 && strcmp(cli->arguments[2], "-") == 0;
	size_t count = 0;
	int error = operate_options(cli, client, zone, &count);
	if (!input && !count)
		return edit_with_editor(cli, client, zone);
	if (!error && input)
		error = operate_input(cli, client, zone);
	return cli_exit(commit(cli, client, error));
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int wrong_use(const struct cli *cli)
{
	cli_say(cli, MIST_LEVEL_ERROR, "write `mist zone list`, `show ZONE`, `export ZONE`, `diff ZONE` or "
	        "`edit ZONE`; see `mist zone --help`");
	return EXIT_CONFIGURATION;
}

int zone_run(struct cli *cli)
{
	const char *what = cli->arguments[0];
	bool list = strcmp(what, "list") == 0, is_edit = strcmp(what, "edit") == 0;
	bool show = strcmp(what, "show") == 0, export = strcmp(what, "export") == 0;
	bool is_diff = strcmp(what, "diff") == 0;
	bool good = list ? cli->argument_count == 1
	          : is_edit ? cli->argument_count == 2 ||
	                      (cli->argument_count == 3 && strcmp(cli->arguments[2], "-") == 0)
	          : (show || export || is_diff) && cli->argument_count == 2;
	struct client *client;
	if (!good)
		return wrong_use(cli);
	int error = cli_client(cli, &client);
	if (error)
		return cli_exit(error);
	int code = list ? print_zones(cli, client)
	         : is_edit ? edit(cli, client)
	         : is_diff ? diff(cli, client) : print_zone(cli, client, export);
	client_close(client);
	return code;
}
