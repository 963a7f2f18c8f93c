/* The owner names of NSEC3 records, see nsec3.h. */
#include "core/nsec3.h"

#include <string.h>

bool nsec3_owner(uint8_t owner[NAME_MAX], const uint8_t hash[NSEC3_HASH_LEN], const struct zone *zone)
{
	if (1 + NSEC3_LABEL + zone->name_len > NAME_MAX)
		return false;
	owner[0] = NSEC3_LABEL;
	uint8_t *digit = owner + 1;
	for (unsigned i = 0; i < NSEC3_HASH_LEN; i += 5, digit += 8) {
		uint64_t bits = 0;
		for (unsigned j = 0; j < 5; j++)
			bits = bits << 8 | hash[i + j];
		for (unsigned j = 8; j-- > 0; bits >>= 5)
			digit[j] = (uint8_t)"0123456789abcdefghijklmnopqrstuv"[bits & 31];
	}
	memcpy(digit, zone->name, zone->name_len);
	return true;
}
