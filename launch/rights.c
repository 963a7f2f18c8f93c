/*
 * See rights.h.
 */
#include "launch/rights.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPABILITIES_MAX 64 /* bits of the two words of capset(2) */

/* uid 0 is a user like others, for good. */
#define BITS (SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_CAP_AMBIENT_RAISE)
#define LOCKS (SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED | \
               SECBIT_KEEP_CAPS_LOCKED)

/* Processors that this kernel runs as well, and their numbers. */
#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define OTHER_ARCH AUDIT_ARCH_I386
#define OTHER_IOCTL 54
#define OTHER_SOCKET 359
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#define OTHER_ARCH AUDIT_ARCH_ARM
#define OTHER_IOCTL 54
#define OTHER_SOCKET 281
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#define OTHER_ARCH AUDIT_ARCH_I386
#define OTHER_IOCTL SYS_ioctl
#define OTHER_SOCKET SYS_socket
#endif

#ifdef ARCH
#define FIELD(name) ((uint32_t)offsetof(struct seccomp_data, name))
#define X32 0x40000000u     /* of x86-64: calls with 32-bit pointers, some with numbers of their own; nobody has so many */
#define IO_URING_SETUP 425u /* with every processor */

/* Arguments are two words, the low one first: all of these are little endian, and the kernel takes 32 bits. */

static bool install(struct sock_filter *code, size_t count)
{
	struct sock_fprog program = { .len = (unsigned short)count, .filter = code };

	/* A kernel without filters says EINVAL, and says it of asking too; otherwise the filter is what is wrong. */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 || (errno == EINVAL && prctl(PR_GET_SECCOMP) < 0);
}

/* A call that is refused where one of its arguments, or its number, has a value. */
struct forbidden {
	uint32_t own, other;         /* its number here, and with the other processor */
	uint32_t argument, value;
	uint32_t error;
	bool staying;                /* only for a command that stays in its network */
};

/* Of the kernel's filters the one that came last says the error: x32 calls, which each refuses, get EPERM. */
static const struct forbidden forbidden[] = {
	/* AF_VSOCK, to the host of a virtual machine, knows no network namespaces; and a ring makes sockets that no
	 * filter sees. */
	{ IO_URING_SETUP, IO_URING_SETUP, FIELD(nr), IO_URING_SETUP, ENOSYS, true },
	{ SYS_socket, OTHER_SOCKET, FIELD(args[0]), AF_VSOCK, EAFNOSUPPORT, true },
	{ SYS_ioctl, OTHER_IOCTL, FIELD(args[1]), TIOCLINUX, EPERM, false },
	{ SYS_ioctl, OTHER_IOCTL, FIELD(args[1]), TIOCSTI, EPERM, false },
};

static bool forbid_call(const struct forbidden *call)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OTHER_ARCH, 0, 8),
		BPF_JUMP(BPF_JMP | BPF_JA, 3, 0, 0),
		/* our own */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 6, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->own, 2, 4),
		/* the other */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->other, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, call->argument),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call->value, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | call->error),
	};

	return install(code, sizeof code / sizeof *code);
}

static bool forbid(bool stay)
{
	for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
		if ((stay || !forbidden[i].staying) && !forbid_call(&forbidden[i]))
			return false;
	return true;
}
#else
static bool forbid(bool stay)
{
	(void)stay;
	return true;
}
#endif

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	for (unsigned long capability = 0; capability < CAPABILITIES_MAX; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) && errno != EINVAL) /* the kernel knows no more */
			return false;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return prctl(PR_SET_SECUREBITS, BITS | LOCKS) == 0 && syscall(SYS_capset, &header, none) == 0;
}

bool rights_give_up(bool stay, struct problem *problem)
{
	if (!drop_capabilities() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || !forbid(stay) ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return problem_say(problem, "privileges cannot be given up: %s", strerror(errno));
	return true;
}

bool descriptors_close(int kept, struct problem *problem)
{
	const unsigned first = STDERR_FILENO + 1;

	if ((kept != (int)first && syscall(SYS_close_range, first, (unsigned)kept - 1, 0)) ||
	    syscall(SYS_close_range, (unsigned)kept + 1, ~0u, 0))
		return problem_say(problem, "open descriptors cannot be closed: %s (close_range: Linux 5.9)", strerror(errno));
	return true;
}
