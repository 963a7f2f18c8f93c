/*
 * See guarantees.h.
 */
#include "launch/guarantees.h"

#include <stdio.h>
#include <string.h>

static const struct { const char *word, *text; } table[GUARANTEE_COUNT] = {
	[GUARANTEE_LIBC] = { "libc", "getaddrinfo() and all that reads resolv.conf ask the server alone" },
	[GUARANTEE_NODE] = { "node", "so does Node.js, whatever servers a program sets" },
	[GUARANTEE_SOCKETS] = { "sockets", "sockets of other resolvers, and of services that run programs for others, "
	                        "are masked" },
	[GUARANTEE_PORT53] = { "port53", "no other name server can be asked over port 53 or 853" },
	[GUARANTEE_OUTSIDE] = { "outside", "nothing outside can be reached, by name, by address or over HTTPS" },
	[GUARANTEE_PRIVILEGES] = { "privileges", "the command has no capabilities, and can gain none" },
	[GUARANTEE_PROCESSES] = { "processes", "it sees no process but its own, and none is left when it ends" },
};

static bool has(unsigned facts, unsigned all)
{
	return (facts & all) == all;
}

unsigned guarantees_held(enum launch_net net, unsigned facts)
{
	const bool shut = net == LAUNCH_LOOPBACK || (net == LAUNCH_EGRESS && has(facts, FACT_PORTS_SHUT));
	const bool libc = has(facts, FACT_NSSWITCH | FACT_RESOLV_CONF | FACT_PORT53);
	const bool holds[GUARANTEE_COUNT] = {
		[GUARANTEE_LIBC] = libc,
		[GUARANTEE_NODE] = has(facts, FACT_NODE) || (shut && libc),
		[GUARANTEE_SOCKETS] = has(facts, FACT_SOCKETS),
		[GUARANTEE_PORT53] = shut,
		[GUARANTEE_OUTSIDE] = net == LAUNCH_LOOPBACK && has(facts, FACT_SOCKETS),
		[GUARANTEE_PRIVILEGES] = has(facts, FACT_PRIVILEGES),
		[GUARANTEE_PROCESSES] = has(facts, FACT_PROC),
	};
	unsigned set = 0;

	for (unsigned i = 0; i < GUARANTEE_COUNT; i++)
		set |= (unsigned)holds[i] << i;
	return set;
}

const char *guarantee_word(enum guarantee guarantee)
{
	return table[guarantee].word;
}

const char *guarantee_text(enum guarantee guarantee)
{
	return table[guarantee].text;
}

void guarantees_print(char text[GUARANTEES_TEXT_SIZE], unsigned set)
{
	size_t len = 0;

	snprintf(text, GUARANTEES_TEXT_SIZE, "none");
	for (unsigned i = 0; i < GUARANTEE_COUNT && len < GUARANTEES_TEXT_SIZE; i++)
		if (set & 1u << i)
			len += (size_t)snprintf(text + len, GUARANTEES_TEXT_SIZE - len, "%s%s", len ? " " : "", table[i].word);
}

static bool read_word(const char *word, size_t len, unsigned *set)
{
	if (len == 3 && memcmp(word, "all", 3) == 0) {
		*set |= (1u << GUARANTEE_COUNT) - 1;
		return true;
	}
	for (unsigned i = 0; i < GUARANTEE_COUNT; i++)
		if (strlen(table[i].word) == len && memcmp(word, table[i].word, len) == 0) {
			*set |= 1u << i;
			return true;
		}
	return false;
}

bool guarantees_read(const char *list, unsigned *set, const char **unknown)
{
	for (const char *word = list; *word; word += *word == ',') {
		size_t len = strcspn(word, ",");
		if (!read_word(word, len, set)) {
			*unknown = word;
			return false;
		}
		word += len;
	}
	return true;
}
