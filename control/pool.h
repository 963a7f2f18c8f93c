/*
 * Memory of things that are made together and freed together, such as all texts and lists of one
 * configuration.
 */
#ifndef MIST_CONTROL_POOL_H
#define MIST_CONTROL_POOL_H

#include <stddef.h>

struct pool {
	struct pool_block *blocks;
};

/* Zeroed and aligned for any type. NULL: out of memory. */
void *pool_take(struct pool *pool, size_t size);

/* Copies `len` characters and ends them with NUL. NULL: out of memory. */
char *pool_text(struct pool *pool, const char *text, size_t len);

/* Formats like snprintf(). NULL: out of memory. */
char *pool_format(struct pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees all of it; the pool is empty and usable again. */
void pool_free(struct pool *pool);

#endif
