/*
 * In a network of the command's own that has a way out: the ports of name servers are shut there.
 */
#ifndef MIST_LAUNCH_PORTS_H
#define MIST_LAUNCH_PORTS_H

#include <stdbool.h>

#include "launch/problem.h"

/*
 * From now on nothing is sent to port 53 (DNS) or 853 (DNS over TLS and QUIC) of any address but the network's own, over
 * whatever protocol: it fails at once, with EACCES. Only who administers this network could undo it.
 */
bool ports_shut(struct problem *problem);

#endif
