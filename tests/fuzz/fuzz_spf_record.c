/*
 * fuzz_spf_record: bytes as an SPF record. Terms lie inside the record, in
 * order; the check of the whole agrees with the terms one by one; what is a
 * term stays one when the record goes on behind it.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/spf_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_of(data, size), terms;
	unsigned modifiers[2] = { 0, 0 };
	struct spf_term t;
	enum err e;

	if (!spf_record_is(all))
		return 0;
	terms = spf_record_terms(all);
	while ((e = spf_record_next(&terms, &t)) == ERR_OK) {
		if (t.domain.n && (t.domain.p < all.p || t.domain.p + t.domain.n > terms.p))
			abort();
		if (t.cidr4 > 32 || t.cidr6 > 128 || t.prefix.len > ipaddr_bits(&t.prefix.addr))
			abort();
		if (t.kind >= SPF_REDIRECT && t.is_pass)
			abort();
		modifiers[0] += t.kind == SPF_REDIRECT;
		modifiers[1] += t.kind == SPF_EXP;
	}
	if ((spf_record_check(all) == ERR_OK) != (e == ERR_NOTFOUND && modifiers[0] <= 1 && modifiers[1] <= 1))
		abort();
	return 0;
}
