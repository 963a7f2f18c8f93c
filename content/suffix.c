/* Search lists; see suffix.h. */
#include "content/suffix.h"

#include <stdlib.h>
#include <string.h>

#include "content/parts.h"
#include "core/report.h"

/* Each is a name in a zone and, where that is signed, up to ten signatures: a second on one CPU. */
#define SUFFIX_CUTS_MAX 4096

static int fewer_labels_first(const void *a, const void *b)
{
	const struct known_name *x = a, *y = b;
	return (x->labels > y->labels) - (x->labels < y->labels);
}

static void add(struct known_names *known, const uint8_t *name)
{
	known->names[known->count++] = (struct known_name){ name, name_labels(name) };
}

/* What covers every name makes none a known one, and a single label may be meant as it stands. */
static bool names_somebody(const struct content_rule *rule)
{
	const unsigned labels = name_labels(rule->rule.name);
	return !rule->rule.deny && !rule->useless && labels > (rule->rule.below ? 0 : 1);
}

static size_t wildcards(const struct mist_content *content)
{
	size_t count = 0;
	for (size_t i = 0; i < content->zone_count; i++)
		count += content->zones[i]->address_count > 0 && !content->zones[i]->secondary;
	return count;
}

int known_names_find(struct known_names *known, const struct mist_content *content)
{
	const size_t made = wildcards(content);
	*known = (struct known_names){ 0 };
	if (made == 0)
		return MIST_OK;
	known->names = malloc((content->zone_count + content->rule_count) * sizeof(*known->names));
	if (!known->names)
		return MIST_ENOMEM;
	for (size_t i = 0; i < content->zone_count; i++) {
		if (content->zones[i]->zone->labels > 0 && !content->zones[i]->catalog)
			add(known, content->zones[i]->zone->name);
	}
	for (size_t i = 0; i < content->rule_count; i++) {
		if (names_somebody(content->rules[i]))
			add(known, content->rules[i]->rule.name);
	}
	if (known->count > SUFFIX_CUTS_MAX / made) {
		report(&content->options.reporter, MIST_LEVEL_INFO, NULL, 0,
		       "%zu zones made from addresses beside %zu names of zones and allow rules are too many to keep "
		       "wildcards from answering names with a search suffix (%u pairs are not); let no search list "
		       "name those zones", made, known->count, SUFFIX_CUTS_MAX);
		known->count = 0;
	}
	qsort(known->names, known->count, sizeof(*known->names), fewer_labels_first);
	return MIST_OK;
}

void known_names_free(struct known_names *known)
{
	free(known->names);
	*known = (struct known_names){ 0 };
}

int suffix_carve(struct mist_zone *zone, const struct known_names *known)
{
	int error = MIST_OK;
	for (size_t i = 0; i < known->count && !error; i++)
		error = zone_carve_suffix(zone->zone, known->names[i].name, known->names[i].labels == 1);
	return error;
}

void suffix_front(uint8_t *known, const struct mist_zone *zone, const uint8_t *name)
{
	const size_t front = name_len(name) - zone->zone->name_len;
	memcpy(known, name, front);
	known[front] = 0;
}

bool suffix_is_cut(const struct mist_content *content, const uint8_t *cut)
{
	const struct content_rule *rule = trie_get(&content->rules_by_name, cut);
	while (rule && (rule->rule.deny || rule->useless))
		rule = rule->same_name;
	return !rule;
}
