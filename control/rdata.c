#include "control/rdata.h"

#include <inttypes.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/domain.h"
#include "control/entry.h"
#include "control/units.h"

enum { BAD = -1, NO_MEMORY = -2 };

uint16_t rdata_type(const char *text)
{
	uint64_t number;
	if (strncasecmp(text, "TYPE", 4) == 0)
		return units_number(text + 4, &number) && number <= UINT16_MAX ? (uint16_t)number : 0;
	return (uint16_t)ldns_get_rr_type_by_name(text);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
	     : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "\# LENGTH HEX..." (RFC 3597 section 5). ldns takes digits that are none and a wrong length. */
static int generic(char *text, uint8_t *rdata, char *problem, size_t problem_size)
{
	uint64_t len;
	size_t digits = 0;
	char *token;
	entry_token(&text); /* \# itself */
	token = entry_token(&text);
	if (!token || !units_number(token, &len) || len > RDATA_LEN_MAX) {
		snprintf(problem, problem_size, "\\# must be followed by a length from 0 to 65535");
		return BAD;
	}
	while ((token = entry_token(&text)))
		for (; *token; token++, digits++) {
			int digit = hex_digit(*token);
			if (digit < 0 || digits >= 2 * len) {
				snprintf(problem, problem_size, digit < 0 ? "'%c' is not a hexadecimal digit"
				         : "'%c' is more than the length that \\# announces", *token);
				return BAD;
			}
			rdata[digits / 2] = (uint8_t)(digits % 2 ? rdata[digits / 2] | digit : digit << 4);
		}
	if (digits != 2 * len) {
		snprintf(problem, problem_size, "\\# announces %" PRIu64 " octets, %zu%s follow", len,
		         digits / 2, digits % 2 ? " and a half" : "");
		return BAD;
	}
	return (int)len;
}

/* Whether a number fits its field; ldns would cut it to size. Mnemonics are ldns's to know. */
static bool number_fits(const char *token, ldns_rdf_type field)
{
	uint64_t number, max = field == LDNS_RDF_TYPE_INT8    ? UINT8_MAX
	                     : field == LDNS_RDF_TYPE_ALG     ? UINT8_MAX
	                     : field == LDNS_RDF_TYPE_INT16   ? UINT16_MAX
	                                                      : UINT32_MAX;
	bool named = field == LDNS_RDF_TYPE_ALG;
	if (token[0] != '-' && token[0] != '+' && !(token[0] >= '0' && token[0] <= '9'))
		return named;
	return units_number(token, &number) && number <= max;
}

/* The leading fields of fixed form, and a port of SVCB: what ldns takes though it does not fit. */
static bool fields_fit(uint16_t type, const char *text, char *problem, size_t problem_size)
{
	const ldns_rr_descriptor *fields = ldns_rr_descript(type);
	size_t count = ldns_rr_descriptor_maximum(fields);
	char copy[512]; /* the fields that are looked at stand at the front and are short */
	char *at = copy, *token;
	snprintf(copy, sizeof(copy), "%s", text);
	for (size_t i = 0; i < count && (token = entry_token(&at)); i++) {
		ldns_rdf_type field = ldns_rr_descriptor_field_type(fields, i);
		bool number = field == LDNS_RDF_TYPE_INT8 || field == LDNS_RDF_TYPE_INT16 ||
		              field == LDNS_RDF_TYPE_INT32 || field == LDNS_RDF_TYPE_ALG;
		if (number && !number_fits(token, field)) {
			snprintf(problem, problem_size, "%.40s is not a number that fits its field", token);
			return false;
		}
		if (field == LDNS_RDF_TYPE_SVCPARAMS)
			for (uint64_t port; token; token = entry_token(&at))
				if (strncasecmp(token, "port=", 5) == 0 &&
				    (!units_number(token + 5 + (token[5] == '"'), &port) || port > UINT16_MAX) &&
				    token[5] != '"') {
					snprintf(problem, problem_size, "%.40s is not a port", token);
					return false;
				}
	}
	return true;
}

/* An odd number of hexadecimal digits at the end of DS, TLSA and the like: ldns would add a
 * zero. */
static bool digits_even(uint16_t type, const char *text)
{
	const ldns_rr_descriptor *fields = ldns_rr_descript(type);
	size_t count = ldns_rr_descriptor_maximum(fields);
	size_t digits = 0;
	if (count == 0 || ldns_rr_descriptor_field_type(fields, count - 1) != LDNS_RDF_TYPE_HEX)
		return true;
	for (size_t i = 0; i + 1 < count; i++) {
		text += strspn(text, " ");
		text += strcspn(text, " ");
	}
	for (; *text; text++)
		digits += *text != ' ';
	return digits % 2 == 0;
}

static int to_wire(const ldns_rr *rr, uint8_t *rdata)
{
	int len = NO_MEMORY;
	ldns_buffer *buffer = ldns_buffer_new(LDNS_MIN_BUFLEN);
	if (buffer && ldns_rr_rdata2buffer_wire(buffer, rr) == LDNS_STATUS_OK) {
		size_t size = ldns_buffer_position(buffer);
		len = size <= RDATA_LEN_MAX ? (int)size : BAD;
		if (len >= 0)
			memcpy(rdata, ldns_buffer_begin(buffer), size);
	}
	ldns_buffer_free(buffer);
	return len;
}

/* A record that ldns reads as a whole: ours gets the root as owner, and TTL and class that do not matter. */
static int read_whole(uint16_t type, const char *text, const uint8_t *origin_name, uint8_t *rdata,
                      char *problem, size_t problem_size)
{
	ldns_rr *rr = NULL;
	size_t size = strlen(text) + 32;
	char *line = malloc(size);
	ldns_rdf *origin = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, domain_len(origin_name), origin_name);
	ldns_status status = LDNS_STATUS_MEM_ERR;
	if (line && origin) {
		snprintf(line, size, ". 0 IN TYPE%u %s", type, text);
		status = ldns_rr_new_frm_str(&rr, line, 0, origin, NULL);
	}
	ldns_rdf_deep_free(origin);
	free(line);
	if (status == LDNS_STATUS_MEM_ERR)
		return NO_MEMORY;
	if (status != LDNS_STATUS_OK) {
		snprintf(
			problem, problem_size, "%s",
			status == LDNS_STATUS_SYNTAX_SUPERFLUOUS_TEXT_ERR ? "there is more than the type holds"
			: status == LDNS_STATUS_SYNTAX_MISSING_VALUE_ERR  ? "something is missing"
		                                                      : "the data does not fit the type");
		return BAD;
	}
	int len = to_wire(rr, rdata);
	ldns_rr_free(rr);
	if (len == BAD)
		snprintf(problem, problem_size, "more than 65535 octets of data");
	return len;
}

static ldns_status (*field_reader(ldns_rdf_type field))(ldns_rdf **, const char *)
{
	switch (field) {
	case LDNS_RDF_TYPE_A:     return ldns_str2rdf_a;
	case LDNS_RDF_TYPE_AAAA:  return ldns_str2rdf_aaaa;
	case LDNS_RDF_TYPE_INT8:  return ldns_str2rdf_int8;
	case LDNS_RDF_TYPE_INT16: return ldns_str2rdf_int16;
	case LDNS_RDF_TYPE_INT32: return ldns_str2rdf_int32;
	default:                  return NULL;
	}
}

/*
 * Whether the data is a fixed number of addresses, numbers and names, one word each, as most
 * records are: then ldns is asked for field after field, which is a tenth of the work. Quotes,
 * escapes and fields of several words are what its reader of whole records is for.
 */
static bool in_plain_fields(const ldns_rr_descriptor *fields, const char *text)
{
	size_t count = ldns_rr_descriptor_maximum(fields);
	if (count != ldns_rr_descriptor_minimum(fields) || strpbrk(text, "\"\\"))
		return false;
	for (size_t i = 0; i < count; i++) {
		ldns_rdf_type field = ldns_rr_descriptor_field_type(fields, i);
		if (field != LDNS_RDF_TYPE_DNAME && !field_reader(field))
			return false;
	}
	return true;
}

/* One field; returns its length in wire form. */
static int read_field(ldns_rdf_type type, const char *token, const uint8_t *origin, uint8_t *to,
                      char *problem, size_t problem_size)
{
	ldns_rdf *field = NULL;
	if (type == LDNS_RDF_TYPE_DNAME) {
		if (domain_read(token, origin, to))
			return (int)domain_len(to);
	} else if (type != LDNS_RDF_TYPE_A && type != LDNS_RDF_TYPE_AAAA && !number_fits(token, type)) {
		snprintf(problem, problem_size, "%.40s is not a number that fits its field", token);
		return BAD;
	} else {
		ldns_status status = field_reader(type)(&field, token);
		if (status == LDNS_STATUS_MEM_ERR)
			return NO_MEMORY;
		if (status == LDNS_STATUS_OK) {
			size_t len = ldns_rdf_size(field);
			memcpy(to, ldns_rdf_data(field), len);
			ldns_rdf_deep_free(field);
			return (int)len;
		}
	}
	snprintf(problem, problem_size, "the data does not fit the type");
	return BAD;
}

static int read_fields(const ldns_rr_descriptor *fields, char *text, const uint8_t *origin,
                       uint8_t *rdata, char *problem, size_t problem_size)
{
	size_t count = ldns_rr_descriptor_maximum(fields);
	int len = 0;
	for (size_t i = 0; i < count; i++) {
		char *token = entry_token(&text);
		if (!token) {
			snprintf(problem, problem_size, "something is missing");
			return BAD;
		}
		int field = read_field(ldns_rr_descriptor_field_type(fields, i), token, origin, rdata + len,
		                       problem, problem_size);
		if (field < 0)
			return field;
		len += field;
	}
	if (entry_token(&text)) {
		snprintf(problem, problem_size, "there is more than the type holds");
		return BAD;
	}
	return len;
}

int rdata_from_text(uint16_t type, char *text, const uint8_t *origin,
                    uint8_t rdata[RDATA_LEN_MAX], char *problem, size_t problem_size)
{
	const ldns_rr_descriptor *fields = ldns_rr_descript(type);
	text += strspn(text, " ");
	if (strcmp(text, "\\#") == 0 || strncmp(text, "\\# ", 3) == 0)
		return generic(text, rdata, problem, problem_size);
	if (!*text) {
		snprintf(problem, problem_size, "there is no data");
		return BAD;
	}
	/* For a type without a description ldns knows no text form. */
	if (ldns_rr_descriptor_maximum(fields) == 0 ||
	    ldns_rr_descriptor_field_type(fields, 0) == LDNS_RDF_TYPE_UNKNOWN) {
		snprintf(problem, problem_size,
		         "the text form of this type is not known; write it as TYPE%u "
		         "\\# LENGTH HEX (RFC 3597)",
		         type);
		return BAD;
	}
	if (in_plain_fields(fields, text))
		return read_fields(fields, text, origin, rdata, problem, problem_size);
	if (!fields_fit(type, text, problem, problem_size))
		return BAD;
	if (!digits_even(type, text)) {
		snprintf(problem, problem_size, "an odd number of hexadecimal digits");
		return BAD;
	}
	return read_whole(type, text, origin, rdata, problem, problem_size);
}
