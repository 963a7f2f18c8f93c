/*
 * Which engine runs where io_uring is refused, and what is said to those who ask for it there: each case in a
 * child whose seccomp filter refuses it as containers (EPERM), older kernels (ENOSYS) and short memory
 * (ENOMEM) do.
 */
#include "serve.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void refuse(int number, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = sizeof code / sizeof *code, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(77);
}

static void keep_error(void *user, enum mist_level level, const char *file, unsigned line, const char *text)
{
	(void)file, (void)line;
	if (level == MIST_LEVEL_ERROR)
		snprintf(user, 512, "%s", text);
}

/* In the child. 0: as it should be. */
static int choose(const char *name, const char *hint)
{
	struct mist_server *server;
	struct mist_status status;
	char text[512] = "";
	struct mist_options options = options_of(MIST_ENGINE_AUTO, 2);

	if (mist_start(&server, &options, content_at("127.0.0.1")) || mist_status(server, &status))
		return 1;
	if (status.engine != MIST_ENGINE_EPOLL || !*status.engine_reason)
		return 2;
	struct mist_resolver *resolver = resolver_of(server);
	if (resolve(resolver, "x.editor.land") != 1)
		return 3;
	mist_resolver_close(resolver);
	mist_stop(server);
	options.engine = MIST_ENGINE_URING;
	options.reporter = (struct mist_reporter){ keep_error, text };
	if (mist_start(&server, &options, content_at("127.0.0.1")) != MIST_EENGINE)
		return 4;
	return strstr(text, name) && strstr(text, hint) && strstr(text, "engine auto") ? 0 : 5;
}

static void refused(void **state)
{
	static const struct { int number, error; const char *name, *hint; } cases[] = {
		{ SYS_io_uring_setup, EPERM, "EPERM", "seccomp" },
		{ SYS_io_uring_setup, ENOSYS, "ENOSYS", "kernel" },
		{ SYS_io_uring_setup, ENOMEM, "ENOMEM", "memory" },
		{ SYS_io_uring_register, EINVAL, "EINVAL", "features" },
		{ SYS_io_uring_enter, EPERM, "EOPNOTSUPP", "features" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status = -1;
		pid_t child = fork();
		if (child == 0) {
			refuse(cases[i].number, cases[i].error);
			_exit(choose(cases[i].name, cases[i].hint));
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) != 77)
			assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* Both families on one port, and a server that listens on ::1 alone. */
static void ipv6(void **state)
{
	static const char *const both[] = { "127.0.0.1", "::1" };

	(void)state;
	for (enum mist_engine engine = MIST_ENGINE_URING; engine <= MIST_ENGINE_EPOLL; engine++) {
		for (unsigned first = 0; first < 2; first++) {
			struct mist_server *server;
			struct mist_options options = options_of(engine, 2);
			options.addresses = both + first;
			options.address_count = 2 - first;
			if (mist_start(&server, &options, content_at("127.0.0.1")))
				skip(); /* no IPv6 here */
			for (unsigned i = first; i < 2; i++) {
				struct mist_resolver *resolver;
				const struct mist_resolver_options resolving = { .size = sizeof resolving, .address = both[i],
				                                                 .port = mist_port(server) };
				assert_int_equal(mist_resolver_open(&resolver, &resolving), MIST_OK);
				assert_int_equal(resolve(resolver, "x.editor.land"), 1);
				mist_resolver_close(resolver);
			}
			assert_int_equal(mist_stop(server), MIST_OK);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
