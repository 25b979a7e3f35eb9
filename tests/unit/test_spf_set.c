/*
 * spf_set: what is left when earlier rules take addresses away.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/spf_set.h"

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
	return p;
}

/* "+p -p ...": the rules. */
static struct spf_rules rules(const char *text)
{
	struct spf_rules r = { 0 };
	struct slice s = slice_str(text), word;

	while (slice_word(&s, &word)) {
		struct prefix p;

		assert_int_equal(prefix_parse(slice_from(word, 1), &p), ERR_OK);
		assert_int_equal(spf_rules_add(&r, &p, word.p[0] == '+'), ERR_OK);
	}
	return r;
}

static void check(const char *text, const char *want)
{
	struct spf_rules r = rules(text);
	struct spf_set s = { 0 };
	char was[4000] = "", one[PREFIX_TEXT];
	size_t n = 0;

	assert_int_equal(spf_rules_flatten(&r, &s), ERR_OK);
	for (size_t i = 0; i < s.count; i++)
		n += (size_t)snprintf(was + n, sizeof was - n, "%s%s", n ? " " : "", prefix_format(&s.prefix[i], one));
	assert_string_equal(was, want);
	spf_rules_done(&r);
	spf_set_done(&s);
}

static void rules_become_a_disjoint_set(void **state)
{
	(void)state;
	check("", "");
	check("+192.0.2.0/24", "192.0.2.0/24");
	check("-192.0.2.0/24", "");
	check("+198.51.100.1 +192.0.2.0/25 +192.0.2.7 +192.0.2.0/24", "192.0.2.0/24 198.51.100.1");
	check("+192.0.2.1 -192.0.2.0/24 +192.0.2.2 +198.51.100.0/24", "192.0.2.1 198.51.100.0/24");
	check("-192.0.2.0/25 +192.0.2.0/24", "192.0.2.128/25");
	check("+192.0.2.0/24 -192.0.2.0/25", "192.0.2.0/24");
	check("-192.0.2.1 +192.0.2.0/30", "192.0.2.0 192.0.2.2/31");
	check("-0.0.0.0/0 +192.0.2.0/24 +2001:db8::/32", "2001:db8::/32");
	check("-2001:db8::/33 +2001:db8::/32 +192.0.2.1", "192.0.2.1 2001:db8:8000::/33");
	check("-192.0.2.0/26 -192.0.2.128/26 +192.0.2.0/24", "192.0.2.64/26 192.0.2.192/26");
}

/* Each address of a small space, by the rules themselves. */
static void the_set_says_what_the_rules_say(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct spf_rules r = { 0 };
		struct spf_set s = { 0 };

		for (int i = 0; i < 12; i++) {
			struct ipaddr a = { .family = 4, .b = { 10, 0, 0, 0 } };
			struct prefix p;

			seed = seed * 1103515245u + 12345u;
			a.b[3] = (uint8_t)(seed >> 16);
			p = prefix_of(&a, 24 + (seed >> 24) % 9);
			assert_int_equal(spf_rules_add(&r, &p, (seed >> 12) & 1), ERR_OK);
		}
		assert_int_equal(spf_rules_flatten(&r, &s), ERR_OK);
		for (unsigned v = 0; v < 256; v++) {
			struct ipaddr a = { .family = 4, .b = { 10, 0, 0, (uint8_t)v } };
			bool want = false;

			for (size_t i = 0; i < r.count; i++) {
				if (!prefix_has(&r.rule[i].prefix, &a))
					continue;
				want = r.rule[i].is_pass;
				break;
			}
			assert_int_equal(spf_set_has(&s, &a), want);
		}
		for (size_t i = 1; i < s.count; i++)
			assert_false(prefix_overlaps(&s.prefix[i - 1], &s.prefix[i]));
		spf_rules_done(&r);
		spf_set_done(&s);
	}
}

static void the_world_is_known(void **state)
{
	struct spf_set s = { 0 };
	struct prefix p;
	uint64_t four, six;

	(void)state;
	assert_false(spf_set_is_world(&s));
	for (const char *const *t =
			(const char *const[]){ "0.0.0.0/0", "128.0.0.0/1", "2.0.0.0/7", "::/0", "2000::/3", NULL };
		*t; t++) {
		p = prefix(*t);
		assert_int_equal(spf_set_add(&s, &p), ERR_OK);
		assert_true(spf_set_is_world(&s));
		spf_set_done(&s);
	}
	for (const char *const *t =
			(const char *const[]){ "17.0.0.0/8", "2a01::/16", "2001:db8::/32", "192.0.2.0/24", NULL };
		*t; t++) {
		p = prefix(*t);
		assert_int_equal(spf_set_add(&s, &p), ERR_OK);
	}
	assert_false(spf_set_is_world(&s));
	spf_set_size(&s, &four, &six);
	assert_int_equal(four, 0x1000000 + 256);
	assert_int_equal(six, (UINT64_C(1) << 48) + (UINT64_C(1) << 32));
	for (unsigned i = 40; i < 44; i++) { /* the world in slices */
		p = (struct prefix){ .addr = { .family = 4, .b = { (uint8_t)i } }, .len = 8 };
		assert_int_equal(spf_set_add(&s, &p), ERR_OK);
	}
	spf_set_sort(&s);
	assert_true(spf_set_is_world(&s));
	spf_set_done(&s);
}

static void caps_hold(void **state)
{
	struct spf_rules r = { 0 };
	struct spf_set s = { 0 };
	struct prefix p = { .addr = { .family = 4 }, .len = 32 };
	size_t n = 0;

	(void)state;
	while (spf_rules_add(&r, &p, n % 2) == ERR_OK) {
		n++;
		p.addr.b[0] = (uint8_t)(n >> 8);
		p.addr.b[3] = (uint8_t)n;
	}
	assert_int_equal(n, SPF_SET_MAX);
	assert_int_equal(spf_rules_flatten(&r, &s), ERR_OK);
	assert_int_equal(s.count, SPF_SET_MAX / 2);
	spf_set_done(&s);
	/* a hole in each of many networks: more pieces than a set takes */
	spf_rules_done(&r);
	for (unsigned i = 0; i < 1000; i++) {
		p = (struct prefix){ .addr = { .family = 4, .b = { 10, (uint8_t)(i >> 8), (uint8_t)i, 7 } },
			.len = 32 };
		assert_int_equal(spf_rules_add(&r, &p, false), ERR_OK);
	}
	p = (struct prefix){ .addr = { .family = 4, .b = { 10 } }, .len = 8 };
	assert_int_equal(spf_rules_add(&r, &p, true), ERR_OK);
	assert_int_equal(spf_rules_flatten(&r, &s), ERR_LIMIT);
	assert_int_equal(s.count, 0);
	spf_rules_done(&r);
	spf_set_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_become_a_disjoint_set),
		cmocka_unit_test(the_set_says_what_the_rules_say),
		cmocka_unit_test(the_world_is_known),
		cmocka_unit_test(caps_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
