/*
 * Steering: which worker of a SO_REUSEPORT group gets a packet. Left alone the kernel hashes
 * addresses and ports. A small program can pick by the CPU that handles the packet (on loopback the
 * client's, else that of the card's interrupt) or at random.
 */
#ifndef MIST_NET_STEER_H
#define MIST_NET_STEER_H

#include "net/socket.h"

/* Attaches the program to each group, after all have bound; listeners->steer is what took effect. A refusal
 * leaves the kernel's hash: steering changes speed, never answers. */
void steer_attach(struct listeners *listeners, const struct listen_options *options);
void steer_detach(struct listeners *listeners);

#endif
