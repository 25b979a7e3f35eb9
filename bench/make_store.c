/*
 * make_store: fills a store with live blocks, so that a bench can start with a
 * million of them.
 *     make_store FOLDER BLOCKS
 * SPDX-License-Identifier: ISC
 */
#include <err.h>
#include <stdlib.h>
#include <time.h>

#include "address_of.h"
#include "core/record.h"
#include "io/store.h"

#define MAP_SIZE (UINT64_C(4) << 30)
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

int main(int argc, char **argv)
{
	unsigned long blocks = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t now = (uint64_t)time(NULL);
	struct store *s;
	char text[512];

	if (argc != 3 || blocks > 20000000)
		errx(2, "usage: make_store FOLDER BLOCKS");
	if (store_open(argv[1], MAP_SIZE, &s, text, sizeof text) != ERR_OK)
		errx(1, "%s", text);
	for (unsigned n = 0; n < blocks; n++) {
		put_block(s, n, now);
		if (n % FLUSH_EVERY == FLUSH_EVERY - 1 && store_flush(s) != ERR_OK)
			errx(1, "the store is full");
	}
	if (store_flush(s) != ERR_OK)
		errx(1, "the store is full");
	store_close(s);
	return 0;
}
