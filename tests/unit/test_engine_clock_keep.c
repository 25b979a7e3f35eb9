/*
 * test_engine_clock_keep: what is kept for a time, and what becomes of it where
 * the clock that says how old it is was wrong: mail, good mail, traps.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_clock_rig.h"

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
	keep_a_message(e, "1.a", clock_wall_s() - DAYS_40);
	assert_true(is_kept(e, "1.a"));
	atomic_store(&passed_s, 3600); /* the clock is believed */
	assert_false(is_kept(e, "1.a"));
	keep_a_message(e, "1.b", clock_wall_s());
	assert_true(is_kept(e, "1.b"));
	set_clock(0);
	keep_a_message(e, "1.b", clock_wall_s() - DAYS_40);
	assert_false(is_kept(e, "1.b"));
}

static bool has_good_mail(void *host)
{
	json_t *j = rig_why(host);
	double good = json_number_value(json_object_get(j, "good"));

	json_decref(j);
	return good > 1;
}

static void send_good_mail(char *host)
{
	for (uint64_t day = 10; day > 3; day--)
		rig_log_mail(host, "jo@firm.example", "anna@example.org", clock_wall_s() - day * 86400);
	assert_true(rig_poll(has_good_mail, host));
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
	send_good_mail(host);
	assert_int_equal(watching(), 3);
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

/* Nor does a start by a clock that is far ahead delete anything before somebody may have set it right. */
static void test_a_start_far_ahead(void **state)
{
	char host[] = "192.0.2.1";
	struct engine *e;

	(void)state;
	rig_start();
	keep_a_message(rig.host.ctx, "1.a", clock_wall_s());
	send_good_mail(host);
	rig_stop();
	atomic_store(&wall_ahead_s, 100 * DAYS_40);
	rig_start();
	e = rig.host.ctx;
	engine_log_flush(e, 0);
	engine_keep_tick(e, clock_wall_s());
	assert_true(is_kept(e, "1.a"));
	set_clock(0);
	assert_true(has_good_mail(host));
	rig_assert_title(host, "ACCEPTED");
}

/* Time that has really passed is believed. */
static void test_what_is_old_goes(void **state)
{
	char host[] = "192.0.2.1";
	struct engine *e;

	(void)state;
	rig_start();
	e = rig.host.ctx;
	keep_a_message(e, "1.a", clock_wall_s());
	send_good_mail(host);
	atomic_store(&passed_s, 100 * DAYS_40);
	engine_log_flush(e, 0);
	assert_int_equal(e->ledger.count, 0);
	engine_keep_tick(e, clock_wall_s());
	assert_false(is_kept(e, "1.a"));
	rig_assert_title(host, "NOT BLOCKED");
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
	send_good_mail(end); /* told after it: that one has been taken */
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

/* First seen by a clock that was ahead: watched for as long as any other, once it is right. */
static void test_traps_of_a_start_far_ahead(void **state)
{
	(void)state;
	rig.host.conf.traps.watch_s = 7 * 86400;
	atomic_store(&wall_ahead_s, DAYS_40);
	rig_start();
	assert_int_equal(watching(), 3);
	set_clock(0);
	assert_int_equal(watching(), 3);
	atomic_store(&passed_s, 3600); /* it is believed */
	assert_int_equal(watching(), 3);
	atomic_store(&passed_s, 3600 + 8 * 86400);
	assert_true(rig_poll(are_armed, NULL));
}

/* Without a time of watching the clock says nothing about them. */
static void test_traps_that_need_no_watching(void **state)
{
	(void)state;
	atomic_store(&wall_ahead_s, DAYS_40);
	rig_start();
	assert_true(rig_poll(are_armed, NULL));
	set_clock(0);
	assert_int_equal(watching(), 0);
	assert_true(are_armed(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLOCK_TEST(test_withheld_messages_go),
		CLOCK_TEST(test_what_a_leap_leaves),
		CLOCK_TEST(test_a_start_far_ahead),
		CLOCK_TEST(test_what_is_old_goes),
		CLOCK_TEST(test_a_start_long_ago),
		CLOCK_TEST(test_traps_of_a_start_long_ago),
		CLOCK_TEST(test_traps_of_a_start_far_ahead),
		CLOCK_TEST(test_traps_that_need_no_watching),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
