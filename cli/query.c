/*
 * `mist query NAME [TYPE]`: one question to a server on loopback.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "control/address.h"
#include "control/message.h"
#include "control/rdata.h"

enum { RESPONSE_SIZE = 65535 };

/* Where to ask: --server, else where the configuration listens. */
static int server_find(const struct cli *cli, char address[ADDRESS_TEXT_SIZE], uint16_t *port)
{
	const char *server = cli_option(cli, "server");
	struct config *config;
	*port = CONFIG_PORT_DEFAULT;
	if (server) {
		if (address_split(server, address, port))
			return MIST_OK;
		cli_say(cli, MIST_LEVEL_ERROR, "--server %s is not ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT",
		        server);
		return MIST_EINVAL;
	}
	int error = cli_config(cli, &config);
	if (error)
		return error;
	const struct schema_list *list = &config->listen.address;
	snprintf(address, ADDRESS_TEXT_SIZE, "%s", list->count ? list->items[0] : "127.0.0.1");
	*port = (uint16_t)config->listen.port;
	config_free(config);
	if (*port)
		return MIST_OK;
	cli_say(cli, MIST_LEVEL_ERROR,
	        "`listen.port` is 0, so the port is not known here; say --server "
	        "%s:PORT with the port of the ready line",
	        address);
	return MIST_EINVAL;
}

static int ask(struct cli *cli, const char *address, uint16_t port, const uint8_t *query,
               size_t len)
{
	struct mist_resolver *resolver;
	struct mist_resolver_options options = { .size = sizeof(options),
	                                         .address = address,
	                                         .port = port };
	size_t response_len = RESPONSE_SIZE;
	uint8_t *response = malloc(RESPONSE_SIZE);
	char where[ADDRESS_TEXT_SIZE + 16];
	snprintf(where, sizeof(where), strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, port);
	if (!response)
		return cli_fail(cli, MIST_ENOMEM, "query");
	int error = mist_resolver_open(&resolver, &options);
	if (!error) {
		error = mist_resolver_message(resolver, cli_option(cli, "tcp") != NULL, query, len,
		                              response, &response_len);
		mist_resolver_close(resolver);
	}
	int code = EXIT_DONE;
	if (error == MIST_ETIMEOUT || error == MIST_ENETWORK) {
		cli_say(cli, MIST_LEVEL_ERROR, "no answer from %s; is `mist serve` running there?", where);
		code = cli_exit(error);
	} else if (error)
		code = cli_fail(cli, error, where);
	else if (!message_print(stdout, response, response_len, cli_option(cli, "short") != NULL))
		code = cli_fail(cli, MIST_EMISMATCH, where);
	else if (!cli_option(cli, "short"))
		printf("\n;; %zu octets from %s%s\n", response_len, where,
	           cli_option(cli, "tcp") ? " (tcp)" : "");
	free(response);
	return code ? code : cli_finish(cli);
}

int query_run(struct cli *cli)
{
	char address[ADDRESS_TEXT_SIZE];
	uint8_t query[MESSAGE_QUERY_SIZE];
	uint16_t port, type = cli->argument_count > 1 ? rdata_type(cli->arguments[1]) : 1;
	if (!type) {
		cli_say(cli, MIST_LEVEL_ERROR, "\"%s\" is not a record type", cli->arguments[1]);
		return EXIT_CONFIGURATION;
	}
	size_t len = message_query(cli->arguments[0], type, cli_option(cli, "dnssec") != NULL, query);
	if (len == 0)
		return cli_fail(cli, MIST_ENAME, cli->arguments[0]);
	int error = server_find(cli, address, &port);
	return error ? cli_exit(error) : ask(cli, address, port, query, len);
}
