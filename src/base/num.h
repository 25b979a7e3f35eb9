/*
 * num: strict numbers from text: the whole slice or nothing, range checked.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

#define NUM_TEXT 24

/* Decimal digits only. ERR_SYNTAX; ERR_LIMIT above max. */
enum err num_parse(struct slice s, uint64_t max, uint64_t *ret) MUST_USE;
/* Seconds: "90", "90s", "15m", "24h", "7d", "2w", also joined: "1d12h". ERR_SYNTAX; ERR_LIMIT above ten years. */
enum err num_parse_duration(struct slice s, uint64_t *ret_s) MUST_USE;
/* Bytes: "100", "10k", "25M", "2G" (powers of 1,024). ERR_SYNTAX; ERR_LIMIT: more than 64 bits hold. */
enum err num_parse_size(struct slice s, uint64_t *ret_bytes) MUST_USE;
/* The shortest exact form of seconds: 86400 is "1d", 90 is "90s", 0 is "0s". Returns to. */
const char *num_format_duration(uint64_t s, char to[NUM_TEXT]);
/* For people: 61204 is "61,204". Returns to. */
const char *num_format_grouped(uint64_t v, char to[NUM_TEXT + 8]);

#endif /* BASE_NUM_H */
