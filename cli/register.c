/*
 * `mist register` and `mist deregister`: names that come and go with their owners.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "control/client.h"
#include "control/units.h"

/* An option with a number, in its unit; false: reported. */
static bool number_option(const struct cli *cli, const char *name, bool duration, json_t *request,
                          const char *member)
{
	const char *text = cli_option(cli, name);
	uint64_t number = 0;
	if (!text)
		return true;
	if (!(duration ? units_duration(text, &number) : units_number(text, &number)) || number > UINT32_MAX) {
		cli_say(cli, MIST_LEVEL_ERROR, "--%s: \"%s\" is not %s", name, text,
		        duration ? "a duration such as 30s" : "a number");
		return false;
	}
	json_object_set_new(request, member, json_integer((json_int_t)number));
	return true;
}

static const char *owner_option(const struct cli *cli)
{
	const char *owner = cli_option(cli, "owner");
	if (!owner)
		cli_say(cli, MIST_LEVEL_ERROR, "mist %s needs --owner OWNER: who the name belongs to; see `mist %s "
		        "--help`", cli->command->name, cli->command->name);
	return owner;
}

/* Sends the request (takes it; NULL is reported); with `hold` the connection stays until the server ends it. */
static int ask(const struct cli *cli, json_t *request, bool hold)
{
	struct client *client = NULL;
	int error = cli_client(cli, &client);
	if (error)
		json_decref(request);
	else
		error = client_call(client, request, NULL, NULL, NULL);
	if (!error && hold) {
		printf("held\n");
		fflush(stdout);
		client_wait(client);
		cli_say(cli, MIST_LEVEL_ERROR, "the server went away, and the name with it");
		error = MIST_ENETWORK;
	}
	client_close(client);
	return cli_exit(error);
}

int register_run(struct cli *cli)
{
	const char *owner = owner_option(cli);
	bool hold = cli_option(cli, "hold") != NULL;
	if (!owner)
		return EXIT_CONFIGURATION;
	json_t *request = json_pack("{s:s,s:s,s:s,s:[],s:b}", "verb", "register", "name", cli->arguments[0],
	                            "owner", owner, "addresses", "hold", (int)hold);
	json_t *addresses = json_object_get(request, "addresses");
	for (size_t i = 1; request && i < cli->argument_count; i++)
		if (json_array_append_new(addresses, json_string(cli->arguments[i]))) {
			json_decref(request);
			request = NULL;
		}
	if (!number_option(cli, "tier", false, request, "tier") ||
	    !number_option(cli, "lease", true, request, "lease_ms")) {
		json_decref(request);
		return EXIT_CONFIGURATION;
	}
	return ask(cli, request, hold);
}

int deregister_run(struct cli *cli)
{
	const char *owner = owner_option(cli);
	if (!owner)
		return EXIT_CONFIGURATION;
	json_t *request = json_pack("{s:s,s:s}", "verb", "deregister", "owner", owner);
	/* Without its name the request would be about all that the owner has. */
	if (request && cli->argument_count && json_object_set_new(request, "name", json_string(cli->arguments[0]))) {
		json_decref(request);
		request = NULL;
	}
	return ask(cli, request, false);
}
