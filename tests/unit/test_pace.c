/*
 * test_pace: clients in a row, a byte for each when it is due and may be; turns
 * of 50 ms, in a time that the test makes.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/pace.h"

#define TURN_US 50000u
#define BYTE_US 8u
#define MANY 100000

static struct world {
	struct pace pace;
	uint64_t now_us, used_us, bytes;
	uint64_t due[MANY]; /* in turn: the first is due first */
	uint32_t first, count;
	uint64_t wait_us; /* the longest time between two bytes of one */
} w;

static void begin(uint32_t count, unsigned processes)
{
	w = (struct world){ .count = count };
	pace_set(&w.pace, processes);
}

/* One turn in which other_us go elsewhere. */
static void turn(uint64_t pace_us, uint64_t other_us)
{
	uint64_t used = other_us;

	w.now_us += TURN_US;
	pace_pass(&w.pace, other_us, TURN_US);
	while (pace_may(&w.pace) && w.due[w.first] <= w.now_us) {
		if (w.due[w.first] && w.now_us - w.due[w.first] + pace_us > w.wait_us)
			w.wait_us = w.now_us - w.due[w.first] + pace_us;
		w.due[w.first] = w.now_us + pace_us;
		w.first = (w.first + 1) % w.count;
		w.bytes++;
		used += BYTE_US;
		pace_pass(&w.pace, BYTE_US, 0);
	}
	w.used_us += used;
}

static void run(unsigned seconds, uint64_t pace_us, uint64_t other_us)
{
	w.bytes = w.used_us = w.wait_us = 0;
	for (unsigned i = 0; i < seconds * 20; i++)
		turn(pace_us, other_us);
}

static void test_few_have_the_configured_pace(void **state)
{
	(void)state;
	begin(20000, 1);
	run(10, 1000000, 0);
	run(100, 1000000, 0);
	assert_true(w.wait_us <= 1000000 + 2 * TURN_US);
	assert_true(w.bytes >= 95u * 20000 && w.bytes <= 100u * 20000);
}

static void test_many_stay_within_the_share(void **state)
{
	(void)state;
	begin(MANY, 1);
	run(10, 1000000, 0);
	assert_true(w.used_us <= 10 * 200000 + 100000 + BYTE_US); /* from the first second on */
	run(100, 1000000, 0);
	assert_true(w.used_us <= 100 * 200000 + 1000);
	assert_true(w.used_us >= 100 * 190000);
	assert_true(w.wait_us < 4200000); /* 4 s by the numbers: nobody waits longer than the others */
}

static void test_back_at_once_when_there_is_room(void **state)
{
	(void)state;
	begin(MANY, 1);
	run(60, 1000000, 0);
	run(10, 10000000, 0); /* slower by the settings: less to do */
	run(60, 10000000, 0);
	assert_true(w.wait_us <= 10000000 + 2 * TURN_US);
}

static void test_processes_have_their_part(void **state)
{
	(void)state;
	begin(MANY / 6, 6);
	run(10, 1000000, 0);
	run(100, 1000000, 0);
	assert_true(w.used_us <= 100 * 200000 / 6 + 1000);
	assert_true(w.wait_us < 4400000);
	pace_set(&w.pace, 100000);
	assert_int_equal(w.pace.share, 1);
	pace_set(&w.pace, 0);
	assert_int_equal(w.pace.share, PACE_SHARE_PERMILLE);
}

/* Newcomers take more than the share; when they are gone, no more than a few seconds are owed. */
static void test_other_work_is_counted(void **state)
{
	(void)state;
	begin(MANY, 1);
	run(60, 1000000, 25000); /* half a core */
	assert_int_equal(w.bytes, 0);
	run(5, 1000000, 0);
	assert_true(w.bytes > 0);
	run(60, 1000000, 5000); /* half of the share */
	assert_true(w.used_us <= 60 * 200000 + 1000 && w.used_us >= 60 * 190000);
}

static void test_strange_numbers(void **state)
{
	static const uint64_t strange[] = { 0, 1, 999, 1000, 1000000, 60000001, UINT32_MAX, UINT64_MAX };
	struct pace p = { 0 };

	(void)state;
	pace_set(&p, 16);
	for (unsigned n = 0; n < 3; n++)
		for (unsigned i = 0; i < 8; i++)
			for (unsigned j = 0; j < 8; j++) {
				pace_pass(&p, strange[i], strange[j]);
				assert_true(p.credit <= (int64_t)p.share * PACE_SAVED_US);
				assert_true(p.credit >= -(int64_t)p.share * PACE_OWED_US);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_have_the_configured_pace),
		cmocka_unit_test(test_many_stay_within_the_share),
		cmocka_unit_test(test_back_at_once_when_there_is_room),
		cmocka_unit_test(test_processes_have_their_part),
		cmocka_unit_test(test_other_work_is_counted),
		cmocka_unit_test(test_strange_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
