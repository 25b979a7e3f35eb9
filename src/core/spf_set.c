/*
 * spf_set: a prefix that partly does not pass is halved until each piece does
 * or does not. The rules that take away are put aside as they stop to overlap.
 * SPDX-License-Identifier: ISC
 */
#include "core/spf_set.h"

#include "base/array.h"

#include <stdlib.h>

void spf_rules_done(struct spf_rules *r)
{
	free(r->rule);
	*r = (struct spf_rules){ 0 };
}

void spf_set_done(struct spf_set *s)
{
	free(s->prefix);
	*s = (struct spf_set){ 0 };
}

enum err spf_rules_add(struct spf_rules *r, const struct prefix *p, bool is_pass)
{
	void *rules = r->rule;
	enum err e = array_grow(&rules, r->count, &r->size, sizeof r->rule[0], SPF_SET_MAX);

	r->rule = rules;
	if (e == ERR_OK)
		r->rule[r->count++] = (struct spf_rule){ *p, is_pass };
	return e;
}

enum err spf_set_add(struct spf_set *s, const struct prefix *p)
{
	void *prefixes = s->prefix;
	enum err e = array_grow(&prefixes, s->count, &s->size, sizeof s->prefix[0], SPF_SET_MAX);

	s->prefix = prefixes;
	if (e == ERR_OK)
		s->prefix[s->count++] = *p;
	return e;
}

static int compare(const void *x, const void *y)
{
	const struct prefix *a = x, *b = y;
	int d = (int)a->addr.family - (int)b->addr.family;

	if (d == 0)
		d = memcmp(a->addr.b, b->addr.b, sizeof a->addr.b);
	return d ? d : (int)a->len - (int)b->len;
}

void spf_set_sort(struct spf_set *s)
{
	size_t n = 0;

	if (s->count)
		qsort(s->prefix, s->count, sizeof s->prefix[0], compare);
	for (size_t i = 0; i < s->count; i++)
		if (n == 0 || !prefix_has(&s->prefix[n - 1], &s->prefix[i].addr))
			s->prefix[n++] = s->prefix[i];
	s->count = n;
}

static bool holds(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_has(outer, &inner->addr);
}

/* Which half of p holds q. */
static unsigned side_of(const struct prefix *p, const struct prefix *q)
{
	return q->addr.b[p->len / 8] >> (7 - p->len % 8) & 1u;
}

/* Leading bits that all of the n prefixes share, at most the length of the shortest. */
static unsigned common_bits(const struct prefix *p, size_t n)
{
	unsigned bits = p[0].len;

	for (size_t i = 1; i < n; i++) {
		unsigned b = 0;

		if (p[i].len < bits)
			bits = p[i].len;
		while (b < bits && p[i].addr.b[b / 8] == p[0].addr.b[b / 8])
			b = b / 8 * 8 + 8;
		while (b < bits && ((p[i].addr.b[b / 8] ^ p[0].addr.b[b / 8]) & (0x80u >> (b % 8))) == 0)
			b++;
		bits = b < bits ? b : bits;
	}
	return bits;
}

/*
 * p without the n prefixes of not (their order changes) into *s. The recursion
 * is as deep as an address has bits; where all of not lie in one half, it does
 * not look at them again for each bit.
 */
static enum err subtract(struct prefix p, struct prefix * not, size_t n, struct spf_set *s)
{
	struct prefix half[2];
	size_t near = 0;
	unsigned bits;
	enum err e = ERR_OK;

	for (size_t i = 0; i < n; i++) {
		struct prefix q = not [i];

		if (holds(&q, &p))
			return ERR_OK;
		if (!holds(&p, &q))
			continue;
		not [i] = not [near];
		not [near++] = q;
	}
	if (near == 0)
		return spf_set_add(s, &p);
	bits = common_bits(not, near);
	while (p.len < bits && e == ERR_OK) {
		unsigned side = side_of(&p, &not [0]);

		prefix_halve(&p, half);
		e = spf_set_add(s, &half[!side]);
		p = half[side];
	}
	for (size_t i = 0; i < near; i++)
		if (not [i].len == p.len)
			return e;
	prefix_halve(&p, half);
	for (unsigned i = 0; i < 2 && e == ERR_OK; i++)
		e = subtract(half[i], not, near, s);
	return e;
}

/* An earlier rule has all its addresses: it never matches. */
static bool is_shadowed(const struct spf_rules *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (holds(&r->rule[k].prefix, &r->rule[i].prefix))
			return true;
	return false;
}

enum err spf_rules_flatten(const struct spf_rules *r, struct spf_set *ret)
{
	struct prefix *all = calloc(2 * r->count + 1, sizeof *all), *not = all ? all + r->count : NULL;
	size_t fails = 0;
	enum err e = all ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; i < r->count && e == ERR_OK; i++) {
		const struct spf_rule *rule = &r->rule[i];

		if (is_shadowed(r, i))
			continue;
		if (!rule->is_pass) {
			all[fails++] = rule->prefix;
			continue;
		}
		memcpy(not, all, fails * sizeof *not );
		e = subtract(rule->prefix, not, fails, ret);
	}
	free(all);
	if (e == ERR_OK)
		spf_set_sort(ret);
	else
		spf_set_done(ret);
	return e;
}

bool spf_set_has(const struct spf_set *s, const struct ipaddr *a)
{
	struct prefix host = prefix_of(a, 128);
	size_t low = 0, high = s->count;

	/* the last prefix that does not begin behind a: none after it can hold a, and it is disjoint from those before */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(&s->prefix[mid], &host) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && prefix_has(&s->prefix[low - 1], a);
}

void spf_set_size(const struct spf_set *s, uint64_t *ret_ipv4, uint64_t *ret_ipv6)
{
	uint64_t four = 0, six = 0;

	for (size_t i = 0; i < s->count; i++) {
		unsigned len = s->prefix[i].len;
		uint64_t n;

		if (s->prefix[i].addr.family == 4) {
			four += UINT64_C(1) << (32 - len);
			continue;
		}
		n = len == 0 ? UINT64_MAX : len < 64 ? UINT64_C(1) << (64 - len) : 1;
		six = UINT64_MAX - six < n ? UINT64_MAX : six + n;
	}
	*ret_ipv4 = four;
	*ret_ipv6 = six;
}

bool spf_set_is_world(const struct spf_set *s)
{
	uint64_t four, six;

	for (size_t i = 0; i < s->count; i++)
		if (s->prefix[i].len < (s->prefix[i].addr.family == 4 ? SPF_WORLD_IPV4 : SPF_WORLD_IPV6))
			return true;
	spf_set_size(s, &four, &six);
	return four > SPF_WORLD_ADDRESSES;
}
