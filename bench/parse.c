/* parse: reads a master file with ldns and throws the records away; the least that loading one can cost a
   server that reads with ldns. One JSON object on stdout. */
#include <ldns/ldns.h>
#include <stdio.h>

#include "bench/usage.h"

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;
	ldns_rdf *origin = NULL, *previous = NULL;
	uint32_t ttl = 3600;
	unsigned long records = 0;
	int line = 0;
	double start = usage_clock_s(CLOCK_PROCESS_CPUTIME_ID);
	ldns_status status = LDNS_STATUS_OK;

	if (file == NULL) {
		fputs("usage: parse FILE\n", stderr);
		return 2;
	}
	while (!feof(file) && (status == LDNS_STATUS_OK || status == LDNS_STATUS_SYNTAX_TTL ||
	                       status == LDNS_STATUS_SYNTAX_ORIGIN || status == LDNS_STATUS_SYNTAX_EMPTY)) {
		ldns_rr *record = NULL;
		status = ldns_rr_new_frm_fp_l(&record, file, &ttl, &origin, &previous, &line);
		if (status == LDNS_STATUS_OK && record != NULL) {
			ldns_rr_free(record);
			records++;
		}
	}
	printf("{\"records\": %lu, \"cpu_s\": %.6f, \"end\": %s}\n", records, usage_clock_s(CLOCK_PROCESS_CPUTIME_ID) - start,
	       feof(file) ? "true" : "false");
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(previous);
	fclose(file);
	return 0;
}
