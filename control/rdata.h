/*
 * Record data: from master file text to wire form with ldns, and the checks ldns leaves out.
 */
#ifndef MIST_CONTROL_RDATA_H
#define MIST_CONTROL_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RDATA_LEN_MAX 65535

/* "MX", "mx" or "TYPE15" to a number; 0 if there is no such type. */
uint16_t rdata_type(const char *text);

/*
 * Reads record data. `text` is scratch: it is taken apart. Returns the length, or -1 with what
 * is wrong in `problem`, or -2 without memory.
 */
int rdata_from_text(uint16_t type, char *text, const uint8_t *origin,
                    uint8_t rdata[RDATA_LEN_MAX], char *problem, size_t problem_size);

#endif
