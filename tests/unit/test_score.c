/*
 * The score of a subject: weights, decay, retries, the cap of probes, traps.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/score.h"

#define T0 UINT64_C(1700000000)
#define HALF UINT64_C(86400)

static void assert_near(double is, double want)
{
	if (is < want - 0.001 || is > want + 0.001)
		fail_msg("%f, wanted %f", is, want);
}

/* Only what score reads; not the defaults of conf, which are tested elsewhere. */
static struct conf *test_conf(void)
{
	static struct conf c;

	c.decide.confirmed = 10;
	c.decide.unseen = 6;
	c.decide.misrouted = 5;
	c.decide.bulk = 2;
	c.decide.automatic = 0.5;
	c.decide.bulk_cap = 8;
	c.decide.probe = 1;
	c.decide.probe_cap = 5;
	c.decide.half_life_s = HALF;
	return &c;
}

static void weight_of_each_grade(void **state)
{
	static const double want[GRADE_COUNT] = { [GRADE_PROBE] = 1,
		[GRADE_BULK] = 2,
		[GRADE_UNSEEN] = 6,
		[GRADE_CONFIRMED] = 10,
		[GRADE_MISROUTED] = 5,
		[GRADE_AUTOMATIC] = 0.5 };

	(void)state;
	for (int g = 0; g < GRADE_COUNT; g++) {
		struct record_hit_sum s = { 0 };
		bool is_retry = true;

		assert_near(score_add(&s, test_conf(), (enum grade)g, 0.5f, 7, 99, T0, &is_retry), want[g] / 2);
		assert_false(is_retry);
		assert_near(score_at(&s, T0, HALF), want[g] / 2);
		assert_int_equal(s.count[g], 1);
		assert_int_equal(s.first, T0);
		assert_int_equal(s.last, T0);
		assert_int_equal(s.traps, g == GRADE_UNSEEN || g == GRADE_CONFIRMED);
	}
}

static void halves_in_a_day(void **state)
{
	struct record_hit_sum s = { 0 };
	bool is_retry;

	(void)state;
	(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 1, T0, &is_retry);
	assert_near(score_at(&s, T0 + HALF, HALF), 5);
	assert_near(score_at(&s, T0 + 2 * HALF, HALF), 2.5);
	assert_near(score_at(&s, T0 - 100, HALF), 10); /* the clock went back */
	(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 2, T0 + HALF, &is_retry);
	assert_near(score_at(&s, T0 + HALF, HALF), 15);
	(void)score_add(&s, test_conf(), GRADE_BULK, 1, 1, 3, T0, &is_retry); /* late */
	assert_near(score_at(&s, T0 + HALF, HALF), 17);
	assert_int_equal(s.last, T0 + HALF);
	assert_int_equal(s.first, T0);
	assert_near(score_at(&s, UINT64_MAX, HALF), 0);
}

static void a_retry_is_not_a_new_hit(void **state)
{
	struct record_hit_sum s = { 0 }, before;
	bool is_retry;

	(void)state;
	(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 42, T0, &is_retry);
	before = s;
	assert_near(score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 42, T0 + 60, &is_retry), 0);
	assert_true(is_retry);
	assert_memory_equal(&before, &s, sizeof s);
	for (uint64_t d = 0; d < RECORD_RECENT - 1; d++)
		(void)score_add(&s, test_conf(), GRADE_BULK, 1, 1, 100 + d, T0, &is_retry);
	(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 42, T0 + 60, &is_retry);
	assert_true(is_retry);
	(void)score_add(&s, test_conf(), GRADE_BULK, 1, 1, 200, T0, &is_retry);
	(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 42, T0 + 60, &is_retry);
	assert_false(is_retry); /* forgotten by then */
}

/* No queue tries for longer; who sends the same mail every week, without a Message-ID, is a spammer each time. */
static void what_comes_again_a_week_later_is_a_new_hit(void **state)
{
	struct record_hit_sum s = { 0 };
	bool is_retry;

	(void)state;
	(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 42, T0, &is_retry);
	(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 42, T0 + SCORE_RETRY_S, &is_retry);
	assert_true(is_retry);
	assert_true(score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 42, T0 + SCORE_RETRY_S + 1, &is_retry) > 0);
	assert_false(is_retry);
	(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 42, T0 + SCORE_RETRY_S + 60, &is_retry);
	assert_true(is_retry);
}

static void digest_zero(void **state)
{
	struct record_hit_sum s = { 0 };
	bool is_retry;

	(void)state;
	assert_near(score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 0, T0, &is_retry), 10);
	assert_false(is_retry);
	assert_near(score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 0, T0, &is_retry), 0);
	assert_true(is_retry);
}

static void probes_have_a_cap(void **state)
{
	struct record_hit_sum s = { 0 };
	bool is_retry;
	double added = 0;

	(void)state;
	for (uint64_t d = 1; d <= 100; d++)
		added += score_add(&s, test_conf(), GRADE_PROBE, 1.5f, (uint32_t)d, d, T0, &is_retry);
	assert_near(added, 5);
	assert_int_equal(s.count[GRADE_PROBE], 100);
	assert_int_equal(s.traps, 0);
	assert_near(score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 1000, T0, &is_retry), 10);
	assert_near(score_at(&s, T0, HALF), 15);
	/* a day later half of the probes' part is free again */
	added = 0;
	for (uint64_t d = 2000; d < 2100; d++)
		added += score_add(&s, test_conf(), GRADE_PROBE, 1, 1, d, T0 + HALF, &is_retry);
	assert_near(added, 2.5);
	assert_near(score_at(&s, T0 + HALF, HALF), 10);
}

#define DAY 86400

/* n messages of this grade to n traps from first on, on that day; what they add. */
static double soft_day(struct record_hit_sum *s, enum grade g, unsigned n, uint32_t first, unsigned day)
{
	static uint64_t digest = 1;
	double added = 0;
	bool is_retry;

	for (unsigned i = 0; i < n; i++)
		added += score_add(s, test_conf(), g, 1, first + i, ++digest, T0 + day * DAY, &is_retry);
	return added;
}

/* A bank that answers a joe-job, a list that sends to one trap: never on their own. */
static void bulk_has_a_cap(void **state)
{
	struct record_hit_sum s = { 0 }, one = { 0 };

	(void)state;
	assert_near(soft_day(&s, GRADE_AUTOMATIC, 500, 1, 0), 8);
	assert_near(soft_day(&s, GRADE_PROBE, 50, 1, 0), 0);
	assert_near(soft_day(&s, GRADE_BULK, 50, 1, 1), 4); /* half of it is free again */
	assert_true(score_at(&s, T0 + DAY, HALF) < 8.001);
	for (unsigned day = 0; day < 60; day++)
		(void)soft_day(&one, GRADE_BULK, 20, 7, day); /* the second to the 20th go to other traps */
	assert_true(one.bulk_days == 60 && one.bulk_traps == 3);
	one = (struct record_hit_sum){ 0 };
	for (unsigned day = 0; day < 60; day++) {
		for (unsigned i = 0; i < 20; i++)
			(void)soft_day(&one, GRADE_BULK, 1, 7, day);
		assert_true(score_at(&one, T0 + day * DAY, HALF) < 8.001);
	}
}

/* Three traps, three days: then bulk blocks like anything else; after a month of quiet from the start. */
static void bulk_adds_up(void **state)
{
	struct record_hit_sum s = { 0 };

	(void)state;
	(void)soft_day(&s, GRADE_BULK, 10, 1, 0);
	(void)soft_day(&s, GRADE_BULK, 10, 1, 1);
	assert_true(score_at(&s, T0 + DAY, HALF) < 8.001);
	assert_near(soft_day(&s, GRADE_BULK, 10, 1, 2), 20);
	assert_near(soft_day(&s, GRADE_PROBE, 10, 1, 2), 5);
	assert_near(soft_day(&s, GRADE_BULK, 10, 1, 40), 8);
}

/* A confirmed hit is not held down by them, nor they by it. */
static void bulk_beside_confirmed(void **state)
{
	struct record_hit_sum s = { 0 };

	(void)state;
	assert_near(soft_day(&s, GRADE_CONFIRMED, 1, 1, 0), 10);
	assert_near(soft_day(&s, GRADE_BULK, 9, 1, 0), 8);
	assert_near(soft_day(&s, GRADE_CONFIRMED, 1, 1, 0), 10);
}

static void distinct_traps(void **state)
{
	struct record_hit_sum s = { 0 };
	bool is_retry;

	(void)state;
	for (uint64_t d = 1; d <= 10; d++)
		(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, (uint32_t)(d % 3), d, T0, &is_retry);
	assert_int_equal(s.traps, 3);
	for (uint64_t d = 1; d <= 500; d++)
		(void)score_add(&s, test_conf(), GRADE_UNSEEN, 1, (uint32_t)d, 1000 + d, T0, &is_retry);
	assert_int_equal(s.traps, RECORD_TRAPS);
}

/* Hits of a time when the clock was a year ahead: the score halves from now on, and days of bulk mail count again. */
static void a_clock_set_back(void **state)
{
	struct record_hit_sum s = { 0 };
	const struct conf *c = test_conf();
	uint64_t ahead = T0 + 365 * HALF;
	bool is_retry;

	(void)state;
	(void)score_add(&s, c, GRADE_CONFIRMED, 1, 1, 1, ahead, &is_retry);
	(void)score_add(&s, c, GRADE_BULK, 1, 2, 2, ahead, &is_retry);
	(void)score_add(&s, c, GRADE_BULK, 1, 3, 3, T0, &is_retry);
	assert_near(score_at(&s, T0, HALF), 14);
	assert_near(score_at(&s, T0 + HALF, HALF), 7);
	assert_int_equal(s.last, T0);
	(void)score_add(&s, c, GRADE_BULK, 1, 4, 4, T0 + HALF, &is_retry);
	assert_near(s.score, 9);
	assert_int_equal(s.bulk_days, 2);
}

/* A second back is nothing. */
static void a_little_back(void **state)
{
	struct record_hit_sum s = { 0 };
	bool is_retry;

	(void)state;
	(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 1, 1, T0, &is_retry);
	(void)score_add(&s, test_conf(), GRADE_CONFIRMED, 1, 2, 2, T0 - 1, &is_retry);
	assert_int_equal(s.score_at, T0);
	assert_int_equal(s.last, T0);
}

static void odd_weights(void **state)
{
	struct record_hit_sum s = { 0 };
	bool is_retry;

	(void)state;
	assert_near(score_add(&s, test_conf(), GRADE_CONFIRMED, -3, 1, 1, T0, &is_retry), 0);
	assert_near(score_add(&s, test_conf(), GRADE_CONFIRMED, __builtin_nanf(""), 1, 2, T0, &is_retry), 0);
	assert_near(score_at(&s, T0, HALF), 0);
	assert_int_equal(s.count[GRADE_CONFIRMED], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weight_of_each_grade),
		cmocka_unit_test(halves_in_a_day),
		cmocka_unit_test(bulk_has_a_cap),
		cmocka_unit_test(bulk_adds_up),
		cmocka_unit_test(bulk_beside_confirmed),
		cmocka_unit_test(a_retry_is_not_a_new_hit),
		cmocka_unit_test(what_comes_again_a_week_later_is_a_new_hit),
		cmocka_unit_test(digest_zero),
		cmocka_unit_test(probes_have_a_cap),
		cmocka_unit_test(distinct_traps),
		cmocka_unit_test(a_clock_set_back),
		cmocka_unit_test(a_little_back),
		cmocka_unit_test(odd_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
