/*
 * `mist check`: everything `mist serve` would read, without a trace.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "control/setup.h"

int check_run(struct cli *cli)
{
	struct config *config;
	struct mist_content *content = NULL;
	int error = cli_config(cli, &config);
	if (error)
		return cli_exit(error);
	error = setup_content(config, SETUP_READ_ONLY, &cli->reporter, &content);
	size_t zones = config->zones.count;
	size_t rules = config->forward.allow.count + config->forward.deny.count;
	if (!error)
		printf("ok: %zu zone%s, %zu rule%s\n", zones, zones == 1 ? "" : "s", rules,
		       rules == 1 ? "" : "s");
	else
		cli_say(cli, MIST_LEVEL_ERROR, "not ok: %s", mist_strerror(error));
	mist_content_free(content);
	config_free(config);
	return error ? cli_exit(error) : cli_finish(cli);
}
