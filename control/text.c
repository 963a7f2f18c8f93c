#define _GNU_SOURCE /* asprintf */
#include "control/text.h"

#include <ldns/ldns.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/rdata.h"

const char *text_type(uint16_t type, char text[16])
{
	const ldns_rr_descriptor *fields = ldns_rr_descript(type);
	if (fields && fields->_name && strncmp(fields->_name, "TYPE", 4) != 0)
		snprintf(text, 16, "%s", fields->_name);
	else if (type == LDNS_RR_TYPE_ANY || type == LDNS_RR_TYPE_AXFR || type == LDNS_RR_TYPE_IXFR)
		snprintf(text, 16, "%s", type == LDNS_RR_TYPE_ANY    ? "ANY"
		                         : type == LDNS_RR_TYPE_AXFR ? "AXFR" : "IXFR");
	else
		snprintf(text, 16, "TYPE%u", type);
	return text;
}

const char *text_rcode(unsigned rcode, char text[16])
{
	const ldns_lookup_table *entry = ldns_lookup_by_id(ldns_rcodes, (int)rcode);
	if (entry && rcode < 16)
		snprintf(text, 16, "%s", entry->name);
	else if (rcode == 16)
		snprintf(text, 16, "BADVERS");
	else if (rcode == 23)
		snprintf(text, 16, "BADCOOKIE");
	else
		snprintf(text, 16, "RCODE%u", rcode);
	return text;
}

/*
 * A name, as owner or in data. ldns leaves " and $ and @ as they are, which a reader would take for
 * a quote, a directive and the origin.
 */
static void name_text(const uint8_t *name, char *text)
{
	char *at = text;
	if (!*name)
		*at++ = '.';
	while (*name) {
		unsigned len = *name++;
		for (; len; len--, name++) {
			if (strchr(".\"$();@\\", *name) && *name)
				at += sprintf(at, "\\%c", *name);
			else if (*name <= ' ' || *name >= 127)
				at += sprintf(at, "\\%03u", *name);
			else
				*at++ = (char)*name;
		}
		*at++ = '.';
	}
	*at = '\0';
}

/* Octets of a whole record; the owner is the root, because the owner's text is ours. */
static ldns_rr *to_ldns(const struct mist_record *record)
{
	ldns_rr *rr = NULL;
	size_t size = 11 + (size_t)record->rdata_len, position = 0;
	uint8_t *wire = malloc(size);
	if (!wire)
		return NULL;
	wire[0] = 0;
	ldns_write_uint16(wire + 1, record->type);
	ldns_write_uint16(wire + 3, LDNS_RR_CLASS_IN);
	ldns_write_uint32(wire + 5, record->ttl);
	ldns_write_uint16(wire + 9, record->rdata_len);
	memcpy(wire + 11, record->rdata, record->rdata_len);
	if (ldns_wire2rr(&rr, wire, size, &position, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK ||
	    position != size) {
		ldns_rr_free(rr);
		rr = NULL;
	}
	free(wire);
	return rr;
}

/* One field of the data. */
static char *field_text(const ldns_rdf *field)
{
	char name[MIST_NAME_TEXT_SIZE + 1];
	if (ldns_rdf_get_type(field) != LDNS_RDF_TYPE_DNAME)
		return ldns_rdf2str(field);
	name_text(ldns_rdf_data(field), name);
	return strdup(name);
}

/* The data as ldns writes it, but for names; or NULL where that could not be read back. */
static char *data_known(const struct mist_record *record)
{
	ldns_rr *rr = to_ldns(record);
	char *data = NULL;
	for (size_t i = 0; rr && i < ldns_rr_rd_count(rr); i++) {
		char *joined = NULL, *field = field_text(ldns_rr_rdf(rr, i));
		if (!field || asprintf(&joined, "%s%s%s", data ? data : "", data ? " " : "", field) < 0)
			joined = NULL;
		free(field);
		free(data);
		data = joined;
		if (!data)
			break;
	}
	ldns_rr_free(rr);
	size_t len = data ? strlen(data) : 0;
	while (len && data[len - 1] == ' ') /* of an empty list of types or parameters */
		data[--len] = '\0';
	return data;
}

/* Whether text gives the same octets again. Asked for every record: ldns has types it writes
 * otherwise than it reads, and a dump that is not the zone would be worse than an ugly one. */
static bool reads_back(const struct mist_record *record, const char *data)
{
	char problem[160];
	uint8_t *rdata = malloc(RDATA_LEN_MAX);
	char *copy = strdup(data);
	bool same = false;
	if (rdata && copy) {
		static const uint8_t root[1];
		int len = rdata_from_text(record->type, copy, root, rdata, problem, sizeof(problem));
		same = len == record->rdata_len && memcmp(rdata, record->rdata, (size_t)len) == 0;
	}
	free(rdata);
	free(copy);
	return same;
}

/* RFC 3597 section 5. */
static char *data_generic(const struct mist_record *record)
{
	size_t size = 16 + 2 * (size_t)record->rdata_len;
	char *text = malloc(size);
	if (!text)
		return NULL;
	int len = snprintf(text, size, "\\# %u%s", record->rdata_len, record->rdata_len ? " " : "");
	for (size_t i = 0; i < record->rdata_len; i++)
		len += snprintf(text + len, size - (size_t)len, "%02x", record->rdata[i]);
	return text;
}

char *text_record(const struct mist_record *record)
{
	char owner[MIST_NAME_TEXT_SIZE + 1], type[16], *line = NULL;
	char *data = data_known(record);
	name_text(record->owner, owner);
	if (data && !reads_back(record, data)) {
		free(data);
		data = NULL;
	}
	if (!data)
		data = data_generic(record);
	if (data && asprintf(&line, "%s\t%u\tIN\t%s\t%s", owner, record->ttl,
	                     text_type(record->type, type), data) < 0)
		line = NULL;
	free(data);
	return line;
}
