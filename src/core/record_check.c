/*
 * record_check: which key and value belong to which table. The tags are the
 * letters of enum table in io/store.h, which this layer must not see; the test
 * holds the two together.
 * SPDX-License-Identifier: ISC
 */
#include "core/record.h"

#define RECORD_ANY_KEY 500 /* addresses and names: STORE_KEY_MAX */

static bool is_subject(struct slice key)
{
	struct prefix p;

	return record_subject_parse(key, &p) == ERR_OK;
}

static bool is_hit_key(struct slice key)
{
	return key.n > 8 && is_subject(slice_head(key, key.n - 8));
}

static bool is_time(struct slice key)
{
	uint64_t time, number;

	return record_time_parse(key, &time, &number) == ERR_OK;
}

static bool is_case(struct slice key)
{
	char text[CASE_ID_TEXT];

	return case_id_parse(key, text) == ERR_OK && slice_eq(key, slice_str(text));
}

static bool is_any(struct slice key)
{
	return key.n > 0 && key.n <= RECORD_ANY_KEY;
}

#define RECORD_DECODES(name)                                                                                           \
	static bool decodes_##name(struct slice in)                                                                    \
	{                                                                                                              \
		struct record_##name v;                                                                                \
		return record_get_##name(in, &v) == ERR_OK;                                                            \
	}
RECORD_DECODES(trap)
RECORD_DECODES(hit)
RECORD_DECODES(hit_sum)
RECORD_DECODES(block)
RECORD_DECODES(refusal)
RECORD_DECODES(accepted)
RECORD_DECODES(allow)
RECORD_DECODES(ledger)
RECORD_DECODES(correspondent)
RECORD_DECODES(audit)
RECORD_DECODES(withheld)
#undef RECORD_DECODES

static const struct {
	unsigned char tag;
	bool (*key)(struct slice key);
	bool (*value)(struct slice in);
} layout[] = {
	{ 'M', is_any, is_any },
	{ 'T', is_any, decodes_trap },
	{ 'H', is_hit_key, decodes_hit },
	{ 'S', is_subject, decodes_hit_sum },
	{ 'B', is_subject, decodes_block },
	{ 'C', is_case, decodes_block },
	{ 'R', is_time, decodes_refusal },
	{ 'A', is_time, decodes_accepted },
	{ 'W', is_subject, decodes_allow },
	{ 'L', is_subject, decodes_ledger },
	{ 'D', is_any, decodes_correspondent },
	{ 'U', is_time, decodes_audit },
	{ 'Q', is_any, decodes_withheld },
};

bool record_is_valid(unsigned char tag, struct slice key, struct slice value)
{
	for (size_t i = 0; i < sizeof layout / sizeof layout[0]; i++)
		if (layout[i].tag == tag)
			return layout[i].key(key) && layout[i].value(value);
	return false;
}
