/*
 * decide: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/decide.h"

#include "core/score.h"

double decide_need(const struct conf *c, double good)
{
	return c->decide.threshold * (1.0 + (c->decide.good_mail > 0 ? good / c->decide.good_mail : 0));
}

bool decide_block_is_active(const struct record_block *b, uint64_t now)
{
	return b->state == BLOCK_ACTIVE && now < b->until;
}

bool decide_block_is_held(const struct record_block *b, uint64_t now)
{
	return b->state == BLOCK_HELD && now < b->until;
}

uint16_t decide_reply_code(const struct conf *c, enum cause_kind cause, uint32_t offence)
{
	return offence <= 1 && cause != CAUSE_FEED ? c->block.reply_first : c->block.reply_later;
}

bool decide_firewall(const struct conf *c, enum mode mode, uint32_t offence, uint32_t refused_hour)
{
	if (mode != MODE_FULL || c->is_off || c->firewall.backend == FW_BACKEND_NONE || conf_has_lost_port(c))
		return false;
	return offence >= (c->firewall.offence         ? c->firewall.offence
				  : conf_has_tarpit(c) ? 1
						       : 2) ||
	       (c->firewall.refused && refused_hour >= c->firewall.refused);
}

/* first x repeat^(offence - 1), capped, then +-jitter percent. */
static uint64_t block_seconds(const struct conf *c, uint32_t offence, bool is_generic, uint64_t random)
{
	double s = (double)c->block.first_s;
	uint64_t max = c->block.max_s;
	double span;

	for (uint32_t i = 1; i < offence && s < (double)max; i++)
		s *= c->block.repeat;
	if (is_generic && c->block.generic_max_s < max)
		max = c->block.generic_max_s;
	if (s > (double)max)
		s = (double)max;
	span = s * (double)c->block.jitter / 100.0;
	s += span * ((double)(random >> 40) / (double)(UINT64_C(1) << 23) - 1.0);
	return s < 1 ? 1 : (uint64_t)s;
}

/* Is an offence remembered? A feed's block is none, but keeps what was there before it. */
static bool has_offence(const struct record_block *last, uint64_t now)
{
	return last && last->offence > 0 && now < last->forget_at &&
	       (last->cause != CAUSE_FEED || last->forget_at > last->until);
}

static uint32_t next_offence(const struct record_block *last, uint64_t now)
{
	if (!has_offence(last, now))
		return 1;
	if (last->state == BLOCK_HELD) /* nobody was refused */
		return last->offence;
	if (last->state == BLOCK_LIFTED && last->cause != CAUSE_FEED) /* forgiven; what a feed made, it ended itself */
		return last->offence;
	return last->offence < UINT32_MAX ? last->offence + 1 : last->offence;
}

static void fill_block(
	const struct decide_view *v, const struct decide_event *e, uint64_t now, struct decide_verdict *ret)
{
	const struct conf *c = v->conf;
	struct record_block *b = &ret->block;

	*b = (struct record_block){
		.subject = e->subject,
		.state = BLOCK_ACTIVE,
		.cause = CAUSE_HIT,
		.grade = (uint8_t)e->grade,
		.is_generic = e->is_generic,
		.offence = next_offence(v->block, now),
		.since = now,
		.score = ret->score,
		.need = ret->need,
		.good = v->good,
		.trap_id = e->trap_id,
		.last_trap_id = e->trap_id,
		.last_sender = e->sender_digest,
	};
	b->until = now + block_seconds(c, b->offence, e->is_generic, e->random);
	b->forget_at = b->until + c->block.forget_s;
	(void)case_id_make(e->random, b->case_id);
	slice_copy(e->tag, b->tag, sizeof b->tag);
	slice_copy(e->name, b->name, sizeof b->name);
	slice_copy(e->sender, b->sender, sizeof b->sender);
	slice_copy(SLICE_LIT("limetwig"), b->by, sizeof b->by);
}

/* Behind a block only another trap or another sender renews it: a queue retrying one message does not. */
static void renew(const struct decide_view *v, const struct decide_event *e, uint64_t now, struct decide_verdict *ret)
{
	uint64_t until;

	if (e->trap_id == v->block->last_trap_id && e->sender_digest == v->block->last_sender)
		return;
	if (e->grade == GRADE_PROBE && e->sender.n == 0) /* bounces and call-outs to whom somebody else forges */
		return;
	until = now + block_seconds(v->conf, v->block->offence, v->block->is_generic, e->random);
	if (until <= v->block->until)
		return;
	ret->kind = DECIDE_RENEW;
	ret->block = *v->block;
	ret->block.until = until;
	ret->block.forget_at = until + v->conf->block.forget_s;
	ret->block.last_trap_id = e->trap_id;
	ret->block.last_sender = e->sender_digest;
}

/* Does a block stand that this hit can only renew? */
static bool stands(const struct record_block *b, uint64_t now)
{
	return b && (decide_block_is_held(b, now) || (decide_block_is_active(b, now) && b->cause != CAUSE_FEED));
}

/* The block of a hit ends no earlier than the feed's that it replaces. */
static void replace_feed(const struct record_block *old, uint64_t now, struct record_block *b)
{
	if (!old || old->cause != CAUSE_FEED || !decide_block_is_active(old, now) || old->until <= b->until)
		return;
	b->forget_at += old->until - b->until;
	b->until = old->until;
}

static bool counts(enum grade g)
{
	return g != GRADE_NONE && g != GRADE_INSIDER && g != GRADE_EXEMPT && g != GRADE_BACKSCATTER;
}

void decide_hit(const struct decide_view *v, const struct decide_event *e, uint64_t now, struct decide_verdict *ret)
{
	const struct conf *c = v->conf;
	bool is_retry, is_many;

	/* not all of *ret: block is large, and given only where there is one */
	ret->kind = DECIDE_NOTHING;
	ret->sum = *v->sum;
	ret->weight = score_add(&ret->sum, c, e->grade, e->trap_weight, e->trap_id, e->digest, now, &is_retry);
	ret->score = score_at(&ret->sum, now, c->decide.half_life_s);
	ret->need = decide_need(c, v->good);
	if (ret->score > 0) /* of its own: a list alone blocks nobody */
		ret->score += v->listed;
	if (is_retry) {
		ret->kind = DECIDE_RETRY;
		return;
	}
	if (v->is_allowed || !counts(e->grade))
		return;
	/* not a reply or list mail of a good host that met so many long ago */
	is_many = grade_is_whole(e->grade) && !v->is_shared && ret->sum.traps >= c->decide.many_traps;
	/* so many always block: a hold for a person ends with them */
	if (stands(v->block, now) && !(is_many && decide_block_is_held(v->block, now))) {
		renew(v, e, now, ret);
		return;
	}
	if (e->grade == GRADE_PROBE) /* else a host with a score could ask for traps by RCPT alone */
		return;
	if (ret->score < ret->need && !is_many)
		return;
	if (v->block && now < v->block->pardon_until) {
		ret->kind = DECIDE_PARDONED;
		return;
	}
	ret->kind = DECIDE_BLOCK;
	fill_block(v, e, now, ret);
	replace_feed(v->block, now, &ret->block);
}

bool decide_would_block(const struct decide_view *v, const struct decide_event *e, uint64_t now)
{
	struct decide_event as_confirmed = *e;
	struct decide_verdict verdict;

	if (v->block && decide_block_is_active(v->block, now))
		return !v->is_allowed;
	if (v->block && decide_block_is_held(v->block, now))
		return false;
	as_confirmed.grade = GRADE_CONFIRMED;
	decide_hit(v, &as_confirmed, now, &verdict);
	return verdict.kind == DECIDE_BLOCK;
}

enum decide_listed decide_feed(
	const struct decide_view *v, const struct decide_contact *c, uint64_t now, struct record_block *ret)
{
	const struct record_block *old = v->block;
	bool is_known = has_offence(old, now);
	struct record_block b = { .subject = c->subject,
		.state = BLOCK_ACTIVE,
		.cause = CAUSE_FEED,
		.offence = is_known ? old->offence : 1,
		.since = now,
		.until = now + c->time_s,
		.need = decide_need(v->conf, v->good),
		.good = v->good };

	if (v->is_allowed)
		return LISTED_ALLOWED;
	if (old && (decide_block_is_active(old, now) || decide_block_is_held(old, now)))
		return LISTED_STANDS;
	if (v->good > 0)
		return LISTED_SPARED;
	if (old && now < old->pardon_until)
		return LISTED_PARDONED;
	b.forget_at = is_known && old->forget_at > b.until ? old->forget_at : b.until;
	(void)case_id_make(c->random, b.case_id);
	slice_copy(slice_str(c->feed), b.tag, sizeof b.tag);
	slice_copy(c->name, b.name, sizeof b.name);
	slice_copy(c->sender, b.sender, sizeof b.sender);
	slice_copy(SLICE_LIT("limetwig"), b.by, sizeof b.by);
	*ret = b;
	return LISTED_BLOCK;
}

void decide_person(const struct conf *c, const struct record_block *old, const struct prefix *subject, uint64_t seconds,
	uint64_t now, uint64_t random, struct record_block *ret)
{
	struct record_block b = {
		.subject = *subject,
		.state = BLOCK_ACTIVE,
		.cause = CAUSE_PERSON,
		.offence = next_offence(old, now),
		.since = now,
	};

	b.until = now + (seconds ? seconds : block_seconds(c, b.offence, false, random));
	b.forget_at = b.until + c->block.forget_s;
	(void)case_id_make(random, b.case_id);
	*ret = b;
}

void decide_confirm(struct record_block *b, uint64_t now)
{
	uint64_t span = b->until > b->since ? b->until - b->since : 0, kept = b->forget_at - b->until;

	b->state = BLOCK_ACTIVE;
	b->since = now;
	b->until = now + span;
	b->forget_at = b->until + kept;
}

void decide_lift(const struct conf *c, struct record_block *b, uint64_t now)
{
	b->state = BLOCK_LIFTED;
	b->lifted_at = now;
	b->pardon_until = now + c->block.pardon_s;
}
