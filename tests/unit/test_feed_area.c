/*
 * feed_area: random sets beside prefix_set and beside a map with one bit an
 * address; memory that others wrote.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "address_window.h"
#include "set_rig.h"

struct area {
	void *memory;
	size_t bytes;
	struct feed_area view;
};

static struct area make_area(const struct prefix_set *s)
{
	struct area a = { .bytes = feed_area_bytes(s) };

	a.memory = area_of(s, &a.view);
	assert_int_equal(a.view.bytes, a.bytes);
	return a;
}

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(slice_str(text), &a), ERR_OK);
	return a;
}

static void add(struct prefix_set *s, const char *first, const char *last)
{
	struct ipaddr a = addr(first), b = addr(last);

	assert_int_equal(prefix_set_add_range(s, &a, &b, false), ERR_OK);
}

static void expect_found(const struct feed_area *a, const char *client, const char *want)
{
	struct ipaddr c = addr(client);
	char text[PREFIX_TEXT];
	struct prefix p;

	assert_int_equal(feed_area_find(a, &c, NULL), want != NULL);
	if (feed_area_find(a, &c, &p))
		assert_string_equal(prefix_format(&p, text), want);
}

static void test_examples(void **state)
{
	struct prefix_set s = { 0 };
	struct area a;
	struct prefix p;

	(void)state;
	add(&s, "192.0.2.1", "192.0.2.6");
	add(&s, "255.255.255.0", "255.255.255.255");
	add(&s, "0.0.0.0", "0.0.0.0");
	add(&s, "2001:db8::", "2001:db8:0:1::");
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	a = make_area(&s);
	expect_found(&a.view, "192.0.2.1", "192.0.2.1");
	expect_found(&a.view, "192.0.2.3", "192.0.2.2/31");
	expect_found(&a.view, "192.0.2.6", "192.0.2.6");
	expect_found(&a.view, "192.0.2.7", NULL);
	expect_found(&a.view, "192.0.2.0", NULL);
	expect_found(&a.view, "255.255.255.255", "255.255.255.0/24");
	expect_found(&a.view, "0.0.0.0", "0.0.0.0");
	expect_found(&a.view, "2001:db8::7", "2001:db8::/64");
	expect_found(&a.view, "2001:db8:0:1::", "2001:db8:0:1::");
	expect_found(&a.view, "2001:db8:0:1::1", NULL);
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.0/31"), &p), ERR_OK);
	assert_true(feed_area_overlaps(&a.view, &p));
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.7"), &p), ERR_OK);
	assert_false(feed_area_overlaps(&a.view, &p));
	assert_int_equal(prefix_parse(SLICE_LIT("0.0.0.0/0"), &p), ERR_OK);
	assert_true(feed_area_overlaps(&a.view, &p));
	assert_false(feed_area_find(&a.view, &(struct ipaddr){ 0 }, NULL));
	assert_false(feed_area_overlaps(&a.view, &(struct prefix){ 0 }));
	assert_int_equal(a.view.ipv4, 6 + 256 + 1);
	assert_int_equal(a.view.ipv6, 2);
	free(a.memory);
	prefix_set_done(&s);
}

static void test_empty(void **state)
{
	struct prefix_set s = { 0 };
	struct feed_area none = { 0 };
	struct area a;

	(void)state;
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	a = make_area(&s);
	expect_found(&a.view, "192.0.2.1", NULL);
	expect_found(&a.view, "2001:db8::1", NULL);
	expect_found(&none, "192.0.2.1", NULL);
	expect_found(&none, "2001:db8::1", NULL);
	assert_int_equal(a.view.prefixes, 0);
	free(a.memory);
	prefix_set_done(&s);
}

/* ---- beside the map and beside prefix_set */

struct list {
	struct prefix *p;
	size_t count, size;
};

static bool list_add(void *ctx, const struct prefix *p)
{
	struct list *l = ctx;

	if (l->count == l->size) {
		l->size = l->size ? 2 * l->size : 64;
		l->p = reallocarray(l->p, l->size, sizeof *l->p);
		assert_non_null(l->p);
	}
	l->p[l->count++] = *p;
	return true;
}

static void same_prefixes(const struct prefix_set *s, const struct feed_area *a)
{
	struct list x = { 0 }, y = { 0 };

	prefix_set_each(s, list_add, &x);
	feed_area_each(a, list_add, &y);
	assert_int_equal(x.count, y.count);
	assert_int_equal(x.count, a->prefixes);
	for (size_t i = 0; i < x.count; i++)
		assert_true(prefix_eq(&x.p[i], &y.p[i]));
	free(x.p);
	free(y.p);
}

/* Holds the client, is in the set, and the one twice as large is not. */
static void check_found(const struct prefix_set *s, const struct ipaddr *c, const struct prefix *p)
{
	struct prefix_set one = { 0 };
	uint64_t n4, n6;

	assert_true(prefix_has(p, c));
	for (unsigned len = p->len; len + 1 >= p->len && len <= p->len; len--) {
		struct prefix q = prefix_of(c, len);

		assert_int_equal(prefix_set_add(&one, &q, false), ERR_OK);
		assert_int_equal(prefix_set_seal(&one), ERR_OK);
		prefix_set_missing(&one, s, &n4, &n6);
		/* of IPv6 missing counts /64s that are touched; the window lies in one */
		assert_int_equal(n4 + n6 == 0, len == p->len);
		prefix_set_done(&one);
		if (len == 0)
			break;
	}
}

static void random_set(unsigned seed, unsigned where, unsigned f, unsigned ranges, unsigned widest)
{
	static uint8_t map[WINDOW], out[WINDOW];
	struct prefix_set s = { 0 };
	struct area a;

	memset(map, 0, sizeof map);
	memset(out, 0, sizeof out);
	for (unsigned i = 0; i < ranges; i++) {
		uint32_t from = (uint32_t)rand() % WINDOW, n = (uint32_t)rand() % widest, to;
		bool is_out = rand() % 3 == 0;
		struct ipaddr first, last;

		to = from + n < WINDOW ? from + n : WINDOW - 1;
		first = window_addr(where, f, from);
		last = window_addr(where, f, to);
		assert_int_equal(prefix_set_add_range(&s, &first, &last, is_out), ERR_OK);
		memset((is_out ? out : map) + from, 1, to - from + 1);
	}
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	a = make_area(&s);
	same_prefixes(&s, &a.view);
	for (uint32_t i = 0; i < WINDOW; i++) {
		struct ipaddr c = window_addr(where, f, i);
		struct prefix p;
		bool is_in = feed_area_find(&a.view, &c, &p);

		if (is_in != (map[i] && !out[i]) || is_in != prefix_set_has(&s, &c))
			fail_msg("seed %u where %u family %u number %u", seed, where, f, i);
		if (is_in && rand() % 64 == 0)
			check_found(&s, &c, &p);
		p = prefix_of(&c, f ? 96u + (unsigned)rand() % 33 : (unsigned)rand() % 33);
		assert_int_equal(feed_area_overlaps(&a.view, &p), prefix_set_overlaps(&s, &p));
	}
	free(a.memory);
	prefix_set_done(&s);
}

static void test_beside_a_map(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 24; seed++) {
		srand(seed);
		random_set(seed, seed % 3, seed / 3 % 2, 1 + (unsigned)rand() % 300, seed % 2 ? 40 : 9000);
	}
	/* so many that the table and the samples are used */
	for (unsigned f = 0; f < 2; f++)
		random_set(100 + f, 2, f, 20000, 3);
}

/* Many parts: every second address of each of a hundred /16. */
static void test_table(void **state)
{
	struct prefix_set s = { 0 }, back = { 0 };
	struct area a;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		for (uint32_t k = 0; k < 200; k++) {
			struct ipaddr c = { .family = 4, .b = { 11, (uint8_t)(2 * i), (uint8_t)k, 7 } };

			assert_int_equal(prefix_set_add_range(&s, &c, &c, false), ERR_OK);
		}
	}
	add(&s, "12.255.255.0", "13.7.0.3");
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	a = make_area(&s);
	assert_non_null(a.view.part);
	same_prefixes(&s, &a.view);
	expect_found(&a.view, "11.0.0.7", "11.0.0.7");
	expect_found(&a.view, "11.1.0.7", NULL);
	expect_found(&a.view, "11.198.199.7", "11.198.199.7");
	expect_found(&a.view, "11.198.199.8", NULL);
	expect_found(&a.view, "12.255.255.9", "12.255.255.0/24");
	expect_found(&a.view, "13.3.0.0", "13.0.0.0/14");
	expect_found(&a.view, "13.7.0.2", "13.7.0.0/30");
	assert_int_equal(feed_area_add_to(&a.view, &back), ERR_OK);
	assert_int_equal(prefix_set_seal(&back), ERR_OK);
	same_prefixes(&back, &a.view);
	free(a.memory);
	prefix_set_done(&s);
	prefix_set_done(&back);
}

/* ---- memory that others wrote */

static bool count_some(void *ctx, const struct prefix *p)
{
	unsigned *left = ctx;

	assert_true(p->addr.family == 4 || p->addr.family == 6);
	return --*left > 0;
}

static void use(const void *memory, size_t bytes)
{
	struct prefix_set back = { 0 };
	struct feed_area a;
	unsigned left = 100000;

	if (feed_area_open(&a, memory, bytes) != ERR_OK)
		return;
	assert_true(a.bytes <= bytes);
	for (unsigned i = 0; i < 500; i++) {
		struct ipaddr c = window_addr((unsigned)rand() % 3, (unsigned)rand() % 2, (uint32_t)rand() % WINDOW);
		struct prefix p = { .len = 0 }, q = prefix_of(&c, (unsigned)rand() % 129);

		if (feed_area_find(&a, &c, &p))
			assert_true(prefix_has(&p, &c));
		(void)feed_area_overlaps(&a, &q);
	}
	feed_area_each(&a, count_some, &left);
	assert_int_equal(feed_area_add_to(&a, &back), ERR_OK);
	assert_int_equal(prefix_set_seal(&back), ERR_OK);
	prefix_set_done(&back);
}

static struct area many(void)
{
	struct prefix_set s = { 0 };
	struct area a;

	for (uint32_t i = 0; i < WINDOW; i += 8) {
		struct ipaddr four = window_addr(2, 0, i), six = window_addr(2, 1, i);

		assert_int_equal(prefix_set_add_range(&s, &four, &four, false), ERR_OK);
		if (i % 256 == 0)
			assert_int_equal(prefix_set_add_range(&s, &six, &six, false), ERR_OK);
	}
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	a = make_area(&s);
	prefix_set_done(&s);
	return a;
}

static void test_flipped_bits(void **state)
{
	struct area a = many();
	uint8_t *copy = malloc(a.bytes);

	(void)state;
	assert_non_null(copy);
	for (unsigned seed = 1; seed <= 200; seed++) {
		unsigned flips;

		srand(seed);
		memcpy(copy, a.memory, a.bytes);
		flips = 1u + (unsigned)rand() % (seed % 2 ? 4 : 5000);
		for (unsigned i = 0; i < flips; i++) {
			/* mostly behind the header, that it opens; also in the header alone */
			size_t at = seed % 4 ? 64 + (size_t)rand() % (a.bytes - 64) : (size_t)rand() % 64;

			copy[at] ^= (uint8_t)(1u << (unsigned)rand() % 8);
		}
		use(copy, a.bytes);
	}
	free(copy);
	free(a.memory);
}

static void test_random_bytes(void **state)
{
	struct area a = many();
	uint8_t *copy = malloc(a.bytes);

	(void)state;
	assert_non_null(copy);
	for (unsigned seed = 1; seed <= 50; seed++) {
		srand(seed);
		for (size_t i = 0; i < a.bytes; i++)
			copy[i] = (uint8_t)rand();
		use(copy, a.bytes);
		/* a right header and nothing right behind it */
		memcpy(copy, a.memory, 64);
		use(copy, a.bytes);
	}
	free(copy);
	free(a.memory);
}

/* Each shorter length is refused, and its end is not read. */
static void test_cut(void **state)
{
	struct area a = many();
	struct feed_area view;

	(void)state;
	for (size_t n = 0; n < a.bytes; n += n < 200 ? 1 : 4099) {
		void *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, a.memory, n);
		assert_int_equal(feed_area_open(&view, copy, n), ERR_SYNTAX);
		free(copy);
	}
	assert_int_equal(feed_area_open(&view, (uint8_t *)a.memory + 4, a.bytes - 4), ERR_SYNTAX);
	((uint8_t *)a.memory)[4] ^= 2;
	assert_int_equal(feed_area_open(&view, a.memory, a.bytes), ERR_VERSION);
	free(a.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_beside_a_map),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_flipped_bits),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("feed_area", tests, NULL, NULL);
}
