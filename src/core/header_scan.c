/*
 * header_scan: a state machine over bytes; values are taken a line at a time.
 *
 *   state   LF             blank/tab             ":"         other
 *   LINE    end (empty)    VALUE (folded)        end         NAME
 *   NAME    end (broken)   NAME                  VALUE       NAME
 *   VALUE   LINE           VALUE                 VALUE       VALUE
 *
 * A blank at LINE continues the field before; in the first line it is broken.
 * Behind HEADER_LINES lines only an empty line is looked for: REST_LINE is the
 * start of a line, REST inside of one.
 * SPDX-License-Identifier: ISC
 */
#include "core/header_scan.h"

#define NEAR 16 /* bytes looked at one by one */

enum state { STATE_LINE, STATE_NAME, STATE_VALUE, STATE_REST_LINE, STATE_REST };

void header_scan_init(struct header_scan *h, bool (*wants)(struct slice name))
{
	h->is_done = h->has_field = h->is_cut = h->had_cr = h->is_open = h->is_skipped = false;
	h->bytes = h->lines = 0;
	h->wants = wants;
	h->state = STATE_LINE;
	h->name_n = 0;
	h->value_n = 0;
}

static bool wants_none(struct slice name)
{
	(void)name;
	return false;
}

void header_scan_skip_rest(struct header_scan *h)
{
	h->wants = wants_none;
}

static void clear_field(struct header_scan *h)
{
	h->has_field = h->is_cut = h->is_open = h->is_skipped = false;
	h->name_n = 0;
	h->value_n = 0;
}

/* The name is whole: is its value worth keeping? */
static void end_name(struct header_scan *h)
{
	while (h->name_n && (h->name[h->name_n - 1] == ' ' || h->name[h->name_n - 1] == '\t'))
		h->name_n--;
	if (h->name_n == HEADER_NAME)
		h->name_n = 0;
	h->is_skipped = h->wants && !h->wants(header_scan_name(h));
	h->state = STATE_VALUE;
}

/* The field is whole. */
static void end_field(struct header_scan *h)
{
	if (h->is_skipped) {
		clear_field(h);
		return;
	}
	while (h->value_n && h->value[h->value_n - 1] == ' ')
		h->value_n--;
	h->value[h->value_n] = '\0';
	h->is_open = false;
	h->has_field = true;
}

static void finish(struct header_scan *h)
{
	if (h->is_open || h->state == STATE_VALUE)
		end_field(h);
	h->is_done = true;
}

static void add_value(struct header_scan *h, struct slice s)
{
	if (h->is_skipped || h->is_cut)
		return;
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
	size_t n = s.p[0] == '\n' ? 0 : slice_find(s, '\n');
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
		h->lines++;
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

/* The rest of a name, as far as it is here; returns the bytes taken. */
static size_t feed_name(struct header_scan *h, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\n') {
			finish(h);
			return i + 1;
		}
		if (h->had_cr)
			add_name(h, '\r');
		h->had_cr = c == '\r';
		if (c == ':') {
			end_name(h);
			return i + 1;
		}
		if (!h->had_cr)
			add_name(h, c);
	}
	return s.n;
}

/* A line with no field open: an empty line, a name, or the end. Returns the bytes taken. */
static size_t start_line(struct header_scan *h, struct slice s)
{
	char c = s.p[0];

	if (c == '\n' || (!h->had_cr && (c == ':' || c == ' ' || c == '\t'))) {
		finish(h);
		return 1;
	}
	if (c == '\r' && !h->had_cr) {
		h->had_cr = true;
		return 1;
	}
	h->state = STATE_NAME;
	return feed_name(h, s);
}

static size_t feed_line(struct header_scan *h, struct slice s)
{
	char c = s.p[0];

	if (!h->is_open)
		return start_line(h, s);
	if (c == ' ' || c == '\t') {
		h->is_open = false;
		h->state = STATE_VALUE;
		add_value(h, SLICE_LIT(" "));
		return 1;
	}
	if (c == '\n')
		finish(h);
	else
		end_field(h);
	return c == '\n';
}

/* Where the line at i ends. A call for each of 30,000 lines of one byte would cost more than the bytes. */
static size_t end_of_line(struct slice s, size_t i)
{
	size_t near = s.n - i < NEAR ? s.n : i + NEAR;

	while (i < near && s.p[i] != '\n')
		i++;
	return i < near ? i : i + slice_find(slice_from(s, i), '\n');
}

static size_t feed_rest(struct header_scan *h, struct slice s)
{
	size_t i = 0;

	while (i < s.n) {
		if (h->state == STATE_REST_LINE && s.p[i] == '\n') {
			finish(h);
			return i + 1;
		}
		if (h->state == STATE_REST_LINE && s.p[i] == '\r' && !h->had_cr) {
			h->had_cr = true;
			i++;
			continue;
		}
		h->had_cr = false;
		i = end_of_line(s, i);
		h->state = i < s.n ? STATE_REST_LINE : STATE_REST;
		i += i < s.n;
	}
	return i;
}

/* The header is too long to be looked at any more; what is open is whole. */
static void begin_rest(struct header_scan *h)
{
	if (h->is_open)
		end_field(h);
	h->state = STATE_REST_LINE;
}

size_t header_scan_feed(struct header_scan *h, struct slice s)
{
	size_t i = 0;

	if (h->has_field)
		clear_field(h);
	s = slice_head(s, HEADER_SCAN_MAX - h->bytes);
	while (i < s.n && !h->is_done && !h->has_field) {
		struct slice rest = slice_from(s, i);

		if (h->state == STATE_REST_LINE || h->state == STATE_REST)
			i += feed_rest(h, rest);
		else if (h->state == STATE_LINE && h->lines >= HEADER_LINES)
			begin_rest(h);
		else if (h->state == STATE_VALUE)
			i += feed_value(h, rest);
		else if (h->state == STATE_NAME)
			i += feed_name(h, rest);
		else
			i += feed_line(h, rest);
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
