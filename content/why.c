/*
 * Explaining a decision: the question is put to a view of the content, exactly as a worker would,
 * and what happened is said in words.
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "content/content.h"
#include "content/parts.h"
#include "core/lead.h"
#include "core/query.h"
#include "core/wire.h"
#include "core/zone_edit.h"

#define FLAGS_AT 2   /* in a message (RFC 1035 section 4.1.1) */
#define ANSWERS_AT 6

struct asked {
	const struct mist_content *content;
	const struct view *view;
	const char *name;            /* as text */
	uint8_t wire[NAME_MAX];
	uint16_t type;
	struct route route;
	enum verdict verdict;
	bool transfer;               /* AXFR or IXFR */
	unsigned rcode;
};

static size_t make_question(const struct asked *asked, uint8_t octets[512])
{
	struct writer w = writer_on(octets, 512);
	writer_u16(&w, 1);
	writer_u16(&w, FLAG_RD);
	writer_u16(&w, 1);
	writer_put(&w, (uint8_t[6]){ 0 }, 6);
	writer_put(&w, asked->wire, name_len(asked->wire));
	writer_u16(&w, asked->type);
	writer_u16(&w, CLASS_IN);
	return writer_len(&w);
}

static int ask(struct asked *asked, struct mist_why *why)
{
	static const struct identity nobody; /* without EDNS there is neither cookie nor NSID */
	uint8_t octets[512];
	uint8_t *response = malloc(MESSAGE_MAX);
	if (!response)
		return MIST_ENOMEM;
	struct query query = {
		.octets = octets, .len = make_question(asked, octets),
		.response = response, .response_size = MESSAGE_MAX,
		.transport = TRANSPORT_LOCAL, .now_s = (uint32_t)time(NULL), .identity = &nobody,
	};
	asked->verdict = query_process(&query, asked->view);
	asked->transfer = asked->verdict == QUERY_HANDOFF;
	if (asked->transfer) /* as the workers do */
		asked->verdict = query_fail(&query, RCODE_REFUSED, EDE_NONE, NULL);
	if (asked->verdict == QUERY_REPLY) {
		asked->rcode = wire_get16(response + FLAGS_AT) & 15;
		rcode_to_text(asked->rcode, why->rcode);
		why->answer_count = wire_get16(response + ANSWERS_AT);
	}
	free(response);
	return MIST_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Words. All of them are cut where the text is full.
 */

__attribute__((format(printf, 2, 3)))
static void say(struct mist_why *why, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why->text, sizeof(why->text), format, arguments);
	va_end(arguments);
}

static void say_local(const struct asked *asked, struct mist_why *why)
{
	const char *zone = why->zone;
	char type[16];
	type_to_text(asked->type, type);
	if (asked->verdict == QUERY_FORWARD)
		say(why, "local zone %s has an alias here that leads to a forwarded name; its target is "
		         "asked of upstreams", zone);
	else if (asked->rcode == RCODE_NXDOMAIN && zone_carved(asked->route.zone, asked->wire, false))
		say(why, "it is a known name with the search suffix %s behind it; instead of an answer from that zone's "
		         "wildcard it gets NXDOMAIN, so that the client goes on to the next one", zone);
	else if (asked->rcode == RCODE_NXDOMAIN)
		say(why, "local zone %s is responsible and has no such name", zone);
	else if (asked->rcode == RCODE_NOERROR && !why->answer_count)
		say(why, "local zone %s has this name, but nothing of type %s to answer with", zone, type);
	else if (asked->rcode == RCODE_NOERROR)
		say(why, "answered from local zone %s with %zu record%s", zone, why->answer_count,
		    why->answer_count == 1 ? "" : "s");
	else
		say(why, "local zone %s is responsible and answers %s", zone, why->rcode);
}

static void say_bare(const struct asked *asked, struct mist_why *why)
{
	if (asked->rcode == RCODE_NXDOMAIN)
		say(why, "a single label, which belongs to the registry while there is one, and nobody registered it; "
		         "it is never sent out");
	else
		say(why, "the registry knows the name; it answers without signatures, from local zone %s, with %zu record%s",
		    why->zone, why->answer_count, why->answer_count == 1 ? "" : "s");
}

static size_t say_upstreams(const struct upstream_set *set, char *text, size_t size)
{
	size_t len = 0;
	text[0] = 0;
	for (unsigned i = 0; i < set->count && len + 64 < size; i++) {
		const struct upstream_address *a = &set->addresses[i];
		char host[INET6_ADDRSTRLEN];
		inet_ntop(a->family, a->octets, host, sizeof(host));
		const char *format = a->family == AF_INET ? "%s%s:%u" : "%s[%s]:%u";
		len += (size_t)snprintf(text + len, size - len, format, i ? ", " : "", host, a->port);
	}
	return len;
}

static void say_forward(const struct asked *asked, struct mist_why *why)
{
	const struct rule *rule = asked->route.rule;
	const struct upstream_set *set = &asked->view->upstream_sets[rule ? rule->upstream_set : 0];
	const char *source = rule && rule->own_upstreams ? "the rule's own"
	                     : set->from_resolv_conf     ? "those of resolv.conf"
	                                                 : "those of forward.upstreams";
	char list[256];
	if (!say_upstreams(set, list, sizeof(list)))
		say(why, "to be forwarded (%s), but no upstream is known: it gets SERVFAIL; name servers "
		         "under forward.upstreams", why->rule);
	else if (asked->route.zone)
		say(why, "forwarded by rule \"%s\" to %s (%s); it lies inside local zone %s, which "
		         "publishes an unsigned delegation for it", why->rule, list, source, why->zone);
	else
		say(why, "forwarded by rule \"%s\" to %s (%s)", why->rule, list, source);
}

static void say_deny(const struct asked *asked, struct mist_why *why)
{
	if (asked->route.search_suffix)
		say(why, "denied: it is a known name with a search suffix behind it, and gets NXDOMAIN so "
		         "that the client goes on to the next one");
	else if (asked->route.rule)
		say(why, "denied by rule \"%s\"; nothing was sent anywhere", why->rule);
	else if (why->zone[0])
		say(why, "denied: it lies below a name inside local zone %s that is forwarded, and no rule "
		         "covers it; add `- .NAME` for that name, or `- %s`, under forward.allow to allow "
		         "it", why->zone, asked->name);
	else if (!asked->wire[0]) /* the rule `.` would allow every name there is */
		say(why, "denied because no zone and no rule covers it");
	else
		say(why, "denied because no zone and no rule covers it; add `- %s` under forward.allow to "
		         "allow it", asked->name);
}

static void explain(const struct asked *asked, struct mist_why *why)
{
	const struct route *route = &asked->route;
	if (asked->transfer) {
		why->verdict = MIST_VERDICT_DENY;
		say(why, "a zone transfer, and nobody may have one");
		return;
	}
	switch (route->kind) {
	case ROUTE_LOCAL:
		why->verdict = MIST_VERDICT_LOCAL;
		if (route->bare)
			say_bare(asked, why);
		else
			say_local(asked, why);
		if (!route->zone->failed)
			break;
		why->verdict = MIST_VERDICT_FAILED;
		say(why, "local zone %s is responsible, but does not load: %s", why->zone,
		    route->zone->reason);
		break;
	case ROUTE_FORWARD:
		why->verdict = MIST_VERDICT_FORWARD;
		why->rcode[0] = 0;
		say_forward(asked, why);
		break;
	case ROUTE_DENY:
		why->verdict = MIST_VERDICT_DENY;
		why->deny = route->search_suffix ? MIST_DENY_NXDOMAIN : route->deny_as;
		say_deny(asked, why);
		break;
	case ROUTE_SPECIAL:
		why->verdict = MIST_VERDICT_SPECIAL;
		say(why, "%s is a special-use name (%s): answered here, never sent out",
		    route->special->name, route->special->reference);
		break;
	}
}

static int explain_in_view(struct asked *asked, struct mist_why *why)
{
	struct mist_why made = { .verdict = MIST_VERDICT_DENY };
	struct name_key key;
	name_key(&key, asked->wire, NAME_MAX);
	struct lead lead;
	lead_find(asked->view, &key, asked->type, &lead);
	asked->route = lead.route;
	int error = ask(asked, &made);
	if (error)
		return error;
	const struct zone *zone = asked->route.zone;
	if (!zone && asked->route.kind == ROUTE_DENY) {
		/* Below a cut the route names no zone, a person wants to know of it. */
		const struct mist_zone *around = content_zone_around(asked->content, asked->wire, false);
		zone = around ? around->zone : NULL;
	}
	if (zone)
		name_to_text(made.zone, zone->name);
	if (asked->route.rule)
		strcpy(made.rule, asked->route.rule->text);
	explain(asked, &made);
	*why = made;
	return MIST_OK;
}

int mist_content_why(const struct mist_content *content, const char *name, uint16_t type,
                     struct mist_why *why)
{
	struct asked asked = { .content = content, .name = name, .type = type };
	if (!content || !name || !why)
		return MIST_EINVAL;
	int error = content_open(content);
	if (error != MIST_ESEALED)
		return error ? error : MIST_EINVAL;
	if (!name_from_text(asked.wire, name))
		return MIST_ENAME;
	name_lower(asked.wire, asked.wire);
	struct view *view = content_view(content);
	if (!view)
		return MIST_ENOMEM;
	asked.view = view;
	error = explain_in_view(&asked, why);
	view_free(view);
	return error;
}
