/*
 * test_engine_block_room: room for the blocks of the last run is there before
 * they are read; a wrong number does no harm.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine.h"

#define BLOCKS 12000u
#define HINT SLICE_LIT("block-count")

static struct engine *engine(void)
{
	return rig.host.ctx;
}

static void store_blocks(unsigned n)
{
	uint64_t now = clock_wall_s();

	for (unsigned i = 0; i < n; i++) {
		struct record_block b = {
			.state = BLOCK_ACTIVE, .cause = CAUSE_HIT, .offence = 1, .since = now, .until = now + 86400
		};
		uint8_t value[RECORD_VALUE], key[RECORD_KEY];
		struct wr w = wr_init(value, sizeof value);
		char text[32];

		(void)snprintf(text, sizeof text, "198.18.%u.%u", i / 256, i % 256);
		assert_int_equal(prefix_parse(slice_str(text), &b.subject), ERR_OK);
		(void)case_id_make(i, b.case_id);
		record_put_block(&w, &b);
		assert_true(store_put(engine()->store, TABLE_BLOCK, record_subject_key(&b.subject, key), wr_slice(&w)));
	}
	assert_int_equal(store_flush(engine()->store), ERR_OK);
}

static uint64_t noted(void)
{
	uint8_t text[8];
	size_t n;
	struct rd r;

	assert_int_equal(store_get(engine()->store, TABLE_META, HINT, text, sizeof text, &n), ERR_OK);
	r = rd_init(text, n);
	return rd_u64(&r);
}

static void put_hint(struct slice s)
{
	assert_true(store_put(engine()->store, TABLE_META, HINT, s));
	assert_int_equal(store_flush(engine()->store), ERR_OK);
}

/* Stop without a new number: as after a death. */
static void restart_with(struct slice s)
{
	put_hint(s);
	engine()->blocks_noted = block_index_count(&engine()->blocks);
	rig_restart();
}

static void test_room_of_the_last_run(void **state)
{
	size_t bytes;

	(void)state;
	rig_start();
	assert_int_equal(engine()->blocks_noted, 0);
	store_blocks(BLOCKS);
	rig_restart(); /* the first one finds them without a number */
	assert_int_equal(engine()->blocks_noted, 0);
	assert_int_equal(block_index_count(&engine()->blocks), BLOCKS);
	bytes = block_index_bytes(&engine()->blocks);
	rig_restart();
	assert_int_equal(noted(), BLOCKS);
	assert_int_equal(engine()->blocks_noted, BLOCKS);
	assert_int_equal(block_index_count(&engine()->blocks), BLOCKS);
	assert_in_range(block_index_bytes(&engine()->blocks), 1, bytes); /* made once, no larger than by growing */
	assert_null(engine()->blocks.map.old);
	/* few more or less: not written again */
	engine_block_room_note(engine());
	assert_int_equal(noted(), BLOCKS);
}

static void test_wrong_number(void **state)
{
	static const uint8_t much[8] = { 0, 0, 0, 7, 0, 0, 0, 0 }, few[8] = { 0, 0, 0, 0, 0, 0, 0x27, 0x10 };

	(void)state;
	rig_start();
	store_blocks(BLOCKS);
	rig_restart();
	restart_with(slice_of(much, sizeof much)); /* more than the store holds at all */
	assert_int_equal(block_index_count(&engine()->blocks), BLOCKS);
	assert_in_range(block_index_bytes(&engine()->blocks), 1, 4u << 20);
	restart_with(slice_of(few, sizeof few)); /* 10,000 */
	assert_int_equal(block_index_count(&engine()->blocks), BLOCKS);
	restart_with(SLICE_LIT("x"));
	assert_int_equal(block_index_count(&engine()->blocks), BLOCKS);
	assert_int_equal(engine()->blocks_noted, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_room_of_the_last_run), TEST(test_wrong_number) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
