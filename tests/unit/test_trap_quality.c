/*
 * When a trap is doubted.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/trap_quality.h"

#define NOW UINT64_C(1795298935)
#define DAY 86400

static void two_hosts(void **state)
{
	struct trap_quality q = { 0 };

	(void)state;
	assert_false(trap_quality_note(&q, 7, 5, false, NOW));
	assert_false(trap_quality_note(&q, 7, 5, false, NOW + DAY)); /* the same again */
	assert_int_equal(trap_quality_points(&q, NOW + DAY), 1);
	assert_true(trap_quality_note(&q, 8, 0.5, false, NOW + 2 * DAY));
}

static void a_correspondent(void **state)
{
	struct trap_quality q = { 0 };

	(void)state;
	assert_false(trap_quality_note(&q, 7, 0, true, NOW)); /* forged: the host has no good mail */
	assert_int_equal(trap_quality_points(&q, NOW), 0);
	assert_true(trap_quality_note(&q, 7, 1, true, NOW));
	assert_true(trap_quality_note(&q, 7, 1, false, NOW + 1)); /* what was known stays known */
}

static void old_ones_do_not_count(void **state)
{
	struct trap_quality q = { 0 };

	(void)state;
	assert_false(trap_quality_note(&q, 7, 5, false, NOW));
	assert_false(trap_quality_note(&q, 8, 5, false, NOW + TRAP_QUALITY_S));
	assert_true(trap_quality_note(&q, 9, 5, false, NOW + TRAP_QUALITY_S + 1));
}

/* Nor do they come back with a lesser message of the same host. */
static void old_points_do_not_come_back(void **state)
{
	struct trap_quality q = { 0 };
	uint64_t later = NOW + TRAP_QUALITY_S;

	(void)state;
	assert_true(trap_quality_note(&q, 7, 5, true, NOW));
	assert_false(trap_quality_note(&q, 7, 5, false, later));
	assert_int_equal(trap_quality_points(&q, later), 1);
}

/* What was seen while the clock was a year ahead counts for its thirty days, and goes. */
static void a_clock_set_back(void **state)
{
	struct trap_quality q = { 0 };
	uint64_t later = NOW + TRAP_QUALITY_S;

	(void)state;
	assert_false(trap_quality_note(&q, 7, 5, false, NOW + 365 * 86400));
	assert_true(trap_quality_note(&q, 8, 5, false, NOW));
	assert_int_equal(trap_quality_points(&q, later - 1), 2);
	assert_int_equal(trap_quality_points(&q, later), 0);
	assert_false(trap_quality_note(&q, 9, 5, false, later));
}

static void more_hosts_than_remembered(void **state)
{
	struct trap_quality q = { 0 };

	(void)state;
	for (unsigned i = 1; i <= 3 * TRAP_QUALITY_HOSTS; i++)
		assert_int_equal(trap_quality_note(&q, i, 1, false, NOW + i * (uint64_t)TRAP_QUALITY_S), false);
	assert_true(trap_quality_note(&q, 0, 1, false, NOW + 3 * TRAP_QUALITY_HOSTS * (uint64_t)TRAP_QUALITY_S + 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_hosts),
		cmocka_unit_test(a_correspondent),
		cmocka_unit_test(old_ones_do_not_count),
		cmocka_unit_test(old_points_do_not_come_back),
		cmocka_unit_test(a_clock_set_back),
		cmocka_unit_test(more_hosts_than_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
