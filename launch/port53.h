/*
 * The sockets that a launched command's questions come to: UDP and TCP, port 53, of one address.
 */
#ifndef MIST_LAUNCH_PORT53_H
#define MIST_LAUNCH_PORT53_H

#include <stdbool.h>

#include "launch/problem.h"

#define PORT53_ADDRESS_SIZE 16 /* "127.255.255.255" */

/* Binds and listens: fds[0] UDP, fds[1] TCP, close-on-exec. False: neither is open, errno says why. */
bool port53_bind(const char *address, int fds[2]);

/*
 * The same at an address of 127.0.0.0/8 where nobody is yet, in the caller's own network, where a right may be needed
 * (CAP_NET_BIND_SERVICE, or sysctl net.ipv4.ip_unprivileged_port_start). False: `problem` says why.
 */
bool port53_bind_alias(char address[PORT53_ADDRESS_SIZE], int fds[2], struct problem *problem);

#endif
