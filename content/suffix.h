/*
 * Search lists. A client with `search editor.land` asks for www.example.com.editor.land when it means www.example.com,
 * and if a wildcard answers, that is where it goes. So in each zone that is made from addresses the names that are
 * answered elsewhere, with the zone's name behind them, are made not to exist (zone_carve_suffix()): those of
 * allow rules and of zones (its own as well), and the names below. A name of one label keeps the wildcard's answer, for
 * it may be meant; the names below it do not. Members of catalogs are no such names: they come and go while zones are
 * served, and how many there are is not said here, so that a catalog that grew would take the cuts from all others.
 */
#ifndef MIST_CONTENT_SUFFIX_H
#define MIST_CONTENT_SUFFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mist_content;
struct mist_zone;

/* The names that are answered here, of fewer labels first; each is its zone's or its rule's. */
struct known_names {
	struct known_name {
		const uint8_t *name;
		unsigned labels;
	} *names;
	size_t count;
};

/* While the content is sealed: finds them; none, reported, when there are more than SUFFIX_CUTS_MAX to be made of them.
 * MIST_ENOMEM. Free with known_names_free(). */
int known_names_find(struct known_names *known, const struct mist_content *content);
void known_names_free(struct known_names *known);

/* Makes them nothing in the zone. MIST_ENOMEM. */
int suffix_carve(struct mist_zone *zone, const struct known_names *known);

/* What `name`, in or below a cut that was made here, has in front of the zone's name; in `known`. */
void suffix_front(uint8_t *known, const struct mist_zone *zone, const uint8_t *name);

/* Whether a cut was made here, and not for a name that is forwarded. */
bool suffix_is_cut(const struct mist_content *content, const uint8_t *cut);

#endif
