/* Messages for people; see report.h. */
#include "core/report.h"

#include <stdarg.h>
#include <stdio.h>

void report(const struct mist_reporter *reporter, enum mist_level level, const char *file,
            unsigned line, const char *format, ...)
{
	if (!reporter || !reporter->report)
		return;
	char text[REPORT_TEXT_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* Parts of messages come from files and from names: nothing in them may steer a terminal. */
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	reporter->report(reporter->user, level, file && *file ? file : NULL, line, text);
}
