/*
 * fuzz_feed_keep: bytes as a kept set; and, as nobody guesses a checksum, with
 * a right one in front of an area of somebody's.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/feed_keep.h"

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void use(const uint8_t *file, size_t n)
{
	struct prefix_set s = { 0 };
	struct feed_keep k;
	struct feed_area a;
	struct slice area;

	if (feed_keep_read(slice_of(file, n), &k, &area) != ERR_OK)
		return;
	must(area.n == n - FEED_KEEP_HEAD);
	must(memchr(k.tag, 0, sizeof k.tag) && memchr(k.modified, 0, sizeof k.modified) &&
		memchr(k.text, 0, sizeof k.text));
	if (feed_area_open(&a, area.p, area.n) == ERR_OK)
		must(feed_area_add_to(&a, &s) == ERR_OK && prefix_set_seal(&s) == ERR_OK);
	prefix_set_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed_keep k = { .time = size };
	uint8_t *file = malloc(FEED_KEEP_HEAD + size);

	must(file != NULL);
	memcpy(file + FEED_KEEP_HEAD, data, size);
	use(file + FEED_KEEP_HEAD, size);
	memcpy(k.key, data, size < sizeof k.key ? size : sizeof k.key);
	feed_keep_write(&k, slice_of(file + FEED_KEEP_HEAD, size), file);
	must(feed_keep_read(slice_of(file, FEED_KEEP_HEAD + size), &k, &(struct slice){ 0 }) == ERR_OK);
	use(file, FEED_KEEP_HEAD + size);
	free(file);
	return 0;
}
