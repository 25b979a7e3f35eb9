/*
 * test_dns_mirror: what is put into the server's zone and taken out of it, in which
 * order, and what is left alone.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "dns_list_rig.h"

static void test_list_comes_and_goes(void **state)
{
	(void)state;
	run();
	assert_int_equal(primary.state, DNS_PRIMARY_OK);
	assert_int_equal(rig.records, TESTS);
	assert_listed("2.0.0.127." RIG_ZONE, 2);
	block("198.51.100.66", 10000, "K7M2-P4QX");
	block("2001:db8:66::/64", 100, "K7M2-P4QY");
	want(NULL, NULL);
	run();
	assert_int_equal(rig.records, TESTS + 4);
	assert_listed("66.100.51.198." RIG_ZONE, 2);
	assert_listed("*.0.0.0.0.6.6.0.0.8.b.d.0.1.0.0.2." RIG_ZONE, 2);
	assert_int_equal(find("66.100.51.198." RIG_ZONE, DNS_A)->ttl_s, 300);
	assert_int_equal(find("*.0.0.0.0.6.6.0.0.8.b.d.0.1.0.0.2." RIG_ZONE, DNS_A)->ttl_s, 100);
	/* nothing has changed: nothing is sent */
	rig.adds = 0;
	want(NULL, NULL);
	run();
	assert_int_equal(rig.adds, 0);
	/* the second is over */
	rig_now += 100;
	want(NULL, NULL);
	run();
	assert_int_equal(rig.records, TESTS + 2);
	assert_int_equal(rig.adds, 0);
	/* off: the tests alone */
	dns_mirror_want(&mirror, NULL, &conf);
	primary.is_dirty = true;
	run();
	assert_int_equal(rig.records, TESTS);
	assert_int_equal(rig.asked[1], 1);
}

static void test_reason_changes(void **state)
{
	(void)state;
	block("198.51.100.66", 10000, "K7M2-P4QX");
	want(NULL, NULL);
	run();
	blocks[0].flags = BLOCK_BY_PERSON;
	want(NULL, NULL);
	run();
	assert_listed("66.100.51.198." RIG_ZONE, 4);
	assert_int_equal(rig.records, TESTS + 2);
}

static void test_networks_and_holes(void **state)
{
	(void)state;
	block("192.0.2.7", 10000, "K7M2-P4QX");
	want("192.0.2.0/24", "192.0.2.128/25");
	run();
	assert_int_equal(rig.records, TESTS + 2 * 128);
	assert_listed("7.2.0.192." RIG_ZONE, 2);
	assert_listed("8.2.0.192." RIG_ZONE, 9);
	assert_null(find("*.2.0.192." RIG_ZONE, DNS_A));
	assert_null(find("200.2.0.192." RIG_ZONE, DNS_A));
	block_count = 0;
	want("192.0.2.0/24", NULL);
	run();
	assert_int_equal(rig.records, TESTS + 2);
	assert_listed("*.2.0.192." RIG_ZONE, 9);
	/* both families share the zone: no wildcard there */
	want("2.6.0.0/24", NULL);
	run();
	assert_int_equal(rig.records, TESTS + 2 * 256);
}

static void test_many_in_batches(void **state)
{
	char text[PREFIX_TEXT];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof text, "198.51.%u.%u", i / 250, i % 250);
		block(text, 10000, "K7M2-P4QX");
	}
	want(NULL, NULL);
	run();
	assert_int_equal(rig.records, TESTS + 2000);
	assert_true(rig.asked[2] >= 3);
	block_count = 500;
	want(NULL, NULL);
	run();
	assert_int_equal(rig.records, TESTS + 1000);
	/* a restart: what is there is read, and nothing is sent */
	rig.adds = rig.deletes = 0;
	dns_primary_init(&primary, &mirror, &key, RIG_ZONE);
	dns_mirror_done(&mirror);
	dns_mirror_init(&mirror, hash_key);
	want(NULL, NULL);
	run();
	assert_int_equal(rig.adds + rig.deletes, 0);
	assert_int_equal(rig.asked[1], 2);
	assert_int_equal(primary.state, DNS_PRIMARY_OK);
}

static void block_many(const char *network)
{
	char text[PREFIX_TEXT];

	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(text, sizeof text, "%s%u", network, i);
		block(text, 10000, "K7M2-P4QX");
	}
}

static unsigned count_listed(const char *network)
{
	char owner[DNS_NAME];
	unsigned count = 0;

	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(owner, sizeof owner, "%u.%s.%s", i, network, RIG_ZONE);
		count += find(owner, DNS_A) != NULL;
	}
	return count;
}

/* A block comes and goes while the names of a feed are on their way: it does not wait for them. */
static void test_blocks_go_first(void **state)
{
	const char *feed = "2.6.0.0/22"; /* 1,024 names */

	(void)state;
	block_many("198.51.100.");
	want(feed, NULL);
	run_updates(1);
	assert_int_equal(count_listed("100.51.198"), 20);
	run_updates(2);
	block_many("203.0.113.");
	want(feed, NULL);
	run_updates(3);
	assert_int_equal(count_listed("113.0.203"), 20);
	block_count = 20;
	want(feed, NULL);
	run_updates(4);
	assert_int_equal(count_listed("113.0.203"), 0);
	assert_in_range(rig.records, TESTS + 40 + 2 * 100, TESTS + 40 + 2 * 1000);
	run();
	assert_int_equal(rig.records, TESTS + 40 + 2 * 1024);
}

/* What a server has refused is sent again, wherever the walk stood. */
static void test_refused_names_come_again(void **state)
{
	uint8_t bytes[DNS_PRIMARY_OUT];
	enum dns_mirror_fate fate = DNS_MIRROR_REFUSED;
	enum dns_mirror_step step;
	unsigned taken = 0;

	(void)state;
	want("2.6.0.0/22", NULL);
	run();
	block("192.0.2.7", 10000, "K7M2-P4QX");
	want("2.6.0.0/22", NULL);
	do {
		struct dns_update u;

		dns_update_begin(&u, bytes, sizeof bytes, 1, RIG_ZONE);
		step = dns_mirror_fill(&mirror, &u, rig_now, 128);
		if (step != DNS_MIRROR_SEND)
			continue;
		taken += fate == DNS_MIRROR_TAKEN ? mirror.flights : 0;
		dns_mirror_settle(&mirror, fate);
		fate = DNS_MIRROR_TAKEN;
	} while (step != DNS_MIRROR_EVEN);
	assert_int_equal(taken, 1);
}

/* More blocks than a message has room for: all of them before the first name of a feed. */
static void test_all_blocks_go_first(void **state)
{
	char text[PREFIX_TEXT];

	(void)state;
	for (unsigned i = 0; i < 900; i++) {
		(void)snprintf(text, sizeof text, "198.51.%u.%u", i / 250, i % 250);
		block(text, 10000, "K7M2-P4QX");
	}
	want("2.6.0.0/22", NULL);
	for (unsigned n = 1; rig.records < TESTS + 2 * 900 && n < 10; n++)
		run_updates(n);
	assert_true(rig.asked[2] > 1);
	assert_int_equal(rig.records, TESTS + 2 * 900);
	assert_null(find("1.0.6.2." RIG_ZONE, DNS_A));
	run();
	assert_int_equal(rig.records, TESTS + 2 * (900 + 1024));
}

/* What nobody knows of is sent again as a whole. */
static void test_unknown_names_are_replaced(void **state)
{
	uint8_t bytes[DNS_PRIMARY_OUT];
	struct dns_update u;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		dns_update_begin(&u, bytes, sizeof bytes, 1, RIG_ZONE);
		assert_int_equal(dns_mirror_fill(&mirror, &u, rig_now, 128), DNS_MIRROR_SEND);
		assert_int_equal(u.records, TESTS * (1 + i));
		dns_mirror_settle(&mirror, DNS_MIRROR_UNKNOWN);
	}
}

/* The zone has more names of ours than there is room for: they go all the same, a part at a time. */
static void test_more_names_than_room(void **state)
{
	char owner[DNS_NAME];

	(void)state;
	mirror.names.cap = 12;
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(owner, sizeof owner, "%u.2.0.192.%s", i, RIG_ZONE);
		rig_add(&rig, owner, DNS_A, 60, "\177\0\0\2", 4);
	}
	run();
	assert_int_equal(rig.records, TESTS);
	assert_true(rig.asked[1] > 3);
	assert_int_equal(primary.state, DNS_PRIMARY_OK);
}

static void want_feeds(const char *feed, const char *other)
{
	want_all(feed, other, NULL);
}

/* Two feeds with names of the same kind: what is there is known again. */
static void test_feeds_are_told_apart(void **state)
{
	(void)state;
	want_feeds("192.0.2.0/24", "198.51.100.0/24");
	run();
	assert_listed("*.2.0.192." RIG_ZONE, 9);
	assert_listed("*.100.51.198." RIG_ZONE, 8);
	rig.adds = rig.deletes = 0;
	dns_primary_init(&primary, &mirror, &key, RIG_ZONE);
	run();
	assert_int_equal(rig.asked[1], 2);
	assert_int_equal(rig.adds + rig.deletes, 0);
}

/* Others' names stay; names of ours that we do not want go, whoever put them; changed ones are mended. */
static void test_what_is_there(void **state)
{
	(void)state;
	rig_add(&rig, RIG_ZONE, 2, 60, "\2ns\2bl\7example", 15);
	rig_add(&rig, "www." RIG_ZONE, DNS_A, 60, "\300\0\2\1", 4);
	rig_add(&rig, "1.2.0.192." RIG_ZONE, DNS_A, 60, "\177\0\0\2", 4);
	rig_add(&rig, "66.100.51.198." RIG_ZONE, DNS_A, 60, "\177\0\0\2", 4);
	rig_add(&rig, "66.100.51.198." RIG_ZONE, DNS_A, 60, "\177\0\0\3", 4);
	rig_add(&rig, "66.100.51.198." RIG_ZONE, 28, 60, "0123456789abcdef", 16);
	block("198.51.100.66", 10000, "K7M2-P4QX");
	want(NULL, NULL);
	run();
	assert_int_equal(rig.records, 3 + TESTS + 2);
	assert_non_null(find("www." RIG_ZONE, DNS_A));
	assert_non_null(find("66.100.51.198." RIG_ZONE, 28));
	assert_listed("66.100.51.198." RIG_ZONE, 2);
	assert_null(find("1.2.0.192." RIG_ZONE, DNS_A));
}

static void test_cap_of_feed_names(void **state)
{
	(void)state;
	mirror.cap_feeds = 10;
	block("192.0.2.7", 10000, "K7M2-P4QX");
	want("192.0.2.0/25", NULL);
	run();
	assert_listed("7.2.0.192." RIG_ZONE, 2);
	assert_int_equal(rig.records, TESTS + 2 * 11);
	assert_int_equal(mirror.left_out, 127 - 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_list_comes_and_goes),
		TEST(test_reason_changes),
		TEST(test_networks_and_holes),
		TEST(test_many_in_batches),
		TEST(test_blocks_go_first),
		TEST(test_refused_names_come_again),
		TEST(test_all_blocks_go_first),
		TEST(test_unknown_names_are_replaced),
		TEST(test_more_names_than_room),
		TEST(test_feeds_are_told_apart),
		TEST(test_what_is_there),
		TEST(test_cap_of_feed_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
