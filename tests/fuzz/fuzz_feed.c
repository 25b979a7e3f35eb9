/*
 * fuzz_feed: bytes as a list in the format of the first byte. Whatever is an
 * entry must be one family, in order, and found in the set; what was taken out
 * must not be.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/prefix_set.h"
#include "core/feed_line.h"

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void must_hold(const struct prefix_set *s, struct slice text, enum feed_format f)
{
	struct prefix_set out = { 0 };
	struct slice line, rest = text;
	struct feed_line l;

	for (unsigned n = 1; slice_line(&rest, &line); n++) {
		feed_line_parse(f, line, n, &l);
		if (l.kind == FEED_ENTRY && l.is_out)
			must(prefix_set_add_range(&out, &l.first, &l.last, false) == ERR_OK);
	}
	must(prefix_set_seal(&out) == ERR_OK);
	rest = text;
	for (unsigned n = 1; slice_line(&rest, &line); n++) {
		feed_line_parse(f, line, n, &l);
		if (l.kind != FEED_ENTRY)
			continue;
		must(prefix_set_has(s, &l.first) == (!l.is_out && !prefix_set_has(&out, &l.first)) || l.is_out);
		must(!l.is_out || !prefix_set_has(s, &l.last));
	}
	prefix_set_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size), rest, line;
	struct prefix_set s = { 0 };
	enum feed_format f;
	struct feed_line l;

	if (size < 1)
		return 0;
	text = slice_from(text, 1);
	f = data[0] % FEED_FORMATS;
	if (f == FEED_AUTO)
		f = feed_format_guess(text);
	rest = text;
	for (unsigned n = 1; slice_line(&rest, &line); n++) {
		feed_line_parse(f, line, n, &l);
		must((l.kind == FEED_REFUSED) == (l.reason != NULL));
		if (l.kind == FEED_ENTRY)
			must(prefix_set_add_range(&s, &l.first, &l.last, l.is_out) == ERR_OK);
	}
	must(prefix_set_seal(&s) == ERR_OK);
	must_hold(&s, text, f);
	prefix_set_done(&s);
	return 0;
}
