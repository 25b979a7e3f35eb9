/*
 * content_table: a row that may stand anywhere is searched for only where each
 * of its pairs of bytes is in the text somewhere. There are hundreds of rows for
 * each line, and nearly all are ruled out by their first or second pair.
 * SPDX-License-Identifier: ISC
 */
#include "core/content_table.h"

#define PAIRS 1024 /* bits that pairs are hashed to */

struct pairs {
	uint64_t bits[PAIRS / 64];
};

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

static unsigned pair_of(const char *p)
{
	return ((unsigned char)p[0] * 33u + (unsigned char)p[1]) % PAIRS;
}

static void collect_pairs(const struct content_text *t, struct pairs *ret)
{
	*ret = (struct pairs){ 0 };
	for (size_t i = 1; i < t->n; i++)
		ret->bits[pair_of(t->p + i - 1) / 64] |= UINT64_C(1) << pair_of(t->p + i - 1) % 64;
}

/* False: this row certainly not. */
static bool may_match(const struct content_rule *r, const struct pairs *pairs)
{
	if (r->match != MATCH_HAS)
		return true;
	for (const char *p = r->text; p[0] && p[1]; p++)
		if (!(pairs->bits[pair_of(p) / 64] >> pair_of(p) % 64 & 1))
			return false;
	return true;
}

uint64_t content_table_facts(const struct content_rule *rule, size_t n, struct slice s)
{
	uint64_t facts = 0;
	struct content_text t;
	struct pairs pairs;

	content_table_text(s, &t);
	collect_pairs(&t, &pairs);
	for (size_t i = 0; i < n; i++)
		if ((facts & rule[i].facts) != rule[i].facts && may_match(&rule[i], &pairs) &&
			content_table_matches(&rule[i], &t))
			facts |= rule[i].facts;
	return facts;
}
