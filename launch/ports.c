/*
 * See ports.h. No firewall is needed for that: routing itself has rules by port (Linux 4.17). Local addresses are looked
 * up by rule 0, before ours.
 */
#include "launch/ports.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PRIORITY 53 /* behind local addresses (0), before every other table (32766) */

struct request {
	struct nlmsghdr header;
	struct fib_rule_hdr rule;
	struct rtattr priority_attribute;
	uint32_t priority;
	struct rtattr ports_attribute;
	struct fib_rule_port_range ports;
};

/* An errno, 0: done. */
static int ask(int netlink, const struct request *request)
{
	struct { struct nlmsghdr header; struct nlmsgerr error; uint8_t more[256]; } reply;

	if (send(netlink, request, sizeof *request, 0) != sizeof *request)
		return errno;
	if (recv(netlink, &reply, sizeof reply, 0) < (ssize_t)(sizeof reply.header + sizeof reply.error.error))
		return EPROTO;
	return reply.header.nlmsg_type == NLMSG_ERROR ? -reply.error.error : EPROTO;
}

static int shut(int netlink, uint8_t family, uint16_t port)
{
	const struct request request = {
		.header = { .nlmsg_len = sizeof request, .nlmsg_type = RTM_NEWRULE,
		            .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE },
		.rule = { .family = family, .action = FR_ACT_PROHIBIT },
		.priority_attribute = { .rta_len = RTA_LENGTH(sizeof request.priority), .rta_type = FRA_PRIORITY },
		.priority = PRIORITY,
		.ports_attribute = { .rta_len = RTA_LENGTH(sizeof request.ports), .rta_type = FRA_DPORT_RANGE },
		.ports = { port, port },
	};
	int error = ask(netlink, &request);

	return error == EAFNOSUPPORT && family == AF_INET6 ? 0 : error; /* no IPv6 here, so no way out by it */
}

bool ports_shut(struct problem *problem)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	static const uint16_t ports[] = { 53, 853 };
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int error = netlink < 0 ? errno : 0;

	for (unsigned i = 0; i < 4 && !error; i++)
		error = shut(netlink, families[i / 2], ports[i % 2]);
	if (netlink >= 0)
		close(netlink);
	return !error || problem_say(problem, "port 53 of other name servers cannot be shut in the command's network: %s "
	                             "(the kernel needs CONFIG_IP_MULTIPLE_TABLES and CONFIG_IPV6_MULTIPLE_TABLES)",
	                             strerror(error));
}
