/*
 * Good mail: it counts after 48 h, on three distinct days; it decays; the cap.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/ledger.h"

#define DAY UINT64_C(86400)
#define T0 (UINT64_C(20000) * DAY)

static void assert_near(double is, double want)
{
	if (is < want - 0.001 || is > want + 0.001)
		fail_msg("%f, wanted %f", is, want);
}

static void empty_has_nothing(void **state)
{
	struct record_ledger l = { 0 };

	(void)state;
	assert_near(ledger_good(&l, T0), 0);
	assert_true(ledger_is_spent(&l, T0));
	ledger_add(&l, T0, 0);
	ledger_add(&l, T0, -5);
	assert_true(ledger_is_spent(&l, T0));
}

static void a_morning_buys_nothing(void **state)
{
	struct record_ledger l = { 0 };

	(void)state;
	for (int i = 0; i < 5000; i++)
		ledger_add(&l, T0 + (uint64_t)i, 3);
	assert_near(ledger_good(&l, T0 + 5000), 0);
	assert_near(ledger_good(&l, T0 + 40 * DAY), 0); /* one day, however old */
	assert_int_equal(l.days, 1);
	assert_false(ledger_is_spent(&l, T0 + 5000));
}

static void counts_after_48_hours_on_three_days(void **state)
{
	struct record_ledger l = { 0 };

	(void)state;
	ledger_add(&l, T0 + DAY - 1, 1);
	ledger_add(&l, T0 + DAY, 2);
	assert_near(ledger_good(&l, T0 + 30 * DAY), 0);
	ledger_add(&l, T0 + 2 * DAY, 4);
	/* never before the last second of a day is 48 h old */
	assert_near(ledger_good(&l, T0 + 3 * DAY - 1), 0);
	assert_near(ledger_good(&l, T0 + 3 * DAY), 1);
	assert_true(ledger_good(&l, T0 + 4 * DAY) > 2.9);
	assert_true(ledger_good(&l, T0 + 5 * DAY) > 6.7);
}

static void halves_in_thirty_days(void **state)
{
	struct record_ledger l = { 0 };
	double good;

	(void)state;
	for (uint64_t d = 0; d < 3; d++)
		ledger_add(&l, T0 + d * DAY, 10);
	good = ledger_good(&l, T0 + 5 * DAY);
	assert_true(good > 29 && good <= 30);
	assert_near(ledger_good(&l, T0 + 35 * DAY), good / 2);
	assert_false(ledger_is_spent(&l, T0 + 35 * DAY));
	assert_true(ledger_is_spent(&l, T0 + 1000 * DAY));
}

static void capped_at_hundred(void **state)
{
	struct record_ledger l = { 0 };

	(void)state;
	for (uint64_t d = 0; d < 60; d++)
		ledger_add(&l, T0 + d * DAY, 1e300);
	assert_true(ledger_good(&l, T0 + 60 * DAY) <= LEDGER_CAP);
	assert_near(ledger_good(&l, T0 + 62 * DAY), LEDGER_CAP);
}

/* What the three newest days still hold joins under the cap, however late it is looked at. */
static void the_cap_holds_between(void **state)
{
	struct record_ledger l = { 0 };

	(void)state;
	for (uint64_t d = 0; d < 40; d++)
		ledger_add(&l, T0 + d * DAY, 50);
	assert_near(ledger_good(&l, T0 + 42 * DAY), LEDGER_CAP);
	assert_near(ledger_good(&l, T0 + 72 * DAY), LEDGER_CAP / 2);
	assert_true(ledger_good(&l, T0 + 102 * DAY) <= LEDGER_CAP / 4 + 0.01);
}

static void counts_fourteen_days(void **state)
{
	struct record_ledger l = { 0 };

	(void)state;
	assert_int_equal(ledger_recent(&l, T0), 0);
	for (uint64_t d = 0; d < 30; d++)
		for (int k = 0; k < 3; k++)
			ledger_add(&l, T0 + d * DAY, 3);
	assert_true(ledger_recent(&l, T0 + 29 * DAY) >= 14 * 3);
	assert_true(ledger_recent(&l, T0 + 29 * DAY) <= 16 * 3);
	assert_true(ledger_recent(&l, T0 + 40 * DAY) >= 3 * 3);
	assert_true(ledger_recent(&l, T0 + 40 * DAY) <= 6 * 3);
	assert_int_equal(ledger_recent(&l, T0 + 46 * DAY), 0);
	ledger_add(&l, T0 + 28 * DAY, 1); /* late */
	assert_int_equal(ledger_recent(&l, T0 + 46 * DAY), 0);
	ledger_add(&l, T0 + 400 * DAY, 1);
	assert_int_equal(ledger_recent(&l, T0 + 400 * DAY), 1);
	for (int k = 0; k < 70000; k++)
		ledger_add(&l, T0 + 400 * DAY, 1);
	assert_int_equal(ledger_recent(&l, T0 + 400 * DAY), UINT16_MAX);
}

static void a_trap_spoils_what_is_fresh(void **state)
{
	struct record_ledger l = { 0 };

	(void)state;
	ledger_spoil(&l, T0);
	assert_int_equal(l.days, 0);
	for (uint64_t d = 0; d < 60; d++) { /* ten messages and a trap a day buy nothing */
		ledger_add(&l, T0 + d * DAY, 10);
		ledger_spoil(&l, T0 + d * DAY + 1);
		ledger_add(&l, T0 + d * DAY + 2, 10);
		assert_near(ledger_good(&l, T0 + d * DAY + 3), 0);
		assert_true(l.days <= 1);
	}
	for (uint64_t d = 100; d < 110; d++)
		ledger_add(&l, T0 + d * DAY, 10);
	ledger_spoil(&l, T0 + 109 * DAY); /* days 107 to 109 go, the seven before stay */
	assert_true(ledger_good(&l, T0 + 115 * DAY) > 55);
	assert_true(ledger_good(&l, T0 + 115 * DAY) < 70);
	ledger_spoil(&l, T0 + 130 * DAY); /* all has matured by then */
	assert_true(ledger_good(&l, T0 + 130 * DAY) > 35);
}

static void a_busy_host_is_spared(void **state)
{
	struct record_ledger l = { 0 };

	(void)state;
	for (uint64_t d = 0; d < 20; d++) {
		for (int k = 0; k < LEDGER_BUSY; k++)
			ledger_add(&l, T0 + d * DAY, 1);
		ledger_spoil(&l, T0 + d * DAY + 1);
	}
	assert_near(ledger_good(&l, T0 + 22 * DAY), LEDGER_CAP);
	ledger_spoil(&l, T0 + 24 * DAY); /* it fell silent */
	assert_true(ledger_good(&l, T0 + 24 * DAY) <= LEDGER_CAP);
	ledger_add(&l, T0 + 40 * DAY, 5);
	ledger_spoil(&l, T0 + 40 * DAY);
	assert_int_equal(l.days, 20);
}

static void daily_mail_is_the_sum_of_its_days(void **state)
{
	struct record_ledger l = { 0 };
	double want = 0;

	(void)state;
	for (uint64_t d = 0; d < 20; d++)
		ledger_add(&l, T0 + d * DAY + 3600, 1);
	for (int d = 0; d <= 17; d++) /* day 17 has matured at the start of day 20 */
		want = want * 0.97715997 + 1;
	assert_near(ledger_good(&l, T0 + 20 * DAY), want);
	assert_int_equal(l.days, 20);
}

static void order_of_some_days_does_not_matter(void **state)
{
	static const uint64_t order[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 }, { 2, 0, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		struct record_ledger l = { 0 };

		for (size_t k = 0; k < 3; k++)
			ledger_add(&l, T0 + order[i][k] * DAY, (double)order[i][k] + 1);
		assert_int_equal(l.days, 3);
		assert_near(ledger_good(&l, T0 + 3 * DAY), 1);
		assert_true(ledger_good(&l, T0 + 5 * DAY) > 5.8);
	}
}

static void late_mail(void **state)
{
	struct record_ledger l = { 0 };
	double good;

	(void)state;
	for (uint64_t d = 10; d < 13; d++)
		ledger_add(&l, T0 + d * DAY, 1);
	good = ledger_good(&l, T0 + 20 * DAY);
	ledger_add(&l, T0 + 9 * DAY, 1); /* three days before the newest: counts, is no new day */
	assert_int_equal(l.days, 3);
	assert_true(ledger_good(&l, T0 + 20 * DAY) > good + 0.7);
	good = ledger_good(&l, T0 + 20 * DAY);
	ledger_add(&l, T0 + 8 * DAY, 1); /* too old */
	assert_near(ledger_good(&l, T0 + 20 * DAY), good);
}

static void a_long_silence(void **state)
{
	struct record_ledger l = { 0 };

	(void)state;
	for (uint64_t d = 0; d < 3; d++)
		ledger_add(&l, T0 + d * DAY, 8);
	ledger_add(&l, T0 + 365 * DAY, 1);
	assert_int_equal(l.days, 4);
	assert_true(ledger_good(&l, T0 + 366 * DAY) < 0.01);
	assert_true(ledger_good(&l, T0 + 368 * DAY) > 0.99);
}

/* The clock was a year ahead for a day: good mail counts again at once, and what was there is not lost. */
static void a_clock_set_back(void **state)
{
	struct record_ledger l = { 0 }, as_it_is;

	(void)state;
	for (uint64_t d = 0; d < 5; d++)
		ledger_add(&l, T0 + d * DAY, 2);
	ledger_add(&l, T0 + 370 * DAY, 2);
	as_it_is = l;
	for (uint64_t d = 6; d < 12; d++) {
		ledger_add(&as_it_is, T0 + d * DAY, 2);
		ledger_tame(&l, T0 + d * DAY);
		ledger_add(&l, T0 + d * DAY, 2);
	}
	assert_true(ledger_good(&as_it_is, T0 + 20 * DAY) < 9);
	assert_true(ledger_good(&l, T0 + 20 * DAY) > 18);
	assert_int_equal(ledger_recent(&l, T0 + 12 * DAY), 7); /* the stretches before it are gone */
	/* where the clock is right nothing changes */
	as_it_is = l;
	ledger_tame(&l, T0 + 11 * DAY + 5);
	assert_memory_equal(&l, &as_it_is, sizeof l);
}

static void hostile_times(void **state)
{
	struct record_ledger l = { 0 };

	(void)state;
	ledger_add(&l, 0, 1);
	assert_near(ledger_good(&l, UINT64_MAX), 0);
	ledger_add(&l, UINT64_MAX, 1);
	ledger_add(&l, 0, 1);
	ledger_add(&l, UINT64_MAX - 2 * DAY, 1);
	assert_int_equal(l.days, 3);
	assert_near(ledger_good(&l, 0), l.good);
	assert_false(ledger_is_spent(&l, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_has_nothing),
		cmocka_unit_test(a_morning_buys_nothing),
		cmocka_unit_test(counts_after_48_hours_on_three_days),
		cmocka_unit_test(halves_in_thirty_days),
		cmocka_unit_test(capped_at_hundred),
		cmocka_unit_test(the_cap_holds_between),
		cmocka_unit_test(counts_fourteen_days),
		cmocka_unit_test(a_trap_spoils_what_is_fresh),
		cmocka_unit_test(a_busy_host_is_spared),
		cmocka_unit_test(daily_mail_is_the_sum_of_its_days),
		cmocka_unit_test(order_of_some_days_does_not_matter),
		cmocka_unit_test(late_mail),
		cmocka_unit_test(a_long_silence),
		cmocka_unit_test(a_clock_set_back),
		cmocka_unit_test(hostile_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
