#include "control/pool.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool_block {
	struct pool_block *next;
	alignas(max_align_t) unsigned char octets[];
};

void *pool_take(struct pool *pool, size_t size)
{
	if (size > SIZE_MAX - sizeof(struct pool_block))
		return NULL;
	struct pool_block *block = calloc(1, sizeof(*block) + size);
	if (!block)
		return NULL;
	block->next = pool->blocks;
	pool->blocks = block;
	return block->octets;
}

char *pool_text(struct pool *pool, const char *text, size_t len)
{
	char *copy = pool_take(pool, len + 1);
	if (copy)
		memcpy(copy, text, len);
	return copy;
}

char *pool_format(struct pool *pool, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int len = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	char *text = len < 0 ? NULL : pool_take(pool, (size_t)len + 1);
	if (text)
		vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return text;
}

void pool_free(struct pool *pool)
{
	while (pool->blocks) {
		struct pool_block *block = pool->blocks;
		pool->blocks = block->next;
		free(block);
	}
}
