/*
 * test_feed_view: which feed says what of a client; the gate never says no
 * where a feed has an address.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/feed_view.h"
#include "set_rig.h"

static struct feed_view v;
static void *memory[FEEDS_MAX];

static int setup(void **state)
{
	(void)state;
	memset(&v, 0, sizeof v);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FEEDS_MAX; i++) {
		free(memory[i]);
		memory[i] = NULL;
	}
	feed_gate_done(&v.gate);
	return 0;
}

static void put_set(struct prefix_set *s, unsigned i)
{
	assert_int_equal(prefix_set_seal(s), ERR_OK);
	free(memory[i]);
	memory[i] = area_of(s, &v.feed[i].area);
	prefix_set_done(s);
}

/* list: prefixes between blanks. */
static void feed(unsigned i, enum conf_feed_action action, unsigned layers, double weight, const char *list)
{
	free(memory[i]);
	memory[i] = area_of_list(list, &v.feed[i].area);
	v.feed[i].is_used = true;
	v.feed[i].action = action;
	v.feed[i].layers = layers;
	v.feed[i].weight = weight;
	if (v.count <= i)
		v.count = i + 1;
}

static void make_gate(size_t budget)
{
	feed_gate_done(&v.gate);
	assert_int_equal(feed_gate_init(&v.gate), ERR_OK);
	for (unsigned i = 0; i < v.count; i++) {
		struct feed_gate_at at = { 0 };

		while (feed_one_blocks(&v.feed[i]) && feed_gate_fill(&v.gate, &v.feed[i].area, &at, budget))
			;
	}
}

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(slice_str(text), &a), ERR_OK);
	return a;
}

/* "" nobody, else "feed prefix". */
static const char *blocker(const char *client)
{
	static char text[80];
	char prefix[PREFIX_TEXT];
	struct ipaddr a = addr(client);
	struct feed_match m;

	if (!feed_view_blocks(&v, &a, &m))
		return "";
	(void)snprintf(text, sizeof text, "%u %s", m.feed, prefix_format(&m.prefix, prefix));
	return text;
}

static void each_does_its_own(void **state)
{
	struct ipaddr a = addr("198.51.100.7"), b = addr("192.0.2.7");
	struct feed_match m;
	struct prefix p;

	(void)state;
	feed(0, FEED_ACTION_SCORE, FEED_LAYER_POLICY, 5, "192.0.2.0/24 2001:db8:1::/48");
	feed(1, FEED_ACTION_ALLOW, FEED_LAYER_POLICY, 0, "198.51.100.0/25");
	feed(2, FEED_ACTION_BLOCK, FEED_LAYER_DNSBL, 0, "192.0.2.0/24");
	feed(3, FEED_ACTION_TARPIT, FEED_LAYER_POLICY, 0, "192.0.2.64/26 2001:db8:2::/48");
	feed(5, FEED_ACTION_BLOCK, FEED_LAYER_POLICY | FEED_LAYER_FIREWALL, 0, "192.0.2.0/24 203.0.113.9");
	feed(6, FEED_ACTION_LIST, FEED_LAYER_POLICY, 0, "203.0.113.0/24");
	feed(7, FEED_ACTION_SCORE, 0, 1.5, "192.0.2.0/25");
	assert_string_equal(blocker("192.0.2.7"), ""); /* no gate yet */
	make_gate(SIZE_MAX);
	assert_string_equal(blocker("192.0.2.7"), "5 192.0.2.0/24");
	assert_string_equal(blocker("192.0.2.65"), "3 192.0.2.64/26");
	assert_string_equal(blocker("2001:db8:2:5::1"), "3 2001:db8:2::/48");
	assert_string_equal(blocker("2001:db8:1::1"), "");
	assert_string_equal(blocker("203.0.113.9"), "5 203.0.113.9");
	assert_string_equal(blocker("203.0.113.10"), "");
	assert_string_equal(blocker("198.51.100.7"), "");
	assert_true(feed_view_allows(&v, &a, &m));
	assert_int_equal(m.feed, 1);
	assert_false(feed_view_allows(&v, &b, NULL));
	assert_int_equal(prefix_parse(SLICE_LIT("198.51.0.0/16"), &p), ERR_OK);
	assert_true(feed_view_allows_some(&v, &p));
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.7"), &p), ERR_OK);
	assert_false(feed_view_allows_some(&v, &p));
	assert_true(feed_view_score(&v, &p) > 6.4 && feed_view_score(&v, &p) < 6.6);
	assert_int_equal(prefix_parse(SLICE_LIT("203.0.113.9"), &p), ERR_OK);
	assert_true(feed_view_score(&v, &p) <= 0);
	assert_true(feed_view_has(&v, 6, &(struct ipaddr){ 4, { 203, 0, 113, 1 } }, &m));
	v.feed[5].is_used = false;
	assert_string_equal(blocker("192.0.2.7"), "");
}

/* Random sets, filled in stretches of any size: who is in a set passes the gate. */
static void the_gate_never_denies(void **state)
{
	(void)state;
	srandom(11);
	for (size_t budget = 1; budget < 4000; budget = budget * 3 + 1) {
		struct prefix_set s = { 0 };
		struct prefix in[300];

		for (unsigned i = 0; i < 300; i++) {
			struct ipaddr a = { .family = i % 3 ? 4 : 6 };

			for (unsigned b = 0; b < 16; b++)
				a.b[b] = a.family == 4 && b > 3 ? 0 : (uint8_t)(random() >> 8);
			in[i] = prefix_of(
				&a, a.family == 4 ? 8 + (unsigned)random() % 25 : 12 + (unsigned)random() % 117);
			assert_int_equal(prefix_set_add(&s, &in[i], false), ERR_OK);
		}
		put_set(&s, 0);
		v.feed[0].is_used = true;
		v.feed[0].action = FEED_ACTION_BLOCK;
		v.feed[0].layers = FEED_LAYER_POLICY;
		v.count = 1;
		make_gate(budget);
		for (unsigned i = 0; i < 300; i++) {
			struct ipaddr last = prefix_last(&in[i]);
			struct feed_match m;

			assert_true(feed_view_blocks(&v, &in[i].addr, &m));
			assert_true(feed_view_blocks(&v, &last, &m));
		}
	}
}

static void the_whole_of_a_family(void **state)
{
	struct prefix_set s = { 0 };
	struct prefix p;

	(void)state;
	assert_int_equal(prefix_parse(SLICE_LIT("0.0.0.0/0"), &p), ERR_OK);
	assert_int_equal(prefix_set_add(&s, &p, false), ERR_OK);
	assert_int_equal(prefix_parse(SLICE_LIT("::/0"), &p), ERR_OK);
	assert_int_equal(prefix_set_add(&s, &p, false), ERR_OK);
	put_set(&s, 0);
	v.feed[0] = (struct feed_one){ v.feed[0].area, true, FEED_ACTION_BLOCK, FEED_LAYER_POLICY, 0 };
	v.count = 1;
	make_gate(1);
	assert_string_equal(blocker("255.255.255.255"), "0 0.0.0.0/0");
	assert_string_equal(blocker("ffff::1"), "0 ::/0");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_does_its_own),
		TEST(the_gate_never_denies),
		TEST(the_whole_of_a_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
