/*
 * fuzz_feed_area: the first byte tells whether the rest is an area of
 * somebody's, or ranges of which one is made and compared with the set.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/feed_area.h"

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static bool some(void *ctx, const struct prefix *p)
{
	unsigned *left = ctx;

	must(p->len <= ipaddr_bits(&p->addr));
	return --*left > 0;
}

static void search(const struct feed_area *a, const uint8_t *data, size_t size)
{
	unsigned left = 10000;

	for (size_t i = 0; i + 17 <= size; i += 16) {
		struct ipaddr c = { .family = data[i] % 2 ? 6 : 4 };
		struct prefix p, q;

		memcpy(c.b, data + i + 1, ipaddr_bits(&c) / 8);
		q = prefix_of(&c, data[i] / 2);
		if (feed_area_find(a, &c, &p))
			must(prefix_has(&p, &c));
		(void)feed_area_overlaps(a, &q);
	}
	feed_area_each(a, some, &left);
}

/* The copy is as long as the input, so that a byte too far is seen. */
static void use_foreign(const uint8_t *data, size_t size)
{
	void *copy = malloc(size ? size : 1);
	struct prefix_set s = { 0 };
	struct feed_area a;

	must(copy != NULL);
	memcpy(copy, data, size);
	if (feed_area_open(&a, copy, size) == ERR_OK) {
		search(&a, data, size);
		must(feed_area_add_to(&a, &s) == ERR_OK && prefix_set_seal(&s) == ERR_OK);
	}
	prefix_set_done(&s);
	free(copy);
}

static void use_own(const uint8_t *data, size_t size)
{
	struct prefix_set s = { 0 };
	struct feed_area a;
	void *memory;

	for (size_t i = 0; i + 6 <= size; i += 6) {
		struct ipaddr c = { .family = data[i] % 2 ? 6 : 4 };
		struct prefix p;

		memcpy(c.b, data + i + 1, 4);
		p = prefix_of(&c, data[i + 5]);
		must(prefix_set_add(&s, &p, data[i] & 2) == ERR_OK);
	}
	must(prefix_set_seal(&s) == ERR_OK);
	memory = calloc(1, feed_area_bytes(&s));
	must(memory != NULL);
	feed_area_write(&s, memory);
	must(feed_area_open(&a, memory, feed_area_bytes(&s)) == ERR_OK);
	for (size_t i = 0; i + 6 <= size; i++) {
		struct ipaddr c = { .family = data[i] % 2 ? 6 : 4 };

		memcpy(c.b, data + i + 1, 4);
		must(feed_area_find(&a, &c, NULL) == prefix_set_has(&s, &c));
	}
	free(memory);
	prefix_set_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] % 2)
		use_foreign(data + 1, size - 1);
	else if (size)
		use_own(data + 1, size - 1);
	return 0;
}
