/*
 * What could not be done, in words for a person: every step of a launch that may fail fills one.
 */
#ifndef MIST_LAUNCH_PROBLEM_H
#define MIST_LAUNCH_PROBLEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define PROBLEM_SIZE 512

struct problem { char text[PROBLEM_SIZE]; };

/* False, so that who fails can return it. */
__attribute__((format(printf, 2, 3)))
static inline bool problem_say(struct problem *problem, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem->text, PROBLEM_SIZE, format, arguments);
	va_end(arguments);
	return false;
}

#endif
