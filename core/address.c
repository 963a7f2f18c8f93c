/* Addresses as people write them; see address.h. */
#include "core/address.h"

#include <arpa/inet.h>
#include <string.h>

unsigned address_from_text(const char *text, uint8_t octets[16])
{
	if (inet_pton(AF_INET, text, octets) == 1)
		return 4;
	return inet_pton(AF_INET6, text, octets) == 1 ? 16 : 0;
}

bool address_same_client(const uint8_t *a, unsigned a_len, const uint8_t *b, unsigned b_len)
{
	return a_len == b_len && memcmp(a, b, a_len == 16 ? 8 : a_len) == 0;
}

static bool port_from_text(const char *text, uint16_t *port)
{
	uint32_t value = 0;
	size_t len = strlen(text);
	if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
		return false;
	for (size_t i = 0; i < len; i++)
		value = 10 * value + (uint32_t)(text[i] - '0');
	*port = (uint16_t)value;
	return value > 0 && value <= 65535;
}

/* Parts "[v6]:port", "v4:port", and an address alone. */
static bool split(const char *text, char host[INET6_ADDRSTRLEN], const char **port)
{
	const char *end = text + strlen(text);
	*port = NULL;
	if (*text == '[') {
		end = strchr(++text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		*port = end[1] ? end + 2 : NULL;
	} else {
		const char *colon = strchr(text, ':');
		if (colon && !strchr(colon + 1, ':')) {
			end = colon;
			*port = colon + 1;
		}
	}
	size_t len = (size_t)(end - text);
	if (len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(host, text, len);
	host[len] = 0;
	return true;
}

static bool is_one_host(const uint8_t *octets, unsigned len)
{
	static const uint8_t unspecified[16];
	if (len == 4)
		return octets[0] != 0 && octets[0] < 224; /* 224.0.0.0/3: multicast, reserved, broadcast */
	return memcmp(octets, unspecified, 16) && octets[0] != 0xff;
}

bool upstream_from_text(const char *text, uint16_t port, struct upstream_address *address)
{
	char host[INET6_ADDRSTRLEN];
	const char *port_text;
	struct upstream_address a = { .port = port };
	if (!split(text, host, &port_text) || (port_text && !port_from_text(port_text, &a.port)))
		return false;
	unsigned len = address_from_text(host, a.octets);
	if (!len || !is_one_host(a.octets, len))
		return false;
	a.family = len == 4 ? AF_INET : AF_INET6;
	*address = a;
	return true;
}
