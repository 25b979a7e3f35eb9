/*
 * test_prefix_table: longest match against a walk over the plain list, for
 * random nested prefixes and at the ends of both address families.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/prefix_table.h"

#define LIST 200

static struct prefix make(const char *text)
{
	struct prefix p;

	assert_int_equal((int)prefix_parse(slice_str(text), &p), ERR_OK);
	return p;
}

static void add(struct prefix_table *t, const char *text, uint32_t value)
{
	struct prefix p = make(text);

	assert_int_equal((int)prefix_table_add(t, &p, value), ERR_OK);
}

static uint32_t find(const struct prefix_table *t, const char *text)
{
	struct prefix p = make(text);
	uint32_t value = 0;

	return prefix_table_find(t, &p.addr, &value) ? value : 0;
}

static void test_empty(void **state)
{
	struct prefix_table t;
	struct ipaddr none = { 0 };
	uint32_t value;

	(void)state;
	prefix_table_init(&t);
	assert_int_equal((int)find(&t, "192.0.2.1"), 0);
	assert_int_equal((int)prefix_table_seal(&t), ERR_OK);
	assert_int_equal((int)prefix_table_seal(&t), ERR_OK);
	assert_int_equal((int)find(&t, "192.0.2.1"), 0);
	assert_int_equal((int)find(&t, "::"), 0);
	assert_false(prefix_table_find(&t, &none, &value));
	prefix_table_done(&t);
}

static void test_nested(void **state)
{
	struct prefix_table t;
	struct prefix late = make("192.0.2.9");

	(void)state;
	prefix_table_init(&t);
	add(&t, "0.0.0.0/0", 1);
	add(&t, "192.0.2.0/24", 2);
	add(&t, "192.0.2.0/25", 3);
	add(&t, "192.0.2.0/32", 4);
	add(&t, "192.0.2.127", 5);
	add(&t, "255.255.255.255", 6);
	add(&t, "2001:db8::/32", 7);
	add(&t, "2001:db8::/128", 8);
	add(&t, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 9);
	assert_int_equal((int)find(&t, "192.0.2.1"), 0); /* not sealed */
	assert_int_equal((int)prefix_table_seal(&t), ERR_OK);
	assert_int_equal((int)prefix_table_add(&t, &late, 1), ERR_DENIED);
	assert_int_equal((int)find(&t, "0.0.0.0"), 1);
	assert_int_equal((int)find(&t, "192.0.1.255"), 1);
	assert_int_equal((int)find(&t, "192.0.2.0"), 4);
	assert_int_equal((int)find(&t, "192.0.2.1"), 3);
	assert_int_equal((int)find(&t, "192.0.2.126"), 3);
	assert_int_equal((int)find(&t, "192.0.2.127"), 5);
	assert_int_equal((int)find(&t, "192.0.2.128"), 2);
	assert_int_equal((int)find(&t, "192.0.3.0"), 1);
	assert_int_equal((int)find(&t, "255.255.255.254"), 1);
	assert_int_equal((int)find(&t, "255.255.255.255"), 6);
	assert_int_equal((int)find(&t, "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"), 0);
	assert_int_equal((int)find(&t, "2001:db8::"), 8);
	assert_int_equal((int)find(&t, "2001:db8::1"), 7);
	assert_int_equal((int)find(&t, "2001:db9::"), 0);
	assert_int_equal((int)find(&t, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), 0);
	assert_int_equal((int)find(&t, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 9);
	prefix_table_done(&t);
}

/* Whatever the order in which they come. */
static void test_the_same_prefix_twice(void **state)
{
	static const uint32_t values[][3] = { { 1, 4, 3 }, { 4, 3, 1 }, { 3, 1, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct prefix_table t;

		prefix_table_init(&t);
		for (size_t k = 0; k < 3; k++) {
			add(&t, "192.0.2.0/24", values[i][k]);
			add(&t, "2001:db8::1", values[i][k]);
		}
		add(&t, "192.0.2.9", 2);
		assert_int_equal((int)prefix_table_seal(&t), ERR_OK);
		assert_int_equal((int)find(&t, "192.0.2.1"), 4);
		assert_int_equal((int)find(&t, "192.0.2.9"), 2);
		assert_int_equal((int)find(&t, "192.0.2.255"), 4);
		assert_int_equal((int)find(&t, "2001:db8::1"), 4);
		prefix_table_done(&t);
	}
}

/* One prefix of each length, all over the same address: the deepest nesting there is. */
static void test_every_length(void **state)
{
	static const char *const ends[] = { "0.0.0.0", "255.255.255.255",
		"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };

	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct prefix host = make(ends[i]);
		struct prefix_table t;

		prefix_table_init(&t);
		for (unsigned len = 0; len <= host.len; len++) {
			struct prefix p = prefix_of(&host.addr, len);

			assert_int_equal((int)prefix_table_add(&t, &p, len + 1), ERR_OK);
		}
		assert_int_equal((int)prefix_table_seal(&t), ERR_OK);
		for (unsigned bit = 0; bit < host.len; bit++) {
			struct ipaddr a = host.addr;
			uint32_t value = 0;

			a.b[bit / 8] ^= (uint8_t)(0x80u >> bit % 8); /* leaves the prefixes longer than bit */
			assert_true(prefix_table_find(&t, &a, &value));
			assert_int_equal((int)value, (int)bit + 1);
		}
		assert_int_equal((int)find(&t, ends[i]), host.len + 1);
		prefix_table_done(&t);
	}
}

/* Few bits differ, so that prefixes nest, touch and repeat. */
static struct ipaddr draw_address(unsigned *seed)
{
	struct ipaddr a = { .family = rand_r(seed) % 2 ? 4 : 6 };
	unsigned bytes = a.family == 4 ? 4 : 16;

	for (unsigned i = 0; i < bytes; i++)
		a.b[i] = (uint8_t)(rand_r(seed) % 3 == 0 ? 0 : rand_r(seed) % 2 ? 0xff : 0x80 >> rand_r(seed) % 8);
	return a;
}

static int naive_find(const struct prefix *list, size_t n, const struct ipaddr *a)
{
	int best = -1;

	for (size_t i = 0; i < n; i++)
		if (prefix_has(&list[i], a) && (best < 0 || list[i].len > list[best].len))
			best = (int)i;
	return best;
}

static void assert_same(const struct prefix_table *t, const struct prefix *list, size_t n, const struct ipaddr *a)
{
	int want = naive_find(list, n, a);
	uint32_t value = 0;

	assert_int_equal(prefix_table_find(t, a, &value), want >= 0);
	if (want >= 0)
		assert_true(prefix_eq(&list[want], &list[value])); /* of one prefix given twice either will do */
}

static void test_against_list(void **state)
{
	unsigned seed = 20;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct prefix list[LIST];
		struct prefix_table t;
		size_t n = 1 + (size_t)rand_r(&seed) % LIST;

		prefix_table_init(&t);
		for (size_t i = 0; i < n; i++) {
			struct ipaddr a = draw_address(&seed);

			list[i] = prefix_of(&a, (unsigned)rand_r(&seed) % (ipaddr_bits(&a) + 1));
			assert_int_equal((int)prefix_table_add(&t, &list[i], (uint32_t)i), ERR_OK);
		}
		assert_int_equal((int)prefix_table_seal(&t), ERR_OK);
		for (int i = 0; i < 300; i++) {
			struct ipaddr a = draw_address(&seed);

			assert_same(&t, list, n, &a);
		}
		for (size_t i = 0; i < n; i++)
			assert_same(&t, list, n, &list[i].addr);
		prefix_table_done(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_the_same_prefix_twice),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_against_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
