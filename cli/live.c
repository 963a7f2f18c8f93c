/*
 * `mist reload` and `mist stats`: short words with a running server.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "control/client.h"

/* One request that takes nothing, and its reply. */
static int ask(const struct cli *cli, const char *verb, json_t **reply)
{
	struct client *client = NULL;
	int error = cli_client(cli, &client);
	if (!error)
		error = client_call(client, json_pack("{s:s}", "verb", verb), NULL, NULL, reply);
	client_close(client);
	return error;
}

int reload_run(struct cli *cli)
{
	return cli_exit(ask(cli, "reload", NULL));
}

/* "udp_queries 5", those inside as "rcode.nxdomain 2". */
static void print_values(const char *prefix, const json_t *object)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, name, value) {
		if (json_is_string(value))
			printf("%s%s %s\n", prefix, name, json_string_value(value));
		else if (json_is_object(value))
			print_values("rcode.", value);
		else
			printf("%s%s %" JSON_INTEGER_FORMAT "\n", prefix, name, json_integer_value(value));
	}
}

int stats_run(struct cli *cli)
{
	json_t *reply = NULL;
	int error = ask(cli, "stats", &reply);
	if (error)
		return cli_exit(error);
	json_object_del(reply, "ok");
	if (cli_option(cli, "json")) {
		json_dumpf(reply, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print_values("", json_object_get(reply, "server"));
		print_values("", json_object_get(reply, "counters"));
	}
	json_decref(reply);
	return cli_finish(cli);
}
