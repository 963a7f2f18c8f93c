/*
 * A domain name as a master file writes it (RFC 1035 section 5.1): `@` is the origin, and what does
 * not end with a dot continues with it.
 */
#ifndef MIST_CONTROL_DOMAIN_H
#define MIST_CONTROL_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mistcore.h"

/* Octets of a wire name, the root label included. */
size_t domain_len(const uint8_t *name);

/* False if it is no name; `name` is then as it was. `origin` may be `name`. */
bool domain_read(const char *text, const uint8_t *origin, uint8_t name[MIST_NAME_SIZE]);

#endif
