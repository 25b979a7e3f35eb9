/*
 * fuzz_export: whatever stands in the memory that the engine hands over, the
 * list that comes out is sorted and disjoint, and each format writes it. And
 * the head of a file in which a serial may stand.
 * SPDX-License-Identifier: ISC
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/export_format.h"

#define BITS SHARE_BITS_MIN
#define NOW 1000u
#define ENTRIES 50 /* of one format: a /8 in a zone is many names */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf conf;

struct check {
	struct prefix last;
	bool has_last;
	struct export_writer w;
	unsigned left;
};

static bool take(void *ctx, const struct export_entry *e)
{
	struct check *c = ctx;
	struct ipaddr last = prefix_last(&c->last);

	if (c->has_last && c->last.addr.family == e->prefix.addr.family &&
		prefix_number_of(&last) >= prefix_number_of(&e->prefix.addr))
		abort();
	if (c->has_last && c->last.addr.family > e->prefix.addr.family)
		abort();
	c->last = e->prefix;
	c->has_last = true;
	if (!export_format_entry(&c->w, e) && c->w.err != ERR_LIMIT)
		abort();
	if (c->w.to->n > 65536)
		buf_reset(c->w.to);
	return --c->left > 0;
}

static void add_blocks(struct export_source *s, const uint8_t *data, size_t size)
{
	static uint64_t area[(1u << BITS) * 6 + 12];
	static struct block_entry got[SHARE_WALK];
	static const uint8_t key[SIPHASH_KEY];
	struct block_walk w = { .is_begun = false };
	struct block_share share;
	struct block_view v;
	size_t n = 0;

	memset(area, 0, sizeof area);
	block_share_init(&share, area, BITS, key);
	memcpy(area + 12, data, size < sizeof area - 96 ? size : sizeof area - 96);
	if (block_view_init(&v, area, sizeof area) != ERR_OK)
		abort();
	while (block_view_walk(&v, &w, got, &n) == ERR_OK)
		if (export_source_blocks(s, got, n) != ERR_OK)
			abort();
}

static void add_feed(struct export_source *s, const uint8_t *data, size_t size, bool is_holes)
{
	void *memory = aligned_alloc(64, (size + 127) / 64 * 64);
	struct feed_area a;

	if (!memory)
		abort();
	memcpy(memory, data, size);
	if (feed_area_open(&a, memory, size) == ERR_OK &&
		(is_holes ? export_source_holes(s, &a) : export_source_feed(s, &a, "feed", 3)) != ERR_OK)
		abort();
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct export_source s = { .now = NOW };
	size_t half = size / 2;
	struct export_site site;
	struct buf b;

	if (!conf.dnsbl.zone[0]) {
		conf_defaults(&conf);
		memcpy(conf.dnsbl.zone, "bl.example", sizeof "bl.example");
	}
	(void)export_serial_read(slice_of(data, size));
	add_blocks(&s, data, half);
	add_feed(&s, data + half, size - half, false);
	add_feed(&s, data, half, true);
	if (export_source_seal(&s) != ERR_OK)
		abort();
	buf_init(&b, 1u << 17);
	for (enum conf_export_format f = EXPORT_PLAIN; f <= EXPORT_JSON; f++) {
		struct check c = { .left = ENTRIES };

		if (!export_site_init(&site, &conf, f, "fuzz", "", NOW, 1))
			abort();
		buf_reset(&b);
		export_format_begin(&c.w, f, &site, &b);
		export_list_each(&s, export_form_of(f)->is_set, take, &c);
		if (export_format_end(&c.w) != ERR_OK && c.w.err != ERR_LIMIT)
			abort();
	}
	buf_done(&b);
	export_source_done(&s);
	return 0;
}
