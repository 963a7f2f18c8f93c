/*
 * A bounded cursor over octets in network order, with a sticky error: after the first read or write
 * that does not fit, every later one does nothing, so that callers write straight-line code and ask
 * once at the end. Everything is inline: this is the hot path.
 */
#ifndef MIST_CORE_WIRE_H
#define MIST_CORE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t wire_get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t wire_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void wire_set16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void wire_set32(uint8_t *p, uint32_t v)
{
	wire_set16(p, (uint16_t)(v >> 16));
	wire_set16(p + 2, (uint16_t)v);
}

struct reader {
	const uint8_t *start, *at, *end;
	bool failed;
};

static inline struct reader reader_on(const void *octets, size_t len)
{
	const uint8_t *p = octets;
	return (struct reader){ .start = p, .at = p, .end = p + len, .failed = false };
}
static inline size_t reader_left(const struct reader *r) { return (size_t)(r->end - r->at); }

/* A view of the next `len` octets, or NULL. */
static inline const uint8_t *reader_take(struct reader *r, size_t len)
{
	if (r->failed || reader_left(r) < len) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->at;
	r->at += len;
	return p;
}
static inline uint8_t reader_u8(struct reader *r)
{
	const uint8_t *p = reader_take(r, 1);
	return p ? *p : 0;
}
static inline uint16_t reader_u16(struct reader *r)
{
	const uint8_t *p = reader_take(r, 2);
	return p ? wire_get16(p) : 0;
}
static inline uint32_t reader_u32(struct reader *r)
{
	const uint8_t *p = reader_take(r, 4);
	return p ? wire_get32(p) : 0;
}

struct writer {
	uint8_t *start, *at, *end;
	bool failed;
};

static inline struct writer writer_on(void *octets, size_t size)
{
	uint8_t *p = octets;
	return (struct writer){ .start = p, .at = p, .end = p + size, .failed = false };
}
static inline size_t writer_len(const struct writer *w) { return (size_t)(w->at - w->start); }
static inline size_t writer_room(const struct writer *w) { return (size_t)(w->end - w->at); }

/* Room for `len` octets that the caller fills, or NULL. */
static inline uint8_t *writer_take(struct writer *w, size_t len)
{
	if (w->failed || writer_room(w) < len) {
		w->failed = true;
		return NULL;
	}
	uint8_t *p = w->at;
	w->at += len;
	return p;
}
static inline void writer_put(struct writer *w, const void *octets, size_t len)
{
	uint8_t *p = writer_take(w, len);
	if (p && len)
		memcpy(p, octets, len);
}
static inline void writer_u8(struct writer *w, uint8_t v)
{
	uint8_t *p = writer_take(w, 1);
	if (p)
		*p = v;
}
static inline void writer_u16(struct writer *w, uint16_t v)
{
	uint8_t *p = writer_take(w, 2);
	if (p)
		wire_set16(p, v);
}
static inline void writer_u32(struct writer *w, uint32_t v)
{
	uint8_t *p = writer_take(w, 4);
	if (p)
		wire_set32(p, v);
}

#endif
