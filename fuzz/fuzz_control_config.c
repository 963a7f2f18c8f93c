/* Configuration: hostile YAML through the schema. */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t len)
{
	static int file = -1;
	struct config *config = NULL;
	char path[32];
	if (file < 0)
		file = memfd_create("config", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, octets, len, 0) != (ssize_t)len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	struct config_source source = { .file = path };
	if (config_load(&config, &source, NULL) == MIST_OK)
		config_free(config);
	return 0;
}
