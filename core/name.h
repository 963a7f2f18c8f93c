/*
 * Domain names in wire form (RFC 1035 section 3.1): a run of labels, each a length octet and up to
 * 63 octets, ending in the root label 0; at most 255 octets and 127 labels without the root.
 *
 * A name here is a pointer to its first octet. Names inside the program are uncompressed and were
 * checked when they came in, so the functions below trust them; name_read() is where hostile
 * octets become names. "Lower case" means the ASCII letters A-Z folded (RFC 4343), nothing else.
 */
#ifndef MIST_CORE_NAME_H
#define MIST_CORE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NAME_MAX 255
#define NAME_LABELS_MAX 127
#define LABEL_MAX 63
#define NAME_TEXT_MAX 1025 /* 4 characters an octet ("\DDD"), dots included, and NUL */

/* Length in octets, root label included. */
size_t name_len(const uint8_t *name);

/* Number of labels, the root not counted: "editor.land" has 2. */
unsigned name_labels(const uint8_t *name);

/*
 * Reads a name that may be compressed (RFC 1035 section 4.1.4) at `at` of a message. Pointers must
 * go strictly backwards, so the work is bounded. Writes the uncompressed name, case kept, into
 * `name`. Returns the octets it took at `at`, or 0 for a malformed name.
 */
size_t name_read(const uint8_t *message, size_t len, size_t at, uint8_t name[NAME_MAX]);

/* The octets that a well-formed name, compressed or not, takes where it stands. */
size_t name_skip(const uint8_t *name);

/* The same as name_read() for a name that must not be compressed, as in RDATA of newer types and in zones;
 * returns its length, or 0. Nothing is copied. */
size_t name_check(const uint8_t *octets, size_t len);

/* The same, and finds the labels: what look-ups want to know of a name, read once. */
struct name_key {
	const uint8_t *name;
	unsigned labels;                   /* the root not counted */
	uint8_t start[NAME_LABELS_MAX + 1];/* of each label, leftmost first, and of the root */
};
static inline size_t name_key(struct name_key *key, const uint8_t *octets, size_t len)
{
	const size_t size = len < NAME_MAX ? len : NAME_MAX;
	size_t at = 0;
	unsigned labels = 0;
	while (at < size) {
		const unsigned label = octets[at];
		key->start[labels] = (uint8_t)at;
		if (label - 1 >= LABEL_MAX) /* the root, or no label */
			break;
		at += label + 1;
		labels++;
	}
	key->name = octets;
	key->labels = labels;
	return at < size && octets[at] == 0 ? at + 1 : 0;
}

/* Is the name of a key `ancestor`, `len` octets long, or below it? Both lower case. */
static inline bool name_key_within(const struct name_key *key, const uint8_t *ancestor, size_t len)
{
	const int start = key->start[key->labels] + 1 - (int)len;
	unsigned label = 0;
	while (key->start[label] < start)
		label++;
	return key->start[label] == start && memcmp(key->name + start, ancestor, len) == 0;
}

/* Names that are hashed and compared in blocks have zeros behind them, up to the end of the last block. */
#define NAME_BLOCK 16
#define NAME_ROOM 256 /* whole blocks for any name */

/* Zeros in the last block of a name, before the name is written there. */
static inline void name_clear_last(uint8_t *name, size_t len)
{
	memset(name + len / NAME_BLOCK * NAME_BLOCK, 0, NAME_BLOCK);
}

/* Folds octets of names, lengths included, into `to`, which may be `name` itself. A length is at most
 * 63 and therefore no letter. Blocks of a fixed size are what compilers make vectors of; the last
 * may overlap the one before, because folding twice changes nothing. */
static inline void name_fold_block(uint8_t *to, const uint8_t *name, size_t size)
{
	uint8_t block[16];
	memcpy(block, name, size);
	for (size_t i = 0; i < size; i++)
		block[i] |= (uint8_t)((uint8_t)(block[i] - 'A') < 26 ? 0x20 : 0);
	memcpy(to, block, size);
}
static inline void name_fold(uint8_t *to, const uint8_t *name, size_t len)
{
	if (len >= 16) {
		for (size_t at = 0; at + 16 < len; at += 16)
			name_fold_block(to + at, name + at, 16);
		name_fold_block(to + len - 16, name + len - 16, 16);
	} else if (len >= 8) {
		name_fold_block(to, name, 8);
		name_fold_block(to + len - 8, name + len - 8, 8);
	} else {
		for (size_t at = 0; at < len; at++)
			name_fold_block(to + at, name + at, 1);
	}
}

/* Folds a name. Returns the length. */
size_t name_lower(uint8_t to[NAME_MAX], const uint8_t *name);

/* Case-insensitive equality. */
bool name_equal(const uint8_t *a, const uint8_t *b);

/* Canonical order (RFC 4034 section 6.1): < 0, 0, > 0. */
int name_compare(const uint8_t *a, const uint8_t *b);

/* True when `name` is `ancestor` or below it, case-insensitive; whole labels only. */
bool name_within(const uint8_t *name, const uint8_t *ancestor);

/* The name without its first `labels` labels: a pointer into `name`. */
const uint8_t *name_ancestor(const uint8_t *name, unsigned labels);

/* Copies `name` to `to`; returns its length. */
size_t name_copy(uint8_t to[NAME_MAX], const uint8_t *name);

/* `*` followed by `name`. Returns the length, or 0 when it would exceed NAME_MAX. */
size_t name_wildcard(uint8_t to[NAME_MAX], const uint8_t *name);

bool name_is_wildcard(const uint8_t *name); /* its first label is `*` alone */

/* Presentation format (RFC 1035 section 5.1, \DDD and \X escapes); final dot optional.
 * Returns the length, or 0. "" is no name, "." is the root. */
size_t name_from_text(uint8_t to[NAME_MAX], const char *text);

/* Writes presentation format without final dot (but "." for the root). Octets that are not
 * printable, and those that mean something in a zone file, are escaped. Returns strlen. */
size_t name_to_text(char to[NAME_TEXT_MAX], const uint8_t *name);

#endif
