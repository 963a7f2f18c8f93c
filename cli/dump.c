/*
 * `mist dump ZONE`: the zone as a master file.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "control/setup.h"
#include "control/text.h"

static int print_record(void *user, const struct mist_record *record)
{
	(void)user;
	char *line = text_record(record);
	if (!line)
		return MIST_ENOMEM;
	puts(line);
	free(line);
	return ferror(stdout) ? MIST_EFILE : MIST_OK;
}

int dump_run(struct cli *cli)
{
	struct config *config;
	struct mist_content *content = NULL;
	const char *zone = cli->arguments[0];
	int error = cli_config(cli, &config);
	if (error)
		return cli_exit(error);
	error = setup_content(config, SETUP_READ_ONLY, &cli->reporter, &content);
	/* That another zone has failed is no reason to withhold this one. */
	if (!error || error == MIST_EZONE || error == MIST_EKEY)
		error = mist_content_walk(content, zone, MIST_WALK_SERVED, print_record, NULL);
	mist_content_free(content);
	config_free(config);
	if (error == MIST_EFILE)
		return cli_finish(cli);
	return error ? cli_fail(cli, error, zone) : cli_finish(cli);
}
