/* Names of addresses; see reverse.h. */
#include "content/reverse.h"

#include <stdio.h>
#include <stdlib.h>

#include "content/parts.h"

/* As short as that of registered names: what an address is called changes with them. */
#define REVERSE_TTL 5
/* Of the longest names, in 65,535 octets. */
#define NAMES_MAX (65535 / (RRSET_FIXED + NAME_MAX))

static const uint8_t arpa[] = "\4arpa";

/* RFC 1035 section 3.5, RFC 3596 section 2.5. */
static void reverse_name(uint8_t to[NAME_MAX], const uint8_t *octets, unsigned len)
{
	char text[4 * 16 + sizeof("in-addr.arpa")];
	int at = 0;
	for (unsigned i = len; i-- > 0;) {
		at += len == 4 ? sprintf(text + at, "%u.", octets[i])
		               : sprintf(text + at, "%x.%x.", octets[i] & 15, octets[i] >> 4);
	}
	sprintf(text + at, len == 4 ? "in-addr.arpa" : "ip6.arpa");
	name_from_text(to, text);
}

static struct mist_record pointer(const uint8_t *owner, const uint8_t *name)
{
	return (struct mist_record){ .owner = owner, .type = TYPE_PTR, .ttl = REVERSE_TTL, .rdata = name,
	                             .rdata_len = (uint16_t)name_len(name) };
}

bool reverse_is_full(const struct mist_content *content, const struct rrset *set)
{
	return set && (set->count >= NAMES_MAX || set->count >= content->options.set_records_max);
}

/* Many zones may share an address, 127.0.0.1 most often: those that find no room are not named. */
static int point_to_zones(struct zone *reverse, const struct mist_content *content)
{
	uint8_t owner[NAME_MAX];
	int error = MIST_OK;
	for (size_t i = 0; i < content->zone_count; i++) {
		const struct mist_zone *zone = content->zones[i];
		for (size_t j = 0; j < zone->address_count && !error; j++) {
			reverse_name(owner, zone->addresses[j].octets, zone->addresses[j].len);
			const struct node *node = zone_node(reverse, owner);
			const struct rrset *set = node ? node_rrset(node, TYPE_PTR) : NULL;
			const struct mist_record record = pointer(owner, zone->zone->name);
			if (!reverse_is_full(content, set))
				error = zone_add(reverse, &record, NULL);
		}
	}
	return error;
}

int reverse_make(struct mist_content *content)
{
	struct mist_zone *made = calloc(1, sizeof(*made));
	if (!made)
		return MIST_ENOMEM;
	content->reverse = made;
	made->content = content;
	made->index = content->zone_count;
	made->dnssec = MIST_DNSSEC_OFF;
	made->ttl = REVERSE_TTL;
	made->due_s = UINT32_MAX;
	int error = zone_new(&made->zone, arpa);
	if (!error)
		error = zone_make(made->zone, NULL, 0, REVERSE_TTL, 1);
	if (!error)
		error = point_to_zones(made->zone, content);
	return error ? error : zone_complete(made->zone, NULL);
}

int reverse_point(struct edit *edit, const struct mist_content *content, const uint8_t *octets, unsigned len,
                  const uint8_t *name, bool add)
{
	uint8_t owner[NAME_MAX];
	if (!content->reverse)
		return MIST_OK;
	reverse_name(owner, octets, len);
	const struct mist_record record = pointer(owner, name);
	return add ? edit_add(edit, arpa, &record) : edit_remove(edit, arpa, &record);
}
