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
 * What AUTO stands for. By CPU on loopback, where that is the client's: a question stays in the caches of the CPU
 * it came from, and a lone client finds its worker there (home.h). A network card hands all to the CPUs of
 * its interrupts, often to one, and a busy client would share its CPU with a worker pinned there: then the
 * kernel's hash. The tables are in docs/PERFORMANCE.md.
 */
static enum mist_steer choose(const struct listeners *listeners, const struct listen_options *options)
{
	if (options->workers < 2)
		return MIST_STEER_HASH;
	if (options->steer != MIST_STEER_AUTO)
		return options->steer;
	for (unsigned i = 0; i < listeners->count; i++)
		if (!socket_address_loopback(&listeners->at[i].address))
			return MIST_STEER_HASH;
	return options->pin ? MIST_STEER_HASH : MIST_STEER_CPU;
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

static bool attach(const struct listeners *listeners, const struct sock_fprog *program)
{
	for (unsigned i = 0; i < listeners->count; i++)
		if (setsockopt(listeners->at[i].udp[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program, sizeof *program) ||
		    setsockopt(listeners->at[i].tcp[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program, sizeof *program))
			return false;
	return true;
}

void steer_attach(struct listeners *listeners, const struct listen_options *options)
{
	struct sock_filter code[2 + 2 * STEER_CPUS_MAX];
	struct sock_fprog program = { .filter = code };

	listeners->steer = choose(listeners, options);
	if (listeners->steer == MIST_STEER_HASH)
		return;
	program.len = (unsigned short)(listeners->steer == MIST_STEER_CPU ? program_cpu(code, options->workers)
	                                                                  : program_random(code, options->workers));
	if (!attach(listeners, &program))
		steer_detach(listeners); /* all or none */
}

void steer_detach(struct listeners *listeners)
{
	int unused = 0;

	for (unsigned i = 0; listeners->steer != MIST_STEER_HASH && i < listeners->count; i++) {
		setsockopt(listeners->at[i].udp[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof unused);
		setsockopt(listeners->at[i].tcp[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof unused);
	}
	listeners->steer = MIST_STEER_HASH;
}
