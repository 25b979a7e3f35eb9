/*
 * content_table: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/content_table.h"

void content_table_text(struct slice s, struct content_text *t)
{
	s = slice_trim(slice_head(s, sizeof t->p));
	for (size_t i = 0; i < s.n; i++)
		t->p[i] = ascii_lower(s.p[i]);
	t->n = s.n;
}

bool content_table_matches(const struct content_rule *r, const struct content_text *t)
{
	struct slice s = { t->p, t->n }, want = slice_str(r->text);

	switch (r->match) {
	case MATCH_ANY:
		return s.n > 0;
	case MATCH_IS:
		return slice_eq(s, want);
	case MATCH_NOT:
		return s.n > 0 && !slice_eq(s, want);
	case MATCH_STARTS:
		return slice_starts(s, want);
	case MATCH_HAS:
		return s.n >= want.n && memmem(s.p, s.n, want.p, want.n);
	case MATCH_ENDS:
		return slice_ends(s, want);
	}
	return false;
}

uint64_t content_table_facts(const struct content_rule *rule, size_t n, struct slice s)
{
	uint64_t facts = 0;
	struct content_text t;

	content_table_text(s, &t);
	for (size_t i = 0; i < n; i++)
		if ((facts & rule[i].facts) != rule[i].facts && content_table_matches(&rule[i], &t))
			facts |= rule[i].facts;
	return facts;
}
