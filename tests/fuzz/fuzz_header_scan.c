/*
 * fuzz_header_scan: byte 0 cuts the rest into reads; the result must not
 * depend on it, and every value stays within its bounds.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/content_type.h"
#include "core/header_scan.h"

static void check(int ok)
{
	if (!ok)
		abort();
}

static void run(struct slice in, size_t step, struct header_scan *h)
{
	size_t used = 0;

	header_scan_init(h);
	for (; in.n; in = slice_from(in, step))
		used += header_scan_feed(h, slice_head(in, step));
	check(used == h->bytes && used <= HEADER_SCAN_MAX);
	header_scan_end(h);
	check(h->is_done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct header_scan whole, split;
	struct content_type t;
	struct slice in;

	if (size < 1)
		return 0;
	in = slice_of(data + 1, size - 1);
	run(in, 1 + data[0], &split);
	run(in, in.n + 1, &whole);
	for (int f = 0; f < HEADER_COUNT; f++) {
		struct slice v = header_scan_value(&whole, (enum header_field)f);

		check(v.n < HEADER_VALUE && v.p[v.n] == '\0' && strlen(v.p) == v.n);
		check(slice_eq(v, header_scan_value(&split, (enum header_field)f)));
		check(whole.value[f].times == split.value[f].times && whole.value[f].is_cut == split.value[f].is_cut);
	}
	if (content_type_parse(in, &t) == ERR_OK)
		check(strchr(t.type, '/') != NULL && strlen(t.boundary) < CONTENT_TYPE_TEXT);
	return 0;
}
