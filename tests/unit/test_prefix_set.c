/*
 * prefix_set: examples, the two ends of each family, and random sets beside a
 * map with one bit an address.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "address_window.h"
#include "base/prefix_set.h"

#include <stdio.h>
#include <stdlib.h>

struct list {
	char text[8192];
	size_t n;
	unsigned count;
};

static bool take(void *ctx, const struct prefix *p)
{
	struct list *l = ctx;
	char text[PREFIX_TEXT];

	l->count++;
	l->n += (size_t)snprintf(
		l->text + l->n, sizeof l->text - l->n, "%s%s", l->n ? " " : "", prefix_format(p, text));
	assert_true(l->n < sizeof l->text);
	return true;
}

/* "a b-c !d": in, range, out */
static void add_all(struct prefix_set *s, const char *text)
{
	struct slice rest = slice_str(text), word;

	while (slice_word(&rest, &word)) {
		bool is_out = word.p[0] == '!';
		struct slice w = slice_from(word, is_out);
		size_t dash = slice_find(w, '-');
		struct prefix p;
		struct ipaddr a, b;

		if (dash == w.n) {
			assert_int_equal(prefix_parse(w, &p), ERR_OK);
			assert_int_equal(prefix_set_add(s, &p, is_out), ERR_OK);
			continue;
		}
		assert_int_equal(ipaddr_parse(slice_head(w, dash), &a), ERR_OK);
		assert_int_equal(ipaddr_parse(slice_from(w, dash + 1), &b), ERR_OK);
		assert_int_equal(prefix_set_add_range(s, &a, &b, is_out), ERR_OK);
	}
}

static void expect(const char *in, const char *out)
{
	struct prefix_set s = { 0 };
	struct list l = { .n = 0 };
	size_t prefixes;
	uint64_t n4, n6;

	add_all(&s, in);
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	prefix_set_each(&s, take, &l);
	assert_string_equal(l.text, out);
	prefix_set_sizes(&s, &prefixes, &n4, &n6);
	assert_int_equal(prefixes, l.count);
	prefix_set_done(&s);
}

static void test_examples(void **state)
{
	(void)state;
	expect("", "");
	expect("192.168.20.0/24 192.168.21.0-192.168.21.255", "192.168.20.0/23");
	expect("192.0.2.3 192.0.2.1 192.0.2.0 192.0.2.2", "192.0.2.0/30");
	expect("192.0.2.0/29 !192.0.2.2", "192.0.2.0/31 192.0.2.3 192.0.2.4/30");
	expect("192.0.2.1 192.0.2.1", "192.0.2.1");
	expect("192.0.2.0/24 !192.0.0.0/16", "");
	expect("!192.0.2.0/24", "");
	expect("192.0.2.1-192.0.2.6", "192.0.2.1 192.0.2.2/31 192.0.2.4/31 192.0.2.6");
	expect("2001:db8::/33 2001:db8:8000::/33 192.0.2.1", "192.0.2.1 2001:db8::/32");
	expect("2001:db8::/126 !2001:db8::1", "2001:db8:: 2001:db8::2/127");
	expect("2001:db8::-2001:db8:0:1::", "2001:db8::/64 2001:db8:0:1::");
}

/* OpenBSD's own code loses the whole list, or the first entry, at these. */
static void test_both_ends(void **state)
{
	(void)state;
	expect("192.0.2.1 198.51.100.0/24 224.0.0.0/3", "192.0.2.1 198.51.100.0/24 224.0.0.0/3");
	expect("255.255.255.255 0.0.0.0", "0.0.0.0 255.255.255.255");
	expect("0.0.0.0/1 128.0.0.0/1", "0.0.0.0/0");
	expect("0.0.0.0/0 !0.0.0.0/1 !192.0.0.0/2", "128.0.0.0/2");
	expect("::/0 !8000::/1", "::/1");
	expect("::/0", "::/0");
	expect("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::", ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	expect("0.0.0.0/0 ::/0 !0.0.0.0/0 !::/0", "");
}

static void test_refused(void **state)
{
	struct prefix_set s = { 0 };
	struct ipaddr a, b, six;

	(void)state;
	assert_int_equal(ipaddr_parse(SLICE_LIT("192.0.2.9"), &a), ERR_OK);
	assert_int_equal(ipaddr_parse(SLICE_LIT("192.0.2.1"), &b), ERR_OK);
	assert_int_equal(ipaddr_parse(SLICE_LIT("2001:db8::1"), &six), ERR_OK);
	assert_int_equal(prefix_set_add_range(&s, &a, &b, false), ERR_SYNTAX);
	assert_int_equal(prefix_set_add_range(&s, &a, &six, false), ERR_SYNTAX);
	assert_int_equal(prefix_set_add_range(&s, &(struct ipaddr){ 0 }, &(struct ipaddr){ 0 }, false), ERR_SYNTAX);
	assert_false(prefix_set_has(&s, &a));
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	assert_int_equal(prefix_set_add_range(&s, &b, &a, false), ERR_DENIED);
	assert_false(prefix_set_has(&s, &a));
	assert_false(prefix_set_has(&s, &six));
	prefix_set_done(&s);
}

static void test_search(void **state)
{
	struct prefix_set s = { 0 };
	static const char *const in[] = { "192.0.2.0", "192.0.2.255", "10.255.255.255", "11.0.0.0", "11.200.0.1",
		"255.255.255.255", "2001:db8::", "2001:db8::ffff", "0.0.0.0" };
	static const char *const out[] = { "192.0.1.255", "192.0.3.0", "12.0.0.0", "10.255.255.254", "255.255.255.254",
		"2001:db8::1:0", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.1", "11.7.0.0" };
	struct ipaddr a;
	struct prefix p;

	(void)state;
	add_all(&s, "192.0.2.0/24 10.255.255.255-11.255.255.255 !11.7.0.0/16 255.255.255.255 2001:db8::/112 0.0.0.0");
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
		assert_int_equal(ipaddr_parse(slice_str(in[i]), &a), ERR_OK);
		assert_true(prefix_set_has(&s, &a));
		assert_int_equal(ipaddr_parse(slice_str(out[i]), &a), ERR_OK);
		assert_false(prefix_set_has(&s, &a));
	}
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.0.0/16"), &p), ERR_OK);
	assert_true(prefix_set_overlaps(&s, &p));
	assert_int_equal(prefix_parse(SLICE_LIT("11.7.0.0/17"), &p), ERR_OK);
	assert_false(prefix_set_overlaps(&s, &p));
	assert_int_equal(prefix_parse(SLICE_LIT("0.0.0.0/0"), &p), ERR_OK);
	assert_true(prefix_set_overlaps(&s, &p));
	assert_int_equal(prefix_parse(SLICE_LIT("2001:db8::/32"), &p), ERR_OK);
	assert_true(prefix_set_overlaps(&s, &p));
	prefix_set_done(&s);
}

static void test_sizes_and_missing(void **state)
{
	struct prefix_set a = { 0 }, b = { 0 };
	size_t prefixes;
	uint64_t n4, n6;

	(void)state;
	add_all(&a, "192.0.2.0/24 198.51.100.7 2001:db8::/48 2001:db8:ffff::1");
	add_all(&b, "192.0.2.0/25 198.51.100.0/24 2001:db8::/49");
	assert_int_equal(prefix_set_seal(&a), ERR_OK);
	assert_int_equal(prefix_set_seal(&b), ERR_OK);
	prefix_set_sizes(&a, &prefixes, &n4, &n6);
	assert_int_equal(prefixes, 4);
	assert_int_equal(n4, 257);
	assert_int_equal(n6, 65537);
	prefix_set_missing(&a, &b, &n4, &n6);
	assert_int_equal(n4, 128);
	assert_int_equal(n6, 32769);
	prefix_set_missing(&a, &a, &n4, &n6);
	assert_int_equal(n4 + n6, 0);
	prefix_set_done(&a);
	prefix_set_done(&b);
}

/* ---- beside the map */

struct check {
	const uint8_t *map;
	unsigned where, f;
	uint32_t next; /* the first number not looked at */
	struct prefix before;
};

/* Disjoint, ascending, exactly the map; two neighbours that could be one would not be minimal. */
static bool check_one(void *ctx, const struct prefix *p)
{
	struct check *c = ctx;
	unsigned low = c->f ? 14 : 2;
	struct ipaddr last = prefix_last(p);
	uint32_t i = (uint32_t)(p->addr.b[low] << 8 | p->addr.b[low + 1]),
		 end = (uint32_t)(last.b[low] << 8 | last.b[low + 1]);

	if (p->addr.family != (c->f ? 6 : 4))
		return true;
	assert_true(i >= c->next);
	for (uint32_t k = c->next; k < i; k++)
		assert_int_equal(c->map[k], 0);
	for (uint32_t k = i; k <= end; k++)
		assert_int_equal(c->map[k], 1);
	if (c->before.addr.family && c->before.len == p->len) {
		struct prefix joint = prefix_of(&p->addr, p->len - 1u);

		assert_false(prefix_has(&joint, &c->before.addr));
	}
	c->before = *p;
	c->next = end + 1;
	return true;
}

static void random_set(unsigned seed, unsigned where, unsigned f)
{
	static uint8_t map[WINDOW], out[WINDOW];
	struct prefix_set s = { 0 };
	struct check c = { map, where, f, 0, { .len = 0 } };
	unsigned ranges = 1u + (unsigned)rand() % 300;

	memset(map, 0, sizeof map);
	memset(out, 0, sizeof out);
	for (unsigned i = 0; i < ranges; i++) {
		uint32_t a = (uint32_t)rand() % WINDOW, n = (uint32_t)rand() % (rand() % 8 ? 40u : 9000u), b;
		struct ipaddr first, last;
		bool is_out = rand() % 3 == 0;

		if (rand() % 10 == 0)
			a = rand() % 2 ? 0 : WINDOW - 1;
		b = a + n < WINDOW ? a + n : WINDOW - 1;
		first = window_addr(where, f, a);
		last = window_addr(where, f, b);
		assert_int_equal(prefix_set_add_range(&s, &first, &last, is_out), ERR_OK);
		memset((is_out ? out : map) + a, 1, b - a + 1);
	}
	for (uint32_t i = 0; i < WINDOW; i++)
		map[i] = map[i] && !out[i];
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	prefix_set_each(&s, check_one, &c);
	for (uint32_t i = c.next; i < WINDOW; i++)
		assert_int_equal(map[i], 0);
	for (uint32_t i = 0; i < WINDOW; i += 1 + (uint32_t)rand() % 5) {
		struct ipaddr a = window_addr(where, f, i);

		if (prefix_set_has(&s, &a) != (map[i] == 1))
			fail_msg("seed %u where %u family %u number %u", seed, where, f, i);
	}
	prefix_set_done(&s);
}

/* More runs than are searched as a whole: every second address of the window. */
static void test_many_runs(void **state)
{
	struct prefix_set s = { 0 };

	(void)state;
	for (uint32_t i = 0; i < WINDOW; i += 2) {
		struct ipaddr a = window_addr(1, 0, i), b = window_addr(0, 0, i);

		assert_int_equal(prefix_set_add_range(&s, &a, &a, false), ERR_OK);
		assert_int_equal(prefix_set_add_range(&s, &b, &b, false), ERR_OK);
	}
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	assert_non_null(s.part);
	for (uint32_t i = 0; i < WINDOW; i++) {
		struct ipaddr a = window_addr(1, 0, i), b = window_addr(0, 0, i), none = window_addr(2, 0, i);

		assert_int_equal(prefix_set_has(&s, &a), i % 2 == 0);
		assert_int_equal(prefix_set_has(&s, &b), i % 2 == 0);
		assert_false(prefix_set_has(&s, &none));
	}
	prefix_set_done(&s);
}

static void test_beside_a_map(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++) {
		srand(seed);
		random_set(seed, seed % 3, seed / 3 % 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_both_ends),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_sizes_and_missing),
		cmocka_unit_test(test_beside_a_map),
		cmocka_unit_test(test_many_runs),
	};

	return cmocka_run_group_tests_name("prefix_set", tests, NULL, NULL);
}
