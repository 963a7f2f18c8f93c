/*
 * Routing: a table of decisions, hostile names, and a random comparison with a model that sorts all
 * statements and asks each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/route.h"
#include "core/type.h"

/*
 * Routes from a line of text:
 *   "zone editor.land; allow update.editor.land; allow! .corp.test; deny ads.test nxdomain; default forward"
 * `allow!` has upstreams of its own.
 */
#define STATEMENTS_MAX 32

struct routing {
	struct routes *routes;
	struct zone *zones[STATEMENTS_MAX];
	struct rule *rules[STATEMENTS_MAX];
	unsigned zone_count, rule_count;
	struct rule *forward;
	enum mist_deny deny;
};

static const char *const deny_texts[] = { "default", "refused", "nxdomain", "nodata", "drop" };

static enum mist_deny deny_from_text(const char *text)
{
	for (unsigned i = 0; i < 5; i++) {
		if (strcmp(text, deny_texts[i]) == 0)
			return (enum mist_deny)i;
	}
	return MIST_DENY_DEFAULT;
}

static void wire(uint8_t name[NAME_MAX], const char *text)
{
	if (name_from_text(name, text) == 0)
		fail_msg("not a name: %s", text);
	name_lower(name, name);
}

static void add_statement(struct routing *routing, const char *verb, const char *what,
                          const char *detail)
{
	if (strcmp(verb, "zone") == 0) {
		struct zone *zone = calloc(1, sizeof *zone);
		assert_non_null(zone);
		wire(zone->name, what);
		routing->zones[routing->zone_count++] = zone;
		assert_int_equal(routes_add_zone(routing->routes, zone), MIST_OK);
		return;
	}
	if (strcmp(verb, "default") == 0 && strcmp(what, "forward") != 0) {
		routing->deny = deny_from_text(what);
		return;
	}
	struct rule *rule = calloc(1, sizeof *rule);
	assert_non_null(rule);
	snprintf(rule->text, sizeof rule->text, "%s", what);
	routing->rules[routing->rule_count++] = rule;
	if (strcmp(verb, "default") == 0) {
		snprintf(rule->text, sizeof rule->text, "default");
		routing->forward = rule;
		return;
	}
	rule->deny = strcmp(verb, "deny") == 0;
	rule->own_upstreams = strcmp(verb, "allow!") == 0;
	rule->deny_as = deny_from_text(detail);
	rule->below = what[0] == '.' || what[0] == '*';
	rule->at_name = what[0] != '*';
	what += what[0] == '*' ? 2 : what[0] == '.' && what[1];
	wire(rule->name, *what ? what : ".");
	assert_int_equal(routes_add_rule(routing->routes, rule), MIST_OK);
}

static void routing_open(struct routing *routing, const char *text)
{
	char copy[4096], *rest = copy;
	snprintf(copy, sizeof copy, "%s", text);
	*routing = (struct routing){ .deny = MIST_DENY_DEFAULT };
	assert_int_equal(routes_new(&routing->routes), MIST_OK);
	for (char *statement; (statement = strsep(&rest, ";"));) {
		char verb[16] = "", what[1000] = "", detail[16] = "";
		if (sscanf(statement, "%15s %999s %15s", verb, what, detail) >= 2)
			add_statement(routing, verb, what, detail);
	}
	routes_set_default(routing->routes, routing->deny, routing->forward);
}

static void routing_close(struct routing *routing)
{
	routes_free(routing->routes);
	for (unsigned i = 0; i < routing->zone_count; i++)
		free(routing->zones[i]);
	for (unsigned i = 0; i < routing->rule_count; i++)
		free(routing->rules[i]);
}

/* A decision as text: "local ZONE", "forward RULE" with " in ZONE" for a cut, "deny RCODE" with " by RULE"
 * and " suffix", "special NAME". */
#define DECISION_MAX 4096
static void decision(const struct route *route, char text[DECISION_MAX])
{
	char zone[NAME_TEXT_MAX] = "";
	if (route->zone)
		name_to_text(zone, route->zone->name);
	switch (route->kind) {
	case ROUTE_LOCAL:
		snprintf(text, DECISION_MAX, "local %s", zone);
		break;
	case ROUTE_FORWARD:
		snprintf(text, DECISION_MAX, "forward %s%s%s", route->rule->text, *zone ? " in " : "", zone);
		break;
	case ROUTE_DENY:
		snprintf(text, DECISION_MAX, "deny %s%s%s%s", deny_texts[route->deny_as],
		         route->rule ? " by " : "", route->rule ? route->rule->text : "",
		         route->search_suffix ? " suffix" : "");
		break;
	case ROUTE_SPECIAL:
		snprintf(text, DECISION_MAX, "special %s", route->special->name);
		break;
	}
}

static void ask(const struct routing *routing, const char *name, uint16_t type,
                char text[DECISION_MAX])
{
	uint8_t asked[NAME_MAX];
	struct name_key key;
	struct route route;
	wire(asked, name);
	name_key(&key, asked, NAME_MAX);
	route_find(routing->routes, &key, type, &route);
	decision(&route, text);
}

#define HOUSE "zone editor.land; allow update.editor.land; allow *.example.com; " \
	"allow! .corp.test; deny ads.example.com; deny .bad.example.com nxdomain"
#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct decided {
	const char *statements, *name;
	uint16_t type;
	const char *decision;
} table[] = {
	/* Plain: a zone, a cut in it, wildcard rules, denial. */
	{ HOUSE, "editor.land", TYPE_A, "local editor.land" },
	{ HOUSE, "www.editor.land", TYPE_A, "local editor.land" },
	{ HOUSE, "a.b.c.editor.land", TYPE_AAAA, "local editor.land" },
	{ HOUSE, "EDITOR.Land", TYPE_A, "local editor.land" },
	{ HOUSE, "update.editor.land", TYPE_A, "forward update.editor.land in editor.land" },
	{ HOUSE, "uPdAtE.eDiToR.lAnD", TYPE_HTTPS, "forward update.editor.land in editor.land" },
	{ HOUSE, "land", TYPE_NS, "deny refused" },
	{ HOUSE, ".", TYPE_NS, "deny refused" },
	{ HOUSE, "example.com", TYPE_A, "deny refused" },
	{ HOUSE, "www.example.com", TYPE_A, "forward *.example.com" },
	{ HOUSE, "a.b.example.com", TYPE_A, "forward *.example.com" },
	{ HOUSE, "*.example.com", TYPE_A, "forward *.example.com" },
	{ HOUSE, "corp.test", TYPE_A, "forward .corp.test" },
	{ HOUSE, "x.corp.test", TYPE_A, "forward .corp.test" },
	{ HOUSE, "com", TYPE_A, "deny refused" },

	/* Deny rules. */
	{ HOUSE, "ads.example.com", TYPE_A, "deny refused by ads.example.com" },
	{ HOUSE, "x.ads.example.com", TYPE_A, "forward *.example.com" },
	{ HOUSE, "bad.example.com", TYPE_A, "deny nxdomain by .bad.example.com" },
	{ HOUSE, "x.bad.example.com", TYPE_TXT, "deny nxdomain by .bad.example.com" },
	{ "allow .a.com; deny .a.com drop", "x.a.com", TYPE_A, "deny drop by .a.com" },
	{ "deny .a.com; allow x.a.com", "x.a.com", TYPE_A, "forward x.a.com" },
	{ "deny .a.com; allow x.a.com", "y.x.a.com", TYPE_A, "deny refused by .a.com" },
	{ "allow .a.com; deny *.a.com nodata", "a.com", TYPE_A, "forward .a.com" },
	{ "allow .a.com; deny *.a.com nodata", "x.a.com", TYPE_A, "deny nodata by *.a.com" },
	{ "allow a.com; allow .a.com", "a.com", TYPE_A, "forward a.com" },
	{ "allow .a.com; allow a.com", "a.com", TYPE_A, "forward a.com" },
	{ "allow .a.com; allow a.com", "x.a.com", TYPE_A, "forward .a.com" },
	{ "zone a.com; deny .a.com", "a.com", TYPE_A, "local a.com" },
	{ "zone a.com; deny .a.com", "x.a.com", TYPE_A, "local a.com" },
	{ "zone a.com; deny x.a.com", "x.a.com", TYPE_A, "deny refused by x.a.com" },
	{ "zone a.com; deny x.a.com", "y.x.a.com", TYPE_A, "local a.com" },
	{ "deny .a.com; zone x.a.com", "x.a.com", TYPE_A, "local x.a.com" },
	{ "zone a.com; allow .a.com", "x.a.com", TYPE_A, "local a.com" },

	/* Cuts. */
	{ HOUSE, "x.update.editor.land", TYPE_A, "deny refused" },
	{ HOUSE, "update.editor.land", TYPE_DS, "local editor.land" },
	{ HOUSE, "update.editor.land", TYPE_NSEC, "local editor.land" },
	{ HOUSE, "update.editor.land", TYPE_DNSKEY, "forward update.editor.land in editor.land" },
	{ HOUSE, "update.editor.land", TYPE_NS, "forward update.editor.land in editor.land" },
	{ HOUSE, "x.update.editor.land", TYPE_DS, "deny refused" },
	{ "zone a; allow *.x.a", "x.a", TYPE_A, "local a" },
	{ "zone a; allow *.x.a", "x.a", TYPE_DS, "local a" },
	{ "zone a; allow *.x.a", "y.x.a", TYPE_A, "forward *.x.a in a" },
	{ "zone a; allow *.x.a", "y.x.a", TYPE_DS, "forward *.x.a in a" },
	/* the cut is there although its own name is denied: names below it need the proof */
	{ "zone a; allow *.x.a; deny x.a", "x.a", TYPE_A, "deny refused by x.a" },
	{ "zone a; allow *.x.a; deny x.a", "x.a", TYPE_DS, "local a" },
	{ "zone a; allow *.x.a; deny x.a", "x.a", TYPE_NSEC, "local a" },
	{ "zone a; allow *.x.a; deny x.a", "y.x.a", TYPE_DS, "forward *.x.a in a" },
	{ "zone a; allow *.y.x.a; deny x.a", "x.a", TYPE_DS, "deny refused by x.a" },
	{ "zone a; allow .x.a", "x.a", TYPE_A, "forward .x.a in a" },
	{ "zone a; allow .x.a", "x.a", TYPE_NSEC, "local a" },
	{ "zone a; allow .x.a; allow y.x.a", "y.x.a", TYPE_DS, "forward y.x.a in a" },
	{ "zone a; allow .x.a; zone z.x.a", "z.x.a", TYPE_DS, "local z.x.a" },
	{ "zone a; allow .x.a; zone z.x.a", "w.z.x.a", TYPE_A, "local z.x.a" },
	{ "zone a; allow x.a; deny y.x.a drop", "y.x.a", TYPE_A, "deny drop by y.x.a" },
	{ "allow x.a", "x.a", TYPE_DS, "forward x.a" },

	/* Zones in zones. */
	{ "zone a; zone b.a", "b.a", TYPE_A, "local b.a" },
	{ "zone a; zone b.a", "b.a", TYPE_NSEC, "local b.a" },
	{ "zone a; zone b.a", "b.a", TYPE_DS, "local a" },
	{ "zone a; zone b.a", "c.b.a", TYPE_DS, "local b.a" },
	{ "zone a; zone b.a", "bb.a", TYPE_A, "local a" },
	{ "zone a; zone d.c.b.a", "d.c.b.a", TYPE_DS, "local a" },
	{ "zone a; zone b.a; zone c.b.a", "c.b.a", TYPE_DS, "local b.a" },
	{ "zone a; zone b.a; zone c.b.a", "x.c.b.a", TYPE_A, "local c.b.a" },
	{ "zone b.a", "b.a", TYPE_DS, "local b.a" },
	{ "zone .", "anything.at.all", TYPE_A, "local ." },
	{ "zone .; allow x.y", "x.y", TYPE_A, "forward x.y in ." },
	{ "zone .; allow x.y", "z.x.y", TYPE_A, "deny refused" },

	/* Defaults. */
	{ "default nxdomain", "a.com", TYPE_A, "deny nxdomain" },
	{ "default nodata; deny a.com", "a.com", TYPE_A, "deny nodata by a.com" },
	{ "default drop; deny a.com refused", "a.com", TYPE_A, "deny refused by a.com" },
	{ "default forward", "a.com", TYPE_A, "forward default" },
	{ "default forward", ".", TYPE_NS, "forward default" },
	{ "default forward; deny .a.com", "x.a.com", TYPE_A, "deny refused by .a.com" },
	{ "default forward; zone a; allow x.a", "y.x.a", TYPE_A, "deny refused" },
	{ "default forward; zone a", "y.a", TYPE_A, "local a" },
	{ "allow *.", "a.com", TYPE_A, "forward *." },
	{ "allow *.", ".", TYPE_A, "deny refused" },
	{ "allow *.; deny ads.com", "ads.com", TYPE_A, "deny refused by ads.com" },

	/* Special-use names. */
	{ "default forward", "localhost", TYPE_A, "special localhost" },
	{ "default forward", "x.LOCALHOST", TYPE_A, "special localhost" },
	{ "allow! .localhost", "x.localhost", TYPE_A, "special localhost" },
	{ "allow! .onion", "x.onion", TYPE_A, "special onion" },
	{ "allow! x.y.invalid", "x.y.invalid", TYPE_A, "special invalid" },
	{ "allow .local", "printer.local", TYPE_A, "special local" },
	{ "allow! .local", "printer.local", TYPE_A, "forward .local" },
	{ "allow! printer.local", "other.local", TYPE_A, "special local" },
	{ "allow! *.arpa", "1.0.0.10.in-addr.arpa", TYPE_PTR, "special 10.in-addr.arpa" },
	{ "allow! *.arpa", "8.8.8.8.in-addr.arpa", TYPE_PTR, "forward *.arpa" },
	{ "allow! .10.in-addr.arpa", "1.0.0.10.in-addr.arpa", TYPE_PTR, "forward .10.in-addr.arpa" },
	{ "default forward", "1.0.0.127.in-addr.arpa", TYPE_PTR, "special 127.in-addr.arpa" },
	{ "default forward", "1.64.100.in-addr.arpa", TYPE_PTR, "special 64.100.in-addr.arpa" },
	{ "default forward", "1.128.100.in-addr.arpa", TYPE_PTR, "forward default" },
	{ "default forward", "1.32.172.in-addr.arpa", TYPE_PTR, "forward default" },
	{ "default forward",
	  "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", TYPE_PTR,
	  "special 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa" },
	{ "default forward", "locals", TYPE_A, "forward default" },
	{ "", "x.internal", TYPE_A, "special internal" },
	{ "deny .internal", "x.internal", TYPE_A, "deny refused by .internal" },
	{ "zone test", "x.test", TYPE_A, "local test" },
	{ "zone arcbox.local", "x.arcbox.local", TYPE_A, "local arcbox.local" },
	{ "zone arcbox.local", "x.local", TYPE_A, "special local" },
	{ "zone .", "x.onion", TYPE_A, "local ." },
	{ "zone .; allow! .onion", "x.onion", TYPE_A, "local ." },
	{ "zone arcbox.local; allow x.arcbox.local", "x.arcbox.local", TYPE_A, "local arcbox.local" },
	{ "zone arcbox.local; allow x.arcbox.local", "y.x.arcbox.local", TYPE_A, "local arcbox.local" },
	{ "zone arcbox.local; allow! x.arcbox.local", "x.arcbox.local", TYPE_A,
	  "forward x.arcbox.local in arcbox.local" },
	{ "zone 168.192.in-addr.arpa", "1.0.168.192.in-addr.arpa", TYPE_PTR,
	  "local 168.192.in-addr.arpa" },
	{ "zone in-addr.arpa", "1.0.168.192.in-addr.arpa", TYPE_PTR, "local in-addr.arpa" },

	/* Search lists at work. */
	{ HOUSE, "update.editor.land.corp.example", TYPE_A, "deny refused suffix" },
	{ HOUSE, "www.editor.land.svc.cluster.example", TYPE_A, "deny refused suffix" },
	{ HOUSE, "WWW.editor.LAND.example", TYPE_A, "deny refused suffix" },
	{ HOUSE, "www.example.com.example", TYPE_A, "deny refused suffix" },
	{ HOUSE, "example.com.example", TYPE_A, "deny refused" },
	{ HOUSE, "ads.example.com.example", TYPE_A, "deny refused" },
	{ HOUSE, "land.example", TYPE_A, "deny refused" },
	{ HOUSE, "www.land.example", TYPE_A, "deny refused" },
	{ HOUSE, "localhost.example", TYPE_A, "deny refused suffix" },
	{ HOUSE, "x.invalid.example", TYPE_A, "deny refused" },
	{ HOUSE, "x.update.editor.land.example", TYPE_A, "deny refused" },
	{ "allow *.; deny .ads.com", "www.ads.com", TYPE_A, "deny refused by .ads.com" },
	{ "zone .; deny .ads.com", "www.ads.com", TYPE_A, "deny refused by .ads.com" },
	{ "zone a; default nodata", "x.a.b", TYPE_A, "deny nodata suffix" },
	{ "zone a; default drop; deny .b", "x.a.b", TYPE_A, "deny drop by .b suffix" },
	{ "zone a; default forward; deny .b", "x.a.c.b", TYPE_A, "deny refused by .b suffix" },
	{ "zone a; default forward; deny .b", "x.y.c.b", TYPE_A, "deny refused by .b" },

	/* Hostile names: whole labels decide, whatever their octets. */
	{ HOUSE, "evilupdate.editor.land", TYPE_A, "local editor.land" },
	{ HOUSE, "evileditor.land", TYPE_A, "deny refused" },
	{ HOUSE, "editor.land.evil", TYPE_A, "deny refused suffix" },
	{ HOUSE, "editor.landevil", TYPE_A, "deny refused" },
	{ HOUSE, "update\\.editor.land", TYPE_A, "deny refused" },
	{ HOUSE, "update.editor\\.land", TYPE_A, "deny refused" },
	{ HOUSE, "update\\.editor\\.land", TYPE_A, "deny refused" },
	{ HOUSE, "www\\.example.com", TYPE_A, "deny refused" },
	{ HOUSE, "x\\.editor.land", TYPE_A, "deny refused" },
	{ HOUSE, "update\\000.editor.land", TYPE_A, "local editor.land" },
	{ HOUSE, "editor\\000.land", TYPE_A, "deny refused" },
	{ HOUSE, "editor.land\\000", TYPE_A, "deny refused" },
	{ HOUSE, "editor.land\\ ", TYPE_A, "deny refused" },
	{ HOUSE, "\\006editor.land", TYPE_A, "deny refused" },
	{ HOUSE, "editor\\004land", TYPE_A, "deny refused" },
	{ HOUSE, LABEL_63 ".land", TYPE_A, "deny refused" },
	{ HOUSE, LABEL_63 "." LABEL_63 ".example", TYPE_A, "deny refused" },
	{ HOUSE, LABEL_63 ".example.com", TYPE_A, "forward *.example.com" },
	{ "zone " LABEL_63 ".land", LABEL_63 ".land", TYPE_A, "local " LABEL_63 ".land" },
	{ "zone " LABEL_63 ".land", "a.land", TYPE_A, "deny refused" },
	{ HOUSE, "edito\\242.land", TYPE_A, "deny refused" },
	{ HOUSE, "com.com.com.com.com.com.com.com.com.com.com.com.com.com.com.com.com", TYPE_A,
	  "deny refused" },
};

static void the_table_holds(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct routing routing;
		char text[DECISION_MAX];
		routing_open(&routing, table[i].statements);
		ask(&routing, table[i].name, table[i].type, text);
		if (strcmp(text, table[i].decision) != 0) {
			print_error("%s: %s type %u:\n  is  %s\n  not %s\n", table[i].statements, table[i].name,
			            table[i].type, text, table[i].decision);
			wrong++;
		}
		routing_close(&routing);
	}
	assert_int_equal(wrong, 0);
}

static void the_special_names_are_names(void **state)
{
	(void)state;
	unsigned count;
	const struct special *specials = special_table(&count);
	assert_true(count > 80);
	for (unsigned i = 0; i < count; i++) {
		uint8_t name[NAME_MAX], other[NAME_MAX];
		wire(name, specials[i].name);
		assert_non_null(specials[i].reference);
		for (unsigned j = 0; j < i; j++) {
			wire(other, specials[j].name);
			assert_false(name_within(name, other)); /* neither twice nor one below another */
			assert_false(name_within(other, name));
		}
	}
}

/*
 * The model: every statement is a line of a flat list, names are text cut at dots, and the
 * decision is the best line by sorting.
 */
struct line {
	char name[64];      /* "" is the root */
	enum { LINE_ZONE, LINE_DENY, LINE_EXACT, LINE_WILD, LINE_SPECIAL } rank;
	bool at, below, own;
	char text[72];
};

static unsigned dots(const char *name)
{
	if (!*name)
		return 0;
	unsigned count = 1;
	for (; *name; name++)
		count += *name == '.';
	return count;
}

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);
	return end_len == 0 || strcmp(name, end) == 0 ||
	       (len > end_len && name[len - end_len - 1] == '.' && strcmp(name + len - end_len, end) == 0);
}

static int better(const void *a, const void *b)
{
	const struct line *one = a, *two = b;
	unsigned one_dots = dots(one->name), two_dots = dots(two->name);
	if (one_dots != two_dots)
		return one_dots > two_dots ? -1 : 1;
	return (int)one->rank - (int)two->rank;
}

static bool speaks(const struct line *line, const char *name)
{
	return strcmp(line->name, name) == 0 ? line->at : line->below && ends_in(name, line->name);
}

/* `lines` are sorted, best first. */
static void model(const struct line *lines, unsigned count, bool default_forward, const char *name,
                  uint16_t type, bool search, char text[DECISION_MAX])
{
	const struct line *zone = NULL, *parent = NULL, *best = NULL, *special = NULL;
	for (unsigned i = 0; i < count; i++) {
		const struct line *line = &lines[i];
		if (line->rank == LINE_ZONE && speaks(line, name)) {
			if (!zone)
				zone = line;
			else if (!parent)
				parent = line;
		}
	}
	/* Allow rules between the name and its zone, and between the zone and its parent. */
	bool cut_at = false, cut_above = false, cut_parent = false;
	for (unsigned i = 0; i < count; i++) {
		const struct line *line = &lines[i];
		if ((line->rank != LINE_EXACT && line->rank != LINE_WILD) || !ends_in(name, line->name))
			continue;
		if (!zone || dots(line->name) > dots(zone->name)) {
			cut_at = cut_at || strcmp(line->name, name) == 0;
			cut_above = cut_above || strcmp(line->name, name) != 0;
		} else if (parent && dots(line->name) < dots(zone->name) &&
		           dots(line->name) > dots(parent->name)) {
			cut_parent = true;
		}
	}
	for (unsigned i = 0; i < count; i++) {
		if (!best && speaks(&lines[i], name))
			best = &lines[i];
		if (!special && lines[i].rank == LINE_SPECIAL && speaks(&lines[i], name))
			special = &lines[i];
	}
	bool apex = zone && strcmp(zone->name, name) == 0;
	if (apex) {
		snprintf(text, DECISION_MAX, "local %s",
		         type == TYPE_DS && parent && !cut_parent ? parent->text : zone->text);
		return;
	}
	bool forward = best && (best->rank == LINE_EXACT || best->rank == LINE_WILD);
	bool reaches = zone && !cut_above;
	if (best && best->rank == LINE_SPECIAL && !reaches) {
		snprintf(text, DECISION_MAX, "special %s", special->text);
		return;
	}
	if (zone && cut_at && !cut_above && (type == TYPE_DS || type == TYPE_NSEC)) {
		snprintf(text, DECISION_MAX, "local %s", zone->text);
		return;
	} else if (best && best->rank == LINE_DENY) {
		snprintf(text, DECISION_MAX, "deny refused by %s", best->text);
	} else if (forward) {
		snprintf(text, DECISION_MAX, "forward %s%s%s", best->text, zone ? " in " : "",
		         zone ? zone->text : "");
		return;
	} else if (reaches) {
		snprintf(text, DECISION_MAX, "local %s", zone->text);
		return;
	} else if (!zone && default_forward) {
		snprintf(text, DECISION_MAX, "forward default");
		return;
	} else {
		snprintf(text, DECISION_MAX, "deny refused");
	}
	/* Denied: is a part of it known? */
	for (const char *dot = strchr(name, '.'); search && dot; dot = strchr(dot + 1, '.')) {
		char front[64], front_text[DECISION_MAX];
		snprintf(front, sizeof front, "%.*s", (int)(dot - name), name);
		model(lines, count, default_forward, front, TYPE_A, false, front_text);
		bool catch_all = strcmp(front_text, "local .") == 0 || strstr(front_text, "forward default") ||
		                 strncmp(front_text, "forward *. ", 11) == 0 ||
		                 strcmp(front_text, "forward *.") == 0;
		if ((!strncmp(front_text, "local", 5) || !strncmp(front_text, "forward", 7)) && !catch_all) {
			strcat(text, " suffix");
			return;
		}
	}
}

static unsigned long seed = 20261121;
static unsigned roll(unsigned sides)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(seed >> 33) % sides;
}

/* Names of few labels over few letters, so that everything meets. Two of the
 * labels are special-use names. */
static void random_name(char name[64], unsigned least)
{
	static const char *const labels[] = { "a", "b", "c", "ab", "onion", "local" };
	unsigned count = least + roll(5 - least);
	name[0] = 0;
	for (unsigned i = 0; i < count; i++) {
		if (i)
			strcat(name, ".");
		strcat(name, labels[roll(6)]);
	}
}

static unsigned random_lines(struct line *lines, char statements[2048], bool *default_forward)
{
	unsigned count = 0, wanted = 1 + roll(10);
	statements[0] = 0;
	for (unsigned i = 0; i < wanted; i++) {
		static const char *const verbs[] = { "zone", "deny", "allow", "allow!" };
		struct line *line = &lines[count];
		*line = (struct line){ .at = true };
		random_name(line->name, 0);
		unsigned verb = roll(4), form = roll(3);
		const char *shown = *line->name ? line->name : ".";
		if (verb == 0) {
			line->rank = LINE_ZONE;
			line->below = true;
			snprintf(line->text, sizeof line->text, "%s", shown);
		} else {
			line->rank = verb == 1 ? LINE_DENY : form == 0 ? LINE_EXACT : LINE_WILD;
			line->own = verb == 3;
			line->at = form != 1;
			line->below = form != 0;
			if (!*line->name && form == 2)
				continue; /* "." is exact; there is no ".." */
			snprintf(line->text, sizeof line->text, "%s%s", form == 1 ? "*." : form == 2 ? "." : "",
			         form == 0 ? shown : line->name);
		}
		if (!*line->name && verb != 0)
			continue; /* rules of the root are in the table above */
		bool twice = false;
		for (unsigned j = 0; j < count; j++)
			twice = twice || (strcmp(lines[j].name, line->name) == 0 &&
			                  (lines[j].rank == line->rank || (verb == 1 && lines[j].rank == LINE_DENY)));
		if (twice)
			continue;
		char *end = statements + strlen(statements);
		snprintf(end, 200, "%s %s; ", verbs[verb], line->text);
		/* What special-use names hold back is as if it had not been said. */
		if (verb < 2 || !(ends_in(line->name, "onion") ||
		                  (ends_in(line->name, "local") && !line->own)))
			count++;
	}
	*default_forward = roll(3) == 0;
	if (*default_forward)
		strcat(statements, "default forward");
	lines[count++] = (struct line){ .name = "onion", .text = "onion", .rank = LINE_SPECIAL,
		                        .at = true, .below = true };
	lines[count++] = (struct line){ .name = "local", .text = "local", .rank = LINE_SPECIAL,
		                        .at = true, .below = true };
	qsort(lines, count, sizeof *lines, better);
	return count;
}

static void the_model_agrees(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (unsigned round = 0; round < 3000 && wrong < 5; round++) {
		struct line lines[STATEMENTS_MAX];
		char statements[2048];
		bool default_forward;
		unsigned count = random_lines(lines, statements, &default_forward);
		struct routing routing;
		routing_open(&routing, statements);
		for (unsigned i = 0; i < 60; i++) {
			static const uint16_t types[] = { TYPE_A, TYPE_A, TYPE_DS, TYPE_NSEC };
			char name[64], is[DECISION_MAX], should[DECISION_MAX];
			uint16_t type = types[roll(4)];
			random_name(name, 1);
			ask(&routing, name, type, is);
			model(lines, count, default_forward, name, type, true, should);
			if (strcmp(is, should) != 0) {
				print_error("%s\n%s type %u:\n  is  %s\n  not %s\n", statements, name, type, is, should);
				wrong++;
			}
		}
		routing_close(&routing);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_holds),
		cmocka_unit_test(the_special_names_are_names),
		cmocka_unit_test(the_model_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
