/*
 * `mist why NAME [TYPE]`: the decision, its reason, and what a client sees.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "control/rdata.h"
#include "control/setup.h"
#include "control/text.h"

static void print_why(const char *name, uint16_t type, const struct mist_why *why)
{
	static const char *const verdicts[] = {
		[MIST_VERDICT_LOCAL] = "answered here", [MIST_VERDICT_FORWARD] = "forwarded",
		[MIST_VERDICT_DENY] = "denied",         [MIST_VERDICT_SPECIAL] = "special, answered here",
		[MIST_VERDICT_FAILED] = "failed",
	};
	char type_text[16];
	printf("%s %s: %s\n", name, text_type(type, type_text), verdicts[why->verdict]);
	if (*why->zone)
		printf("  zone:    %s\n", why->zone);
	if (*why->rule)
		printf("  rule:    %s\n", why->rule);
	if (why->verdict == MIST_VERDICT_DENY && why->deny == MIST_DENY_DROP)
		printf("  client:  gets no answer\n");
	else if (why->verdict == MIST_VERDICT_LOCAL || why->verdict == MIST_VERDICT_SPECIAL)
		printf("  client:  gets %s with %zu record%s\n", why->rcode, why->answer_count,
		       why->answer_count == 1 ? "" : "s");
	else if (*why->rcode)
		printf("  client:  gets %s\n", why->rcode);
	else
		printf("  client:  gets what the upstream says\n");
	if (*why->text)
		printf("  because: %s\n", why->text);
}

int why_run(struct cli *cli)
{
	struct config *config;
	struct mist_content *content = NULL;
	struct mist_why why;
	uint16_t type = cli->argument_count > 1 ? rdata_type(cli->arguments[1]) : 1;
	if (!type) {
		cli_say(cli, MIST_LEVEL_ERROR, "\"%s\" is not a record type", cli->arguments[1]);
		return EXIT_CONFIGURATION;
	}
	cli_quiet();
	int error = cli_config(cli, &config);
	if (error)
		return cli_exit(error);
	error = setup_content(config, SETUP_READ_ONLY, &cli->reporter, &content);
	if (!error || error == MIST_EZONE || error == MIST_EKEY) {
		error = mist_content_why(content, cli->arguments[0], type, &why);
		if (error)
			cli_fail(cli, error, cli->arguments[0]);
		else
			print_why(cli->arguments[0], type, &why);
	}
	mist_content_free(content);
	config_free(config);
	return error ? cli_exit(error) : cli_finish(cli);
}
