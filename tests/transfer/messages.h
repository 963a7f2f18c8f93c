/*
 * Messages of a transfer of the zone t., written record by record: begin(), put() and its short forms, end(). What was
 * written is in `sent`.
 */
#ifndef MIST_TESTS_TRANSFER_MESSAGES_H
#define MIST_TESTS_TRANSFER_MESSAGES_H

#include "core/message.h"
#include "core/type.h"
#include "core/wire.h"

#define APEX ((const uint8_t *)"\1t")

struct sent {
	uint8_t octets[MESSAGE_MAX];
	size_t len;
};
static struct sent sent;
static struct writer w;

static inline void begin(uint16_t id, uint16_t flags, uint16_t qtype)
{
	w = writer_on(sent.octets, sizeof(sent.octets));
	writer_u16(&w, id);
	writer_u16(&w, flags);
	writer_u16(&w, qtype != 0);
	writer_u16(&w, 0);
	writer_u32(&w, 0);
	if (!qtype)
		return;
	writer_put(&w, APEX, 3);
	writer_u16(&w, qtype);
	writer_u16(&w, CLASS_IN);
}

static inline void put(const char *owner, uint16_t type, const void *rdata, size_t len)
{
	uint8_t name[NAME_MAX];
	assert_int_not_equal(name_from_text(name, owner), 0);
	writer_put(&w, name, name_len(name));
	writer_u16(&w, type);
	writer_u16(&w, CLASS_IN);
	writer_u32(&w, 300);
	writer_u16(&w, (uint16_t)len);
	writer_put(&w, rdata, len);
	wire_set16(sent.octets + 6, (uint16_t)(wire_get16(sent.octets + 6) + 1));
}

static inline void soa(uint32_t serial)
{
	uint8_t rdata[26] = "\1a\0\1b\0";
	wire_set32(rdata + 6, serial);
	put("t", TYPE_SOA, rdata, sizeof(rdata));
}

static inline void ns(void)
{
	put("t", TYPE_NS, "\2ns\1x", 6);
}

static inline void a(const char *owner)
{
	put(owner, TYPE_A, "\1\2\3\4", 4);
}

static inline size_t end(void)
{
	assert_false(w.failed);
	return sent.len = writer_len(&w);
}

#endif
