/*
 * SipHash (Aumasson and Bernstein, 2012), the keyed hash: with two rounds a word and four at the end
 * for server cookies (RFC 9018 section 4.4); with one and three, in half the time, for tables whose
 * keys strangers choose and whose hashes nobody sees. Written here because libcrypto's allocates,
 * and core uses libc only.
 */
#ifndef MIST_CORE_SIPHASH_H
#define MIST_CORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint8_t key[16], const void *octets, size_t len);       /* SipHash-2-4 */
uint64_t siphash_table(const uint8_t key[16], const void *octets, size_t len); /* SipHash-1-3 */

#endif
