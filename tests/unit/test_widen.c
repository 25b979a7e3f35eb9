/*
 * test_widen: which networks, what evidence, what vetoes.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/widen.h"

#define NOW 1000000u

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
	return p;
}

static void is_networks(const char *subject, const char *want)
{
	struct prefix p = prefix(subject), ret[WIDEN_STEPS];
	unsigned n = widen_networks(&p, ret);
	char text[PREFIX_TEXT], all[200] = "";

	for (unsigned i = 0; i < n; i++) {
		size_t len = strlen(all);

		(void)snprintf(all + len, sizeof all - len, "%s ", prefix_format(&ret[i], text));
	}
	assert_string_equal(all, want);
}

static void networks(void **state)
{
	(void)state;
	is_networks("192.0.2.7", "192.0.2.0/24 ");
	is_networks("192.0.2.0/24", "");
	is_networks("2001:db8:1:2::/64", "2001:db8:1::/56 2001:db8:1::/48 ");
	is_networks("2001:db8:1:200::/56", "2001:db8:1::/48 ");
	is_networks("2001:db8:1:2::5", "2001:db8:1::/56 2001:db8:1::/48 ");
	is_networks("100::7", "");
}

static void add(struct widen *w, const char *subject, uint32_t trap, uint64_t since)
{
	struct record_block b = { .subject = prefix(subject),
		.state = BLOCK_ACTIVE,
		.cause = CAUSE_HIT,
		.trap_id = trap,
		.since = since,
		.until = since + 86400 };

	widen_add(w, &b, NOW);
}

static struct widen net4(unsigned hosts)
{
	struct prefix p = prefix("192.0.2.0/24");
	struct widen w;

	widen_start(&w, &p);
	for (unsigned i = 0; i < hosts; i++) {
		char text[64];

		(void)snprintf(text, sizeof text, "192.0.2.%u", i + 1);
		add(&w, text, i + 1, NOW - 7200 + i * 1000);
	}
	return w;
}

static struct widen net6(unsigned hosts, unsigned step)
{
	struct prefix p = prefix("2001:db8:1::/48");
	struct widen w;

	widen_start(&w, &p);
	for (unsigned i = 0; i < hosts; i++) {
		char text[64];

		(void)snprintf(text, sizeof text, "2001:db8:1:%x::/64", i * step + 1);
		add(&w, text, i + 1, NOW - 7200 + i * 2000);
	}
	return w;
}

static void enough_and_not(void **state)
{
	struct widen w = net4(5);
	uint64_t until;

	(void)state;
	assert_true(widen_is_due(&w, NOW, &until));
	assert_int_equal(until, NOW - 7200 + 4000 + 86400);
	widen_veto(&w);
	assert_false(widen_is_due(&w, NOW, &until));
	w = net4(4);
	assert_false(widen_is_due(&w, NOW, &until));
	w = net6(3, 0x100);
	assert_true(widen_is_due(&w, NOW, &until));
	w = net6(9, 1); /* one /56: not the /48 */
	assert_false(widen_is_due(&w, NOW, &until));
}

static struct widen domain_of(unsigned senders)
{
	struct prefix p = prefix("100::dead");
	struct widen w;

	assert_int_equal(widen_start_domain(&w, &p, "google", "@Deals.example"), ERR_OK);
	for (unsigned i = 0; i < senders; i++) {
		struct record_block b = { .state = BLOCK_ACTIVE,
			.cause = CAUSE_HIT,
			.trap_id = i + 1,
			.since = NOW - 7200 + i * 2000,
			.until = NOW + 86400,
			.name = "google" };
		char text[64];

		(void)snprintf(text, sizeof text, "100::%x", i + 1);
		b.subject = prefix(text);
		(void)snprintf(b.sender, sizeof b.sender, "s%u@deals.EXAMPLE", i);
		widen_add(&w, &b, NOW);
	}
	return w;
}

static void domain(void **state)
{
	struct widen w = domain_of(3);
	struct record_block b = { .state = BLOCK_ACTIVE, .cause = CAUSE_HIT, .trap_id = 9, .until = NOW + 1 };
	uint64_t until;
	uint32_t before = w.subjects;

	(void)state;
	assert_true(widen_is_due(&w, NOW, &until));
	b.subject = prefix("192.0.2.1"); /* a host of that name is no sender */
	(void)snprintf(b.name, sizeof b.name, "google");
	(void)snprintf(b.sender, sizeof b.sender, "x@deals.example");
	widen_add(&w, &b, NOW);
	b.subject = prefix("100::77");
	(void)snprintf(b.name, sizeof b.name, "yahoo");
	widen_add(&w, &b, NOW);
	(void)snprintf(b.name, sizeof b.name, "google");
	(void)snprintf(b.sender, sizeof b.sender, "x@sub.deals.example");
	widen_add(&w, &b, NOW);
	(void)snprintf(b.sender, sizeof b.sender, "@deals.example"); /* the domain itself */
	widen_add(&w, &b, NOW);
	assert_int_equal(w.subjects, before);
	widen_veto(&w);
	assert_false(widen_is_due(&w, NOW, &until));
	w = domain_of(2);
	assert_false(widen_is_due(&w, NOW, &until));
	b.subject = prefix("100::dead");
	assert_int_equal(widen_start_domain(&w, &b.subject, "", "x@y.example"), ERR_SYNTAX);
	assert_int_equal(widen_start_domain(&w, &b.subject, "google", "x@"), ERR_SYNTAX);
}

static void one_trap_or_one_minute_is_no_evidence(void **state)
{
	struct prefix p = prefix("192.0.2.0/24");
	struct widen one_trap, one_minute;
	uint64_t until;

	(void)state;
	widen_start(&one_trap, &p);
	widen_start(&one_minute, &p);
	for (unsigned i = 0; i < 50; i++) {
		char text[64];

		(void)snprintf(text, sizeof text, "192.0.2.%u", i + 1);
		add(&one_trap, text, 1 + i % 2, NOW - 7200 + i * 100);
		add(&one_minute, text, i + 1, NOW - 60 + i);
	}
	assert_false(widen_is_due(&one_trap, NOW, &until));
	assert_false(widen_is_due(&one_minute, NOW, &until));
}

static void what_does_not_count(void **state)
{
	struct widen w = net4(0);
	struct record_block b = { .subject = prefix("192.0.2.9"),
		.state = BLOCK_ACTIVE,
		.cause = CAUSE_HIT,
		.since = NOW - 10,
		.until = NOW + 10 };

	(void)state;
	widen_add(&w, &b, NOW);
	assert_int_equal(w.subjects, 1);
	widen_add(&w, &b, NOW + 10); /* over */
	b.cause = CAUSE_PERSON;
	widen_add(&w, &b, NOW);
	b.cause = CAUSE_HIT;
	b.state = BLOCK_LIFTED;
	widen_add(&w, &b, NOW);
	b.state = BLOCK_ACTIVE;
	b.subject = prefix("192.0.3.9");
	widen_add(&w, &b, NOW);
	b.subject = prefix("192.0.2.0/24"); /* the wide block itself */
	widen_add(&w, &b, NOW);
	assert_int_equal(w.subjects, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks),
		cmocka_unit_test(enough_and_not),
		cmocka_unit_test(domain),
		cmocka_unit_test(one_trap_or_one_minute_is_no_evidence),
		cmocka_unit_test(what_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
