/*
 * test_transaction: what is remembered between RCPT, end and LMTP copy.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/transaction.h"

static const uint8_t key[SIPHASH_KEY] = { 1, 2, 3 };

static unsigned probes;

static void count_probe(const struct transaction *x, void *ctx)
{
	(void)ctx;
	assert_true(x->traps > 0);
	probes++;
}

/* Every slot is seen when the hand has gone round often enough. */
static void sweep_all(struct transactions *t, uint64_t now)
{
	for (int i = 0; i < 100; i++)
		transactions_sweep(t, now, count_probe, NULL);
}

static void rcpt_only_becomes_a_probe_once(void **state)
{
	struct transactions t;
	struct transaction *x;

	(void)state;
	probes = 0;
	transactions_init(&t, key);
	x = transaction_open(&t, SLICE_LIT("1.2.3"), 1000);
	assert_non_null(x);
	assert_true(transaction_add_trap(x, 7));
	assert_true(transaction_add_trap(x, 7));
	assert_int_equal(x->traps, 1);
	sweep_all(&t, 1000 + TRANSACTION_IDLE_S - 1);
	assert_int_equal(probes, 0);
	sweep_all(&t, 1000 + TRANSACTION_IDLE_S);
	assert_int_equal(probes, 1);
	assert_non_null(transaction_find(&t, SLICE_LIT("1.2.3")));
	sweep_all(&t, 1000 + TRANSACTION_EXPIRY_S);
	assert_int_equal(probes, 1);
	assert_null(transaction_find(&t, SLICE_LIT("1.2.3")));
	transactions_done(&t);
}

static void an_ended_one_is_no_probe(void **state)
{
	struct transactions t;
	struct transaction *x;

	(void)state;
	probes = 0;
	transactions_init(&t, key);
	x = transaction_open(&t, SLICE_LIT("a"), 1000);
	assert_non_null(x);
	(void)transaction_add_trap(x, 1);
	transaction_drop(&t, SLICE_LIT("a"));
	sweep_all(&t, 1000 + TRANSACTION_EXPIRY_S);
	assert_int_equal(probes, 0);
	transactions_done(&t);
}

static void traps_beyond_the_cap_still_match(void **state)
{
	struct transactions t;
	struct transaction *x;
	struct queued *q;

	(void)state;
	transactions_init(&t, key);
	x = transaction_open(&t, SLICE_LIT("a"), 1);
	for (uint32_t i = 1; i <= TRANSACTION_TRAPS; i++)
		assert_true(transaction_add_trap(x, i));
	assert_false(transaction_add_trap(x, 1000));
	q = queued_open(&t, SLICE_LIT("4ZkW"), 1);
	q->traps = x->traps;
	memcpy(q->trap_id, x->trap_id, sizeof q->trap_id);
	assert_true(queued_has_trap(q, 5));
	assert_true(queued_has_trap(q, 1000));
	transactions_done(&t);
}

static void the_cap_is_kept_and_counted(void **state)
{
	struct transactions t;
	char name[32];

	(void)state;
	transactions_init(&t, key);
	for (unsigned i = 0; i < TRANSACTION_MAX + 10; i++) {
		int n = snprintf(name, sizeof name, "q%u", i);

		assert_int_equal(queued_open(&t, slice_of(name, (size_t)n), 1) != NULL, i < TRANSACTION_MAX);
	}
	assert_int_equal(t.dropped, 10);
	assert_non_null(queued_open(&t, SLICE_LIT("q5"), 2));
	transactions_done(&t);
}

static void logins_go_sooner_than_asked_ones(void **state)
{
	struct transactions t;

	(void)state;
	transactions_init(&t, key);
	assert_non_null(queued_open(&t, SLICE_LIT("login"), 1000));
	queued_open(&t, SLICE_LIT("asked"), 1000)->is_asked = true;
	sweep_all(&t, 1000 + TRANSACTION_LOGIN_S);
	assert_null(queued_find(&t, SLICE_LIT("login")));
	assert_non_null(queued_find(&t, SLICE_LIT("asked")));
	assert_null(queued_find(&t, SLICE_LIT("")));
	transactions_done(&t);
}

/* What was made while the clock was ahead does not stay for ever. */
static void a_clock_set_back(void **state)
{
	struct transactions t;
	struct transaction *x;

	(void)state;
	probes = 0;
	transactions_init(&t, key);
	x = transaction_open(&t, SLICE_LIT("a"), 1000000);
	assert_non_null(x);
	(void)transaction_add_trap(x, 1);
	assert_non_null(queued_open(&t, SLICE_LIT("q"), 1000000));
	sweep_all(&t, 1000);
	assert_non_null(transaction_find(&t, SLICE_LIT("a")));
	assert_non_null(queued_find(&t, SLICE_LIT("q")));
	assert_int_equal(probes, 0);
	sweep_all(&t, 1000 + TRANSACTION_EXPIRY_S);
	assert_int_equal(probes, 1);
	assert_null(transaction_find(&t, SLICE_LIT("a")));
	assert_null(queued_find(&t, SLICE_LIT("q")));
	transactions_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rcpt_only_becomes_a_probe_once),
		cmocka_unit_test(an_ended_one_is_no_probe),
		cmocka_unit_test(traps_beyond_the_cap_still_match),
		cmocka_unit_test(the_cap_is_kept_and_counted),
		cmocka_unit_test(logins_go_sooner_than_asked_ones),
		cmocka_unit_test(a_clock_set_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
