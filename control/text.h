/*
 * Records and messages as text, the way dig and master files write them.
 */
#ifndef MIST_CONTROL_TEXT_H
#define MIST_CONTROL_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "mistcore.h"

/*
 * One line "owner ttl IN TYPE data" without newline, which this and every other reader of master
 * files reads back to the same octets. The caller frees it. NULL: out of memory.
 */
char *text_record(const struct mist_record *record);

/* "AAAA" or "TYPE65280". */
const char *text_type(uint16_t type, char text[16]);
const char *text_rcode(unsigned rcode, char text[16]);

#endif
