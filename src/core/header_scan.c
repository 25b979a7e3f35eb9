/*
 * header_scan: a state machine over bytes; values are taken a line at a time.
 *
 *   state   LF             blank/tab             ":"         other
 *   LINE    end (empty)    VALUE (folded)        end         NAME
 *   NAME    end (broken)   NAME                  VALUE       NAME
 *   VALUE   LINE           VALUE                 VALUE       VALUE
 *
 * A blank at LINE continues the field before; in the first line it is broken.
 * SPDX-License-Identifier: ISC
 */
#include "core/header_scan.h"

enum state { STATE_LINE, STATE_NAME, STATE_VALUE };

void header_scan_init(struct header_scan *h)
{
	h->is_done = h->has_field = h->is_cut = h->had_cr = h->is_open = false;
	h->bytes = 0;
	h->state = STATE_LINE;
	h->name_n = 0;
	h->value_n = 0;
}

static void clear_field(struct header_scan *h)
{
	h->has_field = h->is_cut = h->is_open = false;
	h->name_n = 0;
	h->value_n = 0;
}

/* The field is whole: trim what is known of it. */
static void show_field(struct header_scan *h)
{
	while (h->value_n && h->value[h->value_n - 1] == ' ')
		h->value_n--;
	h->value[h->value_n] = '\0';
	while (h->name_n && (h->name[h->name_n - 1] == ' ' || h->name[h->name_n - 1] == '\t'))
		h->name_n--;
	if (h->name_n == HEADER_NAME)
		h->name_n = 0;
	h->is_open = false;
	h->has_field = true;
}

static void finish(struct header_scan *h)
{
	if (h->is_open || h->state == STATE_VALUE)
		show_field(h);
	h->is_done = true;
}

static void add_value(struct header_scan *h, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i] == '\t' ? ' ' : s.p[i];

		if (c == ' ' && h->value_n == 0)
			continue;
		if (h->value_n + 1u >= HEADER_VALUE) {
			h->is_cut = true;
			return;
		}
		h->value[h->value_n++] = (unsigned char)c < ' ' || c == 127 ? '?' : c;
	}
}

/* The rest of a line, as far as it is here; returns the bytes taken. */
static size_t feed_value(struct header_scan *h, struct slice s)
{
	size_t n = slice_find(s, '\n');
	struct slice line = slice_head(s, n);
	bool is_whole = n < s.n;

	if (h->had_cr && line.n) /* a CR that no LF follows is a byte like any other */
		add_value(h, SLICE_LIT("\r"));
	if (line.n)
		h->had_cr = false;
	if (line.n && line.p[line.n - 1] == '\r') {
		h->had_cr = true;
		line.n--;
	}
	add_value(h, line);
	if (is_whole) {
		h->had_cr = false;
		h->is_open = true;
		h->state = STATE_LINE;
	}
	return is_whole ? n + 1 : n;
}

static void add_name(struct header_scan *h, char c)
{
	if (h->name_n < HEADER_NAME)
		h->name[h->name_n++] = ascii_lower(c);
}

static void feed_name(struct header_scan *h, char c)
{
	if (c == '\n') {
		finish(h);
		return;
	}
	if (h->had_cr)
		add_name(h, '\r');
	h->had_cr = c == '\r';
	if (c == ':')
		h->state = STATE_VALUE;
	else if (!h->had_cr)
		add_name(h, c);
}

/* The first byte of a line with no field open: an empty line, a name, or the end. */
static void start_line(struct header_scan *h, char c)
{
	if (c == '\n' || (!h->had_cr && (c == ':' || c == ' ' || c == '\t'))) {
		finish(h);
		return;
	}
	if (c == '\r' && !h->had_cr) {
		h->had_cr = true;
		return;
	}
	h->state = STATE_NAME;
	feed_name(h, c);
}

static size_t feed_line(struct header_scan *h, char c)
{
	if (!h->is_open) {
		start_line(h, c);
		return 1;
	}
	if (c == ' ' || c == '\t') {
		h->is_open = false;
		h->state = STATE_VALUE;
		add_value(h, SLICE_LIT(" "));
		return 1;
	}
	if (c == '\n')
		finish(h);
	else
		show_field(h);
	return c == '\n';
}

size_t header_scan_feed(struct header_scan *h, struct slice s)
{
	size_t i = 0;

	if (h->has_field)
		clear_field(h);
	s = slice_head(s, HEADER_SCAN_MAX - h->bytes);
	while (i < s.n && !h->is_done && !h->has_field) {
		size_t n = 1;

		if (h->state == STATE_VALUE)
			n = feed_value(h, slice_from(s, i));
		else if (h->state == STATE_NAME)
			feed_name(h, s.p[i]);
		else
			n = feed_line(h, s.p[i]);
		i += n;
	}
	h->bytes += (uint32_t)i;
	if (h->bytes >= HEADER_SCAN_MAX && !h->is_done && !h->has_field)
		finish(h);
	return i;
}

void header_scan_end(struct header_scan *h)
{
	if (h->has_field)
		clear_field(h);
	if (!h->is_done)
		finish(h);
}
