/* See durable.h. */
#include "content/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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
