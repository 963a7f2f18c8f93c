/*
 * Addresses as people write them: "192.0.2.53", "192.0.2.53:5353", "2001:db8::1",
 * "[2001:db8::1]:53".
 */
#ifndef MIST_CORE_ADDRESS_H
#define MIST_CORE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;
struct sockaddr_storage;

/* AF_INET or AF_INET6; the port in host order. */
struct upstream_address { uint8_t family; uint8_t octets[16]; uint16_t port; };

/* An address without port; `octets` gets 4 or 16 of them, which is returned; 0: no address. */
unsigned address_from_text(const char *text, uint8_t octets[16]);

/* Whether two addresses of 4 or 16 octets count as one client: whoever has an IPv6 address has a /64 at least. */
bool address_same_client(const uint8_t *a, unsigned a_len, const uint8_t *b, unsigned b_len);

/* An address with or without port; `port` is the one it has without. A port of 0, and what is no
 * address of one host (unspecified, multicast, broadcast), is refused. */
bool upstream_from_text(const char *text, uint16_t port, struct upstream_address *address);

/* The same as sockets have it. Returns the length of what is in `to`. */
unsigned upstream_to_socket(const struct upstream_address *address, struct sockaddr_storage *to);
struct upstream_address upstream_from_socket(const struct sockaddr *address); /* of one of the two families */

#endif
