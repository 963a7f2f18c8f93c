/*
 * Between key.c and keyfile.c: what a key file needs of a key.
 */
#ifndef MIST_DNSSEC_KEYFILE_H
#define MIST_DNSSEC_KEYFILE_H

#include "dnssec/crypto.h"
#include "dnssec/key.h"

int key_from_scalar(struct key **key, struct crypto *crypto, const uint8_t *zone,
                    enum mist_algorithm algorithm, const uint8_t scalar[SCALAR_LEN]);
const uint8_t *key_zone(const struct key *key);
const uint8_t *key_scalar(const struct key *key);

#endif
