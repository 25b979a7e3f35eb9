/*
 * trap_pattern: the patterns of the trap files, matched against canonical
 * addresses one after the other with PCRE2. At most
 * TRAP_TABLE_PATTERNS; each match is bounded, so that no pattern can hold up
 * a query. Reads no file.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_TRAP_PATTERN_H
#define IO_TRAP_PATTERN_H
#include "core/trap_table.h"

struct trap_patterns;

/* NULL: no memory. */
struct trap_patterns *trap_patterns_new(void);
void trap_patterns_free(struct trap_patterns *p);
/*
 * pattern: as between the slashes of a trap file; ASCII case is ignored. trap:
 * what find shall give for it. ERR_FULL at the cap; ERR_SYNTAX, with what PCRE2
 * says and where in text; ERR_NOMEM.
 */
enum err trap_patterns_add(
	struct trap_patterns *p, struct slice pattern, uint32_t trap, char *text, size_t text_size) MUST_USE;
/* The first added that matches. False: none. A pattern that met its match limit counts as no match, and is counted. */
bool trap_patterns_find(struct trap_patterns *p, const struct address *a, uint32_t *ret_trap);
size_t trap_patterns_count(const struct trap_patterns *p);
/* Matches given up at the limit since new. */
uint64_t trap_patterns_limited(const struct trap_patterns *p);

#endif /* IO_TRAP_PATTERN_H */
