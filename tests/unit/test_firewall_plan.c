/*
 * firewall_plan: what is refused, full lists, what is missing, rates.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "core/firewall_plan.h"

#define NOW_S 1000000u
#define NOW (NOW_S * 1000ull)

static const uint8_t key[SIPHASH_KEY] = "0123456789abcde";

static struct prefix pfx(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
	return p;
}

static enum err add(struct firewall_plan *p, const char *text, uint32_t ttl)
{
	struct prefix a = pfx(text);
	struct fw_op op;
	enum err e = firewall_plan_add(p, &a, ttl, NOW, &op);

	if (e == ERR_OK) {
		assert_true(op.is_add);
		assert_true(prefix_eq(&op.prefix, &a));
	}
	return e;
}

static void applied(struct firewall_plan *p, const char *text)
{
	struct fw_op op = { .is_add = true, .prefix = pfx(text) };

	firewall_plan_applied(p, &op);
}

static size_t fill(struct firewall_plan *p, uint64_t now, struct fw_op *to, size_t max)
{
	size_t n;

	do
		n = firewall_plan_fill(p, now, to, max);
	while (n == 0 && p->is_filling);
	return n;
}

static size_t purge(struct firewall_plan *p, struct fw_op *to, size_t max)
{
	size_t n;

	do
		n = firewall_plan_purge(p, to, max);
	while (n == 0 && p->is_purging);
	return n;
}

static void test_never(void **state)
{
	static const char *const never[] = { "127.0.0.1", "10.1.2.3", "192.168.0.0/24", "172.16.0.0/16", "100.64.0.9",
		"169.254.1.1", "224.0.0.1", "::1", "fe80::/64", "fd00:1::/64", "::/64", "203.0.113.9", "203.0.113.0/24",
		"203.0.0.0/16", "2001:db8:5::/64" };
	static const char *const wide[] = { "198.0.0.0/8", "198.50.0.0/15", "2001::/16" };
	struct prefix own[] = { pfx("203.0.113.0/28"), pfx("2001:db8:5::/48") };
	struct firewall_plan p;

	(void)state;
	firewall_plan_init(&p, key, 100, NOW);
	assert_int_equal(firewall_plan_set_never(&p, own, 2), ERR_OK);
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		assert_int_equal(add(&p, never[i], 60), ERR_DENIED);
	for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
		assert_int_equal(add(&p, wide[i], 60), ERR_SYNTAX);
	assert_int_equal(p.refused, 18);
	assert_int_equal(p.wanted.count, 0);
	assert_int_equal(add(&p, "203.0.113.16", 60), ERR_OK);
	assert_int_equal(add(&p, "2001:db8:6::/64", 60), ERR_OK);
	firewall_plan_done(&p);
}

static void test_form_of_adds(void **state)
{
	struct firewall_plan p;
	struct prefix bits = { .addr = pfx("192.0.2.7").addr, .len = 24 }, none = { 0 }, a = pfx("192.0.2.9");
	struct fw_op op;

	(void)state;
	firewall_plan_init(&p, key, 2, NOW);
	assert_int_equal(firewall_plan_add(&p, &bits, 60, NOW, &op), ERR_SYNTAX);
	assert_int_equal(firewall_plan_add(&p, &none, 60, NOW, &op), ERR_SYNTAX);
	assert_int_equal(add(&p, "192.0.2.1", 0), ERR_SYNTAX);
	assert_int_equal(firewall_plan_add(&p, &a, UINT32_MAX, NOW, &op), ERR_OK);
	assert_int_equal(op.ttl_s, FIREWALL_MAX_TTL);
	assert_int_equal(add(&p, "192.0.2.2", 60), ERR_OK);
	assert_int_equal(add(&p, "192.0.2.3", 60), ERR_FULL);
	assert_int_equal(add(&p, "192.0.2.2", 90), ERR_OK); /* renewed */
	assert_int_equal(p.wanted.count, 2);
	firewall_plan_done(&p);
}

static void test_rate(void **state)
{
	struct firewall_plan p;
	struct fw_op op;
	unsigned ok = 0;
	struct prefix a = pfx("192.0.2.1");

	(void)state;
	firewall_plan_init(&p, key, 1000, NOW);
	for (unsigned i = 0; i < FIREWALL_BURST + 50; i++)
		ok += firewall_plan_add(&p, &a, 60, NOW, &op) == ERR_OK;
	assert_int_equal(ok, FIREWALL_BURST);
	assert_int_equal(p.refused, 50);
	assert_int_equal(firewall_plan_add(&p, &a, 60, NOW + 1, &op), ERR_OK);
	firewall_plan_begin(&p);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(firewall_plan_add(&p, &a, 60, NOW + 1, &op), ERR_OK);
	firewall_plan_break(&p);
	/* an hour refills the burst and no more */
	for (ok = 0; firewall_plan_add(&p, &a, 60, NOW + 3600000, &op) == ERR_OK; ok++)
		;
	assert_int_equal(ok, FIREWALL_BURST);
	/* a clock set back gives nothing */
	assert_int_equal(firewall_plan_add(&p, &a, 60, NOW, &op), ERR_AGAIN);
	firewall_plan_done(&p);
}

static void test_full_list(void **state)
{
	struct fw_op op[FIREWALL_ROOM];
	struct firewall_plan p;
	struct prefix c = pfx("192.0.2.3");

	(void)state;
	firewall_plan_init(&p, key, 100, NOW);
	assert_int_equal(add(&p, "192.0.2.1", 600), ERR_OK);
	assert_int_equal(add(&p, "192.0.2.2", 600), ERR_OK);
	assert_int_equal(firewall_plan_adopt(&p, &c, 600, NOW), ERR_OK);
	applied(&p, "192.0.2.1");
	applied(&p, "192.0.2.2");
	assert_int_equal(p.present, 3);
	firewall_plan_begin(&p);
	assert_int_equal(add(&p, "192.0.2.1", 602), ERR_EXISTS); /* near enough */
	assert_int_equal(add(&p, "192.0.2.2", 900), ERR_OK);     /* renewed */
	assert_int_equal(add(&p, "192.0.2.4", 900), ERR_OK);
	assert_int_equal(firewall_plan_purge(&p, op, FIREWALL_ROOM), 0);
	firewall_plan_end(&p);
	assert_int_equal(purge(&p, op, FIREWALL_ROOM), 1);
	assert_false(op[0].is_add);
	assert_true(prefix_eq(&op[0].prefix, &c));
	assert_int_equal(p.wanted.count, 3);
	assert_int_equal(purge(&p, op, FIREWALL_ROOM), 0);
	/* a list that breaks off deletes nothing, nor does an end without a begin */
	firewall_plan_begin(&p);
	firewall_plan_break(&p);
	firewall_plan_end(&p);
	assert_int_equal(purge(&p, op, FIREWALL_ROOM), 0);
	/* an empty list deletes all */
	firewall_plan_begin(&p);
	firewall_plan_end(&p);
	assert_int_equal(purge(&p, op, FIREWALL_ROOM), 3);
	assert_int_equal(p.wanted.count, 0);
	assert_int_equal(p.present, 0);
	firewall_plan_done(&p);
}

static void test_missing(void **state)
{
	struct fw_op op[FIREWALL_ROOM];
	struct firewall_plan p;
	struct prefix a = pfx("192.0.2.1"), b = pfx("192.0.2.2"), x = pfx("192.0.2.99");

	(void)state;
	firewall_plan_init(&p, key, 100, NOW);
	assert_int_equal(add(&p, "192.0.2.1", 600), ERR_OK);
	assert_int_equal(add(&p, "192.0.2.2", 20), ERR_OK);
	applied(&p, "192.0.2.1");
	firewall_plan_name(&p, &b, "7K3M-9QXD");
	firewall_plan_fill_start(&p);
	assert_int_equal(fill(&p, NOW, op, FIREWALL_ROOM), 1);
	assert_true(prefix_eq(&op[0].prefix, &b));
	assert_string_equal(op[0].case_id, "7K3M-9QXD");
	assert_int_equal(op[0].ttl_s, 20);
	applied(&p, "192.0.2.2");
	assert_int_equal(p.present, 2);
	firewall_plan_fill_start(&p);
	assert_int_equal(fill(&p, NOW, op, FIREWALL_ROOM), 0);
	/* a look at the kernel */
	firewall_plan_forget_present(&p);
	assert_int_equal(p.present, 0);
	assert_true(firewall_plan_see(&p, &a, 598, NOW));
	assert_true(firewall_plan_see(&p, &b, 0, NOW)); /* without end: wrong */
	assert_false(firewall_plan_see(&p, &x, 100, NOW));
	assert_int_equal(p.present, 1);
	firewall_plan_fill_start(&p);
	assert_int_equal(fill(&p, NOW + 5000, op, FIREWALL_ROOM), 1);
	assert_true(prefix_eq(&op[0].prefix, &b));
	assert_int_equal(op[0].ttl_s, 15);
	/* over: not added again, then dropped */
	firewall_plan_fill_start(&p);
	assert_int_equal(fill(&p, NOW + 20000, op, FIREWALL_ROOM), 0);
	assert_false(firewall_plan_see(&p, &b, 5, NOW + 20000));
	firewall_plan_sweep(&p, NOW + 20000, 0, NULL, NULL);
	assert_int_equal(p.wanted.count, 1);
	assert_int_equal(p.present, 1);
	firewall_plan_sweep(&p, NOW + 600000, 0, NULL, NULL);
	assert_int_equal(p.present, 0);
	firewall_plan_done(&p);
}

static void test_mend(void **state)
{
	struct firewall_plan p;
	struct fw_op op;
	struct prefix a = pfx("192.0.2.1"), x = pfx("192.0.2.99"), never = pfx("10.0.0.1");
	struct prefix bits = { .addr = pfx("192.0.2.7").addr, .len = 24 };

	(void)state;
	firewall_plan_init(&p, key, 100, NOW);
	assert_int_equal(add(&p, "192.0.2.1", 600), ERR_OK);
	applied(&p, "192.0.2.1");
	firewall_plan_mend(&p, &a, NOW + 100000, &op);
	assert_true(op.is_add);
	assert_int_equal(op.ttl_s, 500);
	assert_int_equal(p.present, 0);
	firewall_plan_applied(&p, &op);
	assert_int_equal(p.present, 1);
	firewall_plan_mend(&p, &x, NOW, &op);
	assert_false(op.is_add);
	firewall_plan_mend(&p, &bits, NOW, &op);
	assert_false(op.is_add);
	assert_int_equal(op.prefix.addr.b[3], 7);
	assert_int_equal(firewall_plan_adopt(&p, &never, 60, NOW), ERR_DENIED);
	assert_int_equal(firewall_plan_adopt(&p, &bits, 60, NOW), ERR_DENIED);
	assert_int_equal(firewall_plan_adopt(&p, &x, 0, NOW), ERR_DENIED);
	firewall_plan_done(&p);
}

/* Marks are 16 bits: what is old must not look new when they come round. */
static void test_marks_come_round(void **state)
{
	struct fw_op op[FIREWALL_ROOM];
	struct firewall_plan p;

	(void)state;
	firewall_plan_init(&p, key, 100, NOW);
	assert_int_equal(add(&p, "192.0.2.1", 600), ERR_OK);
	applied(&p, "192.0.2.1");
	for (unsigned i = 0; i < 65535; i++)
		firewall_plan_forget_present(&p);
	assert_int_equal(p.present, 0);
	firewall_plan_fill_start(&p);
	assert_int_equal(fill(&p, NOW, op, FIREWALL_ROOM), 1);
	for (unsigned i = 0; i < 65535; i++)
		firewall_plan_begin(&p);
	firewall_plan_end(&p);
	assert_int_equal(purge(&p, op, FIREWALL_ROOM), 1);
	firewall_plan_done(&p);
}

static void test_many(void **state)
{
	struct fw_op *op = malloc(1000 * sizeof *op), one;
	struct firewall_plan p;
	size_t n, all = 0;

	(void)state;
	assert_non_null(op);
	firewall_plan_init(&p, key, 100000, NOW);
	for (uint32_t i = 0; i < 50000; i++) {
		struct ipaddr a = { .family = 4, .b = { 198, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
		struct prefix q = prefix_of(&a, 32);

		assert_int_equal(firewall_plan_add(&p, &q, 600, NOW, &one), ERR_OK);
	}
	firewall_plan_fill_start(&p);
	while ((n = fill(&p, NOW, op, 1000)) > 0) {
		for (size_t i = 0; i < n; i++)
			firewall_plan_applied(&p, &op[i]);
		all += n;
	}
	assert_int_equal(all, 50000);
	assert_int_equal(p.present, 50000);
	firewall_plan_begin(&p);
	firewall_plan_end(&p);
	for (all = 0; (n = purge(&p, op, 1000)) > 0; all += n)
		;
	assert_int_equal(all, 50000);
	assert_int_equal(p.present, 0);
	free(op);
	firewall_plan_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_form_of_adds),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_full_list),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_mend),
		cmocka_unit_test(test_marks_come_round),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
