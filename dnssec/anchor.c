/* Trust anchors; see anchor.h. */
#include "dnssec/anchor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/wire.h"
#include "dnssec/crypto.h"
#include "dnssec/sign.h"

#define FLAG_ZONE 0x0100   /* RFC 4034 section 2.1.1 */
#define FLAG_SEP 0x0001
#define FLAG_REVOKED 0x0080 /* RFC 5011 section 2.1 */

static bool signs_keys(const struct rrset *keys, const struct record *key)
{
	struct record sig;
	uint16_t tag = dnskey_tag(key->rdata, key->rdata_len);
	for (size_t at = keys->len; rrset_next(keys, keys->full_len, &at, &sig);) {
		if (sig.rdata_len > 18 && wire_get16(sig.rdata + 16) == tag &&
		    sig.rdata[2] == key->rdata[3])
			return true;
	}
	return false;
}

static uint16_t usable_flags(const struct rrset *keys, const struct record *key)
{
	if (key->rdata_len < 5)
		return 0;
	uint16_t flags = wire_get16(key->rdata);
	return flags & FLAG_ZONE && !(flags & FLAG_REVOKED) && signs_keys(keys, key) ? flags : 0;
}

int anchor_keys(const struct zone *zone, int (*visit)(void *user, const struct record *dnskey),
                void *user)
{
	const struct rrset *keys = node_rrset(zone->apex, TYPE_DNSKEY);
	struct record key;
	uint16_t wanted = FLAG_ZONE;
	if (!keys)
		return 0;
	for (size_t at = 0; rrset_next(keys, keys->len, &at, &key);)
		wanted |= usable_flags(keys, &key) & FLAG_SEP;
	for (size_t at = 0; rrset_next(keys, keys->len, &at, &key);) {
		if ((usable_flags(keys, &key) & wanted) != wanted)
			continue;
		int result = visit(user, &key);
		if (result)
			return result;
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------------
 * DS for a parent
 */

struct ds_set {
	const struct zone *zone;
	struct crypto *crypto;
	struct rrset *set;
	uint32_t ttl;
};

static int add_ds(void *user, const struct record *key)
{
	struct ds_set *ds = user;
	uint8_t rdata[36];
	_Bool too_large = false;
	size_t len = dnskey_ds(ds->crypto, ds->zone->name, key->rdata, key->rdata_len, rdata);
	if (!len)
		return MIST_ECRYPTO;
	struct rrset *more = rrset_with(ds->set, TYPE_DS, ds->ttl, rdata, (uint16_t)len, &too_large);
	if (!more)
		return too_large ? MIST_EZONE : MIST_ENOMEM;
	free(ds->set);
	ds->set = more;
	return MIST_OK;
}

int sign_ds(struct rrset **made, const struct zone *zone, struct crypto *crypto, uint32_t ttl)
{
	struct ds_set ds = { .zone = zone, .crypto = crypto, .ttl = ttl };
	int error = zone->is_signed ? anchor_keys(zone, add_ds, &ds) : MIST_OK;
	if (error) {
		free(ds.set);
		ds.set = NULL;
	}
	*made = ds.set;
	return error;
}

/* ------------------------------------------------------------------------------------------------
 * Text
 */

struct sheet {
	const struct zone *zone;
	struct crypto *crypto;
	enum mist_anchor_format format;
	uint32_t ttl;
	char owner[NAME_TEXT_MAX + 1]; /* with its final dot */
	char *text;
	size_t size, len;
};

__attribute__((format(printf, 2, 3)))
static int print(struct sheet *sheet, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(sheet->text + sheet->len, sheet->size - sheet->len, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= sheet->size - sheet->len)
		return MIST_ESPACE;
	sheet->len += (size_t)n;
	return MIST_OK;
}

static int print_ds(struct sheet *sheet, const struct record *key)
{
	uint8_t ds[36];
	char hex[2 * DIGEST_LEN + 1];
	if (!dnskey_ds(sheet->crypto, sheet->zone->name, key->rdata, key->rdata_len, ds))
		return MIST_ECRYPTO;
	for (unsigned i = 0; i < DIGEST_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02X", ds[4 + i]);
	unsigned tag = wire_get16(ds), algorithm = ds[2], type = ds[3];
	if (sheet->format == MIST_ANCHOR_UNBOUND)
		return print(sheet, "\ttrust-anchor: \"%s IN DS %u %u %u %s\"\n", sheet->owner, tag,
		             algorithm, type, hex);
	if (sheet->format == MIST_ANCHOR_RESOLVED)
		return print(sheet, "%s IN DS %u %u %u %s\n", sheet->owner, tag, algorithm, type, hex);
	return print(sheet, "%s %u IN DS %u %u %u %s\n", sheet->owner, sheet->ttl, tag, algorithm, type,
	             hex);
}

static int print_dnskey(struct sheet *sheet, const struct record *key)
{
	char base64[1400]; /* RSA of 4,096 bits is 516 octets, 688 characters */
	unsigned flags = wire_get16(key->rdata), protocol = key->rdata[2], algorithm = key->rdata[3];
	if (base64_encode(base64, sizeof(base64), key->rdata + 4, key->rdata_len - 4u) < 0)
		return MIST_ESPACE;
	if (sheet->format == MIST_ANCHOR_BIND)
		return print(sheet, "\t\"%s\" static-key %u %u %u \"%s\";\n", sheet->owner, flags, protocol,
		             algorithm, base64);
	return print(sheet, "%s %u IN DNSKEY %u %u %u %s\n", sheet->owner, sheet->ttl, flags, protocol,
	             algorithm, base64);
}

static int print_key(void *user, const struct record *key)
{
	struct sheet *sheet = user;
	bool whole = sheet->format == MIST_ANCHOR_DNSKEY || sheet->format == MIST_ANCHOR_BIND;
	return whole ? print_dnskey(sheet, key) : print_ds(sheet, key);
}

int anchor_text(const struct zone *zone, struct crypto *crypto, enum mist_anchor_format format,
                char *text, size_t size)
{
	struct sheet sheet = { .zone = zone, .crypto = crypto, .format = format, .text = text,
	                       .size = size };
	if (!zone->is_signed)
		return MIST_EZONE;
	const struct rrset *keys = node_rrset(zone->apex, TYPE_DNSKEY);
	sheet.ttl = keys ? keys->ttl : 0;
	size_t len = name_to_text(sheet.owner, zone->name);
	if (*zone->name) {
		sheet.owner[len] = '.';
		sheet.owner[len + 1] = 0;
	}
	int error = MIST_OK;
	if (format == MIST_ANCHOR_BIND)
		error = print(&sheet, "trust-anchors {\n");
	else if (format == MIST_ANCHOR_UNBOUND)
		error = print(&sheet, "server:\n");
	size_t before = sheet.len;
	if (!error)
		error = anchor_keys(zone, print_key, &sheet);
	if (!error && sheet.len == before)
		return MIST_EZONE;
	if (!error && format == MIST_ANCHOR_BIND)
		error = print(&sheet, "};\n");
	return error;
}
