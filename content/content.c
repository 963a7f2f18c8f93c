/*
 * Describing a content: options, zones, records. Everything a person may have got wrong and that can be seen without
 * the whole is said here and in rules.c, at once; the rest waits for seal.c.
 */
#include "content/content.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "content/group.h"
#include "content/parts.h"
#include "core/address.h"
#include "core/history.h"
#include "core/report.h"
#include "dnssec/keyring.h"

static struct trie_name zone_name_of(const void *value)
{
	const struct zone *zone = ((const struct mist_zone *)value)->zone;
	return (struct trie_name){ zone->name, zone->name_len };
}

static struct trie_name rule_name_of(const void *value)
{
	const uint8_t *name = ((const struct content_rule *)value)->rule.name;
	return (struct trie_name){ name, name_len(name) };
}

bool content_options_copy(void *to, size_t size, const void *from, size_t from_size)
{
	memset(to, 0, size);
	if (from_size < sizeof(size_t))
		return false;
	memcpy(to, from, from_size < size ? from_size : size);
	return true;
}

int content_open(const struct mist_content *content)
{
	if (guard_forked(&content->guard))
		return MIST_EFORKED;
	return content->is_sealed ? MIST_ESEALED : MIST_OK;
}

/* ------------------------------------------------------------------------------------------------
 * The content itself
 */

static int copy_text(const char **text)
{
	if (!*text)
		return MIST_OK;
	*text = strdup(*text);
	return *text ? MIST_OK : MIST_ENOMEM;
}

/* Makes the strings of the options ours; those that were not copied are NULL on failure. */
static int copy_texts(struct mist_content_options *options)
{
	const char **texts[] = { &options->key_directory, &options->state_directory,
	                         &options->resolv_conf };
	int error = MIST_OK;
	if (!options->resolv_conf)
		options->resolv_conf = "/etc/resolv.conf";
	for (unsigned i = 0; i < 3; i++) {
		if (error)
			*texts[i] = NULL;
		else
			error = copy_text(texts[i]);
	}
	return error;
}

static int check_options(struct mist_content_options *options)
{
	const struct mist_reporter *reporter = &options->reporter;
	if (!options->algorithm)
		options->algorithm = MIST_ALGORITHM_ECDSAP256SHA256;
	if (options->algorithm != MIST_ALGORITHM_ECDSAP256SHA256 &&
	    options->algorithm != MIST_ALGORITHM_ED25519) {
		report(reporter, MIST_LEVEL_ERROR, NULL, 0,
		       "DNSSEC algorithm %d is not offered; 13 (ECDSAP256SHA256) and 15 (ED25519) are",
		       (int)options->algorithm);
		return MIST_EINVAL;
	}
	if (!options->signature_lifetime_s)
		options->signature_lifetime_s = 14 * 24 * 3600;
	/* Below an hour renewal would never rest; beyond a year and a bit lies a typing error. */
	if (options->signature_lifetime_s < 3600 || options->signature_lifetime_s > 400u * 24 * 3600) {
		report(reporter, MIST_LEVEL_ERROR, NULL, 0,
		       "a signature lifetime of %u s; it is at least an hour (3600) and at most 400 days",
		       options->signature_lifetime_s);
		return MIST_EINVAL;
	}
	if (options->deny > MIST_DENY_DROP) {
		report(reporter, MIST_LEVEL_ERROR, NULL, 0, "%d is no way to deny", (int)options->deny);
		return MIST_EINVAL;
	}
	if (!options->deny)
		options->deny = MIST_DENY_REFUSED;
	if (!options->timeout_ms)
		options->timeout_ms = 2000;
	if (!options->max_ttl_s)
		options->max_ttl_s = 300;
	if (!options->set_records_max)
		options->set_records_max = 100;
	if (!options->name_types_max)
		options->name_types_max = 100;
	return MIST_OK;
}

int mist_content_new(struct mist_content **content, const struct mist_content_options *options)
{
	static const struct mist_content_options defaults = { .size = sizeof(defaults) };
	if (!content)
		return MIST_EINVAL;
	struct mist_content *c = calloc(1, sizeof(*c));
	if (!c)
		return MIST_ENOMEM;
	if (guard_init(&c->guard)) {
		free(c);
		return MIST_ENOMEM;
	}
	trie_init(&c->zones_by_name, zone_name_of, NULL);
	trie_init(&c->rules_by_name, rule_name_of, NULL);
	options = options ? options : &defaults;
	if (!content_options_copy(&c->options, sizeof(c->options), options, options->size)) {
		guard_free(&c->guard);
		free(c);
		return MIST_EINVAL;
	}
	int error = copy_texts(&c->options);
	if (!error)
		error = check_options(&c->options);
	c->sets = error ? NULL : calloc(1, sizeof(*c->sets));
	if (!error && !c->sets)
		error = MIST_ENOMEM;
	if (!error) {
		c->set_count = 1;
		error = content_parse_upstreams(&c->sets[0], c->options.upstreams, c->options.upstream_count,
		                                &c->options.reporter, NULL, 0);
	}
	c->options.upstreams = NULL; /* the caller's; c->sets has them */
	if (!error) {
		c->sets[0].from_resolv_conf = !c->options.upstream_count;
		error = crypto_new(&c->crypto);
	}
	if (error)
		mist_content_free(c);
	else
		*content = c;
	return error;
}

void content_describe(struct zone *version, const struct zone *described)
{
	access_release(version->access);
	version->access = access_hold(described->access);
	version->catalog = described->catalog;
	if (!version->history)
		version->history = history_hold(described->history); /* it may be transferred from now on */
	memcpy(version->file, described->file, sizeof(version->file));
}

void content_free_zone(struct mist_zone *zone)
{
	if (zone->zone)
		zone_release(zone->zone);
	if (zone->before)
		zone_release(zone->before);
	if (zone->kept)
		zone_release(zone->kept);
	groups_free(zone->groups);
	overlay_free(&zone->overlay);
	key_free(zone->key);
	free(zone->addresses);
	free(zone);
}

void mist_content_free(struct mist_content *content)
{
	if (!content)
		return;
	trie_free(&content->zones_by_name, NULL, NULL);
	trie_free(&content->rules_by_name, NULL, NULL);
	for (size_t i = 0; i < content->zone_count; i++)
		content_free_zone(content->zones[i]);
	if (content->reverse)
		content_free_zone(content->reverse);
	free(content->zones);
	free(content->registries);
	for (size_t i = 0; i < content->rule_count; i++) {
		free(content->rules[i]->file);
		free(content->rules[i]);
	}
	free(content->rules);
	for (size_t i = 0; i < content->set_count; i++)
		free(content->sets[i].addresses);
	free(content->sets);
	keyring_release(content->keyring);
	crypto_free(content->crypto);
	free((char *)content->options.key_directory);
	free((char *)content->options.state_directory);
	free((char *)content->options.resolv_conf);
	guard_free(&content->guard);
	free(content);
}

bool content_sealed(const struct mist_content *content)
{
	return content->is_sealed;
}

uint64_t content_signatures(const struct mist_content *content)
{
	return content->signatures;
}

/* ------------------------------------------------------------------------------------------------
 * Zones
 */

struct mist_zone *content_zone(const struct mist_content *content, const uint8_t *name)
{
	return trie_get(&content->zones_by_name, name);
}

struct mist_zone *content_zone_around(const struct mist_content *content, const uint8_t *name,
                                      bool above)
{
	struct name_key key;
	struct trie_path path;
	name_key(&key, name, NAME_MAX);
	trie_walk(&content->zones_by_name, &key, &path);
	unsigned count = path.count - (above && path.exact ? 1 : 0);
	return count ? path.value[count - 1] : NULL;
}

static int parse_addresses(struct mist_zone *zone, const struct mist_zone_options *options,
                           const struct mist_reporter *reporter)
{
	static const char *const loopback[] = { "127.0.0.1" };
	const char *const *texts = options->address_count ? options->addresses : loopback;
	/* A registry that has no addresses answers for the names that come, not for all. */
	size_t count = options->address_count ? options->address_count : options->registry ? 0 : 1;
	zone->addresses = calloc(count + 1, sizeof(*zone->addresses));
	if (!zone->addresses)
		return MIST_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct zone_address *address = &zone->addresses[zone->address_count++];
		address->len = (uint8_t)(texts[i] ? address_from_text(texts[i], address->octets) : 0);
		if (address->len)
			continue;
		report(reporter, MIST_LEVEL_ERROR, options->file, 0,
		       "zone %s: \"%s\" is no address; write 127.0.0.1 or ::1", options->name,
		       texts[i] ? texts[i] : "");
		return MIST_EINVAL;
	}
	return MIST_OK;
}

/* A zone with its options, not yet in the content. */
static int new_zone(struct mist_zone **made, struct mist_content *content,
                    const struct mist_zone_options *options, const uint8_t *name)
{
	struct mist_zone *zone = calloc(1, sizeof(*zone));
	if (!zone)
		return MIST_ENOMEM;
	zone->content = content;
	zone->dnssec = options->dnssec;
	zone->records = options->records;
	zone->ephemeral_key = options->ephemeral_key;
	zone->cds = options->cds;
	zone->registry = options->registry;
	zone->ttl = options->ttl ? options->ttl : 300;
	zone->due_s = UINT32_MAX;
	zone->secondary = options->primary_count > 0;
	int error = zone_new(&zone->zone, name);
	if (!error && !options->records)
		error = parse_addresses(zone, options, &content->options.reporter);
	if (error) {
		content_free_zone(zone);
		return error;
	}
	const struct access_texts access = {
		.transfer = options->transfer, .transfer_count = options->transfer_count,
		.update = options->update, .update_count = options->update_count,
		.notify = options->notify, .notify_count = options->notify_count,
		.primary = options->primaries, .primary_count = options->primary_count,
		.primary_key = options->primary_key,
	};
	error = access_new(&zone->zone->access, &access, options->name, options->file,
	                   &content->options.reporter);
	if (!error)
		error = content_check_access(content, options, zone->zone->access);
	if (!error && options->transfer_count)
		error = history_new(&zone->zone->history, content->options.history_bytes);
	if (!error && options->catalog)
		error = groups_new(&zone->groups, zone->zone->access);
	if (error) {
		content_free_zone(zone);
		return error;
	}
	zone->zone->presigned = options->dnssec == MIST_DNSSEC_PRESIGNED;
	zone->zone->catalog = options->catalog;
	if (options->file) {
		strncpy(zone->zone->file, options->file, sizeof(zone->zone->file) - 1);
		zone->zone->file[sizeof(zone->zone->file) - 1] = 0;
	}
	*made = zone;
	return MIST_OK;
}

static int check_zone_options(const struct mist_content *content, const struct mist_zone_options *o,
                              uint8_t name[NAME_MAX])
{
	const struct mist_reporter *reporter = &content->options.reporter;
	if (!o->name || !name_from_text(name, o->name)) {
		report(reporter, MIST_LEVEL_ERROR, o->file, 0, "zone \"%s\" is not a domain name",
		       o->name ? o->name : "");
		return MIST_ENAME;
	}
	name_lower(name, name);
	if (content_zone(content, name)) {
		report(reporter, MIST_LEVEL_ERROR, o->file, 0, "zone %s is there twice", o->name);
		return MIST_EINVAL;
	}
	if (o->dnssec > MIST_DNSSEC_PRESIGNED || (o->dnssec == MIST_DNSSEC_PRESIGNED && !o->records)) {
		report(reporter, MIST_LEVEL_ERROR, o->file, 0,
		       "zone %s: a zone that is made from addresses cannot come signed; say "
		       "`dnssec: true` or `dnssec: false`", o->name);
		return MIST_EINVAL;
	}
	if (o->primary_count && (!o->records || o->registry || o->dnssec == MIST_DNSSEC_OFF || !o->primaries)) {
		report(reporter, MIST_LEVEL_ERROR, o->file, 0,
		       "zone %s: a zone that is transferred has `records`, is no registry, and is served as it "
		       "comes (`presigned`, signed or not) or signed here", o->name);
		return MIST_EINVAL;
	}
	if (o->catalog && (!o->primary_count || o->dnssec != MIST_DNSSEC_PRESIGNED)) {
		report(reporter, MIST_LEVEL_ERROR, o->file, 0,
		       "zone %s: a catalog is transferred from its primaries and served as it comes (`presigned`)", o->name);
		return MIST_EINVAL;
	}
	if (content->zone_count == ZONES_MAX) {
		report(reporter, MIST_LEVEL_ERROR, o->file, 0, "more than %d zones", ZONES_MAX);
		return MIST_EINVAL;
	}
	return MIST_OK;
}

int content_insert(struct mist_content *content, struct mist_zone *zone)
{
	struct mist_zone **zones = realloc(content->zones, (content->zone_count + 1) * sizeof(*zones));
	if (!zones)
		return MIST_ENOMEM;
	content->zones = zones;
	int error = trie_set(&content->zones_by_name, zone->zone->name, zone);
	if (error)
		return error;
	zone->index = content->zone_count;
	zones[content->zone_count++] = zone;
	if (content->reverse)
		content->reverse->index = content->zone_count; /* behind all that routes lead to (view.c) */
	return MIST_OK;
}

void content_find_parents(struct mist_content *content)
{
	for (size_t i = 0; i < content->zone_count; i++) {
		struct mist_zone *parent = content_zone_around(content, content->zones[i]->zone->name, true);
		while (parent && parent->leaving)
			parent = content_zone_around(content, parent->zone->name, true);
		content->zones[i]->parent = parent;
	}
}

int mist_content_zone(struct mist_content *content, const struct mist_zone_options *options,
                      struct mist_zone **zone)
{
	struct mist_zone_options o;
	uint8_t name[NAME_MAX];
	if (!content || !options || !content_options_copy(&o, sizeof(o), options, options->size))
		return MIST_EINVAL;
	int error = content_open(content);
	if (!error)
		error = check_zone_options(content, &o, name);
	if (error)
		return error;
	if (o.registry) {
		struct mist_zone **zones = realloc(content->registries, (content->registry_count + 1) * sizeof(*zones));
		if (!zones)
			return MIST_ENOMEM;
		content->registries = zones;
	}
	struct mist_zone *made = NULL; /* gcc with sanitizers does not see that it is set */
	error = new_zone(&made, content, &o, name);
	if (error)
		return error;
	error = content_insert(content, made);
	if (error) {
		content_free_zone(made);
		return error;
	}
	if (made->registry)
		content->registries[content->registry_count++] = made;
	if (zone)
		*zone = made;
	return MIST_OK;
}

int mist_zone_add(struct mist_zone *zone, const struct mist_record *record)
{
	if (!zone || !record || !zone->records || zone->secondary)
		return MIST_EINVAL;
	int error = content_open(zone->content);
	return error ? error : zone_add(zone->zone, record, &zone->content->options.reporter);
}

int mist_zone_fail(struct mist_zone *zone, const char *reason)
{
	if (!zone)
		return MIST_EINVAL;
	int error = content_open(zone->content);
	if (!error)
		zone_fail(zone->zone, reason && *reason ? reason : "not loaded");
	return error;
}
