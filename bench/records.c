/* records: a zone from records in wire form, as a program that embeds the library hands it over: from
   the first mist_zone_add() to the first answer, no text and no signatures. The records come from a master file, which
   ldns reads before the clock runs. One JSON object on stdout. */
#include <ldns/ldns.h>
#include <mistcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/usage.h"

#define ZONE "editor.land"

struct records {
	struct mist_record *list;
	size_t count, room;
};

/* A copy of octets that stays until the end. */
static uint8_t *keep(const uint8_t *octets, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	if (copy && length)
		memcpy(copy, octets, length);
	return copy;
}

static int add(struct records *records, const ldns_rr *rr)
{
	ldns_buffer *data = ldns_buffer_new(LDNS_MIN_BUFLEN);
	const ldns_rdf *owner = ldns_rr_owner(rr);
	int failed = -1;

	if (records->count == records->room) {
		size_t room = records->room * 2 + 1024;
		struct mist_record *list = realloc(records->list, room * sizeof *list);
		if (list == NULL)
			goto done;
		records->list = list;
		records->room = room;
	}
	if (data == NULL || ldns_rr_rdata2buffer_wire(data, rr) != LDNS_STATUS_OK)
		goto done;
	struct mist_record *record = &records->list[records->count++];
	*record = (struct mist_record){
		.owner = keep(ldns_rdf_data(owner), ldns_rdf_size(owner)),
		.type = (uint16_t)ldns_rr_get_type(rr), .ttl = ldns_rr_ttl(rr),
		.rdata = keep(ldns_buffer_begin(data), ldns_buffer_position(data)),
		.rdata_len = (uint16_t)ldns_buffer_position(data),
	};
	failed = record->owner == NULL || record->rdata == NULL ? -1 : 0;
done:
	ldns_buffer_free(data);
	return failed;
}

/* The same loop as in parse.c, where the records are thrown away. */
static int read_file(struct records *records, FILE *file)
{
	ldns_rdf *origin = NULL, *previous = NULL;
	uint32_t ttl = 3600;
	int line = 0, failed = 0;

	while (!feof(file) && !failed) {
		ldns_rr *rr = NULL;
		ldns_status status = ldns_rr_new_frm_fp_l(&rr, file, &ttl, &origin, &previous, &line);
		if (status == LDNS_STATUS_OK && rr != NULL)
			failed = add(records, rr);
		else if (status != LDNS_STATUS_OK && status != LDNS_STATUS_SYNTAX_TTL &&
		         status != LDNS_STATUS_SYNTAX_ORIGIN && status != LDNS_STATUS_SYNTAX_EMPTY)
			failed = -1;
		ldns_rr_free(rr);
	}
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(previous);
	return failed;
}

static struct mist_server *serve(const struct records *records)
{
	struct mist_content *content;
	struct mist_server *server;
	struct mist_zone *zone;
	const struct mist_zone_options options = {
		.size = sizeof options, .name = ZONE, .records = true, .dnssec = MIST_DNSSEC_OFF,
	};

	if (mist_content_new(&content, NULL) || mist_content_zone(content, &options, &zone))
		return NULL;
	for (size_t i = 0; i < records->count; i++)
		if (mist_zone_add(zone, &records->list[i]))
			return NULL;
	return mist_start(&server, NULL, content) ? NULL : server;
}

static int answers(struct mist_server *server)
{
	struct mist_lookup *lookup;
	struct mist_address address;
	size_t count = 1;

	if (mist_lookup_open(&lookup, server))
		return 0;
	int error = mist_lookup_addresses(lookup, "ns." ZONE, &address, &count);
	mist_lookup_close(lookup);
	return error == MIST_OK && count == 1;
}

int main(int argc, char **argv)
{
	struct records records = { 0 };
	FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;

	if (file == NULL || read_file(&records, file)) {
		fputs("usage: records FILE, a master file of " ZONE "\n", stderr);
		return 2;
	}
	fclose(file);
	double start = usage_clock_s(CLOCK_MONOTONIC), cpu = usage_clock_s(CLOCK_PROCESS_CPUTIME_ID);
	struct mist_server *server = serve(&records);
	int answered = server != NULL && answers(server);
	double cpu_end = usage_clock_s(CLOCK_PROCESS_CPUTIME_ID), end = usage_clock_s(CLOCK_MONOTONIC);
	if (!answered) {
		fputs("records: no answer from the zone\n", stderr);
		return 1;
	}
	printf("{\"records\": %zu, \"s\": %.6f, \"cpu_s\": %.6f}\n", records.count, end - start, cpu_end - cpu);
	mist_stop(server);
	for (size_t i = 0; i < records.count; i++) {
		free((void *)(uintptr_t)records.list[i].owner);
		free((void *)(uintptr_t)records.list[i].rdata);
	}
	free(records.list);
	return 0;
}
