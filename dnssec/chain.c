/* The NSEC chain; see chain.h. */
#include "dnssec/chain.h"

#include <string.h>

#define WINDOW_LEN 32 /* octets of a bitmap for 256 types (RFC 4034 section 4.1.2) */
#define BITMAP_MAX (256 * (2 + WINDOW_LEN))

bool chain_has(const struct node *node)
{
	return node->rrset_count && !(node->flags & NODE_OCCLUDED);
}

bool chain_signs(const struct node *node, uint16_t type)
{
	if (node->flags & NODE_OCCLUDED)
		return false;
	if (node->flags & NODE_CARVED)
		return type == TYPE_NSEC;
	if (node->flags & NODE_CUT)
		return type == TYPE_DS || type == TYPE_NSEC;
	return true;
}

/* A writer of bitmaps; types come in ascending order. */
struct bitmap {
	uint8_t *octets;
	size_t len;      /* of finished windows */
	int window;      /* the open one; -1: none */
};

static void bitmap_add(struct bitmap *map, uint16_t type)
{
	uint8_t *open = map->octets + map->len;
	if (map->window != type >> 8) {
		if (map->window >= 0)
			map->len += 2u + open[1];
		open = map->octets + map->len;
		memset(open, 0, 2 + WINDOW_LEN);
		map->window = open[0] = (uint8_t)(type >> 8);
	}
	unsigned bit = type & 255;
	open[1] = (uint8_t)(bit / 8 + 1);
	open[2 + bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static size_t bitmap_end(struct bitmap *map)
{
	return map->len + 2u + map->octets[map->len + 1];
}

/* Of every node in the chain: what it holds, and the NSEC and RRSIG that it is getting. */
static size_t make_bitmap(uint8_t octets[BITMAP_MAX], const struct node *node)
{
	struct bitmap map = { .octets = octets, .window = -1 };
	const uint16_t always[] = { TYPE_RRSIG, TYPE_NSEC };
	unsigned done = 0;
	for (unsigned i = 0; i < node->rrset_count; i++) {
		uint16_t type = node->rrsets[i]->type;
		if (type == TYPE_RRSIG || type == TYPE_NSEC)
			continue;
		bool delegation = type == TYPE_NS && node->flags & (NODE_CUT | NODE_CARVED);
		if (!delegation && !chain_signs(node, type))
			continue;
		for (; done < 2 && always[done] < type; done++)
			bitmap_add(&map, always[done]);
		bitmap_add(&map, type);
	}
	for (; done < 2; done++)
		bitmap_add(&map, always[done]);
	return bitmap_end(&map);
}

struct rrset *chain_nsec(const struct node *node, const uint8_t *next, uint32_t ttl)
{
	uint8_t rdata[NAME_MAX + BITMAP_MAX];
	size_t len = name_copy(rdata, next);
	len += make_bitmap(rdata + len, node);
	_Bool too_large = false;
	return rrset_with(NULL, TYPE_NSEC, ttl, rdata, (uint16_t)len, &too_large);
}
