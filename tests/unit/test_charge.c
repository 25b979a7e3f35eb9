/*
 * test_charge: the rule line by line, and over all combinations of facts what
 * must never be: somebody of ours, an allowed client, or a client that did not
 * name the trap is charged.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/charge.h"

#define FLAGS 8

static struct charge_facts facts_of(enum gate_origin origin, unsigned bits)
{
	return (struct charge_facts){
		.origin = origin,
		.is_local = bits & 1,
		.has_login = bits & 2,
		.is_armed = bits & 4,
		.is_other_client = bits & 8,
		.was_asked = bits & 16,
		.is_named = bits & 32,
		.is_orcpt = bits & 64,
		.is_logged = bits & 128,
	};
}

static void test_rule(void **state)
{
	static const struct {
		struct charge_facts f;
		enum charge charge;
		enum grade grade;
	} rows[] = {
		{ { .is_armed = true, .was_asked = true, .is_named = true }, CHARGE_CLIENT, GRADE_CONFIRMED },
		{ { .is_armed = true, .was_asked = true, .is_named = true, .has_login = true }, CHARGE_NOBODY,
			GRADE_INSIDER },
		{ { .is_armed = true, .is_local = true }, CHARGE_NOBODY, GRADE_INSIDER },
		{ { .origin = GATE_OWN, .is_armed = true, .was_asked = true, .is_named = true }, CHARGE_NOBODY,
			GRADE_INSIDER },
		{ { .origin = GATE_ALLOWED, .is_armed = true, .was_asked = true, .is_named = true }, CHARGE_NOBODY,
			GRADE_EXEMPT },
		{ { .was_asked = true, .is_named = true }, CHARGE_NOBODY, GRADE_CONFIRMED },
		{ { .is_armed = true, .was_asked = true, .is_named = true, .is_other_client = true }, CHARGE_NOBODY,
			GRADE_CONFIRMED },
		{ { .is_armed = true, .was_asked = true, .is_orcpt = true }, CHARGE_NOBODY, GRADE_CONFIRMED },
		{ { .is_armed = true, .is_logged = true }, CHARGE_NOBODY, GRADE_CONFIRMED },
		{ { .is_armed = true, .is_orcpt = true }, CHARGE_WAIT, GRADE_CONFIRMED },
		{ { .is_armed = true, .is_orcpt = true, .is_logged = true }, CHARGE_CLIENT, GRADE_CONFIRMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum grade g = GRADE_CONFIRMED;

		assert_int_equal(charge_of(&rows[i].f, &g), rows[i].charge);
		assert_int_equal(g, rows[i].grade);
	}
}

static void test_never(void **state)
{
	static const enum gate_origin origins[] = { GATE_FOREIGN, GATE_LOGIN, GATE_OWN, GATE_ALLOWED, GATE_FORWARDER };

	(void)state;
	for (size_t o = 0; o < sizeof origins / sizeof origins[0]; o++) {
		for (unsigned bits = 0; bits < 1u << FLAGS; bits++) {
			struct charge_facts f = facts_of(origins[o], bits);
			enum grade g = GRADE_BULK;
			enum charge c = charge_of(&f, &g);
			bool is_ours = f.is_local || f.has_login || f.origin == GATE_OWN || f.origin == GATE_LOGIN;

			assert_int_equal(g == GRADE_INSIDER, is_ours);
			assert_int_equal(g == GRADE_EXEMPT,
				!is_ours && (f.origin == GATE_ALLOWED || f.origin == GATE_FORWARDER));
			if (g != GRADE_BULK || !f.is_armed || f.is_other_client || (f.was_asked && !f.is_named) ||
				(!f.was_asked && !f.is_orcpt))
				assert_int_equal(c, CHARGE_NOBODY);
			else
				assert_int_equal(c, f.was_asked || f.is_logged ? CHARGE_CLIENT : CHARGE_WAIT);
		}
	}
}

static void test_transaction(void **state)
{
	enum grade g = GRADE_PROBE;

	(void)state;
	assert_int_equal(charge_of_transaction(GATE_FOREIGN, false, false, true, &g), CHARGE_CLIENT);
	assert_int_equal(charge_of_transaction(GATE_FOREIGN, false, false, false, &g), CHARGE_NOBODY);
	assert_int_equal(g, GRADE_PROBE);
	assert_int_equal(charge_of_transaction(GATE_FOREIGN, false, true, true, &g), CHARGE_NOBODY);
	assert_int_equal(g, GRADE_INSIDER);
	g = GRADE_PROBE;
	assert_int_equal(charge_of_transaction(GATE_ALLOWED, false, false, true, &g), CHARGE_NOBODY);
	assert_int_equal(g, GRADE_EXEMPT);
}

static void shared_senders(void **state)
{
	struct charge_facts f = {
		.origin = GATE_SHARED, .is_armed = true, .was_asked = true, .is_named = true, .has_identity = true
	};
	enum grade g = GRADE_CONFIRMED;

	(void)state;
	assert_int_equal(charge_of(&f, &g), CHARGE_ASK);
	f.is_named = false;
	assert_int_equal(charge_of(&f, &g), CHARGE_NOBODY);
	f.is_named = true;
	f.spf = CHARGE_SPF_PASS;
	assert_int_equal(charge_of(&f, &g), CHARGE_CLIENT);
	assert_int_equal(g, GRADE_CONFIRMED);
	f.spf = CHARGE_SPF_NO;
	assert_int_equal(charge_of(&f, &g), CHARGE_NOBODY);
	assert_int_equal(g, GRADE_EXEMPT);
	g = GRADE_CONFIRMED;
	f.has_identity = false; /* the null sender */
	f.spf = CHARGE_SPF_UNKNOWN;
	assert_int_equal(charge_of(&f, &g), CHARGE_NOBODY);
	assert_int_equal(g, GRADE_EXEMPT);
	g = GRADE_PROBE;
	assert_int_equal(charge_of_transaction(GATE_SHARED, true, false, true, &g), CHARGE_CLIENT);
	assert_int_equal(charge_of_transaction(GATE_SHARED, false, false, true, &g), CHARGE_NOBODY);
	assert_int_equal(g, GRADE_EXEMPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_transaction),
		cmocka_unit_test(shared_senders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
