/*
 * mx_order: who is misrouted, in virtual time.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mx_order.h"

#define HOUR UINT64_C(3600)
#define DAY (24 * HOUR)
#define START UINT64_C(1000)

static struct mx_order *m;
static struct conf *conf;

static void set_list(struct conf_list *l, const char *a, const char *b)
{
	l->count = (uint32_t)(a != NULL) + (b != NULL);
	if (a)
		(void)snprintf(l->item[0], CONF_ITEM, "%s", a);
	if (b)
		(void)snprintf(l->item[1], CONF_ITEM, "%s", b);
}

static int setup(void **state)
{
	static const uint8_t key[SIPHASH_KEY] = { 1, 2, 3 };

	(void)state;
	m = calloc(1, sizeof *m);
	conf = calloc(1, sizeof *conf);
	if (!m || !conf)
		return -1;
	conf_defaults(conf);
	set_list(&conf->mx.better, "203.0.113.11", "2001:db8:1::11");
	set_list(&conf->mx.worse, "203.0.113.12", "2001:db8:1::12");
	mx_order_init(m, key);
	mx_order_configure(m, conf, START);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mx_order_done(m);
	free(m);
	free(conf);
	return 0;
}

static struct ipaddr address(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(slice_str(text), &a), ERR_OK);
	return a;
}

static void better(const char *client, uint64_t now)
{
	struct ipaddr a = address(client);

	mx_order_better(m, &a, now);
}

static bool worse(const char *client, uint64_t now)
{
	struct mx_visit v = { .at = now, .client = address(client), .name = "mail.example.net" };

	return mx_order_worse(m, &v);
}

static bool is_charged(const char *client, uint64_t now)
{
	struct ipaddr a = address(client);
	struct mx_visit v;

	if (!mx_order_next(m, now, &v))
		return false;
	assert_true(ipaddr_eq(&a, &v.client));
	assert_string_equal(v.name, "mail.example.net");
	return true;
}

static void test_sides(void **state)
{
	struct ipaddr a = address("203.0.113.11"), b = address("2001:db8:1::12"), c = address("203.0.113.13");

	(void)state;
	assert_true(mx_order_is_on(m));
	assert_int_equal(mx_order_side(m, &a), MX_BETTER);
	assert_int_equal(mx_order_side(m, &b), MX_WORSE);
	assert_int_equal(mx_order_side(m, &c), MX_OTHER);
	set_list(&conf->mx.worse, NULL, NULL);
	mx_order_configure(m, conf, START);
	assert_false(mx_order_is_on(m));
}

static void test_misrouted_when_others_come_before_and_after(void **state)
{
	uint64_t t = START + DAY;

	(void)state;
	better("192.0.2.1", t);
	assert_true(worse("198.51.100.7", t + 60));
	assert_false(is_charged("198.51.100.7", t + 60)); /* is the better one still there? */
	better("192.0.2.1", t + 120);
	assert_true(is_charged("198.51.100.7", t + 120));
	assert_false(is_charged("198.51.100.7", t + 120));
}

static void test_once_in_a_window(void **state)
{
	uint64_t t = START + DAY;

	(void)state;
	better("192.0.2.1", t);
	assert_true(worse("198.51.100.7", t));
	assert_false(worse("198.51.100.7", t + 1)); /* waits already */
	better("192.0.2.1", t + 2);
	assert_true(is_charged("198.51.100.7", t + 2));
	assert_false(worse("198.51.100.7", t + 3));
	better("192.0.2.1", t + 2 + DAY);
	assert_true(worse("198.51.100.7", t + 2 + DAY));
}

static void test_grace_after_start(void **state)
{
	(void)state;
	better("192.0.2.1", START + DAY - 1);
	assert_false(worse("198.51.100.7", START + DAY - 1));
	assert_true(worse("198.51.100.7", START + DAY));
}

static void test_who_came_to_the_better_one_is_free_for_a_window(void **state)
{
	uint64_t t = START + DAY;

	(void)state;
	better("198.51.100.7", t);
	better("192.0.2.1", t + DAY - 1);
	assert_false(worse("198.51.100.7", t + DAY - 1));
	assert_false(worse("198.51.100.200", t + DAY - 1)); /* the same farm */
	assert_true(worse("198.51.101.7", t + DAY - 1));
	assert_true(worse("198.51.100.7", t + DAY));
}

static void test_a_better_one_that_is_down_excuses(void **state)
{
	uint64_t t = START + DAY;

	(void)state;
	assert_false(worse("198.51.100.7", t)); /* nobody ever came there */
	better("192.0.2.1", t);
	assert_false(worse("198.51.100.7", t + 15 * 60 + 1)); /* nobody for too long */
	assert_true(worse("198.51.100.7", t + 15 * 60));
	/* it went down in between: the next one comes an hour later */
	better("192.0.2.1", t + HOUR);
	assert_false(is_charged("198.51.100.7", t + HOUR));
	mx_order_sweep(m, t + HOUR, 0);
	assert_int_equal(m->waiting, 0);
}

static void test_who_tries_both_at_a_time_is_free(void **state)
{
	uint64_t t = START + DAY;

	(void)state;
	better("192.0.2.1", t);
	assert_true(worse("198.51.100.7", t));
	better("198.51.100.8", t + 1);
	better("192.0.2.1", t + 2);
	assert_false(is_charged("198.51.100.7", t + 2));
}

static void test_families(void **state)
{
	uint64_t t = START + DAY;

	(void)state;
	better("192.0.2.1", t);
	assert_false(worse("2001:db8:7:1::1", t)); /* can the better one be reached by IPv6? */
	better("2001:db8:9::1", t);
	assert_true(worse("2001:db8:7:1::1", t));
	assert_true(worse("2001:db8:7:1::2", t)); /* the same /64 */
	better("192.0.2.1", t + 1);
	assert_false(is_charged("2001:db8:7:1::2", t + 1));
	better("2001:db8:9::1", t + 1);
	assert_true(is_charged("2001:db8:7:1::2", t + 1));
	assert_false(is_charged("2001:db8:7:1::1", t + 1));
	set_list(&conf->mx.better, "203.0.113.11", NULL);
	mx_order_configure(m, conf, t);
	better("192.0.2.1", t + DAY);
	assert_false(worse("2001:db8:8::1", t + DAY)); /* it cannot reach the better one */
	assert_true(worse("198.51.100.7", t + DAY));
}

static void test_reload_begins_anew_only_when_it_must(void **state)
{
	uint64_t t = START + DAY;

	(void)state;
	mx_order_configure(m, conf, t);
	better("192.0.2.1", t);
	assert_true(worse("198.51.100.7", t));
	conf->mx.window_s = 2 * DAY;
	mx_order_configure(m, conf, t + 1);
	assert_int_equal(m->waiting, 0);
	better("192.0.2.1", t + 2);
	assert_false(worse("198.51.100.7", t + 2));
}

/* Visits beyond the cap are let go; a full table charges nobody. */
static void test_caps(void **state)
{
	uint64_t t = START + DAY;
	char text[64];

	(void)state;
	better("192.0.2.1", t);
	for (unsigned i = 0; i < 2 * MX_ORDER_WAITING; i++) {
		(void)snprintf(text, sizeof text, "10.%u.%u.1", i / 256, i % 256);
		assert_int_equal(worse(text, t), i < MX_ORDER_WAITING);
	}
	for (unsigned i = 0; i < MX_ORDER_NETWORKS; i++) {
		(void)snprintf(text, sizeof text, "2001:%x:%x::1", 0x1000 + i / 65536, i % 65536);
		better(text, t);
	}
	assert_true(m->seen.count <= MX_ORDER_NETWORKS);
	assert_int_equal(m->waiting, 0);
	assert_false(worse("198.51.100.7", t));
	mx_order_sweep(m, t + DAY, 0);
	assert_int_equal(m->seen.count, 0);
	better("192.0.2.1", t + DAY);
	assert_true(worse("198.51.100.7", t + DAY));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(test_sides), TEST(test_misrouted_when_others_come_before_and_after),
		TEST(test_once_in_a_window), TEST(test_grace_after_start),
		TEST(test_who_came_to_the_better_one_is_free_for_a_window),
		TEST(test_a_better_one_that_is_down_excuses), TEST(test_who_tries_both_at_a_time_is_free),
		TEST(test_families), TEST(test_reload_begins_anew_only_when_it_must), TEST(test_caps) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
