/*
 * See steer.h. The program is classic BPF, which needs no privilege. It returns the worker's place in
 * the group, which is the order of binding (UDP) or listening (TCP); a number beyond the group makes
 * the kernel hash.
 */
#include "net/steer.h"

#include <linux/filter.h>
#include <sched.h>

#define STEER_CPUS_MAX 1024  /* two instructions each; the kernel takes 4,096 (BPF_MAXINSNS) */
#define STEER_HASH 0xffffffffu

/*
 * By CPU, unless told otherwise: a question stays in the caches of the CPU that it came from, and a lone
 * client finds its worker there (home.h). Workers that are pinned as well would halve the rate of one busy
 * client, who then shares a CPU with its worker; the tables are in docs/PERFORMANCE.md.
 */
enum mist_steer steer_choose(enum mist_steer steer, unsigned workers)
{
	return workers < 2 ? MIST_STEER_HASH : steer == MIST_STEER_AUTO ? MIST_STEER_CPU : steer;
}

/* CPU to worker, the CPUs of our affinity mask in turn; any other CPU: the hash. */
static unsigned program_cpu(struct sock_filter *code, unsigned workers)
{
	unsigned len = 0, worker = 0;
	cpu_set_t cpus;

	code[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_CPU));
	if (sched_getaffinity(0, sizeof cpus, &cpus))
		CPU_ZERO(&cpus);
	for (uint32_t cpu = 0; cpu < STEER_CPUS_MAX; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, cpu, 0, 1);
		code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, worker++ % workers);
	}
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, STEER_HASH);
	return len;
}

static unsigned program_random(struct sock_filter *code, unsigned workers)
{
	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
	code[1] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers);
	code[2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return 3;
}

void steer_attach(struct listeners *listeners, const struct listen_options *options)
{
	struct sock_filter code[2 + 2 * STEER_CPUS_MAX];
	struct sock_fprog program = { .filter = code };

	switch (steer_choose(options->steer, options->workers)) {
	case MIST_STEER_CPU:
		program.len = (unsigned short)program_cpu(code, options->workers);
		break;
	case MIST_STEER_RANDOM:
		program.len = (unsigned short)program_random(code, options->workers);
		break;
	case MIST_STEER_AUTO:
	case MIST_STEER_HASH:
		return;
	}
	listeners->steered = true;
	for (unsigned i = 0; i < listeners->count; i++) {
		setsockopt(listeners->at[i].udp[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
		setsockopt(listeners->at[i].tcp[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
	}
}

void steer_detach(struct listeners *listeners)
{
	int unused = 0;

	for (unsigned i = 0; listeners->steered && i < listeners->count; i++) {
		setsockopt(listeners->at[i].udp[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof unused);
		setsockopt(listeners->at[i].tcp[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof unused);
	}
	listeners->steered = false;
}
