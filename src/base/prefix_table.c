/*
 * prefix_table: a sweep over the sorted prefixes with a stack of open ones
 * cuts them into disjoint ranges, the longest winning.
 * SPDX-License-Identifier: ISC
 */
#include "base/prefix_table.h"

#include "base/array.h"

#include <stdint.h>
#include <stdlib.h>

void prefix_table_init(struct prefix_table *t)
{
	*t = (struct prefix_table){ 0 };
}

static void drop_ranges(struct prefix_table *t)
{
	for (int f = 0; f < 2; f++) {
		free(t->range[f]);
		t->range[f] = NULL;
		t->ranges[f] = 0;
	}
}

void prefix_table_done(struct prefix_table *t)
{
	free(t->item);
	drop_ranges(t);
	*t = (struct prefix_table){ 0 };
}

enum err prefix_table_add(struct prefix_table *t, const struct prefix *p, uint32_t value)
{
	void *item = t->item;
	enum err e =
		t->is_sealed ? ERR_DENIED : array_grow(&item, t->items, &t->size, sizeof *t->item, PREFIX_TABLE_MAX);

	if (e != ERR_OK)
		return e;
	t->item = item;
	t->item[t->items++] = (struct prefix_item){ *p, value };
	return ERR_OK;
}

/* Order: by family, start, then the shorter prefix first; of one prefix twice the larger value last. */
static int item_order(const void *a, const void *b)
{
	const struct prefix_item *x = a, *y = b;
	int c;

	if (x->prefix.addr.family != y->prefix.addr.family)
		return x->prefix.addr.family < y->prefix.addr.family ? -1 : 1;
	c = memcmp(x->prefix.addr.b, y->prefix.addr.b, 16);
	if (c)
		return c;
	if (x->prefix.len != y->prefix.len)
		return x->prefix.len < y->prefix.len ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

/* +1 or -1 on the family's bytes; false when it wraps. */
static bool bytes_step(uint8_t b[16], unsigned bytes, bool is_up)
{
	for (unsigned i = bytes; i > 0; i--) {
		b[i - 1] = (uint8_t)(is_up ? b[i - 1] + 1 : b[i - 1] - 1);
		if (b[i - 1] != (is_up ? 0 : 0xff))
			return true;
	}
	return false;
}

struct sweep {
	struct prefix_range *out;
	size_t n;
	struct prefix_range open[129]; /* nested prefixes: at most one per length */
	size_t depth;
	uint8_t next[16]; /* first address not yet written */
	bool is_over;     /* next wrapped: nothing is left above */
	unsigned bytes;
};

static void sweep_emit(struct sweep *w, const uint8_t last[16], uint32_t value)
{
	if (w->is_over || memcmp(w->next, last, 16) > 0)
		return;
	w->out[w->n].value = value;
	memcpy(w->out[w->n].first, w->next, 16);
	memcpy(w->out[w->n].last, last, 16);
	w->n++;
	memcpy(w->next, last, 16);
	w->is_over = !bytes_step(w->next, w->bytes, true);
}

/* Close every open prefix that ends before start (NULL: all). */
static void sweep_close(struct sweep *w, const uint8_t *start)
{
	while (w->depth) {
		struct prefix_range *top = &w->open[w->depth - 1];

		if (start && memcmp(top->last, start, 16) >= 0)
			break;
		sweep_emit(w, top->last, top->value);
		w->depth--;
	}
}

static void sweep_item(struct sweep *w, const struct prefix_item *it)
{
	struct prefix_range r = { .value = it->value };
	struct ipaddr last = prefix_last(&it->prefix);

	memcpy(r.first, it->prefix.addr.b, 16);
	memcpy(r.last, last.b, 16);
	sweep_close(w, r.first);
	if (w->depth) {
		uint8_t before[16];

		memcpy(before, r.first, 16);
		if (bytes_step(before, w->bytes, false))
			sweep_emit(w, before, w->open[w->depth - 1].value);
		if (memcmp(w->open[w->depth - 1].first, r.first, 16) == 0 &&
			memcmp(w->open[w->depth - 1].last, r.last, 16) == 0)
			w->depth--; /* the same prefix again, with a larger value */
	}
	memcpy(w->next, r.first, 16);
	w->is_over = false;
	w->open[w->depth++] = r;
}

static enum err seal_family(struct prefix_table *t, int f)
{
	struct sweep w = { .bytes = f ? 16 : 4 };
	size_t n = 0;

	for (size_t i = 0; i < t->items; i++)
		n += t->item[i].prefix.addr.family == (f ? 6 : 4);
	if (n == 0)
		return ERR_OK;
	w.out = calloc(n * 2 + 1, sizeof *w.out);
	if (!w.out)
		return ERR_NOMEM;
	for (size_t i = 0; i < t->items; i++)
		if (t->item[i].prefix.addr.family == (f ? 6 : 4))
			sweep_item(&w, &t->item[i]);
	sweep_close(&w, NULL);
	t->range[f] = w.out;
	t->ranges[f] = w.n;
	return ERR_OK;
}

enum err prefix_table_seal(struct prefix_table *t)
{
	enum err e = ERR_OK;

	if (t->is_sealed)
		return ERR_OK;
	if (t->items)
		qsort(t->item, t->items, sizeof *t->item, item_order);
	for (int f = 0; f < 2 && e == ERR_OK; f++)
		e = seal_family(t, f);
	if (e != ERR_OK) {
		drop_ranges(t);
		return e;
	}
	free(t->item);
	t->item = NULL;
	t->size = 0;
	t->is_sealed = true;
	return ERR_OK;
}

bool prefix_table_find(const struct prefix_table *t, const struct ipaddr *a, uint32_t *ret_value)
{
	int f = a->family == 6;
	size_t lo = 0, hi;

	if (!t->is_sealed || a->family == 0)
		return false;
	for (hi = t->ranges[f]; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		const struct prefix_range *r = &t->range[f][mid];

		if (memcmp(a->b, r->first, 16) < 0) {
			hi = mid;
		} else if (memcmp(a->b, r->last, 16) > 0) {
			lo = mid + 1;
		} else {
			*ret_value = r->value;
			return true;
		}
	}
	return false;
}

bool prefix_table_overlaps(const struct prefix_table *t, const struct prefix *p)
{
	int f = p->addr.family == 6;
	struct ipaddr end = prefix_last(p);
	size_t lo = 0, hi;

	if (!t->is_sealed || p->addr.family == 0)
		return false;
	for (hi = t->ranges[f]; lo < hi;) { /* the first range that does not end before p */
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(t->range[f][mid].last, p->addr.b, 16) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->ranges[f] && memcmp(t->range[f][lo].first, end.b, 16) <= 0;
}
