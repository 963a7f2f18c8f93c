/*
 * Names of addresses: PTR records of what is registered, and of the addresses that zones are made from. They
 * stand in a zone that no route leads to: only a question for the very name of such an address is
 * answered from it (core/lead.h), all else in in-addr.arpa and ip6.arpa goes its way.
 */
#ifndef MIST_CONTENT_REVERSE_H
#define MIST_CONTENT_REVERSE_H

#include "content/edit.h"

/* Makes the zone of a content that has a registry. MIST_OK, MIST_ENOMEM. */
int reverse_make(struct mist_content *content);

/* Whether a set of names takes no more: the limit of the content's sets (set_records_max), or what a message holds. Names
 * that find no room are not told later either. */
bool reverse_is_full(const struct mist_content *content, const struct rrset *set);

/* Lets an address (4 or 16 octets) point to a name, or no longer, with the edit. */
int reverse_point(struct edit *edit, const struct mist_content *content, const uint8_t *octets, unsigned len,
                  const uint8_t *name, bool add);

#endif
