/*
 * Moves the wall clock of a program that is started with this in LD_PRELOAD: the file that
 * TEST_CLOCK_FILE names holds the seconds to add, and may change while the program runs. The
 * monotonic clock, and so every wait, stays as it is.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long seconds_to_add(void)
{
	char text[32];
	const char *path = getenv("TEST_CLOCK_FILE");
	int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t len = file < 0 ? 0 : read(file, text, sizeof(text) - 1);
	if (file >= 0)
		close(file);
	text[len < 0 ? 0 : len] = '\0';
	return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);
	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += seconds_to_add();
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}
