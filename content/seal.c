/*
 * Sealing a content. Zones are finished from the innermost outwards, because a zone delegates those
 * inside it and publishes their DS. For each:
 *
 *   make its records | have them -> delegate zones inside it -> carve forwarded names, search suffixes -> complete
 *     -> serial -> key, signatures | adopt those it came with
 *
 * A zone that fails is served as SERVFAIL, and the others go on.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "content/content.h"
#include "content/members.h"
#include "content/parts.h"
#include "content/reverse.h"
#include "content/serial.h"
#include "core/report.h"
#include "dnssec/sign.h"

/* Hears what is reported while a zone is finished: the first error is the reason clients get. */
struct ear {
	const struct mist_reporter *reporter;
	char first[sizeof(((struct zone *)NULL)->reason)];
};

static void hear(void *user, enum mist_level level, const char *file, unsigned line,
                 const char *text)
{
	struct ear *ear = user;
	if (level == MIST_LEVEL_ERROR && !ear->first[0]) {
		strncpy(ear->first, text, sizeof(ear->first) - 1);
		ear->first[sizeof(ear->first) - 1] = 0;
	}
	report(ear->reporter, level, file, line, "%s", text);
}

/* ------------------------------------------------------------------------------------------------
 * Keys
 */

static const char *key_directory(const struct mist_content *content)
{
	const struct mist_content_options *options = &content->options;
	return options->key_directory ? options->key_directory : options->state_directory;
}

/* Finds the key in the directory, or makes one there. */
static int kept_key(struct mist_zone *zone, const char *directory,
                    const struct mist_reporter *reporter)
{
	const struct mist_content *content = zone->content;
	bool read_only = content->options.read_only;
	int error = read_only ? MIST_OK : content_make_directory(directory, reporter);
	if (error)
		return MIST_EKEY;
	int lock = read_only ? -1 : key_lock(directory);
	if (lock < 0 && !read_only) {
		report(reporter, MIST_LEVEL_ERROR, directory, 0,
		       "the directory for keys cannot be locked: %s",
		       errno == EWOULDBLOCK ? "another process has been making keys there for 5 s" : strerror(errno));
		return MIST_EKEY;
	}
	error = key_load(&zone->key, content->crypto, zone->zone->name, directory, reporter);
	if (error == MIST_ENOTFOUND) {
		error = key_generate(&zone->key, content->crypto, zone->zone->name,
		                     content->options.algorithm);
		if (!error && read_only)
			report(reporter, MIST_LEVEL_INFO, zone->zone->file, 0,
			       "there is no key yet; one would be made in %s", directory);
		else if (!error && key_save(zone->key, directory, reporter))
			error = MIST_EKEY;
	}
	if (lock >= 0)
		close(lock);
	return error;
}

int content_find_key(struct mist_zone *zone, const struct mist_reporter *reporter)
{
	const char *directory = key_directory(zone->content);
	if (directory && !zone->ephemeral_key)
		return kept_key(zone, directory, reporter);
	if (!zone->ephemeral_key) {
		char name[NAME_TEXT_MAX];
		name_to_text(name, zone->zone->name);
		report(reporter, MIST_LEVEL_INFO, zone->zone->file, 0,
		       "zone %s: its key lives in memory only, because no key_directory and no "
		       "state_directory is given; its DS changes with each start", name);
	}
	return key_generate(&zone->key, zone->content->crypto, zone->zone->name,
	                    zone->content->options.algorithm);
}

/* ------------------------------------------------------------------------------------------------
 * Cuts
 */

static int delegate(struct mist_zone *zone, const struct mist_zone *inner_zone)
{
	const struct mist_content *content = zone->content;
	/* One that is transferred goes on as it is served. */
	const struct zone *inner = inner_zone->secondary && inner_zone->before ? inner_zone->before
	                                                                       : inner_zone->zone;
	/* One that is not signed yet will have the key that is served. */
	const struct zone *with_key = inner_zone->pending ? inner_zone->before : inner;
	struct rrset *ds = NULL;
	int error = inner->failed ? MIST_OK : sign_ds(&ds, with_key, content->crypto, inner->ns->ttl);
	if (!error && with_key->is_signed && !ds) {
		char name[NAME_TEXT_MAX];
		name_to_text(name, inner->name);
		report(&content->options.reporter, MIST_LEVEL_WARNING, inner->file, 0,
		       "zone %s: none of its DNSKEY records signs them, so it is delegated without DS; "
		       "sign it again", name);
	}
	if (!error)
		error = zone_delegate(zone->zone, inner, ds);
	free(ds);
	return error;
}

static int delegate_inner(struct mist_zone *zone)
{
	const struct mist_content *content = zone->content;
	int error = MIST_OK;
	for (size_t i = 0; i < content->zone_count && !error; i++) {
		const struct mist_zone *inner = content->zones[i];
		if (inner->parent == zone)
			error = delegate(zone, inner);
	}
	return error;
}

/* The zone inside which the rule's name is forwarded; NULL: none, or the rule denies. */
static struct mist_zone *zone_to_carve(const struct mist_content *content,
                                       const struct content_rule *rule)
{
	if (rule->rule.deny || rule->useless)
		return NULL;
	return content_zone_around(content, rule->rule.name, true);
}

struct carving {
	struct mist_zone *zone;
	const struct mist_reporter *reporter;
	int error;                   /* the last one */
};

/* The rules of one name. */
static int carve_rule(void *user, void *value)
{
	struct carving *carving = user;
	const struct content_rule *rule = value;
	for (; rule; rule = rule->same_name) {
		if (zone_to_carve(carving->zone->content, rule) != carving->zone)
			continue;
		int error = zone_carve(carving->zone->zone, rule->rule.name, !rule->rule.at_name,
		                       carving->reporter);
		if (error == MIST_EZONE)
			report(carving->reporter, MIST_LEVEL_ERROR, rule->file, rule->line,
			       "rule \"%s\" forwards a name that the zone around it has data for; remove "
			       "the rule or the data", rule->rule.text);
		carving->error = error ? error : carving->error;
	}
	return 0;
}

/* From the top down: a cut makes empty non-terminals, and what a name was before a rule `*.x` cut it
 * must not hang on the order in which rules are written. */
static int carve_rules(struct mist_zone *zone, const struct mist_reporter *reporter)
{
	struct carving carving = { .zone = zone, .reporter = reporter };
	trie_each(&zone->content->rules_by_name, carve_rule, &carving);
	return carving.error;
}

/* A zone that comes signed cannot be changed: whoever signed it has to leave room. */
static void check_presigned_cut(const struct mist_zone *zone, const uint8_t *name, const char *file,
                                unsigned line, const char *what)
{
	const struct node *node = zone_node(zone->zone, name);
	char text[NAME_TEXT_MAX];
	if (node && node->flags & (NODE_CUT | NODE_OCCLUDED))
		return;
	name_to_text(text, name);
	report(&zone->content->options.reporter, MIST_LEVEL_WARNING, file, line,
	       "%s lies inside a zone that comes signed and has no delegation there; "
	       "validators will take answers for %s for forged", what, text);
}

static void check_presigned_cuts(const struct mist_zone *zone)
{
	const struct mist_content *content = zone->content;
	for (size_t i = 0; i < content->rule_count; i++) {
		const struct content_rule *rule = content->rules[i];
		if (zone_to_carve(content, rule) == zone)
			check_presigned_cut(zone, rule->rule.name, rule->file, rule->line, "this rule's name");
	}
	for (size_t i = 0; i < content->zone_count; i++) {
		const struct zone *inner = content->zones[i]->zone;
		if (content->zones[i]->parent == zone)
			check_presigned_cut(zone, inner->name, inner->file, 0, "this zone");
	}
}

/* ------------------------------------------------------------------------------------------------
 * One zone
 */

static unsigned cpus(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
	return count > 0 ? (unsigned)count : 1;
}

struct signing content_signing(const struct mist_zone *zone, uint32_t now_s)
{
	const struct mist_content_options *options = &zone->content->options;
	return (struct signing){
		.key = zone->key,
		.crypto = zone->content->crypto,
		.now_s = now_s,
		.lifetime_s = options->signature_lifetime_s,
		.threads = options->threads ? options->threads : cpus(),
		.cds = zone->cds,
	};
}

static int sign_here(struct mist_zone *zone, uint32_t now_s, const struct mist_reporter *reporter)
{
	int error = zone->key ? MIST_OK : content_find_key(zone, reporter);
	if (error)
		return error;
	struct signing signing = content_signing(zone, now_s);
	uint64_t made = 0;
	error = sign_zone(zone->zone, &signing, &made);
	if (error)
		return error;
	if (node_rrset(zone->zone->apex, TYPE_DNSKEY)->count > 1)
		report(reporter, MIST_LEVEL_WARNING, zone->zone->file, 0,
		       "DNSKEY records of the zone's own stand beside the key that signs it here; remove "
		       "them, unless the zone is moving from one key to another");
	zone->content->signatures += made;
	zone->signed_s = now_s;
	zone->due_s = sign_due(zone->zone);
	return MIST_OK;
}

int content_finish_zone(struct mist_zone *zone, uint32_t now_s, const struct mist_reporter *reporter)
{
	int error = MIST_OK;
	if (zone->records && content_chooses_serial(zone))
		error = sign_serial(zone->zone, content_first_serial(zone, now_s));
	if (!error && zone->dnssec == MIST_DNSSEC_SIGN)
		error = sign_here(zone, now_s, reporter);
	if (!error && content_chooses_serial(zone))
		content_keep_serial(zone);
	return error;
}

/* A zone that goes on from one that is served gets what is missing when that is known (reload.c). */
static int may_wait(struct mist_zone *zone, const struct mist_reporter *reporter)
{
	uint8_t rdata[DNSKEY_LEN_MAX];
	zone->pending = zone->before != NULL;
	if (!zone->before || zone->dnssec != MIST_DNSSEC_SIGN)
		return MIST_OK;
	int error = content_find_key(zone, reporter);
	if (error)
		return error;
	const struct rrset *keys = node_rrset(zone->before->apex, TYPE_DNSKEY);
	zone->pending = keys && rrset_has(keys, rdata, (uint16_t)key_dnskey(zone->key, rdata));
	return MIST_OK;
}

int content_complete_zone(struct mist_zone *zone, const struct mist_reporter *reporter)
{
	int error = delegate_inner(zone);
	if (!error)
		error = carve_rules(zone, reporter);
	if (!error)
		error = suffix_carve(zone, &zone->content->known);
	return error ? error : zone_complete(zone->zone, reporter);
}

static int finish_zone(struct mist_zone *zone, uint32_t now_s, const struct mist_reporter *reporter)
{
	bool presigned = zone->dnssec == MIST_DNSSEC_PRESIGNED;
	int error = zone->records ? MIST_OK
	                          : zone_make(zone->zone, zone->addresses, zone->address_count,
	                                      zone->ttl, content_first_serial(zone, now_s));
	if (!error)
		error = presigned ? zone_complete(zone->zone, reporter) : content_complete_zone(zone, reporter);
	if (error)
		return error;
	zone->file_serial = zone->zone->serial;
	if (presigned) {
		error = zone->secondary ? sign_adopt_any(zone->zone, reporter) : sign_adopt(zone->zone, reporter);
		if (!error)
			check_presigned_cuts(zone);
		return error;
	}
	zone->edited = zone->records && !zone->secondary && content_serial_is_kept(zone);
	error = may_wait(zone, reporter);
	return error || zone->pending ? error : content_finish_zone(zone, now_s, reporter);
}

/* Finishes a zone or fails it. MIST_OK, MIST_EZONE, MIST_EKEY; MIST_ENOMEM ends the sealing. */
static int seal_zone(struct mist_zone *zone, uint32_t now_s)
{
	struct ear ear = { .reporter = &zone->content->options.reporter };
	struct mist_reporter reporter = { .report = hear, .user = &ear };
	char name[NAME_TEXT_MAX];
	name_to_text(name, zone->zone->name);
	if (zone->secondary && !content_load_secondary(zone, &reporter))
		return MIST_OK; /* it comes later */
	if (zone->zone->failed) {
		report(ear.reporter, MIST_LEVEL_ERROR, zone->zone->file, 0,
		       "zone %s does not load: %s", name, zone->zone->reason);
		return MIST_EZONE;
	}
	int error = finish_zone(zone, now_s, &reporter);
	if (!error || error == MIST_ENOMEM)
		return error;
	zone_fail(zone->zone, ear.first[0] ? ear.first : mist_strerror(error));
	report(ear.reporter, MIST_LEVEL_ERROR, zone->zone->file, 0,
	       "zone %s does not load: %s", name, mist_strerror(error));
	return error == MIST_EKEY ? MIST_EKEY : MIST_EZONE;
}

/* ------------------------------------------------------------------------------------------------
 * The whole
 */

static int deeper_first(const void *a, const void *b)
{
	const struct mist_zone *const *x = a, *const *y = b;
	return (*y)->zone->labels - (*x)->zone->labels;
}

struct mist_zone **content_inwards_out(const struct mist_content *content)
{
	struct mist_zone **order = malloc((content->zone_count + 1) * sizeof(*order));
	if (!order || content->zone_count == 0)
		return order;
	memcpy(order, content->zones, content->zone_count * sizeof(*order));
	qsort(order, content->zone_count, sizeof(*order), deeper_first);
	return order;
}

static int seal_zones(struct mist_content *content, uint32_t now_s)
{
	int result = MIST_OK;
	struct mist_zone **order = content_inwards_out(content);
	if (!order)
		return MIST_ENOMEM;
	for (size_t i = 0; i < content->zone_count && result != MIST_ENOMEM; i++) {
		int error = order[i]->groups ? MIST_OK : seal_zone(order[i], now_s);
		if (error == MIST_ENOMEM || result != MIST_EKEY)
			result = error ? error : result;
	}
	free(order);
	return result;
}

/* Catalogs say which zones there are, so they come first. One that cannot be read is transferred again. */
static int seal_catalogs(struct mist_content *content, uint32_t now_s)
{
	int error = MIST_OK;
	content_find_parents(content);
	for (size_t i = 0; i < content->zone_count && error != MIST_ENOMEM; i++) {
		if (content->zones[i]->groups)
			error = seal_zone(content->zones[i], now_s);
	}
	if (error != MIST_ENOMEM)
		error = members_load(content);
	content_find_parents(content);
	return error;
}

/* Why a rule never decides anything; NULL: it does. */
static const char *useless(const struct mist_content *content, const struct rule *rule)
{
	unsigned count;
	const struct special *specials = special_table(&count);
	if (content_zone(content, rule->name))
		return "a local zone has the same name and goes first";
	if (rule->deny)
		return NULL;
	for (unsigned i = 0; i < count; i++) {
		uint8_t name[NAME_MAX];
		if (!name_from_text(name, specials[i].name) || !name_within(rule->name, name))
			continue;
		if (specials[i].never)
			return "this special-use name is never forwarded";
		if (!rule->own_upstreams)
			return "a special-use name is forwarded only by a rule with upstreams of its own";
	}
	return NULL;
}

static void check_rules(struct mist_content *content)
{
	for (size_t i = 0; i < content->rule_count; i++) {
		struct content_rule *rule = content->rules[i];
		const char *why = useless(content, &rule->rule);
		if (!why)
			continue;
		rule->useless = true;
		report(&content->options.reporter, MIST_LEVEL_WARNING, rule->file, rule->line,
		       "rule \"%s\" has no effect: %s", rule->rule.text, why);
	}
}

static bool forwards(const struct mist_content *content)
{
	if (content->options.forward_by_default)
		return true;
	for (size_t i = 0; i < content->rule_count; i++) {
		const struct rule *rule = &content->rules[i]->rule;
		if (!rule->deny && !rule->own_upstreams && !content->rules[i]->useless)
			return true;
	}
	return false;
}

int mist_content_seal(struct mist_content *content)
{
	if (!content)
		return MIST_EINVAL;
	int error = content_open(content);
	if (error == MIST_ESEALED)
		return MIST_OK;
	if (error || content->broken)
		return error ? error : content->broken;
	check_rules(content);
	/* Where nothing is forwarded to them, its name servers are nobody's business. */
	content->sets[0].from_resolv_conf &= forwards(content);
	content_read_resolv(content);
	const uint32_t now_s = (uint32_t)time(NULL);
	error = seal_catalogs(content, now_s);
	if (!error)
		error = known_names_find(&content->known, content);
	if (!error)
		error = seal_zones(content, now_s);
	known_names_free(&content->known);
	if (error != MIST_ENOMEM && content->registry_count && reverse_make(content))
		error = MIST_ENOMEM;
	if (error == MIST_ENOMEM)
		content->broken = error;
	else
		content->is_sealed = true;
	return error;
}
