/*
 * test_breaker: what is held and what never is.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/breaker.h"

#define NOW UINT64_C(1768000000)

static struct conf conf;

static int setup(void **state)
{
	(void)state;
	conf_defaults(&conf);
	assert_int_equal(conf.breaker.good_hosts, 3);
	assert_int_equal(conf.breaker.good_mails, 5);
	return 0;
}

static void test_mails(void **state)
{
	struct breaker b = { 0 };
	struct breaker_facts f = { .good = 4, .mails = 4 };

	(void)state;
	assert_int_equal(breaker_judge(&b, &conf, &f, NOW), BREAKER_ACT);
	f.mails = 5;
	assert_int_equal(breaker_judge(&b, &conf, &f, NOW), BREAKER_HOLD_MAILS);
	f.good = 0; /* thousands this morning: they have not matured */
	f.mails = 5000;
	assert_int_equal(breaker_judge(&b, &conf, &f, NOW), BREAKER_ACT);
	f.good = 100;
	f.traps = conf.decide.many_traps;
	assert_int_equal(breaker_judge(&b, &conf, &f, NOW), BREAKER_ACT);
	f.traps--;
	conf.breaker.good_mails = 0;
	assert_int_equal(breaker_judge(&b, &conf, &f, NOW), BREAKER_ACT);
}

static void test_hosts(void **state)
{
	struct breaker b = { 0 };
	const struct breaker_facts good = { .good = 1, .mails = 1 };

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(breaker_judge(&b, &conf, &good, NOW + i), BREAKER_ACT);
		breaker_note(&b, &good, NOW + i);
	}
	assert_int_equal(breaker_judge(&b, &conf, &good, NOW + 3), BREAKER_HOLD_HOSTS);
	assert_int_equal(breaker_judge(&b, &conf, &good, NOW + BREAKER_WINDOW_S - 1), BREAKER_HOLD_HOSTS);
	assert_int_equal(breaker_judge(&b, &conf, &good, NOW + BREAKER_WINDOW_S), BREAKER_ACT);
	assert_int_equal(breaker_judge(&b, &conf, &good, NOW - 100), BREAKER_ACT);
	conf.breaker.good_hosts = 0;
	assert_int_equal(breaker_judge(&b, &conf, &good, NOW + 3), BREAKER_ACT);
}

/* An attacker without good mail moves nothing, however many blocks he makes. */
static void test_flood(void **state)
{
	struct breaker b = { 0 };
	const struct breaker_facts none = { .mails = 40000 }, good = { .good = 1, .mails = 1 };

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		assert_int_equal(breaker_judge(&b, &conf, &none, NOW), BREAKER_ACT);
		breaker_note(&b, &none, NOW);
	}
	assert_int_equal(breaker_judge(&b, &conf, &good, NOW), BREAKER_ACT);
	for (uint64_t i = 0; i < 3 * BREAKER_HOSTS; i++)
		breaker_note(&b, &good, NOW + i);
	conf.breaker.good_hosts = BREAKER_HOSTS;
	assert_int_equal(breaker_judge(&b, &conf, &good, NOW + 3 * BREAKER_HOSTS), BREAKER_HOLD_HOSTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_mails, setup),
		cmocka_unit_test_setup(test_hosts, setup),
		cmocka_unit_test_setup(test_flood, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
