/* Names: hostile messages through name_read(), and wire -> text -> wire. */
#include <stdlib.h>
#include <string.h>

#include "core/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	uint8_t name[NAME_MAX], back[NAME_MAX], lower[NAME_MAX], back_lower[NAME_MAX];
	char text[NAME_TEXT_MAX];

	for (size_t at = 0; at < len && at < 64; at++) {
		size_t taken = name_read(octets, len, at, name);
		if (taken == 0)
			continue;
		size_t name_octets = name_len(name);
		if (taken > len - at || name_check(name, sizeof(name)) != name_octets)
			abort();
		size_t text_len = name_to_text(text, name);
		if (text_len >= NAME_TEXT_MAX || text_len != strlen(text))
			abort();
		if (name_from_text(back, text) != name_octets || memcmp(name, back, name_octets) != 0)
			abort();
		name_lower(lower, name);
		name_lower(back_lower, lower);
		if (!name_equal(lower, name) || name_compare(lower, name) != 0 ||
		    memcmp(lower, back_lower, name_octets) != 0)
			abort();
	}
	if (len < sizeof(text)) {
		memcpy(text, octets, len);
		text[len] = '\0';
		size_t name_octets = name_from_text(name, text);
		if (name_octets && name_check(name, name_octets) != name_octets)
			abort();
	}
	return 0;
}
