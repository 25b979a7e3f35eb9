/*
 * fuzz_record: bytes as a value of each table. What decodes must encode to
 * bytes that decode to the same again. First byte: which record.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "core/record.h"

#define TRY(name)                                                                                                      \
	static void try_##name(struct slice in)                                                                        \
	{                                                                                                              \
		static struct record_##name v, back;                                                                   \
		uint8_t a[RECORD_VALUE], b[RECORD_VALUE];                                                              \
		struct wr w = wr_init(a, sizeof a), w2 = wr_init(b, sizeof b);                                         \
                                                                                                                       \
		if (record_get_##name(in, &v) != ERR_OK)                                                               \
			return;                                                                                        \
		record_put_##name(&w, &v);                                                                             \
		if (w.bad || record_get_##name(wr_slice(&w), &back) != ERR_OK)                                         \
			abort();                                                                                       \
		record_put_##name(&w2, &back);                                                                         \
		if (!slice_eq(wr_slice(&w), wr_slice(&w2)))                                                            \
			abort();                                                                                       \
	}
TRY(trap)
TRY(hit)
TRY(hit_sum)
TRY(block)
TRY(refusal)
TRY(accepted)
TRY(allow)
TRY(ledger)
TRY(correspondent)
TRY(audit)
TRY(withheld)

static void try_keys(struct slice in)
{
	struct prefix p;
	uint8_t key[RECORD_KEY];
	size_t half = in.n / 2;

	if (record_subject_parse(in, &p) == ERR_OK && !slice_eq(in, record_subject_key(&p, key)))
		abort();
	for (unsigned tag = 'A'; tag <= 'Z'; tag++)
		(void)record_is_valid((unsigned char)tag, slice_head(in, half), slice_from(in, half));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct slice) = { try_trap, try_hit, try_hit_sum, try_block, try_refusal,
		try_accepted, try_allow, try_ledger, try_correspondent, try_audit, try_withheld, try_keys };

	if (size)
		tries[data[0] % (sizeof tries / sizeof tries[0])](slice_of(data + 1, size - 1));
	return 0;
}
