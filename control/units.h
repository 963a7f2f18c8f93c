/*
 * The small notations of configuration: sizes ("16MiB"), durations ("2s", "1h30m", "14d"), and
 * how far apart two words are, for "did you mean".
 */
#ifndef MIST_CONTROL_UNITS_H
#define MIST_CONTROL_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal digits and nothing else, up to UINT64_MAX. */
bool units_number(const char *text, uint64_t *number);

/* A number with an optional unit: B, KB, MB, GB (powers of 1,000), KiB, MiB, GiB (of 1,024). */
bool units_size(const char *text, uint64_t *octets);

/* One or more numbers with the units ms, s, m, h, d, w; a bare number means seconds. */
bool units_duration(const char *text, uint64_t *milliseconds);

/* How many letters must be changed, added, dropped or swapped with their neighbour to make one word
 * of the other, letter case aside. Words longer than 63 letters are UINT32_MAX apart. */
uint32_t units_distance(const char *a, const char *b);

/* Whether `candidate` is near enough to `word` to be what its writer meant. */
bool units_near(const char *word, const char *candidate, uint32_t *distance);

#endif
