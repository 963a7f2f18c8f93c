/*
 * What the tests of registered names share: a server with registry zones, registering, asking.
 */
#ifndef MIST_TESTS_NET_REGISTRY_KIT_H
#define MIST_TESTS_NET_REGISTRY_KIT_H

#include <time.h>

#include "edit_kit.h"
#include "scratch.h"

static struct mist_server *server;
static struct mist_lookup *lookup;
static char text[512];
static struct heard heard;

static inline void add_zone(struct mist_content *content, const char *name, bool registry, size_t addresses)
{
	static const char *const one[] = { "127.0.0.1", "::1" };
	struct mist_zone *zone;
	assert_int_equal(mist_content_zone(content, &(struct mist_zone_options){ .size = sizeof(struct mist_zone_options),
		.name = name, .registry = registry, .addresses = one, .address_count = addresses,
		.dnssec = MIST_DNSSEC_SIGN, .ephemeral_key = true }, &zone), MIST_OK);
}

static inline struct mist_content *content_of(unsigned registries)
{
	struct mist_content_options options = { .size = sizeof(options), .forward_by_default = true };
	struct mist_content *content;
	assert_int_equal(mist_content_new(&content, &options), MIST_OK);
	add_zone(content, "arcbox.local", true, 0);
	add_zone(content, "editor.land", registries > 1, 2);
	return content;
}

static inline int start_with(unsigned registries)
{
	struct mist_options options = options_of(MIST_ENGINE_AUTO, 2);
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(mist_start(&server, &options, content_of(registries)), MIST_OK);
	return mist_lookup_open(&lookup, server);
}
static inline int start(void **state) { (void)state; return start_with(1); }
static inline int start_two(void **state) { (void)state; return start_with(2); }

static inline int stop(void **state)
{
	(void)state;
	mist_lookup_close(lookup);
	return mist_stop(server);
}

/* Addresses are given in one text, separated by spaces. */
static inline int put(const char *name, const char *owner, unsigned tier, const char *addresses, uint32_t lease_ms)
{
	const char *list[64];
	size_t count = 0;
	char *copy = strdup(addresses), *save = NULL;
	for (char *one = strtok_r(copy, " ", &save); one; one = strtok_r(NULL, " ", &save))
		list[count++] = one;
	int error = mist_register(server, &(struct mist_registration){ .size = sizeof(struct mist_registration),
		.name = name, .owner = owner, .tier = tier, .addresses = list, .address_count = count,
		.lease_ms = lease_ms });
	free(copy);
	return error;
}

/* "RCODE first second ...; authority", with an id of our own. */
static inline const char *ask_id(struct mist_lookup *with, const char *name, const char *type, uint16_t id, char to[512])
{
	uint8_t query[300] = { (uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1 }, response[4096], owner[NAME_MAX];
	size_t len = sizeof(response), at = 12;
	char rcode[16];
	int size = mist_name_from_text(name, query + 12);
	query[12 + size] = (uint8_t)(type_from_text(type) >> 8);
	query[13 + size] = (uint8_t)type_from_text(type);
	query[15 + size] = 1;
	int error = mist_lookup_message(with, query, 16 + (size_t)size, response, &len);
	if (error)
		return strcpy(to, error == MIST_EFORWARD ? "forwarded" : mist_strerror(error));
	strcpy(to, rcode_to_text(response[3] & 15, rcode));
	strcat(to, response[2] & 4 ? " aa" : "");
	at += (size_t)size + 4;
	for (unsigned i = 0; i < (unsigned)response[7] + response[9]; i++) {
		at += name_read(response, len, at, owner);
		char address[64], name_text[NAME_TEXT_MAX];
		unsigned this = wire_get16(response + at), rdata_len = wire_get16(response + at + 8);
		if (this == TYPE_A || this == TYPE_AAAA) {
			inet_ntop(this == TYPE_A ? AF_INET : AF_INET6, response + at + 10, address, sizeof(address));
			strcat(strcat(to, " "), address);
		} else if (this == TYPE_SOA) {
			name_to_text(name_text, owner);
			strcat(strcat(to, " SOA "), name_text);
		} else if (this == TYPE_PTR) {
			name_read(response, len, at + 10, owner);
			name_to_text(name_text, owner);
			strcat(strcat(to, " "), name_text);
		}
		at += 10 + rdata_len;
	}
	return to;
}

static inline void wait_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 }, NULL);
}

static inline void assert_answer(const char *name, const char *type, const char *wanted)
{
	assert_string_equal(ask_id(lookup, name, type, 0, text), wanted);
}

#endif
