/*
 * Messages for `mist query`: a question to wire form, and a response to text, as dig shows it.
 */
#ifndef MIST_CONTROL_MESSAGE_H
#define MIST_CONTROL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MESSAGE_QUERY_SIZE 512

/* A query with RD, EDNS and an id of chance. Returns its length, 0 if `name` is no domain name. */
size_t message_query(const char *name, uint16_t type, bool dnssec,
                     uint8_t query[MESSAGE_QUERY_SIZE]);

/* Prints a response; `brief` the data of the answer section only. False: it is no DNS message. */
bool message_print(FILE *out, const uint8_t *message, size_t len, bool brief);

#endif
