/* See durable.h. */
#include "content/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool durable_write(int file, const void *octets, size_t len, uint64_t at)
{
	for (const uint8_t *from = octets; len;) {
		ssize_t went = pwrite(file, from, len, (off_t)at);
		if (went < 0 && errno == EINTR)
			continue;
		if (went <= 0)
			return false;
		from += went;
		at += (uint64_t)went;
		len -= (size_t)went;
	}
	return true;
}

bool durable_directory(const char *directory)
{
	const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	const bool done = fsync(fd) == 0;
	const int why = errno;
	close(fd);
	errno = why;
	return done;
}
