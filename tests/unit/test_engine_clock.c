/*
 * test_engine_clock: the clock is set while the engine runs; what acts is the
 * same in all layers again.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#define DAYS_40 (40ll * 86400)

static _Atomic int64_t wall_ahead_s, passed_s;

/* In place of libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += id == CLOCK_REALTIME ? atomic_load(&wall_ahead_s) : 0;
	to->tv_sec += id == CLOCK_REALTIME || id == CLOCK_MONOTONIC ? atomic_load(&passed_s) : 0;
	return done;
}

static unsigned clock_alarms, insider_alarms;

static void count_alarm(const char *event)
{
	clock_alarms += strcmp(event, "clock") == 0;
	insider_alarms += strcmp(event, "insider") == 0;
}

static int setup(void **state)
{
	int r = rig_setup(state);

	atomic_store(&wall_ahead_s, 0);
	atomic_store(&passed_s, 0);
	clock_alarms = insider_alarms = 0;
	rig.on_alarm = count_alarm;
	return r;
}

/* For rig_wait; ctx: how many there have to be. */
static bool has_clock_alarms(void *ctx)
{
	return clock_alarms >= *(const unsigned *)ctx;
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
static void test_ahead_while_they_are_loaded(void **state)
{
	char host[] = "192.0.2.1";
	struct engine *e;
	struct prefix p;

	(void)state;
	rig_start();
	rig_enforce("full");
	assert_int_equal(rig_message(host, "M1", "a@s.example", TRAP1), HIT_STORED);
	assert_int_equal(prefix_parse(slice_str(host), &p), ERR_OK);
	e = rig.host.ctx;
	assert_int_equal(store_flush(e->store), ERR_OK);
	(void)block_index_del(&e->blocks, &p); /* as at a start */
	atomic_store(&wall_ahead_s, DAYS_40);
	assert_int_equal(engine_block_load(e), ERR_OK);
	atomic_store(&wall_ahead_s, 0);
	assert_false(rig_is_refused(host));
	assert_true(rig_poll(is_refused, host));
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
	atomic_store(&wall_ahead_s, DAYS_40);
	syncs = rig.syncs;
	engine_block_sync(e);
	atomic_store(&wall_ahead_s, 0);
	assert_true(rig_wait(has_synced, &syncs));
	assert_false(rig_is_in_firewall(host));
	syncs = rig.syncs;
	assert_true(rig_wait(has_synced, &syncs));
	assert_true(rig_is_in_firewall(host));
}

static void set_clock(int64_t ahead_s)
{
	unsigned more = clock_alarms + 1;
	struct engine *e = rig.host.ctx;

	atomic_store(&wall_ahead_s, ahead_s);
	/* as each second */
	engine_clock_tick(e);
	engine_allow_tick(e, clock_wall_s());
	engine_block_tick(e, clock_wall_s());
	assert_true(rig_wait(has_clock_alarms, &more));
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

static void keep_a_message(struct engine *e, const char *id, uint64_t time)
{
	struct record_withheld r = { .time = time, .state = WITHHELD_KEPT, .riders = 1 };

	assert_int_equal(engine_release_save(e, id, &r), ERR_OK);
	assert_int_equal(store_flush(e->store), ERR_OK);
}

static bool is_kept(struct engine *e, const char *id)
{
	struct record_withheld r;

	engine_release_tick(e, clock_wall_s());
	assert_int_equal(store_flush(e->store), ERR_OK);
	return engine_release_look(e, id, &r) == ERR_OK;
}

/* What is known of their riders goes at its time, though the clock was ahead when it was looked at last. */
static void test_withheld_messages_go(void **state)
{
	struct engine *e;

	(void)state;
	atomic_store(&wall_ahead_s, DAYS_40);
	rig_start();
	e = rig.host.ctx;
	keep_a_message(e, "1.a", clock_wall_s());
	assert_true(is_kept(e, "1.a"));
	set_clock(0);
	keep_a_message(e, "1.a", clock_wall_s() - DAYS_40);
	assert_false(is_kept(e, "1.a"));
}

static bool has_good_mail(void *host)
{
	json_t *j = rig_why(host);
	double good = json_number_value(json_object_get(j, "good"));

	json_decref(j);
	return good > 1;
}

static bool has_reread(void *ctx)
{
	return rig.rereads > *(const unsigned *)ctx;
}

static json_int_t traps_in(const char *state)
{
	char line[80];
	json_int_t n;
	json_t *j;

	(void)snprintf(line, sizeof line, "{\"cmd\":\"trap_list\",\"state\":\"%s\"}", state);
	j = rig_call(line);
	n = json_integer_value(json_object_get(j, "total"));
	json_decref(j);
	return n;
}

static json_int_t watching(void)
{
	rig_do("{\"cmd\":\"trap_reload\"}");
	return traps_in("watching");
}

/*
 * A clock far ahead may be wrong: good mail stays, and what is known of the riders of a message, as that does itself.
 * Nor has anybody watched a trap for a week.
 */
static void test_what_a_leap_leaves(void **state)
{
	char host[] = "192.0.2.1";
	struct engine *e;
	unsigned rereads;

	(void)state;
	rig.host.conf.traps.watch_s = 7 * 86400;
	rig_start();
	e = rig.host.ctx;
	keep_a_message(e, "1.a", clock_wall_s());
	for (uint64_t day = 10; day > 3; day--)
		rig_log_mail(host, "jo@firm.example", "anna@example.org", clock_wall_s() - day * 86400);
	assert_int_equal(watching(), 3);
	assert_true(rig_poll(has_good_mail, host));
	set_clock(100 * DAYS_40);
	assert_true(is_kept(e, "1.a"));
	assert_int_equal(watching(), 3);
	engine_log_flush(e, 0);
	rereads = rig.rereads;
	set_clock(0);
	assert_true(rig_wait(has_reread, &rereads)); /* when they are armed is reckoned anew */
	assert_true(is_kept(e, "1.a"));
	assert_int_equal(watching(), 3);
	assert_true(has_good_mail(host));
}

/* A machine without a battery begins years ago, until NTP has set its clock: who mails meanwhile is no stranger after it. */
static void test_a_start_long_ago(void **state)
{
	char host[] = "192.0.2.1", end[] = "192.0.2.2";

	(void)state;
	rig_start();
	for (uint64_t day = 10; day > 0; day--)
		rig_log_mail(host, "jo@firm.example", "anna@example.org", clock_wall_s() - day * 86400);
	assert_true(rig_poll(has_good_mail, host));
	rig_stop();
	atomic_store(&wall_ahead_s, -100 * DAYS_40);
	rig_start();
	rig_log_mail(host, "jo@firm.example", "anna@example.org", clock_wall_s());
	for (uint64_t day = 10; day > 3; day--) /* told after it: that one has been taken */
		rig_log_mail(end, "jo@firm.example", "anna@example.org", clock_wall_s() - day * 86400);
	assert_true(rig_poll(has_good_mail, end));
	set_clock(0);
	assert_true(has_good_mail(host));
}

static bool are_armed(void *ctx)
{
	(void)ctx;
	return traps_in("armed") == 3;
}

/* A machine without a battery, whose clock is set soon after the start: traps that were armed before are so at once. */
static void test_traps_of_a_start_long_ago(void **state)
{
	(void)state;
	rig.host.conf.traps.watch_s = 7 * 86400;
	atomic_store(&wall_ahead_s, -DAYS_40);
	rig_start();
	rig_stop();
	atomic_store(&wall_ahead_s, 0);
	rig_start();
	assert_true(rig_poll(are_armed, NULL));
	rig_stop();
	atomic_store(&wall_ahead_s, -100 * DAYS_40);
	rig_start();
	set_clock(0);
	assert_true(rig_poll(are_armed, NULL));
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
		cmocka_unit_test_setup_teardown(test_a_clock_that_was_behind, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_behind_for_a_moment, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_ahead_for_a_moment, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_ahead_while_they_are_loaded, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_ahead_while_they_are_listed, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_who_is_allowed_for_a_time, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_insiders_are_told, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_withheld_messages_go, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_what_a_leap_leaves, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_traps_of_a_start_long_ago, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_a_start_long_ago, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_blocks_of_a_start_long_ago, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_blocks_of_a_start_after_it, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_since_when_it_is_up, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(test_refusals_are_recorded, setup, rig_teardown),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
