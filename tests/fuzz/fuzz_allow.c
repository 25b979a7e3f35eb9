/*
 * fuzz_allow: bytes as an allow file and a shared file. What a line says must
 * be found again in the table; nothing else may be.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/allow.h"

static void add_lines(struct allow *a, struct slice text, enum allow_tier tier)
{
	struct slice line;

	while (slice_line(&text, &line)) {
		const struct prefix set = { { 4, { 192, 0, 2 } }, 24 };
		struct allow_line l;
		bool is_any;

		if (allow_line_parse(line, &l, &is_any) == ERR_OK && is_any &&
			allow_add_line(a, &l, tier, &set, 1) != ERR_OK)
			return;
	}
}

static void must_find(const struct allow *a, struct slice text, enum allow_tier tier)
{
	struct slice line;

	while (slice_line(&text, &line)) {
		struct allow_match m;
		struct allow_line l;
		bool is_any;

		if (allow_line_parse(line, &l, &is_any) != ERR_OK || !is_any || l.form != ALLOW_PREFIX)
			continue;
		if (!allow_find(a, &l.prefix.addr, (struct slice){ 0 }, &m) ||
			(tier == ALLOW_TIER_NEVER && m.tier > tier))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct slice text = slice_of(p, n), never = slice_head(text, n / 2), shared = slice_from(text, n / 2);
	struct allow_match m;
	struct allow a;
	struct ipaddr nobody = { 4, { 203, 0, 113, 77 } };

	allow_init(&a);
	add_lines(&a, never, ALLOW_TIER_NEVER);
	add_lines(&a, shared, ALLOW_TIER_SHARED);
	if (allow_seal(&a) == ERR_OK) {
		must_find(&a, never, ALLOW_TIER_NEVER);
		must_find(&a, shared, ALLOW_TIER_SHARED);
		if (allow_find(&a, &nobody, text, &m) && m.tier == ALLOW_TIER_NONE)
			abort();
	}
	allow_done(&a);
	return 0;
}
