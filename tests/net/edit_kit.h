/*
 * What the tests of edits share: records from text, edits from text, questions.
 */
#ifndef MIST_TESTS_NET_EDIT_KIT_H
#define MIST_TESTS_NET_EDIT_KIT_H

#include "core/wire.h"
#include "serve.h"
#include "zonetext.h"

struct edit_line {
	struct mist_edit *edit;
	const char *zone;
	char verb;
};

static inline int edit_line_apply(void *user, const struct mist_record *record)
{
	const struct edit_line *line = user;
	return line->verb == '+' ? mist_edit_add(line->edit, line->zone, record)
	                         : mist_edit_remove(line->edit, line->zone, record);
}

/* "+name ttl TYPE data" adds, "-name ttl TYPE data" takes that record, "!name TYPE" the set, "!name ANY"
 * all of them; a line each. */
static inline int edit_text(struct mist_edit *edit, const char *zone, const char *text)
{
	char *copy = strdup(text), *lines = copy, *line;
	int error = MIST_OK;
	while (!error && (line = strsep(&lines, "\n"))) {
		struct edit_line one = { edit, zone, *line };
		char name[256], type[16];
		uint8_t owner[NAME_MAX];
		if (!*line)
			continue;
		if (*line != '!') {
			error = zonetext_read(line + 1, edit_line_apply, &one);
			continue;
		}
		assert_int_equal(sscanf(line + 1, "%255s %15s", name, type), 2);
		assert_true(name_from_text(owner, name));
		error = mist_edit_remove(edit, zone, &(struct mist_record){
			.owner = owner, .type = strcmp(type, "ANY") ? type_from_text(type) : 0 });
	}
	free(copy);
	return error;
}

/* One edit as a whole; the outcome is kept in `result` if given. */
static inline int edit_now(struct mist_server *server, const char *zone, const char *text,
                           struct mist_edit_result *result)
{
	struct mist_edit *edit;
	struct mist_edit_result room = { .size = sizeof(room) };
	result = result ? result : &room;
	result->size = sizeof(*result);
	assert_int_equal(mist_edit_begin(server, &edit), MIST_OK);
	assert_int_equal(edit_text(edit, zone, text), MIST_OK);
	return mist_edit_commit(edit, result);
}

/* "NOERROR 192.0.2.1 ..." of A questions, else the RCODE alone; of TXT the first string. */
static inline const char *ask(struct mist_lookup *lookup, const char *name, const char *type, char text[512])
{
	uint8_t query[300] = { 0x12, 0x34, 1, 0, 0, 1 }, response[4096];
	size_t len = sizeof(response), at = 12;
	char rcode[16];
	int name_size = mist_name_from_text(name, query + 12);
	uint16_t number = type_from_text(type);

	assert_true(name_size > 0);
	query[12 + name_size] = (uint8_t)(number >> 8);
	query[13 + name_size] = (uint8_t)number;
	query[15 + name_size] = 1;
	assert_int_equal(mist_lookup_message(lookup, query, 16 + (size_t)name_size, response, &len), MIST_OK);
	strcpy(text, rcode_to_text(response[3] & 15, rcode));
	at += (size_t)name_size + 4;
	for (unsigned i = 0; i < (unsigned)response[7]; i++) {
		uint8_t owner[NAME_MAX];
		at += name_read(response, len, at, owner);
		unsigned this = wire_get16(response + at);
		unsigned size = wire_get16(response + at + 8);
		char address[64] = "";
		if (this == TYPE_A)
			inet_ntop(AF_INET, response + at + 10, address, sizeof(address));
		else if (this == TYPE_TXT)
			snprintf(address, sizeof(address), "%.*s", (int)response[at + 10], (char *)response + at + 11);
		else
			snprintf(address, sizeof(address), "TYPE%u", this);
		strcat(strcat(text, " "), address);
		at += 10 + size;
	}
	return text;
}

#endif
