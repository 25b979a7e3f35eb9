/*
 * fuzz_trap_pattern: a pattern as somebody may write it, a line feed, and an
 * address that it is asked about. A match is bounded in time, or counted as none.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "io/trap_pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_of(data, size), pattern = slice_head(all, slice_find(all, '\n'));
	struct trap_patterns *p = trap_patterns_new();
	char text[200] = "";
	struct address a;
	uint32_t trap = 0;
	enum err e;

	if (!p)
		abort();
	e = trap_patterns_add(p, pattern, 7, text, sizeof text);
	if (e == ERR_SYNTAX && text[0] == '\0')
		abort();
	if (trap_patterns_count(p) != (e == ERR_OK))
		abort();
	if (address_parse(slice_from(all, pattern.n + 1), &a) == ERR_OK && trap_patterns_find(p, &a, &trap) &&
		(e != ERR_OK || trap != 7 || trap_patterns_limited(p)))
		abort();
	trap_patterns_free(p);
	return 0;
}
