/* Private addresses as two tables of prefixes, from the IANA special-purpose
 * registries (RFC 6890). */
#include "forward/private.h"

#include <string.h>

#include "core/name.h"
#include "core/type.h"
#include "core/wire.h"

struct prefix { uint8_t bits, octets[16]; };

static const struct prefix ipv4[] = {
	{ 8, { 0 } },                      /* this host (RFC 1122): connects to loopback on Linux */
	{ 8, { 10 } },                     /* RFC 1918 */
	{ 10, { 100, 64 } },               /* carrier-grade NAT (RFC 6598); in it, a cloud's metadata */
	{ 8, { 127 } },
	{ 32, { 168, 63, 129, 16 } },      /* a cloud's metadata, on an otherwise public address */
	{ 16, { 169, 254 } },              /* link-local (RFC 3927); 169.254.169.254 is metadata */
	{ 12, { 172, 16 } },               /* RFC 1918 */
	{ 24, { 192, 0, 0 } },             /* RFC 6890; 192.0.0.192 is a cloud's metadata */
	{ 16, { 192, 168 } },              /* RFC 1918 */
	{ 15, { 198, 18 } },               /* benchmarks (RFC 2544) */
	{ 4, { 224 } },                    /* multicast (RFC 5771) */
	{ 4, { 240 } },                    /* reserved, broadcast */
};

static const struct prefix ipv6[] = {
	{ 96, { 0 } },                     /* ::, ::1, IPv4-compatible (RFC 4291) */
	{ 96, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff } }, /* IPv4-mapped */
	{ 96, { 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff } },       /* IPv4-translated (RFC 7915) */
	{ 32, { 0x20, 0x01 } },            /* Teredo (RFC 4380): an IPv4 address, disguised */
	{ 48, { 0, 0x64, 0xff, 0x9b, 0, 1 } },                /* NAT64 for local use (RFC 8215) */
	{ 7, { 0xfc } },                   /* unique local (RFC 4193) */
	{ 10, { 0xfe, 0x80 } },            /* link-local */
	{ 10, { 0xfe, 0xc0 } },            /* site-local, of old (RFC 3879) */
	{ 8, { 0xff } },                   /* multicast */
};

/* These hold an IPv4 address, in the octets named. */
static const struct prefix nat64 = { 96, { 0, 0x64, 0xff, 0x9b } }; /* RFC 6052: in 12-15 */
static const struct prefix six_to_four = { 16, { 0x20, 0x02 } };    /* RFC 3056: in 2-5 */

static bool within(const uint8_t *address, const struct prefix *prefix)
{
	const unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;
	if (memcmp(address, prefix->octets, whole) != 0)
		return false;
	return rest == 0 || ((address[whole] ^ prefix->octets[whole]) & 0xff << (8 - rest) & 0xff) == 0;
}

bool private_ipv4(const uint8_t address[4])
{
	for (size_t i = 0; i < sizeof ipv4 / sizeof *ipv4; i++)
		if (within(address, &ipv4[i]))
			return true;
	return false;
}

bool private_ipv6(const uint8_t address[16])
{
	for (size_t i = 0; i < sizeof ipv6 / sizeof *ipv6; i++)
		if (within(address, &ipv6[i]))
			return true;
	if (within(address, &nat64))
		return private_ipv4(address + 12);
	return within(address, &six_to_four) && private_ipv4(address + 2);
}

/* SvcParams behind priority and target (RFC 9460 section 2.2). Damaged ones count as private: what
 * we cannot read, a client might read otherwise. */
static bool private_hints(const uint8_t *rdata, size_t len)
{
	enum { IPV4HINT = 4, IPV6HINT = 6 };
	struct reader r = reader_on(rdata, len);
	reader_take(&r, 2);
	const size_t target = r.failed ? 0 : name_check(r.at, reader_left(&r));
	if (target == 0)
		return true;
	reader_take(&r, target);
	while (reader_left(&r) > 0 && !r.failed) {
		const uint16_t key = reader_u16(&r), value_len = reader_u16(&r);
		const uint8_t *value = reader_take(&r, value_len);
		const unsigned size = key == IPV4HINT ? 4 : key == IPV6HINT ? 16 : 0;
		if (!value || (size && value_len % size != 0))
			return true;
		for (unsigned at = 0; size && at < value_len; at += size)
			if (size == 4 ? private_ipv4(value + at) : private_ipv6(value + at))
				return true;
	}
	return r.failed;
}

bool private_record(uint16_t type, const uint8_t *rdata, size_t len)
{
	switch (type) {
	case TYPE_A:
		return len != 4 || private_ipv4(rdata);
	case TYPE_AAAA:
		return len != 16 || private_ipv6(rdata);
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return private_hints(rdata, len);
	default:
		return false;
	}
}
