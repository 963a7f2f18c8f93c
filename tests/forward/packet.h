/* Messages for tests, written record by record: header, question, sections in order. */
#ifndef MIST_TESTS_FORWARD_PACKET_H
#define MIST_TESTS_FORWARD_PACKET_H

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "core/message.h"
#include "core/type.h"

struct packet {
	struct writer w;
	uint8_t octets[MESSAGE_MAX];
};

static inline void packet_name(struct packet *packet, const char *text)
{
	uint8_t name[NAME_MAX];
	writer_put(&packet->w, name, name_from_text(name, text));
}

static inline void packet_begin(struct packet *packet, uint16_t id, uint16_t flags,
                                const char *name,
                                uint16_t type)
{
	packet->w = writer_on(packet->octets, sizeof packet->octets);
	writer_u16(&packet->w, id);
	writer_u16(&packet->w, flags);
	writer_u16(&packet->w, 1);
	writer_u32(&packet->w, 0);
	writer_u16(&packet->w, 0);
	packet_name(packet, name);
	writer_u16(&packet->w, type);
	writer_u16(&packet->w, CLASS_IN);
}

/* Starts a record; its RDATA is whatever is written until packet_end(). */
static inline uint8_t *packet_record(struct packet *packet, enum section section, const char *owner,
                                     uint16_t type, uint32_t ttl)
{
	uint8_t *count = packet->octets + 6 + 2 * section;
	wire_set16(count, (uint16_t)(wire_get16(count) + 1));
	packet_name(packet, owner);
	writer_u16(&packet->w, type);
	writer_u16(&packet->w, CLASS_IN);
	writer_u32(&packet->w, ttl);
	return writer_take(&packet->w, 2);
}
static inline void packet_end(struct packet *packet, uint8_t *len_at)
{
	assert(!packet->w.failed);
	wire_set16(len_at, (uint16_t)(packet->w.at - len_at - 2));
}

static inline void packet_address(struct packet *packet, const char *owner, uint32_t ttl,
                                  const char *text)
{
	uint8_t octets[16];
	const bool v6 = strchr(text, ':') != NULL;
	inet_pton(v6 ? AF_INET6 : AF_INET, text, octets);
	uint8_t *at = packet_record(packet, SECTION_ANSWER, owner, v6 ? TYPE_AAAA : TYPE_A, ttl);
	writer_put(&packet->w, octets, v6 ? 16 : 4);
	packet_end(packet, at);
}

static inline void packet_target(struct packet *packet, enum section section, const char *owner,
                                 uint16_t type, uint32_t ttl, const char *target)
{
	uint8_t *at = packet_record(packet, section, owner, type, ttl);
	packet_name(packet, target);
	packet_end(packet, at);
}

static inline void packet_soa(struct packet *packet, const char *owner, uint32_t ttl,
                              uint32_t minimum)
{
	uint8_t *at = packet_record(packet, SECTION_AUTHORITY, owner, TYPE_SOA, ttl);
	packet_name(packet, "ns.example.net");
	packet_name(packet, "hostmaster.example.net");
	for (unsigned i = 0; i < 4; i++)
		writer_u32(&packet->w, 3600);
	writer_u32(&packet->w, minimum);
	packet_end(packet, at);
}

static inline void packet_rrsig(struct packet *packet, enum section section, const char *owner,
                                uint16_t covered, const char *signer)
{
	uint8_t *at = packet_record(packet, section, owner, TYPE_RRSIG, 300);
	writer_u16(&packet->w, covered);
	writer_put(&packet->w, "\15\2\0\0\1\54", 6);
	writer_put(&packet->w, "\377\0\0\0\1\0\0\0\1\2", 10);
	packet_name(packet, signer);
	writer_put(&packet->w, "signature", 9);
	packet_end(packet, at);
}

static inline size_t packet_len(const struct packet *packet) { return writer_len(&packet->w); }

#endif
