/*
 * test_engine_clock: the clock is set while the engine runs; what acts is the
 * same in all layers again.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_clock_rig.h"

#include <dlfcn.h>
#include <lmdb.h>

static bool is_scan_bad, is_right_by_scan;

/* In place of LMDB's: a table is going to be read. */
__attribute__((visibility("default"))) int mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **ret)
{
	int (*real)(MDB_txn *, MDB_dbi, MDB_cursor **);
	void *found = dlsym(RTLD_NEXT, "mdb_cursor_open");

	if (is_right_by_scan)
		atomic_store(&wall_ahead_s, 0);
	if (is_scan_bad || !found)
		return EIO;
	memcpy(&real, &found, sizeof real);
	return real(txn, dbi, ret);
}

static bool has_insider_alarms(void *ctx)
{
	return insider_alarms >= *(const unsigned *)ctx;
}

static bool has_synced(void *ctx)
{
	return rig.syncs >= *(const unsigned *)ctx + 2;
}

/* Blocked while the clock was behind: over when it is right, and so for the kernel, whose time goes on by itself. */
static void test_a_clock_that_was_behind(void **state)
{
	char host[] = "192.0.2.1";
	unsigned syncs;

	(void)state;
	atomic_store(&wall_ahead_s, -DAYS_40);
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message(host, "M1", "a@s.example", TRAP1), HIT_STORED);
	assert_true(rig_is_in_firewall(host));
	atomic_store(&wall_ahead_s, 0);
	assert_true(rig_wait(rig_has_no_element, host));
	/* and what is blocked after that stays */
	assert_int_equal(rig_message("192.0.2.2", "M2", "a@s.example", TRAP1), HIT_STORED);
	assert_true(rig_is_in_firewall("192.0.2.2"));
	/* ahead by less than the block lasts: it stays */
	atomic_store(&wall_ahead_s, 120);
	syncs = rig.syncs;
	assert_true(rig_wait(has_synced, &syncs));
	assert_true(rig_is_in_firewall("192.0.2.2"));
}

/*
 * Wrong and right again between two looks, so that no look sees it: what was blocked meanwhile is over (the clock was
 * behind), or begins now (it was ahead).
 */
static void wrong_for_a_moment(int64_t ahead_s, bool is_over)
{
	char host[] = "192.0.2.1";
	unsigned syncs;

	rig_start();
	rig_enforce("full");
	atomic_store(&wall_ahead_s, ahead_s);
	assert_int_equal(rig_message(host, "M1", "a@s.example", TRAP1), HIT_STORED);
	atomic_store(&wall_ahead_s, 0);
	assert_true(rig_is_in_firewall(host));
	syncs = rig.syncs;
	assert_true(rig_wait(has_synced, &syncs));
	assert_int_equal(rig_is_in_firewall(host), !is_over);
}

static void test_behind_for_a_moment(void **state)
{
	(void)state;
	wrong_for_a_moment(-DAYS_40, true);
}

static void test_ahead_for_a_moment(void **state)
{
	(void)state;
	wrong_for_a_moment(DAYS_40, false);
}

static bool is_refused(void *host)
{
	return rig_is_refused(host);
}

/* What a start passed over, since it was over by a clock that was ahead for that moment, comes back. */
static void ahead_when_they_are_loaded(bool is_right_meanwhile)
{
	char host[] = "192.0.2.1";
	struct block_entry b;
	struct engine *e;
	struct prefix p;

	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message(host, "M1", "a@s.example", TRAP1), HIT_STORED);
	assert_int_equal(prefix_parse(slice_str(host), &p), ERR_OK);
	e = rig.host.ctx;
	assert_int_equal(store_flush(e->store), ERR_OK);
	(void)block_index_del(&e->blocks, &p); /* as at a start */
	atomic_store(&wall_ahead_s, DAYS_40);
	is_right_by_scan = is_right_meanwhile;
	assert_int_equal(engine_block_load(e), ERR_OK);
	is_right_by_scan = false;
	atomic_store(&wall_ahead_s, 0);
	assert_false(block_index_get(&e->blocks, &p, &b));
	assert_true(rig_poll(is_refused, host));
}

static void test_ahead_while_they_are_loaded(void **state)
{
	(void)state;
	ahead_when_they_are_loaded(false);
}

static void test_ahead_before_they_are_loaded(void **state)
{
	(void)state;
	ahead_when_they_are_loaded(true);
}

/* Nor does the kernel go without what a list of that moment passed over. */
static void test_ahead_while_they_are_listed(void **state)
{
	char host[] = "192.0.2.1";
	struct engine *e;
	unsigned syncs;

	(void)state;
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message(host, "M1", "a@s.example", TRAP1), HIT_STORED);
	e = rig.host.ctx;
	syncs = rig.syncs;
	engine_block_sync(e);
	assert_true(rig_wait(has_synced, &syncs)); /* none is under way */
	atomic_store(&wall_ahead_s, DAYS_40);
	syncs = rig.syncs + 2; /* that list, and the next */
	engine_block_sync(e);
	atomic_store(&wall_ahead_s, 0);
	assert_true(rig_wait(has_synced, &syncs));
	assert_true(rig_is_in_firewall(host));
}

static bool is_allowed(void *host)
{
	json_t *j = rig_why(host);
	bool is = strcmp(json_string_value(json_object_get(j, "title")), "ALLOWED") == 0;

	json_decref(j);
	return is;
}

/* Nor the allow list without an entry that was over by the clock of that moment. */
static void test_ahead_while_the_allow_list_is_built(void **state)
{
	char host[] = "192.0.2.1";
	struct engine *e;

	(void)state;
	rig_start();
	rig_enforce("soft");
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.0/24\",\"seconds\":86400}");
	e = rig.host.ctx;
	atomic_store(&wall_ahead_s, DAYS_40);
	assert_int_equal(engine_allow_build(e), ERR_OK);
	atomic_store(&wall_ahead_s, 0);
	assert_int_equal(e->allow.never.ranges[0], 0);
	assert_true(rig_poll(is_allowed, host));
}

/* For which there was no memory, or nothing to be read: it is built a minute later. */
static void test_an_allow_list_that_failed(void **state)
{
	char host[] = "192.0.2.1";
	json_t *j;

	(void)state;
	rig_start();
	is_scan_bad = true;
	j = rig_call("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.0/24\"}");
	is_scan_bad = false;
	assert_false(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
	rig_assert_title(host, "NOT BLOCKED");
	atomic_store(&passed_s, 60);
	assert_true(rig_poll(is_allowed, host));
}

/* An entry of the allow list that ran out by a wrong clock holds again when it is right. */
static void test_who_is_allowed_for_a_time(void **state)
{
	(void)state;
	rig_start();
	rig_enforce("soft");
	rig_do("{\"cmd\":\"allow_add\",\"prefix\":\"192.0.2.0/24\",\"seconds\":86400}");
	set_clock(DAYS_40);
	assert_int_equal(rig_message("192.0.2.1", "M1", "a@s.example", TRAP1), HIT_STORED);
	assert_true(rig_is_refused("192.0.2.1"));
	set_clock(0);
	assert_false(rig_is_refused("192.0.2.1"));
	assert_int_equal(rig_message("192.0.2.2", "M2", "a@s.example", TRAP1), HIT_STORED);
	assert_false(rig_is_refused("192.0.2.2"));
}

static void test_insiders_are_told(void **state)
{
	unsigned one = 1, two = 2;

	(void)state;
	atomic_store(&wall_ahead_s, DAYS_40);
	rig.host.conf.alarm.repeat_s = 0;
	rig_start();
	assert_int_equal(rig_message("10.1.2.3", "M1", "a@example.org", TRAP1), HIT_STORED);
	assert_true(rig_wait(has_insider_alarms, &one));
	set_clock(0);
	assert_int_equal(rig_message("10.1.2.3", "M2", "a@example.org", TRAP1), HIT_STORED);
	assert_true(rig_wait(has_insider_alarms, &two));
}

static uint64_t block_left_s(const char *host)
{
	struct engine *e = rig.host.ctx;
	struct block_entry b;
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(host), &p), ERR_OK);
	return block_index_get(&e->blocks, &p, &b) ? b.until - clock_wall_s() : 0;
}

static bool ends_soon(void *host)
{
	return block_left_s(host) < DAYS_40;
}

/* Blocks are in force in the years before they began, and after NTP has set the clock. */
static void test_blocks_of_a_start_long_ago(void **state)
{
	char host[] = "192.0.2.1";
	uint64_t left;

	(void)state;
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message(host, "M1", "a@s.example", TRAP1), HIT_STORED);
	left = block_left_s(host);
	rig_stop();
	atomic_store(&wall_ahead_s, -100 * DAYS_40);
	rig_start();
	assert_true(rig_is_refused(host));
	set_clock(0);
	assert_true(rig_is_refused(host));
	assert_in_range(block_left_s(host), left - 100, left);
}

/* Made while the clock was ahead: from then on where nobody has set it for an hour. */
static void test_blocks_of_a_start_after_it(void **state)
{
	char host[] = "192.0.2.1";

	(void)state;
	atomic_store(&wall_ahead_s, 2 * DAYS_40);
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message(host, "M1", "a@s.example", TRAP1), HIT_STORED);
	rig_stop();
	atomic_store(&wall_ahead_s, 0);
	rig_start();
	assert_false(ends_soon(host));
	atomic_store(&passed_s, 3600);
	assert_true(rig_wait(ends_soon, host));
	assert_true(block_left_s(host) > 0);
}

/* Started while the clock was ahead: the engine is up since then all the same, and the log proves nothing of today. */
static void test_since_when_it_is_up(void **state)
{
	(void)state;
	atomic_store(&wall_ahead_s, DAYS_40);
	rig_start();
	rig_enforce("soft");
	set_clock(0);
	rig_log_login("192.0.2.1", "Q1", "", clock_wall_s() + 100);
	assert_int_equal(rig_wait_ack(rig_hit("192.0.2.1", "Q1", "a@s.example", TRAP1, "m1")), HIT_STORED);
	assert_false(rig_is_refused("192.0.2.1"));
}

/* Begun in 1970, and set back after NTP has set it. */
static void test_up_since_1970(void **state)
{
	struct engine *e;

	(void)state;
	rig_start();
	e = rig.host.ctx;
	e->started = 30;
	set_clock(-70);
	assert_int_equal(e->started, 0);
}

static json_int_t refusals_shown(const char *host)
{
	json_t *j = rig_why(host);
	json_int_t n = (json_int_t)json_array_size(json_object_get(json_object_get(j, "refusals"), "items"));

	json_decref(j);
	return n;
}

static bool drop(struct slice key, struct slice value, void *ctx)
{
	struct engine *e = ctx;

	(void)value;
	return store_del(e->store, TABLE_REFUSAL, key) != 0;
}

/* The records of an hour are full; the hour ends also where the clock was set back. */
static void test_refusals_are_recorded(void **state)
{
	const struct slice all = { 0 };
	struct engine *e;

	(void)state;
	atomic_store(&wall_ahead_s, DAYS_40);
	rig_start();
	e = rig.host.ctx;
	rig_enforce("soft");
	assert_int_equal(rig_message("192.0.2.1", "M1", "a@s.example", TRAP1), HIT_STORED);
	for (int i = 0; i < 60; i++)
		assert_true(rig_is_refused("192.0.2.1"));
	set_clock(0);
	assert_int_equal(store_flush(e->store), ERR_OK);
	assert_int_equal(store_scan(e->store, TABLE_REFUSAL, all, all, false, drop, e), ERR_OK);
	assert_int_equal(refusals_shown("192.0.2.1"), 0);
	assert_true(rig_is_refused("192.0.2.1"));
	assert_int_equal(refusals_shown("192.0.2.1"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLOCK_TEST(test_a_clock_that_was_behind),
		CLOCK_TEST(test_behind_for_a_moment),
		CLOCK_TEST(test_ahead_for_a_moment),
		CLOCK_TEST(test_ahead_while_they_are_loaded),
		CLOCK_TEST(test_ahead_before_they_are_loaded),
		CLOCK_TEST(test_ahead_while_they_are_listed),
		CLOCK_TEST(test_ahead_while_the_allow_list_is_built),
		CLOCK_TEST(test_an_allow_list_that_failed),
		CLOCK_TEST(test_who_is_allowed_for_a_time),
		CLOCK_TEST(test_insiders_are_told),
		CLOCK_TEST(test_blocks_of_a_start_long_ago),
		CLOCK_TEST(test_blocks_of_a_start_after_it),
		CLOCK_TEST(test_since_when_it_is_up),
		CLOCK_TEST(test_up_since_1970),
		CLOCK_TEST(test_refusals_are_recorded),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
