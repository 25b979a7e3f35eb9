/*
 * fuzz_decide: the life of one subject: hits, good mail, a list's contact, a
 * person who blocks or lifts, time that passes, in any order. No probe and no
 * allowed client is ever blocked by hits, a pardon holds, a score is finite and
 * never below nothing. Six bytes a step.
 * SPDX-License-Identifier: ISC
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/breaker.h"
#include "core/decide.h"
#include "core/ledger.h"
#include "core/score.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf conf;

struct life {
	struct record_hit_sum sum;
	struct record_block block;
	bool has_block;
	struct record_ledger ledger;
	struct breaker breaker;
	uint64_t now, lifted;
};

static struct decide_view view_of(const struct life *l, bool is_allowed)
{
	return (struct decide_view){ .conf = &conf,
		.sum = &l->sum,
		.block = l->has_block ? &l->block : NULL,
		.good = ledger_good(&l->ledger, l->now),
		.is_allowed = is_allowed };
}

static void note(struct life *l)
{
	struct breaker_facts f = { .good = ledger_good(&l->ledger, l->now),
		.mails = ledger_recent(&l->ledger, l->now) };

	if (breaker_judge(&l->breaker, &conf, &f, l->now) != BREAKER_ACT && f.good <= 0)
		abort();
	breaker_note(&l->breaker, &f, l->now);
}

static void hit(struct life *l, const uint8_t d[6])
{
	struct decide_event e = { .grade = (enum grade)(GRADE_PROBE + d[1] % (GRADE_COUNT - 1)),
		.trap_id = d[2],
		.trap_weight = (float)d[3] / 16,
		.digest = d[4],
		.is_generic = d[5] & 1,
		.random = d[4] * UINT64_C(0x9e3779b97f4a7c15) };
	struct decide_view v = view_of(l, d[5] & 2);
	struct decide_verdict r;

	v.is_shared = d[5] & 4;
	(void)decide_would_block(&v, &e, l->now);
	decide_hit(&v, &e, l->now, &r);
	if (!isfinite(r.score) || r.score < 0 || !isfinite(r.need) || r.weight < 0)
		abort();
	if ((r.kind == DECIDE_BLOCK || r.kind == DECIDE_RENEW) && v.is_allowed)
		abort();
	if (r.kind == DECIDE_BLOCK && e.grade == GRADE_PROBE)
		abort();
	if (r.kind == DECIDE_BLOCK && l->lifted && l->now - l->lifted < conf.block.pardon_s)
		abort();
	if (r.kind != DECIDE_RETRY)
		l->sum = r.sum;
	if (r.kind != DECIDE_BLOCK && r.kind != DECIDE_RENEW)
		return;
	if (r.block.until <= l->now && r.block.until)
		abort();
	l->block = r.block;
	l->has_block = true;
	ledger_spoil(&l->ledger, l->now);
	note(l);
}

static void contact(struct life *l, const uint8_t d[6])
{
	struct decide_contact c = { .feed = "drop", .time_s = d[1] * 600u, .random = d[2] };
	struct decide_view v = view_of(l, d[5] & 2);
	struct record_block b;

	if (decide_feed(&v, &c, l->now, &b) != LISTED_BLOCK)
		return;
	if (v.is_allowed || v.good > 0 || (l->has_block && decide_block_is_active(&l->block, l->now)))
		abort();
	l->block = b;
	l->has_block = true;
}

static void step(struct life *l, const uint8_t d[6])
{
	struct record_block old = l->block;

	switch (d[0] % 8) {
	case 0:
	case 1:
	case 2:
		hit(l, d);
		break;
	case 3:
		ledger_add(&l->ledger, l->now - d[1], d[2]);
		break;
	case 4:
		contact(l, d);
		break;
	case 5:
		decide_person(&conf, l->has_block ? &old : NULL, &old.subject, d[1] * 600u, l->now, d[2], &l->block);
		l->has_block = true;
		l->lifted = 0;
		break;
	case 6:
		if (!l->has_block)
			break;
		decide_lift(&conf, &l->block, l->now);
		l->lifted = l->now;
		if (decide_block_is_active(&l->block, l->now))
			abort();
		break;
	default:
		l->now += (uint64_t)d[1] << (d[2] % 20);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct life l;
	double score;

	conf_defaults(&conf);
	l = (struct life){ .now = 1700000000 };
	for (; size >= 6; data += 6, size -= 6) {
		step(&l, data);
		score = score_at(&l.sum, l.now, conf.decide.half_life_s);
		if (!isfinite(score) || score < 0 || ledger_good(&l.ledger, l.now) > LEDGER_CAP * 1.001)
			abort();
		(void)ledger_is_spent(&l.ledger, l.now);
	}
	return 0;
}
