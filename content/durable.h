/* Files that outlive a power failure: once it is in its directory for good, a new or renamed file is kept. */
#ifndef MIST_CONTENT_DURABLE_H
#define MIST_CONTENT_DURABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes all of it at a place in a file. False: errno says why not, and part of it may be there. */
bool durable_write(int file, const void *octets, size_t len, uint64_t at);

/* Waits until what was made or renamed in a directory is on the disk. False: errno says why not. */
bool durable_directory(const char *directory);

#endif
