/*
 * test_pace: seconds in a loop: so many connections, so much work for a byte.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/pace.h"

#define SECOND_US 1000000u
#define BYTE_US 8u

/* Work of one second: a byte for each connection each now_ms, and what does not depend on it. */
static uint64_t work(const struct pace *p, uint32_t connections, uint64_t fixed_us)
{
	uint64_t ms = p->now_ms ? p->now_ms : 50;
	uint64_t used = (uint64_t)connections * 1000 / ms * BYTE_US + fixed_us;

	return used > SECOND_US ? SECOND_US : used; /* it has one core */
}

static void run(struct pace *p, unsigned seconds, uint32_t connections, uint64_t fixed_us)
{
	for (unsigned i = 0; i < seconds; i++)
		pace_step(p, work(p, connections, fixed_us), SECOND_US);
}

static struct pace pace_of(uint32_t least_ms, unsigned processes)
{
	struct pace p = { 0 };

	pace_set(&p, least_ms, processes);
	return p;
}

static void test_few_are_not_slowed(void **state)
{
	struct pace p = pace_of(1000, 1);

	(void)state;
	run(&p, 100, 20000, 0); /* 160 ms of a second */
	assert_int_equal(p.now_ms, 1000);
}

static void test_many_come_to_the_share(void **state)
{
	struct pace p = pace_of(1000, 1);
	unsigned seconds = 0;

	(void)state;
	while (work(&p, 100000, 0) > 200000) {
		run(&p, 1, 100000, 0);
		assert_true(++seconds <= 10);
	}
	for (unsigned i = 0; i < 1000; i++) {
		run(&p, 1, 100000, 0);
		assert_true(work(&p, 100000, 0) <= 200000);
		assert_true(work(&p, 100000, 0) >= 150000);
	}
}

static void test_back_when_they_are_gone(void **state)
{
	struct pace p = pace_of(1000, 1);

	(void)state;
	run(&p, 60, 100000, 0);
	assert_true(p.now_ms > 3000);
	run(&p, 60, 1000, 0);
	assert_int_equal(p.now_ms, 1000);
}

static void test_processes_share(void **state)
{
	struct pace p = pace_of(1000, 6);

	(void)state;
	run(&p, 60, 17000, 0);
	assert_true(work(&p, 17000, 0) <= 200000 / 6);
	assert_true(p.now_ms > 3500 && p.now_ms < 6000);
}

/* Work that no pace helps with: as slow as it gets, and back. */
static void test_other_work(void **state)
{
	struct pace p = pace_of(1000, 1);

	(void)state;
	run(&p, 100, 100, 500000);
	assert_int_equal(p.now_ms, PACE_MOST_MS);
	run(&p, 100, 100, 0);
	assert_int_equal(p.now_ms, 1000);
}

static void test_no_pace(void **state)
{
	struct pace p = pace_of(0, 1);

	(void)state;
	run(&p, 10, 100, 0);
	assert_int_equal(p.now_ms, 0);
	run(&p, 60, 100000, 0);
	assert_true(work(&p, 100000, 0) <= 200000);
	run(&p, 100, 0, 0);
	assert_int_equal(p.now_ms, 0);
}

static void test_settings_change(void **state)
{
	struct pace p = pace_of(1000, 1);

	(void)state;
	run(&p, 60, 100000, 0);
	assert_true(p.now_ms < 10000);
	pace_set(&p, 10000, 1);
	assert_int_equal(p.now_ms, 10000);
	pace_set(&p, 500, 1);
	run(&p, 100, 10, 0);
	assert_int_equal(p.now_ms, 500);
	pace_set(&p, UINT32_MAX, 100000);
	assert_int_equal(p.now_ms, PACE_MOST_MS);
	assert_int_equal(p.share, 1);
}

/* Spans that no clock should give, and any numbers: never outside the bounds. */
static void test_strange_numbers(void **state)
{
	static const uint64_t strange[] = { 0, 1, 999, 1000, SECOND_US, 60000001, UINT32_MAX, UINT64_MAX };
	struct pace p = pace_of(1000, 16);

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		for (unsigned j = 0; j < 8; j++) {
			pace_step(&p, strange[i], strange[j]);
			assert_true(p.now_ms >= 1000 && p.now_ms <= PACE_MOST_MS);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_are_not_slowed),
		cmocka_unit_test(test_many_come_to_the_share),
		cmocka_unit_test(test_back_when_they_are_gone),
		cmocka_unit_test(test_processes_share),
		cmocka_unit_test(test_other_work),
		cmocka_unit_test(test_no_pace),
		cmocka_unit_test(test_settings_change),
		cmocka_unit_test(test_strange_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
