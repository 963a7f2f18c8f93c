/*
 * Addresses as people write them in a configuration.
 */
#ifndef MIST_CONTROL_ADDRESS_H
#define MIST_CONTROL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

enum { ADDRESS_TEXT_SIZE = 64 }; /* INET6_ADDRSTRLEN is 46; a zone index is not taken */

/* "192.0.2.1" or "2001:db8::1". */
bool address_is(const char *text);

/* 127.0.0.0/8 and ::1. */
bool address_is_loopback(const char *text);

/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:53". `port` stays as it is when
 * none is given. */
bool address_split(const char *text, char address[ADDRESS_TEXT_SIZE], uint16_t *port);

#endif
