/*
 * What the server does for those who connect to its control socket: a table of verbs.
 */
#include <stdlib.h>
#include <string.h>

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

/* ---- the table ------------------------------------------------------------------------------- */

static const struct verb verbs[] = {
	{ "stats", run_stats, false },
	{ "reload", run_reload, true },
};

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

void session_leave(struct session *session, bool stopping)
{
	(void)session;
	(void)stopping;
}
