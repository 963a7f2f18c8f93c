#include "control/domain.h"

#include <string.h>

size_t domain_len(const uint8_t *name)
{
	size_t len = 1;
	for (; *name; name += *name + 1)
		len += *name + 1u;
	return len;
}

/* Whether a dot ends it that no backslash protects: its backslashes come in pairs. */
static bool absolute(const char *text, size_t len)
{
	size_t slashes = 0;
	if (text[len - 1] != '.')
		return false;
	while (slashes + 1 < len && text[len - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

bool domain_read(const char *text, const uint8_t *origin, uint8_t name[MIST_NAME_SIZE])
{
	uint8_t relative[MIST_NAME_SIZE];
	size_t origin_len = domain_len(origin), len = 0;
	if (strcmp(text, "@") != 0) {
		int own_len = mist_name_from_text(text, relative);
		if (own_len < 0)
			return false;
		if (absolute(text, strlen(text)))
			origin_len = 0;
		len = (size_t)own_len - (origin_len > 0); /* the origin brings the root label */
	}
	if (len + origin_len > MIST_NAME_SIZE)
		return false;
	memmove(name + len, origin, origin_len);
	memcpy(name, relative, len);
	return true;
}
