/*
 * import_private: shared by the parts of core/import_trap.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_IMPORT_PRIVATE_H
#define CORE_IMPORT_PRIVATE_H
#include "core/import_trap.h"

#include <stdint.h>

struct import {
	import_fn fn;
	void *ctx;
	unsigned line;
	unsigned others;
	uint64_t now; /* Unix seconds; import_allow only */
	char out[IMPORT_LINE + 64];
};

enum err import_refuse(struct import *im, const char *reason) MUST_USE;
/* An address ("a@d") or domain ("@d") as it stands. */
enum err import_add(struct import *im, struct slice trap, const char *words) MUST_USE;
/*
 * s: "/pattern/flags", any delimiter, no blank behind it. Makes an address or a
 * domain of it where it can be only that.
 */
enum err import_add_pattern(struct import *im, struct slice s) MUST_USE;
/* Where the pattern at the front of s ends (behind its flags); 0: it has no end. */
size_t import_pattern_length(struct slice s);
bool import_is_delimiter(char c);
/* import_access.c: one logical line. */
enum err import_access_line(struct import *im, struct slice line) MUST_USE;
/* import_sql.c: a whole dump. */
enum err import_sql(struct import *im, struct slice text) MUST_USE;

#endif /* CORE_IMPORT_PRIVATE_H */
