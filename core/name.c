/*
 * Domain names in wire form. A length octet is at most 63 and therefore below 'A': a whole name,
 * length octets included, can be folded and compared as one run of octets, eight at a time.
 */
#include "core/name.h"

#include <string.h>

#include "mistcore.h"

#define POINTER 0xC0 /* the upper two bits of a compression pointer (RFC 1035 section 4.1.4) */

static inline uint64_t load8(const uint8_t *octets)
{
	uint64_t word;
	memcpy(&word, octets, sizeof(word));
	return word;
}

/* Folds eight octets at once: bit 7 of each lane of `upper` says whether it holds A-Z. */
static inline uint64_t fold8(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t low = word & (0x7f * ones);
	uint64_t from_a = low + (0x80 - 'A') * ones;
	uint64_t above_z = low + (0x7f - 'Z') * ones;
	uint64_t upper = (from_a ^ above_z) & ~word & (0x80 * ones);
	return word | upper >> 2;
}

static inline uint8_t fold(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
}

size_t name_len(const uint8_t *name)
{
	const uint8_t *at = name;
	while (*at)
		at += *at + 1;
	return (size_t)(at - name) + 1;
}

size_t name_skip(const uint8_t *name)
{
	size_t len = 0;
	while (name[len] != 0 && name[len] < 0xC0)
		len += name[len] + 1u;
	return len + (name[len] ? 2 : 1);
}

unsigned name_labels(const uint8_t *name)
{
	unsigned labels = 0;
	for (; *name; name += *name + 1)
		labels++;
	return labels;
}

/*
 * Every pointer must lead before the place where the run of labels it ends began. At most one
 * pointer a label: more add nothing to a name, and would let a message of a few thousand names
 * cost millions of steps (RFC 9267 section 2).
 */
size_t name_read(const uint8_t *message, size_t len, size_t at, uint8_t name[NAME_MAX])
{
	size_t run = at, taken = 0, written = 0;
	unsigned pointers = 0;

	for (;;) {
		if (at >= len)
			return 0;
		uint8_t label = message[at];
		if (label <= LABEL_MAX) {
			size_t octets = (size_t)label + 1;
			if (octets > len - at || octets > NAME_MAX - written)
				return 0;
			memcpy(name + written, message + at, octets);
			written += octets;
			at += octets;
			if (label == 0)
				return taken ? taken : at - run;
		} else {
			if ((label & POINTER) != POINTER || len - at < 2 || ++pointers > NAME_LABELS_MAX)
				return 0;
			size_t target = (size_t)(label & ~POINTER) << 8 | message[at + 1];
			if (target >= run)
				return 0;
			if (!taken)
				taken = at + 2 - run;
			at = run = target;
		}
	}
}

size_t name_check(const uint8_t *octets, size_t len)
{
	struct name_key key;
	return name_key(&key, octets, len);
}

size_t name_lower(uint8_t to[NAME_MAX], const uint8_t *name)
{
	const size_t len = name_len(name);
	name_fold(to, name, len);
	return len;
}

static bool equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t at = 0;
	for (; at + 8 <= len; at += 8) {
		uint64_t x = load8(a + at), y = load8(b + at);
		if (x != y && fold8(x) != fold8(y))
			return false;
	}
	for (; at < len; at++) {
		if (a[at] != b[at] && fold(a[at]) != fold(b[at]))
			return false;
	}
	return true;
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t len = name_len(a);
	return len == name_len(b) && equal(a, b, len);
}

/* Fills in where each label starts, leftmost first; returns how many there are. */
static unsigned label_starts(const uint8_t *name, uint8_t starts[NAME_LABELS_MAX])
{
	unsigned labels = 0;
	for (unsigned at = 0; name[at]; at += name[at] + 1u)
		starts[labels++] = (uint8_t)at;
	return labels;
}

static int label_compare(const uint8_t *a, const uint8_t *b)
{
	unsigned common = *a < *b ? *a : *b;
	for (unsigned i = 1; i <= common; i++) {
		int difference = fold(a[i]) - fold(b[i]);
		if (difference)
			return difference;
	}
	return *a - *b;
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
	uint8_t a_starts[NAME_LABELS_MAX], b_starts[NAME_LABELS_MAX];
	unsigned a_labels = label_starts(a, a_starts), b_labels = label_starts(b, b_starts);

	while (a_labels && b_labels) {
		int difference = label_compare(a + a_starts[--a_labels], b + b_starts[--b_labels]);
		if (difference)
			return difference;
	}
	return (int)a_labels - (int)b_labels;
}

bool name_within(const uint8_t *name, const uint8_t *ancestor)
{
	size_t len = name_len(name), ancestor_len = name_len(ancestor);
	size_t at = 0;

	if (ancestor_len > len)
		return false;
	while (at < len - ancestor_len)
		at += name[at] + 1u;
	return at == len - ancestor_len && equal(name + at, ancestor, ancestor_len);
}

const uint8_t *name_ancestor(const uint8_t *name, unsigned labels)
{
	while (labels-- && *name)
		name += *name + 1;
	return name;
}

size_t name_copy(uint8_t to[NAME_MAX], const uint8_t *name)
{
	size_t len = name_len(name);
	memmove(to, name, len);
	return len;
}

size_t name_wildcard(uint8_t to[NAME_MAX], const uint8_t *name)
{
	size_t len = name_len(name);
	if (len + 2 > NAME_MAX)
		return 0;
	memmove(to + 2, name, len);
	to[0] = 1;
	to[1] = '*';
	return len + 2;
}

bool name_is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads one possibly escaped octet at `*text`, which is not at its end, and moves on. */
static bool octet_from_text(const char **text, uint8_t *octet)
{
	const char *at = *text;

	if (*at != '\\') {
		*octet = (uint8_t)*at;
		*text = at + 1;
		return true;
	}
	at++;
	if (!is_digit(*at)) {
		*octet = (uint8_t)*at;
		*text = at + 1;
		return *at != '\0';
	}
	if (!is_digit(at[1]) || !is_digit(at[2]))
		return false;
	int value = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
	*octet = (uint8_t)value;
	*text = at + 3;
	return value <= 255;
}

size_t name_from_text(uint8_t to[NAME_MAX], const char *text)
{
	size_t start = 0; /* of the label being read: where its length goes */

	if (text[0] == '.' && text[1] == '\0') {
		to[0] = 0;
		return 1;
	}
	if (*text == '\0')
		return 0;
	while (*text) {
		size_t label = 0;
		while (*text && *text != '.') {
			/* one octet must stay free for the root */
			if (label == LABEL_MAX || start + label + 2 >= NAME_MAX)
				return 0;
			if (!octet_from_text(&text, &to[start + 1 + label]))
				return 0;
			label++;
		}
		if (label == 0)
			return 0;
		to[start] = (uint8_t)label;
		start += label + 1;
		if (*text == '.')
			text++;
	}
	to[start] = 0;
	return start + 1;
}

size_t name_to_text(char to[NAME_TEXT_MAX], const uint8_t *name)
{
	char *at = to;

	if (*name == 0)
		*at++ = '.';
	while (*name) {
		for (unsigned i = 1; i <= *name; i++) {
			uint8_t octet = name[i];
			if (octet <= ' ' || octet > '~') {
				*at++ = '\\';
				*at++ = (char)('0' + octet / 100);
				*at++ = (char)('0' + octet / 10 % 10);
				*at++ = (char)('0' + octet % 10);
				continue;
			}
			if (strchr(".\\\"();@$", octet))
				*at++ = '\\';
			*at++ = (char)octet;
		}
		name += *name + 1;
		if (*name)
			*at++ = '.';
	}
	*at = '\0';
	return (size_t)(at - to);
}

/* For programs that print what they ask (mistcore.h). */

int mist_name_from_text(const char *text, uint8_t name[MIST_NAME_SIZE])
{
	uint8_t wire[NAME_MAX];
	size_t len = text ? name_from_text(wire, text) : 0;
	if (!len)
		return MIST_ENAME;
	return (int)name_copy(name, wire);
}

int mist_name_to_text(const uint8_t *name, size_t len, char text[MIST_NAME_TEXT_SIZE])
{
	size_t taken = name ? name_check(name, len) : 0;
	if (!taken)
		return MIST_ENAME;
	name_to_text(text, name);
	return (int)taken;
}
