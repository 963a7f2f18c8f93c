/*
 * Describing a content: what is forwarded or denied, and the upstreams that are asked.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "content/content.h"
#include "content/parts.h"
#include "core/address.h"
#include "core/report.h"
#include "core/siphash.h"

/* ------------------------------------------------------------------------------------------------
 * Upstreams
 */

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct upstream_address));
}

uint64_t content_policy(const struct upstream_set *set, bool private_addresses)
{
	/* Fixed, so that equal upstreams have equal numbers in every view; nobody chooses addresses to
	 * collide but the person who writes the rules. */
	static const uint8_t key[16] = "mist upstreams 1";
	struct upstream_address sorted[UPSTREAMS_MAX];
	memset(sorted, 0, sizeof(sorted)); /* padding is compared as well */
	uint8_t octets[1 + sizeof(sorted)] = { private_addresses };
	size_t len = 1;
	for (unsigned i = 0; i < set->count; i++) {
		sorted[i].family = set->addresses[i].family;
		sorted[i].port = set->addresses[i].port;
		memcpy(sorted[i].octets, set->addresses[i].octets, sorted[i].family == AF_INET ? 4 : 16);
	}
	qsort(sorted, set->count, sizeof(*sorted), compare_addresses);
	for (unsigned i = 0; i < set->count; i++) {
		octets[len++] = sorted[i].family;
		memcpy(octets + len, sorted[i].octets, 16);
		octets[len + 16] = (uint8_t)(sorted[i].port >> 8);
		octets[len + 17] = (uint8_t)sorted[i].port;
		len += 18;
	}
	return siphash(key, octets, len);
}

int content_parse_upstreams(struct upstream_set *set, const char *const *texts, size_t count,
                            const struct mist_reporter *reporter, const char *file, unsigned line)
{
	if (count > UPSTREAMS_MAX) {
		report(reporter, MIST_LEVEL_ERROR, file, line,
		       "%zu upstreams; at most %d make sense", count, UPSTREAMS_MAX);
		return MIST_EINVAL;
	}
	struct upstream_address *addresses = calloc(count ? count : 1, sizeof(*addresses));
	if (!addresses)
		return MIST_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!texts[i] || !upstream_from_text(texts[i], 53, &addresses[i])) {
			report(reporter, MIST_LEVEL_ERROR, file, line,
			       "upstream \"%s\" is no address; write 192.0.2.53, 192.0.2.53:5353, "
			       "2001:db8::53 or [2001:db8::53]:5353", texts[i] ? texts[i] : "");
			free(addresses);
			return MIST_EINVAL;
		}
	}
	*set = (struct upstream_set){ .count = (uint16_t)count, .addresses = addresses };
	return MIST_OK;
}

static bool same_upstreams(const struct upstream_set *a, const struct upstream_set *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		if (a->addresses[i].family != b->addresses[i].family ||
		    a->addresses[i].port != b->addresses[i].port ||
		    memcmp(a->addresses[i].octets, b->addresses[i].octets, 16))
			return false;
	}
	return true;
}

/* Adds a rule's own set, or finds one like it. Takes it. */
static int add_set(struct mist_content *content, struct upstream_set *set, uint16_t *index)
{
	for (size_t i = 1; i < content->set_count; i++) {
		if (same_upstreams(&content->sets[i], set)) {
			free(set->addresses);
			*index = (uint16_t)i;
			return MIST_OK;
		}
	}
	struct upstream_set *sets = NULL;
	if (content->set_count < UPSTREAM_SETS_MAX)
		sets = realloc(content->sets, (content->set_count + 1) * sizeof(*sets));
	if (!sets) {
		free(set->addresses);
		return MIST_ENOMEM;
	}
	content->sets = sets;
	*index = (uint16_t)content->set_count;
	sets[content->set_count++] = *set;
	return MIST_OK;
}

/* ------------------------------------------------------------------------------------------------
 * Rules
 */

/* "x", "*.x", ".x"; "." and "*" are everything. */
static bool parse_rule_name(struct rule *rule, const char *text)
{
	const char *name = text;
	rule->at_name = strncmp(text, "*.", 2) && strcmp(text, "*");
	rule->below = !rule->at_name || *text == '.';
	if (!rule->at_name)
		name = text[1] && text[2] ? text + 2 : ".";
	else if (rule->below)
		name = text[1] ? text + 1 : ".";
	if (!strcmp(text, "..") || !name_from_text(rule->name, name))
		return false;
	name_lower(rule->name, rule->name);
	return true;
}

/* A `*` further on would never match what its writer means. */
static bool has_star(const uint8_t *name)
{
	for (; *name; name += 1 + *name) {
		if (name[0] == 1 && name[1] == '*')
			return true;
	}
	return false;
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
	return a->deny == b->deny && a->at_name == b->at_name && a->below == b->below;
}

static bool same_meaning(const struct rule *a, const struct rule *b)
{
	return a->deny_as == b->deny_as && a->private_addresses == b->private_addresses &&
	       a->upstream_set == b->upstream_set;
}

static int check_rule(struct rule *rule, const struct mist_rule *given,
                      const struct mist_reporter *reporter)
{
	const char *text = given->name ? given->name : "";
	if (strlen(text) >= sizeof(rule->text) || !parse_rule_name(rule, text)) {
		report(reporter, MIST_LEVEL_ERROR, given->file, given->line,
		       "rule \"%s\" is not a domain name; write example.com, *.example.com (all below it) "
		       "or .example.com (both)", text);
		return MIST_ENAME;
	}
	if (has_star(rule->name)) {
		report(reporter, MIST_LEVEL_ERROR, given->file, given->line,
		       "rule \"%s\": a star stands for all names below the rest and can only come first",
		       text);
		return MIST_EINVAL;
	}
	if (given->deny_as > MIST_DENY_DROP || (given->deny && given->upstream_count)) {
		report(reporter, MIST_LEVEL_ERROR, given->file, given->line,
		       given->deny_as > MIST_DENY_DROP ? "rule \"%s\": no such way to deny"
		                                       : "rule \"%s\" denies, so it has no upstreams",
		       text);
		return MIST_EINVAL;
	}
	strcpy(rule->text, text);
	rule->deny = given->deny;
	rule->deny_as = given->deny_as;
	rule->private_addresses = given->private_addresses;
	return MIST_OK;
}

/* Looks for a rule that says the same. MIST_OK: none; MIST_EBUSY: this one is one too many. */
static int check_double(const struct mist_content *content, const struct rule *rule,
                        const struct mist_rule *given)
{
	const struct content_rule *other = trie_get(&content->rules_by_name, rule->name);
	while (other && !same_rule(&other->rule, rule))
		other = other->same_name;
	if (!other)
		return MIST_OK;
	bool same = same_meaning(&other->rule, rule);
	report(&content->options.reporter, same ? MIST_LEVEL_WARNING : MIST_LEVEL_ERROR, given->file,
	       given->line, same ? "rule \"%s\" is there twice; one is enough"
	                         : "rule \"%s\" is there twice, and the two do not agree", given->name);
	return same ? MIST_EBUSY : MIST_EINVAL;
}

static int keep_rule(struct mist_content *content, const struct rule *rule,
                     const struct mist_rule *given)
{
	size_t count = content->rule_count;
	struct content_rule **rules = realloc(content->rules, (count + 1) * sizeof(*rules));
	if (!rules)
		return MIST_ENOMEM;
	content->rules = rules;
	struct content_rule *kept = calloc(1, sizeof(*kept));
	if (!kept)
		return MIST_ENOMEM;
	kept->rule = *rule;
	kept->line = given->line;
	kept->file = given->file ? strdup(given->file) : NULL;
	struct content_rule *first = trie_get(&content->rules_by_name, rule->name);
	int error = given->file && !kept->file ? MIST_ENOMEM : MIST_OK;
	if (!error && first) {
		while (first->same_name)
			first = first->same_name;
		first->same_name = kept;
	} else if (!error) {
		error = trie_set(&content->rules_by_name, rule->name, kept);
	}
	if (error) {
		free(kept->file);
		free(kept);
		return error;
	}
	rules[content->rule_count++] = kept;
	return MIST_OK;
}

int mist_content_rule(struct mist_content *content, const struct mist_rule *given)
{
	struct mist_rule g;
	if (!content || !given || !content_options_copy(&g, sizeof(g), given, given->size))
		return MIST_EINVAL;
	const struct mist_reporter *reporter = &content->options.reporter;
	struct rule rule = { 0 };
	int error = content_open(content);
	if (!error)
		error = check_rule(&rule, &g, reporter);
	if (!error && g.upstream_count) {
		struct upstream_set set;
		error = content_parse_upstreams(&set, g.upstreams, g.upstream_count, reporter, g.file, g.line);
		if (!error)
			error = add_set(content, &set, &rule.upstream_set);
		rule.own_upstreams = true;
	}
	if (error)
		return error;
	error = check_double(content, &rule, &g);
	if (error)
		return error == MIST_EBUSY ? MIST_OK : error;
	return keep_rule(content, &rule, &g);
}
