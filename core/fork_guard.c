/*
 * See fork_guard.h.
 */
#include "core/fork_guard.h"

#include <sys/mman.h>
#include <unistd.h>

#include "mistcore.h"

int guard_init(struct guard *guard)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return MIST_ENOMEM;
	if (madvise(page, size, MADV_WIPEONFORK)) {
		munmap(page, size);
		return MIST_ENOMEM;
	}
	guard->page = page;
	guard->size = size;
	atomic_store_explicit(guard->page, 1, memory_order_relaxed);
	return MIST_OK;
}

void guard_free(struct guard *guard)
{
	if (guard->page)
		munmap(guard->page, guard->size);
	guard->page = NULL;
}
