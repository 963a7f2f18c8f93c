#define _GNU_SOURCE /* CPU_COUNT */
#include "control/cpus.h"

#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CPUS_MAX = 16 }; /* workers of a server (mistcore.h) */

/* One line of a file. */
static bool line_read(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool got = file && fgets(line, size, file);
	if (file)
		fclose(file);
	return got;
}

static unsigned quota_cpus(int64_t quota, int64_t period)
{
	return quota > 0 && period > 0 ? (unsigned)((quota + period - 1) / period) : 0;
}

static unsigned stricter(unsigned a, unsigned b)
{
	return a == 0 ? b : b == 0 || a < b ? a : b;
}

/* Version 2: "cpu.max" holds "QUOTA PERIOD" or "max PERIOD". */
static unsigned quota_v2(const char *directory)
{
	char path[PATH_MAX + 64], line[64];
	int64_t quota, period;
	snprintf(path, sizeof(path), "%s/cpu.max", directory);
	return line_read(path, line, sizeof(line)) &&
	       sscanf(line, "%" SCNd64 " %" SCNd64, &quota, &period) == 2
	       ? quota_cpus(quota, period) : 0;
}

static unsigned quota_v1(const char *directory)
{
	char path[PATH_MAX + 64], quota_line[64], period_line[64];
	int64_t quota, period;
	snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", directory);
	bool good = line_read(path, quota_line, sizeof(quota_line));
	snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", directory);
	return good && line_read(path, period_line, sizeof(period_line)) &&
	       sscanf(quota_line, "%" SCNd64, &quota) == 1 &&
	       sscanf(period_line, "%" SCNd64, &period) == 1
	       ? quota_cpus(quota, period) : 0;
}

/* The strictest of a group and all above it. */
static unsigned quota_upward(const char *mount, const char *group, unsigned (*quota)(const char *))
{
	char path[PATH_MAX];
	size_t mount_len = strlen(mount);
	int len = snprintf(path, sizeof(path), "%s%s", mount, group);
	unsigned cpus = 0;
	if (len < 0 || (size_t)len >= sizeof(path))
		return 0;
	for (;;) {
		cpus = stricter(cpus, quota(path));
		char *slash = strrchr(path, '/');
		if (!slash || (size_t)(slash - path) < mount_len)
			return cpus;
		*slash = '\0';
	}
}

/* Whether a comma-separated list of controllers has "cpu". */
static bool has_cpu(const char *controllers, size_t len)
{
	while (len) {
		const char *comma = memchr(controllers, ',', len);
		size_t word = comma ? (size_t)(comma - controllers) : len;
		if (word == 3 && memcmp(controllers, "cpu", 3) == 0)
			return true;
		word += comma != NULL;
		controllers += word;
		len -= word;
	}
	return false;
}

unsigned cpus_quota(const char *root)
{
	char path[PATH_MAX], line[PATH_MAX], mount[PATH_MAX];
	unsigned cpus = 0;
	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	/* Each line: "hierarchy:controllers:group"; version 2 has hierarchy 0 and no controllers. */
	while (fgets(line, sizeof(line), file)) {
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!group)
			continue;
		size_t len = (size_t)(group - controllers - 1);
		group++;
		group[strcspn(group, "\n")] = '\0';
		if (len == 0) {
			snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup", root);
			cpus = stricter(cpus, quota_upward(mount, group, quota_v2));
		} else if (has_cpu(controllers + 1, len)) {
			snprintf(mount, sizeof(mount), "%s/sys/fs/cgroup/cpu", root);
			cpus = stricter(cpus, quota_upward(mount, group, quota_v1));
		}
	}
	fclose(file);
	return cpus;
}

unsigned cpus_usable(const char *root)
{
	cpu_set_t mask;
	unsigned cpus = 1;
	if (sched_getaffinity(0, sizeof(mask), &mask) == 0)
		cpus = (unsigned)CPU_COUNT(&mask);
	cpus = stricter(cpus, cpus_quota(root));
	return cpus == 0 ? 1 : cpus > CPUS_MAX ? CPUS_MAX : cpus;
}
