/*
 * prefix_set: IPv4 ranges are sorted as 64-bit numbers by radix, IPv6 ones by
 * comparison; from there on one code works on runs of both.
 * SPDX-License-Identifier: ISC
 */
#include "base/prefix_set.h"

#include <stdlib.h>

#define PARTS_FROM 4096 /* runs; fewer are searched as a whole */
#define RADIX_BITS 11
#define RADIX (1u << RADIX_BITS)

/* ---- addresses as numbers */

static unsigned family_index(const struct ipaddr *a)
{
	return a->family == 6;
}

prefix_number prefix_number_of(const struct ipaddr *a)
{
	prefix_number n = 0;

	for (unsigned i = 0; i < ipaddr_bits(a) / 8; i++)
		n = n << 8 | a->b[i];
	return n;
}

struct ipaddr prefix_number_addr(prefix_number n, unsigned f)
{
	struct ipaddr a = { .family = f ? 6 : 4 };

	for (unsigned i = f ? 16 : 4; i-- > 0; n >>= 8)
		a.b[i] = (uint8_t)n;
	return a;
}

static prefix_number number_max(unsigned f)
{
	return f ? ~(prefix_number)0 : UINT32_MAX;
}

/* ---- runs of either family */

static struct prefix_run6 run_at(const struct prefix_runs *r, size_t i)
{
	if (r->run6)
		return r->run6[i];
	return (struct prefix_run6){ r->run4[i].first, r->run4[i].last };
}

static void run_set(struct prefix_runs *r, size_t i, prefix_number first, prefix_number last)
{
	if (r->run6)
		r->run6[i] = (struct prefix_run6){ first, last };
	else
		r->run4[i] = (struct prefix_run4){ (uint32_t)first, (uint32_t)last };
}

static void runs_done(struct prefix_runs *r)
{
	free(r->run4);
	free(r->run6);
	*r = (struct prefix_runs){ 0 };
}

static enum err runs_resize(struct prefix_runs *r, unsigned f, size_t size)
{
	void *p = f ? reallocarray(r->run6, size, sizeof *r->run6) : reallocarray(r->run4, size, sizeof *r->run4);

	if (!p)
		return ERR_NOMEM;
	if (f)
		r->run6 = p;
	else
		r->run4 = p;
	r->size = size;
	return ERR_OK;
}

static enum err runs_add(struct prefix_runs *r, unsigned f, prefix_number first, prefix_number last)
{
	enum err e;

	if (r->count == PREFIX_SET_MAX)
		return ERR_LIMIT;
	if (r->count == r->size) {
		e = runs_resize(r, f, r->size ? r->size * 2 : 64);
		if (e != ERR_OK)
			return e;
	}
	run_set(r, r->count++, first, last);
	return ERR_OK;
}

/* ---- sorting by first */

static int run6_order(const void *a, const void *b)
{
	const struct prefix_run6 *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static bool is_sorted(const struct prefix_runs *r)
{
	for (size_t i = 1; i < r->count; i++)
		if (run_at(r, i - 1).first > run_at(r, i).first)
			return false;
	return true;
}

/* Least significant digit first. The two change places with each pass. */
static void radix_sort(struct prefix_run4 **run, struct prefix_run4 **other, size_t n)
{
	for (unsigned shift = 0; shift < 32; shift += RADIX_BITS) {
		uint32_t at[RADIX] = { 0 }, sum = 0;
		struct prefix_run4 *from = *run, *to = *other;

		for (size_t i = 0; i < n; i++)
			at[from[i].first >> shift & (RADIX - 1)]++;
		for (unsigned d = 0; d < RADIX; d++) {
			uint32_t here = at[d];

			at[d] = sum;
			sum += here;
		}
		for (size_t i = 0; i < n; i++)
			to[at[from[i].first >> shift & (RADIX - 1)]++] = from[i];
		*run = to;
		*other = from;
	}
}

static enum err runs_sort(struct prefix_runs *r)
{
	struct prefix_run4 *other;

	if (r->count < 2 || is_sorted(r))
		return ERR_OK;
	if (r->run6) {
		qsort(r->run6, r->count, sizeof *r->run6, run6_order);
		return ERR_OK;
	}
	other = reallocarray(NULL, r->count, sizeof *other);
	if (!other)
		return ERR_NOMEM;
	radix_sort(&r->run4, &other, r->count);
	free(other);
	r->size = r->count;
	return ERR_OK;
}

/* ---- union and difference */

/* Sorted ranges become disjoint maximal runs, in place. */
static void runs_merge(struct prefix_runs *r, unsigned f)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++) {
		struct prefix_run6 x = run_at(r, i), last;

		if (n) {
			last = run_at(r, n - 1);
			/* touching ones are one run; nothing comes behind the last address */
			if (last.last == number_max(f) || x.first <= last.last + 1) {
				run_set(r, n - 1, last.first, x.last > last.last ? x.last : last.last);
				continue;
			}
		}
		run_set(r, n++, x.first, x.last);
	}
	r->count = n;
}

/* What is left of x when the runs of out are taken away; *at moves on with x. */
static enum err cut_one(
	const struct prefix_runs *out, size_t *at, struct prefix_run6 x, struct prefix_runs *ret, unsigned f)
{
	prefix_number first = x.first;
	enum err e;

	while (*at < out->count && run_at(out, *at).last < first)
		++*at;
	for (size_t i = *at; i < out->count && run_at(out, i).first <= x.last; i++) {
		struct prefix_run6 o = run_at(out, i);

		if (o.first > first) {
			e = runs_add(ret, f, first, o.first - 1);
			if (e != ERR_OK)
				return e;
		}
		if (o.last >= x.last)
			return ERR_OK;
		first = o.last + 1;
	}
	return runs_add(ret, f, first, x.last);
}

/* Both are sorted and disjoint. ret is empty at first, and on failure. */
static enum err runs_cut(
	const struct prefix_runs *in, const struct prefix_runs *out, struct prefix_runs *ret, unsigned f)
{
	size_t at = 0;

	for (size_t i = 0; i < in->count; i++) {
		enum err e = cut_one(out, &at, run_at(in, i), ret, f);

		if (e != ERR_OK) {
			runs_done(ret);
			return e;
		}
	}
	return ERR_OK;
}

/* ---- the set */

void prefix_set_done(struct prefix_set *s)
{
	for (unsigned f = 0; f < 2; f++) {
		runs_done(&s->in[f]);
		runs_done(&s->out[f]);
	}
	free(s->part);
	*s = (struct prefix_set){ 0 };
}

enum err prefix_set_add_range(struct prefix_set *s, const struct ipaddr *first, const struct ipaddr *last, bool is_out)
{
	unsigned f = family_index(first);
	prefix_number a = prefix_number_of(first), b = prefix_number_of(last);

	if (s->is_sealed)
		return ERR_DENIED;
	if (first->family == 0 || first->family != last->family || b < a)
		return ERR_SYNTAX;
	return runs_add(is_out ? &s->out[f] : &s->in[f], f, a, b);
}

enum err prefix_set_add(struct prefix_set *s, const struct prefix *p, bool is_out)
{
	struct ipaddr last = prefix_last(p);

	return prefix_set_add_range(s, &p->addr, &last, is_out);
}

static enum err seal_family(struct prefix_set *s, unsigned f)
{
	struct prefix_runs left = { 0 };
	enum err e = runs_sort(&s->in[f]);

	if (e == ERR_OK)
		e = runs_sort(&s->out[f]);
	if (e != ERR_OK)
		return e;
	runs_merge(&s->in[f], f);
	runs_merge(&s->out[f], f);
	if (s->out[f].count) {
		e = runs_cut(&s->in[f], &s->out[f], &left, f);
		if (e != ERR_OK)
			return e;
		runs_done(&s->in[f]);
		runs_done(&s->out[f]);
		s->in[f] = left;
	}
	if (s->in[f].count && runs_resize(&s->in[f], f, s->in[f].count) != ERR_OK)
		return ERR_NOMEM;
	return ERR_OK;
}

/* part[i]: how many runs end before i << 16. */
static enum err fill_parts(struct prefix_set *s)
{
	const struct prefix_runs *r = &s->in[0];
	size_t at = 0;

	if (r->count < PARTS_FROM)
		return ERR_OK;
	s->part = calloc(PREFIX_SET_PARTS + 1, sizeof *s->part);
	if (!s->part)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < PREFIX_SET_PARTS; i++) {
		while (at < r->count && r->run4[at].last < i << 16)
			at++;
		s->part[i] = (uint32_t)at;
	}
	s->part[PREFIX_SET_PARTS] = (uint32_t)r->count;
	return ERR_OK;
}

enum err prefix_set_seal(struct prefix_set *s)
{
	enum err e = ERR_OK;

	if (s->is_sealed)
		return ERR_OK;
	for (unsigned f = 0; f < 2 && e == ERR_OK; f++)
		e = seal_family(s, f);
	if (e == ERR_OK)
		e = fill_parts(s);
	s->is_sealed = e == ERR_OK;
	return e;
}

/* ---- of a sealed set */

/* The first run in [from, to) that ends at or after n; to when there is none. */
static size_t first_after(const struct prefix_runs *r, size_t from, size_t to, prefix_number n)
{
	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (run_at(r, mid).last < n)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool is_touched(const struct prefix_set *s, unsigned f, prefix_number first, prefix_number last)
{
	const struct prefix_runs *r = &s->in[f];
	size_t from = 0, to = r->count, i;

	if (!s->is_sealed || !to)
		return false;
	if (f == 0 && s->part) {
		from = s->part[first >> 16];
		to = s->part[(first >> 16) + 1];
	}
	i = first_after(r, from, to, first);
	/* the run that ends in a later part */
	return i < r->count && run_at(r, i).first <= last;
}

bool prefix_set_has(const struct prefix_set *s, const struct ipaddr *a)
{
	prefix_number n = prefix_number_of(a);

	return a->family && is_touched(s, family_index(a), n, n);
}

bool prefix_set_overlaps(const struct prefix_set *s, const struct prefix *p)
{
	struct ipaddr last = prefix_last(p);

	return p->addr.family &&
	       is_touched(s, family_index(&p->addr), prefix_number_of(&p->addr), prefix_number_of(&last));
}

/* The largest aligned block that begins at first and does not go beyond last: its length. */
static unsigned block_length(prefix_number first, prefix_number last, unsigned f)
{
	unsigned len = f ? 128 : 32;
	prefix_number size = 1;

	/* first is aligned to size: with the next bit 0 the double does not wrap */
	while (len > 0 && (first & size) == 0 && first + (size << 1) - 1 <= last) {
		size <<= 1;
		len--;
	}
	return len;
}

/* Cut the next prefix off the front of *x; false when that was the last. */
static bool next_prefix(struct prefix_run6 *x, unsigned f, struct prefix *ret)
{
	struct ipaddr a = prefix_number_addr(x->first, f), last;

	*ret = prefix_of(&a, block_length(x->first, x->last, f));
	last = prefix_last(ret);
	if (prefix_number_of(&last) == x->last)
		return false;
	x->first = prefix_number_of(&last) + 1;
	return true;
}

bool prefix_run_each(struct prefix_run6 x, unsigned f, prefix_set_fn fn, void *ctx)
{
	bool is_more = x.first <= x.last;
	struct prefix p;

	while (is_more) {
		is_more = next_prefix(&x, f, &p);
		if (!fn(ctx, &p))
			return false;
	}
	return true;
}

void prefix_set_each(const struct prefix_set *s, prefix_set_fn fn, void *ctx)
{
	for (unsigned f = 0; s->is_sealed && f < 2; f++)
		for (size_t i = 0; i < s->in[f].count; i++)
			if (!prefix_run_each(run_at(&s->in[f], i), f, fn, ctx))
				return;
}

/* n more units, at most UINT64_MAX. */
static void add_capped(uint64_t *sum, prefix_number n)
{
	*sum = n > UINT64_MAX - *sum ? UINT64_MAX : *sum + (uint64_t)n;
}

static void add_run(unsigned f, struct prefix_run6 x, uint64_t *ipv4, uint64_t *ipv6)
{
	if (f)
		add_capped(ipv6, (x.last >> 64) - (x.first >> 64) + 1);
	else
		add_capped(ipv4, x.last - x.first + 1);
}

static bool count_one(void *ctx, const struct prefix *p)
{
	size_t *n = ctx;

	(void)p;
	++*n;
	return true;
}

void prefix_set_sizes(const struct prefix_set *s, size_t *ret_prefixes, uint64_t *ret_ipv4, uint64_t *ret_ipv6)
{
	size_t n = 0;

	*ret_ipv4 = *ret_ipv6 = 0;
	for (unsigned f = 0; f < 2; f++)
		for (size_t i = 0; i < s->in[f].count; i++)
			add_run(f, run_at(&s->in[f], i), ret_ipv4, ret_ipv6);
	prefix_set_each(s, count_one, &n);
	*ret_prefixes = n;
}

/* Of x what the runs of b from *at on do not hold. */
static void missing_run(
	const struct prefix_runs *b, size_t *at, struct prefix_run6 x, unsigned f, uint64_t *ipv4, uint64_t *ipv6)
{
	while (*at < b->count && run_at(b, *at).last < x.first)
		++*at;
	for (size_t i = *at; i < b->count && run_at(b, i).first <= x.last; i++) {
		struct prefix_run6 o = run_at(b, i);

		if (o.first > x.first)
			add_run(f, (struct prefix_run6){ x.first, o.first - 1 }, ipv4, ipv6);
		if (o.last >= x.last)
			return;
		x.first = o.last + 1;
	}
	add_run(f, x, ipv4, ipv6);
}

void prefix_set_missing(const struct prefix_set *a, const struct prefix_set *b, uint64_t *ret_ipv4, uint64_t *ret_ipv6)
{
	*ret_ipv4 = *ret_ipv6 = 0;
	for (unsigned f = 0; f < 2; f++) {
		size_t at = 0;

		for (size_t i = 0; i < a->in[f].count; i++)
			missing_run(&b->in[f], &at, run_at(&a->in[f], i), f, ret_ipv4, ret_ipv6);
	}
}
