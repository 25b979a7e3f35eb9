/*
 * test_engine_block_room: room for the blocks of the last run is there before
 * they are read; a wrong number does no harm. Nor does it that there is no
 * memory to go on with very many of them.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine.h"

#include <event2/event.h>

#define BLOCKS 12000u
#define HINT SLICE_LIT("block-count")
#define MORE_BLOCKS 40000u /* than are looked at in one round of the loop */

static unsigned no_events; /* so many from now on */

/* In place of libevent's. */
__attribute__((visibility("default"))) struct event *event_new(
	struct event_base *base, evutil_socket_t fd, short what, event_callback_fn fn, void *ctx)
{
	struct event *e;

	if (no_events) {
		no_events--;
		return NULL;
	}
	e = calloc(1, event_get_struct_event_size());
	if (e && event_assign(e, base, fd, what, fn, ctx) != 0) {
		free(e);
		return NULL;
	}
	return e;
}

static struct engine *engine(void)
{
	return rig.host.ctx;
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
	rig_store_blocks(engine()->store, BLOCKS, "");
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
	rig_store_blocks(engine()->store, BLOCKS, "");
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

static bool is_done(void *ctx)
{
	(void)ctx;
	return !engine()->is_rechecking && !engine()->is_fw_syncing;
}

/* The timer that goes on with the next stretch is not to be had: a tick makes it. */
static void test_no_memory_to_go_on(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("full");
	rig_store_blocks(engine()->store, MORE_BLOCKS, "");
	rig_restart();
	assert_true(rig_wait(is_done, NULL));
	no_events = 1;
	engine_block_recheck(engine());
	assert_int_equal(no_events, 0);
	assert_false(is_done(NULL));
	assert_true(rig_wait(is_done, NULL));
	no_events = 1;
	engine_block_sync(engine());
	assert_int_equal(no_events, 0);
	assert_false(is_done(NULL));
	assert_true(rig_wait(is_done, NULL));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_room_of_the_last_run), TEST(test_wrong_number),
		TEST(test_no_memory_to_go_on) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
