/*
 * What the tests of whole servers share: a content, a question, and what the process owns.
 */
#ifndef MIST_TESTS_NET_SERVE_H
#define MIST_TESTS_NET_SERVE_H

#include <dirent.h>
#include <malloc.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mistcore.h"

/* Zone editor.land, unsigned, every name at `address`. */
static inline struct mist_content *content_at(const char *address)
{
	struct mist_content *content;
	const struct mist_zone_options zone = {
		.size = sizeof zone,
		.name = "editor.land",
		.addresses = &address,
		.address_count = 1,
		.dnssec = MIST_DNSSEC_OFF,
	};

	assert_int_equal(mist_content_new(&content, NULL), MIST_OK);
	assert_int_equal(mist_content_zone(content, &zone, NULL), MIST_OK);
	return content;
}

static inline struct mist_options options_of(enum mist_engine engine, unsigned workers)
{
	return (struct mist_options){ .size = sizeof(struct mist_options), .engine = engine, .workers = workers };
}

static inline bool uring_runs(void)
{
	struct mist_server *server;
	struct mist_options options = options_of(MIST_ENGINE_URING, 1);

	if (mist_start(&server, &options, content_at("127.0.0.1")))
		return false;
	mist_stop(server);
	return true;
}

static inline struct mist_resolver *resolver_of(const struct mist_server *server)
{
	struct mist_resolver *resolver;
	const struct mist_resolver_options options = { .size = sizeof options, .port = mist_port(server) };

	assert_int_equal(mist_resolver_open(&resolver, &options), MIST_OK);
	return resolver;
}

/* The last octet of the one address of `name`; -1 when something is wrong. */
static inline int resolve(struct mist_resolver *resolver, const char *name)
{
	struct mist_address address;
	size_t count = 1;

	if (mist_resolver_addresses(resolver, name, &address, &count) || count != 1 || address.family != 4)
		return -1;
	return address.octets[3];
}

static inline unsigned entries(const char *directory)
{
	unsigned count = 0;
	DIR *dir = opendir(directory);

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Threads are gone for pthread_join() a moment before they leave /proc. */
static inline bool threads_are(unsigned wanted)
{
	for (int i = 0; i < 1000; i++) {
		if (entries("/proc/self/task") == wanted)
			return true;
		usleep(1000);
	}
	return false;
}

#endif
