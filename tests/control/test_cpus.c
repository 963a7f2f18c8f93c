#include "control/cpus.h"

#include "control/scratch.h"

static void make(const char *path, const char *text)
{
	char whole[256];
	snprintf(whole, sizeof(whole), "%s/%s", scratch_directory, path);
	for (char *slash = whole + strlen(scratch_directory) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	FILE *file = fopen(whole, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void no_groups(void **state)
{
	(void)state;
	assert_int_equal(cpus_quota(scratch_directory), 0);
	assert_in_range(cpus_usable(scratch_directory), 1, 16);
}

/* The strictest on the way to the root counts, and a part of a CPU is one. */
static void version_2(void **state)
{
	(void)state;
	make("proc/self/cgroup", "0::/a.slice/b.service\n");
	make("sys/fs/cgroup/a.slice/b.service/cpu.max", "max 100000\n");
	assert_int_equal(cpus_quota(scratch_directory), 0);
	make("sys/fs/cgroup/a.slice/cpu.max", "250000 100000\n");
	assert_int_equal(cpus_quota(scratch_directory), 3);
	make("sys/fs/cgroup/a.slice/b.service/cpu.max", "50000 100000\n");
	assert_int_equal(cpus_quota(scratch_directory), 1);
	assert_int_equal(cpus_usable(scratch_directory), 1);
}

static void version_1(void **state)
{
	(void)state;
	make("proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/\n0::/\n");
	make("sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "150000\n");
	make("sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000\n");
	make("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
	make("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
	assert_int_equal(cpus_quota(scratch_directory), 2);
}

static void nonsense(void **state)
{
	(void)state;
	make("proc/self/cgroup", "\n:\n0::\n0::/x\nno colons here\n");
	make("sys/fs/cgroup/x/cpu.max", "0 0\n");
	make("sys/fs/cgroup/cpu.max", "-5 100000\n");
	assert_int_equal(cpus_quota(scratch_directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_groups, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(version_2, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(version_1, scratch_open, scratch_close),
		cmocka_unit_test_setup_teardown(nonsense, scratch_open, scratch_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
