/*
 * Octets that end where a page without access begins: reading one too many is a crash.
 */
#ifndef TESTS_CORE_GUARD_H
#define TESTS_CORE_GUARD_H

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_ROOM 131072 /* a multiple of every page size in use */

/* One place a program; each call moves the octets of the last away. */
static inline const uint8_t *guarded(const void *octets, size_t len)
{
	static uint8_t *room;
	if (!room) {
		room = mmap(NULL, 2 * GUARD_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert(room != MAP_FAILED);
		mprotect(room + GUARD_ROOM, GUARD_ROOM, PROT_NONE);
	}
	assert(len <= GUARD_ROOM);
	memset(room, 0xff, GUARD_ROOM - len);
	return memcpy(room + GUARD_ROOM - len, octets, len);
}

#endif
