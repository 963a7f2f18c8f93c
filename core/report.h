/*
 * Messages for people, on their way to the caller's reporter (mistcore.h): formatted, one line, free
 * of control characters, cut to REPORT_TEXT_MAX.
 */
#ifndef MIST_CORE_REPORT_H
#define MIST_CORE_REPORT_H

#include "mistcore.h"

#define REPORT_TEXT_MAX 1400 /* a name as text (1,025) and a sentence around it */

/* `reporter` may be NULL or empty; `file` may be NULL. */
__attribute__((format(printf, 5, 6)))
void report(const struct mist_reporter *reporter, enum mist_level level, const char *file,
            unsigned line, const char *format, ...);

#endif
