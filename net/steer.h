/*
 * Steering: which worker of a SO_REUSEPORT group gets a packet. Left alone the kernel hashes
 * addresses and ports. A small program can pick by the CPU that handles the packet (on loopback: the
 * client's) or at random.
 */
#ifndef MIST_NET_STEER_H
#define MIST_NET_STEER_H

#include "net/socket.h"

/* Attaches the program to each group, after all have bound. A refusal leaves the kernel's hash: steering
 * changes speed, never answers. */
void steer_attach(struct listeners *listeners, const struct listen_options *options);
void steer_detach(struct listeners *listeners);

/* What MIST_STEER_AUTO stands for. */
enum mist_steer steer_choose(enum mist_steer steer, unsigned workers);

#endif
