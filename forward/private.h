/*
 * Addresses that a name from outside has no business pointing at: loopback, private, link-local,
 * cloud metadata and the like. An attacker who owns such a name would otherwise make a browser or
 * an agent on this machine talk to services inside (DNS rebinding).
 */
#ifndef MIST_FORWARD_PRIVATE_H
#define MIST_FORWARD_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool private_ipv4(const uint8_t address[4]);
bool private_ipv6(const uint8_t address[16]); /* and IPv4 inside (mapped, NAT64, 6to4) */

/* The same for the addresses in RDATA: A, AAAA, and the hints of HTTPS and SVCB (RFC 9460). */
bool private_record(uint16_t type, const uint8_t *rdata, size_t len);

#endif
