#include "control/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "control/units.h"

bool address_is(const char *text)
{
	struct in_addr four;
	struct in6_addr six;
	return inet_pton(AF_INET, text, &four) == 1 || inet_pton(AF_INET6, text, &six) == 1;
}

bool address_is_loopback(const char *text)
{
	struct in_addr four;
	struct in6_addr six;
	if (inet_pton(AF_INET, text, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, text, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool address_split(const char *text, char address[ADDRESS_TEXT_SIZE], uint16_t *port)
{
	const char *begin = text, *end, *port_text = NULL;
	uint64_t number;
	if (text[0] == '[') {
		begin = text + 1;
		end = strchr(begin, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		port_text = end[1] ? end + 2 : NULL;
	} else {
		end = strchr(text, ':');
		if (end && !strchr(end + 1, ':'))
			port_text = end + 1;
		else
			end = text + strlen(text);
	}
	size_t len = (size_t)(end - begin);
	if (len >= ADDRESS_TEXT_SIZE)
		return false;
	memcpy(address, begin, len);
	address[len] = '\0';
	if (!address_is(address) || (text[0] == '[' && !strchr(address, ':')))
		return false;
	if (!port_text)
		return true;
	if (!units_number(port_text, &number) || number == 0 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}
