/* Master files: hostile text through the entry reader and ldns, and each record to text and back. */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/text.h"
#include "control/zonefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);
const char *__lsan_default_suppressions(void);

/* ldns 1.8.3 forgets a few octets when it refuses an IPSECKEY. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libldns";
}

static int look(void *user, const char *file, const struct mist_record *record)
{
	(void)user;
	(void)file;
	char *line = text_record(record);
	if (!line || strchr(line, '\n'))
		abort();
	free(line);
	return MIST_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	static int file = -1;
	char path[32];
	/* What $INCLUDE could find on this machine is no concern here. */
	if (memmem(octets, len, "NCLUDE", 6) || memmem(octets, len, "nclude", 6))
		return 0;
	if (file < 0)
		file = memfd_create("zone", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, octets, len, 0) != (ssize_t)len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	zonefile_read(path, "example.", look, NULL, NULL);
	return 0;
}
