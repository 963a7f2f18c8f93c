/* Files that outlive a power failure: once it is in its directory for good, a new or renamed file is kept. */
#ifndef MIST_CONTENT_DURABLE_H
#define MIST_CONTENT_DURABLE_H

#include <stdbool.h>

/* Waits until what was made or renamed in a directory is on the disk. False: errno says why not. */
bool durable_directory(const char *directory);

#endif
