/*
 * make_store: fills a store with live blocks, so that a bench can start with a
 * million of them.
 *     make_store FOLDER BLOCKS [sorted]
 * sorted: in the order of their keys, which is faster and makes a smaller store than life does.
 * SPDX-License-Identifier: ISC
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "address_of.h"
#include "core/record.h"
#include "io/store.h"

#define MAP_SIZE (UINT64_C(16) << 30)
#define FLUSH_EVERY 50000u
#define DAY_S 86400u

static void put_block(struct store *s, unsigned n, uint64_t now)
{
	struct record_block b = { .state = BLOCK_ACTIVE,
		.cause = CAUSE_HIT,
		.grade = GRADE_CONFIRMED,
		.offence = 2,
		.since = now,
		.until = now + DAY_S,
		.score = 10,
		.need = 10,
		.trap_id = 1,
		.last_trap_id = 1,
		.tag = "bench",
		.by = "limetwig" };
	uint8_t value[RECORD_VALUE], key[RECORD_KEY];
	struct wr w = wr_init(value, sizeof value);
	char text[64];

	blocked_subject(n, text);
	if (prefix_parse(slice_str(text), &b.subject) != ERR_OK)
		errx(1, "%s is no subject", text);
	(void)case_id_make(n, b.case_id);
	record_put_block(&w, &b);
	if (w.bad || store_put(s, TABLE_BLOCK, record_subject_key(&b.subject, key), wr_slice(&w)) == 0)
		errx(1, "block %u was not taken", n);
}

struct numbered {
	uint8_t key[RECORD_KEY];
	uint32_t n;
};

static int compare(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return memcmp(x->key, y->key, sizeof x->key);
}

/* The numbers of the blocks in the order in which they are put. */
static uint32_t *make_order(unsigned blocks, bool is_sorted)
{
	struct numbered *k = calloc(is_sorted ? blocks : 1, sizeof *k);
	uint32_t *order = calloc(blocks, sizeof *order);

	if (!k || !order)
		err(1, "calloc");
	for (unsigned n = 0; n < blocks; n++) {
		struct prefix subject;
		char text[64];

		order[n] = n;
		if (!is_sorted)
			continue;
		blocked_subject(n, text);
		if (prefix_parse(slice_str(text), &subject) != ERR_OK)
			errx(1, "%s is no subject", text);
		(void)record_subject_key(&subject, k[n].key);
		k[n].n = n;
	}
	if (is_sorted)
		qsort(k, blocks, sizeof *k, compare);
	for (unsigned n = 0; is_sorted && n < blocks; n++)
		order[n] = k[n].n;
	free(k);
	return order;
}

int main(int argc, char **argv)
{
	unsigned long blocks = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	bool is_sorted = argc == 4 && strcmp(argv[3], "sorted") == 0;
	uint64_t now = (uint64_t)time(NULL);
	uint32_t *order;
	struct store *s;
	char text[512];

	if (argc != 3 + is_sorted || blocks == 0 || blocks > 20000000)
		errx(2, "usage: make_store FOLDER BLOCKS [sorted]");
	order = make_order((unsigned)blocks, is_sorted);
	if (store_open(argv[1], MAP_SIZE, &s, text, sizeof text) != ERR_OK)
		errx(1, "%s", text);
	for (unsigned n = 0; n < blocks; n++) {
		put_block(s, order[n], now);
		if (n % FLUSH_EVERY == FLUSH_EVERY - 1 && store_flush(s) != ERR_OK)
			errx(1, "the store is full");
	}
	if (store_flush(s) != ERR_OK)
		errx(1, "the store is full");
	store_close(s);
	free(order);
	return 0;
}
