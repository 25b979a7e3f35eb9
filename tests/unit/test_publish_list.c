/*
 * test_publish_list: a copy that was made while the clock was ahead lacks blocks
 * that are not over: when the clock is set back the list counts as another one.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/area_memory.h"
#include "io/log.h"
#include "role/publish.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LASTS_S 3600

static struct role_host h;
static struct publish p;
static struct area_memory memory;
static int64_t wall_ahead_s;
static size_t blocks;    /* in the last copy */
static uint64_t changes; /* when it was begun */

/* In place of libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += id == CLOCK_REALTIME ? wall_ahead_s : 0;
	return done;
}

/* One block, of an engine of which nothing else is known. */
static void take_block(void)
{
	static const uint8_t key[SIPHASH_KEY] = "0123456789abcde";
	struct block_entry e = { .until = (uint32_t)clock_wall_s() + LASTS_S, .code = 554, .offence = 1 };
	struct block_share share;
	struct rd none = rd_init("", 0);

	assert_int_equal(area_memory_make_blocks(block_share_bytes(SHARE_BITS_MIN), &memory), ERR_OK);
	block_share_init(&share, memory.map, SHARE_BITS_MIN, key);
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.9/32"), &e.subject), ERR_OK);
	block_share_put(&share, &e);
	publish_list_take(&p, MSG_BLOCKS, &none, dup(memory.fd));
}

static void take_acting(void)
{
	struct msg_acting m = { .is_acting = 1 };
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct rd body;

	message_put_acting(&w, MSG_ACTING, &m);
	body = rd_init(w.p + 1, w.n - 1);
	publish_list_take(&p, MSG_ACTING, &body, -1);
}

static int setup(void **state)
{
	(void)state;
	log_setup("test", LOG_LEVEL_ALARM);
	h.loop = loop_new();
	p.host = &h;
	if (!h.loop || publish_list_start(&p) != ERR_OK)
		return -1;
	take_block();
	take_acting();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	publish_list_stop(&p);
	area_memory_close(&memory);
	loop_free(h.loop);
	return 0;
}

static void on_done(struct publish *of, enum err e, const struct export_source *s, uint64_t before, void *ctx)
{
	(void)of;
	(void)ctx;
	assert_int_equal(e, ERR_OK);
	blocks = s->blocks;
	changes = before;
	loop_stop(h.loop);
}

static void copy(void)
{
	assert_true(publish_list_copy(&p, FEED_LAYER_EXPORT, NULL, on_done, NULL));
	assert_int_equal(loop_run(h.loop), ERR_OK);
}

static void test_a_clock_that_was_ahead(void **state)
{
	(void)state;
	copy();
	assert_int_equal(blocks, 1);
	assert_true(publish_list_changes(&p) == changes);
	wall_ahead_s = LASTS_S + 60;
	copy();
	assert_int_equal(blocks, 0);
	assert_true(publish_list_changes(&p) == changes);
	wall_ahead_s = 0;
	assert_true(publish_list_changes(&p) != changes);
	copy();
	assert_int_equal(blocks, 1);
	assert_true(publish_list_changes(&p) == changes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_clock_that_was_ahead, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
