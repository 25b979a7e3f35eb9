/*
 * line_split: a line that lies in one piece is not copied.
 * SPDX-License-Identifier: ISC
 */
#include "core/line_split.h"

void line_split_reset(struct line_split *s)
{
	s->n = 0;
	s->is_skipping = false;
}

static struct slice without_cr(struct slice line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* Add to the part; too long: skip to the next LF. */
static void part_add(struct line_split *s, struct slice more)
{
	if (s->is_skipping)
		return;
	if (more.n > LINE_SPLIT_MAX - s->n) {
		s->is_skipping = true;
		s->dropped++;
		return;
	}
	if (more.n)
		memcpy(s->part + s->n, more.p, more.n);
	s->n += more.n;
}

bool line_split_next(struct line_split *s, struct slice *in, struct slice *ret)
{
	while (in->n) {
		size_t i = slice_find(*in, '\n');
		struct slice line = slice_head(*in, i);
		bool is_whole = i < in->n, is_taken;

		*in = slice_from(*in, i + 1);
		if (is_whole && s->n == 0 && !s->is_skipping && line.n <= LINE_SPLIT_MAX) {
			*ret = without_cr(line);
			return true;
		}
		part_add(s, line);
		if (!is_whole)
			return false;
		*ret = without_cr(slice_of(s->part, s->n));
		is_taken = !s->is_skipping;
		line_split_reset(s);
		if (is_taken)
			return true;
	}
	return false;
}
