/*
 * test_decide: DESIGN 6 as a table of small stories in virtual time.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/decide.h"

#define T0 UINT64_C(1790000000)
#define HOUR 3600
#define DAY 86400

static struct conf conf;

struct host {
	struct record_hit_sum sum;
	struct record_block block;
	bool has_block;
	double good;
	bool is_allowed;
	uint64_t digests;
};

static struct decide_event event_of(struct host *h, enum grade g, uint32_t trap)
{
	struct decide_event e = { .grade = g,
		.trap_id = trap,
		.trap_weight = 1,
		.digest = ++h->digests,
		.sender_digest = trap,
		.sender = SLICE_LIT("a@b.example"),
		.random = UINT64_C(1) << 63 };

	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.9"), &e.subject), ERR_OK);
	return e;
}

static struct decide_view view_of(const struct host *h)
{
	return (struct decide_view){ &conf, &h->sum, h->has_block ? &h->block : NULL, h->good, h->is_allowed };
}

static struct decide_verdict hit_event(struct host *h, const struct decide_event *e, uint64_t now)
{
	struct decide_view v = view_of(h);
	struct decide_verdict r;

	decide_hit(&v, e, now, &r);
	if (r.kind != DECIDE_RETRY)
		h->sum = r.sum;
	if (r.kind == DECIDE_BLOCK || r.kind == DECIDE_RENEW) {
		h->block = r.block;
		h->has_block = true;
	}
	return r;
}

static struct decide_verdict hit(struct host *h, enum grade g, uint32_t trap, uint64_t now)
{
	struct decide_event e = event_of(h, g, trap);

	return hit_event(h, &e, now);
}

static int setup(void **state)
{
	(void)state;
	conf_defaults(&conf);
	conf.block.jitter = 0;
	return 0;
}

static void unknown_host_is_blocked_at_once(void **state)
{
	struct host h = { 0 };
	struct decide_verdict v = hit(&h, GRADE_CONFIRMED, 1, T0);

	(void)state;
	assert_int_equal(v.kind, DECIDE_BLOCK);
	assert_int_equal(v.block.offence, 1);
	assert_int_equal(v.block.until, T0 + DAY);
	assert_true(decide_block_is_active(&v.block, T0 + DAY - 1));
	assert_false(decide_block_is_active(&v.block, T0 + DAY));
	assert_int_equal(decide_reply_code(&conf, CAUSE_HIT, 1), 450);
	assert_int_equal(decide_reply_code(&conf, CAUSE_HIT, 2), 554);
	assert_int_equal(decide_reply_code(&conf, CAUSE_FEED, 1), 554);
}

static void probes_alone_never_block(void **state)
{
	struct host h = { 0 };

	(void)state;
	for (uint32_t i = 1; i <= 100; i++)
		assert_int_equal(hit(&h, GRADE_PROBE, i, T0 + i).kind, DECIDE_NOTHING);
}

/* A host that was told by a 550, or was blocked before, must not find traps by RCPT. */
static void probes_never_block_beside_other_hits(void **state)
{
	struct host h = { 0 };

	(void)state;
	assert_int_equal(hit(&h, GRADE_UNSEEN, 1, T0).kind, DECIDE_NOTHING);
	for (uint32_t i = 2; i <= 20; i++)
		assert_int_equal(hit(&h, GRADE_PROBE, i, T0 + i).kind, DECIDE_NOTHING);
	assert_true(h.sum.score >= conf.decide.threshold);
	assert_int_equal(hit(&h, GRADE_UNSEEN, 2, T0 + 60).kind, DECIDE_BLOCK); /* they count for what follows */
}

static void backscatter_insider_exempt_never_block(void **state)
{
	static const enum grade grades[] = { GRADE_BACKSCATTER, GRADE_INSIDER, GRADE_EXEMPT };
	struct host h = { 0 };

	(void)state;
	for (uint32_t i = 1; i <= 200; i++)
		assert_int_equal(hit(&h, grades[i % 3], i, T0 + i).kind, DECIDE_NOTHING);
}

static void two_unseen_block(void **state)
{
	struct host h = { 0 };

	(void)state;
	assert_int_equal(hit(&h, GRADE_UNSEEN, 1, T0).kind, DECIDE_NOTHING);
	assert_int_equal(hit(&h, GRADE_UNSEEN, 2, T0 + 60).kind, DECIDE_BLOCK);
}

static void good_mail_raises_the_need(void **state)
{
	struct host h = { .good = 10 };

	(void)state;
	assert_int_equal(hit(&h, GRADE_CONFIRMED, 1, T0).kind, DECIDE_NOTHING);
	assert_int_equal(hit(&h, GRADE_CONFIRMED, 2, T0).kind, DECIDE_BLOCK);
}

static void fifty_traps_always_block(void **state)
{
	struct host h = { .good = 100 };
	enum decide_kind last = DECIDE_NOTHING;

	(void)state;
	for (uint32_t i = 1; i <= 50 && last == DECIDE_NOTHING; i++)
		last = hit(&h, GRADE_CONFIRMED, i, T0 + i * DAY).kind;
	assert_int_equal(last, DECIDE_BLOCK);
	assert_int_equal(h.sum.traps, 50);
}

/* What machines and lists send to forged senders, or to traps that were subscribed, blocks by its score alone. */
static void fifty_traps_and_then_a_reply(void **state)
{
	struct host h = { .good = 100 };

	(void)state;
	for (uint32_t i = 1; i <= 50; i++)
		(void)hit(&h, GRADE_CONFIRMED, i, T0 + i * DAY);
	decide_lift(&conf, &h.block, T0 + 51 * DAY);
	assert_int_equal(hit(&h, GRADE_AUTOMATIC, 51, T0 + 60 * DAY).kind, DECIDE_NOTHING);
	assert_int_equal(hit(&h, GRADE_BULK, 52, T0 + 61 * DAY).kind, DECIDE_NOTHING);
	assert_int_equal(hit(&h, GRADE_UNSEEN, 53, T0 + 62 * DAY).kind, DECIDE_BLOCK);
}

static void allowed_is_never_blocked(void **state)
{
	struct host h = { .is_allowed = true };

	(void)state;
	for (uint32_t i = 1; i <= 60; i++)
		assert_int_equal(hit(&h, GRADE_CONFIRMED, i, T0).kind, DECIDE_NOTHING);
}

static void a_retry_counts_once(void **state)
{
	struct host h = { .good = 10 };
	struct decide_event e = event_of(&h, GRADE_CONFIRMED, 1);

	(void)state;
	assert_int_equal(hit_event(&h, &e, T0).kind, DECIDE_NOTHING);
	for (int i = 1; i < 20; i++)
		assert_int_equal(hit_event(&h, &e, T0 + (uint64_t)i * HOUR).kind, DECIDE_RETRY);
}

static void offences_escalate_and_are_forgotten(void **state)
{
	static const uint64_t days[] = { 1, 2, 4, 8, 14, 14 };
	struct host h = { 0 };
	uint64_t now = T0;

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		struct decide_verdict v = hit(&h, GRADE_CONFIRMED, i + 1, now);

		assert_int_equal(v.kind, DECIDE_BLOCK);
		assert_int_equal(v.block.offence, i + 1);
		assert_int_equal(v.block.until - now, days[i] * DAY);
		now = v.block.until;
	}
	now += conf.block.forget_s;
	assert_int_equal(hit(&h, GRADE_CONFIRMED, 99, now).block.offence, 1);
}

static void generic_names_are_blocked_shorter(void **state)
{
	struct host h = { .has_block = true, .block = { .offence = 4, .forget_at = T0 + DAY } };
	struct decide_event e = event_of(&h, GRADE_CONFIRMED, 1);

	(void)state;
	e.is_generic = true;
	assert_int_equal(hit_event(&h, &e, T0).block.until - T0, conf.block.generic_max_s);
}

static void only_another_trap_or_sender_renews(void **state)
{
	struct host h = { 0 };
	struct decide_event e = event_of(&h, GRADE_CONFIRMED, 1);
	uint64_t until;

	(void)state;
	assert_int_equal(hit_event(&h, &e, T0).kind, DECIDE_BLOCK);
	until = h.block.until;
	e.digest = 1000; /* another message, same trap and sender */
	assert_int_equal(hit_event(&h, &e, T0 + HOUR).kind, DECIDE_NOTHING);
	assert_int_equal(h.block.until, until);
	assert_int_equal(hit(&h, GRADE_PROBE, 2, T0 + HOUR).kind, DECIDE_RENEW);
	assert_int_equal(h.block.until, until + HOUR);
	assert_int_equal(h.block.offence, 1);
}

/* Who bounces, or asks back, for mail that somebody forged in a trap's name is innocent of that. */
static void a_null_sender_at_rcpt_alone_renews_nothing(void **state)
{
	struct host h = { 0 };
	struct decide_event e;

	(void)state;
	assert_int_equal(hit(&h, GRADE_CONFIRMED, 1, T0).kind, DECIDE_BLOCK);
	e = event_of(&h, GRADE_PROBE, 2);
	e.sender = (struct slice){ "", 0 };
	e.sender_digest = 77;
	assert_int_equal(hit_event(&h, &e, T0 + HOUR).kind, DECIDE_NOTHING);
}

static void a_pardon_holds(void **state)
{
	struct host h = { 0 };
	uint64_t end;

	(void)state;
	assert_int_equal(hit(&h, GRADE_CONFIRMED, 1, T0).kind, DECIDE_BLOCK);
	decide_lift(&conf, &h.block, T0 + HOUR);
	end = T0 + HOUR + conf.block.pardon_s;
	assert_int_equal(hit(&h, GRADE_CONFIRMED, 2, end - 1).kind, DECIDE_PARDONED);
	assert_int_equal(hit(&h, GRADE_CONFIRMED, 3, end).kind, DECIDE_BLOCK);
	assert_int_equal(h.block.offence, 1); /* the first was a mistake: he hears 450 again, not 554 */
}

static void riders_ask_before_content_is_seen(void **state)
{
	struct host h = { 0 }, good = { .good = 10 };
	struct decide_event e = event_of(&h, GRADE_UNSEEN, 1);
	struct decide_view v = view_of(&h), g = view_of(&good);

	(void)state;
	assert_true(decide_would_block(&v, &e, T0));
	assert_false(decide_would_block(&g, &e, T0));
}

static void jitter_stays_within_ten_percent(void **state)
{
	static const uint64_t randoms[] = { 0, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(0x123456789abcdef0) };

	(void)state;
	conf.block.jitter = 10;
	for (size_t i = 0; i < sizeof randoms / sizeof randoms[0]; i++) {
		struct host h = { 0 };
		struct decide_event e = event_of(&h, GRADE_CONFIRMED, 1);
		uint64_t s;

		e.random = randoms[i];
		s = hit_event(&h, &e, T0).block.until - T0;
		assert_in_range(s, DAY * 90 / 100, DAY * 110 / 100);
	}
}

static void firewall_from_its_offence(void **state)
{
	(void)state;
	conf.firewall.offence = 2;
	conf.firewall.refused = 100;
	assert_false(decide_firewall(&conf, MODE_SOFT, 5, 1000));
	assert_false(decide_firewall(&conf, MODE_FULL, 1, 99));
	assert_true(decide_firewall(&conf, MODE_FULL, 1, 100));
	assert_true(decide_firewall(&conf, MODE_FULL, 2, 0));
	conf.firewall.action = FW_ACTION_ANSWER;
	assert_true(decide_firewall(&conf, MODE_FULL, 2, 0));
	conf.tarpit.port = CONF_PORT_LOST;
	assert_false(decide_firewall(&conf, MODE_FULL, 2, 1000));
	conf.firewall.action = FW_ACTION_REJECT; /* which needs no port */
	assert_true(decide_firewall(&conf, MODE_FULL, 2, 0));
	conf.is_off = true;
	assert_false(decide_firewall(&conf, MODE_FULL, 2, 0));
}

static void a_person_blocks_and_it_escalates(void **state)
{
	struct record_block b, next;
	struct prefix p;

	(void)state;
	assert_int_equal(prefix_parse(SLICE_LIT("2001:db8::/64"), &p), ERR_OK);
	decide_person(&conf, NULL, &p, 0, T0, 7, &b);
	assert_int_equal(b.until, T0 + DAY);
	decide_person(&conf, &b, &p, 60, T0 + 2 * DAY, 7, &next);
	assert_int_equal(next.offence, 2);
	assert_int_equal(next.until, T0 + 2 * DAY + 60);
}

/* A held block acts on nobody: hits renew it, it makes no second one and no second offence. */
static void a_held_block_waits(void **state)
{
	struct host h = { 0 };
	struct decide_verdict v = hit(&h, GRADE_CONFIRMED, 1, T0);
	struct decide_view view;
	struct decide_event e;

	(void)state;
	assert_int_equal(v.kind, DECIDE_BLOCK);
	h.block.state = BLOCK_HELD;
	assert_true(decide_block_is_held(&h.block, T0));
	assert_false(decide_block_is_active(&h.block, T0));
	e = event_of(&h, GRADE_UNSEEN, 2);
	view = view_of(&h);
	assert_false(decide_would_block(&view, &e, T0 + 10));
	v = hit(&h, GRADE_CONFIRMED, 2, T0 + 3600);
	assert_int_equal(v.kind, DECIDE_RENEW);
	assert_int_equal(h.block.state, BLOCK_HELD);
	assert_int_equal(h.block.until, T0 + 3600 + DAY);
	assert_int_equal(hit(&h, GRADE_CONFIRMED, 3, T0 + 3 * DAY).kind, DECIDE_BLOCK);
	assert_int_equal(h.block.offence, 1);
}

/* A hold is for a host with good mail and a few traps: fifty of them are no mistake. */
static void many_traps_end_a_hold(void **state)
{
	struct host h = { 0 };
	uint32_t trap = 1;

	(void)state;
	assert_int_equal(hit(&h, GRADE_CONFIRMED, trap, T0).kind, DECIDE_BLOCK);
	h.block.state = BLOCK_HELD;
	while (++trap < conf.decide.many_traps)
		assert_int_equal(hit(&h, GRADE_CONFIRMED, trap, T0 + trap).kind, DECIDE_RENEW);
	assert_int_equal(hit(&h, GRADE_PROBE, 1000, T0 + trap).kind, DECIDE_RENEW);
	assert_int_equal(hit(&h, GRADE_CONFIRMED, trap, T0 + trap + 1).kind, DECIDE_BLOCK);
	assert_int_equal(h.block.offence, 1);
}

static void a_confirmed_block_runs_its_full_time(void **state)
{
	struct host h = { 0 };
	uint64_t forget;

	(void)state;
	(void)hit(&h, GRADE_CONFIRMED, 1, T0);
	h.block.state = BLOCK_HELD;
	forget = h.block.forget_at - h.block.until;
	decide_confirm(&h.block, T0 + 20 * 3600);
	assert_true(decide_block_is_active(&h.block, T0 + 20 * 3600 + DAY - 1));
	assert_false(decide_block_is_active(&h.block, T0 + 20 * 3600 + DAY));
	assert_int_equal(h.block.forget_at, h.block.until + forget);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_host_is_blocked_at_once),
		TEST(probes_alone_never_block),
		TEST(probes_never_block_beside_other_hits),
		TEST(backscatter_insider_exempt_never_block),
		TEST(two_unseen_block),
		TEST(good_mail_raises_the_need),
		TEST(fifty_traps_always_block),
		TEST(fifty_traps_and_then_a_reply),
		TEST(allowed_is_never_blocked),
		TEST(a_retry_counts_once),
		TEST(offences_escalate_and_are_forgotten),
		TEST(generic_names_are_blocked_shorter),
		TEST(only_another_trap_or_sender_renews),
		TEST(a_null_sender_at_rcpt_alone_renews_nothing),
		TEST(a_pardon_holds),
		TEST(riders_ask_before_content_is_seen),
		TEST(jitter_stays_within_ten_percent),
		TEST(firewall_from_its_offence),
		TEST(a_person_blocks_and_it_escalates),
		TEST(a_held_block_waits),
		TEST(many_traps_end_a_hold),
		TEST(a_confirmed_block_runs_its_full_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
