/*
 * map_set: sort once, then walk two sorted texts side by side.
 * SPDX-License-Identifier: ISC
 */
#include "core/map_set.h"

#include <stdlib.h>

struct line {
	struct slice key, whole; /* whole: without LF */
};

static int compare_keys(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n ? memcmp(a.p, b.p, n) : 0;

	return d != 0 ? d : (a.n > b.n) - (a.n < b.n);
}

static int compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int d = compare_keys(x->key, y->key);

	/* equal keys keep their order: lines of one text are ordered by address */
	return d != 0 ? d : (x->whole.p > y->whole.p) - (x->whole.p < y->whole.p);
}

static bool next_line(struct slice *text, struct line *ret)
{
	while (slice_line(text, &ret->whole)) {
		ret->key = slice_head(ret->whole, slice_find(ret->whole, '\t'));
		if (ret->key.n)
			return true;
	}
	return false;
}

static enum err add_line(struct buf *to, struct slice line)
{
	enum err e = buf_add(to, line);

	return e == ERR_OK ? buf_add_char(to, '\n') : e;
}

static size_t count_lines(struct slice text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

enum err map_set_sort(struct slice lines, struct buf *to)
{
	struct line *l = calloc(count_lines(lines), sizeof *l);
	enum err e = l ? ERR_OK : ERR_NOMEM;
	size_t n = 0;

	buf_reset(to);
	while (l && next_line(&lines, &l[n]))
		n++;
	if (n)
		qsort(l, n, sizeof *l, compare);
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		if (i + 1 == n || !slice_eq(l[i].key, l[i + 1].key))
			e = add_line(to, l[i].whole);
	free(l);
	return e;
}

static bool is_removal(const struct line *l)
{
	return l->key.n == l->whole.n;
}

enum err map_set_merge(struct slice set, struct slice changes, struct buf *to)
{
	struct line a, b;
	bool has_a = next_line(&set, &a), has_b = next_line(&changes, &b);
	enum err e = ERR_OK;

	buf_reset(to);
	while (e == ERR_OK && (has_a || has_b)) {
		int d = !has_a ? 1 : !has_b ? -1 : compare_keys(a.key, b.key);

		if (d < 0)
			e = add_line(to, a.whole);
		else if (!is_removal(&b))
			e = add_line(to, b.whole);
		if (d <= 0)
			has_a = next_line(&set, &a);
		if (d >= 0)
			has_b = next_line(&changes, &b);
	}
	return e;
}

enum err map_set_diff(struct slice from, struct slice to, struct buf *changes, size_t *ret_n)
{
	struct line a, b;
	bool has_a = next_line(&from, &a), has_b = next_line(&to, &b);
	enum err e = ERR_OK;
	size_t n = 0;

	buf_reset(changes);
	while (e == ERR_OK && (has_a || has_b)) {
		int d = !has_a ? 1 : !has_b ? -1 : compare_keys(a.key, b.key);
		bool is_same = d == 0 && slice_eq(a.whole, b.whole);

		if (!is_same) {
			e = add_line(changes, d < 0 ? a.key : b.whole);
			n++;
		}
		if (d <= 0)
			has_a = next_line(&from, &a);
		if (d >= 0)
			has_b = next_line(&to, &b);
	}
	if (e == ERR_OK)
		*ret_n = n;
	return e;
}
