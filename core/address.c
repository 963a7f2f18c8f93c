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

unsigned upstream_to_socket(const struct upstream_address *address, struct sockaddr_storage *to)
{
	memset(to, 0, sizeof(*to));
	to->ss_family = address->family;
	if (address->family == AF_INET) {
		struct sockaddr_in *v4 = (void *)to;
		memcpy(&v4->sin_addr, address->octets, 4);
		v4->sin_port = htons(address->port);
		return sizeof(*v4);
	}
	struct sockaddr_in6 *v6 = (void *)to;
	memcpy(&v6->sin6_addr, address->octets, 16);
	v6->sin6_port = htons(address->port);
	return sizeof(*v6);
}

struct upstream_address upstream_from_socket(const struct sockaddr *address)
{
	struct upstream_address made = { .family = (uint8_t)address->sa_family };
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)address;
		memcpy(made.octets, &v4->sin_addr, 4);
		made.port = ntohs(v4->sin_port);
	} else {
		const struct sockaddr_in6 *v6 = (const void *)address;
		memcpy(made.octets, &v6->sin6_addr, 16);
		made.port = ntohs(v6->sin6_port);
	}
	return made;
}
