/*
 * The configuration: what mist.conf(5) describes, as one struct. It comes from a YAML file,
 * variables of the environment over it, flags over both, and is checked as a whole.
 */
#ifndef MIST_CONTROL_CONFIG_H
#define MIST_CONTROL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/schema.h"
#include "mistcore.h"

#define CONFIG_FILE_DEFAULT "/etc/mist/mist.yaml"
#define CONFIG_PORT_DEFAULT 5380

struct config_zone {
	struct schema_where where;
	const char *name;
	const char *file;            /* a master file; else the zone is made from `address` */
	struct schema_list address;
	uint32_t ttl;
	uint32_t dnssec;             /* enum mist_dnssec */
	bool ephemeral_key;
	bool cds;
	bool registry;
	struct schema_list update;
	struct schema_list primary;  /* a secondary zone: it comes from there */
	const char *tsig;            /* key that primaries are asked with */
	struct schema_list transfer; /* none given: `transfer.allow` */
	bool catalog;
	struct schema_items members; /* struct config_members, of a catalog */
};

/* How members of a catalog are served; keys mean what they mean for a zone. */
struct config_members {
	struct schema_where where;
	const char *group;           /* NULL: those of no group that is named */
	uint32_t dnssec;             /* enum mist_dnssec */
	bool ephemeral_key;
	bool cds;
	struct schema_list primary;  /* none given: those of the catalog */
	const char *tsig;
	struct schema_list transfer;
};

struct config_tsig {
	struct schema_where where;
	const char *name, *algorithm, *secret;
};

struct config_rule {
	struct schema_where where;
	const char *name;
	struct schema_list upstreams;
	bool private_addresses;
	uint32_t deny_rcode;         /* enum mist_deny */
};

struct config {
	struct pool pool;
	const char *file;            /* that was read; NULL: none, built-in defaults */
	struct {
		struct schema_list address;
		uint32_t port;
		uint32_t port_only;      /* fallback: fail */
		bool allow_non_loopback;
	} listen;
	struct {
		const char *socket;      /* NULL: none is wanted */
		bool given;              /* by name: a server that cannot have it does not start */
	} control;
	const char *user;            /* to become after a start as root; NULL: stay who we are */
	uint32_t workers;            /* 0: auto */
	uint32_t engine;             /* enum mist_engine */
	uint32_t steer;              /* enum mist_steer */
	bool pin, gro;
	const char *state_directory;
	const char *nsid;
	const char *cookie_text;     /* as written */
	uint8_t cookie_secret[16];
	bool cookie_given;
	struct {
		uint32_t idle_ms, clients, clients_each;
	} tcp;
	struct schema_items zones;   /* struct config_zone */
	struct {
		struct schema_list allow, notify;
		size_t history;          /* octets of changes kept for each zone; 0: the library's */
	} transfer;
	struct schema_items tsig;    /* struct config_tsig */
	struct {
		uint32_t algorithm;      /* enum mist_algorithm */
		const char *key_directory;
		uint32_t signature_lifetime_s;
	} dnssec;
	struct {
		struct schema_list upstreams;
		struct schema_items allow, deny; /* struct config_rule */
		uint32_t deny_rcode;     /* enum mist_deny */
		uint32_t forward_default;/* 1: names that nothing covers are forwarded */
		uint32_t timeout_ms;
		size_t cache;
		uint32_t max_ttl_s;
		const char *resolv_conf;
	} forward;
};

/* A key set by a flag: "--port" sets "listen.port" to "5353". */
struct config_setting {
	const char *flag, *path, *text;
};

struct config_source {
	const char *file;            /* NULL: $MIST_CONFIG, else CONFIG_FILE_DEFAULT if there is one */
	bool no_file;                /* built-in defaults, whatever files there are */
	const struct config_setting *settings;
	size_t setting_count;
};

/*
 * Loads and checks. Every problem is reported. MIST_EINVAL when something is wrong, MIST_EFILE
 * when the file cannot be read, MIST_ENOMEM. The caller owns the result and frees it with
 * config_free().
 */
int config_load(struct config **config, const struct config_source *source,
                const struct mist_reporter *reporter);
void config_free(struct config *config); /* NULL is fine */

/* The tables, for those who list keys. */
const struct schema_key *config_keys(void);

static inline const struct config_zone *config_zones(const struct config *config)
{
	return config->zones.items;
}

#endif
