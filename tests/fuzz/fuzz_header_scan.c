/*
 * fuzz_header_scan: byte 0 cuts the rest into reads; the fields must not
 * depend on it, and every value stays within its bounds. Which fields are
 * wanted does not move the header's end.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/siphash.h"
#include "core/content_type.h"
#include "core/header_scan.h"

static void check(int ok)
{
	if (!ok)
		abort();
}

/* All fields, as one number. */
static uint64_t note(const struct header_scan *h, uint64_t sum)
{
	static const uint8_t key[SIPHASH_KEY] = { 1 };
	struct slice name = header_scan_name(h), value = header_scan_value(h);

	if (!h->has_field)
		return sum;
	check(name.n < HEADER_NAME && value.n < HEADER_VALUE && value.p[value.n] == '\0' && strlen(value.p) == value.n);
	return (sum + siphash64(key, name)) * 31 + siphash64(key, value) + (h->is_cut ? 1u : 0u);
}

static bool wants_short(struct slice name)
{
	return name.n < 8;
}

static uint64_t run(struct slice in, size_t step, bool (*wants)(struct slice), uint32_t *ret_bytes)
{
	static struct header_scan h;
	uint64_t sum = 1;
	size_t used = 0;

	header_scan_init(&h, wants);
	while (in.n && !h.is_done) {
		size_t n = header_scan_feed(&h, slice_head(in, step));

		check(n > 0 || h.has_field);
		used += n;
		sum = note(&h, sum);
		in = slice_from(in, n);
	}
	check(used == h.bytes && used <= HEADER_SCAN_MAX);
	header_scan_end(&h);
	check(h.is_done);
	*ret_bytes = h.bytes;
	return note(&h, sum) + used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct content_type t;
	struct slice in;
	uint32_t bytes, other;

	if (size < 1)
		return 0;
	in = slice_of(data + 1, size - 1);
	check(run(in, 1u + data[0], NULL, &bytes) == run(in, in.n + 1, NULL, &other) && bytes == other);
	check(run(in, 1u + data[0], wants_short, &other) == run(in, in.n + 1, wants_short, &other) && bytes == other);
	if (content_type_parse(in, &t) == ERR_OK)
		check(strchr(t.type, '/') != NULL && strlen(t.boundary) < CONTENT_TYPE_TEXT);
	return 0;
}
