#include "control/config.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/address.h"
#include "control/socket.h"

/* ---- the keys, in the order of mist.conf(5) -------------------------------------------------- */

static const char *wrong_address(const char *text)
{
	return address_is(text) ? NULL : "an IPv4 or IPv6 address";
}

static const char *wrong_upstream(const char *text)
{
	char address[ADDRESS_TEXT_SIZE];
	uint16_t port = 53;
	return address_split(text, address, &port)
	       ? NULL : "an address such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::1]:53";
}

static const char *wrong_zone(const char *text)
{
	uint8_t name[MIST_NAME_SIZE];
	return mist_name_from_text(text, name) > 0 ? NULL : "a domain name";
}

static const char *wrong_rule(const char *text)
{
	uint8_t name[MIST_NAME_SIZE];
	const char *base = strncmp(text, "*.", 2) == 0 ? text + 2
	                 : text[0] == '.' && text[1]   ? text + 1 : text;
	return mist_name_from_text(base, name) > 0 && !strchr(base, '*')
	       ? NULL : "a rule: a name, *.name (all below it) or .name (both)";
}

/* One string of a TXT record (RFC 9432 section 4.3.2). */
static const char *wrong_group(const char *text)
{
	return strlen(text) <= 255 ? NULL : "the name of a group, of at most 255 octets";
}

static const struct schema_word fallbacks[] = { { "any", 0 }, { "fail", 1 }, { NULL, 0 } };
static const struct schema_word autos[] = { { "auto", 0 }, { NULL, 0 } };
static const struct schema_word nothing[] = { { "none", 0 }, { NULL, 0 } };
static const struct schema_word engines[] = {
	{ "auto", MIST_ENGINE_AUTO }, { "uring", MIST_ENGINE_URING }, { "epoll", MIST_ENGINE_EPOLL },
	{ NULL, 0 },
};
static const struct schema_word steers[] = {
	{ "auto", MIST_STEER_AUTO }, { "cpu", MIST_STEER_CPU }, { "hash", MIST_STEER_HASH },
	{ "random", MIST_STEER_RANDOM }, { NULL, 0 },
};
static const struct schema_word zone_dnssec[] = {
	/* 0 is what was not said: settle_zones() */
	{ "true", 1 + MIST_DNSSEC_SIGN }, { "yes", 1 + MIST_DNSSEC_SIGN }, { "on", 1 + MIST_DNSSEC_SIGN },
	{ "false", 1 + MIST_DNSSEC_OFF }, { "no", 1 + MIST_DNSSEC_OFF }, { "off", 1 + MIST_DNSSEC_OFF },
	{ "presigned", 1 + MIST_DNSSEC_PRESIGNED }, { NULL, 0 },
};
static const struct schema_word algorithms[] = {
	{ "ecdsap256sha256", MIST_ALGORITHM_ECDSAP256SHA256 }, { "ed25519", MIST_ALGORITHM_ED25519 },
	{ NULL, 0 },
};
static const struct schema_word denials[] = {
	{ "refused", MIST_DENY_REFUSED }, { "nxdomain", MIST_DENY_NXDOMAIN },
	{ "nodata", MIST_DENY_NODATA }, { "drop", MIST_DENY_DROP }, { NULL, 0 },
};
static const struct schema_word defaults[] = { { "deny", 0 }, { "forward", 1 }, { NULL, 0 } };

enum {
	WEEK_S = 7 * 86400,
	TTL_MAX = INT32_MAX,         /* RFC 2181 section 8 */
	CLIENTS_MAX = 1 << 20,
	WORKERS_MAX = 16,            /* mistcore.h */
};

#define LISTEN(field) offsetof(struct config, listen.field)
static const struct schema_key listen_keys[] = {
	{ .name = "address", .kind = SCHEMA_LIST, .offset = LISTEN(address), .wrong = wrong_address },
	{ .name = "port", .kind = SCHEMA_NUMBER, .offset = LISTEN(port), .max = UINT16_MAX },
	{ .name = "fallback", .kind = SCHEMA_CHOICE, .offset = LISTEN(port_only), .words = fallbacks },
	{ .name = "allow_non_loopback", .kind = SCHEMA_FLAG, .offset = LISTEN(allow_non_loopback) },
	{ .name = NULL },
};

static const struct schema_key control_keys[] = {
	{ .name = "socket", .kind = SCHEMA_PATH, .offset = offsetof(struct config, control.socket),
	  .words = nothing },
	{ .name = NULL },
};

#define TCP(field) offsetof(struct config, tcp.field)
static const struct schema_key tcp_keys[] = {
	{ .name = "idle", .kind = SCHEMA_MS, .offset = TCP(idle_ms), .min = 1, .max = 3600 * 1000 },
	{ .name = "clients", .kind = SCHEMA_NUMBER, .offset = TCP(clients), .min = 1,
	  .max = CLIENTS_MAX },
	{ .name = "clients_each", .kind = SCHEMA_NUMBER, .offset = TCP(clients_each), .min = 1,
	  .max = CLIENTS_MAX },
	{ .name = NULL },
};

/* The first key is what a zone, rule or group written as a plain name sets. */
#define MEMBERS(field) offsetof(struct config_members, field)
static const struct schema_key member_keys[] = {
	{ .name = "group", .kind = SCHEMA_TEXT, .offset = MEMBERS(group), .wrong = wrong_group },
	{ .name = "dnssec", .kind = SCHEMA_CHOICE, .offset = MEMBERS(dnssec), .words = zone_dnssec },
	{ .name = "ephemeral_key", .kind = SCHEMA_FLAG, .offset = MEMBERS(ephemeral_key) },
	{ .name = "cds", .kind = SCHEMA_FLAG, .offset = MEMBERS(cds) },
	{ .name = "transfer", .kind = SCHEMA_LIST, .offset = MEMBERS(transfer) },
	{ .name = "primary", .kind = SCHEMA_LIST, .offset = MEMBERS(primary) },
	{ .name = "tsig", .kind = SCHEMA_TEXT, .offset = MEMBERS(tsig) },
	{ .name = NULL },
};

#define ZONE(field) offsetof(struct config_zone, field)
static const struct schema_key zone_keys[] = {
	{ .name = "name", .kind = SCHEMA_TEXT, .offset = ZONE(name), .wrong = wrong_zone },
	{ .name = "address", .kind = SCHEMA_LIST, .offset = ZONE(address), .wrong = wrong_address },
	{ .name = "ttl", .kind = SCHEMA_SECONDS, .offset = ZONE(ttl), .min = 1, .max = TTL_MAX },
	{ .name = "file", .kind = SCHEMA_PATH, .offset = ZONE(file) },
	{ .name = "dnssec", .kind = SCHEMA_CHOICE, .offset = ZONE(dnssec), .words = zone_dnssec },
	{ .name = "ephemeral_key", .kind = SCHEMA_FLAG, .offset = ZONE(ephemeral_key) },
	{ .name = "cds", .kind = SCHEMA_FLAG, .offset = ZONE(cds) },
	{ .name = "registry", .kind = SCHEMA_FLAG, .offset = ZONE(registry) },
	{ .name = "update", .kind = SCHEMA_LIST, .offset = ZONE(update) },
	{ .name = "transfer", .kind = SCHEMA_LIST, .offset = ZONE(transfer) },
	{ .name = "primary", .kind = SCHEMA_LIST, .offset = ZONE(primary) },
	{ .name = "tsig", .kind = SCHEMA_TEXT, .offset = ZONE(tsig) },
	{ .name = "catalog", .kind = SCHEMA_FLAG, .offset = ZONE(catalog) },
	{ .name = "members", .kind = SCHEMA_ITEMS, .offset = ZONE(members), .keys = member_keys,
	  .item_size = sizeof(struct config_members) },
	{ .name = NULL },
};

#define TRANSFER(field) offsetof(struct config, transfer.field)
static const struct schema_key transfer_keys[] = {
	{ .name = "allow", .kind = SCHEMA_LIST, .offset = TRANSFER(allow) },
	{ .name = "notify", .kind = SCHEMA_LIST, .offset = TRANSFER(notify) },
	{ .name = "history", .kind = SCHEMA_SIZE, .offset = TRANSFER(history), .min = 1 << 10,
	  .max = 1u << 31 },
	{ .name = NULL },
};

/* A secret is in no message, so its text is not judged here but by who decodes it. */
#define TSIG(field) offsetof(struct config_tsig, field)
static const struct schema_key tsig_keys[] = {
	{ .name = "name", .kind = SCHEMA_TEXT, .offset = TSIG(name), .wrong = wrong_zone },
	{ .name = "algorithm", .kind = SCHEMA_TEXT, .offset = TSIG(algorithm) },
	{ .name = "secret", .kind = SCHEMA_TEXT, .offset = TSIG(secret) },
	{ .name = NULL },
};

#define DNSSEC(field) offsetof(struct config, dnssec.field)
static const struct schema_key dnssec_keys[] = {
	{ .name = "algorithm", .kind = SCHEMA_CHOICE, .offset = DNSSEC(algorithm),
	  .words = algorithms },
	{ .name = "key_directory", .kind = SCHEMA_PATH, .offset = DNSSEC(key_directory) },
	/* An hour of validity lies in the past already; less than a day leaves no time to renew. */
	{ .name = "signature_lifetime", .kind = SCHEMA_SECONDS, .offset = DNSSEC(signature_lifetime_s),
	  .min = 86400, .max = 52 * WEEK_S },
	{ .name = NULL },
};

#define RULE(field) offsetof(struct config_rule, field)
static const struct schema_key allow_keys[] = {
	{ .name = "name", .kind = SCHEMA_TEXT, .offset = RULE(name), .wrong = wrong_rule },
	{ .name = "upstreams", .kind = SCHEMA_LIST, .offset = RULE(upstreams),
	  .wrong = wrong_upstream },
	{ .name = "private", .kind = SCHEMA_FLAG, .offset = RULE(private_addresses) },
	{ .name = NULL },
};
static const struct schema_key deny_keys[] = {
	{ .name = "name", .kind = SCHEMA_TEXT, .offset = RULE(name), .wrong = wrong_rule },
	{ .name = "deny_rcode", .kind = SCHEMA_CHOICE, .offset = RULE(deny_rcode), .words = denials },
	{ .name = NULL },
};

#define FORWARD(field) offsetof(struct config, forward.field)
static const struct schema_key forward_keys[] = {
	{ .name = "upstreams", .kind = SCHEMA_LIST, .offset = FORWARD(upstreams),
	  .wrong = wrong_upstream },
	{ .name = "resolv_conf", .kind = SCHEMA_PATH, .offset = FORWARD(resolv_conf) },
	{ .name = "allow", .kind = SCHEMA_ITEMS, .offset = FORWARD(allow), .keys = allow_keys,
	  .item_size = sizeof(struct config_rule) },
	{ .name = "deny", .kind = SCHEMA_ITEMS, .offset = FORWARD(deny), .keys = deny_keys,
	  .item_size = sizeof(struct config_rule) },
	{ .name = "deny_rcode", .kind = SCHEMA_CHOICE, .offset = FORWARD(deny_rcode),
	  .words = denials },
	{ .name = "default", .kind = SCHEMA_CHOICE, .offset = FORWARD(forward_default),
	  .words = defaults },
	{ .name = "timeout", .kind = SCHEMA_MS, .offset = FORWARD(timeout_ms), .min = 10,
	  .max = 60000 },
	{ .name = "cache", .kind = SCHEMA_SIZE, .offset = FORWARD(cache), .min = 1 << 16,
	  .max = UINT64_C(1) << 36 },
	{ .name = "max_ttl", .kind = SCHEMA_SECONDS, .offset = FORWARD(max_ttl_s), .min = 1,
	  .max = WEEK_S },
	{ .name = NULL },
};

#define TOP(field) offsetof(struct config, field)
static const struct schema_key keys[] = {
	{ .name = "listen", .kind = SCHEMA_SECTION, .keys = listen_keys },
	{ .name = "control", .kind = SCHEMA_SECTION, .keys = control_keys },
	{ .name = "user", .kind = SCHEMA_TEXT, .offset = TOP(user) },
	{ .name = "workers", .kind = SCHEMA_NUMBER, .offset = TOP(workers), .min = 1,
	  .max = WORKERS_MAX,
	  .words = autos },
	{ .name = "engine", .kind = SCHEMA_CHOICE, .offset = TOP(engine), .words = engines },
	{ .name = "steer", .kind = SCHEMA_CHOICE, .offset = TOP(steer), .words = steers },
	{ .name = "pin", .kind = SCHEMA_FLAG, .offset = TOP(pin) },
	{ .name = "gro", .kind = SCHEMA_FLAG, .offset = TOP(gro) },
	{ .name = "tcp", .kind = SCHEMA_SECTION, .keys = tcp_keys },
	{ .name = "nsid", .kind = SCHEMA_TEXT, .offset = TOP(nsid) },
	{ .name = "state_directory", .kind = SCHEMA_PATH, .offset = TOP(state_directory) },
	{ .name = "zones", .kind = SCHEMA_ITEMS, .offset = TOP(zones), .keys = zone_keys,
	  .item_size = sizeof(struct config_zone) },
	{ .name = "transfer", .kind = SCHEMA_SECTION, .keys = transfer_keys },
	{ .name = "tsig", .kind = SCHEMA_ITEMS, .offset = TOP(tsig), .keys = tsig_keys,
	  .item_size = sizeof(struct config_tsig) },
	{ .name = "dnssec", .kind = SCHEMA_SECTION, .keys = dnssec_keys },
	{ .name = "cookie_secret", .kind = SCHEMA_TEXT, .offset = TOP(cookie_text) },
	{ .name = "forward", .kind = SCHEMA_SECTION, .keys = forward_keys },
	{ .name = NULL },
};

const struct schema_key *config_keys(void)
{
	return keys;
}

/* ---- checks of what the tables cannot say ---------------------------------------------------- */

static const char *or_dot(const char *name)
{
	return name ? name : "";
}

/* Names are the same whatever their case and final dot. */
static bool same_name(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	a_len -= a_len > 1 && a[a_len - 1] == '.';
	b_len -= b_len > 1 && b[b_len - 1] == '.';
	return a_len == b_len && strncasecmp(a, b, a_len) == 0;
}

static void settle_dnssec(uint32_t *dnssec, bool transferred)
{
	*dnssec = *dnssec ? *dnssec - 1 : transferred ? MIST_DNSSEC_PRESIGNED : MIST_DNSSEC_SIGN;
}

/* A zone that is transferred is served as it comes, any other is signed, unless something else is said. */
static void settle_zones(struct config *config)
{
	struct config_zone *zones = config->zones.items;
	for (size_t i = 0; i < config->zones.count; i++) {
		struct config_members *members = zones[i].members.items;
		settle_dnssec(&zones[i].dnssec, zones[i].primary.count);
		for (size_t j = 0; j < zones[i].members.count; j++)
			settle_dnssec(&members[j].dnssec, true);
	}
}

static void check_secondary(const struct config_zone *zone, size_t i, struct schema *schema)
{
	const char *beside = zone->file ? "file" : zone->address.items ? "address" : zone->ttl ? "ttl"
	                   : zone->registry ? "registry" : zone->update.items ? "update" : NULL;
	if (zone->tsig && !zone->primary.count)
		schema_problem(schema, &zone->where, "`zones[%zu]` (%s): `tsig` is the key that a `primary` is "
		               "asked with, and there is none", i, or_dot(zone->name));
	if (!zone->primary.count)
		return;
	if (beside)
		schema_problem(schema, &zone->where, "`zones[%zu]` (%s) has both `primary` and `%s`; what its "
		               "primary sends is all that is in it", i, or_dot(zone->name), beside);
	if (zone->dnssec == MIST_DNSSEC_OFF)
		schema_problem(schema, &zone->where, "`zones[%zu]` (%s): a zone with a `primary` is served as it "
		               "comes, signed or not (say nothing), or signed here (`dnssec: true`)", i,
		               or_dot(zone->name));
}

static void check_members(const struct config_zone *zone, size_t i, struct schema *schema)
{
	const struct config_members *members = zone->members.items;
	for (size_t j = 0; j < zone->members.count; j++) {
		const struct config_members *group = &members[j];
		if (group->tsig && !group->primary.count)
			schema_problem(schema, &group->where, "`zones[%zu].members[%zu]`: `tsig` is the key that a `primary` is "
			               "asked with, and there is none; those of the catalog have theirs there", i, j);
		if (group->dnssec == MIST_DNSSEC_OFF)
			schema_problem(schema, &group->where, "`zones[%zu].members[%zu]`: members are served as they come, "
			               "signed or not (say nothing), or signed here (`dnssec: true`)", i, j);
		for (size_t k = 0; k < j; k++)
			if (group->group ? members[k].group && !strcmp(members[k].group, group->group) : !members[k].group)
				schema_problem(schema, &group->where, "`zones[%zu].members[%zu]`: members of %s are described "
				               "twice; first in line %u", i, j, group->group ? group->group : "no `group`",
				               members[k].where.line);
	}
}

static void check_catalog(const struct config_zone *zone, size_t i, struct schema *schema)
{
	if (zone->members.items && !zone->catalog)
		schema_problem(schema, &zone->where, "`zones[%zu]` (%s): `members` are those of a catalog; say "
		               "`catalog: true`", i, or_dot(zone->name));
	if (zone->catalog && (!zone->primary.count || zone->dnssec == MIST_DNSSEC_SIGN))
		schema_problem(schema, &zone->where, "`zones[%zu]` (%s): a catalog comes from a `primary` and is not "
		               "signed here", i, or_dot(zone->name));
	check_members(zone, i, schema);
}

static void check_zones(const struct config *config, struct schema *schema)
{
	const struct config_zone *zones = config_zones(config);
	for (size_t i = 0; i < config->zones.count; i++) {
		const struct config_zone *zone = &zones[i];
		if (!zone->name)
			schema_problem(schema, &zone->where, "`zones[%zu]` has no `name`", i);
		if (zone->file && zone->address.items)
			schema_problem(schema, &zone->where, "`zones[%zu]` (%s) has both `file` and `address`; "
			               "its records come from one of them", i, or_dot(zone->name));
		if (zone->file && zone->ttl)
			schema_problem(schema, &zone->where, "`zones[%zu]` (%s): `ttl` is for made zones; in a "
			               "zone file write $TTL", i, or_dot(zone->name));
		check_secondary(zone, i, schema);
		check_catalog(zone, i, schema);
		if (!zone->file && !zone->primary.count && zone->dnssec == MIST_DNSSEC_PRESIGNED)
			schema_problem(schema, &zone->where, "`zones[%zu]` (%s): `dnssec: presigned` needs a "
			               "`file` with the signatures", i, or_dot(zone->name));
		for (size_t j = 0; j < i && zone->name; j++)
			if (zones[j].name && same_name(zones[j].name, zone->name))
				schema_problem(schema, &zone->where, "zone %s is given twice; first in line %u",
				               zone->name, zones[j].where.line);
	}
}

static void check_tsig(const struct schema_items *tsig, struct schema *schema)
{
	const struct config_tsig *key = tsig->items;
	for (size_t i = 0; i < tsig->count; i++) {
		if (!key[i].name)
			schema_problem(schema, &key[i].where, "`tsig[%zu]` has no `name`", i);
		if (!key[i].secret)
			schema_problem(schema, &key[i].where, "`tsig[%zu]` (%s) has no `secret`; `tsig-keygen` "
			               "makes one", i, or_dot(key[i].name));
	}
}

static void check_rules(const struct schema_items *rules, const char *path, struct schema *schema)
{
	const struct config_rule *rule = rules->items;
	for (size_t i = 0; i < rules->count; i++)
		if (!rule[i].name)
			schema_problem(schema, &rule[i].where, "`%s[%zu]` has no `name`", path, i);
}

static void check_listen(const struct config *config, struct schema *schema)
{
	const struct schema_list *list = &config->listen.address;
	if (list->items && list->count == 0)
		schema_problem(schema, &list->where, "`listen.address` is empty");
	for (size_t i = 1; i < list->count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcasecmp(list->items[i], list->items[j]) == 0)
				schema_problem(schema, &list->where, "`listen.address`: %s is there twice",
				               list->items[i]);
	for (size_t i = 0; i < list->count && !config->listen.allow_non_loopback; i++)
		if (*list->items[i] && !address_is_loopback(list->items[i]))
			schema_problem(schema, &list->where, "`listen.address`: %s can be reached by other "
			               "machines; only 127.0.0.0/8 and ::1 are listened on, unless "
			               "`listen.allow_non_loopback: true` says that this is meant",
			               list->items[i]);
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
	     : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The secret itself is in no message: those end up in logs. */
static void check_cookie(struct config *config, struct schema *schema)
{
	const char *text = config->cookie_text;
	if (!text || strcmp(text, "auto") == 0)
		return;
	bool good = strlen(text) == 2 * sizeof(config->cookie_secret);
	for (size_t i = 0; good && i < sizeof(config->cookie_secret); i++) {
		int high = hex(text[2 * i]), low = hex(text[2 * i + 1]);
		good = high >= 0 && low >= 0;
		config->cookie_secret[i] = (uint8_t)(high << 4 | low);
	}
	config->cookie_given = good;
	if (!good)
		schema_problem(schema, NULL, "`cookie_secret` must be auto or 32 hexadecimal digits");
}

/* ---- loading --------------------------------------------------------------------------------- */

/*
 * Keys and serials outlive a restart here. systemd names a directory of the unit's own
 * ($STATE_DIRECTORY); root has /var/lib, others what the XDG base directory specification says.
 */
static const char *state_directory_default(struct pool *pool)
{
	const char *unit = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	if (unit && *unit == '/')
		return pool_text(pool, unit, strcspn(unit, ":"));
	if (geteuid() == 0)
		return "/var/lib/mist";
	if (xdg && *xdg == '/')
		return pool_format(pool, "%s/mist", xdg);
	if (!home || *home != '/') {
		const struct passwd *user = getpwuid(geteuid());
		home = user ? user->pw_dir : "/";
	}
	return pool_format(pool, "%s/.local/state/mist", strcmp(home, "/") == 0 ? "" : home);
}

/* Without a path in the configuration there is a socket where it can be made, and none elsewhere. */
static void settle_socket(struct config *config, struct schema *schema)
{
	const char *given = config->control.socket;
	config->control.given = given != NULL;
	if (given && strcmp(given, "none") == 0)
		config->control.socket = NULL;
	else if (!given)
		config->control.socket = socket_default(&config->pool, config->state_directory);
	schema->out_of_memory |= !given && !config->control.socket;
}

/* The file to read: asked for, or the default one if it exists. */
static const char *file_find(const struct config_source *source)
{
	const char *named = source->file ? source->file : getenv("MIST_CONFIG");
	if (source->no_file)
		return NULL;
	if (named && *named)
		return named;
	/* Whatever is wrong with a file that is there shall be said, so only its absence counts. */
	return access(CONFIG_FILE_DEFAULT, F_OK) == 0 || errno != ENOENT ? CONFIG_FILE_DEFAULT : NULL;
}

static int sources_read(struct config *config, const struct config_source *source,
                        struct schema *schema)
{
	static const char *const reserved[] = { "MIST_CONFIG", NULL };
	const char *file = file_find(source);
	int error = MIST_OK, outcome;
	if (file) {
		config->file = pool_text(&config->pool, file, strlen(file));
		error = schema_read(schema, file);
		if (error == MIST_EFILE || error == MIST_ENOMEM)
			return error;
	} else {
		schema_set(schema, "zones", "editor.land", "built-in");
		schema_set(schema, "forward.allow", "update.editor.land", "built-in");
	}
	outcome = schema_environment(schema, "MIST_", reserved);
	error = outcome ? outcome : error;
	for (size_t i = 0; i < source->setting_count; i++) {
		const struct config_setting *setting = &source->settings[i];
		outcome = schema_set(schema, setting->path, setting->text, setting->flag);
		error = outcome ? outcome : error;
	}
	return error == MIST_ENOTFOUND ? MIST_EINVAL : error;
}

int config_load(struct config **config_out, const struct config_source *source,
                const struct mist_reporter *reporter)
{
	struct config *config = calloc(1, sizeof(*config));
	if (!config)
		return MIST_ENOMEM;
	struct schema schema = { .keys = keys, .base = config, .pool = &config->pool,
	                         .reporter = reporter };
	config->listen.port = CONFIG_PORT_DEFAULT;
	config->state_directory = state_directory_default(&config->pool);
	schema.out_of_memory = !config->state_directory;
	int error = sources_read(config, source, &schema);
	if (error == MIST_OK || error == MIST_EINVAL) {
		settle_zones(config);
		check_listen(config, &schema);
		check_zones(config, &schema);
		check_tsig(&config->tsig, &schema);
		check_rules(&config->forward.allow, "forward.allow", &schema);
		check_rules(&config->forward.deny, "forward.deny", &schema);
		check_cookie(config, &schema);
		settle_socket(config, &schema);
		error = schema.out_of_memory ? MIST_ENOMEM : schema.problems ? MIST_EINVAL : MIST_OK;
	}
	if (error) {
		config_free(config);
		return error;
	}
	*config_out = config;
	return MIST_OK;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	pool_free(&config->pool);
	free(config);
}
