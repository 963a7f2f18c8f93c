/*
 * Views of a content, and what makes the next one: signatures that come due, a resolv.conf that has
 * changed, a predecessor whose serials must be exceeded.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "content/content.h"
#include "content/parts.h"
#include "content/serial.h"
#include "core/report.h"
#include "dnssec/keyring.h"
#include "dnssec/sign.h"
#include "forward/resolv.h"

/* ------------------------------------------------------------------------------------------------
 * Views
 */

static bool copy_sets(struct view *view, const struct mist_content *content)
{
	view->upstream_sets = calloc(content->set_count, sizeof(*view->upstream_sets));
	if (!view->upstream_sets)
		return false;
	for (size_t i = 0; i < content->set_count; i++) {
		const struct upstream_set *from = &content->sets[i];
		struct upstream_set *to = &view->upstream_sets[view->upstream_set_count++];
		*to = *from;
		to->policy = content_policy(from, false);
		to->addresses = malloc((from->count + 1u) * sizeof(*to->addresses));
		if (!to->addresses)
			return false;
		memcpy(to->addresses, from->addresses, from->count * sizeof(*to->addresses));
	}
	return true;
}

/* The rules, and behind them the one that forwards what nothing else covers. */
static bool copy_rules(struct view *view, const struct mist_content *content)
{
	view->rules = calloc(content->rule_count + 1, sizeof(*view->rules));
	if (!view->rules)
		return false;
	view->forwards = content->options.forward_by_default;
	for (size_t i = 0; i < content->rule_count; i++) {
		view->rules[i] = content->rules[i]->rule;
		view->forwards |= !view->rules[i].deny && !content->rules[i]->useless;
	}
	view->rule_count = content->rule_count + 1;
	struct rule *all = &view->rules[content->rule_count];
	all->at_name = all->below = true;
	strcpy(all->text, "default: forward");
	for (size_t i = 0; i < view->rule_count; i++) {
		struct rule *rule = &view->rules[i];
		rule->policy = content_policy(&content->sets[rule->upstream_set], rule->private_addresses);
	}
	return true;
}

/* Behind the zones that routes lead to stands that of the addresses. */
static bool hold_zones(struct view *view, const struct mist_content *content)
{
	view->zones = malloc((content->zone_count + 2) * sizeof(*view->zones));
	if (!view->zones)
		return false;
	for (size_t i = 0; i < content->zone_count; i++) {
		struct zone *zone = content_newest(content->zones[i]);
		zone_hold(zone);
		view->zones[view->zone_count++] = zone;
	}
	if (content->reverse) {
		view->zones[view->zone_count++] = content_newest(content->reverse);
		zone_hold(content_newest(content->reverse));
		view->reverse = view->zone_count;
	}
	return true;
}

static bool list_registries(struct view *view, const struct mist_content *content)
{
	if (content->registry_count == 0)
		return true;
	view->registries = malloc(content->registry_count * sizeof(*view->registries));
	for (size_t i = 0; view->registries && i < content->registry_count; i++)
		view->registries[view->registry_count++] = (uint16_t)content->registries[i]->index;
	return view->registries != NULL;
}

static bool make_routes(struct view *view, const struct mist_content *content)
{
	int error = routes_new(&view->routes);
	for (size_t i = 0; i < content->zone_count && !error; i++)
		error = routes_add_zone(view->routes, view->zones[i]);
	for (size_t i = 0; i < content->rule_count && !error; i++)
		error = routes_add_rule(view->routes, &view->rules[i]);
	if (error)
		return false;
	routes_set_default(view->routes, content->options.deny,
	                   content->options.forward_by_default ? &view->rules[content->rule_count]
	                                                       : NULL);
	return true;
}

struct view *content_view(const struct mist_content *content)
{
	struct view *view = calloc(1, sizeof(*view));
	if (!view)
		return NULL;
	view->timeout_ms = content->options.timeout_ms;
	view->max_ttl_s = content->options.max_ttl_s;
	view->keyring = keyring_hold(content->keyring);
	view->keyring_release = keyring_release;
	if (copy_sets(view, content) && copy_rules(view, content) && hold_zones(view, content) &&
	    list_registries(view, content) &&
	    make_routes(view, content))
		return view;
	view_free(view);
	return NULL;
}

struct view *content_view_next(const struct mist_content *content, struct view *base,
                               struct mist_zone *const *zones, size_t count)
{
	if (content->view_owed)
		return content_view(content); /* more than these zones differs */
	struct view_change *changes = malloc((count + 1) * sizeof(*changes));
	if (!changes)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct zone *version = content_newest(zones[i]);
		zone_hold(version);
		changes[i] = (struct view_change){ zones[i]->index, version };
	}
	struct view *view = NULL;
	view_next(&view, base, changes, count);
	free(changes);
	return view;
}

/* ------------------------------------------------------------------------------------------------
 * resolv.conf
 */

/* resolv_read() may follow /etc/resolv.conf to this one. */
#define RESOLVED_CONF "/run/systemd/resolve/resolv.conf"

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Notes what the files look like; false if they look as they did. */
static bool resolv_changed(struct mist_content *content)
{
	const char *paths[2] = { content->options.resolv_conf, RESOLVED_CONF };
	bool changed = false;
	for (unsigned i = 0; i < 2; i++) {
		struct stat now;
		if (stat(paths[i], &now))
			memset(&now, 0, sizeof(now));
		changed |= !same_file(&now, &content->resolv_status[i]);
		content->resolv_status[i] = now;
	}
	return changed;
}

bool content_read_resolv(struct mist_content *content)
{
	const struct mist_content_options *options = &content->options;
	struct upstream_set *own = &content->sets[0];
	if (!own->from_resolv_conf)
		return false;
	bool first = !content->is_sealed;
	if (!resolv_changed(content) && !first)
		return false;
	struct upstream_address addresses[UPSTREAMS_MAX];
	size_t count = 0;
	int error = resolv_read(options->resolv_conf, addresses, UPSTREAMS_MAX, &count);
	if (error || count == 0)
		report(&options->reporter, MIST_LEVEL_WARNING, options->resolv_conf, 0,
		       "%s; forwarded names get SERVFAIL until there is one, or until forward.upstreams "
		       "names servers", error ? "cannot be read, so no name server is known"
		                              : "names no name server");
	struct upstream_address *copy = malloc((count + 1) * sizeof(*copy));
	if (!copy)
		return false;
	memcpy(copy, addresses, count * sizeof(*copy));
	uint64_t before = content_policy(own, false);
	bool was_empty = own->count == 0;
	free(own->addresses);
	own->addresses = copy;
	own->count = (uint16_t)count;
	bool differ = content_policy(own, false) != before || was_empty != (count == 0);
	if (differ && !first)
		report(&options->reporter, MIST_LEVEL_INFO, options->resolv_conf, 0,
		       "read again: %zu name server%s", count, count == 1 ? "" : "s");
	return differ;
}

/* ------------------------------------------------------------------------------------------------
 * Renewal
 */

/* Renewals within this part of a signature's life are done at once: each makes a serial and a
 * transfer. The jitter spreads a zone's sets over their whole life in time; with 14 days there are
 * then two versions a day. */
#define AHEAD_PART 40

static void take_version(struct mist_zone *zone, struct zone *version, uint32_t now_s)
{
	zone_release(zone->zone);
	zone->zone = version;
	zone->signed_s = now_s;
	zone->due_s = sign_due(version);
	content_keep_serial(zone);
}

/* The next version of a zone: a serial above `last`, signatures due within `ahead_s` renewed. */
static int next_version(struct mist_zone *zone, uint32_t last, uint32_t now_s, uint32_t ahead_s,
                        uint64_t *signatures)
{
	uint32_t serial = content_serial(zone, true, last, now_s);
	struct zone *version = NULL;
	int error;
	if (zone->dnssec == MIST_DNSSEC_SIGN) {
		struct signing signing = content_signing(zone, now_s);
		uint64_t made = 0;
		error = sign_renew(&version, zone->zone, &signing, ahead_s, serial, &made);
		*signatures += made;
	} else {
		error = zone_fork(&version, zone->zone);
		if (!error)
			error = sign_serial(version, serial);
	}
	if (!error)
		take_version(zone, version, now_s);
	else if (version)
		zone_release(version);
	return error;
}

/* Signatures made by a clock that was ahead are not valid yet: all are made anew. */
static bool clock_went_back(const struct mist_zone *zone, uint32_t now_s)
{
	return now_s < zone->signed_s && zone->signed_s - now_s > 3600 / 2;
}

static bool renew_zone(struct mist_zone *zone, uint32_t now_s, uint64_t *signatures)
{
	const struct mist_content_options *options = &zone->content->options;
	bool back = clock_went_back(zone, now_s);
	if (!zone_is_signed_here(zone) || (zone->due_s > now_s && !back))
		return false;
	uint32_t ahead = back ? UINT32_MAX - now_s : options->signature_lifetime_s / AHEAD_PART;
	int error = next_version(zone, zone->zone->serial, now_s, ahead, signatures);
	if (!error)
		return true;
	char name[NAME_TEXT_MAX];
	name_to_text(name, zone->zone->name);
	report(&options->reporter, MIST_LEVEL_ERROR, zone->zone->file, 0,
	       "zone %s: its signatures cannot be renewed (%s); the old ones are served on, and "
	       "this is tried again", name, mist_strerror(error));
	/* Not at once: what is missing is memory. There is a quarter of the signatures' life left. */
	zone->due_s = now_s + 60;
	return false;
}

int content_refresh(struct mist_content *content, uint32_t now_s, struct view **view,
                    uint64_t *signatures)
{
	content->view_owed |= content_read_resolv(content);
	for (size_t i = 0; i < content->zone_count; i++)
		content->view_owed |= renew_zone(content->zones[i], now_s, signatures);
	*view = NULL;
	if (!content->view_owed)
		return MIST_OK;
	*view = content_view(content);
	if (!*view)
		return MIST_ENOMEM;
	content->view_owed = false;
	return MIST_OK;
}

void content_owe_view(struct mist_content *content)
{
	content->view_owed = true;
}

uint32_t content_due(const struct mist_content *content)
{
	uint32_t due = UINT32_MAX;
	for (size_t i = 0; i < content->zone_count; i++) {
		const struct mist_zone *zone = content->zones[i];
		if (zone_is_signed_here(zone) && zone->due_s < due)
			due = zone->due_s;
	}
	return due;
}

int content_follow_zone(struct mist_zone *zone, const struct mist_zone *before, uint32_t now_s,
                        uint64_t *signatures)
{
	zone->edited |= before->edited && zone->dnssec != MIST_DNSSEC_PRESIGNED;
	if (!content_chooses_serial(zone) || serial_greater(zone->zone->serial, before->zone->serial))
		return MIST_OK;
	return next_version(zone, before->zone->serial, now_s, 0, signatures);
}
