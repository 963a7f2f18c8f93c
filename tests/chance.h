/* Chance for tests: a small generator of our own (xorshift), so that a failure comes back. */
#ifndef MIST_TESTS_CHANCE_H
#define MIST_TESTS_CHANCE_H

#include <stdint.h>

/* One for each thread that needs one; the state is anything but 0. */
struct chance {
	uint64_t state;
};

/* A number below `below`. */
static inline unsigned chance_of(struct chance *chance, unsigned below)
{
	chance->state ^= chance->state << 13;
	chance->state ^= chance->state >> 7;
	chance->state ^= chance->state << 17;
	return (unsigned)(chance->state >> 20) % below;
}

/* The same, of the program's own: for one thread. */
static inline unsigned chance(unsigned below)
{
	static struct chance ours = { 88172645463325252u };
	return chance_of(&ours, below);
}

#endif
