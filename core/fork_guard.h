/*
 * Knowing that we are in the child of a fork without asking the kernel: a page that the kernel fills
 * with zeros in the child (MADV_WIPEONFORK, Linux 4.14).
 */
#ifndef MIST_CORE_FORK_GUARD_H
#define MIST_CORE_FORK_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard {
	_Atomic(uint32_t) *page; /* its first word: 1 in the process that made it */
	size_t size;
};

int guard_init(struct guard *guard); /* MIST_OK, MIST_ENOMEM */
void guard_free(struct guard *guard);

static inline bool guard_forked(const struct guard *guard)
{
	return atomic_load_explicit(guard->page, memory_order_relaxed) == 0;
}

#endif
