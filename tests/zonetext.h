/*
 * Zones in tests: a few types from text, any type as "\# hex" (RFC 3597 section 5), and dumps that other
 * people's tools can read.
 */
#ifndef MIST_TESTS_ZONETEXT_H
#define MIST_TESTS_ZONETEXT_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/name.h"
#include "core/type.h"
#include "mistcore.h"

static inline size_t zonetext_hex(uint8_t *octets, const char *text)
{
	size_t len = 0;
	unsigned value;
	for (; text[0] && text[1] && sscanf(text, "%2x", &value) == 1; text += 2)
		octets[len++] = (uint8_t)value;
	return len;
}

static inline void zonetext_set32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* RDATA of a type from its words. */
static inline size_t zonetext_rdata(uint8_t *rdata, uint16_t type, char **words, unsigned count)
{
	size_t len = 0;
	if (!strcmp(words[0], "\\#"))
		return count > 1 ? zonetext_hex(rdata, words[1]) : 0;
	switch (type) {
	case TYPE_A:
		return inet_pton(AF_INET, words[0], rdata) == 1 ? 4 : 0;
	case TYPE_AAAA:
		return inet_pton(AF_INET6, words[0], rdata) == 1 ? 16 : 0;
	case TYPE_NS: case TYPE_CNAME: case TYPE_DNAME: case TYPE_PTR:
		return name_from_text(rdata, words[0]);
	case TYPE_MX:
		rdata[0] = 0;
		rdata[1] = (uint8_t)atoi(words[0]);
		return 2 + name_from_text(rdata + 2, words[1]);
	case TYPE_TXT:
		for (unsigned i = 0; i < count; i++) {
			rdata[len] = (uint8_t)strlen(words[i]);
			memcpy(rdata + len + 1, words[i], rdata[len]);
			len += 1u + rdata[len];
		}
		return len;
	case TYPE_SOA:
		len = name_from_text(rdata, words[0]);
		len += name_from_text(rdata + len, words[1]);
		for (unsigned i = 0; i < 5; i++, len += 4)
			zonetext_set32(rdata + len, (uint32_t)strtoul(words[2 + i], NULL, 10));
		return len;
	default:
		abort();
	}
}

/* Calls `add` for each line "owner ttl TYPE rdata"; owners are absolute. Ends at the first error. */
static inline int zonetext_read(const char *text, int (*add)(void *user, const struct mist_record *record),
                                void *user)
{
	char *copy = strdup(text), *line, *lines = copy;
	int error = 0;
	for (unsigned number = 1; !error && (line = strsep(&lines, "\n")); number++) {
		char *words[512], *word, *rest = line;
		unsigned count = 0;
		while ((word = strsep(&rest, " \t")) && count < 512)
			if (*word)
				words[count++] = word;
		if (count < 4 || *words[0] == ';')
			continue;
		uint8_t owner[NAME_MAX], rdata[65535];
		if (!name_from_text(owner, words[0]))
			abort();
		uint16_t type = type_from_text(words[2]);
		size_t len = zonetext_rdata(rdata, type, words + 3, count - 3);
		error = add(user, &(struct mist_record){
			.owner = owner, .type = type, .ttl = (uint32_t)strtoul(words[1], NULL, 10),
			.rdata = rdata, .rdata_len = (uint16_t)len, .line = number });
	}
	free(copy);
	return error;
}

/* One record as a line that every tool reads. `user` is a FILE. */
static inline int zonetext_write(void *user, const struct mist_record *record)
{
	FILE *file = user;
	char name[NAME_TEXT_MAX], type[16];
	name_to_text(name, record->owner);
	fprintf(file, "%s%s %u IN %s \\# %u ", name, *record->owner ? "." : "", record->ttl,
	        type_to_text(record->type, type), record->rdata_len);
	for (unsigned i = 0; i < record->rdata_len; i++)
		fprintf(file, "%02x", record->rdata[i]);
	fputc('\n', file);
	return 0;
}

#endif
