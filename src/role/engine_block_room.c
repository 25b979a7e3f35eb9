/*
 * engine_block_room: how many blocks there were, kept in the store, so that
 * the next start makes room for all of them at once, in large pages where the
 * kernel has them. A hint: where it is wrong or missing the index grows as the
 * blocks come.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/wire.h"

#define KEY "block-count"
#define LEAST 10000u /* below it makes no difference */

/* Large pages: a million blocks lie in 30,000 small ones, each of which costs a fault now and a walk later. */
static void ask_for_large_pages(void *memory, size_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = ((uintptr_t)memory + page - 1) / page * page;
	uintptr_t end = ((uintptr_t)memory + bytes) / page * page;

	if (end > first)
		(void)madvise(
			(char *)memory + (first - (uintptr_t)memory), end - first, MADV_HUGEPAGE); /* or small ones */
}

void engine_block_room_make(struct engine *e)
{
	uint8_t text[8];
	size_t n, bytes = 0;
	void *memory = NULL;
	struct rd r;

	if (store_get(e->store, TABLE_META, SLICE_LIT(KEY), text, sizeof text, &n) != ERR_OK)
		return;
	r = rd_init(text, n);
	e->blocks_noted = rd_u64(&r);
	if (!rd_end(&r))
		e->blocks_noted = 0;
	if (e->blocks_noted < LEAST || e->blocks_noted > store_pairs(e->store))
		return;
	if (block_index_reserve(&e->blocks, e->blocks_noted, &memory, &bytes) == ERR_OK && memory)
		ask_for_large_pages(memory, bytes);
}

void engine_block_room_note(struct engine *e)
{
	uint64_t n = block_index_count(&e->blocks), before = e->blocks_noted;
	uint8_t text[8];
	struct wr w = wr_init(text, sizeof text);

	if (n < LEAST)
		n = 0;
	if (n == before || (n && n < before + before / 8 && n > before - before / 8))
		return;
	wr_u64(&w, n);
	if (store_put(e->store, TABLE_META, SLICE_LIT(KEY), wr_slice(&w)))
		e->blocks_noted = n;
}
