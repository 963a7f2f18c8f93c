#include "control/served.h"

#include <stdio.h>
#include <string.h>

#include "control/address.h"
#include "control/setup.h"

enum { ANCHOR_SIZE = 4096 }; /* mistcore.h: always suffices */

static const char *const usual_addresses[] = { "127.0.0.1" };

static void say(const struct mist_reporter *reporter, const char *text)
{
	if (reporter && reporter->report)
		reporter->report(reporter->user, MIST_LEVEL_ERROR, NULL, 0, text);
}

/* ---- the server's end ------------------------------------------------------------------------ */

/* Whether a zone without an anchor is one that is not signed: what has failed, or has not come yet, may be. */
static bool is_insecure(enum mist_dnssec dnssec, bool failed)
{
	return dnssec == MIST_DNSSEC_OFF || (dnssec == MIST_DNSSEC_PRESIGNED && !failed);
}

static int list_zone(void *user, const struct mist_zone_status *status)
{
	json_t *zone = json_pack("{s:s,s:b}", "name", status->name, "insecure",
	                         is_insecure(status->dnssec, status->failed));
	return json_array_append_new(user, zone) ? MIST_ENOMEM : MIST_OK;
}

int served_tell(struct mist_server *server, const char *const *addresses, size_t address_count,
                json_t *reply)
{
	json_t *list = json_array(), *zones = json_array(), *zone;
	char anchor[ANCHOR_SIZE];
	size_t i;
	if (!address_count)
		addresses = usual_addresses;
	for (i = 0; i < (address_count ? address_count : 1); i++)
		json_array_append_new(list, json_string(addresses[i]));
	int error = mist_zones(server, list_zone, zones);
	json_array_foreach(zones, i, zone) {
		const char *name = json_string_value(json_object_get(zone, "name"));
		if (mist_anchor(server, name, MIST_ANCHOR_RESOLVED, anchor, sizeof(anchor)) == MIST_OK) {
			json_object_set_new(zone, "insecure", json_false());
			json_object_set_new(zone, "anchor", json_string(anchor));
		}
	}
	json_object_set_new(reply, "addresses", list);
	json_object_set_new(reply, "port", json_integer(mist_port(server)));
	json_object_set_new(reply, "zones", zones);
	return error;
}

/* ---- the client's end ------------------------------------------------------------------------ */

static const char *keep(struct served *served, const char *text)
{
	return text ? pool_text(&served->pool, text, strlen(text)) : NULL;
}

static int room(struct served *served, size_t addresses, size_t zones)
{
	served->addresses = pool_take(&served->pool, addresses * sizeof(*served->addresses));
	served->zones = pool_take(&served->pool, zones * sizeof(*served->zones));
	return served->addresses && served->zones ? MIST_OK : MIST_ENOMEM;
}

/* It may come from a server that others have taken over, and goes into files of root's. */
static int take_address(struct served *served, const char *text)
{
	if (!address_is(text))
		return MIST_EMISMATCH;
	const char *copy = keep(served, text);
	if (copy)
		served->addresses[served->address_count++] = copy;
	return copy ? MIST_OK : MIST_ENOMEM;
}

/* `anchor` NULL: there is none. */
static int take_zone(struct served *served, const char *name, const char *anchor, bool insecure)
{
	struct served_zone *zone = &served->zones[served->zone_count];
	*zone = (struct served_zone){ keep(served, name), keep(served, anchor), insecure };
	if (!zone->name || (anchor && !zone->anchor))
		return MIST_ENOMEM;
	served->zone_count++;
	return MIST_OK;
}

static int take_reply(struct served *served, const json_t *reply)
{
	const json_t *addresses = json_object_get(reply, "addresses"), *zones = json_object_get(reply, "zones");
	json_int_t port = json_integer_value(json_object_get(reply, "port"));
	int error = room(served, json_array_size(addresses), json_array_size(zones));
	served->port = (uint16_t)port;
	for (size_t i = 0; i < json_array_size(addresses) && !error; i++) {
		const char *text = json_string_value(json_array_get(addresses, i));
		error = text ? take_address(served, text) : MIST_EMISMATCH;
	}
	for (size_t i = 0; i < json_array_size(zones) && !error; i++) {
		const json_t *zone = json_array_get(zones, i);
		const char *name = json_string_value(json_object_get(zone, "name"));
		error = name ? take_zone(served, name, json_string_value(json_object_get(zone, "anchor")),
		                         json_is_true(json_object_get(zone, "insecure")))
		             : MIST_EMISMATCH;
	}
	return error ? error : port > 0 && port <= UINT16_MAX && served->address_count ? MIST_OK : MIST_EMISMATCH;
}

int served_by_server(struct served *served, struct client *client, const struct mist_reporter *reporter)
{
	json_t *reply = NULL;
	int error = client_call(client, json_pack("{s:s}", "verb", "served"), NULL, NULL, &reply);
	if (error)
		return error;
	error = take_reply(served, reply);
	json_decref(reply);
	if (error)
		say(reporter, error == MIST_EMISMATCH ? "the server's reply makes no sense; it is of another version"
		                                      : mist_strerror(error));
	return error;
}

/* ---- a configuration ------------------------------------------------------------------------- */

bool served_ephemeral(const struct config *config, const char *only, const struct mist_reporter *reporter)
{
	const struct config_zone *zones = config_zones(config);
	for (size_t i = 0; i < config->zones.count; i++)
		if (zones[i].ephemeral_key && (!only || strcmp(zones[i].name, only) == 0)) {
			char text[1400];
			snprintf(text, sizeof(text), "zone %.1000s has `ephemeral_key: true`: its key lives in the server alone, "
			         "and its DS stands in the ready line of `mist serve`", zones[i].name);
			say(reporter, text);
			return true;
		}
	return false;
}

struct filling {
	struct served *served;
	const struct mist_content *content;
	const struct config *config;
};

static int fill_zone(void *user, const char *name, enum mist_dnssec dnssec)
{
	struct filling *filling = user;
	const struct config_zone *zone = &config_zones(filling->config)[filling->served->zone_count];
	char anchor[ANCHOR_SIZE];
	bool known = mist_content_anchor(filling->content, name, MIST_ANCHOR_RESOLVED, anchor,
	                                 sizeof(anchor)) == MIST_OK;
	/* A secondary zone is not here before it was transferred. */
	return take_zone(filling->served, name, known ? anchor : NULL,
	                 !known && is_insecure(dnssec, zone->primary.count != 0));
}

int served_by_config(struct served *served, const struct config *config,
                     const struct mist_reporter *reporter)
{
	struct mist_content *content = NULL;
	const struct schema_list *list = &config->listen.address;
	const char *const *addresses = list->count ? list->items : usual_addresses;
	size_t address_count = list->count ? list->count : 1;
	if (!config->listen.port) {
		say(reporter, "`listen.port` is 0, so the port is not known before the server runs: start it, or name a "
		    "port");
		return MIST_EINVAL;
	}
	if (served_ephemeral(config, NULL, reporter))
		return MIST_EINVAL;
	int error = setup_directories(config, reporter);
	if (!error)
		error = setup_content(config, SETUP_KEYS, reporter, &content);
	if (error && error != MIST_EZONE && error != MIST_EKEY)
		return error;
	error = room(served, address_count, config->zones.count);
	served->port = (uint16_t)config->listen.port;
	for (size_t i = 0; i < address_count && !error; i++)
		error = take_address(served, addresses[i]);
	struct filling filling = { served, content, config };
	if (!error)
		error = mist_content_zones(content, fill_zone, &filling);
	mist_content_free(content);
	if (error)
		say(reporter, mist_strerror(error));
	return error;
}

void served_free(struct served *served)
{
	pool_free(&served->pool);
}
