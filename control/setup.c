#include "control/setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "control/cpus.h"
#include "control/zonefile.h"

static void report(const struct mist_reporter *reporter, enum mist_level level, const char *file,
                   unsigned line, const char *text)
{
	if (reporter && reporter->report)
		reporter->report(reporter->user, level, file, line, text);
}

/* ---- directories ----------------------------------------------------------------------------- */

/* mkdir -p. Only the last one holds secrets, but those above it are nobody else's business
 * either. */
static int directory_make(const char *path, const struct mist_reporter *reporter, const char *key)
{
	char part[4096], text[4400];
	struct stat status;
	size_t len = strlen(path);
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return MIST_OK;
	errno = ENAMETOOLONG;
	if (len >= sizeof(part))
		goto failed;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			goto failed;
	}
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return MIST_OK;
	errno = ENOTDIR;
failed:
	snprintf(text, sizeof(text), "cannot make the directory %.4000s: %s; keys and serials are kept "
	         "there, choose another one with `%s`", path, strerror(errno), key);
	report(reporter, MIST_LEVEL_ERROR, NULL, 0, text);
	return MIST_EFILE;
}

int setup_directories(const struct config *config, const struct mist_reporter *reporter)
{
	int error = directory_make(config->state_directory, reporter, "state_directory");
	if (!error && config->dnssec.key_directory)
		error = directory_make(config->dnssec.key_directory, reporter, "dnssec.key_directory");
	return error;
}

/* ---- zones ----------------------------------------------------------------------------------- */

/* A zone while its file is read. */
struct filling {
	struct mist_zone *zone;
	const char *file;
	const struct mist_reporter *reporter;
};

static int add_record(void *user, const char *file, const struct mist_record *record)
{
	struct filling *filling = user;
	struct mist_record copy = *record;
	/* The library knows one file for a zone: a line of an included one would mislead. */
	bool included = strcmp(file, filling->file) != 0;
	if (included)
		copy.line = 0;
	int error = mist_zone_add(filling->zone, &copy);
	if (error && included)
		report(filling->reporter, MIST_LEVEL_ERROR, file, record->line,
		       "here stands the record that the message before speaks of");
	return error;
}

static int add_keys(struct mist_content *content, const struct schema_items *tsig)
{
	const struct config_tsig *key = tsig->items;
	int error = MIST_OK;
	for (size_t i = 0; i < tsig->count && !error; i++) {
		const struct mist_tsig options = {
			.size = sizeof(options), .name = key[i].name, .algorithm = key[i].algorithm,
			.secret = key[i].secret, .file = key[i].where.file, .line = key[i].where.line,
		};
		error = mist_content_tsig(content, &options);
	}
	return error;
}

static int add_group(struct mist_zone *catalog, const struct config *config, const struct config_members *group)
{
	const struct schema_list *transfer = group->transfer.items ? &group->transfer : &config->transfer.allow;
	const struct mist_zone_options options = {
		.size = sizeof(options), .dnssec = (enum mist_dnssec)group->dnssec,
		.ephemeral_key = group->ephemeral_key, .cds = group->cds, .file = group->where.file,
		.transfer = transfer->items, .transfer_count = transfer->count,
		.notify = config->transfer.notify.items,
		.notify_count = transfer->count ? config->transfer.notify.count : 0,
		.primaries = group->primary.items, .primary_count = group->primary.count,
		.primary_key = group->tsig,
	};
	return mist_zone_members(catalog, group->group, &options);
}

static int add_members(struct mist_zone *catalog, const struct config *config, const struct config_zone *zone)
{
	const struct config_members *groups = zone->members.items;
	const struct config_members others = { .where = zone->where, .dnssec = MIST_DNSSEC_PRESIGNED };
	bool said = false;
	int error = MIST_OK;
	for (size_t i = 0; i < zone->members.count && !error; i++) {
		error = add_group(catalog, config, &groups[i]);
		said |= !groups[i].group;
	}
	return error || said ? error : add_group(catalog, config, &others);
}

static int add_zone(struct mist_content *content, const struct config *config,
                    const struct config_zone *zone, const struct mist_reporter *reporter)
{
	struct mist_zone *handle;
	const struct schema_list *transfer = zone->transfer.items ? &zone->transfer
	                                                          : &config->transfer.allow;
	struct mist_zone_options options = {
		.size = sizeof(options), .name = zone->name, .records = zone->file || zone->primary.count,
		.addresses = zone->address.items, .address_count = zone->address.count, .ttl = zone->ttl,
		.dnssec = (enum mist_dnssec)zone->dnssec, .ephemeral_key = zone->ephemeral_key,
		.cds = zone->cds, .file = zone->file ? zone->file : zone->where.file,
		.registry = zone->registry,
		.update = zone->update.items, .update_count = zone->update.count,
		.transfer = transfer->items, .transfer_count = transfer->count,
		/* Who may not have a zone need not hear of it. */
		.notify = config->transfer.notify.items,
		.notify_count = transfer->count ? config->transfer.notify.count : 0,
		.primaries = zone->primary.items, .primary_count = zone->primary.count,
		.primary_key = zone->tsig, .catalog = zone->catalog,
	};
	int error = mist_content_zone(content, &options, &handle);
	if (!error && zone->catalog)
		error = add_members(handle, config, zone);
	if (error || !zone->file)
		return error;
	struct filling filling = { handle, zone->file, reporter };
	error = zonefile_read(zone->file, zone->name, add_record, &filling, reporter);
	if (error == MIST_EZONE)
		return mist_zone_fail(handle, "its zone file has errors") ? MIST_ENOMEM : MIST_EZONE;
	return error;
}

static int add_rules(struct mist_content *content, const struct schema_items *rules, bool deny)
{
	const struct config_rule *rule = rules->items;
	int error = MIST_OK;
	for (size_t i = 0; i < rules->count && !error; i++) {
		struct mist_rule options = {
			.size = sizeof(options), .name = rule[i].name, .deny = deny,
			.deny_as = (enum mist_deny)rule[i].deny_rcode, .upstreams = rule[i].upstreams.items,
			.upstream_count = rule[i].upstreams.count,
			.private_addresses = rule[i].private_addresses,
			.file = rule[i].where.file, .line = rule[i].where.line,
		};
		error = mist_content_rule(content, &options);
	}
	return error;
}

static struct mist_content_options content_options(const struct config *config,
                                                   enum setup_mode mode,
                                                   const struct mist_reporter *reporter)
{
	struct mist_content_options options = {
		.size = sizeof(options),
		.key_directory = config->dnssec.key_directory ? config->dnssec.key_directory
		                                              : config->state_directory,
		.state_directory = mode == SETUP_KEYS ? NULL : config->state_directory,
		.algorithm = (enum mist_algorithm)config->dnssec.algorithm,
		.signature_lifetime_s = config->dnssec.signature_lifetime_s,
		.deny = (enum mist_deny)config->forward.deny_rcode,
		.forward_by_default = config->forward.forward_default != 0,
		.upstreams = config->forward.upstreams.items,
		.upstream_count = config->forward.upstreams.count,
		.resolv_conf = config->forward.resolv_conf,
		.timeout_ms = config->forward.timeout_ms,
		.max_ttl_s = config->forward.max_ttl_s,
		.read_only = mode == SETUP_READ_ONLY,
		.history_bytes = config->transfer.history,
	};
	if (reporter)
		options.reporter = *reporter;
	return options;
}

int setup_content(const struct config *config, enum setup_mode mode,
                  const struct mist_reporter *reporter, struct mist_content **content_out)
{
	struct mist_content *content = NULL;
	struct mist_content_options options = content_options(config, mode, reporter);
	const struct config_zone *zones = config_zones(config);
	bool zone_failed = false;
	int error = mist_content_new(&content, &options);
	if (!error)
		error = add_keys(content, &config->tsig);
	for (size_t i = 0; i < config->zones.count && !error; i++) {
		error = add_zone(content, config, &zones[i], reporter);
		if (error == MIST_EZONE) { /* the others are to serve */
			zone_failed = true;
			error = MIST_OK;
		}
	}
	if (!error)
		error = add_rules(content, &config->forward.allow, false);
	if (!error)
		error = add_rules(content, &config->forward.deny, true);
	if (!error && mode != SETUP_RELOAD)
		error = mist_content_seal(content);
	if (!error && zone_failed)
		error = MIST_EZONE;
	if (error && error != MIST_EZONE && error != MIST_EKEY) {
		mist_content_free(content);
		return error;
	}
	*content_out = content;
	return error;
}

/* ---- server ---------------------------------------------------------------------------------- */

struct mist_options setup_options(const struct config *config, const struct mist_reporter *reporter)
{
	struct mist_options options = {
		.size = sizeof(options),
		.addresses = config->listen.address.items,
		.address_count = config->listen.address.count,
		.port = (uint16_t)config->listen.port,
		.port_only = config->listen.port_only != 0,
		.allow_non_loopback = config->listen.allow_non_loopback,
		.workers = config->workers ? config->workers : cpus_usable(""),
		.engine = (enum mist_engine)config->engine,
		.steer = (enum mist_steer)config->steer,
		.pin = config->pin,
		.gro = config->gro,
		.cache_bytes = config->forward.cache,
		.cookie_secret = config->cookie_given ? config->cookie_secret : NULL,
		.nsid = config->nsid,
		.tcp_idle_ms = config->tcp.idle_ms,
		.tcp_clients = config->tcp.clients,
		.tcp_clients_each = config->tcp.clients_each,
	};
	if (reporter)
		options.reporter = *reporter;
	return options;
}

static bool same_list(const struct schema_list *a, const struct schema_list *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = strcmp(a->items[i], b->items[i]) == 0;
	return same;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

const char *setup_needs_restart(const struct config *before, const struct config *after)
{
	return !same_list(&before->listen.address, &after->listen.address) ? "listen.address"
	     : before->listen.port != after->listen.port                   ? "listen.port"
	     : before->listen.port_only != after->listen.port_only         ? "listen.fallback"
	     : before->listen.allow_non_loopback != after->listen.allow_non_loopback
	                                                                   ? "listen.allow_non_loopback"
	     : !same_text(before->control.socket, after->control.socket)   ? "control.socket"
	     : !same_text(before->user, after->user)                       ? "user"
	     : before->workers != after->workers                           ? "workers"
	     : before->engine != after->engine                             ? "engine"
	     : before->steer != after->steer                               ? "steer"
	     : before->pin != after->pin                                   ? "pin"
	     : before->gro != after->gro                                   ? "gro"
	     : memcmp(&before->tcp, &after->tcp, sizeof(after->tcp)) != 0  ? "tcp"
	     : !same_text(before->nsid, after->nsid)                       ? "nsid"
	     : before->forward.cache != after->forward.cache               ? "forward.cache"
	     : !same_text(before->cookie_text, after->cookie_text)         ? "cookie_secret"
	                                                                   : NULL;
}
