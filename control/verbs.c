/*
 * What the server does for those who connect to its control socket: a table of verbs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/served.h"
#include "control/session.h"
#include "control/text.h"

/* ---- stats ----------------------------------------------------------------------------------- */

static const struct { const char *name; size_t offset; } counters[] = {
#define COUNTER(name) { #name, offsetof(struct mist_counters, name) }
	COUNTER(udp_queries), COUNTER(tcp_queries), COUNTER(udp_replies), COUNTER(tcp_replies),
	COUNTER(dropped), COUNTER(truncated), COUNTER(local), COUNTER(denied), COUNTER(special),
	COUNTER(failed), COUNTER(forwarded), COUNTER(cache_hits), COUNTER(cache_misses),
	COUNTER(cache_inserts), COUNTER(cache_evictions), COUNTER(cache_prefetches),
	COUNTER(upstream_queries), COUNTER(upstream_answers), COUNTER(upstream_timeouts),
	COUNTER(upstream_rejected), COUNTER(coalesced), COUNTER(filtered), COUNTER(tcp_accepted),
	COUNTER(tcp_refused), COUNTER(tcp_open), COUNTER(signatures),
	COUNTER(secondary_checks), COUNTER(secondary_failures), COUNTER(secondary_wholes),
	COUNTER(secondary_changes), COUNTER(catalog_members),
#undef COUNTER
};

static const char *const rcodes[16] = {
	"noerror", "formerr", "servfail", "nxdomain", "notimp", "refused", "yxdomain", "yxrrset",
	"nxrrset", "notauth", "notzone", "11", "12", "13", "14", "15",
};

static int run_stats(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	const struct mist_server *server = session->options->server;
	struct mist_counters values;
	struct mist_status status;
	json_t *stats = json_object(), *by_rcode = json_object();
	(void)request;
	(void)problem;
	int error = mist_counters(server, &values, sizeof(values));
	if (!error)
		error = mist_status(server, &status);
	if (error)
		goto done;
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		uint64_t value;
		memcpy(&value, (const char *)&values + counters[i].offset, sizeof(value));
		json_object_set_new(stats, counters[i].name, json_integer((json_int_t)value));
	}
	for (size_t i = 0; i < 16; i++)
		if (i < 11 || values.rcode[i])
			json_object_set_new(by_rcode, rcodes[i], json_integer((json_int_t)values.rcode[i]));
	json_object_set(stats, "rcode", by_rcode);
	json_object_set(reply, "counters", stats);
	json_object_set_new(reply, "server", json_pack("{s:i,s:i,s:s,s:I}", "port", (int)status.port,
	                    "workers", (int)status.workers, "engine",
	                    status.engine == MIST_ENGINE_URING ? "uring" : "epoll",
	                    "view", (json_int_t)status.view));
done:
	json_decref(by_rcode);
	json_decref(stats);
	return error;
}

/* ---- reload ---------------------------------------------------------------------------------- */

static int run_reload(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	struct mist_reporter reporter = connection_reporter(&session->connection);
	(void)request;
	(void)reply;
	int error = session->options->reload(session->options->user, &reporter);
	if (error)
		strcpy(problem, "not reloaded; what was served before is served on");
	return error;
}

/* ---- zones ----------------------------------------------------------------------------------- */

static int add_zone(void *user, const struct mist_zone_status *status)
{
	static const char *const how[] = {
		[MIST_DNSSEC_SIGN] = "true", [MIST_DNSSEC_OFF] = "false",
		[MIST_DNSSEC_PRESIGNED] = "presigned",
	};
	json_t *zone = json_pack("{s:s,s:s}", "name", status->name, "dnssec", how[status->dnssec]);
	if (zone && status->failed)
		json_object_set_new(zone, "failed", json_true());
	else if (zone)
		json_object_set_new(zone, "serial", json_integer(status->serial));
	if (zone && status->ttl_max != UINT32_MAX)
		json_object_set_new(zone, "ttl_max", json_integer(status->ttl_max));
	if (zone && status->secondary)
		json_object_set_new(zone, "secondary", json_pack(
			"{s:s,s:I,s:I,s:I,s:I,s:s}", "primary", status->primary,
			"serial", (json_int_t)status->primary_serial, "checked", (json_int_t)status->checked_s,
			"next", (json_int_t)status->next_s, "expires", (json_int_t)status->expires_s,
			"error", status->error));
	if (zone && status->catalog)
		json_object_set_new(zone, "catalog", json_true());
	if (zone && *status->member_of)
		json_object_set_new(zone, "member_of", json_string(status->member_of));
	return json_array_append_new(user, zone) ? MIST_ENOMEM : MIST_OK;
}

static int run_zones(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	json_t *zones = json_array();
	(void)request;
	(void)problem;
	json_object_set(reply, "zones", zones);
	int error = mist_zones(session->options->server, add_zone, zones);
	json_decref(zones);
	return error;
}

/* ---- served ---------------------------------------------------------------------------------- */

static int run_served(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	const struct control_options *options = session->options;
	(void)request;
	(void)problem;
	return served_tell(options->server, options->addresses, options->address_count, reply);
}

/* ---- walk ------------------------------------------------------------------------------------ */

enum { PART_RECORDS = 64 }; /* in one line of JSON: few enough to go out as they come */

struct print {
	struct connection *connection;
	json_t *part;
};

static void send_part(struct print *print)
{
	connection_send(print->connection, json_pack("{s:O}", "records", print->part));
	json_array_clear(print->part);
}

static int print_record(void *user, const struct mist_record *record)
{
	struct print *print = user;
	char *text = text_record(record);
	if (!text || json_array_append_new(print->part, connection_text(text))) {
		free(text);
		return MIST_ENOMEM;
	}
	free(text);
	if (json_array_size(print->part) == PART_RECORDS)
		send_part(print);
	return print->connection->failed ? MIST_ETIMEOUT : MIST_OK;
}

static int run_walk(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	const char *zone = verb_text(request, "zone", problem);
	enum mist_walk what = json_is_true(json_object_get(request, "data")) ? MIST_WALK_DATA
	                                                                     : MIST_WALK_SERVED;
	struct print print = { .connection = &session->connection };
	(void)reply;
	if (!zone)
		return MIST_EINVAL;
	print.part = json_array();
	int error = print.part ? mist_walk(session->options->server, zone, what, print_record, &print)
	                       : MIST_ENOMEM;
	if (!error && json_array_size(print.part))
		send_part(&print);
	json_decref(print.part);
	if (error == MIST_ENOTFOUND)
		snprintf(problem, VERB_PROBLEM_SIZE, "no zone %.1000s is served here", zone);
	return error;
}

/* ---- registered names ------------------------------------------------------------------------ */

enum { ADDRESSES_MAX = 256 }; /* of one registration; the server has limits of its own */

static int say_why(int error, char *problem)
{
	if (error == MIST_EINVAL)
		snprintf(problem, VERB_PROBLEM_SIZE, "not registered: a name without a zone needs exactly one zone "
		         "with `registry: true`, an owner is a text of 1 to 255 octets, and addresses are like "
		         "127.0.0.1 or ::1");
	else if (error == MIST_ENOTFOUND)
		snprintf(problem, VERB_PROBLEM_SIZE, "not registered: no zone with `registry: true` is around the "
		         "name");
	return error;
}

static int run_register(struct session *session, const json_t *request, json_t *reply, char *problem)
{
	const json_t *list = json_object_get(request, "addresses");
	const char *addresses[ADDRESSES_MAX];
	struct mist_registration registration = { .size = sizeof(registration), .addresses = addresses };
	json_int_t tier = json_integer_value(json_object_get(request, "tier"));
	json_int_t lease_ms = json_integer_value(json_object_get(request, "lease_ms"));
	(void)reply;
	registration.name = verb_text(request, "name", problem);
	registration.owner = registration.name ? verb_text(request, "owner", problem) : NULL;
	if (!registration.owner)
		return MIST_EINVAL;
	if (tier < 0 || tier > INT32_MAX || lease_ms < 0 || lease_ms > UINT32_MAX ||
	    json_array_size(list) > ADDRESSES_MAX) {
		snprintf(problem, VERB_PROBLEM_SIZE, "\"tier\" is 0 to 2147483647, \"lease_ms\" 0 to 4294967295, "
		         "and there are at most %d \"addresses\"", ADDRESSES_MAX);
		return MIST_EINVAL;
	}
	for (; registration.address_count < json_array_size(list); registration.address_count++) {
		const char *address = json_string_value(json_array_get(list, registration.address_count));
		addresses[registration.address_count] = address ? address : "";
	}
	registration.tier = (unsigned)tier;
	registration.lease_ms = (uint32_t)lease_ms;
	bool hold = json_is_true(json_object_get(request, "hold"));
	return say_why(owners_register(session->owners, &registration, hold ? session->keeper : 0), problem);
}

static int run_deregister(struct session *session, const json_t *request, json_t *reply,
                          char *problem)
{
	const char *owner = verb_text(request, "owner", problem);
	const json_t *name = json_object_get(request, "name");
	(void)reply;
	if (!owner || (name && !json_is_string(name)))
		return MIST_EINVAL;
	int error = owners_deregister(session->owners, owner, json_string_value(name));
	if (error == MIST_ENOTFOUND)
		snprintf(problem, VERB_PROBLEM_SIZE, "\"%.300s\" has registered no such name", owner);
	return error;
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct verb verbs[] = {
	{ "stats", run_stats, PACE_AT_ONCE, false },
	{ "reload", run_reload, PACE_LASTING, false },
	{ "zones", run_zones, PACE_LASTING, false },
	{ "served", run_served, PACE_LASTING, false },
	{ "walk", run_walk, PACE_LASTING, false },
	{ "edit.add", run_edit_add, PACE_AT_ONCE, true },
	{ "edit.remove", run_edit_remove, PACE_AT_ONCE, true },
	{ "edit.commit", run_edit_commit, PACE_COMMIT, false },
	{ "edit.abort", run_edit_abort, PACE_AT_ONCE, false },
	{ "register", run_register, PACE_COMMIT, false },
	{ "deregister", run_deregister, PACE_COMMIT, false },
	{ "listen", run_listen, PACE_AT_ONCE, false },
};

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

const char *verb_text(const json_t *request, const char *member, char *problem)
{
	const char *text = json_string_value(json_object_get(request, member));
	if (!text)
		snprintf(problem, VERB_PROBLEM_SIZE, "this verb needs a \"%s\", a text", member);
	return text;
}
