/*
 * fuzz_main_cf: for any text without our items revert(apply(x)) == x; for any
 * text at all reverting twice is reverting once.
 * SPDX-License-Identifier: ISC
 */
#include "core/main_cf.h"

#include <stdint.h>
#include <stdlib.h>

#define MUST(x)                                                                                                        \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

/* Short names, so that the fuzzer meets them. */
static const struct main_cf_edit edits[] = {
	{ "limetwig_p", "{ unix:limetwig/policy, timeout=2s }", "", false },
	{ "s", "$limetwig_c", "", true },
	{ "v", "lmdb:/limetwig_v", "$w", true },
	{ "t", "inline:{limetwig.invalid=l, .limetwig.invalid=l}", "", true },
};
#define EDITS (sizeof edits / sizeof edits[0])

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct buf a, b, c;

	buf_init(&a, MAIN_CF_MAX);
	buf_init(&b, MAIN_CF_MAX);
	buf_init(&c, MAIN_CF_MAX);
	if (main_cf_apply(in, edits, EDITS, &a) == ERR_OK) {
		MUST(main_cf_revert(buf_slice(&a), edits, EDITS, &b) == ERR_OK);
		if (!memmem(data, size, "limetwig", 8))
			MUST(slice_eq(in, buf_slice(&b)));
		MUST(main_cf_apply(buf_slice(&a), edits, EDITS, &c) == ERR_OK);
		MUST(slice_eq(buf_slice(&a), buf_slice(&c)));
		for (size_t i = 0; i < EDITS; i++)
			MUST(main_cf_get(buf_slice(&a), edits[i].name, &c));
		MUST(main_cf_revert(in, edits, EDITS, &b) == ERR_OK);
	}
	buf_done(&a);
	buf_done(&b);
	buf_done(&c);
	return 0;
}
