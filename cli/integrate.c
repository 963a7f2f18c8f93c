/*
 * `mist integrate FORM`: what other resolvers are told, so that they ask us for our zones.
 */
#include "control/integrate.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "control/units.h"

static const struct integrate_form *form_find(const struct cli *cli, const char *name)
{
	const char *nearest = NULL;
	char list[200] = "";
	uint32_t best = UINT32_MAX, distance;
	for (const struct integrate_form *form = integrate_forms; form->name; form++) {
		if (strcmp(form->name, name) == 0)
			return form;
		if (units_near(name, form->name, &distance) && distance < best) {
			best = distance;
			nearest = form->name;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", *list ? ", " : "", form->name);
	}
	cli_say(cli, MIST_LEVEL_ERROR, "\"%s\" is nothing that can be told of us%s%s; there are: %s", name,
	        nearest ? "; did you mean " : "", nearest ? nearest : "", list);
	return NULL;
}

static bool endpoint_option(const struct cli *cli, struct integrate_endpoint *at)
{
	const char *text = cli_option(cli, "at");
	if (!text || address_split(text, at->address, &at->port))
		return true;
	cli_say(cli, MIST_LEVEL_ERROR, "--at %s is not ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT", text);
	return false;
}

/* Whether a server answers where the configuration says. */
static bool is_live(const struct config *config)
{
	struct client *probe = NULL;
	bool live = config->control.socket && client_open(&probe, config->control.socket, NULL) == MIST_OK;
	client_close(probe);
	return live;
}

static int ask_server(const struct cli *cli, struct served *served)
{
	struct client *client = NULL;
	int error = cli_client(cli, &client);
	if (!error)
		error = served_by_server(served, client, &cli->reporter);
	client_close(client);
	return error;
}

/* The running server knows best: its port, and keys that are nowhere else. */
static int served_find(const struct cli *cli, struct served *served)
{
	struct config *config = NULL;
	if (cli_option(cli, "socket"))
		return ask_server(cli, served);
	int error = cli_config(cli, &config);
	if (error)
		return error;
	if (is_live(config)) {
		error = ask_server(cli, served);
	} else {
		cli_say(cli, MIST_LEVEL_INFO, "no server answers at %s: this is what the configuration says",
		        config->control.socket ? config->control.socket : "a control socket");
		error = served_by_config(served, config, &cli->reporter);
	}
	config_free(config);
	return error;
}

static int print(const struct cli *cli, const struct integration *integration, const struct integrate_form *form)
{
	for (const struct install_file *file = integration->files.first; file; file = file->next)
		printf("%s%s", file->text, file->next ? "\n" : "");
	if (form->then)
		cli_say(cli, MIST_LEVEL_INFO, "`mist integrate %s --apply` puts it in place; then: %s", form->name, form->then);
	return cli_finish(cli);
}

static int make(const struct cli *cli, const struct integrate_form *form, const char *root)
{
	struct served served = { .port = 0 };
	struct integration integration = { .served = &served, .reporter = &cli->reporter };
	if (!endpoint_option(cli, &integration.at))
		return EXIT_CONFIGURATION;
	int error = served_find(cli, &served), code = 0;
	if (!error)
		error = integrate_write(&integration, form);
	if (!error && cli_option(cli, "apply"))
		error = integrate_apply(&integration, form, root);
	else if (!error)
		code = print(cli, &integration, form);
	integration_free(&integration);
	served_free(&served);
	return error ? cli_exit(error) : code;
}

int integrate_run(struct cli *cli)
{
	const struct integrate_form *form = form_find(cli, cli->arguments[0]);
	const char *root = cli_option(cli, "root");
	bool apply = cli_option(cli, "apply") != NULL, undo = cli_option(cli, "undo") != NULL;
	if (!form)
		return EXIT_CONFIGURATION;
	if (apply && undo) {
		cli_say(cli, MIST_LEVEL_ERROR, "--apply and --undo are opposites");
		return EXIT_CONFIGURATION;
	}
	if ((apply || undo) && form->elsewhere) {
		cli_say(cli, MIST_LEVEL_ERROR, "what is told to %s is not a file of this machine that could be ours; take what "
		        "`mist integrate %s` prints there", form->name, form->name);
		return EXIT_CONFIGURATION;
	}
	return undo ? cli_exit(integrate_undo(form, root, &cli->reporter)) : make(cli, form, root);
}
