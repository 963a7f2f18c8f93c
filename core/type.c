/* Record types: the table by number, and the few types whose RDATA wants more than its columns. */
#include "core/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/name.h"
#include "core/wire.h"

#define ROW(number, text, type_flags, after, shortest, ...)                                        \
	[number] = { .type = (number), .flags = (type_flags), .rest = (after),                         \
	             .steps = { __VA_ARGS__ }, .min_len = (shortest), .name = (text) },
static const struct type_info table[] = {
#include "core/type_table.h"
};
#undef ROW
#define TABLE_LEN (sizeof(table) / sizeof(*table))

/* Two stragglers far above the table. */
static const struct type_info stragglers[] = {
	{ .type = 32768, .steps = { RDATA_FIXED_1 + 3 }, .min_len = 5, .name = "TA" },
	{ .type = 32769, .rest = REST_DIGEST, .steps = { RDATA_FIXED_1 + 3 }, .min_len = 5,
	  .name = "DLV" },
};
#define STRAGGLERS (sizeof(stragglers) / sizeof(*stragglers))

static const struct type_info unknown, unknown_meta = { .flags = TYPE_META };

const struct type_info *type_info(uint16_t type)
{
	if (type < TABLE_LEN) {
		if (table[type].name)
			return &table[type];
		/* RFC 6895 section 3.1: 128 to 255 are questions and meta types, 0 is reserved */
		return type == 0 || (type >= 128 && type <= 255) ? &unknown_meta : &unknown;
	}
	for (size_t i = 0; i < STRAGGLERS; i++) {
		if (stragglers[i].type == type)
			return &stragglers[i];
	}
	return &unknown;
}

const char *type_to_text(uint16_t type, char text[16])
{
	const char *name = type_info(type)->name;
	if (name)
		snprintf(text, 16, "%s", name);
	else
		snprintf(text, 16, "TYPE%u", type);
	return text;
}

uint16_t type_from_text(const char *text)
{
	for (size_t i = 0; i < TABLE_LEN; i++) {
		if (table[i].name && strcasecmp(text, table[i].name) == 0)
			return table[i].type;
	}
	for (size_t i = 0; i < STRAGGLERS; i++) {
		if (strcasecmp(text, stragglers[i].name) == 0)
			return stragglers[i].type;
	}
	if (strncasecmp(text, "TYPE", 4) != 0 || text[4] < '0' || text[4] > '9')
		return 0;
	char *end;
	unsigned long number = strtoul(text + 4, &end, 10);
	return *end || number > UINT16_MAX ? 0 : (uint16_t)number;
}

const char *rcode_to_text(unsigned rcode, char text[16])
{
	static const char *const names[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
		"NXRRSET", "NOTAUTH", "NOTZONE", "DSOTYPENI", NULL, NULL, NULL, NULL,
		"BADVERS", "BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG", "BADTRUNC", "BADCOOKIE",
	};
	if (rcode < sizeof(names) / sizeof(*names) && names[rcode])
		snprintf(text, 16, "%s", names[rcode]);
	else
		snprintf(text, 16, "RCODE%u", rcode & 0xfff);
	return text;
}

/* The name in A6 RDATA comes behind one octet and the address bits that the prefix leaves. */
static size_t a6_suffix(uint8_t prefix)
{
	return (128u - prefix + 7u) / 8u;
}

/* Moves past a name; false when there is none. */
static bool skip_name(struct reader *r)
{
	size_t len = r->failed ? 0 : name_check(r->at, reader_left(r));
	if (len == 0)
		r->failed = true;
	else
		reader_take(r, len);
	return !r->failed;
}

static void skip_step(struct reader *r, uint8_t step)
{
	if (step == RDATA_NAME) {
		skip_name(r);
	} else if (step == RDATA_STRING) {
		reader_take(r, reader_u8(r));
	} else if (step == RDATA_A6) {
		uint8_t prefix = reader_u8(r);
		if (prefix > 128)
			r->failed = true;
		else if (reader_take(r, a6_suffix(prefix)) && prefix > 0)
			skip_name(r);
	} else {
		reader_take(r, step - RDATA_FIXED_1 + 1u);
	}
}

static bool check_bitmap(struct reader *r)
{
	int last = -1;
	while (reader_left(r) > 0) {
		uint8_t window = reader_u8(r), len = reader_u8(r);
		const uint8_t *bits = reader_take(r, len);
		if (!bits || window <= last || len == 0 || len > 32 || bits[len - 1] == 0)
			return false;
		last = window;
	}
	return true;
}

/* RFC 4034 appendix A.2, RFC 4509, RFC 6605. */
static bool check_digest(uint8_t digest_type, size_t len)
{
	return digest_type == 1 ? len == 20 : digest_type == 2 ? len == 32
	     : digest_type == 4 ? len == 48 : len > 0;
}

/* Keys of RFC 9460 section 14.3.2 (and 9461, 9540) that promise a form. */
enum svc_key { SVC_MANDATORY = 0, SVC_ALPN, SVC_NO_DEFAULT_ALPN, SVC_PORT, SVC_IPV4HINT, SVC_ECH,
               SVC_IPV6HINT, SVC_DOHPATH, SVC_OHTTP, SVC_INVALID = 65535 };

static bool check_alpn(const uint8_t *value, size_t len)
{
	struct reader r = reader_on(value, len);
	do {
		uint8_t id_len = reader_u8(&r);
		if (id_len == 0 || !reader_take(&r, id_len))
			return false;
	} while (reader_left(&r) > 0);
	return true;
}

static bool svc_has(struct reader params, uint16_t wanted)
{
	while (reader_left(&params) > 0) {
		uint16_t key = reader_u16(&params);
		reader_take(&params, reader_u16(&params));
		if (params.failed)
			return false;
		if (key == wanted)
			return true;
	}
	return false;
}

/* Keys in ascending order, none of them "mandatory" itself, each of them there. */
static bool check_mandatory(const uint8_t *value, size_t len, struct reader params)
{
	int last = SVC_MANDATORY;
	if (len == 0 || len % 2 != 0)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		uint16_t key = wire_get16(value + i);
		if (key <= last || !svc_has(params, key))
			return false;
		last = key;
	}
	return true;
}

static bool check_svc_params(struct reader *r)
{
	const struct reader params = *r;
	int last = -1;
	while (reader_left(r) > 0) {
		uint16_t key = reader_u16(r), len = reader_u16(r);
		const uint8_t *value = reader_take(r, len);
		bool good;
		if (!value || key <= last)
			return false;
		switch (key) {
		case SVC_MANDATORY:       good = check_mandatory(value, len, params); break;
		case SVC_ALPN:            good = check_alpn(value, len); break;
		case SVC_NO_DEFAULT_ALPN: good = len == 0 && svc_has(params, SVC_ALPN); break;
		case SVC_PORT:            good = len == 2; break;
		case SVC_IPV4HINT:        good = len > 0 && len % 4 == 0; break;
		case SVC_IPV6HINT:        good = len > 0 && len % 16 == 0; break;
		case SVC_ECH:
		case SVC_DOHPATH:         good = len > 0; break;
		case SVC_OHTTP:           good = len == 0; break;
		default:                  good = key != SVC_INVALID; break;
		}
		if (!good)
			return false;
		last = key;
	}
	return true;
}

static bool check_prefixes(struct reader *r)
{
	while (reader_left(r) > 0) {
		uint16_t family = reader_u16(r);
		uint8_t prefix = reader_u8(r), len = reader_u8(r) & 0x7f; /* the upper bit negates */
		const uint8_t *address = reader_take(r, len);
		if (!address || (len > 0 && address[len - 1] == 0))
			return false;
		if ((family == 1 && (prefix > 32 || len > 4)) || (family == 2 && (prefix > 128 || len > 16)))
			return false;
	}
	return true;
}

/* A gateway or relay of IPSECKEY and AMTRELAY. */
static bool check_gateway(struct reader *r, uint8_t kind)
{
	switch (kind) {
	case 0:  return !r->failed;
	case 1:  return reader_take(r, 4) != NULL;
	case 2:  return reader_take(r, 16) != NULL;
	case 3:  return skip_name(r);
	default: return false;
	}
}

static bool check_ipseckey(struct reader *r)
{
	reader_u8(r); /* precedence */
	uint8_t kind = reader_u8(r), algorithm = reader_u8(r);
	return check_gateway(r, kind) && (algorithm == 0) == (reader_left(r) == 0);
}

static bool check_amtrelay(struct reader *r)
{
	reader_u8(r); /* precedence */
	uint8_t kind = reader_u8(r) & 0x7f; /* the upper bit says: discovery is optional */
	return check_gateway(r, kind) && reader_left(r) == 0;
}

static bool check_hip(struct reader *r)
{
	uint8_t hit_len = reader_u8(r);
	reader_u8(r); /* algorithm */
	uint16_t key_len = reader_u16(r);
	if (hit_len == 0 || key_len == 0 || !reader_take(r, hit_len) || !reader_take(r, key_len))
		return false;
	while (reader_left(r) > 0) {
		if (!skip_name(r))
			return false;
	}
	return true;
}

static bool check_rest(const struct type_info *info, const uint8_t *rdata, struct reader *r)
{
	switch (info->rest) {
	case REST_NONE:       return reader_left(r) == 0;
	case REST_BITMAP:     return check_bitmap(r);
	case REST_DIGEST:     return check_digest(rdata[3], reader_left(r));
	case REST_SVC_PARAMS: return check_svc_params(r);
	case REST_PREFIXES:   return check_prefixes(r);
	case REST_IPSECKEY:   return check_ipseckey(r);
	case REST_AMTRELAY:   return check_amtrelay(r);
	case REST_HIP:        return check_hip(r);
	case REST_STRINGS:
		while (!r->failed && reader_left(r) > 0)
			reader_take(r, reader_u8(r));
		return !r->failed;
	default:
		return true;
	}
}

/* What types ask for that no column says. */
static bool check_values(uint16_t type, const uint8_t *rdata, size_t len)
{
	switch (type) {
	case TYPE_CAA: /* RFC 8659 section 4.1: a tag of letters and digits */
		for (size_t i = 0; i < rdata[1]; i++) {
			uint8_t c = rdata[2 + i];
			if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
				return false;
		}
		return rdata[1] > 0;
	case TYPE_NSEC: /* RFC 4034 section 4.1.2: NSEC itself is always present */
		return name_len(rdata) < len;
	case TYPE_NSEC3: /* RFC 5155 section 3.1.7: a hash has at least one octet */
		return rdata[5 + rdata[4]] > 0;
	case TYPE_RRSIG:
		return 18 + name_len(rdata + 18) < len;
	default:
		return true;
	}
}

bool type_check(uint16_t type, const uint8_t *rdata, size_t len)
{
	const struct type_info *info = type_info(type);
	struct reader r = reader_on(rdata, len);

	if (len < info->min_len || len > UINT16_MAX || (info->flags & TYPE_META))
		return false;
	for (const uint8_t *step = info->steps; *step != RDATA_END; step++)
		skip_step(&r, *step);
	return !r.failed && check_rest(info, rdata, &r) && check_values(type, rdata, len);
}

void type_names(uint16_t type, const uint8_t *rdata, size_t len,
                void (*name)(void *user, size_t offset), void *user)
{
	struct reader r = reader_on(rdata, len);

	for (const uint8_t *step = type_info(type)->steps; *step != RDATA_END; step++) {
		if (*step == RDATA_NAME)
			name(user, (size_t)(r.at - r.start));
		else if (*step == RDATA_A6 && rdata[0] > 0)
			name(user, 1 + a6_suffix(rdata[0]));
		skip_step(&r, *step);
		if (r.failed)
			return;
	}
}

static void fold_name(void *rdata, size_t offset)
{
	uint8_t *name = (uint8_t *)rdata + offset;
	name_lower(name, name);
}

void type_fold(uint16_t type, uint8_t *rdata, size_t len)
{
	if (type_info(type)->flags & TYPE_FOLD)
		type_names(type, rdata, len, fold_name, rdata);
}

const uint8_t *type_target(uint16_t type, const uint8_t *rdata, size_t len)
{
	const struct type_info *info = type_info(type);

	if (!(info->flags & TYPE_ADDITIONAL))
		return NULL;
	/* in each of these types the name follows a fixed number of octets */
	size_t offset = info->steps[0] == RDATA_NAME ? 0 : info->steps[0] - RDATA_FIXED_1 + 1u;
	return offset < len ? rdata + offset : NULL;
}
