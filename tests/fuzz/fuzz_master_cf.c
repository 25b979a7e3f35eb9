/*
 * fuzz_master_cf: for any text without our parts revert(apply(x)) == x.
 * SPDX-License-Identifier: ISC
 */
#include "core/master_cf.h"

#include <stdint.h>
#include <stdlib.h>

#define MUST(x)                                                                                                        \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

static const char *const items[] = { "$limetwig_client", "$limetwig_eod" };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct master_cf_edit edits[] = {
		{ SLICE_LIT("s"), SLICE_LIT("i"), "c", "$limetwig_client" },
		{ SLICE_LIT("s"), SLICE_LIT("i"), "e", "$limetwig_eod" },
	};
	const struct master_cf_front front = { SLICE_LIT("s"), SLICE_LIT("i") };
	struct slice in = slice_of(data, size), v;
	struct master_service s;
	struct buf a, b;
	size_t pos = 0;

	buf_init(&a, MAIN_CF_MAX);
	buf_init(&b, MAIN_CF_MAX);
	while (master_cf_next(in, &pos, &s))
		(void)master_cf_option(in, &s, "c", &v);
	if (master_cf_apply(in, edits, 2, 'y', &front, &a) == ERR_OK) {
		MUST(master_cf_revert(buf_slice(&a), items, 2, false, &b) == ERR_OK);
		if (!memmem(data, size, "limetwig", 8))
			MUST(slice_eq(in, buf_slice(&b)));
		MUST(master_cf_apply(buf_slice(&a), edits, 2, 'y', &front, &b) == ERR_OK);
		MUST(slice_eq(buf_slice(&a), buf_slice(&b)));
		MUST(master_cf_revert(in, items, 2, false, &b) == ERR_OK);
	}
	buf_done(&a);
	buf_done(&b);
	return 0;
}
