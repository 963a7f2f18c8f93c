/* SipHash as its authors describe it (siphash.h). */
#include "core/siphash.h"

#include <endian.h>
#include <string.h>

static inline uint64_t rotate(uint64_t v, unsigned bits) { return v << bits | v >> (64 - bits); }

static inline uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

/* The last `left` octets of `len`, fewer than 8. With 8 before them that is one load. */
static inline uint64_t load_tail(const uint8_t *p, size_t left, size_t len)
{
	uint64_t v = 0;
	if (left > 0 && len >= 8)
		return load_le64(p + left - 8) >> (64 - 8 * left);
	for (size_t i = left; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline void rounds(struct state *s, unsigned count)
{
	while (count-- > 0) {
		s->v0 += s->v1;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static inline uint64_t hash(const uint8_t key[16], const void *octets, size_t len, unsigned each,
                            unsigned last)
{
	const uint8_t *p = octets;
	const uint64_t k0 = load_le64(key), k1 = load_le64(key + 8);
	/* "somepseudorandomlygeneratedbytes", the authors' initial state */
	struct state s = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
		               k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u };

	size_t left = len;
	for (; left >= 8; left -= 8, p += 8) {
		const uint64_t word = load_le64(p);
		s.v3 ^= word;
		rounds(&s, each);
		s.v0 ^= word;
	}
	const uint64_t word = load_tail(p, left, len) | (uint64_t)len << 56;
	s.v3 ^= word;
	rounds(&s, each);
	s.v0 ^= word;
	s.v2 ^= 0xff;
	rounds(&s, last);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash(const uint8_t key[16], const void *octets, size_t len)
{
	return hash(key, octets, len, 2, 4);
}

uint64_t siphash_table(const uint8_t key[16], const void *octets, size_t len)
{
	return hash(key, octets, len, 1, 3);
}
