#define _GNU_SOURCE /* getrandom */
#include "control/message.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/text.h"
#include "mistcore.h"

enum {
	HEADER_LEN = 12,
	PAYLOAD = 1232,        /* what no path on the way cuts */
	OPTION_NSID = 3, OPTION_COOKIE = 10, OPTION_EDE = 15,
};

size_t message_query(const char *name, uint16_t type, bool dnssec,
                     uint8_t query[MESSAGE_QUERY_SIZE])
{
	uint8_t wire[MIST_NAME_SIZE], *at = query + HEADER_LEN;
	int len = mist_name_from_text(name, wire);
	if (len <= 0)
		return 0;
	memset(query, 0, MESSAGE_QUERY_SIZE);
	if (getrandom(query, 2, 0) != 2)
		return 0;
	query[2] = 1;  /* RD */
	query[5] = 1;  /* one question */
	query[11] = 1; /* one additional record: OPT (RFC 6891 section 6.1.2) */
	memcpy(at, wire, (size_t)len);
	at += len;
	ldns_write_uint16(at, type);
	ldns_write_uint16(at + 2, LDNS_RR_CLASS_IN);
	at += 5; /* and the root as owner of OPT */
	ldns_write_uint16(at, LDNS_RR_TYPE_OPT);
	ldns_write_uint16(at + 2, PAYLOAD);
	at[6] = dnssec ? 0x80 : 0;
	return (size_t)(at + 10 - query);
}

static const char *ede_name(unsigned code)
{
	/* RFC 8914 section 4. */
	static const char *const names[] = {
		"Other Error", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type",
		"Stale Answer", "Forged Answer", "DNSSEC Indeterminate", "DNSSEC Bogus",
		"Signature Expired", "Signature Not Yet Valid", "DNSKEY Missing", "RRSIGs Missing",
		"No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready", "Blocked", "Censored",
		"Filtered", "Prohibited", "Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported",
		"No Reachable Authority", "Network Error", "Invalid Data",
	};
	return code < sizeof(names) / sizeof(names[0]) ? names[code] : "unassigned";
}

static void print_octets(FILE *out, const uint8_t *octets, size_t len, bool text)
{
	for (size_t i = 0; i < len; i++)
		if (text)
			fputc(octets[i] >= ' ' && octets[i] < 127 ? octets[i] : '?', out);
		else
			fprintf(out, "%02x", octets[i]);
}

static void print_option(FILE *out, unsigned code, const uint8_t *octets, size_t len)
{
	if (code == OPTION_EDE && len >= 2) {
		unsigned error = ldns_read_uint16(octets);
		fprintf(out, "; reason: %u (%s)%s", error, ede_name(error), len > 2 ? ": " : "");
		print_octets(out, octets + 2, len - 2, true);
	} else {
		fprintf(out, code == OPTION_NSID ? "; nsid: " : code == OPTION_COOKIE ? "; cookie: "
		        : "; option %u: ", code);
		print_octets(out, octets, len, code == OPTION_NSID);
	}
	fputc('\n', out);
}

static void print_edns(FILE *out, const ldns_pkt *packet)
{
	const ldns_rdf *data = ldns_pkt_edns_data(packet);
	const uint8_t *at = data ? ldns_rdf_data(data) : NULL;
	size_t left = data ? ldns_rdf_size(data) : 0;
	if (!ldns_pkt_edns(packet))
		return;
	fprintf(out, "; edns: version %u%s, udp %u\n", ldns_pkt_edns_version(packet),
	        ldns_pkt_edns_do(packet) ? ", do" : "", ldns_pkt_edns_udp_size(packet));
	while (left >= 4) {
		size_t len = ldns_read_uint16(at + 2);
		if (len > left - 4)
			return;
		print_option(out, ldns_read_uint16(at), at + 4, len);
		at += 4 + len;
		left -= 4 + len;
	}
}

/* A record through text_record(), which repairs what ldns writes wrongly. */
static void print_record(FILE *out, const ldns_rr *rr, bool brief)
{
	ldns_buffer *buffer = ldns_buffer_new(LDNS_MIN_BUFLEN);
	if (buffer && ldns_rr_rdata2buffer_wire(buffer, rr) == LDNS_STATUS_OK) {
		struct mist_record record = {
			.owner = ldns_rdf_data(ldns_rr_owner(rr)), .type = (uint16_t)ldns_rr_get_type(rr),
			.ttl = ldns_rr_ttl(rr), .rdata = ldns_buffer_begin(buffer),
			.rdata_len = (uint16_t)ldns_buffer_position(buffer),
		};
		char *line = text_record(&record), *data = line;
		for (int tabs = 0; brief && data && tabs < 4; tabs++)
			data = strchr(data, '\t') + 1;
		if (line)
			fprintf(out, "%s\n", data);
		free(line);
	}
	ldns_buffer_free(buffer);
}

static void print_section(FILE *out, const char *title, const ldns_rr_list *records, bool brief)
{
	if (ldns_rr_list_rr_count(records) == 0)
		return;
	if (title)
		fprintf(out, "\n;; %s\n", title);
	for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++)
		print_record(out, ldns_rr_list_rr(records, i), brief);
}

static void print_head(FILE *out, const ldns_pkt *packet)
{
	char rcode[16], type[16], name[MIST_NAME_TEXT_SIZE];
	unsigned code =
		(unsigned)ldns_pkt_get_rcode(packet) | (unsigned)ldns_pkt_edns_extended_rcode(packet) << 4;
	fprintf(out, ";; %s, id %u, flags:%s%s%s%s%s%s%s\n", text_rcode(code, rcode),
	        ldns_pkt_id(packet), ldns_pkt_qr(packet) ? " qr" : "", ldns_pkt_aa(packet) ? " aa" : "",
	        ldns_pkt_tc(packet) ? " tc" : "", ldns_pkt_rd(packet) ? " rd" : "",
	        ldns_pkt_ra(packet) ? " ra" : "", ldns_pkt_ad(packet) ? " ad" : "",
	        ldns_pkt_cd(packet) ? " cd" : "");
	print_edns(out, packet);
	const ldns_rr_list *questions = ldns_pkt_question(packet);
	for (size_t i = 0; i < ldns_rr_list_rr_count(questions); i++) {
		const ldns_rr *question = ldns_rr_list_rr(questions, i);
		const ldns_rdf *owner = ldns_rr_owner(question);
		if (mist_name_to_text(ldns_rdf_data(owner), ldns_rdf_size(owner), name) > 0)
			fprintf(out, "; question: %s %s\n", name,
			        text_type((uint16_t)ldns_rr_get_type(question), type));
	}
}

bool message_print(FILE *out, const uint8_t *message, size_t len, bool brief)
{
	ldns_pkt *packet = NULL;
	if (ldns_wire2pkt(&packet, message, len) != LDNS_STATUS_OK)
		return false;
	if (!brief)
		print_head(out, packet);
	print_section(out, brief ? NULL : "answer", ldns_pkt_answer(packet), brief);
	if (!brief) {
		print_section(out, "authority", ldns_pkt_authority(packet), false);
		print_section(out, "additional", ldns_pkt_additional(packet), false);
	}
	ldns_pkt_free(packet);
	return true;
}
