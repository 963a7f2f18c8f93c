/*
 * `mist trust-anchor [ZONE]`: what a validator is told, so that it trusts a zone.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "control/served.h"
#include "control/setup.h"

static const struct { const char *name; enum mist_anchor_format format; } formats[] = {
	{ "ds", MIST_ANCHOR_DS },           { "dnskey", MIST_ANCHOR_DNSKEY },
	{ "bind", MIST_ANCHOR_BIND },       { "unbound", MIST_ANCHOR_UNBOUND },
	{ "resolved", MIST_ANCHOR_RESOLVED },
};

static bool format_find(const char *name, enum mist_anchor_format *format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0) {
			*format = formats[i].format;
			return true;
		}
	return false;
}

static int print_anchor(const struct mist_content *content, const char *zone,
                        enum mist_anchor_format format)
{
	char text[4096];
	int error = mist_content_anchor(content, zone, format, text, sizeof(text));
	if (!error)
		fputs(text, stdout);
	return error;
}

static int print_all(const struct cli *cli, const struct config *config,
                     const struct mist_content *content, enum mist_anchor_format format)
{
	const struct config_zone *zones = config_zones(config);
	size_t printed = 0;
	for (size_t i = 0; i < config->zones.count; i++) {
		if (zones[i].dnssec == MIST_DNSSEC_OFF)
			continue;
		int error = print_anchor(content, zones[i].name, format);
		/* What comes signed may hold no key that could be trusted. */
		if (error == MIST_EZONE && zones[i].dnssec == MIST_DNSSEC_PRESIGNED)
			continue;
		if (error)
			return cli_fail(cli, error, zones[i].name);
		printed++;
	}
	if (printed == 0)
		cli_say(cli, MIST_LEVEL_ERROR, "no zone is signed");
	return printed ? EXIT_DONE : EXIT_CONFIGURATION;
}

int anchor_run(struct cli *cli)
{
	struct config *config;
	struct mist_content *content = NULL;
	enum mist_anchor_format format = MIST_ANCHOR_DS;
	const char *wanted = cli_option(cli, "format");
	const char *zone = cli->argument_count ? cli->arguments[0] : NULL;
	if (wanted && !format_find(wanted, &format)) {
		cli_say(cli, MIST_LEVEL_ERROR,
		        "--format %s is not one of ds, dnskey, bind, unbound, resolved", wanted);
		return EXIT_CONFIGURATION;
	}
	int error = cli_config(cli, &config);
	if (error)
		return cli_exit(error);
	int code = served_ephemeral(config, zone, &cli->reporter) ? EXIT_CONFIGURATION : EXIT_DONE;
	if (!code) {
		error = setup_directories(config, &cli->reporter);
		if (!error)
			error = setup_content(config, SETUP_KEYS, &cli->reporter, &content);
		if (error && error != MIST_EZONE && error != MIST_EKEY)
			code = cli_exit(error);
		else if (!zone)
			code = print_all(cli, config, content, format);
		else if ((error = print_anchor(content, zone, format)))
			code = cli_fail(cli, error, zone);
	}
	mist_content_free(content);
	config_free(config);
	return code ? code : cli_finish(cli);
}
