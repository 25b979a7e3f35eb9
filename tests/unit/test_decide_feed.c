/*
 * test_decide_feed: what a list from outside does, and what it does not, in
 * virtual time.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/decide.h"

#define T0 UINT64_C(1790000000)
#define HOUR 3600u
#define DAY 86400u

static struct conf conf;
static struct record_hit_sum sum;
static struct record_block block;
static bool has_block;
static double good, listed;
static bool is_allowed;
static uint64_t digests;

static int setup(void **state)
{
	(void)state;
	conf_defaults(&conf);
	conf.block.jitter = 0;
	sum = (struct record_hit_sum){ 0 };
	block = (struct record_block){ 0 };
	has_block = is_allowed = false;
	good = listed = 0;
	return 0;
}

static struct decide_view view(void)
{
	return (struct decide_view){ .conf = &conf,
		.sum = &sum,
		.block = has_block ? &block : NULL,
		.good = good,
		.is_allowed = is_allowed,
		.listed = listed };
}

static enum decide_listed contact(uint64_t now)
{
	struct decide_contact c = { .feed = "drop", .time_s = DAY, .name = SLICE_LIT("mail.example.net"), .random = 7 };
	struct decide_view v = view();
	enum decide_listed l;

	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.9"), &c.subject), ERR_OK);
	l = decide_feed(&v, &c, now, &block);
	has_block = has_block || l == LISTED_BLOCK;
	return l;
}

static struct decide_verdict hit(enum grade g, uint32_t trap, uint64_t now)
{
	struct decide_event e = { .grade = g,
		.trap_id = trap,
		.trap_weight = 1,
		.digest = ++digests,
		.sender_digest = trap,
		.random = UINT64_C(1) << 63 };
	struct decide_view v = view();
	struct decide_verdict r;

	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.9"), &e.subject), ERR_OK);
	decide_hit(&v, &e, now, &r);
	sum = r.sum;
	if (r.kind == DECIDE_BLOCK || r.kind == DECIDE_RENEW)
		block = r.block;
	return r;
}

static void first_contact_blocks(void **state)
{
	(void)state;
	assert_int_equal(contact(T0), LISTED_BLOCK);
	assert_int_equal(block.cause, CAUSE_FEED);
	assert_string_equal(block.tag, "drop");
	assert_string_equal(block.name, "mail.example.net");
	assert_int_equal(block.until, T0 + DAY);
	assert_int_equal(block.offence, 1);
	assert_int_not_equal(block.case_id[0], 0);
	assert_int_equal(decide_reply_code(&conf, CAUSE_FEED, block.offence), conf.block.reply_later);
	assert_int_equal(contact(T0 + DAY - 1), LISTED_STANDS);
	assert_int_equal(contact(T0 + DAY), LISTED_BLOCK); /* anew, and the same offence */
	assert_int_equal(block.offence, 1);
}

static void who_is_spared(void **state)
{
	(void)state;
	good = 0.5;
	assert_int_equal(contact(T0), LISTED_SPARED);
	is_allowed = true;
	assert_int_equal(contact(T0), LISTED_ALLOWED);
	assert_false(has_block);
}

static void a_pardon_holds(void **state)
{
	(void)state;
	assert_int_equal(contact(T0), LISTED_BLOCK);
	decide_lift(&conf, &block, T0 + HOUR);
	assert_int_equal(contact(T0 + 2 * HOUR), LISTED_PARDONED);
	assert_int_equal(contact(T0 + HOUR + conf.block.pardon_s), LISTED_BLOCK);
}

/* A person's and a trap's block stay what they are. */
static void another_block_stands(void **state)
{
	struct prefix p;

	(void)state;
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.9"), &p), ERR_OK);
	decide_person(&conf, NULL, &p, HOUR, T0, 5, &block);
	has_block = true;
	assert_int_equal(contact(T0 + 1), LISTED_STANDS);
	block.state = BLOCK_HELD;
	assert_int_equal(contact(T0 + 2), LISTED_STANDS);
	assert_int_equal(block.cause, CAUSE_PERSON);
}

/* The trap's block takes the place of the feed's, and ends no earlier. It is the host's first offence. */
static void a_hit_wins(void **state)
{
	struct decide_verdict v;

	(void)state;
	conf.block.first_s = HOUR;
	assert_int_equal(contact(T0), LISTED_BLOCK);
	assert_int_equal(hit(GRADE_BULK, 1, T0 + 1).kind, DECIDE_NOTHING);
	assert_int_equal(block.cause, CAUSE_FEED);
	v = hit(GRADE_CONFIRMED, 1, T0 + 2);
	assert_int_equal(v.kind, DECIDE_BLOCK);
	assert_int_equal(block.cause, CAUSE_HIT);
	assert_int_equal(block.offence, 1);
	assert_int_equal(block.until, T0 + DAY);
	assert_int_equal(block.forget_at, block.until + conf.block.forget_s);
	assert_int_equal(contact(T0 + 3), LISTED_STANDS);
}

/* An offence is remembered through a feed's block; a feed's block is none. */
static void offences_are_of_hits(void **state)
{
	(void)state;
	assert_int_equal(contact(T0), LISTED_BLOCK);
	assert_int_equal(hit(GRADE_CONFIRMED, 1, T0 + 2 * DAY).kind, DECIDE_BLOCK);
	assert_int_equal(block.offence, 1);
	assert_int_equal(contact(block.until), LISTED_BLOCK);
	assert_int_equal(block.offence, 1);
	assert_int_equal(hit(GRADE_CONFIRMED, 2, block.until + 1).kind, DECIDE_BLOCK);
	assert_int_equal(block.offence, 2);
	assert_int_equal(contact(block.until), LISTED_BLOCK);
	decide_lift(&conf, &block, block.since + 1); /* the list lets go of him: nobody forgave anything */
	block.pardon_until = 0;
	assert_int_equal(hit(GRADE_CONFIRMED, 4, block.since + 2).kind, DECIDE_BLOCK);
	assert_int_equal(block.offence, 3);
	assert_int_equal(contact(block.until + conf.block.forget_s), LISTED_BLOCK);
	assert_int_equal(hit(GRADE_CONFIRMED, 3, block.until + 1).kind, DECIDE_BLOCK);
	assert_int_equal(block.offence, 1);
}

static void a_score_feed_adds_to_hits_alone(void **state)
{
	struct decide_verdict v;

	(void)state;
	listed = 50;
	assert_int_equal(hit(GRADE_BACKSCATTER, 1, T0).kind, DECIDE_NOTHING);
	assert_int_equal(hit(GRADE_PROBE, 1, T0 + 1).kind, DECIDE_NOTHING);
	listed = 5;
	sum = (struct record_hit_sum){ 0 };
	v = hit(GRADE_BULK, 1, T0 + 2);
	assert_int_equal(v.kind, DECIDE_NOTHING);
	assert_true(v.score > 6.9 && v.score < 7.1);
	v = hit(GRADE_UNSEEN, 2, T0 + 3); /* 2 + 6 + 5: kept without what the list adds */
	assert_int_equal(v.kind, DECIDE_BLOCK);
	assert_true(sum.score > 7.9 && sum.score < 8.1);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_contact_blocks),
		TEST(who_is_spared),
		TEST(a_pardon_holds),
		TEST(another_block_stands),
		TEST(a_hit_wins),
		TEST(offences_are_of_hits),
		TEST(a_score_feed_adds_to_hits_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
