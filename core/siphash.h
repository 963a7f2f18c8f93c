/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): the keyed hash of server cookies (RFC 9018 section
 * 4.4) and of tables whose keys strangers choose. Written here because libcrypto's allocates, and
 * core uses libc only.
 */
#ifndef MIST_CORE_SIPHASH_H
#define MIST_CORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint8_t key[16], const void *octets, size_t len);

#endif
